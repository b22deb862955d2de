"""`/v1/workspace/policies`: what the admins of a workspace ask for holds in it, at once, and nowhere else."""

import json
from contextlib import AsyncExitStack
from typing import Any

import pytest

from copilot_core import Action, Changes, Injected, Role, action, hookimpl
from copilot_core.testing import call, opened, served
from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI

from .page import Page, client, site, tools

Json = dict[str, Any]
SCRIPT = [Call("addTask", {"title": "milk"}), Call("addTask", {"title": "bread"}), Say("Done.")]
NONE: Json = {"confirmRows": None, "confirm": [], "deny": []}


async def put(page: Page, rules: Json) -> Any:
    return await page.http.put("/v1/workspace/policies", json=rules)


async def test_an_action_that_is_denied_is_neither_offered_nor_run_in_that_workspace() -> None:
    async with ScriptedOpenAI(SCRIPT) as model, site(model) as here:
        page = await here.page()
        other = await here.page("t2", workspace="globex", user="eve")
        assert (await page.http.get("/v1/workspace/policies")).json() == NONE
        assert (await put(page, {"deny": ["addTask"]})).json() == {**NONE, "deny": ["addTask"]}

        events = await page.say("Add milk")
        assert (events[-1]["type"], events[-1]["code"], here.board.done) == ("RUN_ERROR", "forbidden", [])
        assert "addTask" not in tools(model)
        await other.say("Add bread")
        assert here.board.done == ["bread"]
        assert (await other.http.get("/v1/workspace/policies")).json() == NONE


async def test_an_action_that_is_to_be_confirmed_waits_until_the_rule_is_gone() -> None:
    async with ScriptedOpenAI(SCRIPT) as model, site(model) as here:
        page = await here.page()
        await put(page, {"confirm": ["addTask"]})
        await page.say("Add milk")
        (asked,) = (await page.http.get("/v1/approvals?status=pending")).json()["approvals"]
        assert [c["reason"] for c in asked["calls"]] == ["this workspace asks a person first"]
        assert here.board.done == []

        await put(page, {})
        await page.say("Add bread")
        assert here.board.done == ["bread"]


@pytest.mark.parametrize(("decision", "done"), [("reject", []), ("approve", ["milk"])])
async def test_what_was_asked_stays_asked_though_the_rule_is_gone(decision: str, done: list[str]) -> None:
    async with ScriptedOpenAI([SCRIPT[0], Say("As you say.")]) as model, site(model) as here:
        page = await here.page()
        await put(page, {"confirm": ["addTask"]})
        await page.say("Add milk")
        (asked,) = (await page.http.get("/v1/approvals?status=pending")).json()["approvals"]
        await put(page, {})
        answer = await page.http.post(f"/v1/approvals/{asked['id']}", json={"decision": decision})
        assert "RunFinished" in (await page.http.get(answer.json()["events"])).text
        assert here.board.done == done


async def test_a_call_that_was_not_asked_about_is_not_run_by_the_answer_to_the_others() -> None:
    both = Say(calls=[Call("addTask", {"title": "milk"}), Call("setMark", {"value": "bread"})])
    async with ScriptedOpenAI([both, Say("Done.")]) as model, site(model) as here:
        page = await here.page()
        await put(page, {"confirm": ["addTask"]})
        await page.say("Add milk and mark bread")
        (asked,) = (await page.http.get("/v1/approvals?status=pending")).json()["approvals"]
        await put(page, {"confirm": ["addTask", "setMark"]})
        answer = await page.http.post(f"/v1/approvals/{asked['id']}", json={"decision": "approve"})
        assert "RunFinished" in (await page.http.get(answer.json()["events"])).text
        declined, done = sorted(
            (json.loads(message["content"]) for message in await page.stored() if message["role"] == "tool"),
            key=lambda result: result["success"],
        )
        assert (declined["error"], done["success"], here.board.done) == ("declined", True, ["milk"])


async def foresee(text: str) -> Json:
    return {"summary": f"{text} in 4 notes.", "rows": 4}


@action(writes=True, preview=foresee)
async def sign(text: str, changes: Injected[Changes]) -> str:
    """Sign all notes."""
    return text


class Notes:
    """A write that does not name what it changes."""

    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [sign]


@pytest.mark.parametrize(("rows", "reasons"), [(3, [["it changes 4 records at once"]]), (4, [])])
async def test_rows_are_counted_as_the_preview_foresees_them(rows: int, reasons: list[list[str]]) -> None:
    async with AsyncExitStack() as stack:
        script = [call("sign", text="D."), *([] if reasons else ["Done."])]
        ready = await stack.enter_async_context(opened(Notes(), script=script))
        key = await ready.keys.create(workspace="acme", user="dana", role=Role.ADMIN)
        url = await stack.enter_async_context(served(ready))
        http = await stack.enter_async_context(client(url, f"Bearer {key}"))
        assert (await http.put("/v1/workspace/policies", json={"confirmRows": rows})).status_code == 200
        await http.post("/api/copilot/chat", json={"message": "Sign with D.", "conversationId": None})
        pending = (await http.get("/v1/approvals?status=pending")).json()["approvals"]
        assert [[c["reason"] for c in one["calls"]] for one in pending] == reasons


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"deny": ["nothing"]}, "deny[0]"),
        ({"confirm": "addTask"}, "confirm"),
        ({"confirmRows": "many"}, "confirmRows"),
        ({"confirmRows": -1}, "confirmRows"),
    ],
)
async def test_rules_that_make_no_sense_change_nothing(rules: Json, field: str) -> None:
    async with site() as here:
        page = await here.page()
        await put(page, {"deny": ["addTask"]})
        answer = await put(page, rules)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (422, field)
        assert (await page.http.get("/v1/workspace/policies")).json() == {**NONE, "deny": ["addTask"]}


@pytest.mark.parametrize("role", [Role.MEMBER, Role.CONTRIBUTOR, Role.VIEWER])
async def test_only_admins_see_or_set_them(role: Role) -> None:
    async with site() as here:
        page = await here.page(role=role)
        assert (await put(page, {"deny": []})).status_code == 403
        assert (await page.http.get("/v1/workspace/policies")).status_code == 403
