"""Threads as rows: who owns what.

Every look-up names workspace and owner, so another's thread is one that does not exist.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, or_
from sqlmodel import Session, col, select

from copilot_core.clock import Clock
from copilot_core.errors import NotFound, ThreadBusy
from copilot_core.principal import Principal
from copilot_core.store.database import Database
from copilot_core.store.tables import Approval, LoggedEvents, ResultRow, Run, Thread

TITLE_LENGTH = 80


class Threads:
    """The principal's own threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, principal: Principal, thread_id: str) -> Thread:
        """The principal's thread of that id; raises `NotFound`."""
        return await self._database.transact(lambda session: owned(session, principal, thread_id))

    async def id_of(self, key: str) -> str:
        """What its owner calls the thread of that key."""
        named = select(Thread.id).where(Thread.key == key)
        return await self._database.transact(lambda session: session.exec(named).one())

    async def list(
        self,
        principal: Principal,
        *,
        query: str | None = None,
        archived: bool | None = False,
        limit: int = 50,
        before: tuple[datetime, str] | None = None,
    ) -> list[Thread]:
        """The principal's threads, the latest first.

        Args:
            query: only those whose title has each of these words, whatever the case.
            archived: only those that are, or are not; `None` for both.
            before: updated-at and key of the last thread of the page before.
        """
        wanted = select(Thread).where(Thread.workspace == principal.workspace, Thread.owner == principal.id)
        for word in _storable(query or "").split():
            wanted = wanted.where(col(Thread.title).icontains(word, autoescape=True))
        if archived is not None:
            since = col(Thread.archived_at)
            wanted = wanted.where(since.is_not(None) if archived else since.is_(None))
        if before is not None:
            at, key = before
            older = col(Thread.updated_at) < at
            wanted = wanted.where(or_(older, (col(Thread.updated_at) == at) & (col(Thread.key) < key)))
        wanted = wanted.order_by(col(Thread.updated_at).desc(), col(Thread.key).desc()).limit(limit)
        return await self._database.transact(lambda session: list(session.exec(wanted)))

    async def change(self, principal: Principal, thread_id: str, *, title: str | None, archived: bool | None) -> Thread:
        """Rename or archive the thread, what is `None` stays; raises `NotFound`."""

        def write(session: Session) -> Thread:
            thread = owned(session, principal, thread_id)
            if title is not None:
                thread.title = _storable(title)
            if archived is not None:
                thread.archived_at = self._clock.now() if archived else None
            return thread

        return await self._database.transact(write, write=True)

    async def new(self, principal: Principal, title: str | None, *, fork_of: Thread) -> Thread:
        """An empty thread that is to be a fork of another."""

        def write(session: Session) -> Thread:
            thread = new_thread(session, principal, None, "", self._clock.now())
            thread.title = title
            thread.forked_from = f"{fork_of.forked_from} {fork_of.key}".strip()
            return thread

        return await self._database.transact(write, write=True)

    async def delete(self, principal: Principal, thread_id: str) -> str:
        """Forget the thread, its runs and their events; its key, for the checkpointer to forget it too.

        Raises:
            NotFound: the thread is not this principal's.
            ThreadBusy: a run of it is going on.
        """

        def write(session: Session) -> str:
            thread = owned(session, principal, thread_id, lock=True)
            live = select(Run.key).where(Run.thread_key == thread.key, col(Run.status).in_(("queued", "running")))
            if session.exec(live).first() is not None:
                raise ThreadBusy("This conversation is still answering; stop it first.", details={"retryAfter": 1})
            _forget(session, [thread.key])
            return thread.key

        return await self._database.transact(write, write=True)

    async def forget_older(self, age: timedelta) -> Sequence[str]:
        """Forget threads that nobody has used for `age`; their keys, a hundred at most."""

        def write(session: Session) -> Sequence[str]:
            live = select(Run.thread_key).where(col(Run.status).in_(("queued", "running")))
            old = select(Thread.key).where(Thread.updated_at < self._clock.now() - age, col(Thread.key).not_in(live))
            keys = session.exec(old.limit(100)).all()
            _forget(session, keys)
            return keys

        return await self._database.transact(write, write=True)


def _forget(session: Session, keys: Sequence[str]) -> None:
    runs = select(Run.key).where(col(Run.thread_key).in_(keys))
    session.exec(delete(LoggedEvents).where(col(LoggedEvents.run_key).in_(runs)))
    session.exec(delete(Run).where(col(Run.thread_key).in_(keys)))
    session.exec(delete(ResultRow).where(col(ResultRow.thread_key).in_(keys)))
    session.exec(delete(Approval).where(col(Approval.thread_key).in_(keys)))
    session.exec(delete(Thread).where(col(Thread.key).in_(keys)))


def owned(session: Session, principal: Principal, thread_id: str, *, lock: bool = False) -> Thread:
    """The principal's thread of that id; raises `NotFound`.

    Args:
        lock: let nobody else begin a run of it, or delete it, until this transaction ends.
    """
    query = select(Thread).where(
        Thread.workspace == principal.workspace, Thread.owner == principal.id, Thread.id == thread_id
    )
    query = query.with_for_update(key_share=True) if lock else query
    thread = session.exec(query).first()
    if thread is None:
        raise NotFound("There is no such conversation.", details={"field": "conversationId"})
    return thread


def new_thread(session: Session, principal: Principal, thread_id: str | None, said: str, now: datetime) -> Thread:
    """A thread, called what its owner's client calls it or by its key, and titled after the first message."""
    key = str(uuid4())
    thread = Thread(
        key=key,
        id=thread_id or key,
        workspace=principal.workspace,
        owner=principal.id,
        title=title_of(said),
        created_at=now,
        updated_at=now,
    )
    session.add(thread)
    session.flush()
    return thread


def title_of(said: str) -> str | None:
    """What a thread is called that begins with this message."""
    return " ".join(_storable(said).split())[:TITLE_LENGTH] or None


def _storable(text: str) -> str:
    """Without the one character that PostgreSQL does not take in a text."""
    return text.replace("\0", " ")


def view(thread: Thread) -> Mapping[str, Any]:
    """The thread as its owner sees it in lists."""
    return {
        "id": thread.id,
        "title": thread.title,
        "createdAt": thread.created_at.isoformat(),
        "updatedAt": thread.updated_at.isoformat(),
        "archived": thread.archived_at is not None,
    }
