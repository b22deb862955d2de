"""The actions that only read: query, search, and what a module looks like."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from copilot_core import ActionError, Injected, Render, action
from copilot_records.checks import Checks
from copilot_records.fields import Field as RecordField
from copilot_records.filters import Filter, operators
from copilot_records.linking import pointing_at
from copilot_records.modules import Module, Modules
from copilot_records.results import Json, link, matches, shown
from copilot_records.snippets import snippet
from copilot_records.store import Query, Record, RecordStore
from copilot_records.text import words

SOURCE = "Records"
CANDIDATES = 50
MOST_WORDS = 20
"""How many words of a search count."""
ModuleName = Annotated[str, Field(description="Module slug, such as tasks")]
Filters = Annotated[list[Filter] | None, Field(description="Conditions all of which must hold")]


class ShownRecord(BaseModel):
    """A record of a result, with the values of its fields."""

    model_config = ConfigDict(extra="allow")
    id: str
    title: str
    link: str


class ShownRecords(BaseModel):
    """What a page needs of a result's `data` to show a list."""

    records: list[ShownRecord]


class RecordClick(BaseModel):
    """The record of the list that the user chose."""

    id: str


LIST = Render("RecordList", props=ShownRecords, events={"onTaskClick": RecordClick})


def _query_credits(arguments: Mapping[str, Any]) -> int:
    return 2 if arguments.get("filters") else 1


@action(
    credits=_query_credits,
    source=SOURCE,
    examples=["which tasks are due this week?", "the 5 biggest deals we won", "list open deals"],
    render=LIST,
)
async def query_records(
    module: ModuleName,
    store: Injected[RecordStore],
    filters: Filters = None,
    sort_by: Annotated[str | None, Field(description="Field to sort by; else the newest come first")] = None,
    sort_order: Annotated[Literal["asc", "desc"], Field(description="desc: largest or latest first")] = "asc",
    limit: Annotated[int, Field(description="Maximum number of records", ge=1, le=100)] = 20,
    offset: Annotated[int, Field(description="How many to skip, for the next page", ge=0)] = 0,
    fields: Annotated[list[str] | None, Field(description="Only these fields; else all")] = None,
) -> Json:
    """List, find, count or filter the records of one module, and sort them.

    The result says how many match in all; its `nextOffset`, if there is one, is the `offset` of the next page. A user
    field matches part of a name: "Sam" finds Sam Carter.
    """
    modules = await store.modules()
    chosen = modules.named(module)
    conditions = await Checks(store, modules).conditions(chosen, filters or [])
    wanted = [chosen.field(name) for name in fields] if fields else None
    sort = chosen.field(sort_by) if sort_by else None
    return await _listed(store, modules, chosen, Query(conditions, sort, sort_order == "desc", limit, offset), wanted)


async def list_records(store: RecordStore, module: Module, filters: Sequence[Filter] = (), limit: int = 20) -> Json:
    """What `queryRecords` answers, for an action of another plugin that lists records.

    Raises:
        ActionError: `validation_error` that names each field and value that is wrong.
    """
    modules = await store.modules()
    conditions = await Checks(store, modules).conditions(module, filters)
    return await _listed(store, modules, module, Query(conditions, limit=limit))


async def _listed(
    store: RecordStore, modules: Modules, module: Module, query: Query, wanted: Sequence[RecordField] | None = None
) -> Json:
    page = await store.find(module, query)
    records = await shown(store, modules, page.records, wanted)
    data: Json = {"module": module.slug, "total": page.total, "offset": query.offset}
    following = query.offset + len(records)
    if records and following < page.total:
        data["nextOffset"] = following
    return {
        "success": True,
        "data": {**data, "records": records},
        "message": matches(module, page.total, len(records), query.offset),
        "link": f"/modules/{module.slug}",
    }


@action(source=SOURCE, examples=["find anything mentioning SOC2", "search contacts for gupta"], render=LIST)
async def search_records(
    query: Annotated[str, Field(description="Text to look for", min_length=1)],
    store: Injected[RecordStore],
    module: Annotated[str | None, Field(description="Module slug; else all modules are searched")] = None,
    limit: Annotated[int, Field(description="Maximum number of records", ge=1, le=50)] = 10,
) -> Json:
    """Search the full text of all records for words, such as a name or a topic mentioned anywhere.

    Finds records that have all the words, best first; where there are none, those that have some of them. Each has
    the `field` in which words were found and a `snippet` of it, with the words in bold.
    """
    wanted = list(dict.fromkeys(words(query)))[:MOST_WORDS]
    if not wanted:
        told = "The 'query' field must have a word in it"
        raise ActionError(told, code="validation_error", details={"query": told})
    modules = await store.modules()
    places = [modules.named(module)] if module else list(modules)
    found = await store.search(places, wanted, limit)
    told = _found(len(found), query)
    if not found and len(wanted) > 1:
        found = await _some_of(store, places, wanted, limit)
        told = f"Nothing has all of “{query}”; these have some of it." if found else told
    hits = [_hit(record, modules.of(record.module), wanted) for record in found]
    return {"success": True, "data": {"query": query, "records": hits}, "message": told}


@action(source=SOURCE, trusted=True, examples=["what fields do contacts have?", "describe the contacts schema"])
async def get_module_info(module: ModuleName, store: Injected[RecordStore]) -> Json:
    """Describe a module: its fields with types, options, which are required, and how each can be filtered.

    `relatedFrom` are the fields of other modules that lead here: to find what belongs to a record, query that module
    with a filter on that field and the record's id. Call it before writing to a module whose fields you do not know.
    """
    modules = await store.modules()
    chosen = modules.named(module)
    fields = [{**f.as_json(), "required": f.required, "operators": list(operators(f))} for f in chosen.fields]
    return {
        "success": True,
        "data": {**chosen.as_json(), "fields": fields, "relatedFrom": pointing_at(modules, chosen)},
        "message": f"{chosen.name} have {len(fields)} fields.",
        "link": f"/modules/{chosen.slug}",
    }


def _found(number: int, query: str) -> str:
    return f"{number or 'No'} record{'' if number == 1 else 's'} found for “{query}”."


async def _some_of(store: RecordStore, places: Sequence[Module], wanted: Sequence[str], limit: int) -> Sequence[Record]:
    """Those that have most of the words."""
    times: dict[str, int] = {}
    records: dict[str, Record] = {}
    for word in wanted:
        for record in await store.search(places, [word], CANDIDATES):
            records[record.id] = record
            times[record.id] = times.get(record.id, 0) + 1
    return sorted(records.values(), key=lambda record: -times[record.id])[:limit]


def _hit(record: Record, module: Module, wanted: Sequence[str]) -> Json:
    """The record, and where in it the words are, unless that is the title."""
    told: Json = {"module": module.slug, "id": record.id, "title": record.title, "link": link(record)}
    found = snippet(record, module, wanted)
    return told if found is None else {**told, "field": found[0], "snippet": found[1]}
