"""Receipts over HTTP: what was written, and taking it back."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query

from copilot_core.copilot import Copilot
from copilot_core.errors import NotFound, UndoConflict
from copilot_core.principal import Principal
from copilot_core.store.receipts import changes_of
from copilot_core.store.tables import ReceiptRow

LIMIT = 200
"""Receipts of one answer, the latest."""


def add_receipts(routes: APIRouter, copilot: Copilot, caller: Any) -> None:
    """`/v1/receipts`, and undoing a whole run."""
    receipts = copilot.engine.receipts

    @routes.get("/v1/receipts", tags=["receipts"])
    async def listed(
        principal: Annotated[Principal, caller],
        run_id: Annotated[str | None, Query(alias="runId")] = None,
        thread_id: Annotated[str | None, Query(alias="threadId")] = None,
    ) -> dict[str, Any]:
        thread_key = None if thread_id is None else (await copilot.threads.find(principal, thread_id)).key
        found = await receipts.list(principal, run_id=run_id, thread_key=thread_key, limit=LIMIT)
        return {"receipts": [_view(row) for row in found]}

    @routes.post("/v1/receipts/{receipt_id}/undo", tags=["receipts"])
    async def undo(receipt_id: str, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        await copilot.undo([await receipts.find(principal, receipt_id)], principal)
        return _view(await receipts.find(principal, receipt_id))

    @routes.post("/v1/runs/{run_id:path}/undo", tags=["receipts"])
    async def undo_run(run_id: str, principal: Annotated[Principal, caller]) -> dict[str, Any]:
        found = await receipts.list(principal, run_id=run_id)
        if not found:
            await copilot.runs.find(principal, run_id)
            raise NotFound("This run wrote nothing.", details={"field": "runId"})
        standing = [row for row in found if row.undone_at is None]
        if not standing:
            raise UndoConflict("This was undone already.", details={"runId": run_id})
        await copilot.undo(standing, principal)
        return {"receipts": [_view(row) for row in await receipts.list(principal, run_id=run_id)]}


def _view(row: ReceiptRow) -> Mapping[str, Any]:
    return {
        "id": row.id,
        "runId": row.run_id,
        "toolCallId": row.call_id,
        "action": row.action,
        "message": row.message,
        "changes": changes_of(row),
        "reversible": row.reversible,
        "approvalId": row.approval_id,
        "createdAt": row.at.isoformat(),
        "undoneAt": row.undone_at.isoformat() if row.undone_at else None,
    }
