"""Arguments that say how often: "every Monday", "every 2 weeks", "on Mondays and Thursdays"."""

import re
from dataclasses import replace
from datetime import date

from copilot_core.planner.dates import WEEKDAYS, When
from copilot_core.planner.slot_base import Slots
from copilot_core.planner.tools import Param
from copilot_core.planner.values import overlaps

_WORDS = {"day": "daily", "weekday": "weekdays", "week": "weekly", "month": "monthly", "year": "yearly"}
_DAY = "(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_DAYS = rf"(?P<days>{_DAY}s?(?:(?:\s*,\s*|\s*&\s*|\s+and\s+){_DAY}s?)*)\b"
_EVERY = re.compile(
    rf"\b(?:every|each)\s+(?:(?P<count>other|second|\d+)\s+)?(?:(?P<unit>day|weekday|week|month|year)s?\b|{_DAYS})",
    re.I,
)
_PLURAL = re.compile(rf"\bon\s+{_DAYS.replace('s?', 's')}", re.I)
_UNTIL = re.compile(r"\b(?:until|till|through|up to)\s+(?:the\s+)?(?:end of\s+)?$", re.I)
_ENDS = frozenset({"until", "end", "til", "stop", "through"})
_RULE = re.compile(r"\bRFC ?5545\b|\bRRULE\b|\bFREQ=")


class RecurrenceSlots(Slots):
    """Steps for how often."""

    def _recurrences(self) -> None:
        """A word such as "weekly" where the schema lists it, else a rule of RFC 5545 where its description names one.

        The days stay free: the first of them is also when it begins.
        """
        match = self._how_often()
        if match is None or not self._open("date", "datetime", "time"):
            return
        said, end = match.groupdict(), self._end()
        span = match.span() if said["days"] is None else (match.start(), match.start("days"))
        for param in self._open("enum", "string"):
            value = _value(param, said, end.last if end else None)
            if value is not None:
                self.filling.put(param, value, span)
                self._without_end(end)
                return
        if _EVERY.match(match.group()):
            self.filling.spans.append(span)
            self.filling.unused.append(match.group())

    def _end(self) -> When | None:
        """“until Friday”, where no parameter of its own takes it."""
        if any(_ENDS & set(p.words) for p in self._open("date", "datetime")):
            return None
        return next((w for w in self.clause.dates if _UNTIL.search(self.clause.text[: w.start])), None)

    def _without_end(self, end: When | None) -> None:
        """The clause goes on without its end, so that a time in it finds its day: every place stays where it is."""
        lead = _UNTIL.search(self.clause.text[: end.start]) if end else None
        if end is not None and lead is not None:
            blank = " " * (end.end - lead.start())
            text = f"{self.clause.text[: lead.start()]}{blank}{self.clause.text[end.end :]}"
            self.clause = replace(self.clause, text=text)

    def _recurring_days(self) -> None:
        """The days that are left: nothing else may take them."""
        match = self._how_often()
        if match is not None and not self.filling.is_free((match.start(), match.start() + 1)):
            days = [(w.start, w.end) for w in self.clause.dates]
            self.filling.spans.extend(day for day in (match.span(), *days) if overlaps(*day, [match.span()]))

    def _how_often(self) -> re.Match[str] | None:
        match = _EVERY.search(self.clause.text) or _PLURAL.search(self.clause.text)
        return None if match is None or self._in_body(match.span()) else match


def _value(param: Param, said: dict[str, str | None], end: date | None) -> str | None:
    takes_rules = param.type == "string" and _RULE.search(param.description) is not None
    if not takes_rules and len({*_WORDS.values()} & {*map(str, param.options)}) < 2:
        return None
    count = said.get("count") or "1"
    interval = int(count) if count.isdigit() else 2
    unit = (said.get("unit") or "week").lower()
    days = [name[:2].upper() for name in WEEKDAYS if name in (said["days"] or "").lower()]
    end = end if takes_rules else None
    if end is None and interval == 1 and len(days) < 2 and _WORDS[unit] in param.options:
        return _WORDS[unit]
    if not takes_rules:
        return None
    days = ["MO", "TU", "WE", "TH", "FR"] if unit == "weekday" else days
    parts = [f"FREQ={'WEEKLY' if unit == 'weekday' else _WORDS[unit].upper()}"]
    parts += [f"INTERVAL={interval}"] if interval > 1 else []
    parts += [f"BYDAY={','.join(days)}"] if days else []
    return ";".join([*parts, f"UNTIL={end:%Y%m%d}"] if end else parts)
