"""A served copilot with the demo's incidents, and somebody who talks to it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from sqlmodel import select

import copilot_incidents
from copilot_core import Clock, Role
from copilot_core.chat_models import ChatModels
from copilot_core.cli.serving import DEMO_WORKSPACE, fill
from copilot_core.server import Deployment, application
from copilot_core.settings import Settings
from copilot_core.testing import opened
from copilot_core.testing.openai_server import ScriptedOpenAI
from copilot_incidents.tables import EntryRow, IncidentRow

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """One user of the server."""

    http: httpx2.AsyncClient
    ready: Deployment

    async def ask(self, message: str, conversation: str | None = None) -> list[Event]:
        """The events of `POST /api/copilot/chat`."""
        answer = await self.http.post(
            "/api/copilot/chat", json={"message": message, "conversationId": conversation, "timezone": "Europe/Berlin"}
        )
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/event-stream")
        return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]

    async def results(self, message: str) -> list[Any]:
        """The results of the calls that answer it."""
        [start, *_] = await self.ask(message)
        told = (await self.http.get(f"/v1/threads/{start['conversationId']}/messages")).json()["messages"]
        return [json.loads(message["content"]) for message in told if message["role"] == "tool"]

    async def receipts(self) -> set[str]:
        """The ids of all that was done."""
        return {receipt["id"] for receipt in (await self.http.get("/v1/receipts")).json()["receipts"]}

    async def undo(self, receipt: str) -> httpx2.Response:
        """Take one call back."""
        return await self.http.post(f"/v1/receipts/{receipt}/undo")

    async def rows(self) -> list[Event]:
        """All incidents, and all lines of their timelines."""
        async with self.ready.database.session() as session:
            found = [*await session.exec(select(IncidentRow)), *await session.exec(select(EntryRow))]
            return sorted((row.model_dump(mode="json") for row in found), key=str)


def spoken(events: list[Event]) -> str:
    """The answer."""
    return "".join(event["content"] for event in events if event["type"] == "token")


Talk = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def talk(fixed_clock: Clock) -> Talk:
    """``async with talk() as dana``: with the rule planner, or with a model that follows `script`."""

    @asynccontextmanager
    async def open_client(
        script: Any = None, *, role: Role = Role.MEMBER, workspace: str = DEMO_WORKSPACE, **options: Any
    ) -> AsyncIterator[Client]:
        async with AsyncExitStack() as stack:
            models = ChatModels("rule-planner")
            if script is not None:
                model = await stack.enter_async_context(ScriptedOpenAI(script))
                chosen = Settings(_env_file=None, openai_api_key="sk-secret", openai_base_url=model.base_url)
                models = ChatModels("openai:test", settings=chosen)
            ready = await stack.enter_async_context(
                opened(copilot_incidents, models=models, clock=fixed_clock, **options)
            )
            await fill(ready)
            key = await ready.keys.create(workspace=workspace, user="dana", role=role, name="Dana Reyes")
            web = httpx2.ASGITransport(app=application(ready))  # HTTP without a socket: half the time
            headers = {"Authorization": f"Bearer {key}"}
            http = httpx2.AsyncClient(transport=web, base_url="http://copilot", headers=headers)
            yield Client(await stack.enter_async_context(http), ready)

    return open_client
