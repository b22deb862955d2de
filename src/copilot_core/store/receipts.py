"""Receipts as rows: what was written, and that it was undone, once."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.clock import Clock
from copilot_core.errors import NotFound, UndoConflict
from copilot_core.principal import Principal
from copilot_core.receipts import Change, Receipt
from copilot_core.store.database import Database
from copilot_core.store.tables import LedgerEntry, ReceiptRow


class Receipts:
    """The principal's own receipts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, principal: Principal, receipt_id: str) -> ReceiptRow:
        """The principal's receipt of that id; raises `NotFound`."""

        def read(session: Session) -> ReceiptRow:
            found = session.get(ReceiptRow, receipt_id)
            if found is None or (found.workspace, found.owner) != (principal.workspace, principal.id):
                raise NotFound("There is no such receipt.", details={"field": "id"})
            return found

        return await self._database.transact(read)

    async def list(
        self,
        principal: Principal,
        *,
        run_id: str | None = None,
        thread_key: str | None = None,
        limit: int | None = None,
    ) -> list[ReceiptRow]:
        """The principal's receipts, the latest first."""
        query = select(ReceiptRow).where(ReceiptRow.workspace == principal.workspace, ReceiptRow.owner == principal.id)
        if run_id is not None:
            query = query.where(ReceiptRow.run_id == run_id)
        if thread_key is not None:
            query = query.where(ReceiptRow.thread_key == thread_key)
        query = query.order_by(col(ReceiptRow.at).desc(), col(ReceiptRow.id)).limit(limit)
        return await self._database.transact(lambda session: list(session.exec(query)))

    async def mark_undone(self, row: ReceiptRow, session: AsyncSession) -> None:
        """The receipt is undone by what this transaction does; before it does it, so that only one does.

        Raises:
            UndoConflict: it was undone before.
        """
        now = self._clock.now()
        mine = update(ReceiptRow).where(col(ReceiptRow.id) == row.id, col(ReceiptRow.undone_at).is_(None))
        done: CursorResult[Any] = await session.exec(mine.values(undone_at=now))
        if done.rowcount != 1:
            raise UndoConflict("This was undone already.")
        session.add(
            LedgerEntry(
                key=f"undo:{row.id}",
                kind="result",
                workspace=row.workspace,
                owner=row.owner,
                action=row.action,
                body=orjson.dumps({"success": True, "undone": row.key}).decode(),
                at=now,
            )
        )


def receipt_of(row: ReceiptRow) -> Receipt:
    """As an action's `undo` gets it."""
    changes = [Change(**told) for told in orjson.loads(row.changes)]
    return Receipt(row.id, row.action, orjson.loads(row.arguments), changes)


def changes_of(row: ReceiptRow) -> Sequence[dict[str, Any]]:
    """What was changed, as JSON."""
    changes: list[dict[str, Any]] = orjson.loads(row.changes)
    return changes
