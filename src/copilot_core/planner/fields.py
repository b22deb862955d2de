"""Field values of a new record: "critical incident: payments api is down" -> title, severity."""

import re
from collections.abc import Sequence
from typing import Any

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.dates import When
from copilot_core.planner.modules import ModuleMention, field_mention, option_fields
from copilot_core.planner.options import find_options
from copilot_core.planner.prose import clean, tidy, without
from copilot_core.planner.values import Number, overlaps
from copilot_core.planner.vocabulary import STOP, similar
from copilot_core.planner.words import Word, identifier_words, stem, stem_set, words_of
from copilot_core.planner.world import RecordField, World

_CALLED = re.compile(
    r"\b(?:called|named|titled|entitled|with (?:the )?(?:title|name|subject)(?: of)?)\s*:?\s*", re.IGNORECASE
)
_AT_ORGANISATION = re.compile(
    r"(?:,\s*)?\b(?:(?:who\s+)?(?:works|working|employed|is|who is|he['’]s|she['’]s)\s+(?:at|for|with)|at|from|of|for|with)\s+(?:company\s+)?(?=[A-Z0-9])",
    re.I,
)
_TO_PERSON = re.compile(
    r"(?:,\s*)?(?:\band\s+)?\b(?:(?:assign(?:ed)?|give|hand)\s+(?:it\s+|that\s+|them\s+)?(?:over\s+)?to|owned by|owner(?: is)?|assignee(?: is)?|for|responsible:?)\s+(?P<name>(?-i:[A-Z][\w'-]*(?:\s+[A-Z][\w'-]*)*)|me\b)",
    re.I,
)
_ROLE = stem_set("job role position occupation")
_KEY_SIGN = r"\s*(?:=|:|\bis\b|\bof\b|\bto\b|\bset to\b)?\s*"
_VALUE_STOP = re.compile(
    r",|;|\s+(?:and|with|due|for|by|in the|at|who|priority|severity|status|assigned|\()\b|\s*\(|\.(?:\s|$)",
    re.IGNORECASE,
)
_MONEY = stem_set("value amount price revenue budget total salary cost fee worth income arr mrr rent deal")


class Draft:
    """The field values that a clause gives a record of one module."""

    def __init__(self, clause: Clause, mention: ModuleMention, world: World, skip: Sequence[Span] = ()) -> None:
        self.clause, self.module, self.mention, self.world = clause, mention.module, mention, world
        self.values: dict[str, Any] = {}
        self.taken: list[Span] = list(skip)
        self.title = mention.module.field_named(mention.module.title)

    def read(self, *, with_title: bool = True) -> dict[str, Any]:
        """All values; the title takes what is left."""
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
        if with_title:
            self._rest()
            self._more_segments()
        return self.values

    def put(self, field: RecordField, value: Any, *spans: Span) -> None:
        """Keep a value, once per field."""
        if field.name not in self.values:
            self.values[field.name] = value
            self.taken.extend(spans)

    def free(self, start: int, end: int) -> bool:
        """Whether nothing was read from there yet."""
        return not overlaps(start, end, self.taken)

    def _open(self, *kinds: str) -> list[RecordField]:
        return [f for f in self.module.of_kind(*kinds) if f.name not in self.values]

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
        ends = [
            m.start()
            for m in re.finditer(
                r",|;|\s+\(|\s+(?:with|due|assigned|owned|worth|at|by|from|who|whose|based|located|and (?:assign|set|make|give|due|with))\b|\.\s",
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

    def _lead(self, start: int) -> int:
        match = re.search(
            r"(?:[,\s]*\b(?:due|by|on|at|for|before|until|closes?|closing|in|opened|starting|from|is|the|deadline|expected)\s+)+$",
            self.clause.text[:start],
            re.I,
        )
        return match.start() if match else start

    def _literals(self) -> None:
        for kind in ("email", "phone", "url"):
            for field, literal in zip(self._open(kind), self.clause.of_kind(kind), strict=False):
                if self.free(literal.start, literal.end):
                    self.put(field, literal.value, (self._key_start(field, literal.start), literal.end))

    def _key_start(self, field: RecordField, start: int) -> int:
        """`start`, or where the field's own name begins right before it."""
        match = re.search(r"[\w-]+\s*(?:is|:|=|of)?\s*$", self.clause.text[:start])
        if match and any(
            similar(stem(w.text), p) >= 0.9 for w in words_of(match.group()) for p in (*field.words, field.kind)
        ):
            owner = re.search(r"(?:,\s*)?\b(?:his|her|their|its|the|with)\s+$", self.clause.text[: match.start()], re.I)
            return owner.start() if owner else match.start()
        return start

    def _keyed(self) -> None:
        """``city Munich``, ``job title: CTO``: a field's whole name before its value."""
        for field in self.module.fields:
            if (
                field.name in self.values
                or field.kind in {"enum", "date", "email", "phone", "url"}
                or field is self.title
            ):
                continue
            name = r"\s*".join(
                map(re.escape, re.findall(r"[a-z]+|\d+", re.sub(r"([a-z])([A-Z])", r"\1 \2", field.name).lower()))
            )
            for match in re.finditer(rf"(?<!\w){name}(?!\w){_KEY_SIGN}", self.clause.text, re.IGNORECASE):
                if self.free(*match.span()) and not overlaps(*match.span(), [self.mention.span]):
                    self._put_keyed(field, match)

    def _put_keyed(self, field: RecordField, match: re.Match[str]) -> None:
        if field.kind == "number":
            number = next((n for n in self.clause.numbers if 0 <= n.start - match.end() <= 2), None)
            if number is not None:
                self.put(field, number.plain, (match.start(), number.end))
            return
        stop = _VALUE_STOP.search(self.clause.text, match.end())
        end = stop.start() if stop else len(self.clause.text)
        if field.kind == "text":
            end = len(self.clause.text) if re.search("[:=]", match.group()) else end
        text = tidy(self.clause.text[match.end() : end])
        signed = re.search(r"[:=]|\bis\b", match.group()) is not None or self.clause.text[
            : match.start()
        ].rstrip().endswith((",", ";"))
        if text and (signed or text[0].isupper() or text[0].isdigit()) and text.lower() not in STOP:
            self.put(field, text, (match.start(), end))

    def _dates(self) -> None:
        fields = self._open("date")
        for when in self.clause.dates:
            if not fields or not self.free(when.start, when.end):
                continue
            field = self._date_field(fields, when)
            day = (
                when.last
                if when.is_span
                and re.search(
                    r"(?:by|closes?|closing|due|end)\b",
                    self.clause.text[: when.start][-12:] + self.clause.text[when.start : when.start + 8],
                    re.I,
                )
                else when.first
            )
            self.put(field, day.isoformat(), (self._past_name(field, self._lead(when.start)), when.end))
            fields.remove(field)

    def _past_name(self, field: RecordField, start: int) -> int:
        """`start`, or where "with close date" begins if that stands right before it."""
        name = r"\s*".join(map(re.escape, identifier_words(field.name)))
        match = re.search(
            rf"(?:[,\s]*\b(?:with|and|the|a|its|has)\s+)*\b{name}\s*(?:is|of|on|:|=)?\s*$",
            self.clause.text[:start],
            re.IGNORECASE,
        )
        return match.start() if match else start

    def _date_field(self, fields: list[RecordField], when: When) -> RecordField:
        near = Clause(self.clause.text[max(0, when.start - 25) : when.end + 12], self.clause.now)
        named = [f for f in fields if field_mention(near, f)]
        due = [f for f in fields if {"due", "deadlin", "close", "clos", "end", "expir"} & set(f.words)]
        return (named or due or fields)[0]

    def _options(self) -> None:
        for field in option_fields(self.module):
            if field.name in self.values:
                continue
            for mention in find_options(self.clause, field.options, 0.62, [*self.taken, self.clause.head_span]):
                span = self._option_span(field, mention.span, mention.strength)
                if span is not None and self.free(*mention.span):
                    self.put(field, mention.value, span)
                    break

    def _option_span(self, field: RecordField, span: Span, strength: float) -> Span | None:
        """The place of an option that is meant as one, and is no word of the title."""
        named = field_mention(self.clause, field, self.taken)
        if named is not None and named[0] and self.clause.text[named[0]].isupper():
            named = None
        if named is not None and (0 <= named[0] - span[1] <= 2 or -1 <= span[0] - named[1] <= 5):
            lead = re.search(r"\b(?:with|at|in|and|as)?\s*(?:a\s+)?$", self.clause.text[: min(span[0], named[0])], re.I)
            return (lead.start() if lead else min(span[0], named[0])), max(span[1], named[1])
        text, start = self.clause.text, self.mention.span[0]
        before_noun = self.mention.span != (0, 0) and span[1] <= start and len(words_of(text[span[1] : start])) <= 2
        alone = re.search(
            r"(?:^|[,;(.]|\b(?:the|an?)(?=\s))\s*(?:it['’]?s\s+|is\s+|and\s+|stage\s+)?$", text[: span[0]], re.I
        ) and re.match(r"\s*(?:$|[,;).])", text[span[1] :])
        role = re.search(
            r"\b(?:as|in|marked|status|stage|at|is|it['’]?s)\s+(?:an?\s+)?$", text[: span[0]], re.I
        ) and re.match(r"\s*(?:$|[,;).]|stage|status)", text[span[1] :])
        early = (
            self.mention.span == (0, 0)
            and strength >= 1.0
            and span[0] > self.clause.head_span[1]
            and len(words_of(text[: span[0]])) <= 3
        )
        if strength >= 0.65 and (early or before_noun or alone or (role and strength >= 0.8)):
            return span if not role else (role.start(), span[1])
        return None

    def _numbers(self) -> None:
        for number in self.clause.numbers:
            fields = self._open("number")
            if not fields or not self.free(number.start, number.end) or number.is_word:
                continue
            field = self._number_field(fields, number)
            if field is not None:
                self.put(field, number.plain, self._number_span(field, number))

    def _number_field(self, fields: list[RecordField], number: Number) -> RecordField | None:
        near = Clause(self.clause.text[max(0, number.start - 18) : number.end + 14], self.clause.now)
        named = [
            f
            for f in fields
            if field_mention(near, f) or (number.unit and any(similar(stem(number.unit), w) for w in f.words))
        ]
        money = [f for f in fields if _MONEY & set(f.words)]
        alone = re.search(r"[,(]\s*$", self.clause.text[: number.start]) or re.search(
            r"\bworth\s+$", self.clause.text[: number.start], re.I
        )
        if named:
            return named[0]
        if number.is_money:
            return (money or fields)[0]
        return (money or fields)[0] if alone else None

    def _number_span(self, field: RecordField, number: Number) -> Span:
        lead = re.search(
            r"(?:[,\s]*\b(?:worth|for|at|with|of|about|value|valued at|around|a|and|,)\s+)+$",
            self.clause.text[: number.start],
            re.I,
        )
        tail = re.match(r"\s*([^\W\d_]+)", self.clause.text[number.end :])
        own = tail is not None and any(similar(stem(tail[1].lower()), w) for w in field.words)
        start = self._past_name(field, lead.start() if lead else self._key_start(field, number.start))
        return start, number.end + (tail.end() if own and tail else 0)

    def _people(self) -> None:
        for match in _TO_PERSON.finditer(self.clause.text):
            organised = any(f.is_organisation for f in self.module.fields) and match.group().strip(
                " ,"
            ).lower().startswith("for")
            people = [
                f
                for f in self.module.fields
                if not organised
                and f.is_person
                and f.name not in self.values
                and (f.kind == "user" or match.group().split()[0].lower() != "for")
            ]
            name = match["name"]
            if (
                not people
                or not self.free(*match.span())
                or (match.group().lower().startswith("for") and not self._is_person_for(match))
            ):
                continue
            value = (self.world.user_name or "me") if name.lower() == "me" else name
            told = [f for f in people if field_mention(self.clause, f)]
            self.put((told or people)[0], value, match.span())

    def _is_person_for(self, match: re.Match[str]) -> bool:
        """“a task for Sam”: right after the noun, and Sam is a single word."""
        return (
            self.mention.span[1] > 0
            and match.start() - self.mention.span[1] <= 1
            and " " not in match["name"]
            and self.mention.module.of_kind("user") != []
        )

    def _organisation(self) -> None:
        fields = [
            f for f in self.module.fields if f.is_organisation and f.name not in self.values and f is not self.title
        ]
        if not fields:
            return
        for match in _AT_ORGANISATION.finditer(self.clause.text):
            strong = re.search(r"\b(?:at|from|works|working|employed)\b", match.group(), re.I)
            if not self.free(match.end(), match.end() + 1) or (
                not strong and self._title_would_be_empty(match.start())
            ):
                continue
            stop = _VALUE_STOP.search(self.clause.text, match.end())
            names = self._names_from(match.end(), stop.start() if stop else len(self.clause.text))
            if names and (strong or "works" in match.group() or match.group().strip(" ,").lower().startswith("for")):
                self.put(fields[0], self.clause.text[names[0].start : names[-1].end], (match.start(), names[-1].end))
                return

    def _title_would_be_empty(self, before: int) -> bool:
        """Nothing but the noun stands before: "a deal for Initech" is named by what follows."""
        if self.title is None or self.title.name in self.values or self.clause.body is not None:
            return False
        lead = self.clause.text[max(self.mention.span[1], self.clause.head_span[1]) : before]
        return not clean(
            without(
                lead,
                [(a - before + len(lead), b - before + len(lead)) for a, b in self.taken if a >= before - len(lead)],
            )
        )

    def _names_from(self, start: int, end: int) -> list[Word]:
        found: list[Word] = []
        for word in self.clause.words:
            if word.start < start or word.end > end:
                continue
            if not word.is_name or overlaps(
                word.start, word.end, [*self.taken, *((w.start, w.end) for w in self.clause.dates)]
            ):
                break
            found.append(word)
        return found

    def _place(self) -> None:
        fields = [f for f in self.module.fields if f.is_place and f.name not in self.values]
        match = re.search(r"(?:,\s*)?\b(?:based in|located in|in)\s+(?=[A-Z])", self.clause.text)
        if fields and match and self.free(match.end(), match.end() + 1):
            stop = _VALUE_STOP.search(self.clause.text, match.end())
            names = self._names_from(match.end(), stop.start() if stop else len(self.clause.text))
            if names:
                self.put(fields[0], self.clause.text[names[0].start : names[-1].end], (match.start(), names[-1].end))

    def _rest(self) -> None:
        if self.title is None or self.title.name in self.values:
            return
        text = self._title_text()
        if text:
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
            r"\s+(?:as|to)\s+(?:an?\s+|my\s+|the\s+|our\s+)?(?:new\s+)?$", self.clause.text[: self.mention.span[0]]
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
            r"^(?:to|for|about|that|saying|:|-|,|record|entry|(?:in|into|to|on) (?:the |my )?(?:list|system|crm|pipeline|board))\s+",
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

    def _subject_of_body(self, begin: int) -> None:
        """``incident on checkout: card payments fail``: what the text after the colon is about."""
        match = re.search(
            r"\b(?:for|on|in|about)\s+(?:the\s+)?(?P<what>[\w-]+)(?:\s+\w+)?\s*:\s*$", self.clause.text[:begin]
        )
        fields = [f for f in self.module.of_kind("string") if f is not self.title and f.name not in self.values]
        others = [f for f in fields if not (f.is_organisation or f.is_place or f.is_person or _ROLE & set(f.words))]
        if match and others and self.free(*match.span("what")) and self.mention.span[1] <= match.start():
            self.values[others[0].name] = match["what"]

    def _more_segments(self) -> None:
        """``Jonas Weber, CFO``, ``'Ines Duarte' (Head of Sales, Vandelay)``: what follows the title goes to text fields."""
        if (
            self.title is None
            or self.title.name not in self.values
            or not isinstance(self.values[self.title.name], str)
        ):
            return
        title = self.values[self.title.name]
        named = self.clause.text.find(title)
        segments = (
            [tidy(s) for s in re.split(r"\s*[,;]\s*|\s+[-–|]\s+|\s*\(\s*|\s*\)\s*", title) if tidy(s)]
            if not self.clause.quoted()
            else [title]
        )
        bracket = re.search(r"\(([^)]+)\)", self.clause.text[max(named, 0) :]) if self.clause.quoted() else None
        segments += [tidy(s) for s in bracket[1].split(",")] if bracket else []
        rest = [s for s in segments[1:] if not self._takes(s)]
        if len(rest) < len(segments) - 1 or bracket:
            self.values[self.title.name] = ", ".join([segments[0], *(rest if not bracket else [])])

    def _takes(self, segment: str) -> bool:
        """Whether some text field is there for `segment`."""
        part = Clause(re.sub(r"^(?:an?|the)\s+", "", segment), self.clause.now)
        for field in option_fields(self.module):
            found = find_options(part, field.options, 0.8) if field.name not in self.values else []
            if found:
                self.values[field.name] = found[0].value
                left = clean(without(part.text, [found[0].span]))
                return not left or self._takes(left)
        if not part.text[:1].isupper() or len(part.words) > 4:
            return False
        fields = [f for f in self.module.of_kind("string") if f.name not in self.values and f is not self.title]
        roles = [f for f in fields if _ROLE & set(f.words)]
        chosen = next(
            (
                f
                for f in (
                    *roles,
                    *(f for f in fields if f.is_organisation),
                    *(f for f in fields if not f.is_place),
                    *fields,
                )
            ),
            None,
        )
        if chosen is not None:
            self.values[chosen.name] = part.text
        return chosen is not None

    def _first_segment(self, text: str) -> str:
        """A title ends at a comma if something short and value-like followed it."""
        return tidy(re.sub(r"\s*,\s*(?:and\s*)?$", "", text))


def new_values(clause: Clause, mention: ModuleMention, world: World) -> dict[str, Any]:
    """The field values for one new record."""
    return Draft(clause, mention, world).read()
