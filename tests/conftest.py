"""What the project's own tests share; most fixtures come from `copilot_core.testing.pytest_plugin`."""

import gc
from typing import Any

import hypothesis
import pytest

from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade

hypothesis.settings.register_profile("suite", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """Take what collecting made out of the collector's sight, as the server does with what start-up made."""
    gc.collect()
    gc.freeze()


@pytest.fixture
async def database(database_url: str) -> Any:
    """A database with the server's own tables, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    await upgrade(database)
    yield database
    await database.close()
