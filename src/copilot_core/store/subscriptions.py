"""Which plan a workspace has, and the period that goes on: one row, which is locked while credits are counted."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from copilot_core.clock import Clock
from copilot_core.errors import CreditsExhausted
from copilot_core.plans import PLANS, BillingMode
from copilot_core.store.audit import audit
from copilot_core.store.database import Database
from copilot_core.store.tables import Subscription

FRESH_SECONDS = 1.0
"""How long terms are known without asking again: a change made at another process counts after that."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a workspace has of its own, in place of the server's prices, models and most credits of a run.

    Args:
        models: empty for those of the plan.
        most: `None` for the server's.
    """

    prices: Mapping[str, int] = field(default_factory=dict)
    models: Sequence[str] = ()
    most: int | None = None


class Subscriptions:
    """The store.

    Args:
        plan: of a workspace that nobody has given one.
    """

    def __init__(self, database: Database, clock: Clock, plan: str = "enterprise") -> None:
        self._database = database
        self._clock = clock
        self._plan = plan
        self._known: dict[str, tuple[float, str, Terms]] = {}

    async def subscribe(
        self,
        workspace: str,
        plan: str,
        *,
        by: str,
        included: int | None = None,
        billing_mode: BillingMode | None = None,
    ) -> None:
        """Give a workspace a plan from now on; what it has used of its period stays used."""
        sold = PLANS[plan]

        def write(session: Session) -> None:
            row = self.current(session, workspace)
            row.plan = plan
            row.included = sold.included if included is None else included
            row.billing_mode = billing_mode or sold.billing_mode
            session.add(row)
            detail = {"plan": plan, "included": row.included, "billingMode": row.billing_mode}
            audit(session, self._clock, workspace, by, "set the plan", detail)

        await self._database.transact(write, write=True)
        self._known.pop(workspace, None)

    async def agree(self, workspace: str, terms: Terms, *, by: str) -> None:
        """Give a workspace terms of its own, in place of those before."""

        def write(session: Session) -> None:
            row = self.current(session, workspace)
            row.prices, row.models = orjson.dumps(terms.prices).decode(), orjson.dumps(terms.models).decode()
            row.most = terms.most
            session.add(row)
            detail = {"prices": terms.prices, "models": terms.models, "runCredits": terms.most}
            audit(session, self._clock, workspace, by, "set the terms", detail)

        await self._database.transact(write, write=True)
        self._known.pop(workspace, None)

    async def terms(self, workspace: str) -> Terms:
        """What the workspace has of its own."""
        return (await self._agreed(workspace))[2]

    async def plan(self, workspace: str) -> str:
        """The workspace's plan."""
        return (await self._agreed(workspace))[1]

    async def _agreed(self, workspace: str) -> tuple[float, str, Terms]:
        known = self._known.get(workspace)
        if known is None or known[0] < time.monotonic():
            row = await self._database.transact(lambda session: session.get(Subscription, workspace))
            plan, found = (self._plan, Terms()) if row is None else (row.plan, _terms(row))
            self._known[workspace] = known = (time.monotonic() + FRESH_SECONDS, plan, found)
        return known

    async def exists(self, workspace: str) -> bool:
        """Whether the workspace has ever had a plan or used a credit."""
        return await self._database.transact(lambda session: session.get(Subscription, workspace) is not None)

    async def workspaces(self) -> list[str]:
        """Names of all that have ever had a plan or used a credit."""
        named = select(Subscription.workspace).order_by(col(Subscription.workspace))
        return await self._database.transact(lambda session: list(session.exec(named)))

    def current(self, session: Session, workspace: str) -> Subscription:
        """The workspace's row in the period that goes on, which nobody else can change until the transaction ends."""
        row = session.get(Subscription, workspace, with_for_update=True)
        now = self._clock.now()
        if row is None:
            sold = PLANS[self._plan]
            begun = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            first = Subscription(
                workspace=workspace,
                plan=self._plan,
                included=sold.included,
                billing_mode=sold.billing_mode,
                period_start=begun,
                period_end=month_after(begun),
            )
            with suppress(IntegrityError), session.begin_nested():  # another process may be quicker
                session.add(first)
            row = session.get_one(Subscription, workspace, with_for_update=True, populate_existing=True)
        while row.period_end <= now:  # at UTC's time, however long nobody asked
            row.period_start, row.period_end, row.used = row.period_end, month_after(row.period_end), 0
            session.add(row)
        session.flush()
        return row


@dataclass(frozen=True, slots=True)
class Usage:
    """A workspace's period so far, as the seed tells it (checklist S77)."""

    plan: str
    current: int
    included: int
    billing_mode: BillingMode
    period_start: datetime
    period_end: datetime

    @property
    def overage(self) -> int:
        """Credits beyond those included."""
        return max(0, self.current - self.included)

    @property
    def percent(self) -> int:
        """Of what is included, in whole percent; 100 where nothing is."""
        return round(100 * self.current / self.included) if self.included else 100

    @property
    def told(self) -> dict[str, Any]:
        """The seed's six fields."""
        return {
            "current": self.current,
            "included": self.included,
            "overage": self.overage,
            "percentOfIncluded": self.percent,
            "billingMode": self.billing_mode,
            "periodEnd": self.period_end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def usage_of(row: Subscription, current: int) -> Usage:
    """The period of the row, with so many credits used."""
    mode = cast("BillingMode", row.billing_mode)
    return Usage(row.plan, current, row.included, mode, row.period_start, row.period_end)


def month_after(first: datetime) -> datetime:
    """The first of the month after that of `first`, which is one itself."""
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def new_ones(row: Subscription) -> str:
    """When the next period begins, for an end user."""
    return f"{row.period_end.day} {row.period_end:%B %Y}"


def exhausted(row: Subscription) -> CreditsExhausted:
    """The refusal of a workspace, for an end user."""
    told = f"Your workspace has used the {row.included:,} credits of this month. There are new ones on {new_ones(row)}"
    more = "; with a larger plan you can go on at once." if row.plan in PLANS else "."
    details = {"plan": row.plan, "included": row.included, "periodEnd": row.period_end.isoformat()}
    return CreditsExhausted(told + more, details=details)


def _terms(row: Subscription) -> Terms:
    return Terms(orjson.loads(row.prices), orjson.loads(row.models), row.most)
