"""Full-text search: its index after a migration and after any writes, its ranks, its snippets, any text as a query."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import text

import copilot_records
from copilot_core import ActionError, Changes, PageContext, Principal
from copilot_core.clock import FixedClock
from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade
from copilot_records import OwnRecords, RecordStore, writing
from copilot_records.connected import Connected
from copilot_records.reading import get_module_info, search_records
from copilot_records.snippets import LENGTH, marked
from copilot_records.text import words

from .conftest import create_multiple_records

OLD = """INSERT INTO copilot_record
    (id, workspace, module, title, title_key, shown, keys, search, created_at, updated_at)
    VALUES (:id, 'acme', 'tasks', :title, :title, :shown, '{}', :search, '2026-01-01', '2026-01-01')"""


async def titles(store: RecordStore, *wanted: str) -> list[str]:
    tasks = (await store.modules()).named("tasks")
    return [record.title for record in await store.search([tasks], wanted, 10)]


async def test_records_from_before_the_ranks_are_found_and_ranked(
    database_url: str, tmp_path: Path, fixed_clock: FixedClock
) -> None:
    first = copilot_records.copilot_migrations() / "records_0001_modules_and_records.py"
    shutil.copy(first, tmp_path)
    database = Database(database_url)
    await upgrade(database, {"records": tmp_path})
    async with database.session(write=True) as session:
        for number, (title, search) in enumerate([("Zürich", "zurich"), ("Other", "other trip to zurich")]):
            row = {"id": f"r{number}", "title": title, "search": search, "shown": f'{{"title": "{title}"}}'}
            cast = OLD if database.is_sqlite else OLD.replace(":shown, '{}'", "CAST(:shown AS jsonb), '{}'")
            if not database.is_sqlite:
                cast = cast.replace("(id,", "(number, id,").replace("VALUES (", f"VALUES ({number + 1}, ")
            await session.exec(text(cast).bindparams(**row))
    await upgrade(database, {"records": copilot_records.copilot_migrations()})
    async with database.session(write=True) as session:
        store = OwnRecords(session, Principal("dana", "acme"), fixed_clock)
        assert (await titles(store, "zur"), await titles(store, "trip")) == (["Zürich", "Other"], ["Other"])
        await store.delete((await store.modules()).named("tasks"), ["r0"])
        assert await titles(store, "zur") == ["Other"]
    await database.close()


async def test_a_word_in_the_title_and_one_that_is_there_often_come_first(store: RecordStore) -> None:
    rows = [
        {"title": "Once", "description": "a plum among many other words that say nothing of fruit"},
        {"title": "Often", "description": "plum, plum, plum and a plum"},
        {"title": "A plum"},
    ]
    await create_multiple_records(module="tasks", records=rows, store=store)
    assert await titles(store, "plu") == ["A plum", "Often", "Once"]
    assert await titles(store, "plum", "fru") == ["Once"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40) | st.text("ab\"'*():&|!<->\\^:~ ANDORNEAR", max_size=20))
async def test_any_text_is_a_harmless_query(store: RecordStore, query: str) -> None:
    tasks = (await store.modules()).named("tasks")
    if not await titles(store, "ab"):
        await create_multiple_records(module="tasks", records=[{"title": "ab NEAR or 'and' a:b"}], store=store)
    if not words(query):
        with pytest.raises(ActionError, match="must have a word"):
            await search_records(query=query, store=store)
        return
    found = await search_records(query=query, store=store, module="tasks")
    for record in await store.search([tasks], words(query)[:20], 10):
        assert all(any(word.startswith(start) for word in words(record.title)) for start in words(query)[:20])
    assert found["success"]


@given(st.text(max_size=500), st.lists(st.text("abcé1", min_size=1, max_size=4), min_size=1, max_size=3))
@settings(max_examples=25)
def test_a_snippet_is_one_short_line_that_marks_words_and_nothing_else(value: str, starts: list[str]) -> None:
    told = marked(value, [word for start in starts for word in words(start)])
    plain = told.replace("**", "").replace("\\", "")
    assert len(plain) <= LENGTH + 2
    assert "\n" not in told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("pay [here](http://x) <img src=x>", r"**pay** \[here\](http://x) \<img src=x\>"),
        ("1. pay\n\n# now", r"1\. **pay** \# now"),
        ("- Páy_it", r"\- **Páy**\_it"),
        ("repay", "repay"),
    ],
)
def test_markdown_in_a_record_stays_text_in_its_snippet(value: str, told: str) -> None:
    assert marked(value, ["pay"]) == told


async def test_a_connected_database_is_searched_without_an_index_and_shows_where_too(
    connected: Callable[..., Connected],
) -> None:
    async with connected("northwind").records(Principal("dana", "acme"), None, write=False) as store:
        found = await search_records(query="coff", store=store)
    [hit] = found["data"]["records"]
    assert hit["title"] == "Beverages"
    assert (hit["field"], hit["snippet"]) == ("Description", "Soft drinks, **coffees**, teas")


@pytest.mark.seed("S16")
async def test_rows_of_a_connected_database_are_linked_to_the_open_one(connected: Callable[..., Connected]) -> None:
    shop = connected("northwind", connect_writable=True)
    page = PageContext("moduleRecord", "categories", record_id="2")
    async with shop.records(Principal("dana", "acme"), None, write=True) as store:
        fields = {"productName": "Ketchup"}
        made = await writing.create_record(module="products", fields=fields, store=store, changes=Changes(), page=page)
        info = await get_module_info(module="categories", store=store)
    assert made["message"] == "Created product “Ketchup”, linked to the open category “Condiments”."
    assert info["data"]["relatedFrom"] == [{"module": "products", "field": "Category"}]
