"""Bringing the schema up to date: our revisions and those of every plugin, in one transaction."""

from collections.abc import Iterable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from copilot_core.store.database import Database

_HERE = Path(__file__).parent / "migrations"
_LOCK = 0x636F70696C6F74  # "copilot": any constant that all our processes share


async def upgrade(database: Database, folders: Iterable[Path] = ()) -> None:
    """Run every revision that has not run yet. Safe when several processes start at once."""
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, (_HERE / "versions", *folders))))
    async with database.writing() as connection:
        if not database.is_sqlite:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        await connection.run_sync(_upgrade, config)


def _upgrade(connection: Connection, config: Config) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")
