"""`workspaces list | create | terms`, `plans list | set`, `usage`: for whoever runs the server.

A workspace's own admins can do none of this: they cannot give themselves another plan.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from copilot_core.cli.setup import settings
from copilot_core.clock import SystemClock
from copilot_core.errors import CopilotError
from copilot_core.fastapi.operators import plan_rows
from copilot_core.fastapi.usage import as_csv, as_period, as_rows
from copilot_core.identity import ApiKeys
from copilot_core.principal import Role
from copilot_core.server import credits_of
from copilot_core.store.audit import OPERATOR
from copilot_core.store.credits import Credits
from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade
from copilot_core.store.subscriptions import Terms
from copilot_core.store.workspaces import Workspaces

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Books:
    credits: Credits
    keys: ApiKeys

    async def names(self) -> list[str]:
        keyed = {key.workspace for key in await self.keys.list()}
        return sorted({*await self.credits.subscriptions.workspaces(), *keyed})

    async def told(self, workspace: str) -> dict[str, Any]:
        return {"workspace": workspace, **as_period(await self.credits.usage(workspace))}


@asynccontextmanager
async def _books(parsed: argparse.Namespace) -> AsyncIterator[_Books]:
    chosen, clock = settings(parsed), SystemClock()
    database = Database(chosen.database_url)
    try:
        await upgrade(database)
        yield _Books(credits_of(chosen, database, clock, Workspaces(database, clock)), ApiKeys(database, clock))
    finally:
        await database.close()


def show(parsed: argparse.Namespace) -> None:
    """All workspaces with their plans and what they have used."""
    asyncio.run(_show(parsed))


async def _show(parsed: argparse.Namespace) -> None:
    async with _books(parsed) as books:
        _print([await books.told(name) for name in await books.names()], parsed)


def create(parsed: argparse.Namespace) -> None:
    """Make a workspace with a plan and the key of its first admin, printed this once."""
    asyncio.run(_create(parsed))


async def _create(parsed: argparse.Namespace) -> None:
    async with _books(parsed) as books:
        if parsed.workspace in await books.names():
            raise CopilotError(f"there is a workspace '{parsed.workspace}' already")
        await _sell(books, parsed)
        key = await books.keys.create(workspace=parsed.workspace, user=parsed.admin, role=Role.ADMIN)
        _print([{"workspace": parsed.workspace, "plan": parsed.plan, "admin": parsed.admin, "key": key}], parsed)


def terms(parsed: argparse.Namespace) -> None:
    """Give a workspace prices, models or most credits of a run of its own, in place of those it had."""
    asyncio.run(_terms(parsed))


async def _terms(parsed: argparse.Namespace) -> None:
    agreed = Terms(dict(map(_price, parsed.price)), parsed.allow_model, parsed.run_credits)
    async with _books(parsed) as books:
        await books.credits.subscriptions.agree(parsed.workspace, agreed, by=OPERATOR)
    own = {"prices": agreed.prices, "models": agreed.models, "runCredits": agreed.most}
    _print([{"workspace": parsed.workspace, **own}], parsed)


def plans(parsed: argparse.Namespace) -> None:
    """The plans as they are sold."""
    _print(plan_rows(), parsed)


def sell(parsed: argparse.Namespace) -> None:
    """Give a workspace a plan, from now on."""
    asyncio.run(_set(parsed))


async def _set(parsed: argparse.Namespace) -> None:
    async with _books(parsed) as books:
        await _sell(books, parsed)
        _print([await books.told(parsed.workspace)], parsed)


async def _sell(books: _Books, parsed: argparse.Namespace) -> None:
    own = {"included": parsed.included, "billing_mode": parsed.billing_mode}
    await books.credits.subscriptions.subscribe(parsed.workspace, parsed.plan, by=OPERATOR, **own)


def usage(parsed: argparse.Namespace) -> None:
    """What a workspace has used of its month, or by what cause."""
    asyncio.run(_usage(parsed))


async def _usage(parsed: argparse.Namespace) -> None:
    async with _books(parsed) as books:
        if parsed.by is None:
            _print([await books.told(parsed.workspace)], parsed)
            return
        rows = await books.credits.by(parsed.by, parsed.workspace)
    if parsed.csv:
        print(as_csv(parsed.by, rows), end="")
    else:
        _print(as_rows(parsed.by, rows), parsed)


def _price(told: str) -> tuple[str, int]:
    action, _, credits = told.partition("=")
    if not credits.isdecimal():
        raise CopilotError(f"--price is <action>=<credits>, not '{told}'")
    return action, int(credits)


def _print(rows: Sequence[Json], parsed: argparse.Namespace) -> None:
    """As JSON one line, else a line for each."""
    if parsed.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(f"{name}={value}" for name, value in row.items()))
