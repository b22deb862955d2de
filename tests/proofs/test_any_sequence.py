"""No sequence of messages, answers, regenerations, edits, forks, undos and restarts does what nobody asked for."""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Action, Injected, Principal, Receipt, Role, action, hookimpl
from copilot_core.errors import RequestError
from copilot_core.run import CallDecision, Message, RunInput
from copilot_core.server import Deployment
from copilot_core.store.approvals import calls_of
from copilot_core.testing import ScriptedModel, opened
from copilot_core.testing.model import only

DANA = Principal("dana", "acme", Role.ADMIN)
EVE = Principal("eve", "acme", Role.ADMIN)
VIEWER = Principal("dana", "acme", Role.VIEWER)
NAMES = st.sampled_from(["milk", "bread"])
WISHES = st.tuples(st.sampled_from(["add", "drop", "add twice", "look"]), NAMES)
T = TypeVar("T")


async def _effect(what: str, name: str, session: AsyncSession) -> str:
    await session.exec(text("INSERT INTO effect VALUES (:what)").bindparams(what=f"{what} {name}"))  # type: ignore[call-overload]
    return f"{what} {name}"


async def take_back(receipt: Receipt, session: Injected[AsyncSession]) -> None:
    """Say that it is taken back."""
    await _effect("undo", str(receipt.arguments["name"]), session)


@action(writes=True, undo=take_back)
async def add(name: str, session: Injected[AsyncSession]) -> str:
    """Add something."""
    return await _effect("add", name, session)


@action(destructive=True, irreversible=True)
async def drop(name: str, session: Injected[AsyncSession]) -> str:
    """Drop something."""
    return await _effect("drop", name, session)


@action
async def look(name: str) -> str:
    """Look for something."""
    return name


class Plugin:
    """The actions."""

    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [add, drop, look]


class Obedient(ScriptedModel):
    """Calls what the user's last message says, and speaks when it has results."""

    def _step(self, messages: list[BaseMessage]) -> AIMessage:
        number = f"msg_{len(self.asked)}_{id(self)}"
        self.asked.append(messages)
        last = messages[-1]
        said = last.text.split() if isinstance(last, HumanMessage) else []
        if len(said) < 2 or said[0] not in {"add", "drop", "look"}:
            return AIMessage("Done.", id=number)
        calls = [{"name": said[0], "args": {"name": said[-1]}, "id": "call_1", "type": "tool_call"}]
        if said[1] == "twice":
            calls.append({"name": "drop", "args": {"name": said[-1]}, "id": "call_2", "type": "tool_call"})
        return AIMessage("I will.", id=number, tool_calls=calls)


class Sequences(RuleBasedStateMachine):
    """What was asked and approved beside what was done."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = TemporaryDirectory(prefix="copilot-test-", ignore_cleanup_errors=True)
        self.number = 0
        self.wished: Counter[str] = Counter()
        self.approved: Counter[str] = Counter()
        self.threads: dict[str, list[tuple[str, str]]] = {}
        self.ready: Deployment

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.do(self._open())
        self.do(self._execute("CREATE TABLE effect (what VARCHAR)"))

    async def _open(self) -> None:
        url = f"sqlite:///{Path(self.folder.name) / 'test.db'}"
        models = only(Obedient(script=[]))
        self.ready = await self.stack.enter_async_context(opened(Plugin(), database_url=url, models=models))

    async def _execute(self, statement: str) -> None:
        async with self.ready.database.session(write=True) as session:
            await session.exec(text(statement))  # type: ignore[call-overload]

    async def _run(self, given: RunInput) -> None:
        try:
            await (await self.ready.copilot.start(given, DANA)).all()
        except RequestError:
            return

    @rule(wish=WISHES, thread=st.sampled_from(["t1", "t2"]), bare=st.booleans())
    def say(self, wish: tuple[str, str], thread: str, bare: bool) -> None:
        """A new message: with the id that its client gave it, as after a reload, or with the whole history."""
        self.number += 1
        message_id, said = f"u{self.number}", " ".join(wish)
        history = [] if bare else [Message("user", t, id=i) for i, t in self.threads.get(thread, [])]
        self._wish(said)
        self.threads.setdefault(thread, []).append((message_id, said))
        told = [*history, Message("user", said, id=message_id)]
        self.do(self._run(RunInput(told, thread_id=thread, opens_thread=True)))

    def _wish(self, said: str) -> None:
        what, *_, name = said.split()
        if what == "add":
            self.wished[name] += 1

    @precondition(lambda self: self.threads)
    @rule(data=st.data())
    def say_it_again(self, data: st.DataObject) -> None:
        """Regenerate: a message that the thread has, sent again."""
        thread = data.draw(st.sampled_from(sorted(self.threads)))
        message_id, said = data.draw(st.sampled_from(self.threads[thread]))
        self.do(self._run(RunInput([Message("user", said, id=message_id)], thread_id=thread)))

    @precondition(lambda self: self.threads)
    @rule(data=st.data(), wish=WISHES)
    def edit(self, data: st.DataObject, wish: tuple[str, str]) -> None:
        """A message that the thread has, with other words: a new wish, which replaces the old one."""
        thread = data.draw(st.sampled_from(sorted(self.threads)))
        message_id, _ = data.draw(st.sampled_from(self.threads[thread]))
        said = " ".join(wish)
        self._wish(said)
        self.do(self._run(RunInput([Message("user", said, id=message_id)], thread_id=thread)))

    @precondition(lambda self: self.threads)
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        thread = data.draw(st.sampled_from(sorted(self.threads)))
        messages = self.do(self.ready.copilot.conversation(thread, DANA))["messages"]
        if not messages:
            return
        message = data.draw(st.sampled_from(messages))
        made = self.do(self.ready.copilot.fork(thread, DANA, message["id"]))
        kept = {m["id"] for m in self.do(self.ready.copilot.conversation(made.id, DANA))["messages"]}
        self.threads[made.id] = [one for one in self.threads[thread] if one[0] in kept]
        if not self.threads[made.id]:
            del self.threads[made.id]

    @rule(approve=st.booleans(), who=st.sampled_from([DANA, DANA, EVE, VIEWER]), twice=st.booleans())
    def answer(self, approve: bool, who: Principal, twice: bool) -> None:
        """A yes or a no, from the user, from another one, and from one who lost the right; perhaps a double click."""
        pending = self.do(self.ready.copilot.engine.approvals.list(DANA))
        if not pending:
            return
        approval = pending[0][0]
        calls = self.do(self._calls(approval.id))
        decision = CallDecision("", "approve" if approve else "reject")
        counted = self.do(self._answer(approval.id, who, [decision], 2 if twice else 1))
        if approve and counted:
            self.approved.update(calls)

    async def _calls(self, approval_id: str) -> list[str]:
        listed = await self.ready.copilot.engine.approvals.list(DANA)
        return [
            f"{call['action']} {call['arguments']['name']}"
            for approval, _ in listed
            if approval.id == approval_id
            for call in calls_of(approval)
        ]

    async def _answer(self, approval_id: str, who: Principal, given: list[CallDecision], times: int) -> bool:
        async def once() -> bool:
            try:
                reader, _ = await self.ready.copilot.answer(approval_id, who, given)
            except RequestError:
                return False
            await reader.all()
            return True

        return sum(await asyncio.gather(*(once() for _ in range(times)))) == 1

    @rule(said=st.sampled_from(["yes", "no", "Yes please, confirmed: true"]))
    def say_yes(self, said: str) -> None:
        """A plain answer counts on the thread that asks; anything else does not."""
        pending = self.do(self.ready.copilot.engine.approvals.list(DANA))
        if not pending:
            return
        thread = pending[0][1]
        calls = self.do(self._calls(pending[0][0].id))
        if said == "yes":
            self.approved.update(calls)
        self.do(self._run(RunInput([Message("user", said, id=f"y{len(calls)}{self.number}")], thread_id=str(thread))))

    @rule()
    def undo(self) -> None:
        """What was taken back may be done anew when its message is answered again."""
        rows = self.do(self.ready.copilot.engine.receipts.list(DANA))
        rows = [row for row in rows if row.undone_at is None and row.reversible]
        if not rows:
            return
        self.do(self.ready.copilot.undo(rows[:1], DANA))
        self.wished[json.loads(rows[0].arguments)["name"]] += 1

    @rule()
    def restart(self) -> None:
        self.do(self.stack.aclose())
        self.stack = AsyncExitStack()
        self.do(self._open())

    @invariant()
    def nothing_was_done_that_nobody_asked_for(self) -> None:
        if not hasattr(self, "ready"):
            return
        done = Counter(self.do(self._done()))
        for what, times in done.items():
            kind, name = what.split()
            if kind == "add":
                assert times <= self.wished[name] + self.approved[what], (what, done)
            if kind == "drop":
                assert times <= self.approved[what], (what, done)

    async def _done(self) -> list[str]:
        async with self.ready.database.session() as session:
            return [row[0] for row in await session.exec(text("SELECT what FROM effect"))]  # type: ignore[call-overload]

    def teardown(self) -> None:
        self.do(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()


@pytest.mark.proof
def test_no_sequence_does_what_nobody_asked_for() -> None:
    Sequences.TestCase.settings = settings(max_examples=30, stateful_step_count=14, deadline=None)
    Sequences.TestCase("runTest").runTest()
