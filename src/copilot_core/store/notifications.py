"""Notifications as rows: told by a plugin in its own transaction, listed by their owner until seen."""

from datetime import datetime

import orjson
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.errors import NotFound
from copilot_core.notifications import Notification
from copilot_core.principal import Principal
from copilot_core.store.database import Database
from copilot_core.store.tables import NotificationRow

LIMIT = 200
"""Notifications of one answer, the latest."""


class StoredNotifications:
    """`Notifications` in the server's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: AsyncSession, told: Notification) -> None:
        """Store it with the session's transaction."""
        session.add(
            NotificationRow(
                id=told.id,
                workspace=told.workspace,
                owner=told.owner,
                kind=told.kind,
                title=told.title,
                body=told.body,
                data=orjson.dumps(dict(told.data), default=str).decode(),
                at=told.at,
            )
        )

    async def list(self, principal: Principal, *, seen: bool | None = None) -> list[NotificationRow]:
        """The principal's own, the latest first.

        Args:
            seen: only those that were seen, or were not.
        """
        row = NotificationRow
        asked = select(row).where(row.workspace == principal.workspace, row.owner == principal.id)
        if seen is not None:
            asked = asked.where(col(row.seen_at).is_not(None) if seen else col(row.seen_at).is_(None))
        asked = asked.order_by(col(row.at).desc(), col(row.id)).limit(LIMIT)
        return await self._database.transact(lambda session: list(session.exec(asked)))

    async def see(self, principal: Principal, notification_id: str, now: datetime) -> NotificationRow:
        """Mark it as seen, once; raises `NotFound`."""

        def mark(session: Session) -> NotificationRow:
            row = session.get(NotificationRow, notification_id)
            if row is None or (row.workspace, row.owner) != (principal.workspace, principal.id):
                raise NotFound("There is no such notification.", details={"field": "id"})
            row.seen_at = row.seen_at or now
            return row

        return await self._database.transact(mark, write=True)
