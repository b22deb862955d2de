"""Arguments that are amounts, lengths of time, or yes and no."""

import re

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.slot_base import Slots, with_preposition
from copilot_core.planner.tools import Param
from copilot_core.planner.values import Number
from copilot_core.planner.vocabulary import STOP, similar
from copilot_core.planner.words import stem, words_of

_NEGATED = re.compile(r"\b(?:no|not|without|don['’]?t|never|disable|off)\b", re.IGNORECASE)

_UNIT_SECONDS = {
    "second": 1, "sec": 1, "s": 1, "minut": 60, "min": 60, "hour": 3600, "hr": 3600, "h": 3600, "day": 86400,
    "week": 604800, "night": 86400, "month": 2592000, "year": 31536000,
}  # fmt: skip


class NumberSlots(Slots):
    """Steps for amounts, lengths and switches."""

    def _numbers(self) -> None:
        numbers = [
            n
            for n in self.clause.numbers
            if self.filling.is_free((n.start, n.end)) and not self._in_body((n.start, n.end))
        ]
        params = self._open("number", "limit")
        pairs = [
            (_number_fit(self.clause, p, n, len(params)), -i, -j)
            for i, p in enumerate(params)
            for j, n in enumerate(numbers)
        ]
        taken_p: set[int] = set()
        taken_n: set[int] = set()
        for fit, i, j in sorted(pairs, reverse=True):
            if fit > 0 and -i not in taken_p and -j not in taken_n:
                taken_p.add(-i)
                taken_n.add(-j)
                number = numbers[-j]
                self.filling.put(
                    params[-i], number_value(params[-i], number), _with_unit(self.clause, params[-i], number)
                )
        self._number_lists([n for j, n in enumerate(numbers) if j not in taken_n])
        self._durations()

    def _number_lists(self, numbers: list[Number]) -> None:
        for param in self._open("numbers"):
            if numbers:
                values = [n.plain for n in numbers]
                self.filling.put(param, values, *((n.start, n.end) for n in numbers))
                return

    def _durations(self) -> None:
        """``2pm to 4pm`` for a length in minutes, ``an hour``, ``half an hour``."""
        self._length_of_range()
        for param in self._open("number"):
            factor = {"minut": 60, "hour": 3600}.get(param.unit or "")
            if factor is None:
                continue
            match = re.search(
                r"\b(?P<half>half an?|an?) hour\b|\b(?P<q>quarter of an hour)", self.clause.text, re.IGNORECASE
            )
            if match is not None and not self._in_body(match.span()):
                seconds = 1800 if (match["half"] or "").lower().startswith("half") else 900 if match["q"] else 3600
                self.filling.put(param, seconds // factor, match.span())

    def _length_of_range(self) -> None:
        """``1pm to 2pm`` is an hour."""
        timed = [w for w in self.clause.dates if w.at]
        param = next((p for p in self._open("number") if p.unit in {"minut", "hour"}), None)
        if param is None or len(timed) != 2 or timed[0].first != timed[1].first:
            return
        if not self.filling.is_free((timed[1].start, timed[1].end)):
            return  # told as an end already
        gap = timed[1].moment(self.world.now) - timed[0].moment(self.world.now)
        if gap.total_seconds() > 0 and re.fullmatch(
            r"\s*(?:to|until|till|-|–)\s*", self.clause.text[timed[0].end : timed[1].start]
        ):
            seconds = int(gap.total_seconds())
            self.filling.put(param, seconds // (60 if param.unit == "minut" else 3600), (timed[0].end, timed[1].end))

    def _flags(self) -> None:
        for param in self._open("flag"):
            if {"confirm", "forc"} & set(param.words):
                continue
            words = [w for w in param.words if w not in {"is", "has", "includ", "get", "with"} and w not in STOP]
            index = next((k for k, s in enumerate(self.clause.stems[: len(self.clause.words)]) if s in words), None)
            if index is not None and words and set(words) <= set(self.clause.stems):
                word = self.clause.words[index]
                if self._in_body((word.start, word.end)):
                    continue
                before = self.clause.text[max(0, word.start - 12) : word.start]
                self.filling.put(param, not _NEGATED.search(before), evidence=0.3)
            else:
                self._switch(param)

    def _switch(self, param: Param) -> None:
        """A required on/off parameter takes "on" and "off"."""
        if not {"on", "enabl", "activ", "state", "power", "status"} & set(param.words):
            return
        intents = self.clause.intents
        on, off = (intents.get(name, 0.0) for name in ("enable", "disable"))
        if max(on, off) >= 1 and on != off:
            self.filling.put(param, on > off)
            return
        match = re.search(r"\b(on|off)\b(?!\s+(?:the\s+)?\w+day)", self.clause.text, re.IGNORECASE)
        if match is not None:
            self.filling.put(param, match[1].lower() == "on", match.span())


def number_value(param: Param, number: Number) -> int | float:
    value = number.value
    if param.unit and number.unit:
        value *= (
            _UNIT_SECONDS.get(stem(number.unit), 0) / _UNIT_SECONDS.get(param.unit, 1)
            if _UNIT_SECONDS.get(stem(number.unit))
            else 1
        )
    return int(value) if param.type == "integer" or value == int(value) else value


def _number_fit(clause: Clause, param: Param, number: Number, rivals: int) -> float:
    """How likely `number` belongs to `param`; not at all is 0."""
    words = {*param.words, *(w for w in (stem(x.lower) for x in words_of(param.description)) if w not in STOP)}
    around = [w for w in clause.words if abs(w.start - number.end) < 22 or abs(number.start - w.end) < 16]
    fit = 0.6 if param.required else 0.05 if rivals == 1 else 0.0
    unit = stem(number.unit) if number.unit else ""
    timed = unit in _UNIT_SECONDS
    if param.unit is not None:
        fit += 1.5 if timed else -0.4
    elif timed:
        fit -= 0.8
    if number.is_money:
        fit += (
            1.0
            if {"amount", "pric", "budget", "valu", "cost", "total", "salary", "fe", "money", "sum", "currency"} & words
            else -0.6
        )
    if unit and any(similar(unit, w) for w in words):
        fit += 1.0
    before = [w.stem for w in around if w.end <= number.start][-2:]
    if any(similar(b, w) >= 0.9 for b in before for w in param.words):
        fit += 1.2
    if number.unit == "%" and {"percent", "percentag", "discount", "rat", "level", "brightn", "brightness"} & words:
        fit += 1.0
    return fit if not number.is_word or fit > 0.5 else 0.0


def _with_unit(clause: Clause, param: Param, number: Number) -> Span:
    """The span of a number and, where the unit is that of the parameter, the unit."""
    match = re.match(r"[\s-]*([^\W\d_]+)", clause.text[number.end :])
    own = match is not None and stem(match[1].lower()) in {
        *_UNIT_SECONDS,
        *param.words,
        "unit",
        "degre",
        "percent",
        "piec",
    }
    end = number.end + match.end() if match is not None and own else number.end
    return with_preposition(clause, (number.start, end))
