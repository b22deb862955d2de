"""Whatever the writing actions do can be undone, exactly, or is refused as a whole with what has changed."""

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

import copilot_records
from copilot_core import Action, ActionError, Call, Change, Changes, Emit, PageContext, Principal, Receipt, UndoConflict
from copilot_core.testing import opened
from copilot_records import OwnRecords, RecordStore
from copilot_records.connected import Connected
from copilot_records.connected.records import ConnectedRecords
from copilot_records.filters import Filter
from copilot_records.reading import query_records, search_records
from copilot_records.undoing import put_back
from copilot_records.writing import (
    create_multiple_records,
    create_record,
    delete_records,
    update_record,
    update_records,
)

from .conftest import DANA

Connect = Callable[..., Connected]
Dump = Callable[[], Awaitable[Sequence[Any]]]
ANN = Principal("ann", "any")
MANY = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Ticking:
    """A clock that is a second later each time."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 2, 10, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        self.instant += timedelta(seconds=1)
        return self.instant


@pytest.fixture
def ticking(session: AsyncSession) -> OwnRecords:
    """Dana's records, in an empty workspace, as time goes by."""
    return OwnRecords(session, DANA, Ticking())


async def done(action: Action, store: RecordStore, **arguments: Any) -> Receipt:
    """Call the action; the receipt as it comes back from where it is kept."""
    changes = Changes()
    page = {"page": PageContext()} if "page" in action.injected else {}
    await action(**arguments, **page, store=store, changes=changes)
    told = json.loads(json.dumps([asdict(change) for change in changes.made], allow_nan=False))
    return Receipt("r", action.name, arguments, [Change(**one) for one in told])


async def made(store: RecordStore, module: str, **fields: Any) -> tuple[str, Receipt]:
    """Create a record: its id, and the receipt."""
    receipt = await done(create_record, store, module=module, fields=fields)
    return receipt.changes[0].subject.partition("/")[2], receipt


async def rows(session: AsyncSession) -> Sequence[Any]:
    """The whole table, the index having been checked against it."""
    await session.flush()
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        check = "INSERT INTO copilot_record_words (copilot_record_words, rank) VALUES ('integrity-check', 1)"
        await connection.exec_driver_sql(check)
    return (await connection.exec_driver_sql("SELECT * FROM copilot_record ORDER BY number")).all()


async def refused(receipt: Receipt, store: RecordStore) -> UndoConflict:
    with pytest.raises(UndoConflict) as caught:
        await put_back(receipt, store)
    return caught.value


async def conflicts(receipt: Receipt, store: RecordStore) -> Sequence[Any]:
    """What has changed, or nothing: then it is undone."""
    try:
        await put_back(receipt, store)
    except UndoConflict as conflict:
        return conflict.details["changed"]
    return []


titles = st.sampled_from(["Call Ada", "call ada", "Größe 50%", "O'Hara; --", "x"])
fields = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.sampled_from(["low", "high", None]),
        "dueDate": st.sampled_from(["2026-02-13", "2024-02-29", None]),
        "description": st.sampled_from(["Bring tea", "tea, bring!", None]),
        "assignee": st.sampled_from(["me", "Sam", None]),
        "project": st.integers(0, 3) | st.none(),
        "title": titles,
    },
)
which = st.lists(st.integers(0, 5), max_size=4)
steps = st.one_of(
    st.tuples(st.just("project"), titles),
    st.tuples(st.just("create"), st.lists(st.tuples(titles, fields), min_size=1, max_size=3)),
    st.tuples(st.just("update"), which, fields.filter(bool)),
    st.tuples(st.just("update low ones"), fields.filter(bool)),
    st.tuples(st.just("delete"), which),
)


async def taken(store: RecordStore, step: tuple[Any, ...]) -> Receipt | None:
    """Do a step on the records that there are now."""
    tasks = (await query_records(module="tasks", store=store, limit=100))["data"]["records"]
    projects = (await query_records(module="projects", store=store, limit=100))["data"]["records"]

    def meant(values: dict[str, Any]) -> dict[str, Any]:
        place = values.get("project")
        leads = None if place is None or not projects else projects[place % len(projects)]["id"]
        return {**values, **({"project": leads} if "project" in values else {})}

    def ids(places: list[int]) -> list[str]:
        there = [*tasks, *projects]
        return [there[place % len(there)]["id"] for place in places] if there else []

    match step:
        case ("project", title):
            return await done(create_record, store, module="projects", fields={"name": title})
        case ("create", drawn):
            new = [meant({**values, "title": title}) for title, values in drawn]
            return await done(create_multiple_records, store, module="tasks", records=new)
        case ("update", places, values) if tasks and places:
            names = [tasks[place % len(tasks)]["id"] for place in places]
            return await done(update_records, store, module="tasks", fields=meant(values), records=names)
        case ("update low ones", values):
            low = [Filter(field="priority", op="eq", value="low")]
            return await done(update_records, store, module="tasks", fields=meant(values), filters=low)
        case ("delete", places) if ids(places):
            return await done(delete_records, store, record_ids=ids(places))
    return None


async def is_undone(store: RecordStore, dump: Dump, take: Callable[[], AsyncIterator[Receipt | None]]) -> None:
    """Each undo, in reverse order, makes the table what it was before the step."""
    before = [await dump()]
    receipts = []
    async for receipt in take():
        if receipt is not None:
            receipts.append(receipt)
            before.append(await dump())
    for receipt in reversed(receipts):
        assert await dump() == before.pop()
        await put_back(receipt, store)
    assert await dump() == before.pop()


@MANY
@given(drawn=st.lists(steps, min_size=1, max_size=6))
async def test_undone_in_reverse_order_any_writes_leave_the_table_as_it_was(
    ticking: OwnRecords, session: AsyncSession, drawn: list[tuple[Any, ...]]
) -> None:
    async def take() -> AsyncIterator[Receipt | None]:
        for step in drawn:
            yield await taken(ticking, step)

    async with session.begin_nested() as savepoint:
        await taken(ticking, ("create", [("First", {"priority": "low"}), ("Second", {"dueDate": "2026-02-13"})]))
        await is_undone(ticking, lambda: rows(session), take)
        await savepoint.rollback()


@MANY
@given(first=steps, between=st.lists(steps, max_size=2))
async def test_what_has_changed_since_is_refused_and_nothing_is_half_done(
    ticking: OwnRecords, session: AsyncSession, first: tuple[Any, ...], between: list[tuple[Any, ...]]
) -> None:
    async with session.begin_nested() as savepoint:
        await taken(ticking, ("project", "Moon"))
        await taken(ticking, ("create", [("First", {"priority": "low"}), ("Second", {"priority": "low"})]))
        receipt = await taken(ticking, first)
        touched = [await taken(ticking, step) for step in between]
        before = await rows(session)
        subjects = {change.subject for one in touched if one for change in one.changes}
        if receipt is not None:
            changed = await conflicts(receipt, ticking)
            assert {one["subject"] for one in changed} <= subjects
            assert not changed or await rows(session) == before
        await savepoint.rollback()


async def test_an_update_is_undone_field_by_field(ticking: OwnRecords) -> None:
    task, _ = await made(ticking, "tasks", title="Call Ada", priority="low")
    receipt = await done(update_record, ticking, record_id=task, fields={"priority": "high", "dueDate": "2026-02-13"})
    [change] = receipt.changes
    assert (change.subject, change.label) == (f"tasks/{task}", "Call Ada")
    moments = {"@updatedAt": "2026-02-10T09:00:01+00:00"}, {"@updatedAt": "2026-02-10T09:00:02+00:00"}
    assert change.before == {"priority": "low", "dueDate": None, **moments[0]}
    assert change.after == {"priority": "high", "dueDate": "2026-02-13", **moments[1]}
    await done(update_record, ticking, record_id=task, fields={"title": "Call Bob"})
    await put_back(receipt, ticking)
    [record] = await ticking.by_id((await ticking.modules()).of("tasks"), [task])
    assert (record.title, record.values) == ("Call Bob", {"title": "Call Bob", "priority": "low"})


async def test_a_conflict_says_what_has_changed(ticking: OwnRecords, session: AsyncSession) -> None:
    ids = [(await made(ticking, "tasks", title=title))[0] for title in ("A", "B", "C")]
    receipt = await done(update_records, ticking, module="tasks", fields={"priority": "low"}, records=ids)
    await done(update_record, ticking, record_id=ids[0], fields={"priority": "high", "dueDate": "2026-02-13"})
    await done(delete_records, ticking, record_ids=[ids[1]])
    before = await rows(session)
    conflict = await refused(receipt, ticking)
    assert conflict.message == "This cannot be undone: B and A have changed since."
    gone, changed = conflict.details["changed"]
    assert changed == {
        "subject": f"tasks/{ids[0]}",
        "label": "A",
        "field": "priority",
        "expected": "low",
        "found": "high",
    }
    assert (gone["subject"], gone["found"]) == (f"tasks/{ids[1]}", None)
    assert await rows(session) == before


async def test_an_update_that_changed_nothing_stands_in_the_way_of_nothing(ticking: OwnRecords) -> None:
    task, _ = await made(ticking, "tasks", title="A", priority="low")
    same = {"priority": "low", "dueDate": "2026-02-13"}
    receipt = await done(update_record, ticking, record_id=task, fields=same)
    await done(update_record, ticking, record_id=task, fields={"priority": "high"})
    await put_back(receipt, ticking)
    [record] = await ticking.by_id((await ticking.modules()).of("tasks"), [task])
    assert record.values == {"title": "A", "priority": "high"}


async def test_a_new_record_that_was_changed_or_is_used_is_not_deleted(ticking: OwnRecords) -> None:
    project, receipt = await made(ticking, "projects", name="Moon")
    task, _ = await made(ticking, "tasks", title="Land", project="Moon")
    used = {"subject": f"tasks/{task}", "label": "Land", "field": "project", "expected": None, "found": project}
    assert (await refused(receipt, ticking)).details == {"changed": [used]}
    await done(update_record, ticking, record_id=task, fields={"project": None})
    await done(update_record, ticking, record_id=project, fields={"lead": "Sam"})
    owned = {"subject": f"projects/{project}", "label": "Moon", "field": "lead", "expected": None, "found": "Sam"}
    assert (await refused(receipt, ticking)).details == {"changed": [owned]}
    await done(update_record, ticking, record_id=project, fields={"lead": None})
    await put_back(receipt, ticking)
    assert (await query_records(module="projects", store=ticking))["data"]["total"] == 0


async def test_a_deleted_record_comes_back_with_its_id_its_relations_and_its_words(ticking: OwnRecords) -> None:
    project, _ = await made(ticking, "projects", name="Moon")
    await made(ticking, "tasks", title="Land", project="Moon")
    receipt = await done(delete_records, ticking, module="projects", records=["moon"])
    assert (await query_records(module="tasks", store=ticking))["data"]["records"][0]["project"] is None
    assert (await search_records(query="moon", store=ticking))["data"]["records"] == []
    await put_back(receipt, ticking)
    assert (await query_records(module="tasks", store=ticking))["data"]["records"][0]["project"] == "Moon"
    assert [one["id"] for one in (await search_records(query="moon", store=ticking))["data"]["records"]] == [project]
    assert (await refused(receipt, ticking)).details["changed"][0]["expected"] is None


async def test_the_place_of_a_deleted_record_may_have_been_given_away(ticking: OwnRecords) -> None:
    for title in ("A", "B"):
        await made(ticking, "tasks", title=title)
    receipt = await done(delete_records, ticking, module="tasks", records=["B", "A"])
    await made(ticking, "tasks", title="C")
    await put_back(receipt, ticking)
    found = (await query_records(module="tasks", store=ticking, sort_by="title"))["data"]["records"]
    assert [one["title"] for one in found] == ["A", "B", "C"]


async def test_a_module_that_is_no_more_is_told(ticking: OwnRecords) -> None:
    receipt = Receipt("r", "deleteRecords", {}, [Change("gone/rec_1", "A", {"name": "A"}, None)])
    assert (await refused(receipt, ticking)).message == "This cannot be undone: there is no module 'gone' any more."


async def everything(connection: AsyncConnection, *tables: str) -> list[Any]:
    """All rows of tables, with the types of SQLite's values."""
    found: list[Any] = []
    for table in tables:
        rows = (await connection.execute(text(f"SELECT * FROM {table} ORDER BY 1"))).all()
        found += [[table, *((type(value), value) for value in row)] for row in rows]
    return found


people = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Eve", "Bob"]),
        "email": st.sampled_from(["ada@example.com", "eve@example.com", None]),
        "weight": st.sampled_from([1, 2.5, 10**15, None]),
        "boss": st.sampled_from(["people:1", "people:2", None]),
        "anything": st.sampled_from(["x", "5", None]),
    },
)
table_steps = st.one_of(
    st.tuples(st.just("create"), st.lists(people, min_size=1, max_size=2)),
    st.tuples(st.just("update"), which, people.filter(bool)),
    st.tuples(st.just("lend"), st.sampled_from(["books:a/1", "books:b:2"]), st.sampled_from(["people:1", None])),
    st.tuples(st.just("delete"), which),
)


async def table_taken(store: ConnectedRecords, step: tuple[Any, ...]) -> Receipt | None:
    """Do a step, if the database allows it: the first lines of a deletion are books, the others people."""
    there = [r for m in ("books", "people") for r in (await query_records(module=m, store=store))["data"]["records"]]
    names = [there[place % len(there)]["id"] for place in (step[1] if step[0] in ("update", "delete") else ())]
    try:
        async with store._connection.begin_nested():
            match step:
                case ("create", new):
                    rows = [{"name": "New", **one} for one in new]
                    return await done(create_multiple_records, store, module="people", records=rows)
                case ("update", _, values):
                    people = [name for name in names if name.startswith("people")]
                    return await done(update_records, store, module="people", fields=values, records=people)
                case ("lend", book, person):
                    return await done(update_record, store, record_id=book, fields={"owner": person})
                case _:
                    return await done(delete_records, store, record_ids=[n for n in names if n != "books:c"])
    except ActionError:
        return None


@MANY
@given(drawn=st.lists(table_steps, min_size=1, max_size=5))
async def test_so_are_the_tables_of_a_connected_database(kept: Connected, drawn: list[tuple[Any, ...]]) -> None:
    async with kept.records(ANN, write=True) as store:

        async def take() -> AsyncIterator[Receipt | None]:
            for step in drawn:
                yield await table_taken(store, step)

        connection = store._connection
        await is_undone(store, lambda: everything(connection, "people", "books", "tags"), take)
        await connection.rollback()


@pytest.fixture
def kept(connected: Connect) -> Connected:
    return connected("kept", connect_writable=True)


async def test_rows_that_refer_to_each_other_come_back_with_what_is_never_shown(kept: Connected) -> None:
    async with kept.records(ANN, write=True) as store:
        before = await everything(store._connection, "people", "books", "tags")
        ids = ["books:a/1", "books:b:2", "people:3", "people:2", "people:1", "people:4"]
        receipt = await done(delete_records, store, record_ids=ids)
        images = {change.label: change.before for change in receipt.changes}
        assert images["Ada"] is not None
        assert images["Ada"]["photo"] == {"base64": "AP8="}
        await put_back(receipt, store)
        assert await everything(store._connection, "people", "books", "tags") == before


async def test_a_row_with_dependents_that_went_with_it_is_not_brought_back(kept: Connected) -> None:
    async with kept.records(ANN, write=True) as store:
        receipt = await done(delete_records, store, record_ids=["books:c"])
        conflict = await refused(receipt, store)
        told = "Cookbook cannot be brought back: what depended on it in tags was deleted or changed with it."
        assert (conflict.message, conflict.details) == (told, {"subject": "books/books:c", "label": "Cookbook"})
        _, created = await made(store, "books", isbn="d", title="Diary")
        await store._connection.execute(text("INSERT INTO tags VALUES ('d', 'me')"))
        found = {"subject": "books/books:d", "label": "Diary", "field": "@dependents"}
        assert (await refused(created, store)).details == {"changed": [{**found, "expected": None, "found": "tags"}]}


async def test_what_the_database_refuses_or_could_not_tell_exactly_is_refused(kept: Connected) -> None:
    async with kept.records(ANN, write=True) as store:
        await done(update_record, store, record_id="people:3", fields={"email": "cy@example.com"})
        receipt = await done(delete_records, store, record_ids=["people:3"])
        await made(store, "people", name="Other", email="cy@example.com")
        assert "UNIQUE constraint failed" in (await refused(receipt, store)).message
        for value, why in (
            ("zeroblob(300000)", "too large to be kept"),
            ("CAST(x'ff41' AS TEXT)", "not text"),
            ("9e999", "not a number"),
        ):
            await store._connection.execute(text(f"UPDATE people SET anything = {value} WHERE id = 4"))
            receipt = await done(update_record, store, record_id="people:4", fields={"anything": "x"})
            assert (await refused(receipt, store)).message == f"Di cannot be brought back: its 'anything' was {why}."
        image = {"id": 9, "name": "Ada", "nickname": "A"}
        receipt = Receipt("r", "deleteRecords", {}, [Change("people/people:9", "Ada", image, None)])
        assert "have not got the same columns" in (await refused(receipt, store)).message
        shouted = "CREATE TRIGGER t AFTER INSERT ON people BEGIN UPDATE people SET name = shout WHERE id = new.id; END"
        await store._connection.execute(text(shouted))
        receipt = await done(delete_records, store, record_ids=["people:4"])
        told = "This cannot be undone. The database does not keep people:4 as it was."
        assert (await refused(receipt, store)).message == told


async def test_a_call_on_a_connected_database_is_one_transaction(kept: Connected) -> None:
    async def fails() -> None:
        async with kept.records(ANN, write=True) as store:
            await made(store, "people", name="Eve")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with kept.records(ANN) as store:
        assert (await query_records(module="people", store=store))["data"]["total"] == 4


@pytest.mark.postgres
async def test_the_rows_of_postgresql_come_back_whatever_their_types(pagila: Connect) -> None:
    async with pagila(connect_writable=True).records(ANN, write=True) as store:

        async def dump() -> list[Any]:
            tables = ("language", "actor", "film", "film_actor", "rental", "rental_note", "audit.actor", '"Mixed Case"')
            asked = [text(f"SELECT t::text FROM {table} t ORDER BY t::text") for table in tables]
            return [list((await store._connection.execute(one)).scalars()) for one in asked]

        async def take() -> AsyncIterator[Receipt]:
            records = (await query_records(module="rental", store=store))["data"]["records"]
            fields = {"status": "out", "returned": None, "rental_date": "2026-02-10T09:00:00", "paid": False}
            yield await done(update_records, store, module="rental", fields=fields, records=[r["id"] for r in records])
            yield await done(delete_records, store, record_ids=["rental_note:1"])
            yield await done(delete_records, store, record_ids=[record["id"] for record in records])
            yield await done(create_record, store, module="film", fields={"title": "New", "language": "Italian"})
            update = {"title": "Old", "rental_rate": 1.5, "rating": "R", "release_year": 1999, "language": "English"}
            yield await done(update_records, store, module="film", fields=update, records=["ACE GOLDFINGER"])
            yield await done(delete_records, store, module="film", records=["Old", "AFRICAN EGG"])
            yield await done(delete_records, store, module="mixed_case", records=["Ångström"])

        await is_undone(store, dump, take)


async def test_a_server_undoes_within_one_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "artists.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript("CREATE TABLE artists (id INTEGER PRIMARY KEY, name TEXT)")
    monkeypatch.setenv("COPILOT_CONNECT", f"sqlite:///{path}")
    monkeypatch.setenv("COPILOT_CONNECT_WRITABLE", "1")
    async with opened(copilot_records) as server:
        create = server.registry.actions["createRecord"]

        def scope(changes: Changes | None = None) -> Any:
            return server.copilot.engine.scope(ANN, Call(writes=True), Emit(lambda *_: None), changes=changes)

        async def undo(*receipts: Receipt) -> None:
            async with scope() as writing:
                for receipt in receipts:
                    await create.reverse(receipt, writing)

        receipts = []
        for name in ("Ada", "Bob"):
            changes = Changes()
            await create.run({"module": "artists", "fields": {"name": name}}, scope(changes))
            receipts.append(Receipt("r", create.name, {}, changes.made))
        with pytest.raises(UndoConflict):
            await undo(receipts[1], receipts[0], receipts[0])
        await undo(receipts[1])
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM artists").fetchall() == [("Ada",)]


def test_every_writing_action_can_be_undone_and_foreseen() -> None:
    for action in copilot_records.WRITING:
        assert (action.undo is not None, action.preview is not None, action.irreversible) == (True, True, False)
