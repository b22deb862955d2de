"""Credits as rows: reserved before a run, charged with each effect, settled at its end. Nothing is spent twice.

An entry is there once for each operation, under the operation's own key, and commits with the operation where that
writes through our session. What a run may still spend is reserved beforehand by one conditional `UPDATE` of the
workspace's row, so no two runs can spend the same credit. At the run's end its reservation becomes what its entries
say. So at any time: used + reserved of a workspace with a hard limit is at most what is included, and used is the sum
of the entries of the period.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, case, delete, func, or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.clock import Clock
from copilot_core.errors import CreditsExhausted, NotFound
from copilot_core.plans import ANSWER, Allowance, Prices
from copilot_core.principal import Principal
from copilot_core.store.database import Database
from copilot_core.store.subscriptions import Subscriptions, Usage, exhausted, month_after, new_ones, usage_of
from copilot_core.store.tables import CreditEntry, CreditHold, ReceiptRow, Run, Subscription
from copilot_core.store.workspaces import Workspaces

LIVE = ("queued", "running")
HOLD = timedelta(hours=1)
"""How long a call outside any run may take. What a process held that was killed is free again after that."""
_CAUSES: Mapping[str, Any] = {
    "action": CreditEntry.action,
    "day": CreditEntry.day,
    "model": CreditEntry.model,
    "run": func.coalesce(Run.id, CreditEntry.run_key),
    "user": CreditEntry.owner,
}


@dataclass(frozen=True, slots=True)
class Spent:
    """What one cause has cost.

    Args:
        cause: an action (empty: answers), a day in UTC, a model, a run's id (empty: outside any run) or a user.
        operations: how many were charged.
    """

    cause: str
    credits: int
    operations: int
    input_tokens: int
    output_tokens: int


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
        prices: of the server; a workspace may have its own.
        most: credits that one run may cost, where the workspace has not agreed on another number.
        plan_models: plan -> full names of the models that it has; a plan that is not named has all.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        subscriptions: Subscriptions,
        workspaces: Workspaces,
        *,
        prices: Prices,
        most: int,
        plan_models: Mapping[str, Sequence[str]],
    ) -> None:
        self._database = database
        self._clock = clock
        self.subscriptions = subscriptions
        self._workspaces = workspaces
        self._prices = prices
        self._most = most
        self._plan_models = plan_models

    async def allowance(self, principal: Principal) -> Allowance:
        """What the principal may spend, as things stand."""
        terms = await self.subscriptions.terms(principal.workspace)
        limits = await self._workspaces.limits(principal.workspace)
        return Allowance(
            replace(self._prices, own=terms.prices),
            self._most if terms.most is None else terms.most,
            limits.of(principal),
            terms.models or self._plan_models.get(await self.subscriptions.plan(principal.workspace), ()),
        )

    async def usage(self, workspace: str) -> Usage:
        """The workspace's period so far, charges of runs that go on among them."""

        def read(session: Session) -> Usage:
            row = self.subscriptions.current(session, workspace)
            mine = (CreditEntry.workspace == workspace, CreditEntry.period == row.period_start)
            return usage_of(row, _sum(session, CreditEntry.credits, *mine))

        return await self._database.transact(read, write=True)

    async def left(self, principal: Principal, allowance: Allowance) -> int | None:
        """Credits that the principal could spend just now; `None` where nothing limits them."""

        def read(session: Session) -> int | None:
            row = self.subscriptions.current(session, principal.workspace)
            self._expire(session, principal.workspace)
            session.refresh(row)
            lefts = [] if row.billing_mode == "soft_limit" else [row.included - row.used - row.reserved]
            if allowance.limit is not None:
                lefts.append(allowance.limit - self._used_by(session, row, principal.id))
            return max(0, min(lefts)) if lefts else None

        return await self._database.transact(read, write=True)

    async def by(
        self, kind: str, workspace: str, *, owner: str | None = None, since: str | None = None, until: str | None = None
    ) -> list[Spent]:
        """What a workspace has spent by cause, the most first.

        Args:
            kind: action, day, model, run or user.
            owner: of this user's alone.
            since: first day in UTC, with `until` the last one; the period that goes on where both are left out.
        """

        def read(session: Session) -> list[Spent]:
            row = self.subscriptions.current(session, workspace)
            cause = _CAUSES[kind]
            mine = [CreditEntry.workspace == workspace]
            mine += [] if owner is None else [CreditEntry.owner == owner]
            mine += [] if since is None else [CreditEntry.day >= since]
            mine += [] if until is None else [CreditEntry.day <= until]
            mine += [] if since or until else [CreditEntry.period == row.period_start]
            total = func.sum(CreditEntry.credits)
            columns = (
                cause,
                total,
                func.sum(case((col(CreditEntry.credits) > 0, 1), else_=0)),
                func.sum(CreditEntry.input_tokens),
                func.sum(CreditEntry.output_tokens),
            )
            query: Any = select(*columns).where(*mine).group_by(cause).order_by(total.desc(), cause)  # type: ignore[call-overload]
            if kind == "run":
                query = query.outerjoin(Run, col(Run.key) == CreditEntry.run_key)
            return [Spent(str(name or ""), *map(int, rest)) for name, *rest in session.exec(query)]

        return await self._database.transact(read, write=True)

    def open(self, session: Session, run: Run, allowance: Allowance, most: int | None) -> None:
        """Reserve for a run that begins what its answer costs at least; raises `CreditsExhausted`.

        Args:
            most: what the client lets it cost; never more than the allowance.
        """
        run.most = allowance.most if most is None else min(most, allowance.most)
        self._reserve(session, run, allowance, allowance.prices.times(ANSWER, run.model))

    def close(self, session: Session, run: Run, *, answered: bool, tokens: Mapping[str, int], model: str) -> int | None:
        """End a run's reservation: what is used instead. The credits that the run has cost; `None` if it has ended.

        Args:
            answered: it said all that it had to say; then an answer without any charged operation costs, too.
            tokens: the model's, by kind.
            model: the one that answered. Where it stands in for another, it costs no more than that one.
        """
        row = self.subscriptions.current(session, run.workspace)
        session.refresh(run)  # while this waited, somebody may have reserved for it, or ended it
        if run.status not in LIVE:
            return None
        entries = select(CreditEntry.key).where(CreditEntry.run_key == run.key).limit(1)
        costs = answered and run.reserved > 0 and session.exec(entries).first() is None
        if costs or tokens:
            price = min(self._prices.times(ANSWER, name) for name in (run.model, model)) if costs else 0
            charge = Charge(f"run:{run.key}", Principal(run.owner, run.workspace), run.key, "", model, price)
            entry = self.entry(session, charge)
            entry.input_tokens, entry.output_tokens = tokens.get("input_tokens", 0), tokens.get("output_tokens", 0)
            session.add(entry)
            session.flush()
        of_period = (CreditEntry.run_key == run.key, CreditEntry.period == row.period_start)
        used = _sum(session, CreditEntry.credits, *of_period)
        mine = update(Subscription).where(col(Subscription.workspace) == run.workspace)
        session.exec(mine.values(used=Subscription.used + used, reserved=Subscription.reserved - run.reserved))
        session.exec(update(Run).where(col(Run.key) == run.key).values(reserved=0))
        return _spent(session, run.key)

    async def cover(self, run_key: str, allowance: Allowance, prices: Mapping[str, int], *, asked: int = 0) -> None:
        """Reserve what these calls of a run cost, beside what it has spent.

        Args:
            prices: key of a call -> its credits.
            asked: what further calls cost that wait for a person: they must be payable, too, but nothing is kept
                for them.

        Raises:
            CreditsExhausted: there is not so much left; nothing is reserved.
            NotFound: the run has ended, whoever ended it.
        """

        def write(session: Session) -> None:
            run = session.get_one(Run, run_key)
            self.subscriptions.current(session, run.workspace)
            session.refresh(run)
            if run.status not in LIVE:
                raise NotFound("This run has ended.", details={"field": "runId"})
            known = set(session.exec(select(CreditEntry.key).where(col(CreditEntry.key).in_(prices))))
            needed = _spent(session, run_key) + sum(c for key, c in prices.items() if key not in known)
            if asked:
                with session.begin_nested() as tried:
                    self._reserve(session, run, allowance, max(0, needed + asked - run.reserved))
                    tried.rollback()
            if needed > run.reserved:
                self._reserve(session, run, allowance, needed - run.reserved)

        await self._database.transact(write, write=True)

    async def charge(self, charge: Charge) -> None:
        """Note that a call which only reads has succeeded."""
        try:
            await self._database.transact(lambda session: self.note(charge, session), write=True)
        except IntegrityError:  # a run that was taken over has read it once more
            return

    def note(self, charge: Charge, session: Session) -> None:
        """Have the charge committed with what else the transaction does."""
        self._count(session, self.entry(session, charge))

    async def refund(self, receipt: ReceiptRow, session: AsyncSession) -> None:
        """Give back what the write cost that this transaction undoes."""
        await session.run_sync(lambda sync: self._refund(cast("Session", sync), receipt))

    async def hold(self, charge: Charge, allowance: Allowance) -> None:
        """Reserve what a call outside any run costs, before it is made; raises `CreditsExhausted`."""
        principal = charge.principal

        def write(session: Session) -> None:
            row = self.subscriptions.current(session, principal.workspace)
            self._take(session, row, principal.id, allowance, charge.credits)
            end = self._clock.now() + HOLD
            session.add(
                CreditHold(
                    key=charge.key,
                    workspace=principal.workspace,
                    owner=principal.id,
                    credits=charge.credits,
                    expires_at=end,
                )
            )

        await self._database.transact(write, write=True)

    async def settle(self, charge: Charge, *, succeeded: bool) -> None:
        """The call has ended: it is charged, or what was held for it is free again."""

        def write(session: Session) -> None:
            row = self.subscriptions.current(session, charge.principal.workspace)
            gone: CursorResult[Any] = session.exec(delete(CreditHold).where(col(CreditHold.key) == charge.key))
            if gone.rowcount != 1:  # it took longer than a hold lasts
                return
            used = charge.credits if succeeded else 0
            if succeeded:
                session.add(self.entry(session, charge))
            mine = update(Subscription).where(col(Subscription.workspace) == row.workspace)
            values = {"used": Subscription.used + used, "reserved": Subscription.reserved - charge.credits}
            session.exec(mine.values(**values))

        await self._database.transact(write, write=True)

    def _reserve(self, session: Session, run: Run, allowance: Allowance, credits: int) -> None:
        if run.reserved + credits > run.most:
            raise _too_much(run, run.reserved + credits)
        row = self.subscriptions.current(session, run.workspace)
        self._take(session, row, run.owner, allowance, credits)
        run.reserved += credits
        session.add(run)
        session.flush()

    def _take(self, session: Session, row: Subscription, owner: str, allowance: Allowance, credits: int) -> None:
        """Reserve credits if there are so many: one `UPDATE`, which no other can come between."""
        if allowance.limit is not None and self._used_by(session, row, owner) + credits > allowance.limit:
            raise _limited(row, allowance.limit)
        if not self._try_to_take(session, row, credits):
            self._expire(session, row.workspace)
            if not self._try_to_take(session, row, credits):
                raise exhausted(row)

    def _try_to_take(self, session: Session, row: Subscription, credits: int) -> bool:
        spent = col(Subscription.used) + col(Subscription.reserved) + credits
        mine = update(Subscription).where(col(Subscription.workspace) == row.workspace)
        found = mine.where(or_(col(Subscription.billing_mode) == "soft_limit", spent <= col(Subscription.included)))
        done: CursorResult[Any] = session.exec(found.values(reserved=Subscription.reserved + credits))
        return bool(done.rowcount == 1)

    def _expire(self, session: Session, workspace: str) -> None:
        """Free what calls held that did not live to their end."""
        old = delete(CreditHold).where(
            col(CreditHold.workspace) == workspace, col(CreditHold.expires_at) <= self._clock.now()
        )
        freed = sum(session.scalars(old.returning(col(CreditHold.credits))))
        mine = update(Subscription).where(col(Subscription.workspace) == workspace)
        session.exec(mine.values(reserved=Subscription.reserved - freed))

    def _used_by(self, session: Session, row: Subscription, owner: str) -> int:
        """What a user has spent or may still spend in this period."""
        run_of = (Run.workspace == row.workspace, Run.owner == owner, col(Run.status).in_(LIVE))
        live = select(Run.key).where(*run_of)
        mine = (CreditEntry.workspace == row.workspace, CreditEntry.owner == owner)
        ended = (CreditEntry.period == row.period_start, col(CreditEntry.run_key).not_in(live))
        held = (CreditHold.workspace == row.workspace, CreditHold.owner == owner)
        kept = _sum(session, CreditHold.credits, *held, col(CreditHold.expires_at) > self._clock.now())
        return _sum(session, CreditEntry.credits, *mine, *ended) + _sum(session, Run.reserved, *run_of) + kept

    def _count(self, session: Session, entry: CreditEntry) -> None:
        """Add an entry. A live run counts its entries when it ends; what comes after that counts at once."""
        row = self.subscriptions.current(session, entry.workspace)
        session.add(entry)
        status = session.exec(select(Run.status).where(Run.key == entry.run_key)).first()
        if status not in LIVE and entry.period == row.period_start:
            mine = update(Subscription).where(col(Subscription.workspace) == row.workspace)
            session.exec(mine.values(used=Subscription.used + entry.credits))

    def _refund(self, session: Session, receipt: ReceiptRow) -> None:
        entry = session.get(CreditEntry, receipt.key)
        if entry is None:
            return
        back = entry.model_dump() | {"key": f"undo:{receipt.key}", "credits": -entry.credits, "at": self._clock.now()}
        self._count(session, CreditEntry(**back))

    def entry(self, session: Session, charge: Charge) -> CreditEntry:
        """The charge as a row of the period in which it falls."""
        row = session.get(Subscription, charge.principal.workspace)
        assert row is not None  # reserved from before
        now, period, end = self._clock.now(), row.period_start, row.period_end
        while end <= now:
            period, end = end, month_after(end)
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


def _spent(session: Session, run_key: str) -> int:
    """What the entries of a run say."""
    return _sum(session, CreditEntry.credits, CreditEntry.run_key == run_key)


def _sum(session: Session, column: Any, *where: Any) -> int:
    return int(session.exec(select(func.coalesce(func.sum(column), 0)).where(*where)).one())


def _too_much(run: Run, needed: int) -> CreditsExhausted:
    told = f"This would cost {needed} credits, and one message may cost {run.most} at most. Ask for less at once."
    return CreditsExhausted(told, details={"needed": needed, "most": run.most})


def _limited(row: Subscription, limit: int) -> CreditsExhausted:
    told = f"You have used the {limit:,} credits that your workspace gives you for this month. There are new ones on "
    told += f"{new_ones(row)}; an admin of your workspace can give you more."
    return CreditsExhausted(told, details={"limit": limit, "periodEnd": row.period_end.isoformat()})
