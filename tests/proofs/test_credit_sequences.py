"""Whatever a workspace does, and in whatever order: every credit used has its entry, and nothing stays reserved."""

import asyncio
import json
import math
import os
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatResult
from pydantic import PrivateAttr
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Action, ActionError, Call, Injected, Principal, Receipt, Role, action, hookimpl
from copilot_core.chat_models import ChatModels
from copilot_core.clock import FixedClock
from copilot_core.errors import RequestError, UndoConflict
from copilot_core.run import CallDecision, Message, OnBusy, RunInput
from copilot_core.server import Deployment
from copilot_core.store.credits import Charge
from copilot_core.store.log import LIVE
from copilot_core.store.tables import CreditEntry, CreditHold, LedgerEntry, ReceiptRow, Run, Subscription
from copilot_core.store.workspaces import Limits
from copilot_core.testing import ScriptedModel, opened

EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "0"))
"""How many sequences are tried; what CI can afford where it is 0."""
T = TypeVar("T")
BIG = "openai:big"
FACTORS = {"openai:small": 1.0, BIG: 2.5}
EVES = 12
"""Credits that Eve may use in a month."""
READ: set[str] = set()
"""Keys of the reads that succeeded."""
SEEN: Counter[str] = Counter()
"""What the sequences came to: runs by their end, entries by action."""
PRICES: dict[str, Any] = {"look": 2, "add": 3, "addMany": lambda given: 2 + given["count"], "mail": 4, "drop": 5}
NAMES = st.sampled_from(["milk", "bread"])
INDEX = st.integers(0, 7)
ROUNDS: dict[str, list[list[tuple[str, dict[str, Any]]]]] = {
    "hello": [],
    "look": [[("look", {})]],
    "add": [[("add", {})]],
    "many": [[("addMany", {"count": 4})]],
    "mail": [[("mail", {})]],
    "both": [[("add", {}), ("look", {})]],
    "then": [[("look", {})], [("add", {})]],
    "half": [[("add", {}), ("fail", {})]],
    "crash": [[("look", {}), ("crash", {})]],
    "wrong": [[("add", {"count": "none"}), ("ghost", {})]],
    "drop": [[("drop", {}), ("look", {})]],
    "plan": [[("add", {})], [("drop", {}), ("mail", {})]],
}
SAID = st.sampled_from(sorted(ROUNDS))
WORK = st.sampled_from(["look", "add", "many", "mail", "both", "then", "drop", "plan"])


async def take_back(receipt: Receipt, session: Injected[AsyncSession]) -> None:
    """Nothing is kept, so nothing is to be taken back."""


@action(credits=PRICES["look"])
async def look(name: str, call: Injected[Call]) -> str:
    """Look for something."""
    READ.add(str(call.key))
    return name


@action(writes=True, credits=PRICES["add"], undo=take_back)
async def add(name: str, session: Injected[AsyncSession]) -> str:
    """Add something."""
    return name


@action(writes=True, credits=PRICES["addMany"], undo=take_back)
async def add_many(name: str, count: int, session: Injected[AsyncSession]) -> str:
    """Add some."""
    return f"{count} {name}"


@action(writes=True, credits=PRICES["mail"], undo=take_back)
async def mail(name: str, call: Injected[Call]) -> str:
    """Send a mail, which is no matter of our database."""
    return name


@action(destructive=True, credits=PRICES["drop"], undo=take_back)
async def drop(name: str, session: Injected[AsyncSession]) -> str:
    """Drop something."""
    return name


@action(writes=True, credits=4)
async def fail(name: str, session: Injected[AsyncSession]) -> str:
    """Fail, and say so."""
    raise ActionError("No.", code="not_found")


@action(credits=4)
async def crash(name: str) -> str:
    """Fail unexpectedly."""
    raise ZeroDivisionError


class Plugin:
    """The actions."""

    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [look, add, add_many, mail, drop, fail, crash]


class Obedient(ScriptedModel):
    """Calls what the user's last message says, round by round; with "slowly" it waits before its last word."""

    _go: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)
    _waiting: int = PrivateAttr(0)

    @property
    def waiting(self) -> int:
        return self._waiting

    def go_on(self) -> None:
        self._go.set()
        self._go = asyncio.Event()

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        calls, slowly = _next_of(messages)
        if slowly and not calls:
            self._waiting += 1
            try:
                await self._go.wait()
            finally:
                self._waiting -= 1
        return await super()._agenerate(messages, *args, **kwargs)

    def _step(self, messages: list[BaseMessage]) -> AIMessage:
        calls, _ = _next_of(messages)
        return AIMessage("Done." if not calls else "", id=f"msg_{uuid4().hex}", tool_calls=calls)


def _next_of(messages: Sequence[BaseMessage]) -> tuple[list[Any], bool]:
    """The calls of the round that comes next, and whether the user has time."""
    last = max(index for index, message in enumerate(messages) if isinstance(message, HumanMessage))
    what, _, rest = messages[last].text.partition(" ")
    rounds = ROUNDS.get(what, [])
    done = sum(isinstance(message, AIMessage) and bool(message.tool_calls) for message in messages[last:])
    calls = rounds[done] if done < len(rounds) else []
    name = rest.partition(" ")[0]
    made = [
        {"name": n, "args": {"name": name, **g}, "id": f"c{i}", "type": "tool_call"} for i, (n, g) in enumerate(calls)
    ]
    return made, rest.endswith("slowly")


class Books(RuleBasedStateMachine):
    """A workspace of its own for each sequence; after every step its books are checked against what was done."""

    def __init__(self, database_url: str) -> None:
        super().__init__()
        self.url = database_url
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.clock = FixedClock(datetime(2026, 1, 10, 9, tzinfo=UTC))
        self.workspace = f"w{uuid4().hex}"
        self.dana = Principal("dana", self.workspace, Role.ADMIN)
        self.eve = Principal("eve", self.workspace, Role.MEMBER)
        self.vera = Principal("vera", self.workspace, Role.VIEWER)
        self.posted: list[tuple[Principal, RunInput]] = []
        self.asks = self.wrote = self.lives = False
        self.ready: Deployment
        self.model: Obedient

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(included=st.sampled_from([9, 30, None]))
    def begin(self, included: int | None) -> None:
        self.do(self._open())
        self.do(self._subscribe(included))

    async def _open(self) -> None:
        self.model = Obedient(script=[])
        models = ChatModels("openai:small", [BIG], made={"openai:small": self.model, BIG: self.model})
        given = {"model_factors": FACTORS, "run_credits": 20}
        opening = opened(Plugin(), database_url=self.url, clock=self.clock, models=models, settings=given)
        self.ready = await self.stack.enter_async_context(opening)
        self.copilot = self.ready.copilot
        self.credits = self.copilot.engine.credits

    async def _subscribe(self, included: int | None) -> None:
        limit = {"included": included} if included is not None else {}
        plan = "growth" if included is None else "free"
        await self.credits.subscriptions.subscribe(self.workspace, plan, by="root", **limit)
        await self.copilot.workspaces.set_limits(self.dana, Limits(users={"eve": EVES}))

    async def _tick(self, step: timedelta = timedelta(seconds=1)) -> None:
        self.clock.instant += step
        await self.copilot._beat()

    async def _rest(self) -> None:
        """Until nobody is at work but who waits for the model, and who waits for them."""
        while True:
            await self.copilot._beat()
            running, queued = await self.ready.database.transact(self._live)
            if running == self.model.waiting and (running or not queued):
                return
            await asyncio.sleep(0.005)

    def _live(self, session: Session) -> tuple[int, int]:
        found = list(session.exec(select(Run.status).where(Run.workspace == self.workspace)))
        return found.count("running"), found.count("queued")

    async def _start(self, who: Principal, given: RunInput) -> None:
        await self._tick()
        with suppress(RequestError):
            await self.copilot.start(given, who)
        await self._rest()

    @rule(said=WORK, name=NAMES, thread=st.sampled_from("abcd"), model=st.sampled_from([None, None, BIG]))
    def work(self, said: str, name: str, thread: str, model: str | None) -> None:
        """Read and write."""
        self._say(self.dana, f"{said} {name}", thread, model)

    @rule(said=SAID, who=st.sampled_from(["dana", "dana", "eve", "eve", "vera"]), thread=st.sampled_from("abcd"))
    def say(self, said: str, who: str, thread: str) -> None:
        """Also fail, be denied or asked."""
        self._say(getattr(self, who), f"{said} milk", thread)

    @rule(said=WORK, who=st.sampled_from(["dana", "dana", "eve"]), thread=st.sampled_from("ab"))
    def say_slowly(self, said: str, who: str, thread: str) -> None:
        """The model waits with its last word."""
        self._say(getattr(self, who), f"{said} milk slowly", thread)

    @precondition(lambda self: self.lives)
    @rule(said=SAID, thread=st.sampled_from("ab"), on_busy=st.sampled_from(["queue", "queue", "interrupt"]))
    def say_more(self, said: str, thread: str, on_busy: OnBusy) -> None:
        """While another run of the thread goes on."""
        self._say(self.dana, f"{said} milk", thread, on_busy=on_busy)

    def _say(
        self, who: Principal, said: str, thread: str, model: str | None = None, on_busy: OnBusy = "reject"
    ) -> None:
        number = len(self.posted)
        given = RunInput(
            [Message("user", said, id=f"u{number}")],
            thread_id=f"{self.workspace}-{who.id}-{thread}",
            run_id=f"r{number}",
            opens_thread=True,
            model=model,
            on_busy=on_busy,
        )
        self.posted.append((who, given))
        self.do(self._start(who, given))

    @precondition(lambda self: self.posted)
    @rule(index=INDEX)
    def post_again(self, index: int) -> None:
        """The same run id: as a client does that had no answer."""
        self.do(self._start(*self.posted[-1 - index % len(self.posted)]))

    @precondition(lambda self: self.posted)
    @rule(index=INDEX, said=st.one_of(st.none(), SAID))
    def answer_anew(self, index: int, said: str | None) -> None:
        """Regenerate a message, or edit it."""
        who, given = self.posted[-1 - index % len(self.posted)]
        [message] = given.messages
        told = message.content if said is None else f"{said} milk"
        anew = RunInput([Message("user", told, id=message.id)], thread_id=given.thread_id, run_id=f"r{uuid4().hex}")
        self.do(self._start(who, anew))

    @precondition(lambda self: self.posted)
    @rule(index=INDEX, at=INDEX, said=SAID)
    def fork(self, index: int, at: int, said: str) -> None:
        who, given = self.posted[-1 - index % len(self.posted)]
        self.do(self._fork(who, str(given.thread_id), at, said))

    async def _fork(self, who: Principal, thread: str, at: int, said: str) -> None:
        try:
            messages = (await self.copilot.conversation(thread, who))["messages"]
        except RequestError:  # it was never begun: there were no credits for it
            return
        if not messages:
            return
        made = await self.copilot.fork(thread, who, messages[at % len(messages)]["id"])
        message = Message("user", f"{said} milk", id=f"u{uuid4().hex}")
        await self._start(who, RunInput([message], thread_id=made.id))

    @precondition(lambda self: self.asks)
    @rule(how=st.sampled_from(["approve", "approve", "reject", "edit", "yes", "no"]), twice=st.booleans())
    def answer(self, how: str, twice: bool) -> None:
        self.do(self._answer(how, 2 if twice else 1))

    async def _answer(self, how: Any, times: int) -> None:
        approval, thread = (await self.copilot.engine.approvals.list(self.dana, status="pending"))[0]
        if how in {"yes", "no"}:
            await self._start(self.dana, RunInput([Message("user", how, id=f"u{uuid4().hex}")], thread_id=thread))
            return
        changed = {"name": "butter"} if how == "edit" else None
        decisions = [CallDecision("" if changed is None else "c0", how, changed)]
        await self._tick()
        answers = (self.copilot.answer(approval.id, self.dana, decisions) for _ in range(times))
        done = await asyncio.gather(*answers, return_exceptions=True)
        assert all(isinstance(one, tuple | RequestError) for one in done), done
        await self._rest()

    @precondition(lambda self: self.wrote)
    @rule(index=INDEX, whole=st.booleans())
    def undo(self, index: int, whole: bool) -> None:
        """One write, or all of a run, also while it goes on; twice, which is once too often."""
        self.do(self._undo(index, whole))

    async def _undo(self, index: int, whole: bool) -> None:
        await self._tick()
        receipts = self.copilot.engine.receipts
        standing = [row for row in await receipts.list(self.dana) if row.undone_at is None]
        row = standing[index % len(standing)]
        rows = [one for one in standing if one.run_id == row.run_id] if whole else [row]
        await self.copilot.undo(rows, self.dana)
        await self._rest()
        with pytest.raises(UndoConflict):
            await self.copilot.undo(rows, self.dana)

    @precondition(lambda self: self.lives)
    @rule()
    def go_on(self) -> None:
        """What waits for the model gets its answer."""
        self.model.go_on()
        self.do(self._rest())

    @precondition(lambda self: self.lives)
    @rule()
    def stop(self) -> None:
        self.do(self._stop())

    async def _stop(self) -> None:
        def read(session: Session) -> Sequence[Run]:
            mine = select(Run).where(Run.workspace == self.workspace, col(Run.status).in_(LIVE))
            return session.exec(mine.order_by(col(Run.created_at))).all()

        for run in (await self.ready.database.transact(read))[:1]:
            await self.copilot.stop(run)
        await asyncio.sleep(0)
        await self._rest()

    @precondition(lambda self: self.posted)
    @rule()
    def restart(self) -> None:
        """The next server takes up what this one has not brought to its end."""
        self.do(self.copilot.close(patience=0))
        self.do(self.stack.aclose())
        self.stack = AsyncExitStack()
        self.do(self._open())
        self.do(self._rest())

    @precondition(lambda self: self.posted)
    @rule(later=st.sampled_from([timedelta(hours=2), timedelta(days=40)]))
    def wait(self, later: timedelta) -> None:
        """Questions and holds expire; months end."""
        self.do(self._tick(later))

    @rule(ends=st.sampled_from(["well", "badly", "never"]))
    def call_outside(self, ends: str) -> None:
        """A call outside any run."""
        self.do(self._call_outside(ends))

    async def _call_outside(self, ends: str) -> None:
        charge = Charge(f"call:{uuid4().hex}", self.eve, "", "look", BIG, 5)
        try:
            await self.credits.hold(charge, await self.credits.allowance(self.eve))
        except RequestError:
            return
        if ends != "never":
            await self.credits.settle(charge, succeeded=ends == "well")

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "ready"):
            return
        current = self.do(self.credits.usage(self.workspace)).current
        now = self.clock.now()
        self.do(self.ready.database.transact(lambda session: check(session, self.workspace, current, now)))
        self.lives = sum(self.do(self.ready.database.transact(self._live))) > 0
        self.asks = bool(self.do(self.copilot.engine.approvals.list(self.dana, status="pending")))
        self.wrote = any(row.undone_at is None for row in self.do(self.copilot.engine.receipts.list(self.dana)))

    def teardown(self) -> None:
        if hasattr(self, "ready"):
            while sum(self.do(self.ready.database.transact(self._live))):
                self.go_on()
            self.wait(timedelta(hours=2))
            self.do(self.credits.left(self.dana, self.do(self.credits.allowance(self.dana))))
            self.the_books_agree()
            account = self.do(self.ready.database.transact(lambda s: s.get_one(Subscription, self.workspace)))
            assert account.reserved == 0
            self.do(self.ready.database.transact(lambda session: count(session, self.workspace)))
        self.do(self.stack.aclose())
        self.runner.close()


def check(session: Session, workspace: str, current: int, now: datetime) -> None:
    """Compare what is charged with what was done, from the rows of either."""
    account = session.get_one(Subscription, workspace)
    runs = {run.key: run for run in session.exec(select(Run).where(Run.workspace == workspace))}
    entries = {e.key: e for e in session.exec(select(CreditEntry).where(CreditEntry.workspace == workspace))}
    holds = list(session.exec(select(CreditHold).where(CreditHold.workspace == workspace)))
    live = {key for key, run in runs.items() if run.status in LIVE}
    period = [entry for entry in entries.values() if entry.period == account.period_start]

    assert current == sum(entry.credits for entry in period)
    assert account.used == sum(entry.credits for entry in period if entry.run_key not in live)
    assert account.reserved == sum(run.reserved for run in runs.values()) + sum(hold.credits for hold in holds)
    assert [key for key, run in runs.items() if run.reserved and key not in live] == []
    if account.billing_mode == "hard_limit":
        assert account.used + account.reserved <= account.included
    of_eve = sum(e.credits for e in period if e.owner == "eve" and e.run_key not in live)
    of_eve += sum(run.reserved for run in runs.values() if run.owner == "eve")
    assert of_eve + sum(hold.credits for hold in holds if hold.expires_at > now) <= EVES

    models = {key: runs[entry.run_key].model for key, entry in entries.items() if entry.run_key}
    charged = {key: entries[key].credits for key in models if entries[key].action and not key.startswith("undo:")}
    prices = done(session, workspace)
    assert charged == {
        key: math.ceil(price * FACTORS[models.get(key, "openai:small")]) for key, price in prices.items()
    }
    undone = select(ReceiptRow.key).where(ReceiptRow.workspace == workspace, col(ReceiptRow.undone_at).is_not(None))
    given_back = {key: entry.credits for key, entry in entries.items() if key.startswith("undo:")}
    assert given_back == {f"undo:{key}": -charged[key] for key in session.exec(undone)}

    for key, run in runs.items():
        mine = [entry for entry in entries.values() if entry.run_key == key]
        answer = [entry.credits for entry in mine if not entry.action]
        costs = run.status == "finished" and run.model and len(answer) == len(mine)
        assert answer == ([math.ceil(FACTORS[run.model])] if costs else []), run
        assert run.credits == sum(e.credits for e in mine if run.ended_at is not None and e.at <= run.ended_at), run


def count(session: Session, workspace: str) -> None:
    SEEN["sequences"] += 1
    for run in session.exec(select(Run).where(Run.workspace == workspace)):
        SEEN[f"run {run.error or run.status}"] += 1
    for entry in session.exec(select(CreditEntry).where(CreditEntry.workspace == workspace)):
        SEEN["undo" if entry.credits < 0 else f"entry {entry.action or 'answer'}"] += 1


def done(session: Session, workspace: str) -> dict[str, int]:
    """Key of each call that succeeded -> its price, as its action declares it."""
    found = {key: PRICES["look"] for key in READ if key.startswith(f"{workspace}:")}
    rows = session.exec(select(LedgerEntry).where(LedgerEntry.workspace == workspace)).all()
    given = {row.key: json.loads(row.body)["arguments"] for row in rows if row.kind == "intent"}
    for row in rows:
        if row.key in given and row.kind == "result" and json.loads(row.body).get("success") is not False:
            price = PRICES[row.action]
            found[row.key] = price(given[row.key]) if callable(price) else price
    return found


@pytest.mark.proof
def test_whatever_is_done_in_whatever_order_the_books_agree(database_url: str) -> None:
    examples = EXAMPLES or (16 if database_url.startswith("sqlite") else 6)
    wanted = settings(max_examples=examples, stateful_step_count=25, deadline=None, print_blob=True)
    SEEN.clear()
    run_state_machine_as_test(lambda: Books(database_url), settings=wanted)
    print(f"books {database_url.partition(':')[0]}: {', '.join(f'{n} {what}' for what, n in sorted(SEEN.items()))}")
