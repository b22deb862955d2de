"""A served copilot with records, discovery and hundreds of other actions."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

import copilot_discovery
import copilot_records
from copilot_core import Action, Clock, Role, hookimpl
from copilot_core.chat_models import ChatModels
from copilot_core.server import Deployment, application
from copilot_core.settings import Settings
from copilot_core.testing import opened
from copilot_core.testing.openai_server import ScriptedOpenAI

THINGS = [
    "invoice", "ticket", "shipment", "warehouse", "payroll", "vacation", "campaign", "survey", "coupon",
    "subscription", "refund", "contract", "vehicle", "sensor", "dashboard", "webhook", "pipeline", "experiment",
    "branch", "release", "deployment", "certificate", "backup", "playlist", "recipe", "booking", "room", "lesson",
    "badge",
]  # fmt: skip
DEEDS = {
    "create": "Create a new",
    "list": "List every",
    "get": "Get one",
    "update": "Change a",
    "delete": "Delete a",
    "export": "Export each",
    "approve": "Approve a",
    "archive": "Archive a",
    "assign": "Assign a person to a",
    "share": "Share a",
}


class Crowd:
    """290 actions of many trades, as other plugins would bring."""

    def __init__(self, things: Iterable[str] = THINGS) -> None:
        self.things = things
        self.called: list[str] = []

    @hookimpl
    def copilot_actions(self) -> Iterable[Action]:
        return [self._action(thing, deed, told) for thing in self.things for deed, told in DEEDS.items()]

    def _action(self, thing: str, deed: str, told: str) -> Action:
        name = f"{deed}{thing.title()}"
        parameters = [
            {"name": f"{thing}Id", "type": "string", "description": f"Which {thing}", "required": False},
            {"name": "title", "type": "string", "required": False},
        ]

        async def handler(**_arguments: Any) -> dict[str, object]:
            self.called.append(name)
            return {"success": True, "message": f"{name} is done."}

        declared = {"name": name, "description": f"{told} {thing} of the company.", "parameters": parameters}
        return Action.from_parameters(declared, handler, writes=deed not in ("list", "get", "export"))


@dataclass
class Office:
    """The server as one of its users sees it."""

    http: httpx2.AsyncClient
    ready: Deployment
    crowd: Crowd
    model: ScriptedOpenAI | None = None

    async def say(self, message: str) -> str:
        """The stream of an answer."""
        answer = await self.http.post("/api/copilot/chat", json={"message": message, "conversationId": None})
        assert answer.status_code == 200
        return answer.text

    async def discover(self, **arguments: object) -> Any:
        """The result of discoverSystem."""
        return (await self.http.post("/v1/actions/discoverSystem", json=arguments)).json()

    def offered(self, number: int) -> list[str]:
        """What that request to the model offered."""
        assert self.model is not None
        return [tool["function"]["name"] for tool in self.model.requests[number].body["tools"]]

    async def as_role(self, role: Role) -> None:
        """Go on as somebody of that role."""
        key = await self.ready.keys.create(workspace="acme", user="dana", role=role, name="Dana Reyes")
        self.http.headers["Authorization"] = f"Bearer {key}"


Open = Callable[..., AbstractAsyncContextManager[Office]]


@pytest.fixture
def office(fixed_clock: Clock) -> Open:
    """``async with office() as dana``: with the rule planner, or with a model that follows `script`."""

    @asynccontextmanager
    async def open_office(script: Any = None, things: Iterable[str] = THINGS) -> AsyncIterator[Office]:
        crowd = Crowd(things)
        async with AsyncExitStack() as stack:
            models, model = ChatModels("rule-planner"), None
            if script is not None:
                model = await stack.enter_async_context(ScriptedOpenAI(script))
                chosen = Settings(_env_file=None, OPENAI_API_KEY="sk-secret", OPENAI_BASE_URL=model.base_url)
                models = ChatModels("openai:test", settings=chosen)
            plugins = (crowd, copilot_discovery, copilot_records)
            ready = await stack.enter_async_context(opened(*plugins, models=models, clock=fixed_clock))
            web = httpx2.ASGITransport(app=application(ready))
            http = httpx2.AsyncClient(transport=web, base_url="http://office")
            made = Office(await stack.enter_async_context(http), ready, crowd, model)
            await made.as_role(Role.MEMBER)
            yield made

    return open_office
