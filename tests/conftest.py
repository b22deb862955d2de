"""What the project's own tests share; most fixtures come from `copilot_core.testing.pytest_plugin`."""

from typing import Any

import hypothesis
import pytest

from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade

hypothesis.settings.register_profile("suite", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("suite")


@pytest.fixture
async def database(database_url: str) -> Any:
    """A database with the server's own tables, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    await upgrade(database)
    yield database
    await database.close()
