"""A served copilot with records and content, and its users."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

import copilot_content
import copilot_records
from copilot_core import Call, Clock, Emit, Principal, Role
from copilot_core.chat_models import ChatModels
from copilot_core.server import Deployment, application
from copilot_core.settings import Settings
from copilot_core.testing import opened
from copilot_core.testing.openai_server import ScriptedOpenAI

DANA = Principal("dana", "acme", name="Dana Reyes")
PLANNER = ChatModels("rule-planner")


@dataclass
class Crm:
    """The server as one of its users sees it."""

    http: httpx2.AsyncClient
    ready: Deployment
    model: ScriptedOpenAI | None = None

    async def add(self, module: str, principal: Principal = DANA, **fields: object) -> str:
        """The id of a new record."""
        scope = self.ready.copilot.engine.scope(principal, Call(writes=True), Emit(lambda _name, _value: None))
        made = await self.ready.registry.actions["createRecord"].run({"module": module, "fields": fields}, scope)
        return str(made["recordId"])

    async def post(self, path: str, body: object, **options: Any) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        answer = await self.http.post(path, json=body, **options)
        return answer.status_code, answer.json()

    def asked(self, number: int) -> dict[str, Any]:
        """The body of that request to the model."""
        assert self.model is not None
        return self.model.requests[number].body

    async def records(self, module: str) -> Any:
        """All of them, as they are."""
        return (await self.post("/v1/actions/queryRecords", {"module": module, "limit": 100}))[1]["data"]["records"]

    async def headers_of(self, user: str, role: Role) -> dict[str, str]:
        """With which somebody else of the workspace asks."""
        key = await self.ready.keys.create(workspace="acme", user=user, role=role)
        return {"Authorization": f"Bearer {key}"}


Open = Callable[..., AbstractAsyncContextManager[Crm]]


@pytest.fixture
def crm(fixed_clock: Clock) -> Open:
    """``async with crm() as dana``: with the rule planner, or with a model that follows `script`."""

    @asynccontextmanager
    async def open_crm(script: Any = None, *, patience: float = 60, **options: Any) -> AsyncIterator[Crm]:
        plugins = options.pop("plugins", (copilot_records, copilot_content))
        async with AsyncExitStack() as stack:
            models, model = PLANNER, None
            if script is not None:
                model = await stack.enter_async_context(ScriptedOpenAI(script))
                names = {"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": model.base_url}
                chosen = Settings(_env_file=None, model_timeout=patience, **names)
                models = ChatModels("openai:test", ["openai:other"], settings=chosen)
            ready = await stack.enter_async_context(opened(*plugins, models=models, clock=fixed_clock, **options))
            key = await ready.keys.create(workspace="acme", user="dana", role=Role.MEMBER, name="Dana Reyes")
            headers = {"Authorization": f"Bearer {key}"}
            web = httpx2.ASGITransport(app=application(ready))  # HTTP without a socket: half the time
            http = httpx2.AsyncClient(transport=web, base_url="http://crm", headers=headers)
            yield Crm(await stack.enter_async_context(http), ready, model)

    return open_crm


def page(module: str, record_id: str, name: str = "") -> dict[str, Any]:
    """What a record's page tells."""
    value = {"pageType": "moduleRecord", "moduleSlug": module, "recordId": record_id, "recordName": name}
    return {"description": "Current page context", "value": value}
