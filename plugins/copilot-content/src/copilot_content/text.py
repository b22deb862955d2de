"""Text as a person reads it: without HTML, in one line, not longer than it is of use."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from string import ascii_lowercase, ascii_uppercase

HIDDEN = frozenset({"script", "style", "head", "template", "noscript", "svg"})
LONGEST_READ = 200_000
"""Characters of one text that are looked at."""
_WORD = re.compile(r"[^\W_]+")
_TAG = re.compile(r"<[a-zA-Z/!?]")
_NAME = re.compile(r"[a-z]+")
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass
class Cuts:
    """What was not used, to be reported."""

    notes: list[str] = field(default_factory=list)

    def text(self, name: str, raw: str, most: int) -> str:
        """`raw` as plain text of at most `most` characters; the rest is noted under `name`."""
        whole = plain(raw[:LONGEST_READ])
        if len(whole) <= most and len(raw) <= LONGEST_READ:
            return whole
        self.notes.append(f"{name} is long: only its first {min(most, len(whole)):,} characters were read.")
        return cut(whole, most)


def plain(text: str) -> str:
    """`text` in one line; tags, and what a browser would not show, are left out."""
    if _TAG.search(text):
        text = unescape(" ".join(_shown(text)))
    return " ".join(text.split())


def _shown(text: str) -> Iterator[str]:
    """What stands between tags, in one pass: `html.parser` takes a minute for what is made to be slow."""
    folded, position = text.translate(_LOWER), 0
    while (tag := _TAG.search(text, position)) is not None:
        yield text[position : tag.start()]
        name = _NAME.match(folded, tag.start() + 1)
        ends = "-->" if folded.startswith("<!--", tag.start()) else ">"
        if name is not None and name.group() in HIDDEN:
            ends = f"</{name.group()}>"
        end = folded.find(ends, tag.start())
        if end < 0:
            if ends == ">":  # no tag after all
                yield text[tag.start() :]
            return
        position = end + len(ends)
    yield text[position:]


def cut(text: str, most: int) -> str:
    """`text`, or its beginning, with a mark."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def words(text: str) -> list[str]:
    """The words of `text` as they are compared: folded, without accents."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return _WORD.findall(bare)
