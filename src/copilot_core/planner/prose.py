"""What is left of a clause when all else is taken: titles, messages, things to remember."""

import re
from collections.abc import Iterable, Sequence

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.tools import Param, Tool
from copilot_core.planner.vocabulary import STOP, classes_of, similar
from copilot_core.planner.words import stem, word_set, words_of

_LEAD = re.compile(
    r"^(?:[\s,;:.!?–—-]+|(?:to|that|for|about|of|on|with|a|an|the|new"
    r"|and|as|is|at|by|in|called|named|titled|saying|me|us|my"
    r"|from|into|so|then|please|just|some|regarding|our)\b(?!['’]))+",
    re.IGNORECASE,
)
_POINTING = word_set("this that it these those them here there one into")
_TAIL = re.compile(
    r"(?:[\s,;:.!?–—-]+|\b(?:to|that|for|about|of|on|with|and|as|at"
    r"|by|in|the|a|an|from|due|is|my|please)\s*)+$",
    re.IGNORECASE,
)


def tidy(text: str) -> str:
    """`text` without the joints at its ends."""
    text = " ".join(text.split())
    text = text.strip(" ,;:.–—")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return text


def without(text: str, spans: Iterable[Span]) -> str:
    """`text` with `spans` cut out."""
    kept, position = [], 0
    for start, end in sorted(spans):
        if start >= position:
            kept.append(text[position:start])
        position = max(position, end)
    return " ".join([*kept, text[position:]])


def remainder(clause: Clause, taken: Sequence[Span], tool: Tool, param: Param) -> tuple[str, Span]:
    """What is left for `param`, without the words that only name the action."""
    start = clause.head_span[1]
    start = _past_nouns(clause, start, {*tool.nouns, *param.words, tool.verb})
    rest = without(clause.text[start:], [(a - start, b - start) for a, b in taken if b > start])
    text = clean(_without_place(rest, tool))
    if all(w.lower in _POINTING or w.lower in STOP for w in words_of(text)):
        return "", (start, start)
    return text, (start, len(clause.text)) if text else (start, start)


def _without_place(text: str, tool: Tool) -> str:
    """`text` without "on my calendar": where the action puts things anyway."""
    nouns = "|".join(re.escape(n) for n in tool.nouns)
    return (
        re.sub(rf"\b(?:on|in|to|into|onto)\s+(?:my|the|our)\s+(?:{nouns})\w*\b", " ", text, flags=re.IGNORECASE)
        if nouns
        else text
    )


def clean(text: str) -> str:
    """A remainder without dangling prepositions and commas."""
    text = re.sub(r"\s+([,.;:!?])", r"\1", " ".join(text.split()))
    text = re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", re.sub(r"\(\s*\)|\[\s*\]", "", text))
    text = _TAIL.sub("", _LEAD.sub("", text))
    return tidy(text)


def _past_nouns(clause: Clause, start: int, nouns: set[str]) -> int:
    """Skip "a reminder", "me an email" and the like right after the verb."""
    position = start
    for word in words_of(clause.text):
        if word.end <= start:
            continue
        is_noun = (
            not word.is_name
            and any(similar(stem(word.lower), noun) >= 0.9 for noun in nouns)
            and not (classes_of(word.lower) and word.stem not in nouns)
        )
        if is_noun or word.lower in {"a", "an", "the", "me", "us", "my", "our", "new", "for", "out"}:
            position = word.end
            continue
        break
    return position
