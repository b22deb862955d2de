"""Opening the database that ``COPILOT_CONNECT`` names: once to read its schema, then for every call."""

import sqlite3
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from copilot_core import Principal, SetupError
from copilot_records.connected.catalog import Catalog
from copilot_records.connected.modules import catalog
from copilot_records.connected.records import ConnectedRecords
from copilot_records.connected.reflection import Reflection
from copilot_records.connected.settings import ConnectSettings
from copilot_records.modules import Modules
from copilot_records.text import fold, phrase

BUSY_TIMEOUT = 10.0
CONNECT_TIMEOUT = 5
STATEMENT_TIMEOUT_MS = 15_000
_NO_MODULES = Catalog({})
_BEGIN = {"copilot_begin": "BEGIN IMMEDIATE"}


class Connected:
    """An existing database as modules. `catalog` is what it looked like at start-up."""

    def __init__(self, engine: AsyncEngine, found: Catalog, settings: ConnectSettings) -> None:
        self._engine = engine
        self._settings = settings
        self.catalog = found

    def modules(self, principal: Principal) -> Modules:
        """All of them, or none for a caller of another workspace than the one that may see them."""
        return self._visible(principal).modules

    @asynccontextmanager
    async def records(
        self, principal: Principal, allowed: Collection[str] | None = None, *, write: bool = False
    ) -> AsyncIterator[ConnectedRecords]:
        """The records for one call: one transaction, rolled back if the call raises.

        Args:
            allowed: slugs of the modules that the page works with; `None` is all.
            write: on SQLite a call that writes waits for its turn when it begins.
        """
        engine = self._engine.execution_options(**_BEGIN) if write else self._engine
        async with engine.begin() as connection:
            me = principal.name or principal.id
            yield ConnectedRecords(connection, self._visible(principal), me, allowed)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    def _visible(self, principal: Principal) -> Catalog:
        only = self._settings.connect_workspace
        return self.catalog if only in (None, principal.workspace) else _NO_MODULES


def connect(settings: ConnectSettings) -> Connected:
    """Read the schema, and be ready to answer.

    Raises:
        SetupError: the address is wrong, or nobody answers there. Names `COPILOT_CONNECT`.
    """
    url = _url(str(settings.connect))
    try:
        found = _reflected(url, writable=settings.connect_writable)
    except (SQLAlchemyError, sqlite3.Error, UnicodeError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()
        where = url.render_as_string(hide_password=True)
        raise SetupError(f"COPILOT_CONNECT: {where} cannot be opened: {'; '.join(reason[:2])}") from error
    return Connected(_engine(url, writable=settings.connect_writable), found, settings)


def _url(told: str) -> URL:
    try:
        url = make_url(told)
    except ArgumentError as error:
        raise SetupError("COPILOT_CONNECT is no database URL: it is sqlite:///path or postgresql://...") from error
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or not url.database or url.database == ":memory:":
        raise SetupError("COPILOT_CONNECT takes sqlite:///path/to/file.db or postgresql://user@host/name")
    if not Path(url.database).is_file():
        raise SetupError(f"COPILOT_CONNECT: there is no file {url.database}")
    return url


def _reflected(url: URL, *, writable: bool) -> Catalog:
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = _reading_sqlite(url) if is_sqlite else create_engine(url, connect_args=_session(writable=False))
    try:
        with engine.connect() as connection:
            tables, left_out = Reflection(connection).tables()
        return catalog(tables, left_out, writable=writable, loose=is_sqlite)
    finally:
        engine.dispose()


def _session(*, writable: bool) -> dict[str, str | int]:
    """What every session of PostgreSQL begins with: texts as we read them, and no writing unless asked for."""
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC -c datestyle=ISO,YMD"
    options += "" if writable else " -c default_transaction_read_only=on"
    return {"connect_timeout": CONNECT_TIMEOUT, "options": options}


def _file(url: URL, *, writable: bool) -> str:
    return f"{Path(str(url.database)).resolve().as_uri()}?mode={'rw' if writable else 'ro'}"


def _reading_sqlite(url: URL) -> Engine:
    def connection() -> sqlite3.Connection:
        opened = sqlite3.connect(_file(url, writable=False), uri=True, timeout=BUSY_TIMEOUT)
        opened.text_factory = _text
        return opened

    return create_engine("sqlite://", creator=connection)


def _engine(url: URL, *, writable: bool) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True, connect_args=_session(writable=writable))

    async def connection() -> aiosqlite.Connection:
        file = _file(url, writable=writable)
        opened = await aiosqlite.connect(file, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None)
        opened.text_factory = _text
        await opened.create_function("copilot_fold", 1, _fold, deterministic=True)
        await opened.create_function("copilot_words", 1, _words, deterministic=True)
        await opened.execute("PRAGMA foreign_keys=ON")
        return opened

    engine = create_async_engine("sqlite+aiosqlite://", async_creator=connection, poolclass=AsyncAdaptedQueuePool)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """By ourselves: Python's driver begins so late that a savepoint would be the transaction, and commit."""
    connection.exec_driver_sql(connection.get_execution_options().get("copilot_begin", "BEGIN"))


def _text(raw: bytes) -> str:
    """Not every program that writes SQLite files writes UTF-8."""
    return raw.decode(errors="replace")


def _fold(value: object) -> str | None:
    return None if value is None or isinstance(value, bytes) else fold(str(value))


def _words(value: object) -> str | None:
    return None if value is None or isinstance(value, bytes) else phrase(str(value))
