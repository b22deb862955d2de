"""Reading the schema of a database that exists, and a sample of its rows. Odd tables are left out, never fatal."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Select, Table, Text, cast, func, inspect, select, text
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedForeignKeyConstraint
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine, Uuid

from copilot_records.connected.catalog import Dependent, FoundColumn, FoundTable, Link
from copilot_records.connected.columns import Kind, checked_options, declared, found
from copilot_records.text import squeeze

log = logging.getLogger("copilot_records.connect")
SAMPLE = 2000
SAMPLED_TEXT = 200
NOT_DATA = {"alembic_version", "spatial_ref_sys", "checkpoint_migrations"}
ON_DELETE = {"CASCADE", "SET NULL", "SET DEFAULT"}
OURS = "copilot_"
"""The tables of a copilot server hold everybody's keys and threads; they are never modules."""


class Left(Exception):  # noqa: N818 - a reason, not an error
    """Why a table is no module."""


class Reflection:
    """Reads one database through one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inspector = inspect(connection)
        self._is_sqlite = connection.dialect.name == "sqlite"

    def tables(self) -> tuple[list[FoundTable], list[str]]:
        """Every table and view that can be a module, and for each other one why it cannot."""
        kept, left_out = [], []
        for schema, name, is_view in self._names():
            try:
                with self._connection.begin_nested():
                    kept.append(self._view(schema, name) if is_view else self._table(schema, name))
            except Left as reason:
                left_out.append(f"{name}: {reason}")
            except SQLAlchemyError as error:
                left_out.append(f"{name}: it cannot be read ({str(error).splitlines()[0]})")
        for told in left_out:
            log.info("not a module: %s", told)
        self._find_dependents({self._place(table.schema, table.name): table for table in kept})
        return kept, left_out

    def _names(self) -> Iterator[tuple[str | None, str, bool]]:
        """Schema, name and whether it is a view: the default schema first, tables before views."""
        hidden = NOT_DATA | self._inner_tables()
        for schema in self._schemas():
            for name in self._inspector.get_table_names(schema):
                if name not in hidden and not name.startswith(OURS):
                    yield schema, name, False
            views = self._inspector.get_view_names(schema)
            if not self._is_sqlite:
                views += self._inspector.get_materialized_view_names(schema)
            for name in views:
                if name not in hidden and not name.startswith(OURS):
                    yield schema, name, True

    def _schemas(self) -> list[str | None]:
        if self._is_sqlite:
            return [None]
        own = self._inspector.default_schema_name
        names = self._inspector.get_schema_names()
        return [None, *(name for name in names if name != own and not name.startswith(("pg_", "information_")))]

    def _inner_tables(self) -> set[str]:
        """Full-text and other virtual tables of SQLite, and the tables in which these keep their own."""
        if not self._is_sqlite:
            return set()
        asked = text("SELECT name FROM pragma_table_list WHERE type IN ('virtual', 'shadow')")
        return set(self._connection.execute(asked).scalars())

    def _table(self, schema: str | None, name: str) -> FoundTable:
        keys = self._inspector.get_pk_constraint(name, schema)["constrained_columns"]
        if len(keys) != 1:
            raise Left(f"its primary key has {len(keys)} columns" if keys else "it has no primary key")
        reflected = self._inspector.get_columns(name, schema)
        options = self._options(schema, name, [column["name"] for column in reflected])
        columns = [self._column(column, keys[0], options) for column in reflected]
        table = FoundTable(name, schema, keys[0], True, columns, self._links(schema, name))
        self._sample(table)
        return _usable(table)

    def _view(self, schema: str | None, name: str) -> FoundTable:
        """A view has no key of its own; a column that is called an id and differs in every row will do."""
        columns = [self._column(column, "", {}) for column in self._inspector.get_columns(name, schema)]
        table = FoundTable(name, schema, "", False, columns, {})
        self._sample(table)
        for column in columns:
            different = {str(value) for value in column.sample}
            if squeeze(column.name).endswith("id") and different and len(different) == table.rows:
                table.key = column.name
                return _usable(table)
        raise Left("it is a view without a column that tells its rows apart")

    def _column(self, column: ReflectedColumn, key: str, options: Mapping[str, tuple[str, ...]]) -> FoundColumn:
        """What the database fills by itself is not required; such a key is not written either."""
        name, identity = column["name"], column.get("identity")
        kind = Kind("text", "enum", options[name]) if name in options else declared(column["type"])
        counts = self._is_sqlite and name == key and kind is not None and kind.form == "number"
        is_filled = counts or column.get("default") is not None or bool(identity)
        fixed = "computed" in column or bool(identity and identity.get("always")) or (is_filled and name == key)
        required = not (is_filled or fixed) and (name == key or not column["nullable"])
        return FoundColumn(name, column["type"], kind, required, fixed, "computed" in column)

    def _links(self, schema: str | None, name: str) -> dict[str, Link]:
        own = self._inspector.default_schema_name
        links = {}
        for key in self._inspector.get_foreign_keys(name, schema):
            if len(key["constrained_columns"]) == 1:
                of = None if key["referred_schema"] == own else key["referred_schema"]
                column = next(iter(key["referred_columns"]), "")
                links[key["constrained_columns"][0]] = Link(of, key["referred_table"], column)
        return links

    def _find_dependents(self, tables: Mapping[tuple[str | None, str], FoundTable]) -> None:
        """Among all tables, modules or not. A foreign key that names no column leads to the primary key."""
        for schema, name, is_view in self._names():
            for key in [] if is_view else self._inspector.get_foreign_keys(name, schema):
                of = tables.get(self._place(key["referred_schema"], key["referred_table"]))
                if of is None or self._on_delete(name, key) not in ON_DELETE:
                    continue
                columns: list[Column[Any]] = [Column(column) for column in key["constrained_columns"]]
                pairs = zip(key["constrained_columns"], key["referred_columns"] or [of.key], strict=True)
                of.dependents.append(Dependent(Table(name, MetaData(), *columns, schema=schema), tuple(pairs)))

    def _on_delete(self, name: str, key: ReflectedForeignKeyConstraint) -> str | None:
        """SQLAlchemy finds it in SQLite's SQL only where that is written in one of several ways."""
        if not self._is_sqlite:
            return key.get("options", {}).get("ondelete")
        asked = 'SELECT on_delete FROM pragma_foreign_key_list(:name) WHERE "table" = :other AND "from" = :column'
        given = {"name": name, "other": key["referred_table"], "column": key["constrained_columns"][0]}
        return self._connection.execute(text(asked), given).scalar()

    def _place(self, schema: str | None, name: str) -> tuple[str | None, str]:
        """SQLite does not mind the case of names."""
        if self._is_sqlite:
            return None, name.casefold()
        return None if schema == self._inspector.default_schema_name else schema, name

    def _options(self, schema: str | None, name: str, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        checks = self._inspector.get_check_constraints(name, schema)
        return dict(one for check in checks if (one := checked_options(str(check["sqltext"]), columns)))

    def _sample(self, table: FoundTable) -> None:
        """Look at some rows: SQLite keeps any value in any column, and a text may be one of a few words."""
        shown = [column for column in table.columns if column.kind is not None]
        rows = self._connection.execute(self._some_rows(table, shown)).all() if shown else []
        table.rows = len(rows)
        for column, values in zip_longest(shown, zip(*rows, strict=True), fillvalue=()):
            assert isinstance(column, FoundColumn)
            column.sample = [value for value in values if value is not None]
            if column.kind is None or not column.kind.options:
                column.kind = found(column.name, column.kind, column.sample, loose=self._is_sqlite)

    def _some_rows(self, table: FoundTable, shown: Sequence[FoundColumn]) -> Select[Any]:
        source = bare_table(table, loose=self._is_sqlite)
        columns = [source.c[column.name] for column in shown]
        if self._is_sqlite:
            return select(*columns).limit(SAMPLE)
        return select(*(func.left(cast(column, Text), SAMPLED_TEXT) for column in columns)).limit(SAMPLE)


def bare_table(table: FoundTable, *, loose: bool) -> Table:
    """The table to ask; without types for SQLite, where conversions fail on values that do not fit them."""
    found = [*table.columns, *table.hidden]
    columns = [Column(c.name, None if loose else _inner_type(c.type)) for c in found]
    return Table(table.name, MetaData(), *columns, schema=table.schema)


def _inner_type(of: TypeEngine[Any]) -> TypeEngine[Any]:
    """A domain is compared as the type that it narrows, a UUID is written as text."""
    if isinstance(of, Uuid):
        return Uuid(as_uuid=False)
    return _inner_type(of.data_type) if isinstance(of, DOMAIN) else of


def _usable(table: FoundTable) -> FoundTable:
    """Without what cannot be shown."""
    table.hidden = [column for column in table.columns if column.kind is None]
    table.columns = [column for column in table.columns if column.kind is not None]
    if table.key not in {column.name for column in table.columns}:
        raise Left("its primary key is binary")
    return table
