"""queryRecords, searchRecords and getModuleInfo on the demo's records."""

import pytest

from copilot_core import ActionError
from copilot_records.filters import Filter
from copilot_records.reading import get_module_info, query_records, search_records
from copilot_records.store import RecordStore

from .conftest import create_multiple_records, create_record


async def matching(store: RecordStore, module: str, *filters: tuple[str, str, object], **options: object) -> list[str]:
    """The titles that a query finds."""
    asked = [Filter(field=field, op=op, value=value) for field, op, value in filters]
    result = await query_records(module=module, store=store, filters=asked, **options)
    return [record["title"] for record in result["data"]["records"]]


@pytest.mark.seed("S31")
async def test_a_query_filters_sorts_pages_and_selects(filled: RecordStore) -> None:
    result = await query_records(
        module="companies",
        store=filled,
        filters=[Filter(field="industry", op="eq", value="software"), Filter(field="employees", op="gt", value=100)],
        sort_by="employees",
        sort_order="desc",
        limit=2,
        offset=1,
        fields=["city"],
    )
    for record in result["data"]["records"]:
        assert record.pop("link") == f"/modules/companies/records/{record.pop('id')}"
    assert result == {
        "success": True,
        "data": {
            "module": "companies",
            "total": 4,
            "offset": 1,
            "nextOffset": 3,
            "records": [{"title": "Globex", "city": "Austin"}, {"title": "Initech", "city": "Dallas"}],
        },
        "message": "4 companies match; here are 2 to 3. There are more from offset 3 on.",
        "link": "/modules/companies",
    }


@pytest.mark.parametrize("name", ["companies", "Companies", "company", "COMPANY"])
async def test_a_module_goes_by_slug_name_and_singular(filled: RecordStore, name: str) -> None:
    result = await query_records(module=name, store=filled)
    assert (result["data"]["module"], result["data"]["total"]) == ("companies", 24)


@pytest.mark.parametrize("name", ["Sam", "sam carter", "CARTER"])
async def test_a_person_is_found_by_some_of_their_names(store: RecordStore, name: str) -> None:
    people = ("Sam Carter", "Samantha Carterson", "Lee")
    rows = [{"title": person, "assignee": person} for person in people]
    await create_multiple_records(module="tasks", records=rows, store=store)
    assert await matching(store, "tasks", ("assignee", "eq", name)) == ["Sam Carter"]
    assert await matching(store, "tasks", ("assignee", "ne", name)) == ["Lee", "Samantha Carterson"]


async def test_me_is_whoever_asks(store: RecordStore) -> None:
    await create_record(module="tasks", fields={"title": "Mine", "assignee": "me"}, store=store)
    assert await matching(store, "tasks", ("assignee", "eq", "me")) == ["Mine"]
    assert await matching(store, "tasks", ("assignee", "eq", "Dana Reyes")) == ["Mine"]


async def test_options_sort_in_their_own_order_and_nothing_comes_last(store: RecordStore) -> None:
    rows = [{"title": str(value), "priority": value} for value in ("medium", None, "high", "low")]
    await create_multiple_records(module="tasks", records=rows, store=store)
    assert await matching(store, "tasks", sort_by="priority") == ["low", "medium", "high", "None"]
    assert await matching(store, "tasks", sort_by="priority", sort_order="desc") == ["high", "medium", "low", "None"]


async def test_numbers_sort_as_numbers(store: RecordStore) -> None:
    rows = [{"name": str(value), "value": value} for value in (9, 100, -5, 0.5, -40)]
    await create_multiple_records(module="deals", records=rows, store=store)
    assert await matching(store, "deals", sort_by="value") == ["-40", "-5", "0.5", "9", "100"]


async def test_a_related_record_is_shown_and_found_by_its_title(filled: RecordStore) -> None:
    result = await query_records(
        module="tasks", store=filled, filters=[Filter(field="project", op="eq", value="soc2 AUDIT")], limit=1
    )
    record = result["data"]["records"][0]
    assert record["project"] == "SOC2 audit"
    by_id = await matching(filled, "tasks", ("projectId", "eq", record["projectId"]))
    assert sorted(by_id) == sorted(await matching(filled, "tasks", ("project", "contains", "soc2")))


@pytest.mark.seed("S23")
async def test_an_unknown_option_is_answered_with_the_options(filled: RecordStore) -> None:
    with pytest.raises(ActionError) as caught:
        await matching(filled, "tasks", ("priority", "eq", "urgent"))
    told = "The 'priority' field must be one of: low, medium, high"
    assert (caught.value.code, caught.value.message, caught.value.details) == (
        "validation_error",
        told,
        {"priority": told},
    )


async def test_records_are_asked_for_by_their_ids(store: RecordStore) -> None:
    rows = [{"title": title, "priority": "low"} for title in ("A", "B", "C")]
    made = await create_multiple_records(module="tasks", records=rows, store=store)
    a, b, _ = (one["recordId"] for one in made["data"]["results"])
    assert await matching(store, "tasks", ("id", "eq", b)) == ["B"]
    assert await matching(store, "tasks", ("id", "in", [a, b, "rec_none"]), ("priority", "eq", "low")) == ["B", "A"]
    assert await matching(store, "tasks", ("id", "in", [a, b]), ("id", "eq", a)) == ["A"]
    for nothing in (("id", "eq", None), ("id", "in", []), ("id", "eq", a.upper())):
        assert await matching(store, "tasks", nothing) == []
    assert await matching(store, "deals", ("id", "eq", a)) == []
    with pytest.raises(ActionError, match=r"'id' field is a record id and takes eq and in, not 'contains'"):
        await matching(store, "tasks", ("id", "contains", "rec"))


@pytest.mark.seed("S51", "S53")
async def test_every_wrong_filter_is_told_at_once(filled: RecordStore) -> None:
    with pytest.raises(ActionError) as caught:
        await matching(
            filled,
            "tasks",
            ("dueDate", "gt", "next week"),
            ("due", "eq", "x"),
            ("title", "gt", "a"),
            ("project", "eq", "Atlantis"),
        )
    fields = "title, status, priority, dueDate, assignee, description, project, deal"
    assert caught.value.details == {
        "dueDate": "The 'dueDate' field must be a date (YYYY-MM-DD)",
        "due": f"The 'due' field is unknown in tasks. Did you mean 'dueDate'? Known are: {fields}",
        "title": "The 'title' field is a string and takes eq, ne, contains, in and empty, not 'gt'",
        "project": "The 'project' field names no project: there is none called 'Atlantis'",
    }


async def test_a_long_text_is_whole_only_in_a_record_by_itself(store: RecordStore) -> None:
    for number in (1, 2):
        fields = {"title": f"Essay {number}", "description": "word " * 100}
        await create_record(module="tasks", fields=fields, store=store)
    for limit, length in ((1, 500), (2, 301)):
        result = await query_records(module="tasks", store=store, limit=limit)
        assert {len(record["description"]) for record in result["data"]["records"]} == {length}


async def test_an_unknown_module_is_answered_with_the_known_ones(store: RecordStore) -> None:
    with pytest.raises(ActionError) as caught:
        await query_records(module="taks", store=store)
    known = "tasks, deals, contacts, companies, projects"
    assert caught.value.message == f"There is no module 'taks'. Did you mean 'tasks'? Known are: {known}"


@pytest.mark.seed("S38")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("wifi password", ["Office move"]),
        ("WiFi pass", ["Office move"]),
        ("zurück kehrén", ["Zuruck kehren"]),
        ("41-77", ["Zuruck kehren"]),
        ("'; DROP --", []),
        ('qqq" NEAR *', []),
    ],
)
async def test_search_finds_words_by_their_beginnings_in_every_module(
    filled: RecordStore, query: str, found: list[str]
) -> None:
    fields = {"title": "Zuruck kehren", "description": "Order 41/77"}
    await create_record(module="tasks", fields=fields, store=filled)
    result = await search_records(query=query, store=filled)
    assert [record["title"] for record in result["data"]["records"]][:1] == found


async def test_search_says_when_it_found_only_some_of_the_words(filled: RecordStore) -> None:
    result = await search_records(query="SOC2 unicorn", store=filled, module="projects")
    assert result["message"] == "Nothing has all of “SOC2 unicorn”; these have some of it."
    assert [(r["module"], r["title"], r["snippet"]) for r in result["data"]["records"]] == [
        ("projects", "SOC2 audit", "Evidence, policies and controls for the **SOC2** Type II report.")
    ]


async def test_search_follows_updates_and_deletions(store: RecordStore) -> None:
    tasks = (await store.modules()).named("tasks")
    made = await create_record(module="tasks", fields={"title": "Paint the fence"}, store=store)
    await store.update(tasks, [made["recordId"]], {"title": "Mow the lawn"})
    fence, lawn = [await store.search([tasks], [word], 5) for word in ("fence", "lawn")]
    assert (fence, [record.title for record in lawn]) == ([], ["Mow the lawn"])
    await store.delete(tasks, [made["recordId"]])
    assert await store.search([tasks], ["lawn"], 5) == []


@pytest.mark.seed("S35")
async def test_a_module_tells_its_fields_types_options_and_what_is_required(store: RecordStore) -> None:
    result = await get_module_info(module="deal", store=store)
    told = {f["name"]: (f["type"], f["required"], f.get("options")) for f in result["data"]["fields"]}
    assert told == {
        "name": ("string", True, None),
        "stage": ("enum", False, ["lead", "qualified", "proposal", "negotiation", "won", "lost"]),
        "value": ("number", False, None),
        "closeDate": ("date", False, None),
        "owner": ("user", False, None),
        "company": ("string", False, None),
        "contact": ("relation", False, None),
    }
