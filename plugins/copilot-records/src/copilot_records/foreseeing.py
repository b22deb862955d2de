"""What the writing actions would do, for a person who is asked whether they may."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from copilot_core import ActionError, Injected, PageContext
from copilot_records.checks import Checks, checked_rows, chosen, doomed, picked, writable
from copilot_records.fields import Value
from copilot_records.filters import Filter
from copilot_records.linking import link_to_page
from copilot_records.modules import Module, Modules
from copilot_records.results import LONG_TEXT, Json, cut, related, several
from copilot_records.store import Record, RecordStore, Values
from copilot_records.text import and_list

MOST_SHOWN = 20
"""How many records are shown one by one."""
MAIN = 6
"""How many values of a record that would be deleted are shown."""
MOST_SET = 3
"""How many new values are told in the sentence."""


async def foresee_create(
    store: Injected[RecordStore], page: Injected[PageContext], module: str, fields: dict[str, Any]
) -> Json:
    """The values of the new record."""
    return await foresee_creates(store, page, module, [fields], atomic=True)


async def foresee_creates(
    store: Injected[RecordStore],
    page: Injected[PageContext],
    module: str,
    records: list[dict[str, Any]],
    *,
    atomic: bool = False,
) -> Json:
    """The values of the new records; those that are wrong are only counted."""
    modules = await store.modules()
    target = writable(modules.named(module))
    linked = await link_to_page(store, modules, target, page)
    filled = [linked.fill(target, record) for record in records]
    rows = await checked_rows(store, modules, target, filled, atomic=atomic)
    good = [row for row in rows if not isinstance(row, ActionError)]
    new = [Record("", target.slug, str(values[target.title_field]), values) for values in good]
    number = f"{len(new)} of {target.count(len(rows))}" if len(new) < len(rows) else target.count(len(new))
    shown = _Shown(target, await related(store, modules, new[:MOST_SHOWN]))
    changes = [{"title": one.title, "fields": shown.sides(after=_told(target, one))} for one in new[:MOST_SHOWN]]
    return {"summary": f"Create {number}: {_titles(new)}.", "rows": len(new), "changes": changes}


async def foresee_updates(
    store: Injected[RecordStore],
    module: str,
    fields: dict[str, Any],
    records: list[str] | None = None,
    filters: list[Filter] | None = None,
) -> Json:
    """What would be different in each record."""
    modules = await store.modules()
    target = writable(modules.named(module))
    values = await Checks(store, modules).values(target, fields, creating=False)
    found = await chosen(store, target, modules, records or [], filters or [])
    return await _update(store, modules, target, found, values)


async def foresee_update(store: Injected[RecordStore], record_id: str, fields: dict[str, Any]) -> Json:
    """What would be different in the record."""
    modules = await store.modules()
    found = await picked(store, list(modules), [record_id])
    target = writable(modules.of(found[0].module))
    values = await Checks(store, modules).values(target, fields, creating=False)
    return await _update(store, modules, target, found, values)


async def foresee_delete(
    store: Injected[RecordStore],
    module: str | None = None,
    records: list[str] | None = None,
    filters: list[Filter] | None = None,
    record_ids: list[str] | None = None,
) -> Json:
    """The main values of the records that would be gone."""
    modules = await store.modules()
    found = await doomed(store, modules, module, [*(records or []), *(record_ids or [])], filters or [])
    if not found:
        return _nothing("Delete")
    kinds = [writable(kind) for kind in modules if kind.slug in {record.module for record in found}]
    count = kinds[0].count(len(found)) if len(kinds) == 1 else f"{len(found)} records"
    titles = await related(store, modules, found[:MOST_SHOWN])
    changes = []
    for record in found[:MOST_SHOWN]:
        kind = modules.of(record.module)
        main = {name: value for name, value in _told(kind, record).items() if name != kind.title_field}
        changes.append({**_head(record), "fields": _Shown(kind, titles).sides(before=dict(list(main.items())[:MAIN]))})
    summary = f"Delete {count}: {_titles(found)}.{await _beside(store, kinds, found)}"
    return {"summary": summary, "rows": len(found), "changes": changes}


async def _beside(store: RecordStore, kinds: Sequence[Module], records: Sequence[Record]) -> str:
    """What an undo could not bring back."""
    places: dict[str, None] = {}
    for kind in kinds:
        ids = [record.id for record in records if record.module == kind.slug]
        places |= dict.fromkeys((await store.dependents(kind, ids)).values())
    if not places:
        return ""
    return f" It cannot be undone: what depends on them in {and_list(places)} is deleted or changed too."


async def _update(
    store: RecordStore, modules: Modules, module: Module, found: Sequence[Record], values: Values
) -> Json:
    if not found:
        return _nothing("Change")
    titles = await related(store, modules, [*found[:MOST_SHOWN], replace(found[0], values=values)])
    shown = _Shown(module, titles)
    changes = []
    for record in found[:MOST_SHOWN]:
        after = {name: value for name, value in values.items() if record.values.get(name) != value}
        before = {name: record.values.get(name) for name in after}
        changes.append({**_head(record), "fields": shown.sides(before=before, after=after)})
    said = [f"{name} to {shown.said(name, value)}" for name, value in values.items()]
    told = and_list(said if len(said) <= MOST_SET else values)
    summary = f"Set {told} in {module.count(len(found))}: {_titles(found)}."
    return {"summary": summary, "rows": len(found), "changes": changes}


class _Shown:
    """Values of a module as a person reads them: relations by title, long texts by their beginning."""

    def __init__(self, module: Module, titles: Mapping[str, str]) -> None:
        self._module = module
        self._titles = titles

    def sides(self, *, before: Values | None = None, after: Values | None = None) -> Json:
        """``{field: {"before", "after"}}`` with the sides that are given."""
        sides = {side: values for side, values in (("before", before), ("after", after)) if values is not None}
        names = next(iter(sides.values()))
        return {name: {side: self._shown(name, values[name]) for side, values in sides.items()} for name in names}

    def said(self, name: str, value: Value) -> str:
        """In a sentence."""
        shown = self._shown(name, value)
        if shown is None:
            return "nothing"
        return cut(" ".join((and_list(shown) if isinstance(shown, list) else str(shown)).split()))

    def _shown(self, name: str, value: Value) -> Value:
        if self._module.field(name).type == "relation":
            return self._titles.get(str(value), value)
        return cut(value, LONG_TEXT) if isinstance(value, str) else value


def _told(module: Module, record: Record) -> Values:
    values = {field.name: record.values.get(field.name) for field in module.fields}
    return {name: value for name, value in values.items() if value is not None}


def _head(record: Record) -> Json:
    return {"id": record.id, "title": record.title}


def _titles(records: Sequence[Record]) -> str:
    return several([record.title for record in records])


def _nothing(verb: str) -> Json:
    return {"summary": f"{verb} nothing: no record matches.", "rows": 0, "changes": []}
