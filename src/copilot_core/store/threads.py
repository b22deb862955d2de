"""Threads and runs as rows: who owns what, and that a thread runs one run at a time.

Every look-up names workspace and owner, so another's thread is one that does not exist.
"""

import asyncio
import math
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.clock import Clock
from copilot_core.errors import NotFound, ThreadBusy
from copilot_core.principal import Principal
from copilot_core.store.database import Database
from copilot_core.store.tables import Run, Thread

BEAT = timedelta(seconds=1)
LEASE = 4 * BEAT
TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that is stored and may start.

    Args:
        thread_key: the thread's name for the checkpointer.
        run_key: the run's own row.
        was_waiting: the thread's last run waits for a person's answer.
    """

    thread_key: str
    thread_id: str
    run_key: str
    run_id: str
    was_waiting: bool


class Threads:
    """The store. One per process: `process` marks the runs that this process answers for."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._process = uuid4().hex
        self._running: set[str] = set()

    async def begin(
        self, principal: Principal, *, thread_id: str | None, run_id: str | None, message: str, model: str
    ) -> Begun:
        """Store a run before anything of it happens.

        A run whose process stopped renewing its lease is given up here; if its lease has not yet ended but
        is overdue, this waits for the end instead of refusing.

        Raises:
            NotFound: the thread is not this principal's.
            ThreadBusy: a run of it is going on; `details["retryAfter"]` in seconds.
        """
        while True:
            try:
                async with self._database.session(write=True) as session:
                    thread = await self._thread(session, principal, thread_id, message)
                    overdue = await self._clear(session, thread.key)
                    if overdue is None:
                        begun = await self._insert(session, principal, thread, run_id, model)
                        break
            except IntegrityError as error:  # another process was quicker
                raise busy(LEASE) from error
            await asyncio.sleep(overdue.total_seconds())
        self._running.add(begun.run_key)
        return begun

    async def end(self, begun: Begun, status: str, error: str | None = None) -> None:
        """The run is over: its thread takes the next one."""
        self._running.discard(begun.run_key)
        now = self._clock.now()
        async with self._database.session(write=True) as session:
            await session.exec(
                update(Run).where(col(Run.key) == begun.run_key).values(status=status, ended_at=now, error=error)
            )
            await session.exec(update(Thread).where(col(Thread.key) == begun.thread_key).values(updated_at=now))

    async def beat(self) -> None:
        """Renew the leases of this process for ever; cancelled when the server stops."""
        while True:
            await asyncio.sleep(BEAT.total_seconds())
            if not self._running:
                continue
            until = self._clock.now() + LEASE
            async with self._database.session(write=True) as session:
                await session.exec(update(Run).where(col(Run.key).in_(list(self._running))).values(lease_until=until))

    async def find(self, principal: Principal, thread_id: str) -> Thread:
        """The principal's thread of that id; raises `NotFound`."""
        async with self._database.session() as session:
            return await _owned(session, principal, thread_id)

    async def list(self, principal: Principal, *, limit: int = 50) -> list[Thread]:
        """The principal's threads, the latest first."""
        async with self._database.session() as session:
            query = (
                select(Thread)
                .where(Thread.workspace == principal.workspace, Thread.owner == principal.id)
                .order_by(col(Thread.updated_at).desc())
                .limit(limit)
            )
            return list(await session.exec(query))

    async def _thread(self, session: AsyncSession, principal: Principal, thread_id: str | None, message: str) -> Thread:
        if thread_id is not None:
            return await _owned(session, principal, thread_id)
        key, now = str(uuid4()), self._clock.now()
        thread = Thread(
            key=key,
            id=key,
            workspace=principal.workspace,
            owner=principal.id,
            title=" ".join(message.split())[:TITLE_LENGTH],
            created_at=now,
            updated_at=now,
        )
        session.add(thread)
        await session.flush()
        return thread

    async def _clear(self, session: AsyncSession, thread_key: str) -> timedelta | None:
        """Give up a run that has outlived its process; how long to wait for one that seems to have."""
        query = select(Run).where(Run.thread_key == thread_key, Run.status == "running")
        run = (await session.exec(query)).first()
        if run is None:
            return None
        left = run.lease_until - self._clock.now()
        if left > LEASE - 2 * BEAT:
            raise busy(left)
        if left > timedelta(0):
            return left
        run.status, run.error, run.ended_at = "failed", "interrupted", self._clock.now()
        session.add(run)
        await session.flush()
        return None

    async def _insert(
        self, session: AsyncSession, principal: Principal, thread: Thread, run_id: str | None, model: str
    ) -> Begun:
        last = select(Run.status).where(Run.thread_key == thread.key).order_by(col(Run.created_at).desc())
        was_waiting = (await session.exec(last.limit(1))).first() == "waiting"
        key, now = str(uuid4()), self._clock.now()
        row = Run(
            key=key,
            id=run_id or key,
            thread_key=thread.key,
            workspace=principal.workspace,
            owner=principal.id,
            model=model,
            status="running",
            process=self._process,
            lease_until=now + LEASE,
            created_at=now,
        )
        session.add(row)
        await session.flush()
        return Begun(thread.key, thread.id, key, row.id, was_waiting)


async def _owned(session: AsyncSession, principal: Principal, thread_id: str) -> Thread:
    query = select(Thread).where(
        Thread.workspace == principal.workspace, Thread.owner == principal.id, Thread.id == thread_id
    )
    thread = (await session.exec(query)).first()
    if thread is None:
        raise NotFound("There is no such conversation.", details={"field": "conversationId"})
    return thread


def busy(left: timedelta) -> ThreadBusy:
    """The refusal of a second run, with the time after which to try again."""
    seconds = max(1, math.ceil(left.total_seconds()))
    return ThreadBusy("This conversation is still answering another message.", details={"retryAfter": seconds})
