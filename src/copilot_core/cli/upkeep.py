"""`migrate` and `doctor`."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from copilot_core.budget import thin
from copilot_core.cli.setup import settings
from copilot_core.clock import SystemClock
from copilot_core.errors import CopilotError
from copilot_core.identity import ApiKeys
from copilot_core.server import registry_of
from copilot_core.settings import RULE_PLANNER, Settings
from copilot_core.store.checkpoints import open_checkpointer
from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade
from copilot_core.store.runs import told_lately

LOOKED_AT = 200
"""The latest runs whose context `doctor` looks at."""


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


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found; the exit code counts the "FAIL"s."""

    verdict: Literal["ok", "warn", "FAIL"]
    name: str
    told: str


async def _doctor(chosen: Settings) -> int:
    wrong = 0
    async for found in _checks(chosen):
        wrong += found.verdict == "FAIL"
        print(f"{found.verdict:5}{found.name}: {found.told}")
    return 1 if wrong else 0


async def _checks(chosen: Settings) -> AsyncIterator[Finding]:
    try:
        database = Database(chosen.database_url)
    except CopilotError as error:
        yield Finding("FAIL", "database", str(error))
        return
    try:
        yield _plugins(chosen, database)
        yield await _database(database)
        for warning in await _readables(database):
            yield warning
    finally:
        await database.close()
    yield _model(chosen)
    yield _identity(chosen)


def _plugins(chosen: Settings, database: Database) -> Finding:
    lenient = chosen.model_copy(update={"skip_broken": True})
    registry = registry_of(lenient, database, ApiKeys(database, SystemClock()))
    if registry.broken:
        return Finding("FAIL", "plugins", "; ".join(registry.broken))
    return Finding("ok", "plugins", f"{len(registry.plugins)} plugins, {len(registry.actions)} actions")


async def _database(database: Database) -> Finding:
    shown = database.url.render_as_string()
    try:
        await database.ping()
    except Exception as error:
        return Finding("FAIL", "database", f"{shown} does not answer: {error}")
    return Finding("ok", "database", f"{shown} answers")


async def _readables(database: Database) -> list[Finding]:
    """What pages told in their latest runs that helps no model (checklist S83)."""
    try:
        told = await told_lately(database, LOOKED_AT)
    except SQLAlchemyError:  # it does not answer, or is not migrated yet
        return []
    thin_ones = {readable.description[:100]: why for readable in told if (why := thin(readable)) is not None}
    return [Finding("warn", "readables", f"“{name}” is thin: {why}") for name, why in thin_ones.items()]


def _model(chosen: Settings) -> Finding:
    name = chosen.default_model
    if name == RULE_PLANNER:
        return Finding("ok", "model", f"{name} (built-in, no language model)")
    if not name.startswith("openai:"):
        return Finding("FAIL", "model", f"COPILOT_MODEL '{name}' is unknown; use rule-planner or openai:<name>")
    if chosen.openai_api_key is None and chosen.openai_base_url is None:
        return Finding("FAIL", "model", f"{name} needs OPENAI_API_KEY or OPENAI_BASE_URL")
    return Finding("ok", "model", f"{name} at {chosen.openai_base_url or 'the provider itself'}")


def _identity(chosen: Settings) -> Finding:
    if chosen.jwt_secret and len(chosen.jwt_secret.get_secret_value()) < 32:
        return Finding("FAIL", "identity", "COPILOT_JWT_SECRET is shorter than 32 bytes")
    jwts = bool(chosen.jwt_secret or chosen.jwt_jwks_url)
    return Finding("ok", "identity", "API keys and JWTs" if jwts else "API keys")
