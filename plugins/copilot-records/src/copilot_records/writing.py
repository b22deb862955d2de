"""The actions that write. Each is one transaction and checks everything before it writes anything."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from copilot_core import ActionError, Changes, Injected, PageContext, action
from copilot_records.checks import Checks, checked_rows, chosen, doomed, picked, writable
from copilot_records.foreseeing import (
    foresee_create,
    foresee_creates,
    foresee_delete,
    foresee_update,
    foresee_updates,
)
from copilot_records.linking import Link, link_to_page
from copilot_records.modules import Module, Modules
from copilot_records.reading import SOURCE, Filters, ModuleName
from copilot_records.results import Json, link, named, shown
from copilot_records.store import Record, RecordStore, Values
from copilot_records.undoing import DEPENDENTS, note, put_back

MOST_CREATED = 500
FieldValues = Annotated[dict[str, Any], Field(description="Field values, keyed by field name")]
Names = Annotated[list[str] | None, Field(description="Record ids or exact record names")]


@action(
    writes=True,
    undo=put_back,
    preview=foresee_create,
    credits=3,
    source=SOURCE,
    examples=["create a task called Review Q4 Report"],
)
async def create_record(
    module: ModuleName,
    fields: Annotated[dict[str, Any], Field(description="Field values of the new record, keyed by field name")],
    store: Injected[RecordStore],
    changes: Injected[Changes],
    page: Injected[PageContext],
) -> Json:
    """Create, add or log one new record in a module from field values.

    On another record's page it is linked to that one if its relation is left out; give it as "" for none.
    """
    modules = await store.modules()
    target = writable(modules.named(module))
    linked = await link_to_page(store, modules, target, page)
    values = await Checks(store, modules).values(target, linked.fill(target, fields), creating=True)
    [record] = await store.insert(target, [values])
    note(changes, [record], after=await store.images(target, [record.id]))
    [told] = await shown(store, modules, [record])
    return {
        "success": True,
        "recordId": record.id,
        "data": told,
        "message": linked.said(f"Created {named(target, [record])}."),
        "link": link(record),
    }


@action(
    writes=True,
    undo=put_back,
    preview=foresee_creates,
    credits=5,
    source=SOURCE,
    examples=["add companies Acme, Globex and Soylent"],
)
async def create_multiple_records(
    module: ModuleName,
    records: Annotated[
        list[dict[str, Any]],
        Field(description="Field values of each new record", min_length=1, max_length=MOST_CREATED),
    ],
    store: Injected[RecordStore],
    changes: Injected[Changes],
    page: Injected[PageContext],
    atomic: Annotated[bool, Field(description="Create none of them if one is wrong")] = False,
) -> Json:
    """Create, add or import several new records in one module at once.

    Says for each one whether it was created, in their order. On another record's page they are linked to that one as
    by createRecord.
    """
    modules = await store.modules()
    target = writable(modules.named(module))
    linked = await link_to_page(store, modules, target, page)
    filled = [linked.fill(target, record) for record in records]
    rows = await checked_rows(store, modules, target, filled, atomic=atomic)
    if atomic:
        made: list[Record | ActionError] = list(
            await store.insert(target, [row for row in rows if not isinstance(row, ActionError)])
        )
    else:
        made = [row if isinstance(row, ActionError) else await _inserted(store, target, row) for row in rows]
    new = [record for record in made if isinstance(record, Record)]
    note(changes, new, after=await store.images(target, [record.id for record in new]))
    return _created(target, made, linked)


@action(
    writes=True,
    undo=put_back,
    preview=foresee_updates,
    credits=3,
    source=SOURCE,
    examples=["move the Acme renewal deal to negotiation", "bump every low priority task to medium"],
)
async def update_records(
    module: ModuleName,
    fields: Annotated[dict[str, Any], Field(description="New field values, keyed by field name", min_length=1)],
    store: Injected[RecordStore],
    changes: Injected[Changes],
    records: Names = None,
    filters: Filters = None,
) -> Json:
    """Update, change, set or assign fields of one or more records of a module.

    Say which by `records`, or by `filters` for all that match.
    """
    modules = await store.modules()
    target = writable(modules.named(module))
    values = await Checks(store, modules).values(target, fields, creating=False)
    found = await chosen(store, target, modules, records or [], filters or [])
    return await _updated(store, changes, modules, target, found, values)


@action(writes=True, undo=put_back, preview=foresee_update, credits=3, source=SOURCE)
async def update_record(
    record_id: Annotated[str, Field(description="Id of the record")],
    fields: Annotated[dict[str, Any], Field(description="New field values, keyed by field name", min_length=1)],
    store: Injected[RecordStore],
    changes: Injected[Changes],
) -> Json:
    """Update fields of the one record whose id is known."""
    modules = await store.modules()
    found = await picked(store, list(modules), [record_id])
    target = writable(modules.of(found[0].module))
    values = await Checks(store, modules).values(target, fields, creating=False)
    return await _updated(store, changes, modules, target, found, values)


@action(
    destructive=True,
    undo=put_back,
    preview=foresee_delete,
    credits=3,
    source=SOURCE,
    examples=["delete all done tasks"],
)
async def delete_records(
    store: Injected[RecordStore],
    changes: Injected[Changes],
    module: Annotated[str | None, Field(description="Module slug; may be left out if ids are given")] = None,
    records: Names = None,
    filters: Filters = None,
    record_ids: Annotated[list[str] | None, Field(description="Record ids")] = None,
    confirmed: Annotated[bool | None, Field(description="Decides nothing: the user is asked anyway")] = None,  # noqa: ARG001
) -> Json:
    """Delete or remove records of a module: those named in `records`, or all that match `filters`.

    The user is asked before anything is deleted; do not ask yourself.
    """
    modules = await store.modules()
    found = await doomed(store, modules, module, [*(records or []), *(record_ids or [])], filters or [])
    for target in modules:
        gone = [record for record in found if record.module == target.slug]
        if gone:
            await _delete(store, changes, writable(target), gone)
    return _deleted(modules, module, found)


async def _delete(store: RecordStore, changes: Changes, module: Module, records: Sequence[Record]) -> None:
    ids = [record.id for record in records]
    dependents = await store.dependents(module, ids)
    images = await store.images(module, ids)
    told = {i: {**image, DEPENDENTS: dependents[i]} if i in dependents else image for i, image in images.items()}
    await store.delete(module, ids)
    note(changes, [record for record in records if record.id in images], told)


async def _inserted(store: RecordStore, module: Module, values: Values) -> Record | ActionError:
    try:
        return (await store.insert(module, [values]))[0]
    except ActionError as error:
        return error


def _created(module: Module, made: Sequence[Record | ActionError], linked: Link) -> Json:
    records = [one for one in made if isinstance(one, Record)]
    message = linked.said(f"Created {named(module, records)}.")
    if len(records) < len(made):
        wrong = [f"record {n}: {one.message}" for n, one in enumerate(made, 1) if isinstance(one, ActionError)]
        message = linked.said(f"Created {len(records)} of {len(made)} {module.name.lower()}.")
        message += f" Not created: {'; '.join(wrong)}."
    return {
        "success": bool(records),
        "data": {"module": module.slug, "created": len(records), "results": [_row(one) for one in made]},
        "message": message,
        "link": f"/modules/{module.slug}",
    }


def _row(one: Record | ActionError) -> Json:
    if isinstance(one, ActionError):
        return {"success": False, "error": one.code, "message": one.message, "details": one.details}
    return {"success": True, "recordId": one.id, "title": one.title, "link": link(one)}


async def _updated(
    store: RecordStore,
    changes: Changes,
    modules: Modules,
    module: Module,
    found: Sequence[Record],
    values: Values,
) -> Json:
    records: Sequence[Record] = []
    if found:
        ids = [record.id for record in found]
        before = await store.images(module, ids, values)
        records = await store.update(module, ids, values)
        note(changes, records, before, await store.images(module, ids, values))
    fields = None if len(records) == 1 else [module.field(name) for name in values]
    told = await shown(store, modules, records, fields)
    data: Json = {"module": module.slug, "updated": len(records), "records": told}
    result: Json = {"success": True, "data": data, "message": f"Updated {named(module, records)}."}
    if len(records) == 1:
        return {**result, "recordId": records[0].id, "data": told[0], "link": link(records[0])}
    return result


def _deleted(modules: Modules, module: str | None, found: Sequence[Record]) -> Json:
    kinds = {record.module for record in found}
    if len(kinds) > 1:
        message = f"Deleted {len(found)} records."
    else:
        target = modules.of(kinds.pop()) if kinds else modules.named(module or "")
        message = f"Deleted {named(target, found)}."
    titles = [{"id": record.id, "module": record.module, "title": record.title} for record in found]
    return {"success": True, "deleted": len(found), "data": {"records": titles}, "message": message}
