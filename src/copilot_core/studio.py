"""What the LangGraph development server loads of us, named in ``langgraph.json``: graph, checkpointer, auth.

It works on the app's own database, as the admin whose bearer each request brings, and shows that
admin nothing outside their workspace. The server itself is not part of this package: see
docs/how-to/langgraph-studio.md.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph_sdk import Auth
from pydantic import Field, create_model
from sqlmodel import col, select

from copilot_core.chat_models import ChatModels
from copilot_core.clock import SystemClock
from copilot_core.errors import Unauthenticated
from copilot_core.graph import Graph
from copilot_core.graph.state import Context
from copilot_core.principal import Principal, Role
from copilot_core.server import Deployment, deployment
from copilot_core.settings import Settings
from copilot_core.store.tables import Run, Thread

ORIGINS = ["https://smith.langchain.com", "https://eu.smith.langchain.com"]
CONFIG: dict[str, Any] = {
    "dependencies": ["."],
    "graphs": {"copilot": {"path": "copilot_core.studio:graph", "description": "think -> gate -> act -> observe"}},
    "checkpointer": {"path": "copilot_core.studio.checkpointer"},
    "auth": {"path": "copilot_core.studio:auth", "disable_studio_auth": True},
    "http": {
        "cors": {
            "allow_origins": ORIGINS,
            "allow_methods": ["*"],
            "allow_headers": ["*"],
            "expose_headers": ["x-pagination-total", "x-pagination-next", "content-location"],
        },
        "configurable_headers": {"excludes": ["*"]},
        "disable_store": True,
        "disable_mcp": True,
        "disable_a2a": True,
        "disable_webhooks": True,
    },
}
"""The content of ``langgraph.json``."""

WORKSPACE = "workspace"
"""Under this name the metadata of the development server's threads and assistants say whose they are."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks the development server. `graph/running.py` takes the principal from here.

    An object, so that nothing a client sends can pass for it: that is JSON.
    """

    principal: Principal

    @property
    def identity(self) -> str:
        """The name that the development server knows the user by."""
        return f"{self.principal.workspace}/{self.principal.id}"


@dataclass(frozen=True, slots=True)
class _Server:
    deployed: Deployment
    graph: Graph


_servers: list[_Server] = []
"""The one of this process, while `checkpointer` is open."""


@asynccontextmanager
async def checkpointer() -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Everything that `serve` opens, as long as the development server runs; yields the saver of the app's threads."""
    settings = Settings()
    models = ChatModels.of(settings)
    async with deployment(settings, models=models) as deployed:
        made = deployed.copilot.graph
        form = made.copy(update={"context_schema": _form(models, settings)})
        _servers.append(_Server(deployed, form))
        try:
            assert isinstance(made.checkpointer, BaseCheckpointSaver)
            yield made.checkpointer
        finally:
            _servers.clear()


def _form(models: ChatModels, settings: Settings) -> type[Context]:
    """`Context` with what this deployment allows."""
    rounds = Context.model_fields["max_rounds"]
    return create_model(
        "Context",
        __base__=Context,
        model=(
            str,
            Field(
                models.default,
                description="Which of the allowed models thinks",
                json_schema_extra={"enum": list(models.allowed)},
            ),
        ),
        max_rounds=(int, Field(settings.max_rounds, ge=1, le=50, description=rounds.description)),
    )


def graph() -> Graph:
    """The graph of this process; the same one at every request."""
    return _servers[0].graph


auth = Auth()


@auth.authenticate
async def authenticate(authorization: str | None) -> Caller:
    """An admin, from ``Authorization: Bearer`` alone."""
    scheme, _, bearer = (authorization or "").partition(" ")
    principal = await _principal(bearer.strip()) if scheme.lower() == "bearer" and bearer.strip() else None
    if principal is None:
        raise Auth.exceptions.HTTPException(401, "A valid bearer token is required.")
    if principal.role is not Role.ADMIN:
        raise Auth.exceptions.HTTPException(403, f"LangGraph Studio is for admins; your role is {principal.role}.")
    return Caller(principal)


async def _principal(bearer: str) -> Principal | None:
    try:
        for authenticator in _servers[0].deployed.registry.authenticators:
            found = await authenticator(bearer)
            if found is not None:
                return found
    except Unauthenticated:
        pass
    return None


@auth.on
async def nothing_else(ctx: Auth.types.AuthContext, value: Any) -> bool:  # noqa: ARG001 - the SDK's signature
    """Refuse what no other handler allows: schedules, for example."""
    return False


@auth.on.assistants
async def on_assistants(ctx: Auth.types.AuthContext, value: Any) -> Any:
    """The graph itself, which is everybody's, and what admins of this workspace saved."""
    mine = {WORKSPACE: _workspace(ctx)}
    if ctx.action in {"read", "search"}:
        return {"$or": [mine, {"created_by": "system"}]}
    _mark(value, mine)
    value["metadata"].pop("created_by", None)
    return mine


@auth.on.threads
async def on_threads(ctx: Auth.types.AuthContext, value: Any) -> Any:
    """Threads of this workspace: those that Studio made, and the app's own.

    What belongs to another workspace answers as if it did not exist.
    """
    mine = {WORKSPACE: _workspace(ctx)}
    _mark(value, mine)
    if value.get("thread_id"):
        await _check(ctx, str(value["thread_id"]))
    return mine


async def _check(ctx: Auth.types.AuthContext, key: str) -> None:
    """Whether an admin may do this to a thread of the app, if it is one."""
    database, now = _servers[0].deployed.database, SystemClock().now()
    runs = select(Run.key).where(Run.thread_key == key, col(Run.status) == "running", col(Run.lease_until) > now)
    async with database.session() as session:
        thread = await session.get(Thread, key)
        running = (await session.exec(runs)).first()
    if thread is None:
        return
    if thread.workspace != _workspace(ctx):
        raise Auth.exceptions.HTTPException(404, f"Thread with ID {key} not found")
    if ctx.action == "delete":
        raise Auth.exceptions.HTTPException(403, "This conversation belongs to the app, and is not deleted from here.")
    if ctx.action in {"create_run", "update"} and running is not None:
        raise Auth.exceptions.HTTPException(409, "The app is answering in this conversation; wait until it has.")


def _workspace(ctx: Auth.types.AuthContext) -> str:
    principal: Principal = ctx.user.principal  # type: ignore[attr-defined]  # the server passes our Caller on
    return principal.workspace


def _mark(value: Any, mine: dict[str, str]) -> None:
    """Say whose it is, in place: the server keeps the dictionary it gave. A client cannot move it elsewhere."""
    if value.get("metadata") is None:
        value["metadata"] = {}
    value["metadata"].update(mine)
