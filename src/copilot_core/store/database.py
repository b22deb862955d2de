"""The connection to the team's database, the same for SQLite and PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.errors import SetupError

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
BUSY_TIMEOUT_MS = 10_000


def parse(url: str) -> URL:
    """`url` with the asynchronous driver that we use; raises `SetupError` for any other kind of database."""
    try:
        parsed = make_url(url)
        return parsed.set(drivername=_DRIVERS[parsed.get_backend_name()])
    except (ArgumentError, KeyError) as error:
        told = "a database URL is sqlite:///path/to/file.db or postgresql://user@host/name"
        raise SetupError(told) from error


class Database:
    """An engine and its sessions.

    On SQLite a writing session begins IMMEDIATE: it waits for its turn when it begins, instead of
    failing with "database is locked" when it first writes after having read.
    """

    def __init__(self, url: str) -> None:
        self.url = parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._sqlite() if self.is_sqlite else create_async_engine(self.url, pool_pre_ping=True)
        self._writing = self.engine.execution_options(copilot_begin="BEGIN IMMEDIATE")

    @asynccontextmanager
    async def session(self, *, write: bool = False) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        engine = self._writing if write else self.engine
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One writing transaction on a bare connection, for migrations."""
        return self._writing.begin()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    def _sqlite(self) -> AsyncEngine:
        engine = create_async_engine(self.url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
        event.listen(engine.sync_engine, "connect", _configure)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine


def _configure(connection: Any, _record: object) -> None:
    """WAL lets readers and one writer work side by side; NORMAL is safe against kill -9 (not power loss)."""
    connection.isolation_level = None  # transactions are ours to begin
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("copilot_begin", "BEGIN"))
