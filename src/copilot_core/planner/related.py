"""“show related deals”: records that are tied to the open one, by a field of theirs, of its own, or one of both."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from copilot_core.planner.clauses import Clause
from copilot_core.planner.filter_base import Filter
from copilot_core.planner.modules import nouns_of
from copilot_core.planner.page import is_named_after, link_field
from copilot_core.planner.references import records_in
from copilot_core.planner.words import stem
from copilot_core.planner.world import Module, RecordField, World

_RELATED = re.compile(
    r"\b(?:related|linked|connected|associated)\s+(?P<kind>[a-z][\w-]*)(?:\s+(?:records?|entries|items))?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Tie:
    """A condition on records whose value is one of the open record: its `source` field."""

    field: str
    source: RecordField


@dataclass(frozen=True)
class Related:
    """What “related …” asks for. Without ties, only words can find it.

    Args:
        noun: what it is called.
        direct: whether a field of its own leads to the open record.
        ties: what it may have in common with the open record, the closest first.
    """

    noun: str
    module: Module | None
    direct: bool
    ties: tuple[Tie, ...]


def related(clause: Clause, world: World) -> Related | None:
    """The related records that `clause` asks for, where a record is open."""
    found = _RELATED.search(clause.text.rstrip(" .!?"))
    page = world.page
    if found is None or page is None or page.record_id is None:
        return None
    noun = found["kind"]
    module = next((m for m in world.modules if stem(noun) in nouns_of(m)), None)
    if module is None or world.opened is None:
        return Related(noun, module, direct=False, ties=())
    direct = link_field(module, world) is not None
    return Related(noun, module, direct, tuple(_ties(module, world.opened, world)))


def _ties(module: Module, opened: Module, world: World) -> Iterator[Tie]:
    leading = [f for f in opened.fields if _leads_to(f, module) and f.name != opened.title]
    yield from (Tie("id" if f.relation else module.title, f) for f in leading if module is not opened)
    yield from (Tie(f.name, f) for f in leading if module is opened)
    shared = [(f, g) for f in module.fields for g in opened.fields for m in world.modules if _lead_alike(f, g, m)]
    shared = [(f, g) for f, g in shared if g not in leading and module.title != f.name]
    yield from (Tie(f.name, g) for f, g in sorted(shared, key=lambda pair: pair[0].relation is not None))


def _leads_to(field: RecordField, module: Module) -> bool:
    return field.relation == module.slug or (field.kind in {"string", "text"} and is_named_after(field, module))


def _lead_alike(left: RecordField, right: RecordField, module: Module) -> bool:
    same = (left.relation is None) == (right.relation is None)
    return same and _leads_to(left, module) and _leads_to(right, module)


def conditions(ties: Sequence[Tie], world: World, module: Module | None, opened: Any) -> list[Filter]:
    """The condition that the first tie makes whose value the open record, as a result told it, has."""
    row: Mapping[str, Any] = next(iter(records_in(opened)), {})
    values = row["fields"] if isinstance(row.get("fields"), Mapping) else row
    for tie in ties:
        value = values.get(f"{tie.source.name}Id", values.get(tie.source.name))
        if isinstance(value, str) and value:
            name = world.page.record_name if world.page and module is not None and module is world.opened else None
            others = [{"field": module.title, "op": "ne", "value": name}] if module is not None and name else []
            return [{"field": tie.field, "op": "eq", "value": value}, *others]
    return []


def itself(world: World) -> list[Filter]:
    """The condition that only the open record fulfils."""
    return [{"field": "id", "op": "eq", "value": world.page.record_id if world.page else None}]


def tied(clause: Clause, asked: Related, world: World) -> Clause:
    """“show related tickets” in full, where a field of theirs leads to the open record: “show tickets of this unit”."""
    found = _RELATED.search(clause.text.rstrip(" .!?"))
    if found is None or not asked.direct or world.opened is None:
        return clause
    return replace(clause, text=f"{clause.text[: found.start()]}{asked.noun} of this {world.opened.singular}")
