"""What the steps of slot filling share: the arguments so far, and where in the text they came from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.references import Reference
from copilot_core.planner.tools import Param, Tool
from copilot_core.planner.values import overlaps
from copilot_core.planner.vocabulary import classes_of, similar
from copilot_core.planner.words import stem_set
from copilot_core.planner.world import World

PREPOSITIONS: dict[str, frozenset[str]] = {
    "origin": frozenset({"from"}),
    "target": frozenset({"to", "into", "onto", "in", "towards"}),
    "person": frozenset({"to", "for", "with", "by", "of", ""}),
    "place": frozenset({"in", "at", "near", "to", "for", "around", "from", "of", ""}),
    "string": frozenset({"", "for", "on", "of", "in", "to", "about", "with", "from", "by", "as", "under"}),
    "id": frozenset({"", "for", "of", "on", "in", "to"}),
}

_ORIGIN_WORDS = stem_set("from origin source departure start sender")

_TARGET_WORDS = stem_set("to destination target arrival into recipient end")


@dataclass
class Filling:
    """Arguments found so far, with the places in the text that they came from.

    Args:
        each: the ids of several things where the action takes one: it is called for each of them.
        opens: whether it leads to something that was told.
        elsewhere: whether the words point at something that is not of the kind the action acts on.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    evidence: float = 0.0
    weak: set[str] = field(default_factory=set)
    unused: list[str] = field(default_factory=list)
    each: list[str] = field(default_factory=list)
    opens: bool = False
    elsewhere: bool = False

    def put(self, param: Param, value: Any, *spans: Span, evidence: float = 1.0) -> None:
        """Keep `value` for `param`."""
        self.arguments[param.name] = value
        self.spans.extend(spans)
        self.evidence += evidence

    def is_free(self, span: Span) -> bool:
        """Whether nothing came from there yet."""
        return not overlaps(*span, self.spans)


class Slots:
    """The state of one attempt to fill parameters, which the steps share."""

    def __init__(self, tool: Tool, clause: Clause, world: World, focus: Sequence[Sequence[Reference]] = ()) -> None:
        self.tool, self.clause, self.world, self.focus = tool, clause, world, focus
        self.params = tool.params
        self.filling = Filling()
        self.body = (clause.body or self._told()) if any(p.role in {"prose", "name"} for p in tool.params) else None

    def _told(self) -> Span | None:
        """“email Lena that the meeting moved”: the words after “that”, for actions that tell."""
        if not self.tool.classes & {"send", "draft", "remind", "comment"}:
            return None
        match = re.search(r"(?<=\w)\s+that\s+(?!(?:is|was)\b)(?=\w+\s+\w+)", self.clause.text, re.IGNORECASE)
        return (match.end(), len(self.clause.text)) if match is not None else None

    def missing(self) -> list[Param]:
        """Required parameters that nothing was found for."""
        return [
            p for p in self.params if p.required and p.name not in self.filling.arguments and "default" not in p.schema
        ]

    def _open(self, *roles: str) -> list[Param]:
        """Unfilled parameters of these roles, required ones first."""
        found = [p for p in self.params if p.role in roles and p.name not in self.filling.arguments]
        return sorted(found, key=lambda p: not p.required)

    def _in_body(self, span: Span) -> bool:
        return self.body is not None and self.body[0] <= span[0] < self.body[1]


def with_preposition(clause: Clause, span: Span) -> Span:
    """`span` with the preposition or article before it, so that none dangles in what is left."""
    match = re.search(
        r"(?:\b(?:on|at|by|for|in|from|until|till|to|due|a|an|the|around|starting|since|of|dated)\s+)+$",
        clause.text[: span[0]],
        re.IGNORECASE,
    )
    return (match.start() if match else span[0], span[1])


def word_before(clause: Clause, position: int) -> str:
    words = [w for w in clause.words if w.end <= position]
    while words and words[-1].lower in {"the", "a", "an", "my", "our"}:
        words.pop()
    return words[-1].lower if words else ""


def direction(param: Param) -> frozenset[str]:
    words = set(param.words)
    if words & _ORIGIN_WORDS:
        return PREPOSITIONS["origin"]
    return PREPOSITIONS["target"] if words & _TARGET_WORDS and param.role != "person" else frozenset()


def opposite(wanted: frozenset[str]) -> frozenset[str]:
    return frozenset({"from"}) if "to" in wanted else frozenset({"to", "into"})


def nearness(clause: Clause, param: Param, position: int) -> float:
    """Near 1 right after a word of the parameter's name, 0 if none is in the clause."""
    gaps = [
        abs(position - w.end)
        for w in clause.words
        if any(similar(w.stem, p) >= 0.9 for p in param.words) and not classes_of(w.lower)
    ]
    return 1.0 / (1.0 + min(gaps)) if gaps else 0.0
