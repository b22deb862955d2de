"""The modules that a page lists are the only ones that its user's actions accept (checklist S14)."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import ActionError, Principal
from copilot_core.clock import FixedClock
from copilot_records import OwnRecords, RecordStore
from copilot_records.connected import Connected
from copilot_records.reading import get_module_info, query_records, search_records

from .conftest import DANA, create_record, delete_records, update_record, update_records

pytestmark = pytest.mark.seed("S14")
TOLD = "This page does not work with deals. Allowed are: tasks, projects"


@pytest.fixture
def narrowed(session: AsyncSession, fixed_clock: FixedClock, filled: RecordStore) -> RecordStore:
    """Dana's records, from a page that lists tasks, projects and something that is not here."""
    return OwnRecords(session, DANA, fixed_clock, ("tasks", "projects", "wiki"))


@pytest.mark.parametrize("name", ["deals", "Deals", "deal"])
async def test_a_module_that_the_page_does_not_list_is_refused_with_those_it_does(
    narrowed: RecordStore, name: str
) -> None:
    tries: list[Callable[[], Any]] = [
        lambda: query_records(module=name, store=narrowed),
        lambda: get_module_info(module=name, store=narrowed),
        lambda: search_records(query="acme", module=name, store=narrowed),
        lambda: create_record(module=name, fields={"name": "Acme"}, store=narrowed),
        lambda: update_records(module=name, fields={"stage": "won"}, records=["Acme"], store=narrowed),
        lambda: delete_records(module=name, records=["Acme"], store=narrowed),
    ]
    for attempt in tries:
        with pytest.raises(ActionError) as caught:
            await attempt()
        assert (caught.value.code, caught.value.message) == ("module_not_allowed", TOLD)
        assert caught.value.details == {"module": TOLD, "allowed": ["tasks", "projects"]}


async def test_a_module_that_there_is_not_is_told_from_one_that_is_not_allowed(narrowed: RecordStore) -> None:
    with pytest.raises(ActionError) as caught:
        await query_records(module="wiki", store=narrowed)

    assert caught.value.code == "validation_error"
    assert caught.value.message.endswith("Known are: tasks, projects")


async def test_a_record_of_another_module_cannot_be_had_by_its_id(narrowed: RecordStore, filled: RecordStore) -> None:
    deal = (await query_records(module="deals", store=filled))["data"]["records"][0]

    for attempt in (
        update_record(record_id=deal["id"], fields={"stage": "won"}, store=narrowed),
        delete_records(record_ids=[deal["id"]], store=narrowed),
    ):
        with pytest.raises(ActionError) as caught:
            await attempt
        assert caught.value.code == "not_found"


async def test_a_search_looks_at_the_pages_modules_only(narrowed: RecordStore, filled: RecordStore) -> None:
    everywhere = await search_records(query="acme", store=filled, limit=50)
    here = await search_records(query="acme", store=narrowed, limit=50)

    assert {r["module"] for r in everywhere["data"]["records"]} > {r["module"] for r in here["data"]["records"]}
    assert {r["module"] for r in here["data"]["records"]} <= {"tasks", "projects"}


async def test_a_page_that_lists_nothing_of_ours_finds_nothing(session: AsyncSession, fixed_clock: FixedClock) -> None:
    nothing = OwnRecords(session, DANA, fixed_clock, ("wiki",))

    assert (await search_records(query="acme", store=nothing))["data"]["records"] == []
    with pytest.raises(ActionError, match="Allowed are: none"):
        await query_records(module="tasks", store=nothing)


async def test_a_relation_to_a_module_that_is_not_listed_still_works(
    session: AsyncSession, fixed_clock: FixedClock, filled: RecordStore
) -> None:
    project = (await query_records(module="projects", store=filled))["data"]["records"][0]
    only_tasks = OwnRecords(session, DANA, fixed_clock, ("tasks",))

    made = await create_record(module="tasks", fields={"title": "Land", "project": project["id"]}, store=only_tasks)

    assert made["data"]["project"] == project["title"]


async def test_the_tables_of_a_connected_database_are_narrowed_the_same_way(
    connected: Callable[..., Connected],
) -> None:
    chinook = connected("chinook")
    slugs = [module.slug for module in chinook.modules(Principal("ann"))]

    async with chinook.records(Principal("ann"), slugs[:1]) as store:
        assert [module.slug for module in await store.modules()] == slugs[:1]
        with pytest.raises(ActionError, match=f"Allowed are: {slugs[0]}"):
            await query_records(module=slugs[1], store=store)
