"""Words: where they are in a text, and the form in which two of them are compared."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

WORD = re.compile(r"[^\W_]+(?:['’.&+-][^\W_]+)*['’]?(?<!['’])|[^\W_]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_IRREGULAR = {
    "people": "person",
    "persons": "person",
    "children": "child",
    "men": "man",
    "women": "woman",
    "won": "win",
    "lost": "los",
    "sent": "send",
    "wrote": "write",
    "written": "write",
    "told": "tell",
    "paid": "pay",
    "bought": "buy",
    "sold": "sell",
    "made": "make",
    "found": "find",
    "news": "news",
    "status": "status",
    "address": "address",
    "data": "data",
}


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text; `stem` is what is compared."""

    text: str
    start: int
    end: int

    @property
    def lower(self) -> str:
        """The word as a dictionary would have it."""
        return self.text.lower().replace("’", "'")

    @property
    def stem(self) -> str:
        """The word without its ending."""
        return stem(self.lower)

    @property
    def is_name(self) -> bool:
        """Written with a capital or with digits, as names are."""
        return self.text[0].isupper() or any(c.isdigit() for c in self.text)


def words_of(text: str) -> list[Word]:
    """The words of `text`, with their places."""
    return [Word(m.group(), m.start(), m.end()) for m in WORD.finditer(text)]


def stems_of(text: str) -> list[str]:
    """The stems of `text`, in order."""
    return [stem(m.group().lower()) for m in WORD.finditer(text)]


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A form that `close`, `closes`, `closed` and `closing` share. No real root: only for comparing."""
    word = word.lower().replace("’", "'").removesuffix("'s")
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or any(c.isdigit() for c in word):
        return word
    return _without_e(_without_suffix(_singular(word)))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _without_suffix(word: str) -> str:
    for suffix in ("ing", "ed"):
        root = word.removesuffix(suffix)
        if root == word or len(root) < 3 or not re.search("[aeiouy]", root) or word.endswith("eed"):
            continue
        if root[-1] == root[-2] and root[-1] not in "lsz":
            return root[:-1]
        return root[:-1] + "y" if root.endswith("i") else root
    return word


def _without_e(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


@lru_cache(maxsize=4096)
def identifier_words(name: str) -> tuple[str, ...]:
    """``createCalendarEvent`` and ``create_calendar_event`` -> create, calendar, event."""
    return tuple(part.lower() for part in _CAMEL.findall(name))


def phrase_of(name: str) -> str:
    """An identifier as a person would say it."""
    return " ".join(identifier_words(name)) or name


def contains_phrase(haystack: Iterable[str], needle: tuple[str, ...]) -> int:
    """The index at which the stems `needle` begin in `haystack`, or -1."""
    hay = tuple(haystack)
    size = len(needle)
    return next((i for i in range(len(hay) - size + 1) if hay[i : i + size] == needle), -1) if needle else -1


def pieces(text: str) -> list[str]:
    """`text` in word-sized parts that join to it exactly."""
    return re.findall(r"\s*\S+|\s+", text)


def stem_set(words: str) -> frozenset[str]:
    """The stems of a list of words."""
    return frozenset(map(stem, words.split()))


def word_set(words: str) -> frozenset[str]:
    """A list of words as a set."""
    return frozenset(words.split())
