"""Limits: how often somebody may ask, and what one run may take."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from copilot_core import Action, Principal, Role, SetupError, action, hookimpl
from copilot_core.clock import FixedClock
from copilot_core.server import application
from copilot_core.testing import call, opened
from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI

from .conftest import events, said
from .page import site

HELLO = {"message": "hello", "conversationId": None}


@action
async def ponder() -> str:
    """Think for ever."""
    await asyncio.Event().wait()
    return ""


class Pondering:
    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [ponder]


class Door:
    """A server, and users who ask it."""

    def __init__(self, http: httpx2.AsyncClient, ready: Any, clock: FixedClock) -> None:
        self.http = http
        self.ready = ready
        self.clock = clock
        self._keys: dict[str, str] = {}

    async def ask(self, user: str, path: str = "/v1/me", body: Any = None, workspace: str = "acme") -> httpx2.Response:
        if user not in self._keys:
            self._keys[user] = await self.ready.keys.create(workspace=workspace, user=user, role=Role.MEMBER)
        headers = {"Authorization": f"Bearer {self._keys[user]}"}
        return await self.http.request("GET" if body is None else "POST", path, json=body, headers=headers)


Open = Callable[..., AbstractAsyncContextManager[Door]]


@pytest.fixture
def door(database_url: str) -> Open:
    @asynccontextmanager
    async def open_door(*script: Any, **settings: Any) -> AsyncIterator[Door]:
        clock = FixedClock(datetime(2026, 1, 10, 9, 0, 20, tzinfo=UTC))
        async with AsyncExitStack() as stack:
            given = {"clock": clock, "settings": settings, "database_url": database_url, "script": script}
            ready = await stack.enter_async_context(opened(Pondering(), **given))
            web = httpx2.ASGITransport(app=application(ready))
            http = await stack.enter_async_context(httpx2.AsyncClient(transport=web, base_url="http://door"))
            yield Door(http, ready, clock)

    return open_door


async def test_a_user_who_asks_too_often_waits_for_the_next_window(door: Open) -> None:
    async with door("Hello.", rate_key="3/minute") as here:
        assert [(await here.ask("ann")).status_code for _ in range(3)] == [200] * 3
        refused = await here.ask("ann", "/api/copilot/chat", HELLO)
        other = await here.ask("bob")
        threads = await here.ready.copilot.threads.list(Principal("ann", "acme"), limit=9)
        here.clock.instant += timedelta(seconds=40)
        answered = await here.ask("ann", "/api/copilot/chat", HELLO)

        told = refused.json()["error"]
        assert (refused.status_code, refused.headers["retry-after"], told["code"]) == (429, "40", "rate_limited")
        assert told["message"] == "You have sent too many requests. Try again in 40 seconds."
        assert told["details"] == {"retryAfter": 40, "limit": "3/minute", "per": "key"}
        assert (other.status_code, threads) == (200, [])
        assert said(events(answered.content)) == "Hello."
        assert (await here.http.get("/healthz")).status_code == 200


async def test_a_workspace_has_a_limit_over_all_its_users(door: Open) -> None:
    async with door(rate_workspace="3/hour") as here:
        assert [(await here.ask(user)).status_code for user in ("ann", "bob", "cleo", "dana")] == [200] * 3 + [429]
        assert (await here.ask("eve", workspace="other")).status_code == 200
        assert (await here.ask("ann")).json()["error"]["details"]["per"] == "workspace"


async def test_a_limit_is_exact_for_requests_at_once_at_two_servers(door: Open) -> None:
    async with door(rate_key="37/minute") as here, door(rate_key="37/minute") as there:
        await here.ask("ann")
        there._keys = here._keys
        answers = await asyncio.gather(*((here, there)[n % 2].ask("ann") for n in range(100)))
        assert sorted(answer.status_code for answer in answers) == [200] * 36 + [429] * 64


async def test_a_rate_that_is_none_is_told_at_the_start(door: Open) -> None:
    with pytest.raises(SetupError, match="COPILOT_RATE_KEY: 'often' is no rate such as 600/minute"):
        async with door(rate_key="often"):
            pass


async def test_a_run_that_takes_too_long_ends_and_its_thread_goes_on(door: Open) -> None:
    async with door(call("ponder"), "Here I am.", run_seconds=0.2) as here:
        body = {"messages": [{"id": "1", "role": "user", "content": "Go"}], "threadId": "t", "runId": "r"}
        stopped = await here.ask("ann", "/v1/copilot", body)
        body = {"messages": [{"id": "2", "role": "user", "content": "And?"}], "threadId": "t", "runId": "r2"}
        after = await here.ask("ann", "/v1/copilot", body)

        last = events(stopped.content)[-1]
        assert (last["type"], last["code"]) == ("RUN_ERROR", "run_limit")
        assert last["message"] == "This took too long, so it was stopped. Ask for less at once."
        assert [event["type"] for event in events(stopped.content)].count("RUN_ERROR") == 1
        assert (await here.ask("ann", "/v1/runs/r")).json()["status"] == "failed"
        assert events(after.content)[-1]["type"] == "RUN_FINISHED"


async def test_a_page_may_offer_so_many_actions_and_so_much_of_them(door: Open) -> None:
    async with door(client_actions=2) as here:
        tool = {"name": "go", "description": "Go", "parameters": {"type": "object", "properties": {}}}
        body = {"messages": [{"id": "1", "role": "user", "content": "Go"}], "threadId": "t", "runId": "r"}
        many = await here.ask("ann", "/v1/copilot", {**body, "tools": [{**tool, "name": f"go{n}"} for n in range(3)]})
        long = await here.ask("ann", "/v1/copilot", {**body, "tools": [{**tool, "description": "x" * 70_000}]})

        assert (many.status_code, many.json()["error"]["details"]) == (422, {"field": "tools", "limit": 2})
        assert (long.status_code, long.json()["error"]["details"]) == (422, {"field": "tools", "limit": 65_536})


async def test_a_run_that_has_used_its_tokens_answers_without_more_calls() -> None:
    script = [Call("addTask", {"title": "milk"}), Say("That is all.", usage=(80, 20))]
    async with ScriptedOpenAI(script) as model, site(model, run_tokens=15) as here:
        page = await here.page()
        told = await page.say("Add milk and bread")

        assert [request.body.get("tool_choice") for request in model.requests] == [None, "none"]
        assert told[-1]["type"] == "RUN_FINISHED"
        assert here.board.done == ["milk"]
