"""Results that were too large for the model, kept whole beside their thread, and gone with it."""

import hashlib
import json
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.principal import Principal
from copilot_core.schema import Json
from copilot_core.shortening import as_json, shortened, size
from copilot_core.store.database import Database
from copilot_core.store.tables import ResultRow, Thread

MOST_KEPT = 10_000_000
"""Characters of the largest result that is kept."""


class Results:
    """The store.

    Args:
        most: characters of a result that a model is shown, and that the thread and the event log keep.
    """

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self.most = most

    def fitted(self, thread_key: str, result: Json) -> Json:
        """`result`, or what is shown of it where it is too large."""
        length = size(result)
        if length <= self.most:
            return result
        return shortened(result, self.most, _handle(thread_key, result) if length <= MOST_KEPT else None)

    async def keep(self, principal: Principal, thread_key: str, result: Json) -> Json:
        """`fitted`, and `result` is kept whole where that is less."""
        told = self.fitted(thread_key, result)
        if told is not result and "handle" in told:
            kept = self._insert(principal, thread_key, result)
            await self._database.transact(lambda session: session.execute(kept), write=True)
        return told

    async def keep_with(self, session: AsyncSession, principal: Principal, thread_key: str, result: Json) -> Json:
        """`keep`, in the transaction of `session`."""
        told = self.fitted(thread_key, result)
        if told is not result and "handle" in told:
            await (await session.connection()).execute(self._insert(principal, thread_key, result))
        return told

    async def read(self, principal: Principal, thread_key: str, handle: str) -> Json | None:
        """The whole result, if it is this principal's, of this thread or of one that it was forked from."""

        def read(session: Session) -> Json | None:
            row = session.get(ResultRow, handle)
            if row is None or (row.workspace, row.owner) != (principal.workspace, principal.id):
                return None
            thread = session.get(Thread, thread_key)
            threads = [*(thread.forked_from.split() if thread is not None else ()), thread_key]
            return loaded(row.body) if row.thread_key in threads else None

        return await self._database.transact(read)

    def _insert(self, principal: Principal, thread_key: str, result: Json) -> Insert:
        """Of two that have one result at the same time, the first one's stands."""
        new = sqlite.insert(ResultRow) if self._database.is_sqlite else postgresql.insert(ResultRow)
        return new.values(
            handle=_handle(thread_key, result),
            workspace=principal.workspace,
            owner=principal.id,
            thread_key=thread_key,
            body=json.dumps(result),
        ).on_conflict_do_nothing()


def loaded(body: str) -> Json:
    """JSON of an object, or what else somebody told as a result."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        told = body
    return told if isinstance(told, dict) else {"data": told}


def _handle(thread_key: str, result: Json) -> str:
    """The same for the same result in the same thread, however often it is told."""
    told = f"{thread_key}\n{as_json(result)}".encode(errors="surrogatepass")
    return f"res_{hashlib.sha256(told).hexdigest()[:24]}"
