"""Credits of a run that ended elsewhere, or just now: settled once, and nothing stays reserved."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, col, func, select

from copilot_core import Principal
from copilot_core.errors import NotFound
from copilot_core.events import RunFinished
from copilot_core.feed import Feed
from copilot_core.run import Message, RunInput
from copilot_core.server import Deployment
from copilot_core.store.credits import Charge
from copilot_core.store.runs import Begun
from copilot_core.store.tables import CreditEntry, Subscription
from copilot_core.testing import opened

DANA = Principal("dana", "acme")


@dataclass
class Going:
    """A run that has begun, and its process."""

    ready: Deployment
    begun: Begun

    def charge(self, key: str, credits: int) -> Charge:
        return Charge(key, DANA, self.begun.run_key, "look", "scripted", credits)

    async def cover(self, key: str, credits: int) -> None:
        engine = self.ready.copilot.engine
        await engine.credits.cover(self.begun.run_key, await engine.credits.allowance(DANA), {key: credits})

    async def end(self, *, first: int = 1, stopped: bool = False) -> None:
        feed, last = Feed(self.begun.run_key, first), RunFinished(self.begun.run_id, "t", stopped=stopped)
        await self.ready.copilot.runs.end(self.begun, feed, "finished", last)

    async def account(self) -> tuple[int, int, int]:
        """Used, reserved, and the sum of the entries."""

        def read(session: Session) -> tuple[int, int, int]:
            row = session.get_one(Subscription, "acme")
            total = select(func.coalesce(func.sum(col(CreditEntry.credits)), 0))
            return row.used, row.reserved, int(session.exec(total).one())

        return await self.ready.database.transact(read)


@asynccontextmanager
async def going(database_url: str) -> AsyncIterator[Going]:
    async with opened(database_url=database_url) as ready:
        begun = await ready.copilot.runs.begin(DANA, RunInput([Message("user", "Look")]), "scripted")
        yield Going(ready, begun)


class Later:
    """The clock of a process that believes the other one dead."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=1)


async def test_a_run_that_two_processes_end_is_settled_once_by_the_one_that_has_it(database_url: str) -> None:
    async with going(database_url) as slow, opened(database_url=database_url, clock=Later()) as ready:
        [claimed] = (await ready.copilot.runs.beat()).claimed
        quick = Going(ready, claimed)
        await quick.cover("call", 3)
        await ready.copilot.engine.credits.charge(quick.charge("call", 3))
        await slow.end()
        assert await quick.account() == (0, 3, 3)
        await quick.end(first=10_001)
        await quick.end(first=20_001)
        assert await quick.account() == (3, 0, 3)


async def test_a_reservation_that_comes_when_its_run_has_ended_is_refused(database_url: str) -> None:
    async with going(database_url) as run:
        await run.end()
        with pytest.raises(NotFound):
            await run.cover("call", 3)
        assert await run.account() == (1, 0, 1)


async def test_a_charge_that_comes_when_its_run_has_ended_counts_at_once(database_url: str) -> None:
    async with going(database_url) as run:
        await run.cover("call", 3)
        await run.end(stopped=True)
        await run.ready.copilot.engine.credits.charge(run.charge("call", 3))
        assert await run.account() == (3, 0, 3)
