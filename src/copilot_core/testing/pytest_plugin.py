"""Fixtures for plugin authors, installed with copilot_core. Imports the engine only when one is used."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
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
