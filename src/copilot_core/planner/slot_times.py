"""Arguments that say when."""

import re
from collections.abc import Iterable
from datetime import date

from copilot_core.planner.dates import When
from copilot_core.planner.slot_base import Slots, with_preposition, word_before
from copilot_core.planner.tools import Param
from copilot_core.planner.world import World

_ENDS = frozenset(
    {"end", "to", "until", "til", "return", "checkout", "due", "deadlin", "last", "stop", "finish", "out", "through"}
)


class TimeSlots(Slots):
    """Steps for dates and times."""

    def _dates(self) -> None:
        for param in self._open("month"):
            told = re.search(r"(?<![\w-])\d{4}-(?:0\d|1[0-2])(?![\w-])", self.clause.text)
            if told is not None and self.filling.is_free(told.span()):
                self.filling.put(param, told.group(), with_preposition(self.clause, told.span()))
        dates = [w for w in self.clause.dates if self.filling.is_free((w.start, w.end))]
        outside = [w for w in dates if not self._in_body((w.start, w.end))]
        params = list(self._open("date", "datetime", "time", "month"))
        params = [p for p in self.params if p in params]
        needed = any(p.required for p in params)
        dates = outside or (dates if needed else [])
        if dates and params:
            self._place_dates(dates, params)
        self._date_lists(dates)

    def _place_dates(self, dates: list[When], params: list[Param]) -> None:
        ends = [p for p in params if _ENDS & set(p.words) and len(params) > 1]
        starts = [p for p in params if p not in ends]
        days = [p for p in starts if p.role != "time"]
        times = [p for p in starts if p.role == "time"]
        first = dates[0]
        if self.tool.handle is not None and len(dates) > 1 and not ends:
            first = next((w for w in dates if self._introduced_by(w, "to", "until", "till")), first)  # from when is old
            dates = [first, *(w for w in dates if w is not first)]
        if (
            len(dates) == 1
            and ends
            and self._introduced_by(first, "until", "till", "by", "due", "through", "to", "ending")
            and not any(p.required for p in starts)
        ):
            starts, days, times, ends_now = [], [], [], ends
        else:
            ends_now = ends if len(dates) > 1 or first.is_span else [p for p in ends if p.required]
        if days:
            self._put_date(days[0], first, first.first)
        if times and any(w.at for w in dates):
            timed = [w for w in dates if w.at]
            self._put_date(times[0], timed[0], timed[0].first)
        if ends_now:
            last = dates[-1]
            self._put_date(ends_now[0], last, last.last)
        extra = [p for p in days[1:] if p.required]
        for param, when in zip(extra, dates[1:], strict=False):
            self._put_date(param, when, when.first)

    def _introduced_by(self, when: When, *words: str) -> bool:
        return word_before(self.clause, when.start) in words

    def _put_date(self, param: Param, when: When, day: date) -> None:
        self.filling.put(
            param, date_value(param.role, when, day, self.world), with_preposition(self.clause, (when.start, when.end))
        )

    def _date_lists(self, dates: Iterable[When]) -> None:
        for param in self._open("strings"):
            if param.items.get("format") in {"date", "date-time"}:
                role = "date" if param.items["format"] == "date" else "datetime"
                values = [date_value(role, w, w.first, self.world) for w in dates]
                if values:
                    self.filling.put(param, values, *((w.start, w.end) for w in dates))


def date_value(role: str, when: When, day: date, world: World) -> str:
    """A date as a schema's format wants it."""
    if role == "date":
        return day.isoformat()
    if role == "month":
        return f"{day:%Y-%m}"
    if role == "time":
        return when.at.isoformat("minutes") if when.at else day.isoformat()
    moment = (
        when.moment(world.now)
        if day == when.first
        else when.moment(world.now).replace(year=day.year, month=day.month, day=day.day)
    )
    return moment.isoformat(timespec="seconds")
