"""Which options of a closed list a clause speaks of."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.vocabulary import STOP, similar
from copilot_core.planner.words import Word, contains_phrase, identifier_words, stem, words_of

_SYMBOL = re.compile("[$€£¥]")
_CODES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_EVERY = re.compile(r"\b(?:every|each) (day|weekday|week|month|quarter|year)\b", re.IGNORECASE)
_EVERY_WEEK = re.compile(r"\b(?:every|each)(?= (?:mon|tues|wednes|thurs|fri|satur|sun)day\b)", re.IGNORECASE)
_HOW_OFTEN = {"day": "daily", "weekday": "weekdays"}


@dataclass(frozen=True, slots=True)
class Mention:
    """An option in a text. `strength`: 1 for its own words, less for a beginning or a synonym."""

    value: object
    span: Span
    strength: float


@lru_cache(maxsize=2048)
def option_stems(option: str) -> tuple[str, ...]:
    """``in_progress`` -> in, progress; ``/settings/team`` -> setting, team."""
    return tuple(stem(word) for word in identifier_words(option))


def find_options(
    clause: Clause, options: Sequence[object], weakest: float = 0.6, skip: Iterable[Span] = ()
) -> list[Mention]:
    """The options that are mentioned, as often as they are, strongest evidence kept for each place."""
    words = [w for w in clause.words if not any(w.start < right and left < w.end for left, right in skip)]
    words += [Word(code, m.start(), m.end()) for m in _SYMBOL.finditer(clause.text) if (code := _CODES[m.group()])]
    often = [(_HOW_OFTEN.get(m[1].lower(), f"{m[1].lower()}ly"), m) for m in _EVERY.finditer(clause.text)]
    often += [("weekly", m) for m in _EVERY_WEEK.finditer(clause.text)]
    words += [Word(text, m.start(), m.end()) for text, m in often]
    words += [Word(p.text, w.start + p.start, w.start + p.end) for w in words if "-" in w.text for p in _parts(w.text)]
    texts = [str(option) for option in options]
    found = [
        m for option, text in zip(options, texts, strict=True) for m in _mentions(words, option, text, texts, weakest)
    ]
    found.sort(key=lambda m: (-m.strength, m.span[0] - m.span[1], m.span))
    kept: list[Mention] = []
    for mention in found:
        if not any(mention.span[0] < k.span[1] and k.span[0] < mention.span[1] for k in kept):
            kept.append(mention)
    return sorted(kept, key=lambda m: m.span)


def _parts(text: str) -> list[Word]:
    """The words that hyphens join."""
    return words_of(text.replace("-", " "))


def _mentions(words: list[Word], option: object, text: str, rivals: Sequence[str], weakest: float) -> list[Mention]:
    wanted = option_stems(text)
    stems = [w.stem for w in words]
    exact = contains_phrase(stems, wanted)
    if exact >= 0 and not (
        len(wanted) == 1
        and words[exact].lower in {"in", "on", "to", "it", "us", "no", "or", "is", "me"}
        and words[exact].text != text
    ):
        last = words[exact + len(wanted) - 1]
        return [Mention(option, (words[exact].start, last.end), 1.0 + 0.01 * len(wanted))]
    scattered = [next((w for w in words if w.stem == part), None) for part in wanted]
    if len(wanted) > 1 and all(scattered):
        placed = [w for w in scattered if w is not None]
        return [Mention(option, (min(w.start for w in placed), max(w.end for w in placed)), 1.0 + 0.01 * len(wanted))]
    joined = "".join(wanted)
    for word in words:
        squeezed = word.lower.replace("-", "").replace("_", "").replace("/", "")
        if len(joined) > 2 and (stem(squeezed) == joined or squeezed == text.lower()):
            return [Mention(option, (word.start, word.end), 1.0)]
    return _telling_word(words, option, wanted, rivals) or _alike(words, option, wanted, weakest)


def _telling_word(words: list[Word], option: object, wanted: tuple[str, ...], rivals: Sequence[str]) -> list[Mention]:
    """A word that only this option has: "team" for ``/settings/team``."""
    if len(wanted) < 2:
        return []
    others = [s for rival in rivals if rival != str(option) for s in option_stems(rival)]
    for part in reversed(wanted):
        hit = next((w for w in words if w.stem == part and w.lower not in STOP and part not in others), None)
        if hit is not None:
            return [Mention(option, (hit.start, hit.end), 0.9)]
    return []


def _alike(words: list[Word], option: object, wanted: tuple[str, ...], weakest: float) -> list[Mention]:
    """A beginning ("intro" for introduction) or a synonym ("urgent" for high)."""
    best: Mention | None = None
    for word in words:
        if word.lower in STOP and word.lower not in {"up", "off", "on"}:
            continue
        strength = max((_alikeness(word, part) for part in wanted if part not in STOP), default=0.0)
        if len(wanted) > 1:
            strength *= 0.95
        if strength >= weakest and (best is None or strength > best.strength):
            best = Mention(option, (word.start, word.end), strength)
    return [best] if best else []


def _alikeness(word: Word, part: str) -> float:
    short, long = sorted((word.stem, part), key=len)
    if (
        len(short) >= 3
        and long.startswith(short)
        and (len(short) >= 5 or (word.stem == short and len(part) - len(short) >= 2))
    ):
        return 0.8
    if len(part) > 3 and word.stem == f"re{part}":
        return 0.8
    return 0.65 if similar(word.stem, part) == 0.6 else 0.0
