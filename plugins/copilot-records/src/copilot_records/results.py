"""What the actions answer: records flat, with links, and one sentence for a person."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from copilot_records.fields import Field
from copilot_records.modules import Module, Modules
from copilot_records.store import Record, RecordStore
from copilot_records.text import and_list

Json = dict[str, Any]
NAMED, LISTED = 3, 5
"""How many records a sentence names before it only counts them, and how many a person is shown by name."""
LONG_TEXT = 300
"""Where a long text is cut when it is one of several records; a record by itself is shown whole."""


def link(record: Record) -> str:
    """Where a host application shows the record."""
    return f"/modules/{record.module}/records/{quote(record.id, safe=':')}"


async def shown(
    store: RecordStore,
    modules: Modules,
    records: Sequence[Record],
    fields: Iterable[Field] | None = None,
) -> list[Json]:
    """The records for a model: ``{id, title, link, <field>: value}``, fields without a value left out.

    A relation shows the other record's title, and its id beside it: ``project`` and ``projectId``.
    """
    wanted = None if fields is None else {field.name for field in fields}
    titles = await related(store, modules, records)
    told = [_shown(record, modules.of(record.module), titles, wanted) for record in records]
    return told if len(told) == 1 else [_brief(record) for record in told]


async def related(store: RecordStore, modules: Modules, records: Iterable[Record]) -> Mapping[str, str]:
    """The titles of the records that relations lead to, by id."""
    ids_of: dict[str, set[str]] = {}
    for record in records:
        for field in modules.of(record.module).fields:
            other = record.values.get(field.name)
            if field.module and isinstance(other, str):
                ids_of.setdefault(field.module, set()).add(other)
    found = [r for slug, ids in ids_of.items() for r in await store.by_id(modules.of(slug), sorted(ids))]
    return {record.id: record.title for record in found}


def _shown(record: Record, module: Module, titles: Mapping[str, str], wanted: set[str] | None) -> Json:
    told: Json = {"id": record.id, "title": record.title, "link": link(record)}
    for field in module.fields:
        value = record.values.get(field.name)
        if value is None or (wanted is not None and field.name not in wanted):
            continue
        if field.type == "relation":
            told |= {field.name: titles.get(str(value)), f"{field.name}Id": value}
        else:
            told[field.name] = value
    return told


def _brief(told: Json) -> Json:
    return {name: cut(value, LONG_TEXT) if isinstance(value, str) else value for name, value in told.items()}


def named(module: Module, records: Sequence[Record]) -> str:
    """``task “Call the bank”``, or how many there are if they are too many to name."""
    if not records or len(records) > NAMED:
        return module.count(len(records))
    kind = module.singular if len(records) == 1 else module.name.lower()
    return f"{kind} {and_list(f'“{record.title}”' for record in records)}"


def several(titles: Sequence[str]) -> str:
    """``A, B and C``, or the first of them and how many more there are."""
    told = [cut(" ".join(title.split())) for title in titles[:LISTED]]
    return and_list([*told, f"{len(titles) - LISTED} more"] if len(titles) > LISTED else told)


def cut(text: str, length: int = 60) -> str:
    """`text`, or its beginning."""
    return text if len(text) <= length else f"{text[:length]}…"


def matches(module: Module, total: int, given: int, offset: int = 0) -> str:
    """``3 tasks match.``, ``No deals match.``, ``120 tasks match; here are 1 to 20. There are more ...``"""
    told = f"{module.count(total)} {'matches' if total == 1 else 'match'}"
    following = offset + given
    if given == 0:
        return f"{told}; there are none from offset {offset} on." if total > 0 else f"{told}."
    if given == total:
        return f"{told}."
    first = offset + 1
    shown = f"here is number {first}" if given == 1 else f"here are {first} to {following}"
    return f"{told}; {shown}." + (f" There are more from offset {following} on." if following < total else "")
