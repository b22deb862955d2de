"""Notifications over HTTP: what the user is told outside a run."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter

from copilot_core.copilot import Copilot
from copilot_core.principal import Principal
from copilot_core.store.tables import NotificationRow


def add_notifications(routes: APIRouter, copilot: Copilot, caller: Any) -> None:
    """`/v1/notifications`."""

    @routes.get("/v1/notifications", tags=["notifications"])
    async def notifications(principal: Annotated[Principal, caller], seen: bool | None = None) -> dict[str, Any]:
        found = await copilot.notifications.list(principal, seen=seen)
        return {"notifications": [_view(row) for row in found]}

    @routes.post("/v1/notifications/{notification_id}/seen", tags=["notifications"])
    async def see(notification_id: str, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        return _view(await copilot.notifications.see(principal, notification_id, copilot.engine.clock.now()))


def _view(row: NotificationRow) -> Mapping[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "title": row.title,
        "body": row.body,
        "data": orjson.loads(row.data),
        "createdAt": row.at.isoformat(),
        "seenAt": row.seen_at.isoformat() if row.seen_at else None,
    }
