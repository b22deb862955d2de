"""What the columns of a connected database hold, in SQL and in Python, for both kinds of database."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, literal_column

from copilot_records.connected.catalog import ColumnPlan, TablePlan
from copilot_records.connected.columns import Kind
from copilot_records.fields import Field, Value
from copilot_records.text import fold

SHOWN_PRECISION = 5e-7
ACCENTS = "[\u0300-\u036f]"


class TableTerms:
    """`filters.Terms` for one table, and the way of its values in and out.

    Args:
        plans: of every module, because the ids of related records are made of their keys.
    """

    def __init__(self, plan: TablePlan, plans: Mapping[str, TablePlan], *, is_sqlite: bool) -> None:
        self._plan = plan
        self._plans = plans
        self._is_sqlite = is_sqlite

    def has_id(self, ids: Sequence[str]) -> ColumnElement[bool]:
        """One of the ids, or of the bare keys."""
        keys = [raw_key(self._plan, one) for one in ids]
        return self.key().in_([key for key in keys if key is not None])

    def column(self, field: Field) -> ColumnElement[Any]:
        """Folded text, or the column itself where its own order is right. An empty text is no value."""
        plan = self._plan.plans[field.name]
        column = self._one(plan)
        if field.type == "relation" or plan.kind.form in ("number", "boolean"):
            return cast(column, Text) if plan.kind.form == "other" else column
        if plan.kind.form in ("date", "datetime"):
            return self._time(column, plan.kind)
        if field.type == "enum":
            return func.nullif(column if self._is_sqlite else cast(column, Text), "")
        return func.nullif(self.text(field), "")

    def operand(self, field: Field, value: Value) -> Any:
        """`value` as the database compares it."""
        kind = self._plan.plans[field.name].kind
        if field.type == "relation":
            return raw_key(self._plans[field.module or ""], str(value))
        if kind.form == "date":
            return str(value) if self._is_sqlite else date.fromisoformat(str(value))
        if kind.form == "datetime":
            instant = datetime.fromisoformat(str(value))
            return str(value) if self._is_sqlite else instant if kind.has_zone else instant.replace(tzinfo=None)
        if kind.form in ("number", "boolean") or field.type == "enum":
            return value
        return fold(str(value))

    def same(self, field: Field, value: Value) -> ColumnElement[bool]:
        """Equal as the column is compared; a fraction as near as it is shown."""
        if isinstance(value, float):
            return self.column(field).between(value - SHOWN_PRECISION, value + SHOWN_PRECISION)
        same: ColumnElement[bool] = self.column(field) == self.operand(field, value)
        return same

    def text(self, field: Field) -> ColumnElement[Any]:
        """Without regard to case, whatever the column's type."""
        return self.folded(self._one(self._plan.plans[field.name]))

    def folded(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """As `text.fold` does it, or nearly so where the database must do it by itself."""
        return func.copilot_fold(column) if self._is_sqlite else func.lower(func.trim(cast(column, Text)))

    def has_word(self, field: Field, word: str) -> ColumnElement[bool]:
        """That there is a word beginning so; PostgreSQL also finds it within words."""
        column = self._one(self._plan.plans[field.name])
        if self._is_sqlite:
            return func.copilot_words(column).contains(f" {word}", autoescape=True)
        plain = func.normalize(func.lower(cast(column, Text)), literal_column("NFKD"))
        return func.regexp_replace(plain, ACCENTS, "", "g").contains(word, autoescape=True)

    def key(self) -> ColumnElement[Any]:
        """The primary key as ids are compared with it."""
        plan = self._plan.plans[self._plan.key]
        return cast(plan.columns[0], Text) if plan.kind.form == "other" else plan.columns[0]

    def shown(self, field: Field) -> ColumnElement[Any]:
        """What is selected: PostgreSQL makes texts of all that Python might not be able to hold."""
        plan = self._plan.plans[field.name]
        column = self._one(plan)
        return column if self._is_sqlite or plan.kind.form in ("number", "boolean") else cast(column, Text)

    def value(self, field: Field, held: object) -> Value:
        """What was selected as a value; a foreign key is the id of the other record."""
        kind = self._plan.plans[field.name].kind
        if held is None or held == "" or isinstance(held, bytes):
            return None
        if field.type == "relation":
            return f"{field.module}:{_plain(held)}"
        if kind.form == "boolean" and held in (0, 1):
            return bool(held)
        if kind.form == "date" and isinstance(held, str):
            return held[:10]
        if kind.form == "datetime" and isinstance(held, str):
            return held.replace(" ", "T").removesuffix("+00") + ("Z" if held.endswith("+00") else "")
        return _plain(held)

    def kept(self, field: Field, value: Value) -> Any:
        """`value` as it is written to the table."""
        plan = self._plan.plans[field.name]
        if value is None or (plan.kind.form == "text" and not field.module):
            return value
        if plan.kind.written is None:
            return self.operand(field, value)
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC).strftime(plan.kind.written)

    def _one(self, plan: ColumnPlan) -> ColumnElement[Any]:
        """The column, or first and last name with a space between."""
        first, *more = plan.columns
        if not more:
            return first
        return func.trim(func.coalesce(first, "").concat(" ").concat(func.coalesce(more[0], "")))

    def _time(self, column: ColumnElement[Any], kind: Kind) -> ColumnElement[Any]:
        if not self._is_sqlite:
            return column
        if kind.form == "date":
            return func.nullif(func.substr(column, 1, 10), "")
        return func.strftime("%Y-%m-%dT%H:%M:%SZ", column)


def raw_key(plan: TablePlan, id: str) -> Any:  # noqa: A002 - our word for it
    """The primary key in an id ``orders:5``, as the database compares it; `None` if it cannot be one."""
    raw = id.removeprefix(f"{plan.module.slug}:")
    form = plan.plans[plan.key].kind.form
    if form != "number":
        return raw
    try:
        return int(raw)
    except ValueError:
        return None


def _plain(held: object) -> Value:
    """JSON of a number, a flag or a text; what is no number is no value."""
    if isinstance(held, Decimal):
        held = int(held) if held.is_finite() and held == held.to_integral_value() else float(held)
    if isinstance(held, float):
        return round(held, 6) if math.isfinite(held) else None
    return held if isinstance(held, str | int | float | bool) else str(held)
