"""Conditions on records: "open incidents on checkout over 50k due this week" -> field, operator, value."""

import re
from collections.abc import Sequence

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.filter_base import NOT, Filter
from copilot_core.planner.filter_names import NameConditions
from copilot_core.planner.filter_values import ValueConditions
from copilot_core.planner.leftovers import leftovers
from copilot_core.planner.modules import done_option, field_mention, option_fields
from copilot_core.planner.options import Mention, find_options, option_stems
from copilot_core.planner.values import overlaps
from copilot_core.planner.words import Word, identifier_words, word_set
from copilot_core.planner.world import RecordField

_OVERDUE = re.compile(
    r"\b(?:overdue|past (?:their|its|the)? ?(?:due|deadline)(?: date)?|late|behind schedule)\b", re.IGNORECASE
)

_EITHER = re.compile(
    r"\bor\b(?!\s+(?:more|less|above|below|over|under|high|low|few|lat|earl|great|small|big|so)\w*)", re.I
)
_SAID_OF = re.compile(r"\b(?:is|are|still|that are)\s+(?:still\s+)?$", re.IGNORECASE)
_UNDONE = word_set("open unfinished incomplete pending outstanding active remaining undone uncompleted unresolved")


class Conditions(ValueConditions, NameConditions):
    """The conditions that `clause` puts on the records of one module."""

    def read(self) -> list[Filter]:
        """All conditions, in the order of their evidence."""
        self._overdue()
        self._keyed()
        self._options()
        self._absent()
        self._dates()
        self._keys()
        self._numbers()
        self._people()
        self._literals()
        self._modifier()
        self._phrases()
        return self.filters

    def unused(self, used: Sequence[Span], *, strict: bool = False) -> list[str]:
        """The words that no condition was read from, nor stands in `used`."""
        told = [self.clause.text[start:end] for start, end in self.undecided]
        either = _EITHER.search(self.clause.text)
        several = len({f["field"] for f in self.filters}) > 1 and not any(f["op"] == "in" for f in self.filters)
        if either and several and not self.undecided and not self.clause.quoted():
            told.append(either.group())
        return told + leftovers(self.clause, self.module, [*self.taken, *self.undecided], used, strict=strict)

    def _overdue(self) -> None:
        match = _OVERDUE.search(self.clause.text)
        due = [f for f in self.module.of_kind("date") if {"due", "deadlin", "until"} & set(f.words)]
        dates = due or (self.module.of_kind("date")[:1] if match and "overdue" in match.group().lower() else [])
        listed = any("overdu" in option_stems(o) for f in option_fields(self.module) for o in f.options)
        if match is None or not dates or listed:
            return
        self.put(dates[0], "lt", self.world.now.date().isoformat(), match.span())
        done = done_option(self.module)
        if done is not None:
            self.put(done[0], "ne", done[1])

    def _keyed(self) -> None:
        """“whose job title is CTO”: a text field by its name."""
        for field in self.module.of_kind("string", "text", "user", "relation"):
            name = r"\s*".join(map(re.escape, identifier_words(field.name)))
            match = re.search(
                rf"(?<!\w){name}\s*(?:=|:|\bis\b|\bequals\b|\bof\b)\s*(?P<value>[^,;?]+?)(?=\s+(?:and"
                rf"|or|with|due|in|over|under|sorted)\b|[,;?.]|$)",
                self.clause.text,
                re.IGNORECASE,
            )
            if match is not None and self.free(*match.span()):
                self.put(field, "eq", match["value"].strip(" \"'"), match.span())

    def _options(self) -> None:
        taken_words: list[tuple[RecordField, Mention]] = []
        quotes = [(q.start, q.end) for q in self.clause.quoted()]
        for field in option_fields(self.module):
            skip = [*self.taken, *quotes]
            found = find_options(self.clause, field.options, 0.62, skip)
            noun = [self.mention.span]
            taken_words.extend((field, m) for m in found if m.strength >= 0.8 or not overlaps(*m.span, noun))
        dated = [
            s
            for f in self.module.of_kind("date")
            if self.clause.dates and (s := field_mention(self.clause, f, self.taken))
        ]
        taken_words = [
            (f, m)
            for f, m in taken_words
            if not (overlaps(*m.span, dated) and self.clause.text[slice(*m.span)].lower().endswith(("ed", "ing")))
        ]
        best = [
            (f, m)
            for f, m in taken_words
            if not any(_beats(o, m, f, g, self.clause) for g, o in taken_words if g is not f)
        ]
        for field in option_fields(self.module):
            mine = [m for f, m in best if f is field and self.free(*m.span)]
            strong = [m for m in mine if m.strength == max(x.strength for x in mine)]
            self._conditions_on(field, mine if all(m.strength > 0.7 for m in mine) else strong)
        self._negated_words()
        self._alternatives(best)

    def _alternatives(self, found: Sequence[tuple[RecordField, Mention]]) -> None:
        """“high priority or blocked”: all conditions must hold, so either of two fields cannot be asked for."""
        for field, mention in found:
            for rival, other in found:
                between = self.clause.text[mention.span[1] : other.span[0]]
                if field is rival or not re.fullmatch(
                    rf"\s+(?:{field.name}\s+)?or\s+(?:{rival.name}\s+)?", between, re.I
                ):
                    continue
                self.filters = [f for f in self.filters if f["field"] not in {field.name, rival.name}]
                self.taken = [s for s in self.taken if not overlaps(*s, [mention.span, other.span])]
                self.undecided.append((mention.span[0], other.span[1]))

    def _absent(self) -> None:
        """“without a phone number”: a field that is empty."""
        for field in self.module.fields:
            name = r"\s*".join(map(re.escape, identifier_words(field.name)))
            match = re.search(
                rf"\b(?:without|with no|missing|lacking|have no|has no)\s+(?:an?\s+|the\s+|any\s+|their\s+)?{name}"
                r"(?:\s+(?:number|address))?\b",
                self.clause.text,
                re.IGNORECASE,
            )
            if match and self.free(*match.span()) and not self.has(field):
                self.put(field, "empty", True, match.span())

    def _conditions_on(self, field: RecordField, mentions: list[Mention]) -> None:
        values = list(dict.fromkeys(str(m.value) for m in mentions))
        denied = [m for m in mentions if NOT.search(self.clause.text[: m.span[0]])]
        if len(values) > 1 and not denied and len(values) == len(field.options) - 1:
            rest = next(o for o in field.options if o not in values)
            self.put(field, "ne", rest, *(m.span for m in mentions))
            return
        if len(values) > 1 and not denied:
            self.put(field, "in", values, *(_with_field_word(self.clause, m.span, field) for m in mentions))
            return
        for mention in mentions:
            op = "ne" if mention in denied or (denied and mention.span > denied[0].span) else "eq"
            self.put(field, op, mention.value, _with_field_word(self.clause, mention.span, field))

    def _negated_words(self) -> None:
        """“unresolved”, “unpaid”, “not finished yet”: the option that the rest of the word names is excluded."""
        for word in self.clause.words:
            if (
                not self.free(word.start, word.end)
                or len(word.stem) < 6
                or not word.lower.startswith(("un", "in", "non"))
            ):
                continue
            root = re.sub(r"^(?:un|in|non-?)", "", word.stem)
            for field in option_fields(self.module):
                options = [o for o in field.options if any(_alike_root(root, s) for s in option_stems(o))]
                if options and not self.has(field):
                    self.put(field, "ne", options[0], (word.start, word.end))
                    break
        for word in self.clause.words:
            self._undone(word)

    def _undone(self, word: Word) -> None:
        """“open tasks” where no option is called so: all that are not done."""
        done = done_option(self.module)
        if (
            done is None
            or word.lower not in _UNDONE
            or self.has(done[0])
            or not self.free(word.start, word.end)
            or not (word.end <= self.mention.span[0] or _SAID_OF.search(self.clause.text[: word.start]))
        ):
            return
        self.put(done[0], "ne", done[1], (word.start, word.end))


def _beats(left: Mention, right: Mention, field: RecordField, rival: RecordField, clause: Clause) -> bool:
    """Whether another field's claim on the same words is the better one."""
    if not (left.span[0] < right.span[1] and right.span[0] < left.span[1]):
        return False
    if left.strength != right.strength:
        return left.strength > right.strength
    return field_mention(clause, rival) is not None and field_mention(clause, field) is None


def _alike_root(root: str, option: str) -> bool:
    short, long = sorted((root, option), key=len)
    return len(short) >= 3 and long.startswith(short) and len(long) - len(short) <= 3


def _with_field_word(clause: Clause, span: Span, field: RecordField) -> Span:
    """An option with its field's name beside it: "high priority", "status open"."""
    mention = field_mention(clause, field)
    if mention is None:
        return span
    between = clause.text[min(span[1], mention[1]) : max(span[0], mention[0])]
    return (min(span[0], mention[0]), max(span[1], mention[1])) if len(between) <= 4 else span
