"""Literals in a text: quoted words, e-mail addresses, links, ids, phone numbers and amounts."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from copilot_core.planner.dates import COUNTS

_QUOTED = re.compile(
    r"\"(?P<a>[^\"]+)\"|“(?P<b>[^”]+)”|(?<!\w)'(?P<c>[^']+(?:'\w[^']*)*)'(?!\w)"
    r"|(?<!\w)‘(?P<d>[^’]+)’(?!\w)|`(?P<e>[^`]+)`"
)
_LITERALS = (
    ("email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    (
        "url",
        re.compile(
            r"https?://[^\s,;)\"']+|\bwww\.[^\s,;)\"']+|\b[\w-]+(?:\.[\w-]+)*\.(?:com"
            r"|org|net|io|dev|example|de|co|ai|app|uk|eu|fr|nl|pt|at|ch|me"
            r"|info|biz|health|tech)\b(?:/[^\s,;]*)?"
        ),
    ),
    ("version", re.compile(r"\bv\d+(?:\.\d+)*\b|\b\d+\.\d+\.\d+(?:-[\w.]+)?\b")),
    (
        "id",
        re.compile(
            r"\b(?:rec|usr|user|org|ord|inv|cus|evt|task|deal)_[A-Za-z0-9]+\b"
            r"|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[A-Z]{1,8}(?:-[A-Z0-9]+)*-?\d+(?:-[A-Z0-9]+)*\b(?!%)"
            r"|#\d+\b|\b[A-Za-z]+[_-]\d+[\w-]*\b|\b(?=\w*\d)(?=\w*[A-Z])[A-Z0-9]{4,}\b"
        ),
    ),
    (
        "phone",
        re.compile(
            r"(?<![\w/])(?:\+\d|\(\d{2,4}\)\s?\d|0\d)[\d\s().-]{5,}\d\b|(?<![\w.-])\d{3}[-.\s]\d{3,4}(?:[-.\s]\d{4})?\b"
            r"(?![-.\d])"
        ),
    ),
)
_SCALE = {
    "k": 1e3,
    "thousand": 1e3,
    "grand": 1e3,
    "m": 1e6,
    "mm": 1e6,
    "mn": 1e6,
    "mil": 1e6,
    "mio": 1e6,
    "million": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "billion": 1e9,
}
_NUMBER = re.compile(
    r"(?<![\w.,:/-])(?P<sign>-)?(?P<currency>[$€£¥]\s?)?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?"
    r"|\d+(?:\.\d+)?)"
    r"(?:\s?(?P<scale>k|thousand|grand|mm|mn|mil|mio|m|million|bn|b|billion))?(?P<percent>\s?%)?"
    r"(?P<code>\s?(?:[$€£¥]|USD|EUR|GBP|CHF|dollars?|euros?|bucks|pounds?)(?!\w))?(?![\w]|[.:]\d)",
    re.IGNORECASE,
)
_NUMBER_WITH_UNIT = re.compile(r"(?<![\w.,-])(?P<digits>\d+(?:\.\d+)?)(?P<unit>[a-z]{1,7})\b", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    rf"\b(?P<word>{'|'.join(w for w in COUNTS if w not in {'a', 'an', 'zero'})}"
    rf"|half a million|a million|half an?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is written out in a text."""

    kind: str
    start: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """An amount in a text; `unit` is the word right after it."""

    start: int
    end: int
    value: float
    is_money: bool
    unit: str
    is_word: bool = False

    @property
    def plain(self) -> int | float:
        """The value as JSON has it."""
        return int(self.value) if self.value == int(self.value) else self.value


def overlaps(start: int, end: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether any span shares a character with ``start:end``."""
    return any(start < right and left < end for left, right in spans)


def find_literals(text: str) -> list[Literal]:
    """Quoted texts and written-out values in order; what is quoted is not read again."""
    found = [
        Literal("quoted", m.start(), m.end(), next(g for g in m.groups() if g is not None).strip())
        for m in _QUOTED.finditer(text)
    ]
    for kind, pattern in _LITERALS:
        for match in pattern.finditer(text):
            if not overlaps(match.start(), match.end(), [(x.start, x.end) for x in found]):
                found.append(Literal(kind, match.start(), match.end(), match.group().rstrip(".")))
    return sorted(found, key=lambda literal: literal.start)


def find_numbers(text: str, taken: Iterable[tuple[int, int]] = ()) -> list[Number]:
    """The amounts outside `taken`: ``120k``, ``$1.5m``, ``30 min``, ``two``."""
    spans = list(taken)
    found: list[Number] = []
    for number in (*_digits(text), *_attached(text), *_spelled(text)):
        if not overlaps(number.start, number.end, [*spans, *((n.start, n.end) for n in found)]):
            found.append(number)
    return sorted(found, key=lambda number: number.start)


def _digits(text: str) -> Iterator[Number]:
    for m in _NUMBER.finditer(text):
        scale = _SCALE.get((m["scale"] or "").lower(), 1.0)
        value = float(m["digits"].replace(",", "")) * scale * (-1 if m["sign"] else 1)
        money = bool(m["currency"] or m["code"] or scale > 1)
        end = m.start("code") if m["code"] else m.end()
        yield Number(
            m.start("sign") if m["sign"] else m.start("digits"),
            end,
            round(value, 6),
            money,
            "%" if m["percent"] else _unit_after(text, end),
        )


def _attached(text: str) -> Iterator[Number]:
    for m in _NUMBER_WITH_UNIT.finditer(text):
        if m["unit"].lower() not in {"st", "nd", "rd", "th", "am", "pm"}:
            yield Number(m.start(), m.end(), float(m["digits"]), is_money=False, unit=m["unit"].lower())


def _spelled(text: str) -> Iterator[Number]:
    for m in _NUMBER_WORD.finditer(text):
        word = m["word"].lower()
        if word.endswith("million"):
            yield Number(m.start(), m.end(), 5e5 if word.startswith("half") else 1e6, is_money=True, unit="")
            continue
        value = 0.5 if word.startswith("half") else float(COUNTS[word])
        yield Number(m.start(), m.end(), value, is_money=False, unit=_unit_after(text, m.end()), is_word=True)


def _unit_after(text: str, end: int) -> str:
    match = re.match(r"[\s-]*([^\W\d_]+)", text[end:])
    return match[1].lower() if match else ""
