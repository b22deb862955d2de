"""The connection to the team's database, the same for SQLite and PostgreSQL."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.errors import SetupError

_DRIVERS = {
    "sqlite": ("sqlite+aiosqlite", "sqlite+pysqlite"),
    "postgresql": ("postgresql+psycopg", "postgresql+psycopg"),
}
BUSY_TIMEOUT_MS = 10_000
THREADS = 8
T = TypeVar("T")


def parse(url: str) -> URL:
    """`url` as SQLAlchemy knows it; raises `SetupError` for a kind of database that we do not speak to."""
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
        _DRIVERS[parsed.get_backend_name()]
    except (ArgumentError, KeyError) as error:
        told = "a database URL is sqlite:///path/to/file.db or postgresql://user@host/name"
        raise SetupError(told) from error
    return parsed


class Database:
    """Transactions, for actions as `session` and for the server's own tables as `transact`.

    On SQLite a writing transaction begins IMMEDIATE: it waits for its turn when it begins, instead of
    failing with "database is locked" when it first writes after having read.
    """

    def __init__(self, url: str) -> None:
        self.url = parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        asynchronous, synchronous = _DRIVERS[self.url.get_backend_name()]
        timeout = {"connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000}} if self.is_sqlite else {"pool_pre_ping": True}
        self._async_engine = create_async_engine(self.url.set(drivername=asynchronous), **timeout)
        self._engine = create_engine(self.url.set(drivername=synchronous), **timeout)
        if self.is_sqlite:
            _prepare_sqlite(self._async_engine.sync_engine)
            _prepare_sqlite(self._engine)
        self._threads = ThreadPoolExecutor(1 if self.is_sqlite else THREADS, thread_name_prefix="copilot-database")

    @asynccontextmanager
    async def session(self, *, write: bool = False) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        engine = self._async_engine.execution_options(**_BEGIN) if write else self._async_engine
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def transact(self, work: Callable[[Session], T], *, write: bool = False) -> T:
        """Run `work` in one transaction of a database thread, and give what it returns.

        One hop between threads for the whole transaction, where the asynchronous drivers make several
        for each statement: that is most of what a turn waited for. What `work` returns must hold no open
        cursor: the thread goes on to other work on the same connection.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, work, write)

    async def ping(self) -> None:
        """Ask the database for one row; raises what it raises when it does not answer."""
        # `scalar` spends the cursor in its thread: SQLite forbids others to touch a connection that is at work
        await self.transact(lambda session: session.scalar(text("SELECT 1")))

    async def close(self) -> None:
        """Close every connection."""
        await self._async_engine.dispose()
        self._threads.shutdown()
        self._engine.dispose()

    def _transact(self, work: Callable[[Session], T], write: bool) -> T:
        engine = self._engine.execution_options(**_BEGIN) if write else self._engine
        with Session(engine, expire_on_commit=False) as session, session.begin():
            return work(session)


_BEGIN: dict[str, Any] = {"copilot_begin": "BEGIN IMMEDIATE"}


def _prepare_sqlite(engine: Engine) -> None:
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)


def _configure(connection: Any, _record: object) -> None:
    """WAL lets readers and one writer work side by side; NORMAL is safe against kill -9 (not power loss)."""
    connection.isolation_level = None  # transactions are ours to begin
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    _use_wal(cursor)
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Turn a new file to WAL. SQLite does not wait for others who do the same just now, so we do."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Any) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("copilot_begin", "BEGIN"))
