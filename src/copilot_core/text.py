"""Text as a model should read it: without HTML, in one line, not longer than it is of use."""

import re
from collections.abc import Iterator
from html import unescape
from string import ascii_lowercase, ascii_uppercase

HIDDEN = frozenset({"script", "style", "head", "template", "noscript", "svg"})
_TAG = re.compile(r"<[a-zA-Z/!?]")
_NAME = re.compile(r"[a-z]+")
_ELEMENT = re.compile(r"</[a-zA-Z][\w-]{0,20}\s{0,5}>|<(?:br|hr|img|!doctype|html|meta|link)\b", re.IGNORECASE)
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def is_html(text: str) -> bool:
    """Whether a text is markup: an element is closed in it, or begins that needs no end."""
    return _ELEMENT.search(text) is not None


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
