"""What a person is told that a call would do, before it is done."""

from collections.abc import Callable
from typing import Any

import pytest

import copilot_records
from copilot_core import ActionError, Call, Changes, Emit, PageContext, Principal
from copilot_core.testing import opened
from copilot_records import RecordStore
from copilot_records.connected import Connected
from copilot_records.filters import Filter
from copilot_records.foreseeing import (
    foresee_create,
    foresee_creates,
    foresee_delete,
    foresee_update,
    foresee_updates,
)
from copilot_records.writing import delete_records, update_records

from .conftest import create_multiple_records, create_record

ANN = Principal("ann", "any")


async def test_a_deletion_shows_the_main_values_of_what_would_be_gone(store: RecordStore) -> None:
    await create_record(module="projects", fields={"name": "Moon"}, store=store)
    rows = [{"title": title, "project": "Moon", "description": "x" * 400} for title in ("A", "B", "C")]
    made = await create_multiple_records(module="tasks", records=rows, store=store)
    foreseen = await foresee_delete(store, "tasks", filters=[Filter(field="project", op="eq", value="Moon")])
    assert (foreseen["summary"], foreseen["rows"]) == ("Delete 3 tasks: C, B and A.", 3)
    assert foreseen["changes"][2] == {
        "id": made["data"]["results"][0]["recordId"],
        "title": "A",
        "fields": {"description": {"before": "x" * 300 + "…"}, "project": {"before": "Moon"}},
    }


async def test_many_are_counted_and_some_of_them_shown(filled: RecordStore) -> None:
    everyone = [Filter(field="name", op="empty", value=False)]
    foreseen = await foresee_delete(filled, "contacts", filters=everyone)
    result = await delete_records(module="contacts", filters=everyone, store=filled, changes=Changes())
    assert (foreseen["rows"], len(foreseen["changes"])) == (result["deleted"], 20)
    assert foreseen["summary"].endswith(f" and {foreseen['rows'] - 5} more.")
    assert foreseen["summary"].startswith(f"Delete {foreseen['rows']} contacts: {foreseen['changes'][0]['title']}, ")
    nothing = {"summary": "Delete nothing: no record matches.", "rows": 0, "changes": []}
    assert await foresee_delete(filled, "contacts", filters=everyone) == nothing


async def test_records_of_several_modules_are_called_records(store: RecordStore) -> None:
    task = await create_record(module="tasks", fields={"title": "A\nfew  words, " + "long " * 20}, store=store)
    deal = await create_record(module="deals", fields={"name": "Big"}, store=store)
    foreseen = await foresee_delete(store, record_ids=[task["recordId"], deal["recordId"]])
    assert foreseen["summary"] == f"Delete 2 records: A few words, {'long ' * 9}lo… and Big."


async def test_an_update_shows_each_field_that_would_differ(store: RecordStore) -> None:
    for name in ("Moon", "Mars"):
        await create_record(module="projects", fields={"name": name}, store=store)
    rows = [{"title": "A", "project": "Moon", "priority": "low"}, {"title": "B", "priority": "high"}]
    await create_multiple_records(module="tasks", records=rows, store=store)
    fields = {"Priority": "HIGH", "project": "mars"}
    foreseen = await foresee_updates(store, "task", fields, records=["A", "B"])
    assert foreseen["summary"] == "Set priority to high and project to Mars in 2 tasks: A and B."
    assert [(one["title"], one["fields"]) for one in foreseen["changes"]] == [
        ("A", {"priority": {"before": "low", "after": "high"}, "project": {"before": "Moon", "after": "Mars"}}),
        ("B", {"project": {"before": None, "after": "Mars"}}),
    ]
    many: dict[str, Any] = {"priority": None, "project": None, "dueDate": None, "assignee": "me"}
    foreseen = await foresee_update(store, foreseen["changes"][0]["id"], many)
    assert foreseen["summary"] == "Set priority, project, dueDate and assignee in 1 task: A."
    foreseen = await foresee_updates(store, "tasks", {"priority": ""}, records=["A"])
    assert foreseen["summary"] == "Set priority to nothing in 1 task: A."
    low = [Filter(field="title", op="eq", value="Z")]
    assert (await foresee_updates(store, "tasks", {"priority": "low"}, filters=low))["rows"] == 0
    assert (await update_records("tasks", {"priority": "low"}, store, Changes(), filters=low))["data"]["updated"] == 0


async def test_a_creation_shows_the_values_as_they_would_be_kept(store: RecordStore) -> None:
    fields = {"title": "Call Ada", "due date": "2026-02-13", "assignee": "me"}
    assert await foresee_create(store, PageContext(), "task", fields) == {
        "summary": "Create 1 task: Call Ada.",
        "rows": 1,
        "changes": [
            {
                "title": "Call Ada",
                "fields": {
                    "title": {"after": "Call Ada"},
                    "dueDate": {"after": "2026-02-13"},
                    "assignee": {"after": "Dana Reyes"},
                },
            }
        ],
    }
    rows = [{"name": "A"}, {"name": "B", "summary": "First"}, {"summary": "Nameless"}]
    foreseen = await foresee_creates(store, PageContext(), "projects", rows)
    assert (foreseen["summary"], foreseen["rows"]) == ("Create 2 of 3 projects: A and B.", 2)


@pytest.mark.parametrize("module", ["tasks", "nowhere"])
async def test_what_could_not_be_done_is_not_foreseen(store: RecordStore, module: str) -> None:
    for attempt in (
        foresee_create(store, PageContext(), module, {"x": 1}),
        foresee_creates(store, PageContext(), module, [{"title": "A"}, {}], atomic=True),
        foresee_updates(store, module, {"priority": "x"}, records=["A"]),
        foresee_update(store, "rec_none", {"priority": "low"}),
        foresee_delete(store, module, records=["A"]),
    ):
        with pytest.raises(ActionError):
            await attempt


async def test_what_an_undo_could_not_bring_back_is_said(connected: Callable[..., Connected]) -> None:
    async with connected("kept", connect_writable=True).records(ANN) as store:
        foreseen = await foresee_delete(store, record_ids=["books:c", "books:a/1"])
        told = "It cannot be undone: what depends on them in tags is deleted or changed too."
        assert foreseen["summary"] == f"Delete 2 books: Cookbook and Atlas. {told}"
    async with connected("chinook").records(ANN) as store:
        with pytest.raises(ActionError, match="can only be read"):
            await foresee_delete(store, record_ids=["album:1"])


async def test_the_server_foresees_with_the_arguments_of_the_call() -> None:
    async with opened(copilot_records) as server:
        engine, actions = server.copilot.engine, server.registry.actions

        async def foreseen(name: str, **arguments: Any) -> str:
            scope = engine.scope(ANN, Call(), Emit(lambda *_: None))
            return str((await actions[name].foresee(arguments, scope))["summary"])

        scope = engine.scope(ANN, Call(writes=True), Emit(lambda *_: None))
        rows = [{"title": "A"}, {"title": "B"}]
        told = await foreseen("createMultipleRecords", module="tasks", records=rows, atomic=True)
        assert told == "Create 2 tasks: A and B."
        assert await foreseen("createRecord", module="tasks", fields=rows[0]) == "Create 1 task: A."
        result = await actions["createRecord"].run({"module": "tasks", "fields": rows[0]}, scope)
        told = await foreseen("updateRecord", recordId=result["recordId"], fields={"priority": "low"})
        assert told == "Set priority to low in 1 task: A."
        by_title = [{"field": "title", "op": "contains", "value": "a"}]
        told = await foreseen("updateRecords", module="tasks", filters=by_title, fields={"priority": "low"})
        assert told == "Set priority to low in 1 task: A."
        by_id = [{"field": "id", "op": "eq", "value": result["recordId"]}]
        assert await foreseen("deleteRecords", module="tasks", filters=by_id, confirmed=True) == "Delete 1 task: A."
