"""`migrate` and `doctor`."""

import argparse
import asyncio
from collections.abc import AsyncIterator

from sqlalchemy import text

from copilot_core.cli.setup import settings
from copilot_core.clock import SystemClock
from copilot_core.errors import CopilotError
from copilot_core.identity import ApiKeys
from copilot_core.server import registry_of
from copilot_core.settings import RULE_PLANNER, Settings
from copilot_core.store.checkpoints import open_checkpointer
from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade


def migrate(parsed: argparse.Namespace) -> None:
    """Run every schema revision that has not run: ours, the plugins', LangGraph's."""
    asyncio.run(_migrate(settings(parsed)))


async def _migrate(chosen: Settings) -> None:
    database = Database(chosen.database_url)
    try:
        registry = registry_of(chosen, database, ApiKeys(database, SystemClock()))
        await upgrade(database, registry.migrations)
        async with open_checkpointer(database):
            print(f"{database.url.render_as_string()} is up to date")
    finally:
        await database.close()


def doctor(parsed: argparse.Namespace) -> int:
    """Check settings, plugins, database and model; 1 if anything is wrong."""
    return asyncio.run(_doctor(settings(parsed)))


async def _doctor(chosen: Settings) -> int:
    wrong = 0
    async for name, problem, told in _checks(chosen):
        wrong += problem is not None
        print(f"{'FAIL' if problem else 'ok':5}{name}: {problem or told}")
    return 1 if wrong else 0


async def _checks(chosen: Settings) -> AsyncIterator[tuple[str, str | None, str]]:
    """Name, what is wrong if anything is, and what was seen."""
    try:
        database = Database(chosen.database_url)
    except CopilotError as error:
        yield "database", str(error), ""
        return
    try:
        yield await _plugins(chosen, database)
        yield await _database(database)
    finally:
        await database.close()
    yield _model(chosen)
    yield _identity(chosen)


async def _plugins(chosen: Settings, database: Database) -> tuple[str, str | None, str]:
    lenient = chosen.model_copy(update={"skip_broken": True})
    registry = registry_of(lenient, database, ApiKeys(database, SystemClock()))
    problem = "; ".join(registry.broken) or None
    return "plugins", problem, f"{len(registry.plugins)} plugins, {len(registry.actions)} actions"


async def _database(database: Database) -> tuple[str, str | None, str]:
    shown = database.url.render_as_string()
    try:
        await database.transact(lambda session: session.execute(text("SELECT 1")))
    except Exception as error:
        return "database", f"{shown} does not answer: {error}", ""
    return "database", None, f"{shown} answers"


def _model(chosen: Settings) -> tuple[str, str | None, str]:
    name = chosen.default_model
    if name == RULE_PLANNER:
        return "model", None, f"{name} (built-in, no language model)"
    if not name.startswith("openai:"):
        return "model", f"COPILOT_MODEL '{name}' is unknown; use rule-planner or openai:<name>", ""
    if chosen.openai_api_key is None and chosen.openai_base_url is None:
        return "model", f"{name} needs OPENAI_API_KEY or OPENAI_BASE_URL", ""
    return "model", None, f"{name} at {chosen.openai_base_url or 'the provider itself'}"


def _identity(chosen: Settings) -> tuple[str, str | None, str]:
    if chosen.jwt_secret and len(chosen.jwt_secret.get_secret_value()) < 32:
        return "identity", "COPILOT_JWT_SECRET is shorter than 32 bytes", ""
    jwts = bool(chosen.jwt_secret or chosen.jwt_jwks_url)
    return "identity", None, "API keys and JWTs" if jwts else "API keys"
