"""Dates and times in English, found in a text and read against a clock.

A `When` is a day, a span of days or an instant. The future is preferred where the words leave it
open ("friday", "march 3"), except after "since" and "last".
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH_NAMES = [name.lower() for name in calendar.month_name][1:]
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may"
    r"|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>(?:19|20)\d\d))?"
_WEEKDAY = (
    r"(?P<weekday>mon(?:days?)?|tue(?:s|sdays?)?|wed(?:s|nesdays?)?"
    r"|thu(?:r|rs|rsdays?)?|fri(?:days?)?|sat(?:urdays?)?|sun(?:days?)?(?!\s+(?:is"
    r"|shin)))"
)
_COUNT = (
    r"(?P<count>\d+|an?|one|two|three|four|five|six|seven|eight|nine"
    r"|ten|twelve|a couple of|a few|couple of)"
)
_UNIT = r"(?P<unit>minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|fortnights?|months?|quarters?|years?)"
COUNTS = {
    word: number
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
} | {"a": 1, "an": 1, "a couple of": 2, "couple of": 2, "a few": 3, "dozen": 12, "fifteen": 15, "twenty": 20}
_TIME = re.compile(
    r"(?:\bat\s+|@\s*)?\b(?:(?P<noon>noon|midday)|(?P<midnight>midnight)"
    r"|(?P<h12>1[0-2]|0?[1-9])(?:[:.](?P<m12>[0-5]\d))?\s?(?P<half>am|pm|a\.m\.|p\.m\.)"
    r"|(?P<h24>[01]?\d|2[0-3]):(?P<m24>[0-5]\d)(?::\d\d)?"
    r"|(?:in the |this )?(?P<part>morning|afternoon|evening))(?![\w])"
    r"|\bat\s+(?P<bare>1[0-2]|[1-9])(?:\s?o'?clock)?\b(?!\s*(?:%|\w*\s*(?:units?|people|items?)))",
    re.IGNORECASE,
)
_PARTS = {"morning": time(9), "afternoon": time(14), "evening": time(18)}


@dataclass(frozen=True, slots=True)
class When:
    """A piece of text that says when. `first` and `last` differ for a span such as "this week"."""

    start: int
    end: int
    first: date
    last: date
    at: time | None = None
    instant: datetime | None = None
    open_start: bool = False

    @property
    def is_span(self) -> bool:
        """More than one day."""
        return self.first != self.last

    def moment(self, zone_of: datetime) -> datetime:
        """The instant meant; nine o'clock if only a day was said. The zone is that of `zone_of`."""
        if self.instant is not None:
            return self.instant
        return datetime.combine(self.first, self.at or time(9), tzinfo=zone_of.tzinfo)


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str], datetime], tuple[date, date] | datetime | None]


def find_dates(text: str, now: datetime) -> list[When]:
    """All dates and times in `text`, in order, none overlapping."""
    found: list[When] = []
    for candidate in sorted(_days(text, now), key=lambda w: (w.start, -w.end)):
        if not found or candidate.start >= found[-1].end:
            found.append(candidate)
    times = [m for m in _TIME.finditer(text) if not any(w.start < m.end() and m.start() < w.end for w in found)]
    for match in times:
        found = _with_time(found, match, text, now)
    return _as_ranges(sorted(found, key=lambda w: w.start), text)


def _as_ranges(found: list[When], text: str) -> list[When]:
    """In "from monday to wednesday" the second day follows the first; in "2pm to 4pm tomorrow" they share it."""
    for index in range(1, len(found)):
        left, right = found[index - 1], found[index]
        if left.at is None and re.fullmatch(r"\s*(?:,|&|and)\s*", text[left.end : right.start], re.IGNORECASE):
            found[index - 1] = replace(left, at=right.at)
        if not re.fullmatch(r"\s*(?:to|until|till|through|and|-|–)\s*", text[left.end : right.start], re.IGNORECASE):
            continue
        day_left = _TIME.fullmatch(text[left.start : left.end].strip()) is None
        if right.first < left.first and right.instant is None:
            step = timedelta(days=0 if _TIME.fullmatch(text[right.start : right.end].strip()) else 7)
            moved = right.first + step if step and day_left else left.first
            found[index] = replace(right, first=moved, last=max(moved, right.last))
        elif not day_left and right.first > left.first:
            found[index - 1] = replace(left, first=right.first, last=right.first)
    return found


def _days(text: str, now: datetime) -> Iterator[When]:
    for rule in _RULES:
        for match in rule.pattern.finditer(text):
            value = rule.read(match, now)
            if isinstance(value, datetime):
                yield When(match.start(), match.end(), value.date(), value.date(), value.time(), value)
            elif value is not None:
                past = bool(
                    re.match(r"(?:the )?(?:last|past|previous)\b.*\d|(?:the )?(?:last|past)\b", match.group(), re.I)
                )
                yield When(match.start(), match.end(), *value, open_start=past and value[1] == now.date())


def _with_time(found: list[When], match: re.Match[str], text: str, now: datetime) -> list[When]:
    """`found` with the time joined to the day beside it, or as a moment of its own."""
    at = _clock_time(match)
    for index, when in enumerate(found):
        between = text[when.end : match.start()] if when.end <= match.start() else text[match.end() : when.start]
        if when.at is None and re.fullmatch(
            r"[\s,]*(?:at|on|@|from|between|in the|this)?[\s,]*", between, re.IGNORECASE
        ):
            start, end = min(when.start, match.start()), max(when.end, match.end())
            return [*found[:index], replace(when, start=start, end=end, at=at), *found[index + 1 :]]
    sharing = next((w for w in found if w.at is None and not w.is_span), None) if match["part"] else None
    if sharing is not None:
        return [replace(w, at=at) if w is sharing else w for w in found]
    earlier = [w for w in found if w.at is not None and w.end <= match.start()]
    day = earlier[-1].first if earlier else now.date()
    if not earlier and datetime.combine(day, at, tzinfo=now.tzinfo) <= now:
        day += timedelta(days=1)
    return [*found, When(match.start(), match.end(), day, day, at)]


def _clock_time(match: re.Match[str]) -> time:
    if match["noon"]:
        return time(12)
    if match["midnight"]:
        return time(0)
    if match["part"]:
        return _PARTS[match["part"].lower()]
    if match["bare"]:
        hour = int(match["bare"])
        return time(hour + 12 if hour < 8 else hour)
    if match["h24"]:
        return time(int(match["h24"]), int(match["m24"]))
    hour = int(match["h12"]) % 12 + (12 if match["half"].lower().startswith("p") else 0)
    return time(hour, int(match["m12"] or 0))


def month_start(day: date, months: int = 0) -> date:
    """The first day of the month that is `months` after that of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def month_end(day: date) -> date:
    """The last day of the month of `day`."""
    return month_start(day, 1) - timedelta(days=1)


def add_months(day: date, months: int) -> date:
    """The same day of another month, or its last day where it has none such."""
    first = month_start(day, months)
    return first.replace(day=min(day.day, month_end(first).day))


def _month_number(name: str) -> int:
    return next(i for i, month in enumerate(_MONTH_NAMES, 1) if month.startswith(name.lower()[:3]))


def _single(day: date) -> tuple[date, date]:
    return day, day


def _iso(match: re.Match[str], _now: datetime) -> tuple[date, date] | None:
    try:
        return _single(date(int(match["y"]), int(match["m"]), int(match["d"])))
    except ValueError:
        return None


def _iso_instant(match: re.Match[str], now: datetime) -> datetime | None:
    try:
        value = datetime.fromisoformat(match.group())
    except ValueError:
        return None
    return value if value.tzinfo else value.replace(tzinfo=now.tzinfo)


def _numeric(match: re.Match[str], now: datetime) -> tuple[date, date] | None:
    first, second = int(match["a"]), int(match["b"])
    day_first = match["sep"] == "." or first > 12
    month, day = (second, first) if day_first else (first, second)
    year = int(match["y"]) if match["y"] else now.year
    try:
        value = date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None
    return _single(value if match["y"] or value >= now.date() else value.replace(year=now.year + 1))


def _month_day(match: re.Match[str], now: datetime) -> tuple[date, date] | None:
    month, day = _month_number(match["month"]), int(match["day"])
    year = int(match["year"]) if match["year"] else now.year
    try:
        value = date(year, month, day)
    except ValueError:
        return None
    past = match.string[: match.start()].rstrip().lower().endswith(("since", "last"))
    if match["year"]:
        return _single(value)
    if past:
        return _single(value if value <= now.date() else value.replace(year=year - 1))
    return _single(value if value >= now.date() else value.replace(year=year + 1))


def _named_day(match: re.Match[str], now: datetime) -> tuple[date, date]:
    offset = {"today": 0, "tonight": 0, "tomorrow": 1, "tmrw": 1, "tmr": 1, "yesterday": -1}
    name = " ".join(match.group().lower().split())
    if name.endswith("after tomorrow"):
        return _single(now.date() + timedelta(days=2))
    return _single(now.date() + timedelta(days=offset[name]))


def _weekday(match: re.Match[str], now: datetime) -> tuple[date, date]:
    today = now.date()
    index = next(i for i, name in enumerate(WEEKDAYS) if name.startswith(match["weekday"].lower()[:3]))
    ahead, which = (index - today.weekday()) % 7, (match["which"] or "").lower()
    if which == "next":
        return _single(today - timedelta(days=today.weekday()) + timedelta(days=7 + index))
    if which in {"last", "past", "previous"}:
        return _single(today - timedelta(days=(today.weekday() - index) % 7 or 7))
    if ahead == 0 and which != "this":
        ahead = 7
    return _single(today + timedelta(days=ahead))


def _shift(day: datetime, count: int, unit: str) -> datetime | tuple[date, date]:
    unit = unit.lower()
    if unit.startswith(("min", "hour", "hr")):
        step = timedelta(minutes=count) if unit.startswith("min") else timedelta(hours=count)
        return _across_zone(day, step)
    if unit.startswith(("month", "quarter", "year")):
        months = count * {"m": 1, "q": 3, "y": 12}[unit[0]]
        return _single(add_months(day.date(), months))
    days = count * {"d": 1, "w": 7, "f": 14}[unit[0]]
    return _single(day.date() + timedelta(days=days))


def _across_zone(day: datetime, step: timedelta) -> datetime:
    """`day` + `step` in real time, which differs from wall time when clocks change in between."""
    if day.tzinfo is None:
        return day + step
    return (day.astimezone(UTC) + step).astimezone(day.tzinfo)


def _count(match: re.Match[str]) -> int:
    text = " ".join(match["count"].lower().split())
    return int(text) if text.isdigit() else COUNTS[text]


def _later(match: re.Match[str], now: datetime) -> datetime | tuple[date, date]:
    return _shift(now, _count(match), match["unit"])


def _ago(match: re.Match[str], now: datetime) -> datetime | tuple[date, date]:
    return _shift(now, -_count(match), match["unit"])


def _window(match: re.Match[str], now: datetime) -> tuple[date, date] | datetime | None:
    back = match["way"].lower() in {"last", "past", "previous"}
    shifted = _shift(now, -_count(match) if back else _count(match), match["unit"])
    if isinstance(shifted, datetime):
        return None
    return (shifted[0], now.date()) if back else (now.date(), shifted[0])


def period(unit: str, today: date, offset: int) -> tuple[date, date]:
    """The calendar week, weekend, month, quarter or year `offset` after the one of `today`."""
    if unit.startswith("week"):
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=offset)
        return (monday + timedelta(days=5 if unit == "weekend" else 0), monday + timedelta(days=6))
    if unit == "month":
        first = month_start(today, offset)
        return first, month_end(first)
    if unit == "quarter":
        first = month_start(today.replace(month=(today.month - 1) // 3 * 3 + 1), 3 * offset)
        return first, month_end(month_start(first, 2))
    return date(today.year + offset, 1, 1), date(today.year + offset, 12, 31)


def _period(match: re.Match[str], now: datetime) -> tuple[date, date]:
    which = match["which"].lower()
    offset = (
        1 if which in {"next", "coming", "the coming"} else 0 if which in {"this", "the current", "current"} else -1
    )
    return period(match["unit"].lower(), now.date(), offset)


def _month_alone(match: re.Match[str], now: datetime) -> tuple[date, date]:
    month = _month_number(match["month"])
    year = int(match["year"]) if match["year"] else now.year + (month < now.month)
    if not match["year"] and (match["lead"] or "").lower().startswith(("last", "since")):
        year = now.year - (month >= now.month)
    return date(year, month, 1), month_end(date(year, month, 1))


def _edge(match: re.Match[str], now: datetime) -> tuple[date, date]:
    """Beginning, middle or end of a period."""
    if match["month"]:
        month = _month_number(match["month"])
        year = int(match["year"]) if match["year"] else now.year + (month < now.month)
        first, last = date(year, month, 1), month_end(date(year, month, 1))
    else:
        offset = {"next": 1, "last": -1}.get((match["which"] or "").lower(), 0)
        first, last = period(match["unit"].lower(), now.date(), offset)
        if match["unit"].lower() == "week":
            last -= timedelta(days=2)
    where = match["edge"].lower()
    if where.startswith(("beg", "start", "early", "first")):
        return _single(first)
    return _single(first + timedelta(days=14)) if where.startswith("mid") else _single(last)


def _short_edge(match: re.Match[str], now: datetime) -> tuple[date, date]:
    unit = {"d": "day", "w": "week", "m": "month", "q": "quarter", "y": "year"}[match["u"].lower()]
    if unit == "day":
        return _single(now.date())
    last = period(unit, now.date(), 0)[1]
    return _single(last - timedelta(days=2) if unit == "week" else last)


def _quarter(match: re.Match[str], now: datetime) -> tuple[date, date]:
    number = int(match["q"])
    year = int(match["year"]) if match["year"] else now.year
    first = date(year, number * 3 - 2, 1)
    if not match["year"] and month_end(month_start(first, 2)) < now.date():
        first = first.replace(year=year + 1)
    last = month_end(month_start(first, 2))
    return _single(last) if match["edge"] else (first, last)


def _year(match: re.Match[str], _now: datetime) -> tuple[date, date]:
    year = int(match["year"])
    return date(year, 1, 1), date(year, 12, 31)


def _ordinal(match: re.Match[str], now: datetime) -> tuple[date, date] | None:
    day, today = int(match["day"]), now.date()
    for months in range(3):
        first = month_start(today, months)
        if 1 <= day <= month_end(first).day and first.replace(day=day) >= today:
            return _single(first.replace(day=day))
    return None


def _rule(pattern: str, read: Callable[[re.Match[str], datetime], tuple[date, date] | datetime | None]) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE), read)


_SPAN_LEAD = (
    r"(?P<lead>in|of|during|by|until|till|before|after|since|for|from"
    r"|this|next|last|through|throughout|to|and|between)"
)
_RULES = (
    _rule(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", _iso_instant),
    _rule(r"\b(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?!T?\d)\b", _iso),
    _rule(
        r"(?<![\d./-])(?P<a>[0-3]?\d)(?P<sep>[/.])(?P<b>[0-3]?\d)(?:(?P=sep)(?P<y>\d{4}"
        r"|\d\d)|(?<=\.)|(?<=/\d)|(?<=/\d\d))(?![\d/%])(?!\.\d)(?=\W|$)",
        _numeric,
    ),
    _rule(r"\b(?:the )?day after tomorrow\b|\b(?:today|tonight|tomorrow|tmrw|tmr|yesterday)\b", _named_day),
    _rule(rf"\b(?:the )?{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}\b", _month_day),
    _rule(rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}(?!\d)(?!\s*(?:%|k\b))(?![:.]\d){_YEAR}\b", _month_day),
    _rule(rf"\b(?:(?P<which>next|this|last|past|previous|coming)\s+)?{_WEEKDAY}\b(?!-)", _weekday),
    _rule(rf"\b(?:in|within)\s+{_COUNT}\s+{_UNIT}(?:['’]s?)?(?:\s+time)?\b", _later),
    _rule(rf"\b{_COUNT}\s+{_UNIT}\s+(?:from\s+(?:now|today)|later|hence|out)\b", _later),
    _rule(rf"\b{_COUNT}\s+{_UNIT}\s+(?:ago|back)\b", _ago),
    _rule(rf"\b(?:the\s+)?(?P<way>last|past|previous|next|coming|following)\s+{_COUNT}\s+{_UNIT}\b", _window),
    _rule(
        r"\b(?P<which>this|next|last|past|previous|(?:the )?coming|(?:the"
        r" )?current)\s+(?P<unit>weekend|week|month|quarter|year)\b",
        _period,
    ),
    _rule(r"\b(?P<which>the )(?P<unit>weekend)\b", lambda _m, now: period("weekend", now.date(), 0)),
    _rule(
        rf"\b(?P<edge>(?:the )?(?:end|beginning|start|middle|first day|last"
        rf" day)\s+of|mid(?:dle)?[ -]|early|late)\s*(?:the\s+)?(?:(?P<which>next"
        rf"|this|last)\s+)?(?:{_MONTH}{_YEAR}|(?P<unit>weekend|week|month"
        rf"|quarter|year))\b",
        _edge,
    ),
    _rule(
        r"\b(?P<edge>month[ -]?end|year[ -]?end)()(?P<month>\b)?",
        lambda m, now: _single(
            period(m["edge"].split()[0].split("-")[0].removesuffix("end").lower(), now.date(), 0)[1]
        ),
    ),
    _rule(r"\beo(?P<u>[dwmqy])\b", _short_edge),
    _rule(rf"\b(?P<lead>){_MONTH},?\s+(?P<year>(?:19|20)\d\d)\b", _month_alone),
    _rule(rf"\b{_SPAN_LEAD}\s+{_MONTH}{_YEAR}\b(?!\s+\d)", _month_alone),
    _rule(
        r"\b(?:in|for|during|of|by|until|this|before|after|since)\s+(?P<edge>(?:the\s+)?end\s+of\s+)?q(?P<q>[1-4])("
        r"?:\s+(?P<year>20\d\d))?\b",
        _quarter,
    ),
    _rule(r"\b(?P<edge>(?:the\s+)?end\s+of\s+)q(?P<q>[1-4])(?:\s+(?P<year>20\d\d))?\b", _quarter),
    _rule(r"\b(?:in|during|since|of)\s+(?P<year>20\d\d)\b", _year),
    _rule(
        r"\bthe\s+(?P<day>[0-3]?\d)(?:st|nd|rd|th)\b(?!\s+(?:one|record"
        r"|task|floor|time|item|quarter))",
        _ordinal,
    ),
)
