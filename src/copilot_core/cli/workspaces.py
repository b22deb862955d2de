"""`workspaces plan | usage`: for whoever runs the server. A workspace's own admins cannot give it another plan."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from copilot_core.cli.setup import settings
from copilot_core.clock import SystemClock
from copilot_core.plans import Prices
from copilot_core.store.credits import Credits
from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade


@asynccontextmanager
async def _credits(parsed: argparse.Namespace) -> AsyncIterator[Credits]:
    chosen = settings(parsed)
    database = Database(chosen.database_url)
    try:
        await upgrade(database)
        yield Credits(database, SystemClock(), Prices(chosen.model_factors), chosen.plan)
    finally:
        await database.close()


def plan(parsed: argparse.Namespace) -> None:
    """Give a workspace a plan, from now on."""
    asyncio.run(_plan(parsed))


async def _plan(parsed: argparse.Namespace) -> None:
    async with _credits(parsed) as credits:
        await credits.subscribe(
            parsed.workspace, parsed.plan, included=parsed.included, billing_mode=parsed.billing_mode
        )
        await _print(credits, parsed)


def usage(parsed: argparse.Namespace) -> None:
    """What a workspace has used of its period."""
    asyncio.run(_usage(parsed))


async def _usage(parsed: argparse.Namespace) -> None:
    async with _credits(parsed) as credits:
        await _print(credits, parsed)


async def _print(credits: Credits, parsed: argparse.Namespace) -> None:
    found = await credits.usage(parsed.workspace)
    told = {"workspace": parsed.workspace, "plan": found.plan, "used": found.current, "included": found.included}
    told |= {"overage": found.overage, "billingMode": found.billing_mode, "periodEnd": found.period_end.isoformat()}
    print(json.dumps(told) if parsed.json else "  ".join(f"{name}={value}" for name, value in told.items()))
