"""Filters: conditions as data, checked against the fields, then SQL expressions with bound values only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import ge, gt, le, lt
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel
from pydantic import Field as Described
from sqlalchemy import ColumnElement, and_, case, false, or_

from copilot_records.fields import ORDERED, TEXTS, Field, Value
from copilot_records.text import and_list, fold

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "contains", "in", "empty"]
_ORDER: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
_ANY = ("eq", "ne", "in", "empty")
ID = Field("id", "record id")
"""Which is no field, but may be asked for like one."""


class Filter(BaseModel):
    """One condition of a query."""

    field: Annotated[str, Described(description="Field name, or id")]
    op: Annotated[
        Operator,
        Described(description="gt, gte, lt, lte compare numbers and dates; contains looks inside text"),
    ]
    value: Annotated[
        str | int | float | bool | list[str | int | float] | None,
        Described(description="A value of the field; dates YYYY-MM-DD; a list for 'in'; true for 'empty'"),
    ] = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked filter. `ne` is a negated `in`, so records without a value fulfil it."""

    field: Field
    op: Literal["in", "gt", "gte", "lt", "lte", "contains", "empty"]
    values: tuple[Value, ...] = ()
    negated: bool = False


def operators(field: Field) -> tuple[str, ...]:
    """The operators that mean something for a field of this type."""
    if field is ID:
        return ("eq", "in")
    if field.type in ORDERED:
        return ("eq", "ne", "gt", "gte", "lt", "lte", "in", "empty")
    if field.type in TEXTS | {"user", "relation", "enum[]"}:
        return ("eq", "ne", "contains", "in", "empty")
    return _ANY


def checked(field: Field, asked: Filter) -> Condition:
    """`asked` as a condition on `field`.

    Raises:
        ValueError: the operator or the value does not fit; the text continues "The '<name>' field ...".
    """
    if asked.op not in operators(field):
        kind = "date" if field.type == "date" else field.type
        raise ValueError(f"is a {kind} and takes {and_list(operators(field))}, not '{asked.op}'")
    if asked.op == "empty":
        return Condition(field, "empty", negated=asked.value in (False, "false", "no", 0))
    given = asked.value if isinstance(asked.value, list) else [asked.value]
    values = tuple(_value(field, asked.op, one) for one in given)
    if asked.op == "in" or asked.op == "eq" or asked.op == "ne":
        if values == (None,):
            return Condition(field, "empty", negated=asked.op == "ne")
        return Condition(field, "in", values, negated=asked.op == "ne")
    if asked.op == "contains" and field.type == "enum[]":
        return Condition(field, "in", values)
    if len(values) != 1 or values == (None,):
        raise ValueError(f"needs one value for '{asked.op}'")
    return Condition(field, asked.op, values)


def _value(field: Field, op: str, given: object) -> Value:
    """Part of a text is not yet an address, so `contains` takes any; equal to nothing is no error either."""
    if field is ID or field.type in TEXTS | {"user", "relation"} or op == "contains":
        return Field(field.name, "enum" if field.type == "enum[]" else "text", options=field.options).read(given)
    if field.type in ("enum", "enum[]"):
        return Field(field.name, "enum", options=field.options).read(given)
    if field.type == "datetime" and _is_day(given):
        return str(given)
    return field.read(given)


def _is_day(value: object) -> bool:
    return isinstance(value, str) and len(value) == len("2026-02-10")


class Terms(Protocol):
    """How one store says in SQL what a field holds and what it is compared with."""

    def has_id(self, ids: Sequence[str]) -> ColumnElement[bool]:
        """That the record has one of these ids."""

    def column(self, field: Field) -> ColumnElement[Any]:
        """What is compared: folded text, or something whose order is that of the values."""

    def text(self, field: Field) -> ColumnElement[Any]:
        """Folded text to look for a part in."""

    def operand(self, field: Field, value: Value) -> Any:
        """`value` as it is compared with `column`."""

    def same(self, field: Field, value: Value) -> ColumnElement[bool]:
        """That the field has this value."""


def order(sort: Field, terms: Terms, *, descending: bool) -> list[ColumnElement[Any]]:
    """Records without a value come last either way; options have the order in which they are declared."""
    column = terms.column(sort)
    by = case({o: place for place, o in enumerate(sort.options)}, value=column) if sort.type == "enum" else column
    return [column.is_(None), by.desc() if descending else by.asc()]


def where(condition: Condition, terms: Terms) -> ColumnElement[bool]:
    """The condition in SQL; every value in it is a bound parameter."""
    if condition.field is ID:
        return terms.has_id([str(value) for value in condition.values])
    field, column = condition.field, terms.column(condition.field)
    match condition.op:
        case "empty":
            return column.is_not(None) if condition.negated else column.is_(None)
        case "contains":
            return terms.text(field).contains(fold(str(condition.values[0])), autoescape=True)
        case "in":
            found = or_(false(), *(_same(field, value, terms) for value in condition.values))
            return or_(column.is_(None), ~found) if condition.negated else found
        case _:
            return _compared(field, condition.op, condition.values[0], terms)


def _same(field: Field, value: Value, terms: Terms) -> ColumnElement[bool]:
    """A moment is "on" a day if it is within it."""
    if value is None:
        return terms.column(field).is_(None)
    if field.type == "datetime" and _is_day(value):
        return and_(_compared(field, "gte", value, terms), _compared(field, "lte", value, terms))
    return terms.same(field, value)


def _compared(field: Field, op: str, value: Value, terms: Terms) -> ColumnElement[bool]:
    """After a day means from the next one on, and up to a day includes all of it."""
    column = terms.column(field)
    if field.type == "datetime" and _is_day(value):
        day = date.fromisoformat(str(value))
        start = day if op in ("gte", "lt") else day + timedelta(days=1)
        return _ORDER[{"gt": "gte", "lte": "lt"}.get(op, op)](column, terms.operand(field, f"{start}T00:00:00Z"))
    return _ORDER[op](column, terms.operand(field, value))
