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
    await database.transact(lambda session: _upgrade(session.connection(), config), write=True)


def _upgrade(connection: Connection, config: Config) -> None:
    if connection.dialect.name != "sqlite":  # there, a writing transaction is a lock already
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")
