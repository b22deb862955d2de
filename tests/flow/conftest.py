"""A small plugin, and a client of a real server that runs it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Action, ActionError, Emit, Injected, Principal, Role, action, hookimpl
from copilot_core.server import Deployment
from copilot_core.testing import opened, served

FLOW = Path(__file__).parent


@action
async def list_incidents(severity: str | None = None) -> dict[str, Any]:
    """List incidents."""
    return {"success": True, "data": [{"title": "Payments are down", "severity": severity}]}


@action(writes=True)
async def create_task(title: str, session: Injected[AsyncSession], principal: Injected[Principal]) -> dict[str, Any]:
    """Create a task."""
    await session.exec(text("INSERT INTO task VALUES (:title, :owner)").bindparams(title=title, owner=principal.id))
    if title == "crash":
        raise RuntimeError("secret detail of the implementation")
    if title == "leave":
        raise SystemExit(3)
    if title == "refuse":
        raise ActionError("Tasks cannot be called that.", code="conflict")
    return {"success": True, "recordId": "t1", "message": f"Created task: {title}"}


@action(destructive=True, irreversible=True)
async def delete_tasks(session: Injected[AsyncSession]) -> dict[str, Any]:
    """Delete all tasks."""
    await session.exec(text("DELETE FROM task"))
    return {"success": True, "message": "Deleted all tasks."}


@action(source="")
async def watch(emit: Injected[Emit]) -> str:
    """Watch something for long."""
    emit("progress", {"done": 1, "of": 2})
    return "x" * 30_000


class Tasks:
    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [list_incidents, create_task, delete_tasks, watch]


class Client:
    """Asks the server as one user and reads the six events."""

    def __init__(self, http: httpx2.AsyncClient, ready: Deployment) -> None:
        self.http = http
        self.ready = ready

    async def ask(
        self, message: object, conversation: object = None, *, headers: dict[str, str] | None = None
    ) -> list[dict[str, Any]]:
        answer = await self.http.post(
            "/api/copilot/chat", json={"message": message, "conversationId": conversation}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        return events(answer.content)

    async def tasks(self) -> list[tuple[str, str]]:
        async with self.ready.database.session() as session:
            return [tuple(row) for row in await session.exec(text("SELECT title, owner FROM task"))]

    async def as_user(self, user: str, *, workspace: str = "acme", role: Role = Role.MEMBER) -> "Client":
        key = await self.ready.keys.create(workspace=workspace, user=user, role=role)
        base = self.http.base_url
        return Client(httpx2.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {key}"}), self.ready)


def events(body: bytes) -> list[dict[str, Any]]:
    """The events of a stream; fails on anything that is neither a whole frame nor a comment."""
    frames = body.decode("ascii").split("\n\n")
    assert frames.pop() == ""
    told = []
    for frame in frames:
        if not frame.startswith(":"):
            *known, data = frame.split("\n")
            assert all(line.startswith("id: ") for line in known), frame
            told.append(json.loads(data.removeprefix("data: ")))
    return told


def said(stream: list[dict[str, Any]]) -> str:
    return "".join(event["content"] for event in stream if event["type"] == "token")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What goes through HTTP runs on SQLite in `make test`; the same on PostgreSQL is a proof."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        if FLOW in item.path.parents and callspec is not None and callspec.params.get("database_url") == "postgresql":
            item.add_marker(pytest.mark.proof)


Talk = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def talk() -> Talk:
    """``async with talk(script=[...]) as client``: a served deployment and a member's client."""

    @asynccontextmanager
    async def open_client(*plugins: object, role: Role = Role.MEMBER, **options: Any) -> AsyncIterator[Client]:
        async with opened(Tasks(), *plugins, **options) as ready, served(ready) as url:
            async with ready.database.session(write=True) as session:
                await session.exec(text("CREATE TABLE IF NOT EXISTS task (title VARCHAR, owner VARCHAR)"))
            async with httpx2.AsyncClient(base_url=url, timeout=30) as http:
                client = Client(http, ready)
                key = await ready.keys.create(workspace="acme", user="dana", role=role)
                http.headers["Authorization"] = f"Bearer {key}"
                yield client

    return open_client
