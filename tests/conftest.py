"""What the project's own tests share; most fixtures come from `copilot_core.testing.pytest_plugin`."""

from typing import Any

import pytest

from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade


@pytest.fixture
async def database(database_url: str) -> Any:
    """A database with the server's own tables, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    await upgrade(database)
    yield database
    await database.close()
