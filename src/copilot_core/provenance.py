"""Where a write comes from: the user's own words, or text that somebody else put where the model reads it.

Records, tool results, readables and page context are data. A model may obey what stands in them, so
when a conversation has such text, a write must be traceable to what the user said: that they asked for
a change at all, and every value of it. What is not, a person confirms first, whatever their role
(docs/explanation/untrusted-text.md; OWASP LLM01).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

RUN = 4
"""So many words in a row, found in untrusted text and not said by the user, are copied from it."""
SHORT = 4
"""A message of so few words may answer a question, and then the one before it says what is wanted."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_EXACT = re.compile(r"\S+@\S+|https?://\S+|\+?\d[\d\s()/.-]{5,}\d|\d+(?:[.,]\d+)*")
"""What means one thing only: addresses, links, numbers."""
_EMPTY_WORDS = (
    "a an and any are as at be by can could do for from have i in into is it its me my of on or our please so some "
    "that the their them then these this those to up us was we what when which with would you your"
)
_CHANGE_WORDS = (
    "add adjust append approve archive assign attach book bump cancel change check clear close complete convert copy "
    "correct create decrease delete demote do draft drop duplicate edit enter escalate extend file fill finish fix "
    "give import increase insert invite link log lower make mark merge modify move new note open plan postpone promote "
    "push put raise reassign record register remind remove rename reopen replace reschedule reset resolve restore "
    "revert save schedule send set share shift split start stop store submit swap switch tag tick turn undo unassign "
    "update upgrade write yes"
)
_STRUCTURE = frozenset({"module", "field", "op", "sort", "direction"})
"""Arguments that name a place and carry nothing: a module, a field, a comparison."""


@dataclass(frozen=True)
class Provenance:
    """What was said by whom, up to a call.

    Args:
        said: the user's messages, in order.
        results: what calls brought: records, which anybody may have written. After these, every value of
            a write must be the user's.
        told: what the page tells: readables, shared state. Nothing may be taken from there alone.
    """

    said: Sequence[str]
    results: Sequence[str]
    told: Sequence[str]

    def doubt(self, arguments: Mapping[str, Any]) -> str | None:
        """Why a write with these arguments may not be what the user asked for; `None` if it is theirs."""
        if not self.results and not self.told:
            return None
        if not self._asks_for_a_change:
            return "you did not ask for a change"
        for name, value in _leaves(arguments):
            if not self._is_theirs(value):
                return f"{name} does not come from what you said"
        return None

    @cached_property
    def _asks_for_a_change(self) -> bool:
        latest = list(reversed(self.said))[:2]
        if latest and len(_words(latest[0])) > SHORT:
            latest = latest[:1]
        return any(_CHANGES & _stems(text) for text in latest)

    @cached_property
    def _said_words(self) -> Set[str]:
        return frozenset().union(*(_stems(text) for text in self.said)) - _EMPTY

    @cached_property
    def _said_whole(self) -> str:
        return _joined(self.said)

    @cached_property
    def _untrusted_whole(self) -> str:
        return _joined([*self.results, *self.told])

    @cached_property
    def _labels(self) -> Mapping[str, str]:
        """Id -> what the data calls the thing, as far as results tell: ``"id": "rec_1", ..., "title": "Call Ada"``."""
        found: dict[str, str] = {}
        for text in (*self.results, *self.told):
            for match in _LABELLED.finditer(text):
                found.setdefault(match["id"], match["label"])
        return found

    def _is_theirs(self, value: str) -> bool:
        """Whether the user said it, or what it names; or whether the model made it up where that is harmless."""
        if value in self._labels:
            return self._mentions(self._labels[value]) or value in self._said_whole
        exact = [_squeezed(one) for one in _EXACT.findall(value)]
        if any(one not in _squeezed(self._said_whole) and self._stands_there(one) for one in exact):
            return False
        if self._copied(value):
            return False
        return self._mentions(value) or not (self.results or self._stands_there(value))

    def _stands_there(self, value: str) -> bool:
        return _squeezed(value) in _squeezed(self._untrusted_whole)

    def _mentions(self, value: str) -> bool:
        """Whether the user said a word of it that means something."""
        words = _stems(value) - _EMPTY
        return not words or bool(words & self._said_words)

    def _copied(self, value: str) -> bool:
        words = _words(value)
        runs = (" ".join(words[i : i + RUN]) for i in range(len(words) - RUN + 1))
        return any(run in self._untrusted_whole and run not in self._said_whole for run in runs)


_LABELLED = re.compile(
    r'"id"\s*:\s*"(?P<id>[^"]{1,200})"[^{}]{0,200}?"(?:title|name|label)"\s*:\s*"(?P<label>[^"]{1,300})"'
)


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each text and number among the arguments, with its name. Yes, no and nothing say nothing by themselves."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and name not in _STRUCTURE:
        yield name, str(value)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text))]


def _stems(text: str) -> set[str]:
    """Words without the endings that English gives them."""
    return {_stem(word) for word in _words(text)}


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "d"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word


def _joined(texts: Iterable[str]) -> str:
    return " ".join(word for text in texts for word in _words(text))


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


_EMPTY = frozenset(_stem(word) for word in _EMPTY_WORDS.split())
_CHANGES = frozenset(_stem(word) for word in _CHANGE_WORDS.split())
