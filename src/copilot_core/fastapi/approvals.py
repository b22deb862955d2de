"""Approvals over HTTP: what waits for a person, and their answer."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Request

from copilot_core.copilot import Copilot
from copilot_core.errors import Invalid
from copilot_core.fastapi.requests import body_of
from copilot_core.principal import Principal
from copilot_core.protocols.body import decisions, json_object
from copilot_core.store.approvals import calls_of, decisions_of
from copilot_core.store.tables import Approval

Status = Literal["pending", "answered", "superseded"]


def add_approvals(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    """`/v1/approvals`."""

    @routes.get("/v1/approvals", tags=["approvals"])
    async def approvals(principal: Annotated[Principal, caller], status: str | None = None) -> dict[str, Any]:
        if status is not None and status not in get_args(Status):
            known = ", ".join(get_args(Status))
            raise Invalid(f"The 'status' field must be one of: {known}", details={"field": "status"})
        found = await copilot.engine.approvals.list(principal, status=status)
        return {"approvals": [_view(approval, thread_id) for approval, thread_id in found]}

    @routes.post("/v1/approvals/{approval_id}", tags=["approvals"])
    async def answer(approval_id: str, request: Request, principal: Annotated[Principal, caller]) -> dict[str, Any]:
        given = decisions(json_object(await body_of(request, limit)))
        reader, thread_id = await copilot.answer(approval_id, principal, given)
        return {"runId": reader.run_id, "threadId": thread_id, "events": f"/v1/runs/{reader.run_id}/events"}


def _view(approval: Approval, thread_id: str | None) -> Mapping[str, Any]:
    told = [{"callId": d.call_id, "decision": d.decision, "arguments": d.arguments} for d in decisions_of(approval)]
    return {
        "id": approval.id,
        "threadId": thread_id,
        "runId": approval.run_id,
        "status": approval.status,
        "question": approval.question,
        "calls": calls_of(approval),
        "decisions": told,
        "createdAt": approval.created_at.isoformat(),
        "expiresAt": approval.expires_at.isoformat(),
    }
