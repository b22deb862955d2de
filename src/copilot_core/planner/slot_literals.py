"""Arguments that are written out: by the name of the parameter, as addresses and ids, or as options."""

import re
from collections.abc import Sequence

from copilot_core.planner.options import Mention, find_options
from copilot_core.planner.slot_base import Slots, direction, nearness, opposite, word_before
from copilot_core.planner.slot_numbers import number_value
from copilot_core.planner.tools import Param
from copilot_core.planner.vocabulary import similar

_NEGATION = re.compile(
    r"(?:\b(?:not|without|except|excluding|never|non|no longer)|n['’]t)[\s-]+(?:\w+\s+)?$", re.IGNORECASE
)
_SAMPLE = re.compile(r"such as ([A-Za-z\d]+[./_][A-Za-z\d./_-]*[A-Za-z\d])")


def _form(text: str) -> str:
    """Letters and digits told alike: warehouse.orders -> a.a."""
    return re.sub(r"[a-z]+", "a", re.sub(r"\d+", "0", text.lower()))


class LiteralSlots(Slots):
    """Steps for values that are written out."""

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
                self.filling.put(param, number_value(param, number), (match.start(), number.end))
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

    def _literals(self) -> None:
        for role in ("email", "url", "phone"):
            values = [x for x in self.clause.of_kind(role) if self.filling.is_free((x.start, x.end))]
            for param, literal in zip(self._open(role), values, strict=False):
                self.filling.put(param, literal.value, (literal.start, literal.end))
        for literal in self.clause.of_kind("version"):
            versioned = next(
                (p for p in self._open("string", "id") if {"version", "releas", "tag", "build"} & set(p.words)), None
            )
            if versioned is not None:
                self.filling.put(versioned, literal.value, (literal.start, literal.end))
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
            found = max(free, key=lambda x: (x.kind == "id", nearness(self.clause, param, x.start)), default=None)
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

    def _enums(self) -> None:
        params = self._open("enum", "enums")
        for param in params:
            twins = [p for p in params if set(p.options) == set(param.options) and len(params) > 1]
            found = list(find_options(self.clause, param.options, self._option_gate(param)))
            found = [o for o in found if not _NEGATION.search(self.clause.text[: o.span[0]])]
            found = self._described(param) or [o for o in found if not self._says_when(o) and not self._is_noun(o)]
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
                wanted = direction(param)
                preferred = [o for o in free if word_before(self.clause, o.span[0]) in wanted] if wanted else free
                others = [
                    o
                    for o in free
                    if o not in preferred and word_before(self.clause, o.span[0]) not in opposite(wanted)
                ]
                free = preferred or others
            if free:
                best = max(free, key=lambda o: (o.strength, nearness(self.clause, param, o.span[0])))
                self.filling.put(param, best.value, best.span, evidence=best.strength)

    def _is_noun(self, found: Mention) -> bool:
        """Whether a word only sounds like an option, and names what the action is about."""
        words = [w.stem for w in self.clause.words if (w.start, w.end) == found.span]
        return found.strength < 0.7 and bool(set(words) & set(self.tool.nouns))

    def _described(self, param: Param) -> list[Mention]:
        """“unresolved”, where the description says that unresolved are open and acknowledged."""
        option = "|".join(re.escape(str(o)) for o in param.options)
        listed = rf"(?:{option})(?:(?:, | and | or |, and )(?:{option}))*"
        pattern = rf"\b(?P<word>[a-z]{{4,}}) (?:are|is|means?) (?P<options>{listed})\b"
        for match in re.finditer(pattern, param.description, re.IGNORECASE) if param.role == "enums" else ():
            word = next((w for w in self.clause.words if w.lower == match["word"].lower()), None)
            if word is not None:
                named = re.findall(rf"\b(?:{option})\b", match["options"])
                return [Mention(o, (word.start, word.end), 1.0) for o in param.options if str(o) in named]
        return []

    def _samples(self) -> None:
        """A word of the form that the description shows: “such as warehouse.orders”."""
        for param in self._open("string", "id"):
            sample = _SAMPLE.search(param.description)
            for match in re.finditer(r"[^\s,;:!?]*[^\s,;:!?.]", self.clause.text) if sample else ():
                alike = _form(match.group()) == _form(sample[1]) if sample else False
                if alike and self.filling.is_free(match.span()) and not self._in_body(match.span()):
                    self.filling.put(param, match.group(), match.span())
                    break

    def _says_when(self, found: Mention) -> bool:
        """``opened this week``: a form of an option's word that is in the name of a date, beside a date."""
        dated = {word for p in self.params if p.role in {"date", "datetime"} for word in p.words}
        words = [w for w in self.clause.words if (w.start, w.end) == found.span]
        other = any(w.stem in dated and w.lower != str(found.value).lower() for w in words)
        return other and bool(self.clause.dates)

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
