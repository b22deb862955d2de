"""Fields as a person reads them: "Close Date: Feb 15, 2026"."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from copilot_records import Field

UTC = ZoneInfo("UTC")
GROUPED_FROM = 10_000
"""Smaller numbers may be years and are written without commas."""
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s_]+")


def label(name: str) -> str:
    """``closeDate`` and ``close_date`` are "Close Date", the option ``in_progress`` is "In Progress"."""
    return " ".join(word[:1].upper() + word[1:] for word in _WORDS.split(name) if word)


def formatted(field: Field, value: object, titles: Mapping[str, str], zone: ZoneInfo = UTC) -> str:
    """`value` of `field` for a person; empty where there is none.

    Args:
        titles: of the records that relations lead to, by id.
        zone: in which moments are told.
    """
    if value is None or value == "" or value == []:
        return ""
    match field.type:
        case "number" | "currency" if isinstance(value, int | float):
            return _number(value, grouped=field.type == "currency" or abs(value) >= GROUPED_FROM)
        case "boolean":
            return "Yes" if value else "No"
        case "enum" | "enum[]":
            return ", ".join(label(str(one)) or str(one) for one in (value if isinstance(value, list) else [value]))
        case "relation":
            return titles.get(str(value), "")
        case "date" | "datetime":
            return _when(str(value), zone)
    return str(value)


def _number(value: float, *, grouped: bool) -> str:
    return f"{value:,}" if grouped else str(value)


def _when(told: str, zone: ZoneInfo) -> str:
    """A connected database may hold anything in a column that it calls a date."""
    try:
        if len(told) == len("2026-02-15"):
            return _day(date.fromisoformat(told))
        moment = datetime.fromisoformat(told)
    except ValueError:
        return told
    local = moment.astimezone(zone) if moment.tzinfo else moment
    return f"{_day(local.date())}, {local:%H:%M %Z}".rstrip()


def _day(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"
