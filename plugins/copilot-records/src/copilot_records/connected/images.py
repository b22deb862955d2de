"""Rows as JSON from which they can be made again, whatever their columns hold: as few conversions as there can be."""

import base64
import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Insert, Integer, Text, case, cast, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import UserDefinedType

from copilot_records.store import LOST, Image

LARGEST = 256 * 1024
BINARY = "base64"


def stored(column: Column[Any], *, hidden: bool, is_sqlite: bool) -> ColumnElement[Any]:
    """What is selected: SQLite's own values; of PostgreSQL, texts that it reads back to the same value."""
    if is_sqlite:
        start = func.substr(column, 1, LARGEST + 1)
        return case((func.typeof(column) == "blob", start), else_=column) if hidden else column
    if isinstance(column.type, Integer | Boolean):
        return column
    text = cast(column, Text)
    return func.left(text, LARGEST + 1) if hidden else text


def image(names: Sequence[str], row: Sequence[Any], *, is_sqlite: bool) -> Image:
    """The row by the names of its columns. What cannot be kept is ``{"lost": why}``."""
    return {name: _kept(value, is_sqlite=is_sqlite) for name, value in zip(names, row, strict=True)}


def held(value: Any) -> ColumnElement[Any]:
    """What the database held, for it to hold again."""
    return literal(base64.b64decode(value[BINARY]) if isinstance(value, dict) else value, _AsItIs())


class _AsItIs(UserDefinedType[Any]):
    """No conversion: SQLite takes any value in any column, and PostgreSQL finds out what a text is."""

    cache_ok = True


def _kept(value: Any, *, is_sqlite: bool) -> Any:
    if isinstance(value, str | bytes) and len(value) > LARGEST:
        return {LOST: "too large to be kept"}
    if isinstance(value, bytes):
        return {BINARY: base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {LOST: "not a number"}
    if is_sqlite and isinstance(value, str) and "\ufffd" in value:
        return {LOST: "not text"}
    return value


class Restore(Insert):
    """An INSERT that may also set a key which PostgreSQL would count by itself."""

    inherit_cache = True


@compiles(Restore, "postgresql")
def _overriding(restore: Restore, compiler: SQLCompiler, **options: Any) -> str:
    told: str = compiler.visit_insert(restore, **options)  # type: ignore[no-untyped-call]
    return told.replace(") VALUES (", ") OVERRIDING SYSTEM VALUE VALUES (", 1)
