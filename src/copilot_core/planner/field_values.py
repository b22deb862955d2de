"""Values of a new record that have a type: dates, options, amounts, addresses."""

import re
from dataclasses import replace

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.dates import When
from copilot_core.planner.field_base import VALUE_STOP, DraftValues
from copilot_core.planner.modules import field_mention, option_fields
from copilot_core.planner.options import find_options
from copilot_core.planner.prose import tidy
from copilot_core.planner.values import Number, overlaps
from copilot_core.planner.vocabulary import STOP, similar
from copilot_core.planner.words import identifier_words, stem, stem_set, words_of
from copilot_core.planner.world import RecordField

_KEY_SIGN = r"\s*(?:=|:|\bis\b|\bof\b|\bto\b|\bset to\b)?\s*"

_MONEY = stem_set("value amount price revenue budget total salary cost fee worth income arr mrr rent deal")


class TypedValues(DraftValues):
    """Steps for literals, dates, options and amounts."""

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
            last = field.words[-1] if len(field.words) > 1 else ""
            if last and not any(last in f.words for f in self.module.fields if f is not field):
                name = rf"(?:{name}|(?<=, ){last}\w?)"
            for match in re.finditer(rf"(?<!\w){name}(?!\w){_KEY_SIGN}", self.clause.text, re.IGNORECASE):
                if self._heads_body(match):
                    continue
                if self.free(*match.span()) and not overlaps(*match.span(), [self.mention.span]):
                    self._put_keyed(field, match)

    def _heads_body(self, match: re.Match[str]) -> bool:
        """“for the billing service: ...”: the colon belongs to the sentence and not to the field."""
        body = self.clause.body
        lead = re.search(r"\b(?:for|on|in)\s+(?:the\s+)?[\w-]+\s+$", self.clause.text[: match.start()])
        return body is not None and match.end() == body[0] and lead is not None

    def _put_keyed(self, field: RecordField, match: re.Match[str]) -> None:
        if field.kind == "number":
            number = next((n for n in self.clause.numbers if 0 <= n.start - match.end() <= 2), None)
            if number is not None:
                self.put(field, number.plain, (match.start(), number.end))
            return
        stop = VALUE_STOP.search(self.clause.text, match.end())
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
            for mention in find_options(
                self.clause,
                field.options,
                0.62,
                [*self.taken, self.clause.head_span, *([self.mention.span] if self.mention.strength == 1.0 else [])],
            ):
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
            r"(?:^|[,;(.:]|\b(?:the|an?)(?=\s))\s*(?:it['’]?s\s+|is\s+|and\s+"
            r"|stage\s+)?$",
            text[: span[0]],
            re.I,
        ) and re.match(r"\s*(?:$|[,;:).])", text[span[1] :])
        role = re.search(
            r"(?:,\s*)?\b(?:(?:it|they|he|she|which|that)\s*(?:['’]s|['’]re|is|are)\s+)?\b(?:as|in|marked|status|stage|at"
            r"|(?:it|they|he|she|which)\s*(?:['’]s|['’]re|is|are))\s+(?:an?\s+)?$",
            text[: span[0]],
            re.I,
        )
        role = role if re.match(r"\s*(?:$|[,;).]|stage|status)", text[span[1] :]) else None
        brief = re.search(r"(?:[,;]|\band)\s*(?P<key>[a-z]{3,})\s+$", text[: span[0]], re.I)
        if brief and any(w.startswith(brief["key"].lower()) for w in field.words):
            return brief.start(), span[1]
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
        if lead is None and number.start and self.clause.text[number.start - 1] in "$€£¥":
            number = replace(number, start=number.start - 1)
            return self._number_span(field, number)
        start = self._past_name(field, lead.start() if lead else self._key_start(field, number.start))
        return start, number.end + (tail.end() if own and tail else 0)
