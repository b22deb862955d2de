"""LangGraph's own savers, in the same database as everything else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from copilot_core.store.database import BUSY_TIMEOUT_MS, Database

POOL_SIZE = 10


def _serializer() -> JsonPlusSerializer:
    """Loads messages and plain data only: a forged row must not run code when it is read."""
    return JsonPlusSerializer(allowed_msgpack_modules=[])


@asynccontextmanager
async def open_checkpointer(database: Database) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """The saver of this database, its tables made."""
    opened = _sqlite(database) if database.is_sqlite else _postgres(database)
    async with opened as saver:
        yield saver


@asynccontextmanager
async def _sqlite(database: Database) -> AsyncIterator[AsyncSqliteSaver]:
    async with aiosqlite.connect(database.url.database or ":memory:", timeout=BUSY_TIMEOUT_MS / 1000) as connection:
        saver = AsyncSqliteSaver(connection, serde=_serializer())
        await saver.setup()
        await connection.execute("PRAGMA synchronous=NORMAL")  # the saver's default costs an fsync a step
        yield saver


@asynccontextmanager
async def _postgres(database: Database) -> AsyncIterator[AsyncPostgresSaver]:
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url,
        kwargs=settings,
        min_size=1,
        max_size=POOL_SIZE,
        open=False,
        check=AsyncConnectionPool.check_connection,  # survives a restart of PostgreSQL
    )
    async with pool:
        saver = AsyncPostgresSaver(pool, serde=_serializer())
        await saver.setup()
        yield saver
