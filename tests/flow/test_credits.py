"""Credits: what an operation costs, what a plan allows, and that nobody pays twice or for nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

import copilot_calendar
import copilot_content
import copilot_records
from copilot_core import Principal, Role
from copilot_core.chat_models import ChatModels
from copilot_core.clock import FixedClock
from copilot_core.server import Deployment, application
from copilot_core.settings import Settings
from copilot_core.store.credits import HOLD, Charge
from copilot_core.store.subscriptions import Terms
from copilot_core.testing import ScriptedModel, call, opened

from .conftest import events, said

Json = dict[str, Any]
NOBODY = "http://127.0.0.1:9/v1"
PLEASE = {"message": "Please", "conversationId": None}


@dataclass
class Office:
    """A workspace and one of its users."""

    http: httpx2.AsyncClient
    ready: Deployment
    clock: FixedClock

    async def say(self, message: str, path: str = "/api/copilot/chat", **more: Any) -> httpx2.Response:
        body = {"message": message, "conversationId": None, **more}
        return await self.http.post(path, json=body)

    async def usage(self) -> Json:
        answer = await self.http.get("/api/v1/module-config/usage/ai")
        assert answer.status_code == 200
        found: Json = answer.json()
        return found

    async def used(self) -> int:
        return int((await self.usage())["current"])

    async def plan(self, plan: str, **options: Any) -> None:
        await self.ready.copilot.engine.credits.subscriptions.subscribe("acme", plan, by="root", **options)

    async def as_user(self, user: str, role: Role = Role.MEMBER, workspace: str = "acme") -> None:
        key = await self.ready.keys.create(workspace=workspace, user=user, role=role)
        self.http.headers["Authorization"] = f"Bearer {key}"

    async def spend(self, credits: int) -> None:
        """Use so many credits with real runs."""
        before = await self.used()
        while (left := before + credits - await self.used()) > 0:
            answer = await self.say("Create a task called Call Ada" if left >= 3 else "hello")
            assert answer.status_code == 200


Open = Callable[..., AbstractAsyncContextManager[Office]]


@pytest.fixture
def office(database_url: str) -> Open:
    """``async with office() as here``: with the rule planner, or a model that follows `script`."""

    @asynccontextmanager
    async def open_office(
        script: Any = None, models: ChatModels | None = None, **settings: Any
    ) -> AsyncIterator[Office]:
        clock = FixedClock(datetime(2026, 1, 10, 9, tzinfo=UTC))
        if script is not None:
            model = ScriptedModel(script=list(script))
            models = ChatModels("rule-planner", ["openai:big"], made={"openai:big": model})
        async with AsyncExitStack() as stack:
            plugins = (copilot_records, copilot_content, copilot_calendar)
            given = {"models": models or ChatModels("rule-planner"), "settings": settings, "database_url": database_url}
            ready = await stack.enter_async_context(opened(*plugins, clock=clock, **given))
            web = httpx2.ASGITransport(app=application(ready))
            http = await stack.enter_async_context(httpx2.AsyncClient(transport=web, base_url="http://office"))
            here = Office(http, ready, clock)
            await here.as_user("dana")
            yield here

    return open_office


@pytest.mark.seed("S71")
@pytest.mark.seed("S72")
@pytest.mark.parametrize(
    ("message", "credits"),
    [
        ("hello", 1),
        ("Show all tasks", 1),
        ("Which tasks are done?", 2),
        ("Create a task called Call Ada", 3),
        ("Create three tasks: Plan, Build and Test", 5),
        ("Remind me to call Ada tomorrow at 9", 3),
        ("Draft a follow up email to Ada about the offer", 5),
        ("Create a task called Call Ada and show all tasks", 4),
    ],
)
async def test_a_run_costs_the_sum_of_its_operations(office: Open, message: str, credits: int) -> None:
    async with office() as here:
        await here.say(message, runId="run_1")

        assert (await here.http.get("/v1/runs/run_1")).json()["credits"] == credits
        log = events((await here.http.get("/v1/runs/run_1/events")).content)
        assert (log[-1]["type"], log[-1]["credits"], await here.used()) == ("RunFinished", credits, credits)


@pytest.mark.parametrize(
    ("message", "credits", "end"),
    [
        ("Create a task called Call Ada", 3, {"type": "done"}),
        ("Delete all tasks", 0, {"type": "error", "error": "Delete Records is for admins; your role is member."}),
    ],
)
async def test_what_a_run_has_cost_is_on_the_terminal_event_of_each_wire(
    office: Open, message: str, credits: int, end: Json
) -> None:
    async with office() as here:
        user = {"id": "u1", "role": "user", "content": message, "parts": [{"type": "text", "text": message}]}
        plain = await here.say(message, runId="run_1")
        agui = await here.http.post("/v1/copilot", json={"threadId": "t1", "messages": [user]})
        page = await here.http.post("/v1/ai-sdk", json={"id": "t2", "messages": [user]})
        chunks = [line.removeprefix("data: ") for line in page.text.splitlines() if line.startswith("data: {")]

        assert events(plain.content)[-1] == end  # the contract's members and no other
        assert events(agui.content)[-1]["metadata"] == {"credits": credits}
        told = [c["messageMetadata"] for c in map(json.loads, chunks) if c["type"] in ("finish", "message-metadata")]
        assert [one["credits"] for one in told] == [credits]
        run = (await here.http.get("/v1/runs/run_1")).json()
        log = events((await here.http.get("/v1/runs/run_1/events")).content)
        assert (run["credits"], log[-1]["credits"]) == (credits, credits)


@pytest.mark.seed("S77")
@pytest.mark.seed("S78")
async def test_the_seeds_usage_comes_out_of_real_runs(office: Open) -> None:
    async with office() as here:
        await here.plan("starter", included=10)
        await here.spend(9)

        assert await here.usage() == {
            "current": 9,
            "included": 10,
            "overage": 0,
            "percentOfIncluded": 90,
            "billingMode": "soft_limit",
            "periodEnd": "2026-02-01T00:00:00Z",
        }


@pytest.mark.seed("S73")
@pytest.mark.parametrize(
    ("plan", "included", "mode"),
    [("free", 100, "hard_limit"), ("starter", 500, "soft_limit"), ("growth", 2_000, "soft_limit")],
)
async def test_plans_include_what_the_seed_says(office: Open, plan: str, included: int, mode: str) -> None:
    async with office(plan=plan) as here:
        found = await here.usage()
        assert (found["included"], found["billingMode"], found["percentOfIncluded"]) == (included, mode, 0)


@pytest.mark.seed("S74")
@pytest.mark.parametrize("path", ["/api/copilot/chat", "/v1/copilot", "/v1/ai-sdk"])
async def test_a_free_workspace_is_refused_its_next_credit_in_words_on_every_wire(office: Open, path: str) -> None:
    async with office([call("createRecord", module="tasks", fields={"title": "x"})], plan="free") as here:
        await here.plan("free", included=4)
        await here.spend(4)
        user = {"id": "u1", "role": "user", "content": "hello", "parts": [{"type": "text", "text": "hello"}]}
        refused = await here.http.post(
            path,
            json={"message": "hello", "conversationId": None, "messages": [user], "id": "t1"},
            headers={"x-copilot-model": "openai:big"},
        )

        assert (refused.status_code, refused.json()["error"]) == (
            402,
            {
                "code": "credits_exhausted",
                "message": "Your workspace has used the 4 credits of this month. There are new ones on 1 February "
                "2026; with a larger plan you can go on at once.",
                "details": {"plan": "free", "included": 4, "periodEnd": "2026-02-01T00:00:00+00:00"},
            },
        )
        assert (await here.http.get("/v1/threads")).json()["threads"].__len__() == 2


@pytest.mark.seed("S74")
async def test_a_call_that_costs_more_than_is_left_is_not_made(office: Open) -> None:
    async with office() as here:
        await here.plan("free", included=2)
        stream = events((await here.say("Create a task called Call Ada")).content)

        assert [event["type"] for event in stream] == ["start", "tool_use", "tool_use", "error"]
        assert stream[-1]["error"].startswith("Your workspace has used the 2 credits of this month.")
        assert await here.used() == 0
        await here.say("hello")
        assert await here.used() == 1


@pytest.mark.seed("S74")
@pytest.mark.seed("S79")
async def test_with_a_soft_limit_runs_go_on_and_overage_is_counted(office: Open) -> None:
    async with office() as here:
        await here.plan("starter", included=4)
        await here.spend(6)
        found = await here.usage()
        assert (found["current"], found["overage"], found["percentOfIncluded"]) == (6, 2, 150)
        await here.plan("starter", included=4, billing_mode="hard_limit")
        assert (await here.say("hello")).status_code == 402


@pytest.mark.seed("S75")
async def test_a_new_period_begins_at_its_end_in_utc(office: Open) -> None:
    async with office() as here:
        await here.plan("free", included=3)
        await here.spend(3)
        here.clock.instant = datetime(2026, 2, 1, tzinfo=UTC) - timedelta(seconds=1)
        assert (await here.say("hello")).status_code == 402
        here.clock.instant = datetime(2026, 2, 1, tzinfo=UTC)
        assert (await here.say("hello")).status_code == 200
        found = await here.usage()
        assert (found["current"], found["periodEnd"]) == (1, "2026-03-01T00:00:00Z")


@pytest.mark.seed("S76")
async def test_what_fails_costs_no_more_than_the_answer_about_it(office: Open) -> None:
    async with office([call("createRecord", module="nothing", fields={}), "That failed."]) as here:
        await here.http.post("/api/copilot/chat", json=PLEASE, headers={"x-copilot-model": "openai:big"})
        assert await here.used() == 1


@pytest.mark.seed("S76")
async def test_undo_gives_credits_back_once(office: Open) -> None:
    async with office() as here:
        await here.say("Create a task called Call Ada", runId="run_1")
        assert await here.used() == 3
        assert (await here.http.post("/v1/runs/run_1/undo")).status_code == 200
        assert (await here.http.post("/v1/runs/run_1/undo")).status_code == 409
        assert await here.used() == 0


@pytest.mark.seed("S76")
async def test_a_run_that_is_posted_again_is_charged_once(office: Open) -> None:
    async with office() as here:
        body = {"threadId": "t1", "runId": "run_1", "messages": [{"role": "user", "content": "Create a task called X"}]}
        await asyncio.gather(*(here.http.post("/v1/copilot", json=body) for _ in range(5)))
        assert await here.used() == 3


@pytest.mark.seed("S80")
async def test_a_stronger_model_costs_more(office: Open) -> None:
    async with office([call("queryRecords", module="tasks"), "None."], model_factors="openai:big=2.5") as here:
        body = {"message": "Show all tasks", "conversationId": None}
        await here.http.post("/api/copilot/chat", json=body, headers={"x-copilot-model": "openai:big"})
        assert await here.used() == 3


async def test_a_plan_that_waits_for_a_person_shows_its_price_and_costs_nothing_yet(office: Open) -> None:
    async with office() as here:
        await here.as_user("ada", Role.ADMIN)
        await here.say("Create a task called Call Ada")
        await here.say("Delete the task Call Ada")
        [asked] = (await here.http.get("/v1/approvals?status=pending")).json()["approvals"]
        assert [one["credits"] for one in asked["calls"]] == [3]
        assert await here.used() == 3
        answer = await here.http.post(f"/v1/approvals/{asked['id']}", json={"decision": "approve"})
        await here.http.get(answer.json()["events"])
        assert await here.used() == 6


async def test_content_without_a_conversation_is_charged_unless_it_fails(office: Open) -> None:
    async with office() as here:
        await here.plan("free", included=9)
        mail = {"type": "follow_up", "recipientName": "Ada"}
        assert (await here.http.post("/v1/draft-email", json=mail)).status_code == 200
        assert await here.used() == 5
        gone = {"moduleSlug": "tasks", "recordId": "nothing", "format": "brief"}
        assert (await here.http.post("/v1/summarize", json=gone)).status_code in (402, 404, 422)
        assert await here.used() == 5
        assert (await here.http.post("/v1/draft-email", json=mail)).status_code == 402


async def test_usage_has_a_cause_for_every_credit_and_is_nobody_elses(office: Open) -> None:
    async with office() as here:
        await here.say("Create a task called Call Ada")
        await here.as_user("bob")
        await here.say("hello")
        mine = (await here.http.get("/v1/usage")).json()
        await here.as_user("ada", Role.ADMIN)
        by_user = await here.http.get("/v1/usage?by=user&format=csv")
        await here.as_user("eve", Role.ADMIN, workspace="other")
        foreign = (await here.http.get("/v1/usage")).json(), await here.used()
        await here.as_user("vera", Role.VIEWER)

        answer = {"action": "", "credits": 1, "operations": 1, "inputTokens": 0, "outputTokens": 0}
        assert mine == {"usage": [answer]}
        assert by_user.text.splitlines() == [
            "user,credits,operations,inputTokens,outputTokens",
            "dana,3,1,0,0",
            "bob,1,1,0,0",
        ]
        assert (foreign[0]["usage"], foreign[0]["period"]["current"], foreign[1]) == ([], 0, 0)
        assert (await here.http.get("/api/v1/module-config/usage/ai")).status_code == 403


@pytest.mark.seed("S76")
async def test_of_a_hundred_runs_at_once_exactly_those_run_that_are_paid_for(office: Open) -> None:
    async with office() as here:
        await here.plan("free", included=37)
        answers = await asyncio.gather(*(here.say("hello") for _ in range(100)))

        assert sorted(answer.status_code for answer in answers) == [200] * 37 + [402] * 63
        assert all(said(events(answer.content)) for answer in answers if answer.status_code == 200)
        assert await here.used() == 37


async def limits(here: Office, **given: Json) -> None:
    await here.as_user("ada", Role.ADMIN)
    assert (await here.http.put("/v1/workspace/limits", json=given)).status_code == 200


@pytest.mark.seed("S79")
async def test_a_user_and_a_role_have_limits_of_their_own(office: Open) -> None:
    async with office() as here:
        await limits(here, roles={"member": 3}, users={"bob": 1})
        await here.as_user("dana")
        assert (await here.say("Create a task called Call Ada")).status_code == 200
        refused = await here.say("hello")
        await here.as_user("bob")
        assert (await here.say("hello")).status_code == 200
        too_much = await here.say("hello")
        await here.as_user("cleo")
        assert (await here.say("hello")).status_code == 200

        told = refused.json()["error"]
        assert (refused.status_code, told["code"]) == (402, "credits_exhausted")
        assert told["message"] == (
            "You have used the 3 credits that your workspace gives you for this month. "
            "There are new ones on 1 February 2026; an admin of your workspace can give you more."
        )
        assert told["details"] == {"limit": 3, "periodEnd": "2026-02-01T00:00:00+00:00"}
        assert too_much.status_code == 402
        assert await here.used() == 5
        here.clock.instant = datetime(2026, 2, 1, tzinfo=UTC)
        await here.as_user("dana")
        assert (await here.say("hello")).status_code == 200


async def test_a_limit_holds_for_runs_at_once(office: Open) -> None:
    async with office() as here:
        await limits(here, users={"dana": 4})
        await here.as_user("dana")
        answers = await asyncio.gather(*(here.say("hello") for _ in range(12)))
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [402] * 8


async def test_a_workspace_may_have_prices_of_its_own_and_a_run_a_most(office: Open) -> None:
    async with office() as here:
        books = here.ready.copilot.engine.credits.subscriptions
        await books.agree("acme", Terms({"createRecord": 7}, (), 8), by="root")
        quote = (await here.http.get("/v1/quote")).json()
        assert (quote["least"], quote["most"], quote["left"]) == (1, 8, None)
        assert (quote["actions"]["createRecord"], quote["actions"]["queryRecords"]) == (7, None)

        await here.say("Create a task called Call Ada")
        assert await here.used() == 7
        both = "Create a task called Call Bob and create a contact called Eve"
        refused = events((await here.say(both)).content)[-1]
        assert refused["type"] == "error"
        assert refused["error"] == (
            "This would cost 14 credits, and one message may cost 8 at most. Ask for less at once."
        )
        here.http.headers["x-copilot-max-credits"] = "2"
        assert events((await here.say("Create a task called Call Cleo")).content)[-1]["type"] == "error"
        assert await here.used() == 14  # the first of the two was done in a round of its own
        here.http.headers["x-copilot-max-credits"] = "many"
        wrong = await here.say("hello")
        assert (wrong.status_code, wrong.json()["error"]["details"]) == (422, {"field": "x-copilot-max-credits"})


async def test_an_approved_plan_costs_what_it_showed(office: Open) -> None:
    script = [call("deleteRecords", module="tasks", records=["Call Ada"]), "Done."]
    async with office(script) as here:
        await here.say("Create a task called Call Ada")
        await here.as_user("ada", Role.ADMIN)
        here.http.headers["x-copilot-model"] = "big"
        await here.say("Delete it")
        (asked,) = (await here.http.get("/v1/approvals?status=pending")).json()["approvals"]
        await here.ready.copilot.engine.credits.subscriptions.agree("acme", Terms({"deleteRecords": 50}), by="root")
        answer = await here.http.post(f"/v1/approvals/{asked['id']}", json={"decision": "approve"})
        run = (await here.http.get(answer.json()["events"])).text
        assert asked["calls"][0]["credits"] == 3
        assert '"credits": 3' in run.splitlines()[-2]
        assert await here.used() == 6


async def test_what_a_killed_call_held_is_free_again(office: Open) -> None:
    async with office() as here:
        credits = here.ready.copilot.engine.credits
        dana = Principal("dana", "acme")
        await here.plan("free", included=5)
        allowance = await credits.allowance(dana)
        await credits.hold(Charge("direct:lost", dana, "", "draftEmail", "rule-planner", 5), allowance)
        assert (await here.say("hello")).status_code == 402
        here.clock.instant += HOLD
        assert (await here.say("hello")).status_code == 200
        await credits.settle(Charge("direct:lost", dana, "", "draftEmail", "rule-planner", 5), succeeded=True)
        assert await here.used() == 1


async def test_a_page_reads_its_data_for_nothing(office: Open) -> None:
    async with office() as here:
        read = await here.http.post("/v1/actions/queryRecords", json={"module": "tasks"})
        assert (read.status_code, await here.used()) == (200, 0)


@pytest.mark.seed("S82")
async def test_a_plan_has_models_and_lists_those_it_has(office: Open) -> None:
    async with office(["Hello."], plan_models={"free": ("rule-planner",)}) as here:
        here.http.headers["x-copilot-model"] = "big"
        assert said(events((await here.say("hello")).content)) == "Hello."
        await here.plan("free")
        refused = await here.say("hello")
        told = refused.json()["error"]
        assert (refused.status_code, told["code"]) == (400, "model_not_allowed")
        assert told["details"] == {"allowed": ["rule-planner"]}
        await here.ready.copilot.engine.credits.subscriptions.agree("acme", Terms(models=("openai:big",)), by="root")
        here.http.headers["x-copilot-model"] = "rule-planner"
        assert (await here.say("hello")).json()["error"]["details"] == {"allowed": ["openai:big"]}


async def test_another_model_stands_in_for_one_that_does_not_answer_at_its_own_price(
    office: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"COPILOT_MODEL": "openai:gone", "COPILOT_FALLBACKS": "rule-planner", "OPENAI_BASE_URL": NOBODY}
    for name, value in gone.items():
        monkeypatch.setenv(name, value)
    async with office(models=ChatModels.of(Settings()), model_factors={"openai:gone": 4}) as here:
        answer = await here.say("Create a task called Call Ada")
        run = (await here.http.get(f"/v1/runs/{answer.text.partition('id: ')[2].partition(':')[0]}/events")).text
        await here.as_user("ada", Role.ADMIN)
        usage = (await here.http.get("/v1/usage?by=model")).json()["usage"]

        assert "Call Ada" in said(events(answer.content))
        told = {"from": "openai:gone", "to": "rule-planner", "code": "model_unavailable"}
        assert f'"name": "modelFallback", "value": {json.dumps(told)}' in run
        assert '"model": "rule-planner"' in run.splitlines()[-2]
        assert [(row["model"], row["credits"]) for row in usage] == [("rule-planner", 3)]


async def test_usage_tells_tokens_and_runs(office: Open) -> None:
    async with office() as here:
        await here.as_user("ada", Role.ADMIN)
        await here.say("Create a task called Call Ada", runId="run_1")
        rows = (await here.http.get("/v1/usage?by=run&since=2026-01-10&until=2026-01-10")).json()
        before = (await here.http.get("/v1/usage?by=run&until=2026-01-09")).json()["usage"]
        one = {"run": "run_1", "credits": 3, "operations": 1, "inputTokens": 0, "outputTokens": 0}
        period = {
            "plan": "enterprise",
            "current": 3,
            "included": 100_000,
            "overage": 0,
            "percentOfIncluded": 0,
            "billingMode": "soft_limit",
            "periodStart": "2026-01-01T00:00:00Z",
            "periodEnd": "2026-02-01T00:00:00Z",
            "overageCost": 0.0,
        }
        assert (rows, before) == ({"usage": [one], "period": period}, [])
