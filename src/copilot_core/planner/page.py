"""What the open page adds to a request: the record that is meant, the list that is shown, the link of a new record."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.filter_base import Filter
from copilot_core.planner.modules import module_names, names_page, nouns_of, page_nouns, points_at_record
from copilot_core.planner.values import overlaps
from copilot_core.planner.words import identifier_words, stem
from copilot_core.planner.world import Module, RecordField, World

_OPERATORS = frozenset({"eq", "ne", "gt", "gte", "lt", "lte", "contains", "in"})
_NAMING = frozenset({"id", "nam", "titl", "record", "ref", "slug"})
_TIE = re.compile(r"\b(?:for|to|on|of|with|at|in|about)\s+(?:this|the current)\s+(?P<noun>[\w-]+)\b", re.IGNORECASE)
_IT = re.compile(r"\b(?:it|its)\b", re.IGNORECASE)


def link_field(module: Module, world: World) -> tuple[RecordField, str] | None:
    """The field of records of `module` that names the open record of another module, and what to put in it.

    A relation takes the record's id, a text field its name. Without such a field nothing can be linked.
    """
    page, opened = world.page, world.opened
    if page is None or page.record_id is None or opened is None or opened is module:
        return None
    fields = [f for f in module.fields if f.name != module.title]
    related = [f for f in fields if f.kind == "relation" and f.relation == opened.slug]
    named = [f for f in fields if f.kind in {"relation", "string", "text", "key"} and is_named_after(f, opened)]
    found = next((f for f in related if f in named), None) or (related[0] if len(related) == 1 else None)
    found = found or next((f for f in named if f.relation is None), None)
    if found is None:
        return None
    by_id = found.kind in {"relation", "key"} or found.words[-1] == "id"
    value = page.record_id if by_id else page.record_name
    return (found, value) if value else None


def is_named_after(field: RecordField, module: Module) -> bool:
    """``company``, ``companyName`` and ``companyId`` for companies."""
    words = tuple(word for word in field.words if word not in _NAMING)
    return words in module_names(module)


def link_of(module: Module, clause: Clause, world: World, values: Mapping[str, Any]) -> dict[str, Any]:
    """The value that ties a new record of `module` to the open one, unless the words tie it to another (S16)."""
    found = link_field(module, world)
    if found is None or found[0].name in values:
        return {}
    field, value = found
    pointed = points_at_record(clause, world) or names_page(clause, world)
    return {field.name: value} if pointed or not _speaks_of(clause, field, world) else {}


def ties(clause: Clause, world: World) -> list[Span]:
    """Where `clause` ties something to the open record: “for this vessel”."""
    nouns = page_nouns(world) if world.page and world.page.record_id else set()
    return [m.span() for m in _TIE.finditer(clause.text) if stem(m["noun"]) in nouns]


def _speaks_of(clause: Clause, field: RecordField, world: World) -> bool:
    """Whether `clause` names the field or the module behind it: then another record may be meant."""
    opened = world.opened
    quotes = [(q.start, q.end) for q in clause.quoted()]
    told = {w.stem for w in clause.words if not overlaps(w.start, w.end, quotes)}
    return bool(told & ({w for w in field.words if w not in _NAMING} | (nouns_of(opened) if opened else set())))


def conditions_of_record(module: Module, clause: Clause, world: World) -> list[Filter] | None:
    """The conditions that select the open record of `module`, or the records tied to it.

    `None` where `clause` does not speak of it; empty where no field can tell.
    """
    page = world.page
    if page is None or world.opened is None:
        return None
    if world.opened is not module:
        found = link_field(module, world) if points_at_record(clause, world) else None
        return [{"field": found[0].name, "op": "eq", "value": found[1]}] if found else None
    if not (points_at_record(clause, world) or _IT.search(clause.text)):
        return None
    return [{"field": module.title, "op": "eq", "value": page.record_name}] if page.record_name else []


def conditions_of_list(world: World) -> tuple[list[Filter], list[str]]:
    """The filters of the open list as conditions, and those that no field or operator fits, in words."""
    module, page = world.listed, world.page
    found: list[Filter] = []
    unfit: list[str] = []
    for name, value in page.filters.items() if page and module else ():
        told = _conditions(module, name, value) if module else []
        found.extend(told)
        if not told and value not in (None, "", [], {}):
            unfit.append(f"{name} {value}")
    return found, unfit


def _conditions(module: Module, name: str, value: Any) -> list[Filter]:
    words = tuple(stem(word) for word in identifier_words(name))
    field = module.field_named(name) or next((f for f in module.fields if f.words == words), None)
    if field is None and module.fields:
        return []
    told = field.name if field else name
    if isinstance(value, Mapping):
        operators = {str(key).removeprefix("$"): inner for key, inner in value.items()}
        if not operators.keys() <= _OPERATORS:
            return []
        return [{"field": told, "op": op, "value": inner} for op, inner in operators.items()]
    if value in (None, "", []):
        return []
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [{"field": told, "op": "in", "value": list(value)} if len(value) > 1 else _equal(told, value[0])]
    return [_equal(told, value)]


def _equal(field: str, value: Any) -> Filter:
    return {"field": field, "op": "eq", "value": value}
