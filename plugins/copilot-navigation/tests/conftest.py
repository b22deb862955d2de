"""A served copilot with records and navigation, and a page that talks to it."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

import copilot_navigation
import copilot_records
from copilot_core import Call, Clock, Emit, Principal, Role
from copilot_core.chat_models import ChatModels
from copilot_core.server import Deployment, application
from copilot_core.settings import Settings
from copilot_core.testing import opened
from copilot_core.testing.openai_server import ScriptedOpenAI

DANA = Principal("dana", "acme", name="Dana Reyes")
Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one user, and the model that the server asks, if any."""

    http: httpx2.AsyncClient
    ready: Deployment
    model: ScriptedOpenAI | None

    async def add(self, module: str, principal: Principal = DANA, **fields: object) -> str:
        """The id of a new record."""
        scope = self.ready.copilot.engine.scope(principal, Call(writes=True), Emit(lambda _name, _value: None))
        made = await self.ready.registry.actions["createRecord"].run({"module": module, "fields": fields}, scope)
        return str(made["recordId"])

    async def ask(self, message: str, *readables: object, path: str = "/v1/copilot", **more: Any) -> list[Event]:
        """The events of the answer; each of `readables` is a value that the page tells."""
        told = [{"description": f"Page {number}", "value": value} for number, value in enumerate(readables)]
        spoken = {"role": "user", "content": message, "parts": [{"type": "text", "text": message}]}
        body = {"message": message, "conversationId": None, "messages": [spoken], "readables": told, **more}
        answer = await self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
        return [json.loads(line) for line in lines]


def results(events: Sequence[Event]) -> list[Any]:
    """Of the calls, in order."""
    return [json.loads(event["content"]) for event in events if event["type"] == "TOOL_CALL_RESULT"]


def result(events: Sequence[Event]) -> Any:
    """Of the only call."""
    [told] = results(events)
    return told


def sent(events: Sequence[Event]) -> list[Any]:
    """The values of the events that tell the page where to go."""
    return [event["value"] for event in events if event["type"] == "CUSTOM" and event["name"] == "navigate"]


Open = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture
def page(fixed_clock: Clock) -> Open:
    """``async with page() as dana``: with the rule planner, or with a model that follows `script`."""

    @asynccontextmanager
    async def open_page(script: Any = None, **options: Any) -> AsyncIterator[Page]:
        async with AsyncExitStack() as stack:
            models, model = ChatModels("rule-planner"), None
            if script is not None:
                model = await stack.enter_async_context(ScriptedOpenAI(script))
                chosen = Settings(_env_file=None, openai_api_key="sk-secret", openai_base_url=model.base_url)
                models = ChatModels("openai:test", settings=chosen)
            plugins = (copilot_records, copilot_navigation)
            ready = await stack.enter_async_context(opened(*plugins, models=models, clock=fixed_clock, **options))
            key = await ready.keys.create(workspace="acme", user="dana", role=Role.VIEWER, name="Dana Reyes")
            headers = {"Authorization": f"Bearer {key}"}
            web = httpx2.ASGITransport(app=application(ready))  # HTTP without a socket: half the time
            http = httpx2.AsyncClient(transport=web, base_url="http://crm", headers=headers)
            yield Page(await stack.enter_async_context(http), ready, model)

    return open_page
