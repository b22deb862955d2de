"""Arguments that are names, found by their prepositions and capitals."""

import re

from copilot_core.planner.chunks import Chunk, chunks_of, trimmed
from copilot_core.planner.clauses import Span
from copilot_core.planner.slot_base import PREPOSITIONS, Slots, direction
from copilot_core.planner.tools import Param
from copilot_core.planner.vocabulary import STOP, similar
from copilot_core.planner.words import stems_of, words_of

_ME = re.compile(r"['\"“‘]me['\"”’]")
_TO_ME = re.compile(r"\bto me\b", re.IGNORECASE)
_DOER = re.compile(
    r"\b(?:is|are|does|do|has|did)\s+(?P<said>(?P<name>[A-Z][\w-]*(?:\s+[A-Z][\w-]*)*)\s+[a-z]+(?:\s+(?:after|on|to|for|of))?)"
)
_MINE = re.compile(r"\b(?:my|mine|(?:assigned )?to me|i own|do i (?:own|have))\b", re.IGNORECASE)


class NameSlots(Slots):
    """Steps for people, places and other short names."""

    def _chunks(self) -> list[Chunk]:
        blocked = [*self.filling.spans, *([self.body] if self.body else [])]
        return chunks_of(self.clause, blocked)

    def _people(self) -> None:
        """Names and places by preposition and capital; the best pair first."""
        self._pair(("person", "place", "string", "id"), need=1.5)

    def _doers(self) -> None:
        """“which incidents is Amara looking after?”: who does something, where only one person can be asked for."""
        params = self._open("person") if self.tool.reads and self.clause.is_question else []
        match = _DOER.search(self.clause.text)
        if match is not None and len(params) == 1 and self.filling.is_free(match.span("name")):
            self.filling.put(params[0], match["name"], match.span("said"))

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

    def _myself(self) -> None:
        """“my tickets”, “give it to me”: for a person whom the schema also takes as 'me'."""
        match = (_MINE if self.tool.reads else _TO_ME).search(self.clause.text)
        for param in self._open("person"):
            if match is not None and _ME.search(param.description) and self.filling.is_free(match.span()):
                self.filling.put(param, "me", match.span())

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
        if not text or text.lower() in STOP or not param.takes(text):
            return 0.0
        wanted = direction(param) or PREPOSITIONS.get(param.role, PREPOSITIONS["string"])
        fit = 0.0 if param.required else -0.4
        fit += (1.5 if chunk.preposition else 0.4) if chunk.preposition in wanted else -0.8
        if self.tool.reads and param.role == "string" and chunk.preposition in {"on", "about"}:
            fit += 0.5  # what is asked about narrows the answer
        if direction(param) and chunk.preposition not in wanted and chunk.preposition in {"from", "to", "into"}:
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
            rf"(?:[,;]\s*|\bwith\s+)(?:the\s+)?{name}\w*\s*:?\s+(?P<list>[\w-]+(?:(?:\s*,\s*"
            rf"|\s+and\s+)[\w-]+)*)\s*$"
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
