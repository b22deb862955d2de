"""What a page tells, through the whole server: to the model, to actions, to records."""

import json
from typing import Any

import pytest

import copilot_records
from copilot_core import Action, Injected, PageContext, Principal, Readable, action, hookimpl
from copilot_core.chat_models import ChatModels
from copilot_core.clock import FixedClock
from copilot_core.events import ToolCallEnded
from copilot_core.run import Message, RunInput
from copilot_core.testing import TESTER, ScriptedModel, call, opened, run
from copilot_core.testing.model import only

PAGE = {"pageType": "moduleRecord", "moduleSlug": "projects", "recordId": "rec_1", "recordName": "Moon"}
DATE = "Current date and time for relative date calculations"


@action
async def where_am_i(page: Injected[PageContext]) -> str:
    """Say what is open."""
    return f"{page.page_type} {page.module_slug} {page.record_id}"


class Where:
    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [where_am_i]


def results(events: list[Any]) -> list[Any]:
    return [event.result for event in events if isinstance(event, ToolCallEnded)]


@pytest.mark.seed("S12")
@pytest.mark.parametrize(
    ("readables", "told"),
    [([Readable("Current page context", json.dumps(PAGE))], "moduleRecord projects rec_1"), ([], "None None None")],
)
async def test_an_action_is_given_what_the_user_has_open(readables: list[Readable], told: str) -> None:
    events = await run(Where(), script=[call("whereAmI"), "Done."], readables=readables)

    assert results(events) == [{"success": True, "data": told}]


@pytest.mark.seed("S14")
async def test_a_module_that_the_page_does_not_list_is_refused_with_those_it_does() -> None:
    listed = [{"slug": slug, "name": slug, "pluralName": slug} for slug in ("tasks", "contacts")]
    calls = [call("createRecord", module="deals", fields={"name": "Acme"}), call("queryRecords", module="tasks")]

    events = await run(
        copilot_records,
        script=[calls, "Sorry."],
        message="Create the deal Acme, and show my tasks",
        readables=[Readable("Modules available in this workspace", listed)],
    )

    refused, answered = sorted(results(events), key=lambda result: result["success"])
    message = "This page does not work with deals. Allowed are: tasks, contacts"
    details = {"module": message, "allowed": ["tasks", "contacts"]}
    assert refused == {"success": False, "error": "module_not_allowed", "message": message, "details": details}
    assert answered["success"] is True


@pytest.mark.seed("S11")
@pytest.mark.seed("S19")
@pytest.mark.seed("S20")
async def test_the_model_reads_one_date_and_the_pages_readables(fixed_clock: FixedClock) -> None:
    model = ScriptedModel(script=["Hello."])
    told = [
        Readable("Deal", {"stage": "lost"}),
        Readable("Deal", {"stage": "won"}),
        Readable(DATE, {"currentDate": "1999-01-01", "timezone": "Pacific/Auckland"}),
    ]
    async with opened(models=only(model), clock=fixed_clock) as ready:
        reader = await ready.copilot.start(RunInput([Message("user", "hi")], readables=told), TESTER)
        await reader.all()

    [[system, _]] = model.asked
    blocks = [line for line in str(system.content).splitlines() if line.startswith("<data")]
    assert [line for line in blocks if "dayOfWeek" in line] == [
        f'<data description="{DATE}">{{"currentDate":"2026-02-10","timezone":"Pacific/Auckland",'
        '"now":"2026-02-10T22:00:00+13:00","tomorrow":"2026-02-11","dayOfWeek":"Tuesday",'
        '"toldByPage":{"currentDate":"1999-01-01"}}</data>'
    ]
    assert [line for line in blocks if "stage" in line] == ['<data description="Deal">{"stage":"won"}</data>']


@pytest.mark.seed("S15")
@pytest.mark.seed("S16")
async def test_the_rule_planner_links_and_finds_the_open_record(fixed_clock: FixedClock) -> None:
    dana = Principal("dana", "acme", name="Dana Reyes")
    models = ChatModels("rule-planner")

    async with opened(copilot_records, models=models, clock=fixed_clock) as ready:

        async def say(words: str, page: dict[str, Any]) -> Any:
            given = RunInput([Message("user", words)], readables=[Readable("Current page context", json.dumps(page))])
            return results(await (await ready.copilot.start(given, dana)).all())

        [project] = await say("create a project called Moon", {"pageType": "dashboard"})
        open_page = {**PAGE, "recordId": project["recordId"]}
        [task] = await say("create a task called Build a rocket due tomorrow", open_page)
        [changed] = await say("set this project to active", open_page)
        [listed] = await say("show the tasks of this project", open_page)

    assert (task["data"]["project"], task["data"]["dueDate"]) == ("Moon", "2026-02-11")
    assert changed["data"]["status"] == "active"
    assert [record["title"] for record in listed["data"]["records"]] == ["Build a rocket"]
