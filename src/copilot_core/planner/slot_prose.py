"""Arguments that are free text; at most one takes what nothing else explains."""

import re

from copilot_core.planner.clauses import Span
from copilot_core.planner.prose import clean, remainder, tidy
from copilot_core.planner.slot_base import Slots, word_before
from copilot_core.planner.tools import Param
from copilot_core.planner.vocabulary import STOP, similar
from copilot_core.planner.words import words_of

_REASON = re.compile(r"\b(?:because(?: of)?|since|due to|as i|reason(?: is|:)?)\s+", re.IGNORECASE)

_TOPIC = re.compile(r"\b(?:about|regarding|concerning|on the topic of|re:?)\s+", re.IGNORECASE)

_ABOUT = re.compile(
    r"\b(?:about|regarding|concerning|mention(?:s|ing)?|contain(?:s|ing)?"
    r"|relat(?:ed|ing) to|matching|with the words?)\s+"
    r"(?:the\s+|an?\s+)?(?:words?\s+)?(?=\w)",
    re.IGNORECASE,
)
_WHEREWITH = re.compile(r"\b(?:with|about|for|on|regarding)\s+(?:the\s+|my\s+|our\s+)?(?=\w)", re.IGNORECASE)
_WORDS_OF = re.compile(
    r"\b(?:words?|titles?|topics?|keywords?|text (?:to|that|of|in)|looked for|search)\b", re.IGNORECASE
)

_NAMED = re.compile(
    r"\b(?:called|named|titled|entitled|with (?:the )?(?:title|name"
    r"|subject))\s*:?\s+",
    re.IGNORECASE,
)


class ProseSlots(Slots):
    """Steps for titles, messages and reasons."""

    def _marked_prose(self) -> None:
        """Quoted text, what follows a colon, "saying", "called", "about" or "because"."""
        self._quoted_prose()
        if self.body is not None:
            param = self._of_body()
            if param is not None:
                self._put_text(param, *self.body)
        for role, pattern in (("name", _NAMED), ("reason", _REASON), ("topic", _TOPIC)):
            self._after_marker(role, pattern)

    def _asked_about(self) -> None:
        """“which incidents mention the database”, “cancel the reminder about plants”: where the schema takes words."""
        pattern = _WHEREWITH if "discover" in self.tool.classes else _ABOUT
        match = pattern.search(self.clause.text)
        if match is None or self._in_body(match.span()) or not self.filling.is_free((match.end(), match.end() + 1)):
            return
        texts = [p for p in self._open("prose", "name", "string") if p.role == "prose"] if self.tool.reads else []
        texts += [p for p in self._open("string", "id") if self.tool.reads or p is self.tool.handle]
        texts = [p for p in texts if p.role == "prose" or _WORDS_OF.search(p.description)]
        if texts:
            dates = [w.start for w in self.clause.dates if w.start > match.end()]
            text = clean(self.clause.text[match.end() : min([self._marker_end(match.end()), *dates])].rstrip(" ?.!"))
            if text and text.lower() not in STOP:
                start = max(match.end(), self.clause.text.find(text, match.end()))
                self.filling.put(texts[0], text, (match.start(), start + len(text)))

    def _of_body(self) -> Param | None:
        """A required text before an optional one: ``report an issue: the door is stuck`` is its title."""
        prose, name = next(iter(self._open("prose")), None), next(iter(self._open("name")), None)
        only_name = name is not None and name.required and prose is not None and not prose.required
        return name if only_name and _NAMED.search(self.clause.text) is None else prose or name

    def _quoted_prose(self) -> None:
        for literal in self.clause.quoted():
            if not self.filling.is_free((literal.start, literal.end)):
                continue
            before = word_before(self.clause, literal.start)
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
        stop = self._marker_end(match.end())
        points = re.fullmatch(r"\s*(?:it|this|that)\W*", self.clause.text[match.end() : stop], re.IGNORECASE)
        if params and not (points and self._spoken_of(params[0])):
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
        if self.clause.is_question:
            params = [p for p in params if p.role == "prose"]
        for param in params:
            text, span = self._remainder(param)
            text = "" if text in self._addresses() else text
            text = text or self._spoken_of(param) or self._with_whom(param)
            if text and (param.role != "string" or len(words_of(text)) <= 3):
                self.filling.put(param, text, span, evidence=0.4)
                self.filling.weak.add(param.name)

    def _addresses(self) -> list[str]:
        """The e-mail addresses among the people that were found."""
        given = [v for p in self._people_of() for v in _listed(self.filling.arguments[p.name])]
        return [v for v in given if "@" in v]

    def _people_of(self) -> list[Param]:
        roles = {"strings", "person", "email"}
        return [p for p in self.params if p.role in roles and p.name in self.filling.arguments]

    def _with_whom(self, param: Param) -> str:
        """“a calendar event with ann@example.com”: what it is called where only who attends is said."""
        people = [v for p in self._people_of() for v in _listed(self.filling.arguments[p.name])]
        nouns = [w for w in self.clause.words if any(similar(w.stem, n) >= 0.6 for n in self.tool.nouns[-1:])]
        nouns = [w for w in nouns if w is not self.clause.head]
        if param.role != "name" or not people or not nouns:
            return ""
        return f"{nouns[-1].text.capitalize()} with {', '.join(people)}"

    def _spoken_of(self, param: Param) -> str:
        """“a reminder for it”: the name of what was last spoken of, or of the open record."""
        if param.role not in {"prose", "name"} or not re.search(
            r"\b(?:it|this|that)\b", self.clause.text, re.IGNORECASE
        ):
            return ""
        told = next((group[0].name for group in reversed(self.focus) if group and group[0].name), None)
        opened = self.world.page.record_name if self.world.page else None
        names = (opened, told) if re.search(r"\bthis\b", self.clause.text, re.IGNORECASE) else (told, opened)
        return next((name for name in names if name), "")

    def _remainder(self, param: Param) -> tuple[str, Span]:
        return remainder(self.clause, self.filling.spans, self.tool, param)

    def _put_text(self, param: Param, start: int, end: int, *, from_start: int | None = None) -> None:
        text = tidy(self.clause.text[start:end])
        if text:
            self.filling.put(param, text, (start if from_start is None else from_start, end))


def _listed(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]
