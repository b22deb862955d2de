"""Fields: what a value must look like, how it is kept, and how two of them compare."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from copilot_records.text import fold, phrase, squeeze

Value = str | int | float | bool | list[str] | None
"""A value of a field as JSON has it; dates are ISO text, a relation is the id of the other record."""

TEXTS = frozenset({"string", "text", "email", "phone", "url"})
NUMBERS = frozenset({"number", "currency"})
ORDERED = NUMBERS | {"date", "datetime"}
TYPES = TEXTS | ORDERED | {"boolean", "enum", "enum[]", "user", "relation"}

LARGEST = 10**15
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[\d\s()./-]{3,}(\s*(x|ext\.?)\s*\d+)?", re.IGNORECASE)
_BARE_URL = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?(/\S*)?")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_YES, _NO = {"true", "yes", "1"}, {"false", "no", "0"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a module.

    Args:
        options: of an ``enum`` or ``enum[]``, in their own order, by which records are sorted.
        module: the slug of the module that a ``relation`` leads to.
        fixed: it cannot be written, such as a column that the database computes.
        is_open: `options` are those in use; others may be written.
    """

    name: str
    type: str = "string"
    required: bool = False
    options: tuple[str, ...] = ()
    module: str | None = None
    fixed: bool = False
    is_open: bool = False

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Field":
        """The field that `as_json` describes."""
        return cls(
            told["name"],
            told["type"],
            told.get("required", False),
            tuple(told.get("options", ())),
            told.get("module"),
            told.get("readOnly", False),
        )

    def as_json(self) -> dict[str, Any]:
        """The field as a model or a client is told of it."""
        told: dict[str, Any] = {"name": self.name, "type": self.type}
        if self.required:
            told["required"] = True
        if self.options:
            told["options"] = list(self.options)
        if self.module:
            told["module"] = self.module
        if self.fixed:
            told["readOnly"] = True
        return told

    def read(self, given: object) -> Value:
        """`given`, as a model or a person writes it, in the form that is kept.

        Raises:
            ValueError: it is no value of this field; the text continues "The '<name>' field ...".
        """
        if given is None or given == "" or given == []:
            return None
        return _READERS[self.type](self, given)


def key(field: Field, value: Value) -> str | None:
    """`value` as text whose order is the order of the values, so that any database compares alike."""
    if value is None:
        return None
    match field.type:
        case "number" | "currency":
            return f"{Decimal(str(value)) + 10 * LARGEST:024.6f}"
        case "user":
            return phrase(str(value))
        case "phone":
            return re.sub(r"[^\d+]", "", str(value))
        case "enum[]":
            return "".join(f"|{option}|" for option in value) if isinstance(value, list) else f"|{value}|"
        case "boolean" | "enum" | "date" | "datetime" | "relation":
            return str(value)
        case _:
            return fold(str(value))


def _text(_: Field, given: object) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError("must be a text")  # noqa: TRY004 - one error for every reader
    text = str(given)
    if _UNSTORABLE.search(text):
        raise ValueError("has characters that cannot be kept")
    return text


def _number(_: Field, given: object) -> int | float:
    number = given
    if isinstance(given, str) and _NUMBER.fullmatch(given.strip()):
        number = float(given.replace(",", "")) if "." in given else int(given.replace(",", ""))
    if isinstance(number, bool) or not isinstance(number, int | float) or math.isnan(number):
        raise ValueError(f"must be a number, not {given!r}")
    if abs(number) > LARGEST:
        raise ValueError(f"must be between -{LARGEST} and {LARGEST}")
    rounded = round(number, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def _boolean(_: Field, given: object) -> bool:
    told = str(given).casefold()
    if told not in _YES | _NO:
        raise ValueError("must be true or false")
    return told in _YES


def _date(_: Field, given: object) -> str:
    if not isinstance(given, str) or not _DATE.fullmatch(given):
        raise ValueError("must be a date (YYYY-MM-DD)")
    try:
        return str(date.fromisoformat(given))
    except ValueError as error:
        raise ValueError(f"must be a date that exists: {error}") from error


def _datetime(_: Field, given: object) -> str:
    try:
        instant = datetime.fromisoformat(str(given))
        zoned = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    except (ValueError, OverflowError) as error:
        raise ValueError("must be a date and time (YYYY-MM-DDThh:mm:ss)") from error


def _option(field: Field, given: object) -> str:
    known = {squeeze(option) or option: option for option in field.options}
    if str(given) in field.options:
        return str(given)
    if squeeze(str(given)) in known:
        return known[squeeze(str(given))]
    if field.is_open:
        return _text(field, given)
    raise ValueError(f"must be one of: {', '.join(field.options)}")


def _options(field: Field, given: object) -> list[str]:
    chosen = {_option(field, one) for one in (given if isinstance(given, list) else [given])}
    return [option for option in field.options if option in chosen]


def _email(field: Field, given: object) -> str:
    if not _EMAIL.fullmatch(_text(field, given).strip()):
        raise ValueError("must be an e-mail address")
    return _text(field, given).strip()


def _phone(field: Field, given: object) -> str:
    if not _PHONE.fullmatch(_text(field, given).strip()):
        raise ValueError("must be a phone number")
    return _text(field, given).strip()


def _url(field: Field, given: object) -> str:
    url = _text(field, given).strip()
    if _BARE_URL.fullmatch(url):
        return f"https://{url}"
    if not re.fullmatch(r"https?://\S+", url):
        raise ValueError("must be a web address (https://...)")
    return url


_READERS: Mapping[str, Callable[[Field, object], Value]] = {
    "string": _text,
    "text": _text,
    "email": _email,
    "phone": _phone,
    "url": _url,
    "user": _text,
    "relation": _text,
    "number": _number,
    "currency": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "enum": _option,
    "enum[]": _options,
}
