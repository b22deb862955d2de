"""What a column of an existing database holds: told by its declared type, and by the values that are in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import types
from sqlalchemy.dialects.postgresql import DOMAIN, MONEY, TSVECTOR

from copilot_records.text import squeeze

Form = Literal["text", "number", "boolean", "date", "datetime", "other"]
"""How a column is compared; `other` are types that are only shown, as the text the database makes of them."""

MOST_OPTIONS = 12
LONGEST_OPTION = 40
LEAST_ROWS = 10
LONG_TEXT = 120
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([ T])\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?")
_MIDNIGHT = re.compile(r"00:00(:00(\.0+)?)?Z?")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a column holds.

    Args:
        written: the `strftime` pattern of dates that are kept as text.
        shown_only: we could not write it.
    """

    form: Form
    type: str
    options: tuple[str, ...] = ()
    is_open: bool = False
    written: str | None = None
    has_zone: bool = False
    shown_only: bool = False


def declared(of: types.TypeEngine[Any]) -> Kind | None:
    """What the declared type says; `None` for what cannot be shown, such as binary data."""
    if isinstance(of, DOMAIN):
        return declared(of.data_type)
    if isinstance(of, types.LargeBinary | TSVECTOR):
        return None
    if isinstance(of, types.Enum) and of.enums:
        return Kind("text", "enum", tuple(of.enums))
    if isinstance(of, types.Boolean):
        return Kind("boolean", "boolean")
    if isinstance(of, types.DateTime):
        return Kind("datetime", "datetime", has_zone=bool(of.timezone))
    if isinstance(of, types.Date):
        return Kind("date", "date")
    if isinstance(of, types.Integer | types.Numeric) and not isinstance(of, MONEY):
        return Kind("number", "number")
    if isinstance(of, types.String):
        return Kind("text", "string")
    return Kind("other", "string", shown_only=not isinstance(of, types.Uuid))


def found(name: str, kind: Kind | None, sample: Sequence[Any], *, loose: bool) -> Kind | None:
    """What the values say beyond the declared type.

    Args:
        sample: values of the column that are not null.
        loose: the database keeps any value in any column, as SQLite does: the values decide.
    """
    if any(isinstance(value, bytes) for value in sample):
        return None
    if loose:
        kind = _by_values(kind, sample) if sample else _empty(kind)
    if kind is None or kind.type != "string" or kind.form != "text":
        return kind
    return _text(name, [str(value) for value in sample])


def _empty(kind: Kind | None) -> Kind | None:
    """Dates without an example are written as the standard says."""
    if kind is None or kind.form not in ("date", "datetime"):
        return kind
    return Kind(kind.form, kind.type, written="%Y-%m-%d" if kind.form == "date" else "%Y-%m-%d %H:%M:%S")


def _by_values(kind: Kind | None, sample: Sequence[Any]) -> Kind:
    if all(isinstance(value, int | float) for value in sample):
        is_flag = kind is not None and kind.form == "boolean" and set(sample) <= {0, 1}
        return Kind("boolean", "boolean") if is_flag else Kind("number", "number")
    if not all(isinstance(value, str) for value in sample):
        return Kind("text", "string")
    if all(_DAY.fullmatch(value) for value in sample):
        return Kind("date", "date", written="%Y-%m-%d")
    moments = [_MOMENT.fullmatch(value) for value in sample]
    if all(moments):
        assert moments[0] is not None
        return _moment(moments[0][1], moments[0][4], sample)
    return Kind("text", "string")


def _moment(separator: str, zone: str | None, sample: Sequence[str]) -> Kind:
    """Moments that are all at midnight are days."""
    written = f"%Y-%m-%d{separator}%H:%M:%S{'Z' if zone == 'Z' else ''}"
    is_day = all(_MIDNIGHT.fullmatch(value[11:]) for value in sample)
    kind: Literal["date", "datetime"] = "date" if is_day else "datetime"
    return Kind(kind, kind, written=written, has_zone=zone is not None)


def _text(name: str, sample: Sequence[str]) -> Kind:
    called = squeeze(name)
    for word, kind in (("email", "email"), ("phone", "phone"), ("website", "url"), ("url", "url")):
        if called.endswith(word):
            return Kind("text", kind)
    different = sorted(set(sample))
    is_short = all(0 < len(value) <= LONGEST_OPTION and value == value.strip() for value in different)
    repeats = len(sample) >= LEAST_ROWS and len(different) * 2 <= len(sample)
    if is_short and repeats and len(different) <= MOST_OPTIONS:
        return Kind("text", "enum", tuple(different), is_open=True)
    return Kind("text", "text" if any(len(value) > LONG_TEXT for value in sample) else "string")


def checked_options(sql: str, columns: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """The one column that a CHECK constraint limits to a list of texts, and that list."""
    texts = re.findall(r"'((?:[^']|'')*)'", sql)
    rest = re.sub(r"'(?:[^']|'')*'", "", sql)
    named = [column for column in columns if re.search(rf"(?<!\w){re.escape(column)}(?!\w)", rest)]
    is_list = re.search(r"\b(IN|ANY)\b", rest, re.IGNORECASE)
    if not is_list or len(named) != 1 or not texts or re.search(r"\bNOT\b|\bOR\b|[<>]", rest, re.IGNORECASE):
        return None
    return named[0], tuple(text.replace("''", "'") for text in texts)
