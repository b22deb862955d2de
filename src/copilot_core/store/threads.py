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
from sqlmodel import Session, col, select

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
                begun = await self._database.transact(
                    lambda session: self._begin(session, principal, thread_id, run_id, message, model), write=True
                )
            except IntegrityError as error:  # another process was quicker
                raise busy(LEASE) from error
            if isinstance(begun, Begun):
                self._running.add(begun.run_key)
                return begun
            await asyncio.sleep(begun.total_seconds())

    async def end(self, begun: Begun, status: str, error: str | None = None) -> None:
        """The run is over: its thread takes the next one."""
        self._running.discard(begun.run_key)
        values = {"status": status, "ended_at": self._clock.now(), "error": error}
        ended = update(Run).where(col(Run.key) == begun.run_key).values(**values)
        await self._database.transact(lambda session: session.exec(ended), write=True)

    async def beat(self) -> None:
        """Renew the leases of this process for ever; cancelled when the server stops."""
        while True:
            await asyncio.sleep(BEAT.total_seconds())
            if not self._running:
                continue
            await self._database.transact(self._renew, write=True)

    async def find(self, principal: Principal, thread_id: str) -> Thread:
        """The principal's thread of that id; raises `NotFound`."""
        return await self._database.transact(lambda session: _owned(session, principal, thread_id))

    async def list(self, principal: Principal, *, limit: int = 50) -> list[Thread]:
        """The principal's threads, the latest first."""
        query = (
            select(Thread)
            .where(Thread.workspace == principal.workspace, Thread.owner == principal.id)
            .order_by(col(Thread.updated_at).desc())
            .limit(limit)
        )
        return await self._database.transact(lambda session: list(session.exec(query)))

    def _renew(self, session: Session) -> None:
        ours = col(Run.key).in_(list(self._running))
        session.exec(update(Run).where(ours).values(lease_until=self._clock.now() + LEASE))

    def _begin(
        self,
        session: Session,
        principal: Principal,
        thread_id: str | None,
        run_id: str | None,
        message: str,
        model: str,
    ) -> Begun | timedelta:
        """The stored run, or how long to wait before trying again."""
        if thread_id is None:
            thread, last = self._new_thread(session, principal, message), None
        else:
            thread = _owned(session, principal, thread_id)
            last = _last_run(session, thread)
        return self._overdue(last) or self._insert(session, thread, last, run_id, model)

    def _new_thread(self, session: Session, principal: Principal, message: str) -> Thread:
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
        session.flush()
        return thread

    def _overdue(self, last: Run | None) -> timedelta | None:
        """How long to wait for a run that seems to have outlived its process; `None` if there is none.

        Raises:
            ThreadBusy: the run's lease was renewed just now.
        """
        if last is None or last.status != "running":
            return None
        left = last.lease_until - self._clock.now()
        if left > LEASE - 2 * BEAT:
            raise busy(left)
        return left if left > timedelta(0) else None

    def _insert(self, session: Session, thread: Thread, last: Run | None, run_id: str | None, model: str) -> Begun:
        """The new run, after giving up a last one that still counts as running."""
        key, now = str(uuid4()), self._clock.now()
        if last is not None and last.status == "running":
            last.status, last.error, last.ended_at = "failed", "interrupted", now
            session.flush()
        thread.updated_at = now
        run = Run(
            key=key,
            id=run_id or key,
            thread_key=thread.key,
            workspace=thread.workspace,
            owner=thread.owner,
            model=model,
            status="running",
            process=self._process,
            lease_until=now + LEASE,
            created_at=now,
        )
        session.add(run)
        session.flush()
        return Begun(thread.key, thread.id, key, run.id, was_waiting=last is not None and last.status == "waiting")


def _last_run(session: Session, thread: Thread) -> Run | None:
    """A thread's latest run; if one is running, it is that one."""
    query = select(Run).where(Run.thread_key == thread.key).order_by(col(Run.created_at).desc())
    return session.exec(query.limit(1)).first()


def _owned(session: Session, principal: Principal, thread_id: str) -> Thread:
    query = select(Thread).where(
        Thread.workspace == principal.workspace, Thread.owner == principal.id, Thread.id == thread_id
    )
    thread = session.exec(query).first()
    if thread is None:
        raise NotFound("There is no such conversation.", details={"field": "conversationId"})
    return thread


def busy(left: timedelta) -> ThreadBusy:
    """The refusal of a second run, with the time after which to try again."""
    seconds = max(1, math.ceil(left.total_seconds()))
    return ThreadBusy("This conversation is still answering another message.", details={"retryAfter": seconds})
