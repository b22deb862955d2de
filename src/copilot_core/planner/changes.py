"""What a command changes and on which records: "move the Acme renewal deal to negotiation"."""

import re
from collections.abc import Sequence
from typing import Any

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.modules import ModuleMention, done_option, field_mention, names_option, option_fields
from copilot_core.planner.options import find_options
from copilot_core.planner.prose import tidy, without
from copilot_core.planner.references import Reference
from copilot_core.planner.subjects import Subject, read_subject
from copilot_core.planner.values import overlaps
from copilot_core.planner.words import stem, stem_set, words_of
from copilot_core.planner.world import RecordField, World

_SEPARATOR = re.compile(
    r"\s+(?:should (?:go|move|be|become|get)(?: back)?(?: to| set to)?"
    r"|back to|to|as|into|onto|until|till|is now|is|are|becomes|should"
    r" be|=|->|→)\s+(?:be\s+)?|\s*[:=]\s+|\s+=\s*",
    re.IGNORECASE,
)
_SEGMENT = re.compile(r",?\s+and\s+|,\s+(?:and\s+)?", re.IGNORECASE)
_ASSIGN = stem_set("assign reassign give hand delegate transfer pass allocate")
_MOVE = stem_set("reschedule postpone move push delay extend shift bump defer")
_RENAME = stem_set("rename retitle call")
_FINISH = stem_set("complete finish close done resolve tick check finished wrap")


class Change:
    """A command that changes records of one module."""

    def __init__(
        self, clause: Clause, mention: ModuleMention, world: World, earlier: Sequence[Sequence[Reference]]
    ) -> None:
        self.clause, self.mention, self.module, self.world, self.earlier = (
            clause,
            mention,
            mention.module,
            world,
            earlier,
        )
        self.fields: dict[str, Any] = {}
        self.taken: list[Span] = []
        self.verb = clause.head.stem if clause.head else ""

    def read(self) -> tuple[Subject, dict[str, Any]]:
        """The records meant and their new field values."""
        for start, end in self._segments():
            self._assignment(start, end)
        if not self.fields:
            self._loose_options()
        if not self.fields:
            self._loose_date()
        if not self.fields:
            self._verb_option()
        return self._subject(), self.fields

    def _segments(self) -> list[Span]:
        """The clause cut where a further assignment begins."""
        cuts = [m for m in _SEGMENT.finditer(self.clause.text) if self._begins_assignment(self.clause.text[m.end() :])]
        starts = [0, *(m.end() for m in cuts)]
        ends = [*(m.start() for m in cuts), len(self.clause.text)]
        return list(zip(starts, ends, strict=True))

    def _begins_assignment(self, text: str) -> bool:
        part = Clause(text, self.clause.now)
        first = [f for f in self.module.fields if (s := field_mention(part, f)) and s[0] < 16]
        near = any(f.options and find_options(part, f.options, 0.8) and len(part.words) <= 3 for f in first)
        return (
            near
            or (bool(first) and _SEPARATOR.search(text) is not None)
            or bool(part.head and part.head.stem in _ASSIGN)
        )

    def _assignment(self, start: int, end: int) -> None:
        """One "field of records to value"."""
        text = self.clause.text[start:end]
        for match in reversed(list(_SEPARATOR.finditer(text))):
            if overlaps(start + match.start(), start + match.end(), [(q.start, q.end) for q in self.clause.quoted()]):
                continue
            if self._assign(start, match, end):
                return
        self._keyed(start, end)

    def _assign(self, start: int, match: re.Match[str], end: int) -> bool:
        before, zone = match.string[: match.start()], match.string[match.end() :]
        hint = self._hint(before)
        if hint is None and match.group().strip().lower() in {"is", "are"}:
            return False
        parsed = self._value(hint, zone) if hint else self._untold(zone)
        if parsed is None and hint and hint.kind in {"enum", "date", "number"}:
            parsed = self._untold(zone)
        if parsed is None:
            return False
        field, value, length = parsed
        self.fields[field.name] = value
        self.taken.append((start + match.start(), start + match.end() + length if length else end))
        return True

    def _hint(self, before: str) -> RecordField | None:
        """The field named last before a value."""
        part = Clause(before, self.clause.now)
        told = [
            (s, f)
            for f in self.module.fields
            if (s := field_mention(part, f)) is not None and not self._is_noun(part, s)
        ]
        if not told:
            return None
        span, field = max(told, key=lambda t: (t[0][1], t[0][1] - t[0][0]))
        kind = re.match(r"\s+(?:address|number|date|field|value)\b", before[span[1] :], re.I)
        span = (span[0], span[1] + kind.end()) if kind else span
        at = self.clause.text.find(before)
        self.taken.append((at + span[0], at + span[1]))
        return field

    def _is_noun(self, part: Clause, span: Span) -> bool:
        """Whether these words name the module ("the company") or are the verb, and so no field."""
        noun = Clause(part.text[slice(*span)], part.now).stems
        return stem(self.module.singular) in noun or (
            part.head is not None and span[0] == part.head.start and self.verb in {"own"}
        )

    def _value(self, field: RecordField, zone: str) -> tuple[RecordField, Any, int] | None:
        part = Clause(zone, self.clause.now)
        if field.kind == "enum":
            found = find_options(part, field.options, 0.6)
            return (field, found[0].value, self._with_word(zone, found[0].span[1], field)) if found else None
        if field.kind == "date":
            return (field, part.dates[0].first.isoformat(), part.dates[0].end) if part.dates else None
        if field.kind == "number":
            return (field, part.numbers[0].plain, part.numbers[0].end) if part.numbers else None
        if field.kind in {"email", "phone", "url"}:
            found_literals = part.of_kind(field.kind)
            if found_literals:
                return field, found_literals[0].value, found_literals[0].end
            return (field, tidy(zone), 0) if field.kind == "phone" and any(c.isdigit() for c in zone) else None
        return self._text(field, part, zone)

    def _text(self, field: RecordField, part: Clause, zone: str) -> tuple[RecordField, Any, int] | None:
        if part.quoted():
            return field, part.quoted()[0].value, part.quoted()[0].end
        if field.is_person and re.match(r"(?:me|myself)\b", zone.strip(), re.I):
            return field, self.world.user_name or "me", 0
        zone = re.split(r",\s", zone)[0] if field.is_person else zone
        text = tidy(re.sub(r"^(?:the|a)\s+(?=[A-Z])", "", zone).rstrip(" .!?"))
        return (field, text, 0) if text else None

    def _untold(self, zone: str) -> tuple[RecordField, Any, int] | None:
        """A value whose field only its kind tells."""
        part = Clause(zone, self.clause.now)
        if self.verb not in _RENAME | _ASSIGN:
            option = self._option_in(part)
            if option is not None:
                return option
        people = [f for f in self.module.fields if f.is_person]
        if self.verb in _ASSIGN and people and re.match(r"\s*(?:me\b|[A-Z])", zone):
            return self._value(people[0], zone)
        title = self.module.field_named(self.module.title)
        if self.verb in _RENAME and title is not None:
            return self._value(title, zone)
        dates, numbers = self.module.of_kind("date"), self.module.of_kind("number")
        if part.dates and dates and part.dates[0].start < 8:
            due = [f for f in dates if {"due", "deadlin", "close", "clos"} & set(f.words)]
            return (due or dates)[0], part.dates[0].first.isoformat(), part.dates[0].end
        if part.numbers and numbers and part.numbers[0].start < 4:
            return numbers[0], part.numbers[0].plain, part.numbers[0].end
        for kind in ("email", "phone", "url"):
            if part.of_kind(kind) and self.module.of_kind(kind):
                return self.module.of_kind(kind)[0], part.of_kind(kind)[0].value, part.of_kind(kind)[0].end
        return None

    def _option_in(self, part: Clause) -> tuple[RecordField, Any, int] | None:
        found = [
            (m, f)
            for f in option_fields(self.module)
            for m in find_options(part, f.options, 0.62)
            if len(words_of(part.text[: m.span[0]])) <= 2
        ]
        if not found:
            return None
        mention, field = max(
            found, key=lambda t: (field_mention(self.clause, t[1]) is not None, t[0].strength, -t[0].span[0])
        )
        return field, mention.value, self._with_word(part.text, mention.span[1], field)

    def _with_word(self, zone: str, end: int, field: RecordField) -> int:
        """The end of an option and of its field's name behind it ("high priority")."""
        match = re.match(r"\s*([\w-]+)", zone[end:])
        return end + match.end() if match and stem(match[1].lower()) in field.words else end

    def _keyed(self, start: int, end: int) -> None:
        """``priority high``, ``high priority``, ``city Munich`` without a joint between."""
        part = Clause(self.clause.text[start:end], self.clause.now)
        for field in self.module.fields:
            span = field_mention(part, field)
            if span is None or self._is_noun(part, span) or field.name in self.fields:
                continue
            found = find_options(part, field.options, 0.62) if field.options else []
            near = next((m for m in found if 0 <= m.span[0] - span[1] <= 1 or 0 <= span[0] - m.span[1] <= 1), None)
            if near is not None and self._is_target(part, near.span):
                self.fields[field.name] = near.value
                self.taken.append((start + min(near.span[0], span[0]), start + max(near.span[1], span[1])))
            elif field.kind in {"number", "email", "phone", "date"} and (start or _is_owned(part, span)):
                self._keyed_value(field, start, part, span)

    def _keyed_value(self, field: RecordField, start: int, part: Clause, span: Span) -> None:
        parsed = self._value(field, part.text[span[1] :])
        if parsed is not None:
            self.fields[field.name] = parsed[1]
            self.taken.append((start + span[0], start + span[1] + parsed[2]))

    def _is_target(self, part: Clause, span: Span) -> bool:
        """An option before the noun is a condition on the records, not a new value."""
        noun = self.mention.span
        return (
            noun == (0, 0)
            or part.text != self.clause.text
            or span[0] > noun[1]
            or len(words_of(part.text[span[1] : noun[0]])) > 1
        )

    def _loose_options(self) -> None:
        """“mark it done”, “flag this urgent”: an option that ends the clause."""
        text = self.clause.text.rstrip(" .!")
        for field in option_fields(self.module):
            for mention in find_options(self.clause, field.options, 0.62):
                at_end = mention.span[1] >= len(text) - 9 and mention.span[0] > self.clause.head_span[1]
                if at_end and mention.span[1] != self.mention.span[1] and self._is_target(self.clause, mention.span):
                    self.fields[field.name] = mention.value
                    self.taken.append((mention.span[0], len(self.clause.text)))
                    return

    def _loose_date(self) -> None:
        """“reschedule this for thursday”: a date that ends a command to move something."""
        dates = self.module.of_kind("date")
        when = self.clause.dates[-1] if self.clause.dates else None
        if when is None or not dates or self.verb not in _MOVE or self.clause.text[when.end :].strip(" .!"):
            return
        lead = re.search(r"(?:\b(?:for|on|by|at|until|till|the|out)\s+)*$", self.clause.text[: when.start], re.I)
        due = [f for f in dates if {"due", "deadlin", "clos"} & set(f.words)]
        self._take((due or dates)[0], when.first.isoformat(), (lead.start() if lead else when.start, when.end))

    def _verb_option(self) -> None:
        """“resolve this”, “ack it”, “we won the deal”: the verb is the option."""
        for word in ([self.clause.head] if self.clause.head else []) + self.clause.words[:3]:
            for field in option_fields(self.module):
                option = next((o for o in field.options if names_option(word.stem, o)), None)
                if option is not None and not overlaps(word.start, word.end, [self.mention.span]):
                    self._take(field, option, (word.start, word.end))
                    return
            done = done_option(self.module)
            if word.stem in _FINISH and done is not None:
                self._take(done[0], done[1], (word.start, word.end))
                return

    def _take(self, field: RecordField, option: str, span: Span) -> None:
        self.fields[field.name] = option
        self.taken.append(span)

    def _subject(self) -> Subject:
        start = self.clause.head_span[1]
        segments = self._segments()
        end = segments[0][1]
        text = without(
            self.clause.text[start:end], [(a - start, b - start) for a, b in self.taken if b > start and a < end]
        )
        text = (
            re.sub(r"\b(?:from|which (?:is|are)|that (?:is|are))\s+\w+\s*$", "", text)
            if self.fields and re.search(r"\bfrom \w+\s*$", text)
            else text
        )
        text = re.sub(r"^\s*(?:off|up|out|down|back|over|away)\b", "", text)
        possessive = re.search(r"(?P<name>[\w' -]+?)['’]s?\s*$", text.strip())
        if possessive and not self.clause.quoted():
            text = possessive["name"]
        return read_subject(self.clause, text, self._named_mention(), self.world, self.earlier)

    def _named_mention(self) -> ModuleMention:
        return self.mention


def _is_owned(part: Clause, span: Span) -> bool:
    """“Acme's value”: whose field it is stands right before it."""
    return re.search(r"\w['’]s\s+$", part.text[: span[0]]) is not None
