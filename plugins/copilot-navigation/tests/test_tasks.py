"""`showTasks`: the list, its hint, and what a click in it tells."""

import json
from typing import Any

import pytest

from copilot_core.testing.openai_server import Call, Say
from copilot_navigation.settings import NavigationSettings
from copilot_navigation.tasks import task_module
from copilot_records import Field, Module, Modules

from .conftest import Open, result

MINE = [{"field": "assignee", "op": "eq", "value": "me"}]


@pytest.mark.seed("S41", "S55", "S56")
async def test_tasks_come_as_a_list_with_a_hint_and_a_click_in_it_is_told_to_the_model(page: Open) -> None:
    script: list[Any] = [Call("showTasks", {"filter": MINE}), Say("There."), Say("Seen.")]
    async with page(script) as dana:
        await dana.add("tasks", title="Somebody's")
        task = await dana.add("tasks", title="Call Ada", assignee="me")
        events = await dana.ask("Show my tasks", threadId="t1")
        [hint] = [event["value"] for event in events if event.get("name") == "render"]
        clicked = {"toolCallId": hint["toolCallId"], "name": "onTaskClick", "payload": {"id": task}}
        wrong = await dana.http.post("/v1/threads/t1/events", json={**clicked, "payload": {"id": 7}})
        right = await dana.http.post("/v1/threads/t1/events", json=clicked)
        replayed = (await dana.http.get("/v1/threads/t1/messages")).json()["messages"][1]["toolCalls"][0]["render"]
        await dana.ask("Which one?", threadId="t1")
        assert dana.model
        [*_, reported, _] = [message["content"] for message in dana.model.requests[-1].body["messages"]]

    link = f"/modules/tasks/records/{task}"
    shown = {"id": task, "title": "Call Ada", "link": link, "assignee": "Dana Reyes"}
    told = result(events)
    assert told == {
        "success": True,
        "data": {"module": "tasks", "total": 1, "offset": 0, "records": [shown]},
        "message": "1 task matches.",
        "link": "/modules/tasks",
    }
    assert (hint["toolName"], hint["component"], list(hint["events"])) == ("showTasks", "TaskList", ["onTaskClick"])
    assert replayed == {name: hint[name] for name in ("component", "props", "events")}
    clicks = {"component": "TaskList", "event": "onTaskClick", "payload": {"id": task}}
    assert json.dumps(clicks) in reported
    assert (wrong.status_code, right.status_code) == (422, 204)


@pytest.mark.seed("S41")
async def test_a_condition_on_a_field_that_tasks_do_not_have_is_refused_by_its_name(page: Open) -> None:
    async with page([Call("showTasks", {"filter": [{"field": "colour", "op": "eq", "value": 1}]}), Say("No.")]) as dana:
        told = result(await dana.ask("Show red tasks"))

    assert (told["success"], told["error"], list(told["details"])) == (False, "validation_error", ["colour"])


def modules(*slugs: str) -> Modules:
    return Modules(Module(slug, slug.title(), slug, "title", (Field("title"),)) for slug in slugs)


def test_the_module_of_tasks_is_the_first_that_the_workspace_has() -> None:
    names = NavigationSettings(_env_file=None).task_modules

    assert task_module(modules("deals", "todos"), names).slug == "todos"
    assert task_module(modules("todos", "tasks"), names).slug == "tasks"
    assert task_module(modules("deals", "chores"), ["chores"]).slug == "chores"


@pytest.mark.seed("S41")
async def test_a_workspace_without_tasks_says_which_modules_it_has(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_NAVIGATION_TASKS", "chores")
    async with page([Call("showTasks", {}), Say("No.")]) as dana:
        told = result(await dana.ask("Show chores"))

    slugs = ["tasks", "deals", "contacts", "companies", "projects"]
    assert told == {
        "success": False,
        "error": "not_found",
        "message": f"No module here holds tasks. There are: {', '.join(slugs)}",
        "details": {"allowed": slugs},
    }
