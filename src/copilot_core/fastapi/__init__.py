"""The HTTP adapter: the only package that knows FastAPI. Mount `router` in any application."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from copilot_core.copilot import Copilot
from copilot_core.fastapi.approvals import add_approvals
from copilot_core.fastapi.catalogue import add_catalogue
from copilot_core.fastapi.copilotkit import add_copilotkit
from copilot_core.fastapi.errors import add_error_handlers, error_response
from copilot_core.fastapi.metrics import add_metrics
from copilot_core.fastapi.notifications import add_notifications
from copilot_core.fastapi.operators import add_operators
from copilot_core.fastapi.receipts import add_receipts
from copilot_core.fastapi.requests import Authenticate, asked, authenticate, body_of, last_event
from copilot_core.fastapi.runs import add_runs
from copilot_core.fastapi.stream import EventStream
from copilot_core.fastapi.suggestions import add_suggestions
from copilot_core.fastapi.threads import add_threads
from copilot_core.fastapi.usage import add_usage
from copilot_core.fastapi.workspaces import add_workspaces
from copilot_core.principal import Principal
from copilot_core.protocols import Protocol

__all__ = [
    "Authenticate",
    "EventStream",
    "add_error_handlers",
    "add_metrics",
    "authenticate",
    "error_response",
    "router",
]


def router(copilot: Copilot, authenticate: Authenticate, *, max_body_bytes: int = 1_000_000) -> APIRouter:
    """Every route of the copilot: one POST per wire, and what goes with it (docs/reference/http.md)."""
    routes = APIRouter()
    caller = Depends(authenticate)
    for protocol in copilot.engine.registry.protocols:
        _add_wire(routes, copilot, protocol, caller, max_body_bytes)
    add_copilotkit(routes, copilot, caller, max_body_bytes)
    add_suggestions(routes, copilot.suggestions, caller, max_body_bytes)
    add_runs(routes, copilot, caller)
    add_threads(routes, copilot, caller, max_body_bytes)
    add_approvals(routes, copilot, caller, max_body_bytes)
    add_receipts(routes, copilot, caller)
    add_notifications(routes, copilot, caller)
    add_workspaces(routes, copilot, caller, max_body_bytes)
    add_operators(routes, copilot, caller, max_body_bytes)
    add_usage(routes, copilot, caller)
    add_catalogue(routes, copilot, caller, max_body_bytes)
    return routes


def _add_wire(routes: APIRouter, copilot: Copilot, protocol: Protocol, caller: Any, limit: int) -> None:
    async def wire(request: Request, principal: Annotated[Principal, caller]) -> EventStream:
        known = last_event(request)
        if known is not None:  # the run is read on, and nothing begun
            return EventStream(await copilot.follow(known[0], principal, after=known[1]), protocol)
        given = protocol.decode(await body_of(request, limit))
        return EventStream(await copilot.start(asked(request, given), principal), protocol)

    async def resume(thread_id: str, principal: Annotated[Principal, caller]) -> Response:
        """A client that knows its thread alone, as the Vercel AI SDK's: the run that goes on in it, from its start."""
        reader = await copilot.reread(thread_id, principal)
        return Response(status_code=204) if reader is None else EventStream(reader, protocol)

    routes.add_api_route(f"{protocol.path}/{{thread_id}}/stream", resume, methods=["GET"], tags=["wires"])
    routes.add_api_route(
        protocol.path,
        wire,
        methods=["POST"],
        name=protocol.name,
        response_class=EventStream,
        status_code=200,
        tags=["wires"],
    )
