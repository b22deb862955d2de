"""Arguments of an action with parameters of its own, filled from what stands in a clause.

Values are looked for from the surest evidence to the weakest: literals and enum options, then
dates and amounts, then names by their prepositions; at most one prose parameter takes the rest.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from copilot_core.planner.chunks import Chunk, chunks_of, trimmed
from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.dates import When
from copilot_core.planner.options import Mention, find_options
from copilot_core.planner.references import Reference
from copilot_core.planner.tools import Param, Tool, params_of
from copilot_core.planner.values import Number, overlaps
from copilot_core.planner.vocabulary import STOP, classes_of, similar
from copilot_core.planner.words import stem, stem_set, stems_of, words_of
from copilot_core.planner.world import World

_ENDS = frozenset(
    {"end", "to", "until", "til", "return", "checkout", "due", "deadlin", "last", "stop", "finish", "out", "through"}
)
_PREPOSITIONS: dict[str, frozenset[str]] = {
    "origin": frozenset({"from"}),
    "target": frozenset({"to", "into", "onto", "in", "towards"}),
    "person": frozenset({"to", "for", "with", "by", ""}),
    "place": frozenset({"in", "at", "near", "to", "for", "around", "from", "of", ""}),
    "string": frozenset({"", "for", "on", "of", "in", "to", "about", "with", "from", "by", "as", "under"}),
    "id": frozenset({"", "for", "of", "on", "in", "to"}),
}
_ORIGIN_WORDS = stem_set("from origin source departure start sender")
_TARGET_WORDS = stem_set("to destination target arrival into recipient end")
_REASON = re.compile(r"\b(?:because(?: of)?|since|due to|as i|reason(?: is|:)?)\s+", re.IGNORECASE)
_TOPIC = re.compile(r"\b(?:about|regarding|concerning|on the topic of|re:?)\s+", re.IGNORECASE)
_NAMED = re.compile(r"\b(?:called|named|titled|entitled|with (?:the )?(?:title|name|subject))\s*:?\s+", re.IGNORECASE)
_NEGATION = re.compile(
    r"(?:\b(?:not|without|except|excluding|never|non|no longer)|n['’]t)[\s-]+(?:\w+\s+)?$", re.IGNORECASE
)
_NEGATED = re.compile(r"\b(?:no|not|without|don['’]?t|never|disable|off)\b", re.IGNORECASE)
Span_ = Span


@dataclass
class Filling:
    """Arguments found so far, with the places in the text that they came from."""

    arguments: dict[str, Any] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    evidence: float = 0.0
    weak: set[str] = field(default_factory=set)

    def put(self, param: Param, value: Any, *spans: Span, evidence: float = 1.0) -> None:
        """Keep `value` for `param`."""
        self.arguments[param.name] = value
        self.spans.extend(spans)
        self.evidence += evidence

    def is_free(self, span: Span) -> bool:
        """Whether nothing came from there yet."""
        return not overlaps(*span, self.spans)


class Filler:
    """One attempt to fill `params` from `clause`."""

    def __init__(self, tool: Tool, clause: Clause, world: World, focus: Sequence[Sequence[Reference]] = ()) -> None:
        self.tool, self.clause, self.world, self.focus = tool, clause, world, focus
        self.params = tool.params
        self.filling = Filling()
        self.body = (clause.body or self._told()) if any(p.role in {"prose", "name"} for p in tool.params) else None

    def _told(self) -> Span | None:
        """“email Lena that the meeting moved”: the words after “that”, for actions that tell."""
        if not self.tool.classes & {"send", "draft", "remind", "comment"}:
            return None
        match = re.search(r"(?<=\w)\s+that\s+(?!(?:is|was)\b)(?=\w+\s+\w+)", self.clause.text, re.IGNORECASE)
        return (match.end(), len(self.clause.text)) if match is not None else None

    def fill(self) -> Filling:
        """All steps, surest first."""
        for step in (
            self._keyed,
            self._literals,
            self._enums,
            self._dates,
            self._numbers,
            self._flags,
            self._pronouns,
            self._people,
            self._lists,
            self._nested,
            self._marked_prose,
            self._names,
            self._rest,
        ):
            step()
        return self.filling

    def missing(self) -> list[Param]:
        """Required parameters that nothing was found for."""
        return [
            p for p in self.params if p.required and p.name not in self.filling.arguments and "default" not in p.schema
        ]

    def _open(self, *roles: str) -> list[Param]:
        """Unfilled parameters of these roles, required ones first."""
        found = [p for p in self.params if p.role in roles and p.name not in self.filling.arguments]
        return sorted(found, key=lambda p: not p.required)

    def _in_body(self, span: Span) -> bool:
        return self.body is not None and self.body[0] <= span[0] < self.body[1]

    # -- said by name ---------------------------------------------------------------------------

    def _keyed(self) -> None:
        """``subject: hello``, ``quantity 5``, ``amount of 20``: a parameter's own name before its value."""
        for param in self.params:
            if param.role in {"flag", "object", "objects", "enum", "enums", "date", "datetime"} or not param.words:
                continue
            name = r"\s+".join(
                re.escape(w) for w in re.findall(r"[a-z]+|\d+", re.sub(r"([a-z])([A-Z])", r"\1 \2", param.name).lower())
            )
            sign = r"\s*(?:=|:|\bis\b|\bof\b)\s*"
            match = re.search(rf"(?<!\w){name}{sign}(?P<value>[^\s,;][^,;]*)", self.clause.text, re.IGNORECASE)
            if match is not None and self.filling.is_free(match.span()):
                self._put_keyed(param, match)

    def _put_keyed(self, param: Param, match: re.Match[str]) -> None:
        start, end = match.span("value")
        if param.role in {"number", "limit"}:
            number = next((n for n in self.clause.numbers if n.start == start), None)
            if number is not None:
                self.filling.put(param, _number(param, number), (match.start(), number.end))
            return
        literal = next((x for x in self.clause.literals if start <= x.start <= start + 1), None)
        if literal is not None:
            self.filling.put(param, literal.value, (match.start(), literal.end))
        elif ":" in match.group() or "=" in match.group() or param.role not in {"string", "place", "person", "prose"}:
            stop = next(
                (
                    w.start
                    for w in self.clause.words
                    if w.start > start
                    and w.lower in {"and", "with", "by", "to", "for", "from"}
                    and param.role not in {"prose", "name"}
                ),
                end,
            )
            text = self.clause.text[start:stop].strip(" .")
            if text and param.role not in {"id", "email", "url", "phone"}:
                self.filling.put(param, text, (match.start(), stop))

    # -- literals -------------------------------------------------------------------------------

    def _literals(self) -> None:
        for role in ("email", "url", "phone"):
            values = [x for x in self.clause.of_kind(role) if self.filling.is_free((x.start, x.end))]
            for param, literal in zip(self._open(role), values, strict=False):
                self.filling.put(param, literal.value, (literal.start, literal.end))
        for literal in self.clause.of_kind("version"):
            param = next(
                (p for p in self._open("string", "id") if {"version", "releas", "tag", "build"} & set(p.words)), None
            )
            if param is not None:
                self.filling.put(param, literal.value, (literal.start, literal.end))
        if not any(p.role == "email" for p in self.params):
            self._emails_for_people()
        self._ids()

    def _emails_for_people(self) -> None:
        for literal in self.clause.of_kind("email"):
            param = next(iter(self._open("person")), None)
            if param is not None and self.filling.is_free((literal.start, literal.end)):
                self.filling.put(param, literal.value, (literal.start, literal.end))

    def _ids(self) -> None:
        literals = [
            x for x in (*self.clause.of_kind("id"), *self.clause.quoted()) if not self._in_body((x.start, x.end))
        ]
        free = [x for x in literals if self.filling.is_free((x.start, x.end))]
        for param in self._open("id"):
            found = max(free, key=lambda x: (x.kind == "id", _nearness(self.clause, param, x.start)), default=None)
            if found is not None and (found.kind == "id" or not self._open("name", "prose")):
                free.remove(found)
                self.filling.put(param, found.value.lstrip("#"), (found.start, found.end))
                continue
            self._id_from_number(param)

    def _id_from_number(self, param: Param) -> None:
        """``order 1042``: a bare number right after the noun that the id belongs to."""
        nouns = set(param.words) | set(self.tool.nouns)
        for number in self.clause.numbers:
            before = [w.stem for w in self.clause.words if w.end <= number.start][-2:]
            if number.is_word or number.is_money or not self.filling.is_free((number.start, number.end)):
                continue
            if any(similar(b, n) for b in before for n in nouns) or "number" in before or "no" in before:
                text = self.clause.text[number.start : number.end]
                self.filling.put(param, text, (number.start, number.end))
                return

    # -- options --------------------------------------------------------------------------------

    def _enums(self) -> None:
        params = self._open("enum", "enums")
        for param in params:
            twins = [p for p in params if set(p.options) == set(param.options) and len(params) > 1]
            found = list(find_options(self.clause, param.options, self._option_gate(param)))
            found = [o for o in found if not _NEGATION.search(self.clause.text[: o.span[0]])]
            if self.body is not None:
                self._cut_body(param, found)
            if self.body is not None and any(not self._in_body(o.span) for o in found):
                found = [o for o in found if not self._in_body(o.span)]
            elif self.body is not None and not param.required:
                found = []
            free = [o for o in found if self.filling.is_free(o.span)]
            if param.role == "enums":
                if free:
                    values = list(dict.fromkeys(o.value for o in free))
                    self.filling.put(param, values, *(o.span for o in free), evidence=1.0)
                continue
            if len(twins) > 1:
                wanted = _direction(param)
                preferred = [o for o in free if _before(self.clause, o.span[0]) in wanted] if wanted else free
                others = [
                    o for o in free if o not in preferred and _before(self.clause, o.span[0]) not in _other(wanted)
                ]
                free = preferred or others
            if free:
                best = max(free, key=lambda o: (o.strength, _nearness(self.clause, param, o.span[0])))
                self.filling.put(param, best.value, best.span, evidence=best.strength)

    def _cut_body(self, param: Param, found: Sequence[Mention]) -> None:
        """``title: timeouts, label bug``: an option behind its parameter's own name ends the free text."""
        for mention in found:
            named = [w for w in self.clause.words if w.end <= mention.span[0] and w.stem in param.words]
            if (
                self.body
                and named
                and self._in_body(mention.span)
                and mention.span[0] - named[-1].end <= 4
                and named[-1].start > self.body[0]
            ):
                self.body = (self.body[0], named[-1].start)

    def _option_gate(self, param: Param) -> float:
        return 0.5 if param.required else 0.6

    # -- when -----------------------------------------------------------------------------------

    def _dates(self) -> None:
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
        return _before(self.clause, when.start) in words

    def _put_date(self, param: Param, when: When, day: date) -> None:
        self.filling.put(
            param, date_value(param.role, when, day, self.world), _with_preposition(self.clause, (when.start, when.end))
        )

    def _date_lists(self, dates: Iterable[When]) -> None:
        for param in self._open("strings"):
            if param.items.get("format") in {"date", "date-time"}:
                role = "date" if param.items["format"] == "date" else "datetime"
                values = [date_value(role, w, w.first, self.world) for w in dates]
                if values:
                    self.filling.put(param, values, *((w.start, w.end) for w in dates))

    # -- how much -------------------------------------------------------------------------------

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
                self.filling.put(params[-i], _number(params[-i], number), _with_unit(self.clause, params[-i], number))
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

    # -- who and where --------------------------------------------------------------------------

    def _chunks(self) -> list[Chunk]:
        blocked = [*self.filling.spans, *([self.body] if self.body else [])]
        return chunks_of(self.clause, blocked)

    def _people(self) -> None:
        """Names and places by preposition and capital; the best pair first."""
        self._pair(("person", "place", "string", "id"), need=1.5)

    def _pronouns(self) -> None:
        """“draft her an email”: the one that was last spoken of."""
        name = next((group[0].name for group in reversed(self.focus) if len(group) == 1 and group[0].name), None)
        match = re.search(r"\b(?:him|her|them)\b", self.clause.text, re.IGNORECASE)
        if name is None and self.world.page is not None:
            match = re.search(
                r"\b(?:him|her|them|this (?!week|month|year|morning)\w+)\b", self.clause.text, re.IGNORECASE
            )
            name = self.world.page.record_name
        for param in self._open("person") if match and name else ():
            if match is not None and self.filling.is_free(match.span()):
                self.filling.put(param, name, match.span())

    def _names(self) -> None:
        """What is left for required short strings, with weaker evidence."""
        self._pair(("person", "place", "string"), need=0.5, required_only=True)

    def _pair(self, roles: tuple[str, ...], need: float, *, required_only: bool = False) -> None:
        while True:
            params = [p for p in self._open(*roles) if p.required or not required_only]
            chunks = [c for c in self._chunks() if self.filling.is_free(c.span)]
            scored = [(self._chunk_fit(p, c), -i, -j) for i, p in enumerate(params) for j, c in enumerate(chunks)]
            best = max(scored, default=(0.0, 0, 0))
            if best[0] < need:
                return
            param, chunk = params[-best[1]], chunks[-best[2]]
            value, span = self._chunk_value(param, chunk)
            if not value:
                return
            self.filling.put(param, value, span, evidence=min(1.0, best[0] / 2))

    def _chunk_fit(self, param: Param, chunk: Chunk) -> float:
        text, _ = self._chunk_value(param, chunk)
        if not text or text.lower() in STOP:
            return 0.0
        wanted = _direction(param) or _PREPOSITIONS.get(param.role, _PREPOSITIONS["string"])
        fit = 0.0 if param.required else -0.4
        fit += (1.5 if chunk.preposition else 0.4) if chunk.preposition in wanted else -0.8
        if _direction(param) and chunk.preposition not in wanted and chunk.preposition in {"from", "to", "into"}:
            fit -= 1.5
        named = [w for w in words_of(text) if w.is_name]
        if named:
            fit += 1.2 if param.role in {"person", "place", "id"} else 0.6
        if param.role == "id" and not any(c.isdigit() for c in text):
            fit -= 2.5 if not named else 1.0
        if any(
            similar(s, w) >= 0.9
            for s in (x.stem for x in chunk.words)
            for w in param.words
            if w not in {"nam", "name", "id"}
        ):
            fit += 0.8
        if param.role == "person" and not named and chunk.words[0].lower in {"the", "my", "our"}:
            fit -= 1.5
        if param.role in {"person", "place"} and any(c.isdigit() for c in text):
            fit -= 2.0
        if param.role == "id" and len(words_of(text)) > 2:
            fit -= 2.0
        if param.role in {"string", "person"} and not named and (chunk.preposition == "" or len(words_of(text)) > 4):
            fit -= 0.4
        return fit - 0.3 * max(0, len(words_of(text)) - 4)

    def _chunk_value(self, param: Param, chunk: Chunk) -> tuple[str, Span]:
        return trimmed(
            self.clause,
            chunk,
            set(param.words) | set(self.tool.nouns) | {self.tool.verb},
            by_name=param.role in {"person", "place"},
        )

    def _keyed_list(self, param: Param) -> None:
        """``..., label bug``, ``labels: bug and ui`` at the end, even of free text."""
        name = re.escape(param.words[-1])
        pattern = (
            rf"(?:[,;]\s*|\bwith\s+)(?:the\s+)?{name}\w*\s*:?\s+(?P<list>[\w-]+(?:(?:\s*,\s*|\s+and\s+)[\w-]+)*)\s*$"
        )
        match = re.search(pattern, self.clause.text.rstrip(" ."), re.IGNORECASE)
        if match is None:
            return
        self.filling.put(param, re.split(r"\s*,\s*|\s+and\s+", match["list"]), match.span())
        if self.body is not None and match.start() > self.body[0]:
            self.body = (self.body[0], match.start())

    def _lists(self) -> None:
        for param in self._open("strings"):
            self._keyed_list(param)
        for param in self._open("strings"):
            if param.items.get("format") in {"date", "date-time"}:
                continue
            values, spans = self._list_values(param)
            if values:
                kept = spans if not (self._open("name") and param.items.get("format") is None) else []
                self.filling.put(param, values, *kept)

    def _list_values(self, param: Param) -> tuple[list[str], list[Span]]:
        for kind in ("email", "quoted", "id"):
            if kind == "quoted" and self._open("name"):
                continue
            found = [
                x
                for x in self.clause.of_kind(kind)
                if self.filling.is_free((x.start, x.end)) and not self._in_body((x.start, x.end))
            ]
            if found and (kind != "id" or "id" in param.words or "ids" in param.words):
                return [x.value for x in found], [(x.start, x.end) for x in found]
        people = bool(
            set(param.words)
            & {"attende", "recipient", "guest", "invite", "participant", "person", "member", "user", "to", "employe"}
        )
        for chunk in self._chunks():
            if (people and chunk.preposition in {"with", "to", "for", "invite"}) or any(
                similar(x.stem, w) >= 0.9 for x in chunk.words for w in param.words
            ):
                run = [r for r in chunk.listed(names_only=people) if not set(stems_of(r[0])) <= set(self.tool.nouns)]
                if people and chunk.preposition != "with" and not any(w.is_name for w in chunk.words):
                    continue
                if run:
                    return [text for text, _ in run], [span for _, span in run]
        return [], []

    def _nested(self) -> None:
        """An object parameter with described properties is filled like an action of its own."""
        for param in self._open("object"):
            if not param.properties:
                continue
            inner = Tool(self.tool.name, self.tool.description, (), params_of(param.schema))
            filler = Filler(inner, self.clause, self.world, self.focus)
            filler.filling.spans = list(self.filling.spans)
            found = filler.fill()
            if found.arguments and not filler.missing():
                self.filling.put(param, found.arguments, *found.spans, evidence=found.evidence)

    # -- prose ----------------------------------------------------------------------------------

    def _marked_prose(self) -> None:
        """Quoted text, what follows a colon, "saying", "called", "about" or "because"."""
        self._quoted_prose()
        if self.body is not None:
            param = next((p for p in self._open("prose", "name", "string") if p.role == "prose"), None) or next(
                iter(self._open("name")), None
            )
            if param is not None:
                self._put_text(param, *self.body)
        for role, pattern in (("name", _NAMED), ("reason", _REASON), ("topic", _TOPIC)):
            self._after_marker(role, pattern)

    def _quoted_prose(self) -> None:
        for literal in self.clause.quoted():
            if not self.filling.is_free((literal.start, literal.end)):
                continue
            before = _before(self.clause, literal.start)
            candidates = self._open("name", "prose", "string")
            if before in {"called", "named", "titled", "entitled"} or not self.body:
                candidates.sort(key=lambda p: (not p.required, p.role != "name"))
            if candidates:
                self.filling.put(candidates[0], literal.value, (literal.start, literal.end))
                if self.body and literal.start >= self.body[0] - 1:
                    self.body = None

    def _after_marker(self, role: str, pattern: re.Pattern[str]) -> None:
        match = pattern.search(self.clause.text)
        if match is None or self._in_body(match.span()) or not self.filling.is_free(match.span()):
            return
        if role == "name":
            params = self._open("name")
        elif role == "reason":
            params = [
                p for p in self._open("prose") if {"reason", "note", "comment", "caus", "justification"} & set(p.words)
            ]
        else:
            params = [p for p in self._open("prose", "name") if p.role == "prose" or p.required]
            params = sorted(params, key=lambda p: not ({"topic", "context", "subject", "about"} & set(p.words)))
        if params:
            stop = self._marker_end(match.end())
            self._put_text(params[0], match.end(), stop, from_start=match.start())

    def _marker_end(self, start: int) -> int:
        """Up to the next value that is already placed at the very end, or another marker."""
        ends = [span[0] for span in self.filling.spans if span[0] > start]
        for pattern in (_REASON, _NAMED):
            ends.extend(m.start() for m in pattern.finditer(self.clause.text) if m.start() > start)
        return min([*ends, len(self.clause.text)])

    def _rest(self) -> None:
        """The one prose parameter that may take what nothing else explains."""
        params = [p for p in self._open("prose", "name", "string") if p.required]
        if len(params) > 1:
            params = [p for p in params if p.role != "string"][:1] or params[:1]
        for param in params:
            text, span = self._remainder(param)
            text = text or self._spoken_of(param)
            if text and (param.role != "string" or len(words_of(text)) <= 3):
                self.filling.put(param, text, span, evidence=0.4)
                self.filling.weak.add(param.name)

    def _spoken_of(self, param: Param) -> str:
        """“a reminder for it”: the name of what was last spoken of, or of the open record."""
        if param.role != "prose" or not re.search(r"\b(?:it|this|that)\b", self.clause.text, re.IGNORECASE):
            return ""
        name = next((group[0].name for group in reversed(self.focus) if group and group[0].name), None)
        return name or (self.world.page.record_name if self.world.page else None) or ""

    def _remainder(self, param: Param) -> tuple[str, Span]:
        from copilot_core.planner.prose import remainder

        return remainder(self.clause, self.filling.spans, self.tool, param)

    def _put_text(self, param: Param, start: int, end: int, *, from_start: int | None = None) -> None:
        from copilot_core.planner.prose import tidy

        text = tidy(self.clause.text[start:end])
        if text:
            self.filling.put(param, text, (start if from_start is None else from_start, end))


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


def _number(param: Param, number: Number) -> int | float:
    value = number.value
    if param.unit and number.unit:
        value *= (
            _UNIT_SECONDS.get(stem(number.unit), 0) / _UNIT_SECONDS.get(param.unit, 1)
            if _UNIT_SECONDS.get(stem(number.unit))
            else 1
        )
    return int(value) if param.type == "integer" or value == int(value) else value


_UNIT_SECONDS = {
    "second": 1, "sec": 1, "s": 1, "minut": 60, "min": 60, "hour": 3600, "hr": 3600, "h": 3600, "day": 86400,
    "week": 604800, "night": 86400, "month": 2592000, "year": 31536000,
}  # fmt: skip


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
    return _with_preposition(clause, (number.start, end))


def _with_preposition(clause: Clause, span: Span) -> Span:
    """`span` with the preposition or article before it, so that none dangles in what is left."""
    match = re.search(
        r"(?:\b(?:on|at|by|for|in|from|until|till|to|due|a|an|the|around|starting|since|of|dated)\s+)+$",
        clause.text[: span[0]],
        re.IGNORECASE,
    )
    return (match.start() if match else span[0], span[1])


def _before(clause: Clause, position: int) -> str:
    words = [w for w in clause.words if w.end <= position]
    while words and words[-1].lower in {"the", "a", "an", "my", "our"}:
        words.pop()
    return words[-1].lower if words else ""


def _direction(param: Param) -> frozenset[str]:
    words = set(param.words)
    if words & _ORIGIN_WORDS:
        return _PREPOSITIONS["origin"]
    return _PREPOSITIONS["target"] if words & _TARGET_WORDS and param.role != "person" else frozenset()


def _other(wanted: frozenset[str]) -> frozenset[str]:
    return frozenset({"from"}) if "to" in wanted else frozenset({"to", "into"})


def _nearness(clause: Clause, param: Param, position: int) -> float:
    """Near 1 right after a word of the parameter's name, 0 if none is in the clause."""
    gaps = [
        abs(position - w.end)
        for w in clause.words
        if any(similar(w.stem, p) >= 0.9 for p in param.words) and not classes_of(w.lower)
    ]
    return 1.0 / (1.0 + min(gaps)) if gaps else 0.0
