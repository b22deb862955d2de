"""Which actions a model is offered where more are installed than one prompt should hold (checklist S86).

A language model chooses worse among many tools, pays for each in every call, and some providers take no more than 128.
So an action is found by the words it shares with what was said, rare words counting more (BM25, Robertson 1994). Being
offered grants nothing: the gate decides about each call.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from copilot_core.actions import Action
from copilot_core.planner.vocabulary import classes_of, similar
from copilot_core.planner.words import WORD, identifier_words, stem, stems_of
from copilot_core.run import MODULES, Readable

SATURATION, LENGTH = 1.2, 0.5
EXPANDED = 0.4
"""What a word of about the same meaning counts, beside the word itself."""


class Catalogue:
    """All actions, by what they are about.

    Args:
        most: how many a prompt may hold.
    """

    def __init__(self, actions: Mapping[str, Action], most: int) -> None:
        self.most = most
        self._terms = {name: _terms(action) for name, action in actions.items()}
        lengths = [terms.total() for terms in self._terms.values()]
        self._mean = sum(lengths) / max(len(lengths), 1)
        seen = Counter(term for terms in self._terms.values() for term in terms)
        self._rarity = {term: math.log(1 + (len(lengths) - n + 0.5) / (n + 0.5)) for term, n in seen.items()}

    def ranked(self, wanted: Mapping[str, float], among: Iterable[Action]) -> list[Action]:
        """The actions, those that fit best first; of equals, as they were registered.

        Args:
            wanted: term -> weight; see `terms_said`.
        """
        return sorted(among, key=lambda action: -self._score(action.name, wanted))

    def chosen(self, allowed: Sequence[Action], wanted: Mapping[str, float], first: Iterable[str]) -> tuple[str, ...]:
        """The names of those to offer, in the order in which they were registered.

        Args:
            first: names that a place is kept for while there is one, the most important first; `pinned` ones
                come before them.
        """
        if len(allowed) <= self.most:
            return tuple(action.name for action in allowed)
        names = {action.name for action in allowed}
        pinned = [action.name for action in allowed if action.pinned]
        ranked = (action.name for action in self.ranked(wanted, allowed))
        kept = list(dict.fromkeys([*pinned, *(name for name in first if name in names), *ranked]))[: self.most]
        return tuple(action.name for action in allowed if action.name in set(kept))

    def _score(self, name: str, wanted: Mapping[str, float]) -> float:
        terms = self._terms[name]
        size = SATURATION * (1 - LENGTH + LENGTH * terms.total() / self._mean)
        return sum(
            weight * self._rarity[term] * terms[term] * (SATURATION + 1) / (terms[term] + size)
            for term, weight in wanted.items()
            if term in terms
        )


def _terms(action: Action) -> Counter[str]:
    """What it is about; its name and what users say to it count more than a parameter."""
    named = [stem(word) for word in identifier_words(action.name)]
    terms = Counter(named * 3)
    terms.update(f"={kind}" for word in identifier_words(action.name) for kind in classes_of(word))
    for example in action.examples:
        terms.update(stems_of(example) * 2)
    terms.update(stems_of(action.description))
    terms.update(term for term in _schema_terms(action.json_schema))
    return terms


def _schema_terms(schema: Any) -> Iterable[str]:
    """The words of parameters and options, at any depth."""
    if isinstance(schema, Mapping):
        for name in schema.get("properties", ()):
            yield from map(stem, identifier_words(name))
        yield from (term for option in schema.get("enum", ()) for term in stems_of(str(option)))
        for value in schema.values():
            yield from _schema_terms(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _schema_terms(value)


def terms_said(said: Sequence[str], readables: Iterable[Readable] = ()) -> dict[str, float]:
    """What is asked for: the words of the last message, those of earlier ones for less.

    A word for one of the workspace's modules also stands for the word "module", as actions for all of them have it.

    Args:
        said: what the user said, the newest last.
    """
    modules = _module_words(readables)
    wanted: dict[str, float] = {}
    for age, text in enumerate(reversed(said)):
        for word in WORD.findall(text[:4_000]):
            root = stem(word.lower())
            alike = ["=" + kind for kind in classes_of(word.lower())] + (
                ["modul"] if any(similar(root, module) for module in modules) else []
            )
            for term, weight in ((root, 1.0), *((other, EXPANDED) for other in alike)):
                wanted[term] = max(wanted.get(term, 0.0), weight / (1 + age))
    return wanted


def _module_words(readables: Iterable[Readable]) -> Set[str]:
    told = [module for readable in readables if readable.description == MODULES for module in readable.value]
    return {root for module in told for key in ("slug", "name", "singular") for root in stems_of(module.get(key, ""))}
