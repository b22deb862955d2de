"""Conditions on dates and amounts: "due before friday", "over 50k", "the 5 biggest"."""

import re
from dataclasses import dataclass

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.dates import When
from copilot_core.planner.filter_base import ConditionList
from copilot_core.planner.modules import ModuleMention, field_mention
from copilot_core.planner.values import Number
from copilot_core.planner.vocabulary import similar
from copilot_core.planner.words import identifier_words, stem, stem_set, words_of
from copilot_core.planner.world import RecordField

_COMPARE = (
    ("gte", r"at least|no less than|not less than|minimum(?: of)?|min|starting (?:at|from)|from|>=|≥|since"),
    ("lte", r"at most|no more than|not more than|up to|maximum(?: of)?|max|<=|≤|within"),
    (
        "gt",
        r"over|above|more than|greater than|bigger than|larger than|higher"
        r" than|exceeding|exceeds?|beyond|north of|upwards of|older than"
        r"|longer than|>|past",
    ),
    (
        "lt",
        r"under|below|less than|fewer than|smaller than|lower than|cheaper"
        r" than|shorter than|younger than|south of|<",
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
    r"\b(?:top|first|last|latest|newest|oldest|biggest|largest|limit(?:"
    r" of| to)?|any|up to|max|just|only|me|the|show|list|get|give)\s+$",
    re.I,
)

_MONEY = stem_set("value amount price revenue budget total salary cost fee worth income arr mrr rent pay")


@dataclass(frozen=True, slots=True)
class Sorting:
    """The order a query asks for."""

    field: str
    order: str
    span: Span


_SUPERLATIVES = (
    ("number", "desc", "biggest largest highest most greatest priciest richest top best expensive dearest"),
    ("number", "asc", "smallest lowest cheapest least fewest tiniest"),
    ("date", "desc", "latest newest recent freshest"),
    ("date", "asc", "oldest earliest soonest upcoming"),
)


class ValueConditions(ConditionList):
    """Steps for dates and amounts."""

    def _dates(self) -> None:
        fields = self.module.of_kind("date")
        whens = [w for w in self.clause.dates if self.free(w.start, w.end) and not self.denied(w.start)]
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

    def _keys(self) -> None:
        """“customer 5”, “invoice id 12”: a number that identifies, right after its name."""
        for field in self.module.of_kind("key"):
            name = r"\s*".join(w for w in identifier_words(field.name) if w != "id") or re.escape(self.module.singular)
            match = re.search(
                rf"\b(?:{name}\s*)?(?:\bid|number|no\.?|#)?\s*(?:is|=|:)?\s*#?(?P<key>\d+)\b", self.clause.text, re.I
            )
            if match and re.match(rf"{name}|id\b", match.group(), re.I) and self.free(*match.span("key")):
                self.put(field, "eq", int(match["key"]), match.span())

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
            low = numbers[0].value
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


def sorting(clause: Clause, mention: ModuleMention) -> Sorting | None:
    """The order asked for: by a named field, or by a superlative."""
    module = mention.module
    match = re.search(
        r"\b(?:sort(?:ed)?|order(?:ed)?|rank(?:ed)?)\s+(?:(?:it|them|these|those|all|the|this|list|view|table)\s+)*by\s+"
        r"(?P<field>[\w\s]+?)(?P<down>\s*,?\s*(?:desc\w*"
        r"|highest first|(?:from )?high(?:est)? to low\w*|newest first"
        r"|largest first|latest first))?(?:\s*(?:asc\w*|lowest first|oldest"
        r" first|low to high))?\s*$",
        clause.text,
        re.I,
    )
    if match is not None:
        told = Clause(match["field"], clause.now)
        field = next((f for f in module.fields if field_mention(told, f)), None) or _money_field(told, mention)
        if field is not None:
            return Sorting(
                field.name,
                "desc" if match["down"] or re.search("desc|highest|newest|largest", match["field"], re.I) else "asc",
                match.span(),
            )
    return _superlative(clause, mention)


def _money_field(told: Clause, mention: ModuleMention) -> RecordField | None:
    """“by amount”, where the amount is called value: the only number that can be meant."""
    money = [f for f in mention.module.of_kind("number") if _MONEY & set(f.words)]
    return money[0] if len(money) == 1 and _MONEY & set(told.stems) else None


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


def _with_lead(clause: Clause, start: int) -> int:
    match = re.search(
        r"(?:\b(?:due|by|before|after|since|on|in|from|until|over|under"
        r"|than|least|most|above|below|more|less|at|fewer)\s+)+$",
        clause.text[:start],
        re.I,
    )
    return match.start() if match else start
