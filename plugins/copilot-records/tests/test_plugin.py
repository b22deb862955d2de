"""What the plugin contributes, and how a model is told of its actions."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import copilot_records
from copilot_core import Action, Principal
from copilot_core.errors import SetupError
from copilot_core.plugins import Plugin, collect
from copilot_core.run import MODULES, Message, RunInput
from copilot_core.testing import call, opened
from copilot_core.toolcall import Call, Emit

PLUGIN = Plugin("records", copilot_records, "copilot-records", "0.1.0")
READING = ["getModuleInfo", "queryRecords", "searchRecords"]
WRITING = ["createMultipleRecords", "createRecord", "deleteRecords", "updateRecord", "updateRecords"]


@pytest.fixture
def artists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database that the environment names."""
    path = tmp_path / "artists.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "CREATE TABLE artists (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO artists VALUES (1, 'Ada')"
        )
    monkeypatch.setenv("COPILOT_CONNECT", f"sqlite:///{path}")
    monkeypatch.setenv("COPILOT_CONNECT_WRITABLE", "")
    return path


def actions() -> dict[str, Action]:
    return {action.name: action for action in copilot_records.copilot_actions()}


async def test_a_turn_creates_and_then_finds_a_record() -> None:
    created = call("createRecord", module="tasks", fields={"title": "Call Ada"})
    async with opened(copilot_records, script=[created, "Done."]) as server:
        reader = await server.copilot.start(RunInput([Message("user", "Please")]), Principal("dana", "acme"))
        told = [json.dumps(getattr(event, "result", None)) for event in await reader.all()]
        engine = server.copilot.engine
        [modules] = await engine.readables(Principal("dana", "acme"))
    assert any("Created task \\u201cCall Ada\\u201d." in one for one in told)
    assert modules.description == MODULES
    assert [module["slug"] for module in modules.value][:2] == ["tasks", "deals"]


def test_a_connected_database_that_is_read_only_offers_no_writing(artists: Path) -> None:
    assert sorted(actions()) == READING
    assert copilot_records.copilot_demo() is None


def test_a_writable_one_offers_everything(artists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_CONNECT_WRITABLE", "1")
    assert sorted(actions()) == sorted([*READING, *WRITING])


async def test_the_actions_of_a_server_work_on_the_connected_database(artists: Path) -> None:
    ann = Principal("ann", "any")
    async with opened(copilot_records) as server:
        engine = server.copilot.engine
        scope = engine.scope(ann, Call(), Emit(lambda _name, _value: None))
        result = await server.registry.actions["queryRecords"].run({"module": "artist"}, scope)
        [modules] = await engine.readables(ann)
    assert result["data"]["records"] == [
        {"id": "artists:1", "title": "Ada", "link": "/modules/artists/records/artists:1", "artist_id": 1, "name": "Ada"}
    ]
    assert [module["slug"] for module in modules.value] == ["artists"]


def test_an_unreachable_database_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_CONNECT", "sqlite:///nowhere.db")
    with pytest.raises(SetupError, match=r"plugin 'records' of copilot-records.*COPILOT_CONNECT: there is no file"):
        collect([PLUGIN])


@pytest.mark.seed("S27")
def test_names_and_parameters_are_those_of_the_documentation() -> None:
    told = {
        name: {p["name"]: (p["type"], p["required"]) for p in action.parameters} for name, action in actions().items()
    }
    filters, names = ("object[]", False), ("string[]", False)
    assert told == {
        "queryRecords": {
            "module": ("string", True),
            "filters": filters,
            "sortBy": ("string", False),
            "sortOrder": ("string", False),
            "limit": ("number", False),
            "offset": ("number", False),
            "fields": names,
        },
        "searchRecords": {"query": ("string", True), "module": ("string", False), "limit": ("number", False)},
        "getModuleInfo": {"module": ("string", True)},
        "createRecord": {"module": ("string", True), "fields": ("object", True)},
        "createMultipleRecords": {
            "module": ("string", True),
            "records": ("object[]", True),
            "atomic": ("boolean", False),
        },
        "updateRecords": {
            "module": ("string", True),
            "fields": ("object", True),
            "records": names,
            "filters": filters,
        },
        "updateRecord": {"recordId": ("string", True), "fields": ("object", True)},
        "deleteRecords": {
            "module": ("string", False),
            "records": names,
            "filters": filters,
            "recordIds": names,
            "confirmed": ("boolean", False),
        },
    }


def test_every_action_and_parameter_is_described() -> None:
    for action in actions().values():
        assert all(parameter.get("description") for parameter in action.parameters), action.name


def test_a_query_with_filters_costs_more() -> None:
    cost = actions()["queryRecords"].credits
    assert callable(cost)
    assert (cost({"module": "tasks"}), cost({"module": "tasks", "filters": [{}]})) == (1, 2)
