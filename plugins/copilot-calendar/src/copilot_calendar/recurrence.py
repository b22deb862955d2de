"""Recurrence rules (RFC 5545) on the user's clock: every day at nine is at nine, in summer and in winter."""

import re
from datetime import UTC, datetime
from itertools import islice

from dateutil.rrule import rrule, rrulestr

from copilot_calendar.times import FAR, wrong

WORDS = {
    "daily": "FREQ=DAILY",
    "weekdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "weekly": "FREQ=WEEKLY",
    "monthly": "FREQ=MONTHLY",
    "yearly": "FREQ=YEARLY",
}
_ALWAYS = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY"}
_PARTS = {"DAILY": _ALWAYS, "WEEKLY": _ALWAYS}
_PARTS |= {often: {*_ALWAYS, "BYMONTHDAY", "BYMONTH", "BYSETPOS"} for often in ("MONTHLY", "YEARLY")}
"""What a rule may say. Its time of day is that of its first occurrence, so it fires once a day at most; and it never
takes long to find that a rule names no day, such as the 30th of February."""
_LARGEST = 1000
_UTC = "%Y%m%dT%H%M%SZ"


def checked(told: str, field: str) -> str:
    """The rule that somebody wrote, or said in one of `WORDS`; raises `ActionError`."""
    text = WORDS.get(told.strip().lower()) or told.strip().upper().removeprefix("RRULE:")
    parts = dict(part.partition("=")[::2] for part in text.split(";"))
    if not parts.keys() <= _PARTS.get(parts.get("FREQ", ""), set()):
        words = ", ".join(WORDS)
        raise wrong(field, f"must be {words}, or an RFC 5545 rule such as FREQ=WEEKLY;INTERVAL=2;BYDAY=MO")
    for name in ("INTERVAL", "COUNT"):
        if not re.fullmatch(r"\d{1,4}", parts.get(name, "1")) or not 1 <= int(parts.get(name, 1)) <= _LARGEST:
            raise wrong(field, f"must have a {name} between 1 and {_LARGEST}")
    if re.fullmatch(r"\d{8}", parts.get("UNTIL", "")):
        parts["UNTIL"] += "T235959Z"
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        _parsed(text, datetime.now(UTC))
    except (ValueError, KeyError, TypeError) as error:
        raise wrong(field, f"is no rule of RFC 5545: {error}") from error
    return text


def told(rule: str) -> str:
    """How a checked rule is said to its user: one of `WORDS`, else the rule."""
    return next((word for word, meant in WORDS.items() if meant == rule), f"again ({rule})")


def following(text: str, start: datetime, after: datetime) -> datetime | None:
    """The first occurrence after an instant, in UTC; `None` if there is none in the ten years that follow.

    A rule without an end is fine: only this one occurrence is looked for, and the search is bounded.

    Args:
        start: the first occurrence that there may be, aware, in the zone whose clock counts. A local time that the
            clocks skip is the one that they show instead; of one that comes twice it is the first (RFC 5545, 3.3.5).
    """
    rule = _parsed(text, start)
    horizon = max(after, start).astimezone(UTC) + FAR
    count, end = re.search(r"COUNT=(\d+)", text), re.search(r"UNTIL=(\w+)", text)
    until = min(horizon, datetime.strptime(end[1], _UTC).replace(tzinfo=UTC)) if end else horizon
    found = islice(rule.replace(count=None, until=until), int(count[1]) if count else None)
    instants = (moment.astimezone(UTC) for moment in found)
    return next((moment for moment in instants if moment > after), None)


def _parsed(text: str, start: datetime) -> rrule:
    rule = rrulestr(text, dtstart=start)
    assert isinstance(rule, rrule)
    return rule
