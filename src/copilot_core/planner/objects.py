"""Whether an action acts on what a clause speaks of, or only its verb fits.

What it acts on is known by nouns and by the form of ids: examples and descriptions ("such as INC-12") say which ids
are whose, and so do earlier results.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from copilot_core.planner.clauses import Clause
from copilot_core.planner.modules import nouns_of
from copilot_core.planner.references import Reference
from copilot_core.planner.tools import Tool, Toolbox
from copilot_core.planner.values import find_literals
from copilot_core.planner.vocabulary import classes_of, similar
from copilot_core.planner.words import stem_set, stems_of
from copilot_core.planner.world import Module, World

_FORM = re.compile(r"([a-z]{1,12}[-_])[a-z0-9_-]*[a-z0-9]$", re.IGNORECASE)
_EDITING = stem_set("update edit modify change set adjust patch amend alter move")
_SEEING = frozenset({"open", "show", "view", "see", "display", "browse"})
_ENDING = frozenset({"delete", "cancel"})


@dataclass(frozen=True)
class Objects:
    """Which ids and nouns are whose, among the actions, the modules and the results of one request."""

    box: Toolbox
    world: World
    forms: Mapping[str, frozenset[str]]
    ids: Mapping[str, frozenset[str]]

    def elsewhere(self, tool: Tool, clause: Clause, arguments: Mapping[str, Any]) -> bool:
        """Whether the thing that `arguments` give to `tool` is of another kind."""
        if tool.handle is None:
            there = [o for v in arguments.values() if isinstance(v, str) and (o := self.owners(v))]
            return not tool.reads and any(_alike(owners, frozenset(tool.nouns)) for owners in there)
        value = arguments.get(tool.handle.name)
        if not isinstance(value, str) or (self.world.page and value == self.world.page.record_id):
            return False
        owners = self.owners(value)
        if owners is not None:
            return not _alike(owners, tool.things)
        if clause.quoted() or any(_is_named(word.stem, tool) for word in clause.words):
            return False
        if any(x.kind == "id" and x.value == value for x in clause.literals):
            return any(tool.things & things for things in self.forms.values())
        return ends(clause) or any(s in self._nouns() for s in stems_of(value))

    def outside(self, module: Module | None, arguments: Mapping[str, Any]) -> bool:
        """Whether an id among the arguments of an action on records is known to be of no record of `module`."""
        given = [v for value in arguments.values() for v in (value if isinstance(value, list) else [value])]
        owners = [o for v in given if isinstance(v, str) and (o := self.owners(v)) is not None]
        nouns = frozenset(nouns_of(module)) if module else frozenset()
        return any(not _alike(one, nouns) for one in owners)

    def owners(self, value: str) -> frozenset[str] | None:
        """What kind of thing an id is of; None for what is no id that is known."""
        return self.ids.get(value) or self.forms.get(form_of(value))

    def _nouns(self) -> set[str]:
        """The nouns of all that there is here."""
        modules = {noun for module in self.world.modules for noun in nouns_of(module)}
        return modules | {thing for tool in self.box.tools if tool.handle for thing in tool.things}

    def meant(self, clause: Clause, pointed: Iterable[Reference]) -> list[Tool]:
        """The actions on what `clause` speaks of: by the form of its id, by its noun, or by what it points at."""
        ids = [x.value for x in clause.of_kind("id")]
        things = {thing for value in ids for thing in self.forms.get(form_of(value), ())}
        things |= {thing for reference in pointed for thing in reference.things}
        things |= {w.stem for w in clause.words if w.stem in {t for tool in self.box.tools for t in tool.things}}
        return [tool for tool in self.box.tools if tool.handle and things & tool.things]


def objects(box: Toolbox, world: World, earlier: Sequence[Sequence[Reference]]) -> Objects:
    """What is known of ids and nouns in one request."""
    forms: dict[str, set[str]] = {}
    known = [r for group in earlier for r in group if r.id and r.things]
    for tool in box.tools:
        for text in (*tool.examples, tool.handle.description if tool.handle else ""):
            for form in _forms_in(text) if tool.handle else ():
                forms.setdefault(form, set()).update(tool.things)
    for reference in known:
        forms.setdefault(form_of(str(reference.id)), set()).update(reference.things)
    forms.pop("", None)
    ids = {str(r.id): r.things for r in known}
    return Objects(box, world, {form: frozenset(things) for form, things in forms.items()}, ids)


def form_of(value: str) -> str:
    """What the ids of one kind have in common: INC-12 -> inc-; nothing where it cannot be told."""
    match = _FORM.fullmatch(value.strip())
    return match[1].lower() if match and any(c.isdigit() for c in value) else ""


def _forms_in(text: str) -> Iterator[str]:
    for literal in find_literals(text):
        if literal.kind == "id" and form_of(literal.value):
            yield form_of(literal.value)


def _alike(left: frozenset[str], right: frozenset[str]) -> bool:
    return any(similar(a, b) >= 0.6 for a in left for b in right)


def _is_named(word: str, tool: Tool) -> bool:
    return any(similar(word, noun) >= 0.6 for noun in {*tool.things, *tool.nouns})


def ends(clause: Clause) -> bool:
    """Whether `clause` wants something to be gone."""
    return clause.head is not None and bool(classes_of(clause.head.lower) & _ENDING)


def does(tool: Tool, clause: Clause) -> bool:
    """Whether what the verb of `clause` asks for is something that the action, by all that it says, does."""
    if clause.head is None:
        return True
    wanted = classes_of(clause.head.lower)
    known = {c for word in (*tool.name_words, tool.description.split(" ")[0]) for c in classes_of(word)}
    return bool(wanted & known) or clause.head.stem in _words_of(tool)


def _words_of(tool: Tool) -> set[str]:
    """The stems of all that it says of itself."""
    return {s for text in (" ".join(tool.name_words), tool.description, *tool.examples) for s in stems_of(text)}


def unasked(tool: Tool, clause: Clause, arguments: Mapping[str, Any]) -> bool:
    """Whether an action that changes a thing would do what no verb asks for, or change nothing of it."""
    if tool.reads or tool.handle is None:
        return False
    if clause.head is not None and clause.head.lower in _SEEING and clause.head.stem not in _words_of(tool):
        return True
    if tool.classes & _ENDING:
        return max(clause.intents.get(name, 0.0) for name in _ENDING) < 0.9 and not _says_verb(tool, clause)
    if tool.verb in _EDITING and set(arguments) == {tool.handle.name} and len(tool.params) > 1:
        return True
    return clause.head is None and not clause.phrases and not _says_verb(tool, clause)


def _says_verb(tool: Tool, clause: Clause) -> bool:
    return any(w.stem == tool.verb or classes_of(w.lower) & tool.classes for w in clause.words[:3])
