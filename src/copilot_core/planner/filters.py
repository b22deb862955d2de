"""Conditions on records: "open incidents on checkout over 50k due this week" -> field, operator, value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from copilot_core.planner.chunks import Chunk, chunks_of
from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.dates import When
from copilot_core.planner.modules import ModuleMention, done_option, field_mention, option_fields
from copilot_core.planner.options import Mention, find_options, option_stems
from copilot_core.planner.values import Number, overlaps
from copilot_core.planner.vocabulary import STOP, classes_of, similar
from copilot_core.planner.words import Word, identifier_words, stem, stem_set, word_set, words_of
from copilot_core.planner.world import RecordField, World

_NOT = re.compile(
    r"\b(?:not|isn['’]?t|aren['’]?t|except(?: for)?|excluding|without|non|never|other than|haven['’]?t been|hasn['’]?t been|but not|no longer|anything but)[\s-]+(?:\w+\s+){0,2}$|(?:n['’]t)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)
_OVERDUE = re.compile(
    r"\b(?:overdue|past (?:their|its|the)? ?(?:due|deadline)(?: date)?|late|behind schedule)\b", re.IGNORECASE
)
_COMPARE = (
    ("gte", r"at least|no less than|not less than|minimum(?: of)?|min|starting (?:at|from)|from|>=|≥|since"),
    ("lte", r"at most|no more than|not more than|up to|maximum(?: of)?|max|<=|≤|within"),
    (
        "gt",
        r"over|above|more than|greater than|bigger than|larger than|higher than|exceeding|exceeds?|beyond|north of|upwards of|older than|longer than|>|past",
    ),
    (
        "lt",
        r"under|below|less than|fewer than|smaller than|lower than|cheaper than|shorter than|younger than|south of|<",
    ),
    ("eq", r"exactly|equal to|equals|=|of|worth|is|at|for"),
)
_COMPARATORS = [
    (op, re.compile(rf"(?:^|(?<=\s)|(?<=\())(?:{words})\s*(?:the\s+|a\s+)?$", re.IGNORECASE)) for op, words in _COMPARE
]
_DATE_OPERATORS = (
    ("lt", re.compile(r"\b(?:before|earlier than|prior to|older than|up to)\s+(?:the\s+)?$", re.I)),
    ("lte", re.compile(r"\b(?:by|until|till|no later than|not later than|through)\s+(?:the\s+)?$", re.I)),
    ("gt", re.compile(r"\b(?:after|later than|past|beyond|newer than)\s+(?:the\s+)?$", re.I)),
    ("gte", re.compile(r"\b(?:since|starting(?: on| from)?|as of)\s+(?:the\s+)?$", re.I)),
)
_LIMIT_BEFORE = re.compile(
    r"\b(?:top|first|last|latest|newest|oldest|biggest|largest|limit(?: of| to)?|any|up to|max|just|only|me|the|show|list|get|give)\s+$",
    re.I,
)
_UNDONE = word_set("open unfinished incomplete pending outstanding active remaining undone uncompleted unresolved")
_MONEY = stem_set("value amount price revenue budget total salary cost fee worth income arr mrr rent pay")
_MINE = re.compile(
    r"\b(?:my|mine|assigned to me|owned by me|i own|i(?:['’]m| am) (?:responsible|assigned)|(?:on|for) me|do i have|i have|i['’]ve got)\b",
    re.I,
)
_TITLE_HAS = re.compile(
    r"\b(?:called|named|titled|containing|contain(?:s)?|mentioning|with (?:the )?(?:word|name|title))\s+", re.I
)
_PERSON_LEAD = re.compile(
    r"\b(?:assigned|belong\w*|given|delegated|owned|managed|handled|led|run|reported|created|opened|driven|held|written)\s+(?:to|by)$",
    re.I,
)

Filter = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sorting:
    """The order a query asks for."""

    field: str
    order: str
    span: Span


class Conditions:
    """The conditions that `clause` puts on the records of one module."""

    def __init__(self, clause: Clause, mention: ModuleMention, world: World, skip: Sequence[Span] = ()) -> None:
        self.clause, self.module, self.world = clause, mention.module, world
        self.mention = mention
        named = mention.span != (0, 0) and (mention.strength == 1.0 or _other_option(clause, mention))
        self.taken: list[Span] = [*skip, *([mention.span] if named else [])]
        self.filters: list[Filter] = []
        self.weak = False

    def read(self) -> list[Filter]:
        """All conditions, in the order of their evidence."""
        self._overdue()
        self._keyed()
        self._options()
        self._dates()
        self._numbers()
        self._people()
        self._literals()
        self._modifier()
        self._phrases()
        return self.filters

    def put(self, field: RecordField, op: str, value: Any, *spans: Span) -> None:
        """Add a condition once."""
        entry = {"field": field.name, "op": op, "value": value}
        if entry not in self.filters:
            self.filters.append(entry)
        self.taken.extend(spans)

    def has(self, field: RecordField) -> bool:
        """Whether there is a condition on `field` already."""
        return any(f["field"] == field.name for f in self.filters)

    def free(self, start: int, end: int) -> bool:
        """Whether nothing was read from there yet."""
        return not overlaps(start, end, self.taken)

    # -- options --------------------------------------------------------------------------------

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
                rf"(?<!\w){name}\s*(?:=|:|\bis\b|\bequals\b|\bof\b)\s*(?P<value>[^,;?]+?)(?=\s+(?:and|or|with|due|in|over|under|sorted)\b|[,;?.]|$)",
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
            for mention in find_options(self.clause, field.options, 0.62, skip):
                if mention.strength >= 0.8 or not overlaps(*mention.span, [self.mention.span]):
                    taken_words.append((field, mention))
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

    def _conditions_on(self, field: RecordField, mentions: list[Mention]) -> None:
        values = list(dict.fromkeys(str(m.value) for m in mentions))
        denied = [m for m in mentions if _NOT.search(self.clause.text[: m.span[0]])]
        if len(values) > 1 and not denied and len(values) == len(field.options) - 1:
            rest = next(o for o in field.options if o not in values)
            self.put(field, "ne", rest, *(m.span for m in mentions))
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
            or not word.end <= self.mention.span[0]
        ):
            return
        self.put(done[0], "ne", done[1], (word.start, word.end))

    # -- dates ----------------------------------------------------------------------------------

    def _dates(self) -> None:
        fields = self.module.of_kind("date")
        whens = [w for w in self.clause.dates if self.free(w.start, w.end)]
        if not fields or not whens:
            return
        field = self._date_field(fields)
        lead = self.clause.text[: whens[0].start]
        if len(whens) == 2 and re.search(r"\b(?:between|from)\s+(?:the\s+)?$", lead, re.IGNORECASE):
            self._range(field, whens[0], whens[1])
            return
        for when in whens:
            self._date(field, when)

    def _date_field(self, fields: list[RecordField]) -> RecordField:
        told = [(field_mention(self.clause, f, self.taken), f) for f in fields]
        named = [f for span, f in told if span is not None]
        if named:
            return named[0]
        return next((f for f in fields if {"due", "deadlin"} & set(f.words)), fields[0])

    def _range(self, field: RecordField, first: When, last: When) -> None:
        self.put(field, "gte", first.first.isoformat(), (first.start, first.end))
        self.put(field, "lte", last.last.isoformat(), (last.start, last.end))

    def _date(self, field: RecordField, when: When) -> None:
        lead = self.clause.text[: when.start]
        op = next((op for op, pattern in _DATE_OPERATORS if pattern.search(lead)), None)
        inside = re.match(r"(before|after|since|until|till|by|from)\b", self.clause.text[when.start :], re.IGNORECASE)
        if op is None and inside:
            op = {"before": "lt", "after": "gt", "since": "gte", "from": "gte"}.get(inside[1].lower(), "lte")
        start = _with_lead(self.clause, when.start)
        if op is not None:
            day = when.last if op in {"gt", "lte"} else when.first
            self.put(field, op, day.isoformat(), (start, when.end))
        elif when.open_start:
            self.put(field, "gte", when.first.isoformat(), (start, when.end))
        elif when.is_span:
            self._range(field, when, when)
        else:
            self.put(field, "eq", when.first.isoformat(), (start, when.end))

    # -- amounts --------------------------------------------------------------------------------

    def limit(self) -> tuple[int, Span] | None:
        """How many records are asked for: "top 5", "the 3 biggest"."""
        for number in self.clause.numbers:
            if (
                number.is_money
                or number.unit == "%"
                or number.value != int(number.value)
                or not self.free(number.start, number.end)
            ):
                continue
            lead, after = self.clause.text[: number.start], self.clause.text[number.end :]
            ranked = re.match(r"\s*(?:most|least|\w+est|latest|top|highest|best)\b", after, re.IGNORECASE)
            noun = number.end <= self.mention.span[0] and not re.search(
                r"[,;]|\b(?:over|than|least|most)\b", self.clause.text[number.start - 12 : number.start]
            )
            direct = noun and len(words_of(self.clause.text[number.end : self.mention.span[0]])) <= 3
            if (
                (
                    _LIMIT_BEFORE.search(lead)
                    and (direct or ranked or re.search(r"(?:top|first|limit(?: of| to)?|up to)\s+$", lead, re.I))
                )
                or ranked
                or (not lead.strip() and direct)
            ):
                return int(number.value), (number.start, number.end)
        return None

    def _numbers(self) -> None:
        fields = self.module.of_kind("number")
        limit = self.limit()
        if limit is not None:
            self.taken.append(limit[1])
        numbers = [n for n in self.clause.numbers if self.free(n.start, n.end)]
        if not fields or not numbers:
            return
        lead = self.clause.text[: numbers[0].start]
        if len(numbers) >= 2 and re.search(r"\b(?:between|from)\s+$", lead, re.IGNORECASE):
            field = self._number_field(fields, numbers[1])
            low = (
                numbers[0].value
                if numbers[0].value >= 1000 or numbers[1].value < 1000 or numbers[0].is_money
                else numbers[0].value
            )
            scale = numbers[1].value / max(low, 1) >= 1000 and not numbers[0].is_money and numbers[1].is_money
            self.put(field, "gte", _plain(low * 1000 if scale else low), (numbers[0].start, numbers[0].end))
            self.put(field, "lte", numbers[1].plain, (numbers[1].start, numbers[1].end))
            return
        for number in numbers:
            op = self._comparison(number)
            if op is not None or number.is_money or field_mention(self.clause, self._number_field(fields, number)):
                self.put(
                    self._number_field(fields, number),
                    op or "eq",
                    number.plain,
                    (_with_lead(self.clause, number.start), number.end),
                )

    def _comparison(self, number: Number) -> str | None:
        after = self.clause.text[number.end : number.end + 24].lower()
        if re.match(r"\s*(?:\w+\s+)?(?:or more|or above|or higher|plus|and up|and above)|\+", after):
            return "gte"
        if re.match(r"\s*(?:\w+\s+)?(?:or less|or fewer|or below|or under|or lower|max)", after):
            return "lte"
        lead = self.clause.text[: number.start]
        return next((op for op, pattern in _COMPARATORS if pattern.search(lead)), None)

    def _number_field(self, fields: list[RecordField], number: Number) -> RecordField:
        unit = stem(number.unit) if number.unit else ""
        by_unit = [f for f in fields if unit and any(similar(unit, w) for w in f.words)]
        named = [f for f in fields if field_mention(self.clause, f)]
        money = [f for f in fields if _MONEY & set(f.words)]
        return (by_unit or named or (money if number.is_money else []) or money or fields)[0]

    # -- names ----------------------------------------------------------------------------------

    def _people(self) -> None:
        people = [f for f in self.module.fields if f.is_person]
        match = _MINE.search(self.clause.text)
        if people and match and self.world.user_name and self.free(*match.span()):
            mine = next((f for f in people if field_mention(self.clause, f)), people[0])
            self.put(mine, "eq", self.world.user_name, match.span())

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
        field = self._field_for_name("s" if possessive else "of", name)
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
                self.put((told or people)[0], "eq", text, chunk.span)
            return
        used = [w for w in used if not any(w.stem in f.words for f in self.module.of_kind("string"))] or used
        text = re.sub(r"['’]s$", "", self.clause.text[used[0].start : used[-1].end])
        field = self._field_for_name("s" if possessive else chunk.preposition, text, words)
        if field is not None and not self.has(field):
            span = (used[0].start, used[-1].end)
            self.put(field, "contains" if field.name == self.module.title else "eq", text, span)

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
            "of": organisations or ([title] if title else []),
            "to": people,
            "s": people or organisations,
            "on": others[:1],
            "about": [title] if title else [],
            "regarding": [title] if title else [],
        }.get(preposition, [])
        if not text[0].isupper() and preposition not in {"on", "about", "regarding", "in", "at"}:
            by_preposition = []
        return next(iter(named or by_preposition), None)


def sorting(clause: Clause, mention: ModuleMention) -> Sorting | None:
    """The order asked for: by a named field, or by a superlative."""
    module = mention.module
    match = re.search(
        r"\b(?:sort(?:ed)?|order(?:ed)?|rank(?:ed)?)\s+by\s+(?P<field>[\w\s]+?)(?P<down>\s*,?\s*(?:desc\w*|highest first|(?:from )?high(?:est)? to low\w*|newest first|largest first|latest first))?(?:\s*(?:asc\w*|lowest first|oldest first|low to high))?\s*$",
        clause.text,
        re.I,
    )
    if match is not None:
        told = Clause(match["field"], clause.now)
        field = next((f for f in module.fields if field_mention(told, f)), None)
        if field is not None:
            return Sorting(
                field.name,
                "desc" if match["down"] or re.search("desc|highest|newest|largest", match["field"], re.I) else "asc",
                match.span(),
            )
    return _superlative(clause, mention)


_SUPERLATIVES = (
    ("number", "desc", "biggest largest highest most greatest priciest richest top best expensive dearest"),
    ("number", "asc", "smallest lowest cheapest least fewest tiniest"),
    ("date", "desc", "latest newest recent freshest"),
    ("date", "asc", "oldest earliest soonest upcoming"),
)


def _superlative(clause: Clause, mention: ModuleMention) -> Sorting | None:
    for kind, order, words in _SUPERLATIVES:
        hit = next(
            (
                w
                for i, w in enumerate(clause.words)
                if w.lower in words.split() and (not i or clause.words[i - 1].lower != "at")
            ),
            None,
        )
        fields = mention.module.of_kind(kind)
        if hit is None or not fields:
            continue
        named = [f for f in fields if field_mention(clause, f)]
        money = [f for f in fields if _MONEY & set(f.words)]
        return Sorting((named or money or fields)[0].name, order, (hit.start, hit.end))
    return None


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value


def _beats(left: Mention, right: Mention, field: RecordField, rival: RecordField, clause: Clause) -> bool:
    """Whether another field's claim on the same words is the better one."""
    if not (left.span[0] < right.span[1] and right.span[0] < left.span[1]):
        return False
    if left.strength != right.strength:
        return left.strength > right.strength
    return field_mention(clause, rival) is not None and field_mention(clause, field) is None


def _other_option(clause: Clause, mention: ModuleMention) -> bool:
    """Whether options are named besides the word that stands for the module ("churned customers")."""
    return any(find_options(clause, f.options, 0.62, [mention.span]) for f in option_fields(mention.module))


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


def _with_lead(clause: Clause, start: int) -> int:
    match = re.search(
        r"(?:\b(?:due|by|before|after|since|on|in|from|until|over|under|than|least|most|above|below|more|less|at|fewer)\s+)+$",
        clause.text[:start],
        re.I,
    )
    return match.start() if match else start


def _field_before(clause: Clause, text: str, field: RecordField) -> bool:
    """Whether the field's own name stands right before `text`."""
    at = clause.text.find(text)
    before = [w.stem for w in clause.words if w.end <= at][-len(field.words) :]
    return at >= 0 and tuple(before) == field.words
