"""The writing actions on own tables."""

import dataclasses

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import ActionError, Principal
from copilot_core.clock import FixedClock
from copilot_records import OwnRecords, writing
from copilot_records.filters import Filter
from copilot_records.reading import query_records
from copilot_records.store import RecordStore

from .conftest import (
    create_multiple_records,
    create_record,
    delete_records,
    update_record,
    update_records,
)


async def titles(store: RecordStore, module: str) -> list[str]:
    result = await query_records(module=module, store=store, limit=100)
    return [record["title"] for record in result["data"]["records"]]


@pytest.mark.seed("S32", "S50")
async def test_a_created_record_is_answered_with_its_id_its_link_and_a_sentence(store: RecordStore) -> None:
    fields = {"title": "Review Q4 Report", "Priority": "HIGH", "due date": "2026-02-13", "assignee": "Sam"}
    result = await create_record(module="Task", fields=fields, store=store)
    record_id = result["recordId"]
    link = f"/modules/tasks/records/{record_id}"
    assert result == {
        "success": True,
        "recordId": record_id,
        "data": {
            "id": record_id,
            "title": "Review Q4 Report",
            "link": link,
            "priority": "high",
            "dueDate": "2026-02-13",
            "assignee": "Sam",
        },
        "message": "Created task “Review Q4 Report”.",
        "link": link,
    }


@pytest.mark.seed("S24", "S25", "S51")
async def test_wrong_and_missing_values_are_told_field_by_field(store: RecordStore) -> None:
    given = {"priority": "urgent", "dueDate": "13.02.2026", "projct": 1, "project": "Atlantis"}
    with pytest.raises(ActionError) as caught:
        await create_record(module="tasks", fields=given, store=store)
    known = "title, status, priority, dueDate, assignee, description, project, deal"
    assert caught.value.details == {
        "priority": "The 'priority' field must be one of: low, medium, high",
        "dueDate": "The 'dueDate' field must be a date (YYYY-MM-DD)",
        "projct": f"The 'projct' field is unknown in tasks. Did you mean 'project'? Known are: {known}",
        "project": "The 'project' field names no project: there is none called 'Atlantis'",
        "title": "The 'title' field is required",
    }


@pytest.mark.seed("S16")
async def test_a_relation_takes_an_id_or_a_title(store: RecordStore) -> None:
    project = await create_record(module="projects", fields={"name": "Moon"}, store=store)
    for given in ("moon", project["recordId"]):
        made = await create_record(module="tasks", fields={"title": "Land", "project": given}, store=store)
        assert (made["data"]["project"], made["data"]["projectId"]) == ("Moon", project["recordId"])


async def test_a_title_that_two_records_have_is_no_relation(store: RecordStore) -> None:
    ids = [(await create_record(module="projects", fields={"name": "Moon"}, store=store))["recordId"] for _ in range(2)]
    with pytest.raises(ActionError) as caught:
        await create_record(module="tasks", fields={"title": "Land", "project": "Moon"}, store=store)
    assert all(one in caught.value.details["project"] for one in ids)


@pytest.mark.seed("S33")
async def test_each_of_several_records_succeeds_or_fails_by_itself(store: RecordStore) -> None:
    rows = [{"name": "Acme"}, {"name": "Globex", "employees": "many"}, {"industry": "retail"}]
    result = await create_multiple_records(module="companies", records=rows, store=store)
    record_id = result["data"]["results"][0]["recordId"]
    wrong = "The 'employees' field must be a number, not 'many'"
    assert result["data"]["results"] == [
        {"success": True, "recordId": record_id, "title": "Acme", "link": f"/modules/companies/records/{record_id}"},
        {"success": False, "error": "validation_error", "message": wrong, "details": {"employees": wrong}},
        {
            "success": False,
            "error": "validation_error",
            "message": "The 'name' field is required",
            "details": {"name": "The 'name' field is required"},
        },
    ]
    assert (result["success"], result["data"]["created"]) == (True, 1)
    assert await titles(store, "companies") == ["Acme"]


@pytest.mark.seed("S33")
async def test_atomic_creates_nothing_if_one_record_is_wrong(store: RecordStore) -> None:
    with pytest.raises(ActionError) as caught:
        await create_multiple_records(module="companies", records=[{"name": "A"}, {}], atomic=True, store=store)
    assert caught.value.details == {"records[1].name": "The 'name' field is required"}
    assert await titles(store, "companies") == []


@pytest.mark.seed("S34")
async def test_records_are_updated_by_name_by_id_and_by_filter(filled: RecordStore) -> None:
    result = await update_records(
        module="deals", records=["acme RENEWAL"], fields={"stage": "negotiation"}, store=filled
    )
    assert result["message"] == "Updated deal “Acme renewal”."
    assert result["data"]["stage"] == "negotiation"
    low = [Filter(field="priority", op="eq", value="low")]
    count = (await query_records(module="tasks", filters=low, store=filled))["data"]["total"]
    result = await update_records(module="tasks", filters=low, fields={"priority": "medium"}, store=filled)
    assert (result["data"]["updated"], result["message"]) == (count, f"Updated {count} tasks.")
    assert (await query_records(module="tasks", filters=low, store=filled))["message"] == "No tasks match."


@pytest.mark.seed("S46")
async def test_update_record_needs_only_the_id(store: RecordStore) -> None:
    made = await create_record(module="deals", fields={"name": "Big", "value": 5}, store=store)
    result = await update_record(record_id=made["recordId"], fields={"value": "1,200.50", "company": ""}, store=store)
    assert result["data"] == {**made["data"], "value": 1200.5}


async def test_a_required_field_cannot_be_emptied(store: RecordStore) -> None:
    made = await create_record(module="deals", fields={"name": "Big"}, store=store)
    with pytest.raises(ActionError, match="'name' field is required"):
        await update_record(record_id=made["recordId"], fields={"name": None}, store=store)


async def test_an_unknown_name_is_answered_with_near_ones(filled: RecordStore) -> None:
    with pytest.raises(ActionError) as caught:
        await update_records(module="contacts", records=["Anil"], fields={"company": "X"}, store=filled)
    assert caught.value.code == "not_found"
    assert caught.value.message.startswith("There is no contact 'Anil'. Near: Anil ")


@pytest.mark.parametrize("which", [{}, {"records": ["A"], "filters": [Filter(field="name", op="eq", value="A")]}])
async def test_an_update_says_which_records_in_one_way(store: RecordStore, which: dict[str, object]) -> None:
    with pytest.raises(ActionError, match="either 'records'"):
        await update_records(module="deals", fields={"value": 1}, store=store, **which)


@pytest.mark.seed("S43")
async def test_records_are_deleted_by_id_by_name_and_by_filter(store: RecordStore) -> None:
    rows = [{"name": name} for name in ("A", "B", "C", "D")]
    made = await create_multiple_records(module="deals", records=rows, store=store)
    first = made["data"]["results"][0]["recordId"]
    result = await delete_records(record_ids=[first], confirmed=True, store=store)
    assert result == {
        "success": True,
        "deleted": 1,
        "data": {"records": [{"id": first, "module": "deals", "title": "A"}]},
        "message": "Deleted deal “A”.",
    }
    await delete_records(module="deals", records=["b"], store=store)
    await delete_records(module="deals", filters=[Filter(field="name", op="eq", value="c")], store=store)
    assert await titles(store, "deals") == ["D"]


@pytest.mark.seed("S44")
async def test_confirmed_decides_nothing_and_the_action_is_marked_for_the_gate(store: RecordStore) -> None:
    assert (writing.delete_records.destructive, writing.delete_records.writes) == (True, True)
    with pytest.raises(ActionError, match="Say which records"):
        await delete_records(confirmed=True, store=store)


async def test_another_workspace_has_none_of_these_records(
    store: OwnRecords, session: AsyncSession, fixed_clock: FixedClock
) -> None:
    made = await create_record(module="deals", fields={"name": "Secret"}, store=store)
    other = OwnRecords(session, Principal("eve", "evil"), fixed_clock)
    deals = (await other.modules()).named("deals")
    with pytest.raises(ActionError) as caught:
        await update_record(record_id=made["recordId"], fields={"name": "x"}, store=other)
    assert caught.value.code == "not_found"
    assert await other.update(deals, [made["recordId"]], {"name": "x"}) == []
    await other.delete(deals, [made["recordId"]])
    assert (await titles(store, "deals"), await titles(other, "deals")) == (["Secret"], [])
    assert await other.search([deals], ["secret"], 5) == []


async def test_a_workspace_can_define_its_own_modules(store: OwnRecords) -> None:
    [tasks, *_] = await store.modules()
    await store.define([dataclasses.replace(tasks, slug="chores", name="Chores", singular="chore")])
    assert [module.slug for module in await store.modules()] == ["chores"]
    result = await create_record(module="chore", fields={"title": "Dishes"}, store=store)
    assert result["message"] == "Created chore “Dishes”."
