"""Fixtures for plugin authors, installed with copilot_core. Imports the engine only when one is used."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from copilot_core.clock import FixedClock
    from copilot_core.server import Deployment
    from copilot_core.testing.openai_server import ScriptedOpenAI


@pytest.fixture
def fixed_clock() -> "FixedClock":
    """A clock that stands at Tuesday, 2026-02-10 09:00 UTC."""
    from copilot_core.clock import FixedClock

    return FixedClock(datetime(2026, 2, 10, 9, 0, tzinfo=UTC))


@pytest.fixture
def copilot_opened() -> "Callable[..., AbstractAsyncContextManager[Deployment]]":
    """`copilot_core.testing.opened`: a server without HTTP, to talk to for several turns."""
    from copilot_core.testing import opened

    return opened


@pytest.fixture
async def scripted_openai() -> "AsyncIterator[Callable[..., Any]]":
    """Start scripted OpenAI-compatible servers: ``server = await scripted_openai([...steps])``."""
    from contextlib import AsyncExitStack

    from copilot_core.testing.openai_server import ScriptedOpenAI

    async with AsyncExitStack() as stack:

        async def start(script: Any) -> "ScriptedOpenAI":
            return await stack.enter_async_context(ScriptedOpenAI(script))

        yield start


def require(present: object, told: str) -> None:
    """Skip the test where something is not installed; on CI that is a failure."""
    if not present and os.environ.get("CI"):
        pytest.fail(told)
    if not present:
        pytest.skip(told)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL cluster of this test session, without a database name."""
    from copilot_core.testing import postgres

    require(postgres.binaries(), "PostgreSQL is not installed")
    with postgres.cluster() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database; a test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    from copilot_core.testing import postgres

    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield url
