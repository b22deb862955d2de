"""Whatever a workspace does, and in whatever order: every credit used has its entry, and nothing stays reserved."""

import asyncio
import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatResult
from pydantic import PrivateAttr
from sqlmodel import Session, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Action, ActionError, Call, Injected, Principal, Receipt, Role, action, hookimpl
from copilot_core.chat_models import ChatModels
from copilot_core.clock import FixedClock
from copilot_core.errors import CreditsExhausted, NotFound, RequestError, UndoConflict
from copilot_core.run import CallDecision, Message, RunInput
from copilot_core.store.credits import Charge
from copilot_core.store.log import LIVE
from copilot_core.store.tables import CreditEntry, CreditHold, LedgerEntry, ReceiptRow, Run, Subscription
from copilot_core.store.workspaces import Limits
from copilot_core.testing import ScriptedModel, opened

EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "0"))
"""How many sequences are tried; what CI can afford where it is 0."""
BIG = "openai:big"
FACTORS = {"openai:small": 1.0, BIG: 2.5}
EVES = 12
"""Credits that Eve may use in a month."""
PHASES = [Phase.reuse, Phase.generate, *([Phase.shrink] if EXAMPLES else [])]
"""A sequence that fails is made short only where somebody has time for it."""
READ: set[str] = set()
"""Keys of the reads that succeeded."""
SEEN: Counter[str] = Counter()
"""What the sequences came to: runs by their end, entries by action."""
PRICES: dict[str, Any] = {"look": 2, "add": 3, "addMany": lambda given: 2 + given["count"], "mail": 4, "drop": 5}
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
WORK = st.sampled_from(["both", "plan", "drop", "many", "mail", "then", "add", "look"])


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


INDEX = st.integers(0, 7)
THREAD = st.sampled_from("abc")


def a_step(name: str, *drawn: st.SearchStrategy[Any], weight: int = 1) -> list[st.SearchStrategy[Any]]:
    """The method of that name, with what is drawn for it; `weight` times as likely as others."""
    return [st.tuples(st.just(name), st.tuples(*drawn))] * weight


STEPS = st.one_of(
    *a_step("work", WORK, THREAD, st.sampled_from([None, None, BIG]), weight=5),
    *a_step("say", SAID, st.sampled_from(["dana", "dana", "eve", "eve", "vera"]), THREAD, weight=2),
    *a_step("say_slowly", WORK, st.sampled_from(["dana", "eve"]), THREAD, weight=3),
    *a_step("say_more", WORK, st.sampled_from(["queue", "interrupt", "reject"]), weight=2),
    *a_step("post_again", INDEX),
    *a_step("answer_anew", INDEX, st.one_of(st.none(), SAID)),
    *a_step("fork", INDEX, INDEX, SAID),
    *a_step("answer", st.sampled_from(["approve", "approve", "reject", "edit", "yes", "no"]), st.booleans(), weight=5),
    *a_step("undo", INDEX, st.booleans(), weight=3),
    *a_step("go_on", weight=2),
    *a_step("stop"),
    *a_step("restart"),
    *a_step("wait", st.sampled_from([timedelta(hours=2), timedelta(days=40)])),
    *a_step("call_outside", st.sampled_from(["well", "badly", "never"])),
)


class Books:
    """A workspace of its own for each sequence, whose books are checked after every step."""

    def __init__(self, database_url: str) -> None:
        self.url = database_url
        self.stack = AsyncExitStack()
        self.clock = FixedClock(datetime(2026, 1, 10, 9, tzinfo=UTC))
        self.workspace = f"w{uuid4().hex}"
        self.dana = Principal("dana", self.workspace, Role.ADMIN)
        self.eve = Principal("eve", self.workspace, Role.MEMBER)
        self.vera = Principal("vera", self.workspace, Role.VIEWER)
        self.posted: list[tuple[Principal, RunInput]] = []

    async def open(self) -> None:
        self.model = Obedient(script=[])
        models = ChatModels("openai:small", [BIG], made={"openai:small": self.model, BIG: self.model})
        given = {"model_factors": FACTORS, "run_credits": 20}
        opening = opened(Plugin(), database_url=self.url, clock=self.clock, models=models, settings=given)
        self.ready = await self.stack.enter_async_context(opening)
        self.copilot = self.ready.copilot
        self.credits = self.copilot.engine.credits

    async def subscribe(self, included: int | None) -> None:
        limit = {"included": included} if included is not None else {}
        plan = "growth" if included is None else "free"
        await self.credits.subscriptions.subscribe(self.workspace, plan, by="root", **limit)
        await self.copilot.workspaces.set_limits(self.dana, Limits(users={"eve": EVES}))

    async def tick(self, step: timedelta = timedelta(seconds=1)) -> None:
        self.clock.instant += step
        await self.copilot._beat()

    async def rest(self) -> None:
        """Until nobody is at work but who waits for the model, and who waits for them."""
        while True:
            await self.copilot._beat()
            live = [run.status for run in await self.live()]
            if (live.count("running") == self.model.waiting and "running" in live) or not live:
                return
            await asyncio.sleep(0.005)

    async def live(self) -> Sequence[Run]:
        mine = select(Run).where(Run.workspace == self.workspace, col(Run.status).in_(LIVE))
        return await self.ready.database.transact(
            lambda session: session.exec(mine.order_by(col(Run.created_at))).all()
        )

    async def start(self, who: Principal, given: RunInput) -> None:
        await self.tick()
        with suppress(RequestError):
            await self.copilot.start(given, who)
        await self.rest()

    async def post(self, who: Principal, said: str, thread: str, **more: Any) -> None:
        number = len(self.posted)
        thread_id = f"{self.workspace}-{who.id}-{thread}"
        message = Message("user", said, id=f"u{number}")
        given = RunInput([message], thread_id=thread_id, run_id=f"r{number}", opens_thread=True, **more)
        self.posted.append((who, given))
        await self.start(who, given)

    async def work(self, said: str, thread: str, model: str | None) -> None:
        """Read and write."""
        await self.post(self.dana, f"{said} milk", thread, model=model)

    async def say(self, said: str, who: str, thread: str) -> None:
        """Also fail, be denied, or have no credits."""
        await self.post(getattr(self, who), f"{said} milk", thread)

    async def say_slowly(self, said: str, who: str, thread: str) -> None:
        """The model waits with its last word."""
        await self.post(getattr(self, who), f"{said} milk slowly", thread)

    async def say_more(self, said: str, on_busy: str) -> None:
        """While another run of the thread goes on."""
        for run in (await self.live())[:1]:
            thread = await self.copilot.threads.id_of(run.thread_key)
            await self.post(getattr(self, run.owner), f"{said} bread", thread[-1], on_busy=on_busy)

    async def post_again(self, index: int) -> None:
        """The same run id: as a client does that had no answer."""
        if self.posted:
            await self.start(*self.posted[-1 - index % len(self.posted)])

    async def answer_anew(self, index: int, said: str | None) -> None:
        """Regenerate a message, or edit it."""
        if not self.posted:
            return
        who, given = self.posted[-1 - index % len(self.posted)]
        [message] = given.messages
        told = message.content if said is None else f"{said} milk"
        anew = RunInput([Message("user", told, id=message.id)], thread_id=given.thread_id, run_id=f"r{uuid4().hex}")
        await self.start(who, anew)

    async def fork(self, index: int, at: int, said: str) -> None:
        """Say something else to the thread as it was."""
        if not self.posted:
            return
        who, given = self.posted[-1 - index % len(self.posted)]
        with suppress(NotFound):  # it was never begun: there were no credits for it
            messages = (await self.copilot.conversation(str(given.thread_id), who))["messages"]
            last = messages[at % len(messages)]["id"] if messages else None
            made = await self.copilot.fork(str(given.thread_id), who, last)
            await self.start(who, RunInput([Message("user", f"{said} milk", id=f"u{uuid4().hex}")], thread_id=made.id))

    async def answer(self, how: Any, twice: bool) -> None:
        """Approve or not, in whole or with other arguments, in words or with a double click."""
        pending = await self.copilot.engine.approvals.list(self.dana, status="pending")
        if not pending:
            return
        approval, thread = pending[0]
        if how in {"yes", "no"}:
            await self.start(self.dana, RunInput([Message("user", how, id=f"u{uuid4().hex}")], thread_id=thread))
            return
        decisions = [CallDecision("c0", how, {"name": "butter"}) if how == "edit" else CallDecision("", how)]
        await self.tick()
        answers = (self.copilot.answer(approval.id, self.dana, decisions) for _ in range(1 + twice))
        done = await asyncio.gather(*answers, return_exceptions=True)
        assert all(isinstance(one, tuple | RequestError) for one in done), done
        await self.rest()

    async def undo(self, index: int, whole: bool) -> None:
        """One write, or all of a run, also while it goes on; twice, which is once too often."""
        await self.tick()
        standing = [row for row in await self.copilot.engine.receipts.list(self.dana) if row.undone_at is None]
        if not standing:
            return
        row = standing[index % len(standing)]
        rows = [one for one in standing if one.run_id == row.run_id] if whole else [row]
        await self.copilot.undo(rows, self.dana)
        await self.rest()
        with pytest.raises(UndoConflict):
            await self.copilot.undo(rows, self.dana)

    async def go_on(self) -> None:
        """What waits for the model gets its answer."""
        self.model.go_on()
        await self.rest()

    async def stop(self) -> None:
        """As the user's click does."""
        for run in (await self.live())[:1]:
            await self.copilot.stop(run)
        await self.rest()

    async def restart(self) -> None:
        """The next server takes up what this one has not brought to its end."""
        await self.copilot.close(patience=0)
        await self.stack.aclose()
        self.stack = AsyncExitStack()
        await self.open()
        await self.rest()

    async def wait(self, later: timedelta) -> None:
        """Questions and holds expire; months end."""
        await self.tick(later)

    async def call_outside(self, ends: str) -> None:
        """A call outside any run."""
        charge = Charge(f"call:{uuid4().hex}", self.eve, "", "look", BIG, 5)
        with suppress(CreditsExhausted):
            await self.credits.hold(charge, await self.credits.allowance(self.eve))
            if ends != "never":
                await self.credits.settle(charge, succeeded=ends == "well")

    async def check(self) -> None:
        current = (await self.credits.usage(self.workspace)).current
        now = self.clock.now()
        await self.ready.database.transact(lambda session: check(session, self.workspace, current, now))

    async def end(self) -> None:
        """Everybody gets their answer, and what nobody has given back expires: nothing stays reserved."""
        while await self.live():
            await self.go_on()
        await self.wait(timedelta(hours=2))
        await self.credits.left(self.dana, await self.credits.allowance(self.dana))
        await self.check()
        account = await self.ready.database.transact(lambda session: session.get_one(Subscription, self.workspace))
        assert account.reserved == 0
        await self.ready.database.transact(lambda session: count(session, self.workspace))


async def went_through(database_url: str, included: int | None, steps: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
    books = Books(database_url)
    try:
        await books.open()
        await books.subscribe(included)
        for name, drawn in steps:
            await getattr(books, name)(*drawn)
            await books.check()
        await books.end()
    finally:
        if hasattr(books, "copilot"):
            await books.copilot.close(patience=0)
        await books.stack.aclose()


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
    examples = EXAMPLES or (12 if database_url.startswith("sqlite") else 5)
    SEEN.clear()

    @settings(max_examples=examples, phases=PHASES, print_blob=True, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from([None, 15, 40]), st.lists(STEPS, min_size=25, max_size=40))
    def tried(included: int | None, steps: list[Any]) -> None:
        asyncio.run(went_through(database_url, included, steps))

    tried()
    print(f"books {database_url.partition(':')[0]}: {', '.join(f'{n} {what}' for what, n in sorted(SEEN.items()))}")
