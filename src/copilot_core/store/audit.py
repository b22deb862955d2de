"""Who changed what in how a workspace is set up: written with the change, never changed."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import orjson
from sqlmodel import Session, col, select

from copilot_core.clock import Clock
from copilot_core.store.tables import AuditRow

OPERATOR = "operator"
"""Who has changed something on the command line."""
MOST = 200


def audit(session: Session, clock: Clock, workspace: str, by: str, did: str, detail: Mapping[str, Any]) -> None:
    """Note a change in the transaction that makes it."""
    body = orjson.dumps(detail).decode()
    session.add(AuditRow(id=uuid4().hex, workspace=workspace, by=by, did=did, detail=body, at=clock.now()))


def audited(session: Session, workspace: str) -> list[dict[str, Any]]:
    """The latest changes of a workspace, the newest first: ``{at, by, did, detail}``."""
    mine = select(AuditRow).where(AuditRow.workspace == workspace).order_by(col(AuditRow.at).desc()).limit(MOST)
    return [
        {"at": row.at.isoformat(), "by": row.by, "did": row.did, "detail": orjson.loads(row.detail)}
        for row in session.exec(mine)
    ]
