"""Bringing the schema up to date: our revisions and those of every plugin, in one transaction."""

from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from copilot_core.store.database import Database

_HERE = Path(__file__).parent / "migrations"
VERSION_TABLE = "copilot_alembic_version"
_LOCK = 0x636F70696C6F74  # "copilot": any constant that all our processes share


async def upgrade(database: Database, folders: Mapping[str, Path] | None = None) -> None:
    """Run every revision that has not run yet. Safe when several processes start at once.

    Args:
        folders: plugin -> the folder of its revisions. Each has a version table of its own, so that a
            plugin can be left out or removed without stopping the others.
    """
    wanted = {VERSION_TABLE: _HERE / "versions"}
    wanted |= {f"{VERSION_TABLE}_{name}": folder for name, folder in (folders or {}).items()}
    await database.transact(lambda session: _upgrade(session.connection(), wanted), write=True)


def _upgrade(connection: Connection, wanted: Mapping[str, Path]) -> None:
    if connection.dialect.name != "sqlite":  # there, a writing transaction is a lock already
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    for table, folder in wanted.items():
        config = Config(attributes={"connection": connection, "version_table": table})
        config.set_main_option("script_location", str(_HERE))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", str(folder))
        command.upgrade(config, "head")
