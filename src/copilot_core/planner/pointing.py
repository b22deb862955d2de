"""What "it", "them" and "the second one" point at: what results told earlier."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copilot_core.planner.references import Reference, is_of
from copilot_core.planner.words import stem, stem_set, word_set

_ORDINALS = (
    ("first", "1st"),
    ("second", "2nd"),
    ("third", "3rd"),
    ("fourth", "4th"),
    ("fifth", "5th"),
    ("sixth", "6th"),
    ("seventh", "7th"),
    ("eighth", "8th"),
    ("ninth", "9th"),
    ("tenth", "10th"),
)
_PLACES = {word: place for place, words in enumerate(_ORDINALS) for word in words} | {"last": -1}
PLACES = "|".join(_PLACES)
"""The words for places, as a pattern."""
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5}
_ORDINAL = re.compile(
    rf"\b(?P<the>the\s+)?(?P<which>{PLACES})(?:\s+(?P<count>{'|'.join(_COUNTS)}|\d))?\b"
    r"(?:\s+(?P<noun>ones?|of (?:them|those|these)|[a-z]+))?(?:\s+(?P<more>[a-z]+))?|#(?P<number>\d{1,2})\b(?![\w-])",
    re.IGNORECASE,
)
_OF_A_LIST = frozenset(
    {"one", "ones", "record", "records", "result", "results", "entry", "entries", "item", "items", "row", "hit"}
)
_BEFORE_A_DAY = re.compile(r"\b(?:on|by|until|till|before|after|since|from|due)\s+$", re.IGNORECASE)
_NO_NOUN = word_set(
    "to as with for is and or now please on at in by be should from into until again back right today tomorrow done"
)
_TIMES = stem_set("quarter week day month year time name half hour minute weekend of thing")
_PLURAL = re.compile(r"\b(?:them|those|these|all of (?:them|those)|both|they)\b", re.IGNORECASE)
_SINGULAR = re.compile(
    r"\b(?:it|its|that one|that|this one|the same(?: one)?|him|her"
    r"|his|he|she)\b|\bthis(?=\W*$|\s+(?:to|as|for|now|and)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pointing:
    """Words that point at earlier records. None of them where no earlier result has what they say."""

    span: tuple[int, int]
    references: tuple[Reference, ...]
    ordinal: bool = False


def pointings(text: str, earlier: Sequence[Sequence[Reference]]) -> list[Pointing]:
    """Each pronoun and ordinal in `text` with what it points at; `earlier` has the latest result last."""
    groups = [group for group in earlier if group]
    found = [_by_place(match, groups) for match in _ordinals(text)]
    if groups and not found:
        last = groups[-1]
        many = next((group for group in reversed(groups) if len(group) > 1), last)
        found = [Pointing(m.span(), tuple(many)) for m in list(_PLURAL.finditer(text))[:1]]
        if not found and len(last) == 1 and not last[0].several:
            found = [Pointing(m.span(), (last[0],)) for m in list(_SINGULAR.finditer(text))[:1]]
    return found


def pointed_at(text: str, earlier: Sequence[Sequence[Reference]]) -> list[Reference]:
    """The earlier records that `text` points at with a pronoun or an ordinal."""
    return list(next((p.references for p in pointings(text, earlier)), ()))


def names_ordinal(text: str) -> bool:
    """Whether `text` speaks of the first, the second or the last of something."""
    return next(_ordinals(text), None) is not None


def _ordinals(text: str) -> Iterator[re.Match[str]]:
    for match in _ORDINAL.finditer(text):
        noun = (match["noun"] or "").lower()
        bare = not noun or noun in _NO_NOUN
        day = match["which"] and match["which"][0].isdigit() and _BEFORE_A_DAY.search(text[: match.start()])
        if match["number"] or not (stem(noun) in _TIMES or (bare and not match["the"]) or (bare and day)):
            yield match


def _by_place(match: re.Match[str], groups: Sequence[Sequence[Reference]]) -> Pointing:
    """“the second incident”: in the latest list of such things."""
    noun = (match["noun"] or "").lower()
    plain = not noun or noun in _NO_NOUN or noun in _OF_A_LIST or noun.startswith("of ")
    more = (match["more"] or "").lower()
    end = match.end("more") if more in _OF_A_LIST and not plain else match.end("noun")
    if not noun or noun in _NO_NOUN:
        end = match.end("count") if match["count"] else match.end("which")
    span = (match.start(), match.end() if match["number"] else end)
    known = [g for g in groups if plain or is_of(g[0], {stem(noun)})]
    group = next((g for g in reversed(known) if len(g) > 1), known[-1] if known else ())
    return Pointing(span, tuple(_picked(match, group)), ordinal=True)


def _picked(match: re.Match[str], group: Sequence[Reference]) -> Sequence[Reference]:
    if match["number"]:
        place = int(match["number"]) - 1
        return group[place : place + 1] if place >= 0 else ()
    place = _PLACES[match["which"].lower()]
    count = _COUNTS.get((match["count"] or "").lower()) or int(match["count"] or 1)
    return group[-count:] if place == -1 else group[place : place + count]
