"""Field values of a new record: "critical incident: payments api is down" -> title, severity."""

import re
from typing import Any

from copilot_core.planner.clauses import Clause
from copilot_core.planner.field_names import NamedValues
from copilot_core.planner.field_values import TypedValues
from copilot_core.planner.modules import field_mention, option_fields
from copilot_core.planner.options import find_options
from copilot_core.planner.page import ties
from copilot_core.planner.prose import clean, tidy, without
from copilot_core.planner.values import overlaps
from copilot_core.planner.vocabulary import STOP
from copilot_core.planner.words import words_of

_CALLED = re.compile(
    r"\b(?:called|named|titled|entitled|with (?:the )?(?:title|name|subject)(?: of)?)\s*:?\s*", re.IGNORECASE
)
_POINTING = re.compile(r"it|that|this|them|him|her|one", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:,\s*)?\b(?:on|to|in|into|onto)\s+(?:my|the|our)\s+(?:[\w-]+\s+)?(?:list|system|crm|pipeline|board|database|books|backlog"
    r"|tracker)\b",
    re.IGNORECASE,
)


class Draft(TypedValues, NamedValues):
    """The field values that a clause gives a record of one module."""

    def read(self, *, with_title: bool = True) -> dict[str, Any]:
        """All values; the title takes what is left."""
        self.taken.extend(m.span() for m in _PLACE.finditer(self.clause.text) if self._is_aside(m.start()))
        self.taken.extend(s for s in ties(self.clause, self.world) if self._is_aside(s[0]))
        if with_title:
            self._named_title()
        self._literals()
        self._keyed()
        self._dates()
        self._options()
        self._numbers()
        self._people()
        self._organisation()
        self._place()
        self._noun_before_field()
        if with_title:
            self._rest()
            self._more_segments()
        return self.values

    def _is_aside(self, start: int) -> bool:
        quotes = [(q.start, q.end) for q in self.clause.quoted()]
        body = self.clause.body
        return not overlaps(start, start + 1, quotes) and (body is None or start < body[0])

    def _named_title(self) -> None:
        quoted = self.clause.quoted()
        match = _CALLED.search(self.clause.text)
        if self.title is None:
            return
        if quoted and (match is None or quoted[0].start <= match.end() + 1):
            start = match.start() if match and match.end() + 1 >= quoted[0].start else quoted[0].start
            self.put(self.title, quoted[0].value, (start, quoted[0].end))
        elif match is not None:
            end = self._name_end(match.end())
            text = clean(self.clause.text[match.end() : end])
            if text:
                self.put(self.title, text, (match.start(), end))

    def _name_end(self, start: int) -> int:
        """Where a name that nothing encloses ends: before a comma, a date, or words that begin another value."""
        text = self.clause.text
        told = "|".join(sorted({re.escape(w) for f in self.module.fields for w in f.words}))
        place = r"|\s+in\s+(?-i:[A-Z])" if any(f.is_place for f in self.module.fields) else ""
        ends = [
            m.start()
            for m in re.finditer(
                r",|;|\s+\(|\s+(?:with|due|assigned|owned|worth|at|by|from|who"
                r"|whose|based|located|and (?:assign|set|make|give|due|with))\b"
                rf"|\.\s|\s+and\s+(?:{told})\w*\b{place}",
                text[start:],
                re.I,
            )
        ]
        stop = start + ends[0] if ends else len(text)
        dates = [self._lead(w.start) for w in self.clause.dates if start < w.start < stop and w.end >= stop - 1]
        options = [
            m.span[0]
            for f in option_fields(self.module)
            for m in find_options(Clause(text[start:stop], self.clause.now), f.options, 0.8)
            if field_mention(Clause(text[start:stop], self.clause.now), f)
        ]
        numbers = [n.start for n in self.clause.numbers if n.is_money and start < n.start < stop]
        return min([stop, *dates, *numbers, *(start + o for o in options if o)])

    def _rest(self) -> None:
        if self.title is None or self.title.name in self.values:
            return
        text = self._title_text()
        if text and not _POINTING.fullmatch(text):
            self.values[self.title.name] = text

    def _title_text(self) -> str:
        if self.clause.body is not None and self.clause.text[: self.clause.body[0]].rstrip().endswith(":"):
            begin = self.clause.body[0]
            said = clean(
                without(self.clause.text[begin:], [(a - begin, b - begin) for a, b in self.taken if b > begin])
            )
            if said:
                self._subject_of_body(begin)
                return self._first_segment(said)
        start = self.mention.span[1] or self.clause.head_span[1]
        lead = re.search(
            r"\s+(?:as|to|into|onto|in|on)\s+(?:an?\s+|my\s+|the\s+|our\s+)?(?:new\s+)?$",
            self.clause.text[: self.mention.span[0]],
        )
        if lead is not None and lead.start() > self.clause.head_span[1]:
            begin = self.clause.head_span[1]
            return clean(
                without(
                    self.clause.text[begin : lead.start()], [(a - begin, b - begin) for a, b in self.taken if b > begin]
                )
            )
        if self.mention.span == (0, 0) or self.mention.span[0] < self.clause.head_span[1]:
            start = max(self.clause.head_span[1], self.mention.span[1])
        after = clean(without(self.clause.text[start:], [(a - start, b - start) for a, b in self.taken if b > start]))
        after = re.sub(
            r"^(?:(?:to|for|about|that|saying|:|-|,|record|entry)\s+)*(?:to|for|about|that|saying|:|-|,|record|entry|(?:in|into|to"
            r"|on) (?:the |my )?(?:list|system|crm|pipeline|board))\s+",
            "",
            after,
            flags=re.I,
        )
        if after:
            return self._first_segment(after)
        begin = self.clause.head_span[1]
        before = clean(
            without(
                self.clause.text[begin : self.mention.span[0]],
                [(a - begin, b - begin) for a, b in self.taken if b > begin],
            )
        )
        words = [w for w in words_of(before) if w.lower not in STOP]
        return before if words and any(w.is_name for w in words) else ""

    def _first_segment(self, text: str) -> str:
        """A title ends at a comma if something short and value-like followed it."""
        return tidy(re.sub(r"\s*,\s*(?:and\s*)?$", "", text))
