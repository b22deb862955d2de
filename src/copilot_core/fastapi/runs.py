"""Runs over HTTP: their state, their events from any point on, and stopping them."""

from typing import Annotated, Any

from fastapi import APIRouter, Request

from copilot_core.copilot import Copilot
from copilot_core.errors import Invalid
from copilot_core.fastapi.requests import is_number, last_event
from copilot_core.fastapi.stream import EventStream
from copilot_core.principal import Principal
from copilot_core.protocols.domain import DOMAIN
from copilot_core.store.tables import Run


def add_runs(routes: APIRouter, copilot: Copilot, caller: Any) -> None:
    """`/v1/runs/{id}`: read, follow, stop. A client's id may have any form, so the longer paths come first."""

    @routes.get("/v1/runs/{run_id:path}/events", tags=["runs"], response_class=EventStream, status_code=200)
    async def events(run_id: str, request: Request, principal: Annotated[Principal, caller]) -> EventStream:
        return EventStream(await copilot.follow(run_id, principal, after=_after(request, run_id)), DOMAIN)

    @routes.post("/v1/runs/{run_id:path}/stop", tags=["runs"])
    async def stop(run_id: str, principal: Annotated[Principal, caller]) -> dict[str, Any]:
        return stopped(await copilot.stop(await copilot.runs.find(principal, run_id)))

    @routes.get("/v1/runs/{run_id:path}", tags=["runs"])
    async def run(run_id: str, principal: Annotated[Principal, caller]) -> dict[str, Any]:
        found = await copilot.runs.find(principal, run_id)
        return run_view(found, await copilot.threads.id_of(found.thread_key))


def stopped(did: bool) -> dict[str, Any]:
    """The answer to a stop; of a run that has ended already there is nothing to stop."""
    return {"stopped": True} if did else {"stopped": False, "message": "The run has ended already."}


def run_view(run: Run, thread_id: str) -> dict[str, Any]:
    """The run as its owner sees it."""
    ended = run.ended_at.isoformat() if run.ended_at else None
    return {
        "id": run.id,
        "threadId": thread_id,
        "status": run.status,
        "model": run.model,
        "createdAt": run.created_at.isoformat(),
        "endedAt": ended,
        "error": run.error,
        "credits": run.credits,
    }


def _after(request: Request, run_id: str) -> int:
    """``Last-Event-ID: <runId>:<seq>``, or ``?after=`` with the same or the number alone."""
    number = request.query_params.get("after", "")
    if "last-event-id" not in request.headers and is_number(number):
        return int(number)
    known_id, after = last_event(request) or (run_id, 0)
    if known_id != run_id:
        raise Invalid("The last event id is of another run.", details={"field": "Last-Event-ID"})
    return after
