"""A store on a migrated database, once for SQLite and once for PostgreSQL; what a test writes is rolled back."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

import copilot_records
from copilot_core import Changes, PageContext, Principal
from copilot_core.clock import FixedClock
from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade
from copilot_core.testing import postgres
from copilot_records import OwnRecords, RecordStore, writing
from copilot_records.connected import Connected, ConnectSettings, connect
from copilot_records.demo import fill

SCHEMAS = Path(__file__).parent / "schemas"
DANA = Principal("dana", "acme", name="Dana Reyes")

# for tests that do not look at what is noted
create_record = partial(writing.create_record, changes=Changes(), page=PageContext())
create_multiple_records = partial(writing.create_multiple_records, changes=Changes(), page=PageContext())
update_records = partial(writing.update_records, changes=Changes())
update_record = partial(writing.update_record, changes=Changes())
delete_records = partial(writing.delete_records, changes=Changes())


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with our tables, for the whole session."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('records') / 'records.db'}"
        asyncio.run(_migrate(url))
        yield url
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        asyncio.run(_migrate(url))
        yield url


async def _migrate(url: str) -> None:
    database = Database(url)
    await upgrade(database, {"records": copilot_records.copilot_migrations()})
    await database.close()


@pytest.fixture
async def session(migrated_url: str) -> AsyncIterator[AsyncSession]:
    """A writing session that is never committed."""
    database = Database(migrated_url)
    async with database.session(write=True) as session:
        yield session
        await session.rollback()
    await database.close()


@pytest.fixture
def store(session: AsyncSession, fixed_clock: FixedClock) -> OwnRecords:
    """Dana's records, in the empty workspace "acme" with the standard modules."""
    return OwnRecords(session, DANA, fixed_clock)


@pytest.fixture
async def filled(store: OwnRecords, session: AsyncSession, fixed_clock: FixedClock) -> RecordStore:
    """Dana's workspace with the demo's records, on Tuesday 2026-02-10."""
    await fill(session, DANA, fixed_clock)
    return store


@pytest.fixture
async def connected(tmp_path: Path) -> AsyncIterator[Callable[..., Connected]]:
    """Connect to a SQLite database made by a script of tests/schemas."""
    opened: list[Connected] = []

    def make(schema: str, **settings: object) -> Connected:
        path = tmp_path / f"{schema} 100%.db"
        with closing(sqlite3.connect(path)) as database:
            database.executescript((SCHEMAS / f"{schema}.sql").read_text())
        opened.append(connect(settings_for(f"sqlite:///{path}", **settings)))
        return opened[-1]

    yield make
    for one in opened:
        await one.close()


@pytest.fixture
async def pagila(postgres_server: str) -> AsyncIterator[Callable[..., Connected]]:
    """Connect to a PostgreSQL database with the schema of a DVD rental."""
    opened: list[Connected] = []
    with postgres.database(postgres_server) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute((SCHEMAS / "pagila.sql").read_text())  # type: ignore[call-overload]

        def make(**settings: object) -> Connected:
            opened.append(connect(settings_for(url, **settings)))
            return opened[-1]

        yield make
        for one in opened:
            await one.close()


def settings_for(url: str, **settings: object) -> ConnectSettings:
    """Settings that no environment and no `.env` changes."""
    return ConnectSettings.model_construct(
        **{"connect": url, "connect_writable": False, "connect_workspace": None, **settings}
    )
