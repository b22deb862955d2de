"""Credits as rows: reserved before a run, charged with each effect, settled at its end. Nothing is spent twice.

An entry is there once for each operation, under the operation's own key, and commits with the operation where that
writes through our session. What a run may still spend is reserved beforehand by one conditional `UPDATE` of the
workspace's row, so no two runs can spend the same credit. At the run's end its reservation becomes what its entries
say. So at any time: used + reserved of a workspace with a hard limit is at most what is included, and used is the sum
of the entries of the period.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, func, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.clock import Clock
from copilot_core.errors import CreditsExhausted
from copilot_core.plans import ANSWER, PLANS, BillingMode, Prices
from copilot_core.principal import Principal
from copilot_core.store.database import Database
from copilot_core.store.tables import CreditEntry, ReceiptRow, Run, Subscription

LIVE = ("queued", "running")
_CAUSES: Mapping[str, Any] = {
    "action": CreditEntry.action,
    "day": CreditEntry.day,
    "model": CreditEntry.model,
    "user": CreditEntry.owner,
}


@dataclass(frozen=True, slots=True)
class Usage:
    """A workspace's period so far, as the seed tells it (checklist S77)."""

    plan: str
    current: int
    included: int
    billing_mode: BillingMode
    period_end: datetime

    @property
    def overage(self) -> int:
        """Credits beyond those included."""
        return max(0, self.current - self.included)

    @property
    def percent(self) -> int:
        """Of what is included, in whole percent; 100 where nothing is."""
        return round(100 * self.current / self.included) if self.included else 100


@dataclass(frozen=True, slots=True)
class Charge:
    """A call that is about to run, and what it costs if it succeeds.

    Args:
        key: the call's own, for ever.
    """

    key: str
    principal: Principal
    run_key: str
    action: str
    model: str
    credits: int


class Credits:
    """The store.

    Args:
        plan: of a workspace that nobody has given one.
    """

    def __init__(self, database: Database, clock: Clock, prices: Prices, plan: str = "enterprise") -> None:
        self._database = database
        self._clock = clock
        self._plan = plan
        self.prices = prices

    async def subscribe(
        self, workspace: str, plan: str, *, included: int | None = None, billing_mode: BillingMode | None = None
    ) -> None:
        """Give a workspace a plan from now on; what it has used of its period stays used."""
        sold = PLANS[plan]

        def write(session: Session) -> None:
            row = self._row(session, workspace)
            row.plan = plan
            row.included = sold.included if included is None else included
            row.billing_mode = billing_mode or sold.billing_mode
            session.add(row)

        await self._database.transact(write, write=True)

    async def usage(self, workspace: str) -> Usage:
        """The workspace's period so far, charges of runs that go on among them."""

        def read(session: Session) -> Usage:
            row = self._row(session, workspace)
            mine = (CreditEntry.workspace == workspace, CreditEntry.period == row.period_start)
            spent = session.exec(select(func.coalesce(func.sum(CreditEntry.credits), 0)).where(*mine)).one()
            return Usage(row.plan, int(spent), row.included, cast("BillingMode", row.billing_mode), row.period_end)

        return await self._database.transact(read, write=True)

    async def by(self, kind: str, principal: Principal, owner: str | None) -> list[tuple[str, int, int]]:
        """Credits and operations of the principal's workspace in this period, the most used first.

        Args:
            kind: action (empty: an answer without any), day (UTC), model or user.
            owner: of this user's alone.
        """

        def read(session: Session) -> list[tuple[str, int, int]]:
            row = self._row(session, principal.workspace)
            cause = _CAUSES[kind]
            mine = [CreditEntry.workspace == principal.workspace, CreditEntry.period == row.period_start]
            mine += [] if owner is None else [CreditEntry.owner == owner]
            total = func.sum(CreditEntry.credits)
            query = select(cause, total, func.count()).where(*mine).group_by(cause).order_by(total.desc(), cause)
            return [(str(name), int(credits), int(number)) for name, credits, number in session.exec(query)]

        return await self._database.transact(read, write=True)

    def open(self, session: Session, run: Run) -> None:
        """Reserve for a run that begins what its answer costs at least; raises `CreditsExhausted`."""
        self._reserve(session, run, self.prices.times(ANSWER, run.model))

    def close(self, session: Session, run: Run, *, answered: bool) -> int:
        """End a run's reservation: what is used instead. The credits that the run has cost.

        Args:
            answered: it said all that it had to say; then an answer without any charged operation costs, too.
        """
        row = self._row(session, run.workspace)
        entries = select(CreditEntry.key).where(CreditEntry.run_key == run.key).limit(1)
        if answered and session.exec(entries).first() is None:
            price = self.prices.times(ANSWER, run.model)
            principal = Principal(run.owner, run.workspace)
            session.add(self.entry(session, Charge(f"run:{run.key}", principal, run.key, "", run.model, price)))
            session.flush()
        used = _spent(session, run.key, row.period_start)
        mine = update(Subscription).where(col(Subscription.workspace) == run.workspace)
        session.exec(mine.values(used=Subscription.used + used, reserved=Subscription.reserved - run.reserved))
        session.exec(update(Run).where(col(Run.key) == run.key).values(reserved=0))
        return _spent(session, run.key, None)

    async def cover(self, run_key: str, prices: Mapping[str, int]) -> None:
        """Reserve what these calls of a run cost, beside what it has spent.

        Args:
            prices: key of a call -> its credits.

        Raises:
            CreditsExhausted: there is not so much left; nothing is reserved.
        """

        def write(session: Session) -> None:
            run = session.get(Run, run_key)
            assert run is not None
            known = set(session.exec(select(CreditEntry.key).where(col(CreditEntry.key).in_(prices))))
            needed = _spent(session, run_key, None) + sum(c for key, c in prices.items() if key not in known)
            if needed > run.reserved:
                self._reserve(session, run, needed - run.reserved)

        await self._database.transact(write, write=True)

    async def charge(self, charge: Charge) -> None:
        """Note that a call which only reads has succeeded."""
        try:
            await self._database.transact(lambda session: self.note(charge, session), write=True)
        except IntegrityError:  # a run that was taken over has read it once more
            return

    def note(self, charge: Charge, session: Session) -> None:
        """Have the charge committed with what else the transaction does."""
        session.add(self.entry(session, charge))

    async def refund(self, receipt: ReceiptRow, session: AsyncSession) -> None:
        """Give back what the write cost that this transaction undoes."""
        await session.run_sync(lambda sync: self._refund(cast("Session", sync), receipt))

    async def spend(self, charge: Charge) -> None:
        """Charge a call outside any run before it is made; raises `CreditsExhausted`."""

        def write(session: Session) -> None:
            row = self._row(session, charge.principal.workspace)
            self._take(session, row, used=charge.credits)
            session.add(self.entry(session, charge))

        await self._database.transact(write, write=True)

    async def give_back(self, charge: Charge) -> None:
        """A call that was charged with `spend` has failed."""

        def write(session: Session) -> None:
            row = self._row(session, charge.principal.workspace)
            back = Charge(f"failed:{charge.key}", charge.principal, "", charge.action, charge.model, -charge.credits)
            session.add(self.entry(session, back))
            self._use(session, row, -charge.credits)

        await self._database.transact(write, write=True)

    def _reserve(self, session: Session, run: Run, credits: int) -> None:
        row = self._row(session, run.workspace)
        self._take(session, row, reserved=credits)
        run.reserved += credits
        session.add(run)

    def _take(self, session: Session, row: Subscription, *, used: int = 0, reserved: int = 0) -> None:
        """Use or reserve credits if there are so many: one `UPDATE`, which no other can come between."""
        spent = col(Subscription.used) + col(Subscription.reserved) + used + reserved
        mine = update(Subscription).where(col(Subscription.workspace) == row.workspace)
        found = mine.where(or_(col(Subscription.billing_mode) == "soft_limit", spent <= col(Subscription.included)))
        values = {"used": Subscription.used + used, "reserved": Subscription.reserved + reserved}
        done: CursorResult[Any] = session.exec(found.values(**values))
        if done.rowcount != 1:
            raise exhausted(row)

    def _use(self, session: Session, row: Subscription, credits: int) -> None:
        mine = update(Subscription).where(col(Subscription.workspace) == row.workspace)
        session.exec(mine.values(used=Subscription.used + credits))

    def _refund(self, session: Session, receipt: ReceiptRow) -> None:
        entry = session.get(CreditEntry, receipt.key)
        if entry is None:
            return
        row = self._row(session, entry.workspace)
        back = entry.model_dump() | {"key": f"undo:{receipt.key}", "credits": -entry.credits, "at": self._clock.now()}
        session.add(CreditEntry(**back))
        status = session.exec(select(Run.status).where(Run.key == entry.run_key).with_for_update()).first()
        if status not in LIVE and entry.period == row.period_start:  # a live run counts it at its end
            self._use(session, row, -entry.credits)

    def _row(self, session: Session, workspace: str) -> Subscription:
        """The workspace's subscription in the period that goes on."""
        row = session.get(Subscription, workspace, with_for_update=True)
        now = self._clock.now()
        if row is None:
            sold = PLANS[self._plan]
            begun = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            row = Subscription(
                workspace=workspace,
                plan=self._plan,
                included=sold.included,
                billing_mode=sold.billing_mode,
                period_start=begun,
                period_end=_month_after(begun),
            )
            session.add(row)
            session.flush()
        while row.period_end <= now:  # at UTC's time, however long nobody asked
            row.period_start, row.period_end, row.used = row.period_end, _month_after(row.period_end), 0
            session.add(row)
        session.flush()
        return row

    def entry(self, session: Session, charge: Charge) -> CreditEntry:
        """The charge as a row of the period in which it falls."""
        row = session.get(Subscription, charge.principal.workspace)
        assert row is not None  # reserved from before
        now, period, end = self._clock.now(), row.period_start, row.period_end
        while end <= now:
            period, end = end, _month_after(end)
        return CreditEntry(
            key=charge.key,
            workspace=charge.principal.workspace,
            owner=charge.principal.id,
            run_key=charge.run_key,
            action=charge.action,
            model=charge.model,
            credits=charge.credits,
            period=period,
            day=now.astimezone(UTC).date().isoformat(),
            at=now,
        )


def _month_after(first: datetime) -> datetime:
    """The first of the month after that of `first`, which is one itself."""
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def _spent(session: Session, run_key: str, period: datetime | None) -> int:
    """What the entries of a run say, or those of them that are of one period."""
    mine = [CreditEntry.run_key == run_key, *([] if period is None else [CreditEntry.period == period])]
    return int(session.exec(select(func.coalesce(func.sum(CreditEntry.credits), 0)).where(*mine)).one())


def exhausted(row: Subscription) -> CreditsExhausted:
    """The refusal, for an end user."""
    end = f"{row.period_end.day} {row.period_end:%B %Y}"
    told = f"Your workspace has used the {row.included:,} credits of this month. There are new ones on {end}"
    more = "; with a larger plan you can go on at once." if row.plan in PLANS else "."
    details = {"plan": row.plan, "included": row.included, "periodEnd": row.period_end.isoformat()}
    return CreditsExhausted(told + more, details=details)
