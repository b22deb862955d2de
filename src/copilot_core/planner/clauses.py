"""A clause: one command or question, with every value that stands in it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from copilot_core.planner.dates import When, find_dates
from copilot_core.planner.values import Literal, Number, find_literals, find_numbers, overlaps
from copilot_core.planner.vocabulary import PHRASES, STOP, classes_of, is_imperative
from copilot_core.planner.words import Word, stem, stems_of, word_set, words_of

Span = tuple[int, int]
_POLITE = re.compile(
    r"(?:(?:hey|hi|hello|ok|okay|please|pls|plz|now|then|and|also|so"
    r"|next|finally|lastly|after that|afterwards|first"
    r"|first of all|oh|actually|just|kindly|quickly|alright|great|cool"
    r"|yes|yeah|sure|copilot|assistant|maybe|but"
    r"|good morning|good afternoon|good evening|thanks|thank you)\b[\s,!.:]*"
    r"|(?:can|could|would|will) you\s+|(?:could|can|may) (?:i|we)\s+(?:please\s+)?"
    r"|would you mind\s+|be so kind (?:as )?to\s+|do me a favou?r and\s+|help me (?:to\s+)?|go ahead and\s+"
    r"|(?:i|we)(?:['’]d| would) (?:like|love) (?:you )?to\s+|(?:i|we)"
    r" (?:want|need|have|wanna|gotta)(?: you)? to\s+"
    r"|(?:i|we) (?:wanna|gotta)\s+|let['’]?s\s+|make sure (?:to|that)\s+"
    r"|is it possible to\s+|you (?:should|can|could)\s+"
    r"|i(?:['’]m| am) (?:trying|looking) to\s+|time to\s+|remember to (?=(?:create|add|make|open|log)\s)|how (?:do"
    r"|can) i\s+|don['’]?t forget to (?=\w+ (?:a|the)\b))",
    re.IGNORECASE,
)
_POLITE_END = re.compile(
    r"[\s,]*(?:please|pls|plz|thanks|thank you|thx|for me|if you can"
    r"|will you|would you)[\s.!?]*$",
    re.IGNORECASE,
)
_QUESTION = word_set("what which who whose when where how any is are was were do does did has have whats")
_SUBJECTS = word_set("i we he she they it you there someone somebody everybody everyone nobody")
PAST = word_set("had was were sent went got said told did made came saw met took gave left met lost won")
_UPDATING = re.compile(
    r"\bshould (?:now )?(?:be|go|become|move|get|have)\b|^(?:his|her"
    r"|its|their|the|my|this|(?!(?:that|what|it|there|who|let|here"
    r"|he|she|where|how|when)['’])[\w' -]{1,40}['’]s)\s.{0,40}?\b(?:is"
    r"|are) (?:now|actually)?|\bis now\b",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"(?:i|we)(?:['’]d| would| do)?\s+(?:need|want|like)\s+(?:an?|another|\d+|two|three|some)\b", re.IGNORECASE
)
# "a task to call Ann", "todo: pay taxes": a noun that announces a new thing.
_NEW = re.compile(
    r"(?:an?|another|one more)\s+(?:[\w-]+\s+){1,4}?(?:to|for|about|called|named)\b|\W*(?:\w+\s+){0,2}\w+:\s",
    re.IGNORECASE,
)
_EMPTY_VERBS = word_set("give make do get show write need want have provide take create generate set put run let")
_NOUN_CLASSES = word_set("summarize remind suggest describe discover convert translate refund search calculate")
_ARTICLES = word_set("a an the my our your this that these those all every each some any")
_BODY = re.compile(
    r"(?::\s+|\b(?:saying|that says|which says|that reads|reading|stating"
    r"|to say|to tell (?:them|him|her)|and say"
    r"|(?:telling|tell|informing|letting) (?:them|him|her|everyone|everybody|the team|people)(?: know)?"
    r"|with (?:the |a )?(?:following )?(?:message|text|body|note|comment"
    r"|description|content|words)|let(?:ting)? \w+ know)\b"
    r"(?:\s+that)?[\s:,]*)",
    re.IGNORECASE,
)
_PHRASE_PATTERN = re.compile(
    r"(?<!\w)(?:"
    + "|".join(re.escape(p).replace(r"\ ", r"\s+") for p in sorted(PHRASES, key=len, reverse=True))
    + r")(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Clause:
    """One command. All offsets count in `text`."""

    text: str
    now: datetime

    @cached_property
    def words(self) -> list[Word]:
        """Its words."""
        return words_of(self.text)

    @cached_property
    def stems(self) -> list[str]:
        """Their stems, and those of what its phrases stand for ("call off" -> cancel)."""
        return [word.stem for word in self.words] + [s for _, meaning in self.phrases for s in stems_of(meaning)]

    @cached_property
    def phrases(self) -> list[tuple[Span, str]]:
        """Groups of words that mean one thing."""
        found = _PHRASE_PATTERN.finditer(self.text.replace("’", "'"))
        return [(m.span(), PHRASES[" ".join(m.group().lower().split())]) for m in found]

    @cached_property
    def literals(self) -> list[Literal]:
        """Quoted texts, addresses, ids."""
        return [
            x
            for x in find_literals(self.text)
            if not (x.kind == "phone" and overlaps(x.start, x.end, self._date_spans))
        ]

    @cached_property
    def _date_spans(self) -> list[Span]:
        return [(w.start, w.end) for w in find_dates(self.text, self.now)]

    @cached_property
    def dates(self) -> list[When]:
        """When, outside of quotes."""
        spans = [(x.start, x.end) for x in find_literals(self.text) if x.kind != "phone" and x.kind != "id"]
        return [w for w in find_dates(self.text, self.now) if not overlaps(w.start, w.end, spans)]

    @cached_property
    def numbers(self) -> list[Number]:
        """Amounts that are no part of a date or a literal."""
        spans = [(x.start, x.end) for x in self.literals] + [(w.start, w.end) for w in self.dates]
        return find_numbers(self.text, spans)

    def quoted(self) -> list[Literal]:
        """What stands in quotes."""
        return self.of_kind("quoted")

    def of_kind(self, kind: str) -> list[Literal]:
        """The literals of one kind."""
        return [literal for literal in self.literals if literal.kind == kind]

    @cached_property
    def value_spans(self) -> list[Span]:
        """Where values stand, as opposed to words that say what to do."""
        spans = [(x.start, x.end) for x in self.literals] + [(w.start, w.end) for w in self.dates]
        return spans + [(n.start, n.end) for n in self.numbers]

    @cached_property
    def head(self) -> Word | None:
        """The verb, or the word that stands for it."""
        for index, word in enumerate(self.words[:4]):
            before = self.words[index - 1].lower if index else ""
            if overlaps(word.start, word.end, self.value_spans) and word.lower not in {"any"}:
                continue
            if not index and (word.lower.endswith("ed") or word.lower in PAST) and not is_imperative(word.lower):
                continue
            if index and (not is_imperative(word.lower) or word.lower.split("'")[0] in _QUESTION):
                continue
            if classes_of(word.lower) and before not in _ARTICLES | {
                "to",
                "for",
                "of",
                "in",
                "on",
                "with",
                "over",
                "from",
            }:
                return word
            if word.lower in _ARTICLES and index == 0:
                return None
        return None

    @cached_property
    def head_span(self) -> Span:
        """The verb with what belongs to it ("take me to"); empty if there is none."""
        for span, _ in self.phrases:
            if self.head is None or span[0] <= self.head.start or span[0] < 6:
                return span if span[0] < 14 else (0, 0)
        return (self.head.start, self.head.end) if self.head else (0, 0)

    @cached_property
    def intents(self) -> Mapping[str, float]:
        """What it may ask for, and how strongly it does: its verb most, other words a little."""
        found = self._mentioned_intents()
        found.update(dict.fromkeys(self._head_intents(), 1.0))
        for span, meaning in self.phrases:
            weight = 1.1 if span[0] < 16 else 0.4
            for name in (c for word in meaning.split() for c in classes_of(word)):
                found[name] = max(found.get(name, 0.0), weight)
        if _WISH.match(self.text):
            found.pop("query", None)
            found["create"] = 1.0
        if _UPDATING.search(self.text) and not self.is_question:
            found["update"] = 1.0
        if self.head is None and _NEW.match(self.text):
            found["create"] = 1.0
        if self.head is None and not any(weight > 1 for weight in found.values()):
            found["query"] = max(found.get("query", 0.0), 0.7)
        return found

    def _mentioned_intents(self) -> dict[str, float]:
        others = [w for w in self.words if w is not self.head and w.lower not in STOP]
        kept = [w for w in others if not overlaps(w.start, w.end, self.value_spans)]
        return {name: 0.6 if self.is_question else 0.3 for w in kept for name in classes_of(w.lower)}

    def _head_intents(self) -> set[str]:
        if self.head is None:
            return set()
        found = set(classes_of(self.head.lower)) | set(self._done_by_noun())
        giving = self.head.lower == "give"
        if giving and not re.match(r"\s*(?:me|us|a|an|the list)\b", self.text[self.head.end :]):
            found.discard("query")
        return found

    def _done_by_noun(self) -> Iterator[str]:
        """“give me a summary”: after an empty verb the noun says what to do."""
        if self.head is None or self.head.lower not in _EMPTY_VERBS:
            return
        after = [w for w in self.words if w.start > self.head.start][:5]
        for word in after:
            if word.lower not in STOP and not overlaps(word.start, word.end, self.value_spans):
                yield from classes_of(word.lower) & _NOUN_CLASSES

    @cached_property
    def is_question(self) -> bool:
        """Asks, and so must not be answered by a write."""
        first = self.words[0].lower.split("'")[0] if self.words else ""
        return first in _QUESTION

    @cached_property
    def is_statement(self) -> bool:
        """Tells something that happened or is so, and wants nothing."""
        if self.is_question or not self.words:
            return False
        first = self.words[0].lower.split("'")[0]
        if first in _SUBJECTS and not re.match(
            r"(?:i|we)(?:['’]d| would)? (?:need|want|like)\b", self.text, re.IGNORECASE
        ):
            return True
        past = [w for w in self.words[1:3] if w.lower in PAST or (w.lower.endswith("ed") and len(w.lower) > 4)]
        participle = re.match(
            r"[\w' -]+?ed\s+(?:by|to|in|on|at|for|before|after|since|with|from"
            r"|as)\b",
            self.text,
        )
        return (
            bool(past)
            and self.words[0].is_name
            and not first.endswith("s")
            and not participle
            and not classes_of(first)
            and not _UPDATING.search(self.text)
        )

    @cached_property
    def has_copula(self) -> bool:
        """Says what something is."""
        relative = {"that", "which", "who", "whose"}
        pairs = zip(["", *(w.lower for w in self.words)], self.words, strict=False)
        return any(w.lower in {"is", "are", "was", "were", "am"} and before not in relative for before, w in pairs)

    @cached_property
    def content(self) -> list[str]:
        """The stems of the words that carry meaning and are neither values nor names."""
        found = [
            word.stem
            for index, word in enumerate(self.words)
            if word.lower not in STOP
            and not overlaps(word.start, word.end, self.value_spans)
            and not (index and word.text[0].isupper())
            and not (word is self.head and word.lower in _EMPTY_VERBS)
        ]
        return found + [s for _, meaning in self.phrases for s in stems_of(meaning)]

    @cached_property
    def body(self) -> Span | None:
        """The part after "saying", a colon and the like: someone's words, not ours to read."""
        for match in _BODY.finditer(self.text):
            if match.end() < len(self.text) and not overlaps(
                match.start(), match.end(), [(q.start, q.end) for q in self.quoted()]
            ):
                return match.end(), len(self.text)
        return None

    def has(self, *candidates: str) -> bool:
        """Whether a word with the stem of any of these occurs."""
        return not {stem(c) for c in candidates}.isdisjoint(self.stems)


def polished(text: str) -> str:
    """`text` without greetings, "please" and "could you"."""
    text = text.strip()
    while match := _POLITE.match(text):
        if not match.end() or not text[match.end() :].strip():
            break
        text = text[match.end() :].lstrip(" ,!:")
    return _POLITE_END.sub("", text).strip(" ,;") or text


_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_HARD = re.compile(r"(?<=[\w)\"”'’%][.!?])\s+(?=\S)|[.!?]?\s*\n+\s*|(?<=;)\s+")
_SOFT = re.compile(
    r"[,.]?\s+(?:(?:and|but)\s+)?(?:then|also|after that|afterwards"
    r"|finally)[\s,]+|,?\s+and\s+(?:next\s+)?|,?\s*&\s*|,\s+(?:plus\s+"
    r"|as well as\s+)?",
    re.IGNORECASE,
)


_STRONG = re.compile(r"then|also|after|next|finally", re.IGNORECASE)
_POINTS = re.compile(r"\b(?:it|them|him|her|this|that)\b", re.IGNORECASE)


def sentences(text: str) -> list[str]:
    """`text` at full stops, semicolons and line ends outside of quotes."""
    found: list[str] = []
    for piece in _pieces(text, _HARD):
        if found and found[-1].endswith(";") and not _may_command(polished(piece), ";"):
            found[-1] = f"{found[-1]} {piece}"
        else:
            found.append(piece)
    return [piece.rstrip(";") for piece in found]


def soft_breaks(text: str) -> Iterator[tuple[str, str]]:
    """The ways to cut `text` in two where a second command may begin, first break first."""
    quotes = [(x.start, x.end) for x in find_literals(text) if x.kind == "quoted"]
    listing = text.find(": ") + 1
    for match in _SOFT.finditer(text):
        right = polished(text[match.end() :])
        if (
            match.start()
            and not (
                listing and match.start() >= listing and not _POINTS.search(right) and not _STRONG.search(match.group())
            )
            and right
            and not overlaps(match.start(), match.end(), quotes)
            and _may_command(right, match.group())
        ):
            yield text[: match.start()].rstrip(" ,"), right


def _may_command(right: str, break_text: str) -> bool:
    first = words_of(right)[:1]
    if not first:
        return False
    strong = _STRONG.search(break_text) is not None
    word = first[0].lower.split("'")[0]
    return strong or (
        (is_imperative(word) and word not in _QUESTION and not first[0].is_name)
        or any(s[0] == 0 for s, _ in Clause(right, _ANY_TIME).phrases)
    )


def _pieces(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    quotes = [(x.start, x.end) for x in find_literals(text) if x.kind == "quoted"]
    start = 0
    for match in pattern.finditer(text):
        if not overlaps(match.start(), match.end(), quotes):
            yield text[start : match.start()].strip()
            start = match.end()
    yield text[start:].strip()
