"""The piece of a record's text in which a search has found its words."""

import re
import unicodedata
from collections.abc import Sequence

from copilot_records.fields import Value
from copilot_records.modules import Module
from copilot_records.store import Record
from copilot_records.text import WORD, words

BEFORE, LENGTH = 60, 160
LONGEST_LOOKED_AT = 20_000
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~#&!]")
_BLOCK = re.compile(r"^(\d+)?([-+.)])")


def snippet(record: Record, module: Module, wanted: Sequence[str]) -> tuple[str, str] | None:
    """The field that has most of the `wanted` words, and its text around the first, as Markdown.

    Words that begin with one of `wanted` are bold, all else is escaped. `None` where they are in the title alone.
    """
    best: tuple[int, str, str] | None = None
    for field in module.fields:
        text = _text(record.values.get(field.name))
        if field.module or field.name == module.title_field or not text:
            continue
        has = words(text)
        found = sum(any(word.startswith(start) for word in has) for start in dict.fromkeys(wanted))
        if found and (best is None or found > best[0]):
            best = found, field.name, text
    return None if best is None else (best[1], marked(best[2], wanted))


def marked(text: str, wanted: Sequence[str]) -> str:
    """The piece of `text` around the first of the words, on one line."""
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    hits = (match for match in WORD.finditer(plain) if _begins(match[0], wanted))
    first = next(hits, None)
    start = 0 if first is None or first.end() <= LENGTH else _word_start(plain, first.start() - BEFORE)
    end = start + LENGTH if len(plain) > start + LENGTH else len(plain)
    piece = plain[start:end]
    told, at = [], 0
    for match in WORD.finditer(piece):
        if _begins(match[0], wanted):
            told += [_escaped(piece[at : match.start()]), f"**{match[0]}**"]
            at = match.end()
    line = "".join([*told, _escaped(piece[at:])]).strip()
    line = line if start else _BLOCK.sub(r"\1\\\2", line)
    return f"{'…' if start else ''}{line}{'…' if end < len(plain) else ''}"


def _text(value: Value) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None or isinstance(value, bool) else str(value)[:LONGEST_LOOKED_AT]


def _begins(word: str, wanted: Sequence[str]) -> bool:
    return any(bare.startswith(start) for bare in words(word) for start in wanted)


def _word_start(text: str, near: int) -> int:
    return text.rfind(" ", 0, near + 1) + 1


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", text)
