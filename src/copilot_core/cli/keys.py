"""`keys create | list | revoke`."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from copilot_core.cli.setup import settings
from copilot_core.clock import SystemClock
from copilot_core.errors import CopilotError
from copilot_core.identity import ApiKeys
from copilot_core.principal import Role
from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade
from copilot_core.store.tables import ApiKey


@asynccontextmanager
async def _keys(parsed: argparse.Namespace) -> AsyncIterator[ApiKeys]:
    database = Database(settings(parsed).database_url)
    try:
        await upgrade(database)
        yield ApiKeys(database, SystemClock())
    finally:
        await database.close()


def create(parsed: argparse.Namespace) -> None:
    """Make a key and print it: with `--json` as ``{key, id, workspace, user, role, expiresAt}``."""
    asyncio.run(_create(parsed))


async def _create(parsed: argparse.Namespace) -> None:
    expires = SystemClock().now() + timedelta(days=parsed.days) if parsed.days else None
    async with _keys(parsed) as keys:
        key = await keys.create(
            workspace=parsed.workspace,
            user=parsed.user,
            role=Role(parsed.role),
            name=parsed.name,
            expires_at=expires,
            operator=parsed.operator,
        )
    told = {"key": key, "id": key.split("_")[1], "workspace": parsed.workspace, "user": parsed.user}
    told |= {"role": parsed.role, "expiresAt": expires and expires.isoformat()}
    print(json.dumps(told) if parsed.json else key)


def show(parsed: argparse.Namespace) -> None:
    """List keys without their secrets."""
    asyncio.run(_show(parsed))


async def _show(parsed: argparse.Namespace) -> None:
    async with _keys(parsed) as keys:
        rows = [_row(key) for key in await keys.list(parsed.workspace)]
    if parsed.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(f"{value or '-'}" for value in row.values()))


def _row(key: ApiKey) -> dict[str, str | None]:
    row: dict[str, str | None] = {"id": key.id, "workspace": key.workspace, "user": key.user, "role": key.role}
    for name, instant in (("created", key.created_at), ("expires", key.expires_at), ("revoked", key.revoked_at)):
        row[name] = instant.isoformat(timespec="seconds") if instant else None
    return row


def revoke(parsed: argparse.Namespace) -> None:
    """Make a key invalid; running servers forget it within half a minute."""
    asyncio.run(_revoke(parsed))


async def _revoke(parsed: argparse.Namespace) -> None:
    async with _keys(parsed) as keys:
        if not await keys.revoke(parsed.id):
            raise CopilotError(f"there is no key {parsed.id}")
    print(json.dumps({"revoked": parsed.id}) if parsed.json else f"revoked {parsed.id}")
