"""Conditions on text fields: "in Berlin", "at Globex", "assigned to Sam", "Hooli contacts"."""

import re
from collections.abc import Sequence

from copilot_core.planner.chunks import Chunk, chunks_of
from copilot_core.planner.clauses import Clause
from copilot_core.planner.filter_base import ConditionList
from copilot_core.planner.modules import field_mention
from copilot_core.planner.vocabulary import STOP, classes_of
from copilot_core.planner.words import Word
from copilot_core.planner.world import RecordField

_MINE = re.compile(
    r"\b(?:my|mine|assigned to me|owned by me|i own|i(?:['’]m| am)"
    r" (?:responsible|assigned)|(?:on|for) me|do i have|i have|i['’]ve"
    r" got)\b",
    re.I,
)

_TITLE_HAS = re.compile(
    r"\b(?:called|named|titled|containing|contain(?:s)?|mentioning"
    r"|with (?:the )?(?:word|name|title))\s+",
    re.I,
)

_PERSON_LEAD = re.compile(
    r"\b(?:assigned|belong\w*|given|delegated|owned|managed|handled"
    r"|led|run|reported|created|opened|driven|held|written)\s+(?:to"
    r"|by)$",
    re.I,
)


_OWNS = re.compile(
    r"\b(?:(?:does|do|did|has|have|is)\s+)?(?P<name>(?-i:[A-Z][\w-]*(?:\s+[A-Z][\w-]*)*)|i|we)\s+(?:still\s+|currently\s+)?"
    r"(?:owns?|manages?|handles?|leads?|runs?|drives?|has|have|(?:is|am|are)\s+(?:on|responsible for|working on"
    r"|handling|in charge of|assigned to|assigned)|got)\b(?!\s+to\b)",
    re.I,
)


class NameConditions(ConditionList):
    """Steps for people, companies, places and words of the title."""

    def _people(self) -> None:
        people = [f for f in self.module.fields if f.is_person]
        match = _MINE.search(self.clause.text)
        if people and match and self.world.user_name and self.free(*match.span()):
            mine = next((f for f in people if field_mention(self.clause, f)), people[0])
            self.put(mine, "ne" if self.denied(match.start()) else "eq", self.world.user_name, match.span())
        owner = _OWNS.search(self.clause.text)
        if people and owner and owner["name"].lower() not in {"i", "we"} and self.free(*owner.span()):
            told = [f for f in people if field_mention(self.clause, f)]
            self.put((told or people)[0], "eq", owner["name"], owner.span())

    def _literals(self) -> None:
        for literal in self.clause.literals:
            if not self.free(literal.start, literal.end):
                continue
            fields = self.module.of_kind(literal.kind)
            title = self.module.field_named(self.module.title)
            if fields:
                self.put(fields[0], "eq", literal.value, (literal.start, literal.end))
            elif literal.kind == "quoted" and title is not None:
                self.put(title, "contains", literal.value, (literal.start, literal.end))

    def _modifier(self) -> None:
        """The name before the noun: "Globex contacts", "Sam's tasks"."""
        start = self.mention.span[0]
        single = re.search(r"\bthe\s+(?P<name>[A-Z][\w' -]+?)\s+$", self.clause.text[:start])
        title = self.module.field_named(self.module.title)
        if single and title and not self.mention.plural and self.free(*single.span("name")):
            self.put(title, "contains", single["name"], single.span())
            return
        run: list[Word] = []
        skipped = 0
        for word in reversed([w for w in self.clause.words if w.end <= start]):
            if not self.free(word.start, word.end):
                continue
            if (
                not run
                and skipped < 2
                and word.text.islower()
                and word.lower not in STOP
                and word is not self.clause.head
            ):
                skipped += 1
                continue
            if (
                not word.is_name
                or word.lower in STOP
                or (classes_of(word.lower) and word.start == 0)
                or word is self.clause.head
            ):
                break
            run.insert(0, word)
        if not run or run[0].text[0].isdigit() or self.mention.span == (0, 0):
            return
        span = (run[0].start, run[-1].end)
        text = self.clause.text[slice(*span)]
        possessive = re.search(r"['’]s?$", text)
        name = re.sub(r"['’]s?$", "", text)
        field = self._field_for_name("s" if possessive else "before", name)
        if field is not None:
            self.put(field, "contains" if field.name == self.module.title else "eq", name, span)

    def _phrases(self) -> None:
        for match in _TITLE_HAS.finditer(self.clause.text):
            title = self.module.field_named(self.module.title)
            rest = self.clause.text[match.end() :].strip(" .?!")
            if rest and title is not None and self.free(*match.span()) and not self.has(title):
                self.put(title, "contains", rest, (match.start(), len(self.clause.text)))
        self._noun_before_field()
        for chunk in chunks_of(self.clause, self.taken):
            if chunk.preposition and self.free(*chunk.span):
                self._phrase(chunk)

    def _noun_before_field(self) -> None:
        """“the api service”: the field's name after its value."""
        for field in self.module.of_kind("string"):
            match = re.search(
                rf"\bthe\s+(?P<value>[\w-]+)\s+{re.escape(field.name.lower())}\b", self.clause.text, re.IGNORECASE
            )
            if (
                match
                and field.name != self.module.title
                and self.free(*match.span())
                and match["value"].lower() not in STOP
                and not self.has(field)
            ):
                self.put(field, "eq", match["value"], match.span())

    def _phrase(self, chunk: Chunk) -> None:
        words = [w for w in chunk.words if w.lower not in {"the", "a", "an", "our", "my"}]
        while (
            words
            and (words[-1].lower in STOP or (classes_of(words[-1].lower) and not words[-1].is_name))
            and len(words) > 1
        ):
            words.pop()
        names = [w for w in words if w.is_name]
        if not words or len(words) > (4 if names else 2) or (words[0].lower in STOP and not names):
            return
        lead = self.clause.text[: chunk.words[0].start].rstrip()
        used = names if names and chunk.preposition != "on" else words
        text = self.clause.text[used[0].start : used[-1].end]
        possessive = re.search(r"['’]s$", text) is not None and chunk.preposition == "of"
        text = re.sub(r"['’]s$", "", text)
        if _PERSON_LEAD.search(lead):
            people = [f for f in self.module.fields if f.is_person]
            told = [f for f in people if field_mention(self.clause, f)]
            if people:
                self.put((told or people)[0], "ne" if self.denied(chunk.span[0]) else "eq", text, chunk.span)
            return
        used = [w for w in used if not any(w.stem in f.words for f in self.module.of_kind("string"))] or used
        text = re.sub(r"['’]s$", "", self.clause.text[used[0].start : used[-1].end])
        field = self._field_for_name("s" if possessive else chunk.preposition, text, words)
        if field is not None and not self.has(field):
            span = (used[0].start, used[-1].end)
            if not self.denied(span[0]):
                self.put(field, "contains" if field.name == self.module.title else "eq", text, span)
            elif field.name != self.module.title:
                self.put(field, "ne", text, span)

    def _field_for_name(self, preposition: str, text: str, words: Sequence[Word] = ()) -> RecordField | None:
        fields = [f for f in self.module.fields if f.kind in {"string", "text", "user", "relation"}]
        named = [f for f in fields if any(w.stem in f.words for w in words) or _field_before(self.clause, text, f)]
        organisations = [f for f in fields if f.is_organisation]
        towns = frozenset({"city", "town", "location", "country", "region", "place", "plac"})
        places = sorted(
            (f for f in fields if f.is_place), key=lambda f: (preposition == "at") == bool(towns & set(f.words))
        )
        people = [f for f in fields if f.is_person]
        title = self.module.field_named(self.module.title)
        others = [
            f for f in fields if f not in {*organisations, *places, *people} and f is not title and f.kind == "string"
        ]
        by_preposition = {
            "in": places or others[:0],
            "near": places,
            "at": organisations or places,
            "from": organisations or places,
            "with": organisations or people,
            "by": people or organisations,
            "for": organisations or people or ([title] if title else []),
            "of": [title] if title else [],
            "before": organisations or ([title] if title else []),
            "to": people,
            "s": people or organisations,
            "on": others[:1],
            "about": [title] if title else [],
            "regarding": [title] if title else [],
        }.get(preposition, [])
        if not text[0].isupper() and preposition not in {"on", "about", "regarding", "in", "at"}:
            by_preposition = []
        return next(iter(named or by_preposition), None)


def _field_before(clause: Clause, text: str, field: RecordField) -> bool:
    """Whether the field's own name stands right before `text`."""
    at = clause.text.find(text)
    before = [w.stem for w in clause.words if w.end <= at][-len(field.words) :]
    return at >= 0 and tuple(before) == field.words
