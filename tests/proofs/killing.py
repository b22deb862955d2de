"""A process that is killed with SIGKILL at its n-th point of a turn, for every n; and what is left of the turn.

    python killing.py plain|asked|approved|keyed|undone points|steps|stops URL FOLDER [STRIDE]

The turn is one that reads and writes, one that reads and asks for approval, what comes after the answer, one whose
write is done elsewhere, or the undo of the first one.

`points` are the places around everything that is stored, published or done; `steps` are all callbacks of the
event loop, so every place where a task of the turn waits for something. At `stops`, which are the points, the user
stops the run instead. Prints one line of JSON for each n. One
warmed process forks for each of them, and waits: what dies is a process of its own, with its own connections.
"""

import asyncio
import contextlib
import gc
import inspect
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiosqlite
import psycopg
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from sqlmodel import Session, col, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Action, Call, Injected, Principal, Receipt, Role, action, copilot, hookimpl
from copilot_core.errors import ApprovalConflict, NotFound, ThreadBusy
from copilot_core.feed import Feed
from copilot_core.run import CallDecision, Message, RunInput
from copilot_core.server import Deployment
from copilot_core.store.database import Database
from copilot_core.store.ledger import Ledger
from copilot_core.store.tables import CreditEntry, Subscription
from copilot_core.testing import ScriptedModel, opened
from copilot_core.testing.model import only

DANA = Principal("dana", "acme", Role.ADMIN)
THREAD = "thread_1"
YES = [CallDecision("", "approve")]
AT_ONCE = 3
PATIENCE = 60
"""Seconds that one point may take, on a busy machine, before it counts as hung."""


class Points:
    """Counts; at the chosen one, the process dies."""

    def __init__(self) -> None:
        self.at = 0
        self.wanted = "points"
        self.armed = False
        self.labels: list[str] = []
        self.told = -1
        self.stop: Callable[[], object] | None = None
        self._numbers = count(1)

    def reset(self) -> None:
        """Count from the beginning."""
        self.labels, self._numbers = [], count(1)

    def __call__(self, label: str, kind: str = "points") -> None:
        if not self.armed or kind != self.wanted:
            return
        self.labels.append(label)
        if next(self._numbers) == self.at:
            os.write(self.told, label.encode())
            if self.stop is None:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                self.stop()


point = Points()


@action(credits=2)
async def look() -> str:
    """Look for something."""
    point("before a look")
    return "Nothing."


async def take_back(receipt: Receipt, session: Injected[AsyncSession]) -> None:
    """Take back what was added."""
    point("before the effect is undone")
    gone = text("DELETE FROM effect WHERE title = :title").bindparams(**receipt.arguments)
    await session.exec(gone)  # type: ignore[call-overload]
    point("after the effect is undone")


@action(writes=True, credits=3, undo=take_back)
async def add_task(title: str, session: Injected[AsyncSession]) -> dict[str, Any]:
    """Add a task."""
    return await _effect(title, session)


@action(destructive=True, irreversible=True, credits=5)
async def purge(session: Injected[AsyncSession]) -> dict[str, Any]:
    """Delete everything."""
    return await _effect("purged", session)


@action(writes=True, credits=4)
async def send_mail(to: str, call: Injected[Call], database: Injected[Database]) -> dict[str, Any]:
    """Send a mail. What it does is done elsewhere: not in the transaction of the call."""
    assert call.key
    async with database.session(write=True) as session:
        return await _effect(to, session)


async def _effect(title: str, session: AsyncSession) -> dict[str, Any]:
    point("before the effect")
    await session.exec(text("INSERT INTO effect VALUES (:title)").bindparams(title=title))  # type: ignore[call-overload]
    point("after the effect")
    return {"success": True, "message": f"Done: {title}"}


class Plugin:
    """The actions."""

    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [look, add_task, purge, send_mail]


LOOK: dict[str, Any] = {"name": "look", "args": {}, "id": "call_0"}
CALLS: dict[str, list[dict[str, Any]]] = {
    "Look and add milk": [LOOK, {"name": "addTask", "args": {"title": "milk"}, "id": "call_1"}],
    "Delete everything": [LOOK, {"name": "purge", "args": {}, "id": "call_1"}],
    "Mail Ada": [{"name": "sendMail", "args": {"to": "Ada"}, "id": "call_1"}],
}
SAID = {
    "plain": "Look and add milk",
    "undone": "Look and add milk",
    "asked": "Delete everything",
    "approved": "Delete everything",
    "keyed": "Mail Ada",
}


class Obedient(ScriptedModel):
    """Calls what the user asks for, always under the same call id, and says so when it has the result."""

    def _step(self, messages: list[BaseMessage]) -> AIMessage:
        point("before the model")
        awaited: list[str] = []
        for message in messages:
            if isinstance(message, ToolMessage):
                awaited.remove(message.tool_call_id)
                continue
            assert not awaited, messages
            awaited = [str(call["id"]) for call in message.tool_calls] if isinstance(message, AIMessage) else []
        assert not awaited, messages
        last = messages[-1]
        calls = CALLS.get(last.text, []) if isinstance(last, HumanMessage) else []
        message_id = f"msg_{uuid4().hex}"
        if calls:
            return AIMessage("I will.", id=message_id, tool_calls=[{**call, "type": "tool_call"} for call in calls])
        return AIMessage("All of it is done.", id=message_id)


class Later:
    """The clock of the next process: the leases of the dead one have ended."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=1)


def install() -> None:
    """Points around all that a turn stores, publishes and does."""
    for owner, names in (
        (Ledger, ("begin", "settle", "record")),
        (Action, ("run",)),
        (Feed, ("publish",)),
        (AsyncSqliteSaver, ("aput", "aput_writes", "aget_tuple")),
        (AsyncPostgresSaver, ("aput", "aput_writes", "aget_tuple")),
        (aiosqlite.Connection, ("commit",)),
    ):
        for name in names:
            _around(owner, name)
    transact, session = Database._transact, Database.session

    def transacting(self: Database, work: Callable[[Any], Any], write: bool) -> Any:
        def working(opened: Any) -> Any:
            found = work(opened)
            opened.flush()
            point("before a commit")
            return found

        point("before a transaction")
        found = transact(self, working, write)
        point("after a commit")
        return found

    @asynccontextmanager
    async def in_session(self: Database, *, write: bool = False) -> AsyncIterator[AsyncSession]:
        point("before a session")
        async with session(self, write=write) as opened:
            point("in a session")
            yield opened
            await opened.flush()
            point("before a session's commit")
        point("after a session's commit")

    def stepping(self: asyncio.Handle) -> None:
        point("between two steps", "steps")
        step(self)

    step = asyncio.Handle._run
    asyncio.Handle._run = stepping  # type: ignore[method-assign]
    Database._transact = transacting  # type: ignore[method-assign]
    Database.session = in_session  # type: ignore[method-assign]


def _around(owner: Any, name: str) -> None:
    original = getattr(owner, name)
    label = f"{owner.__name__}.{name}"

    async def waiting(*args: Any, **kwargs: Any) -> Any:
        point(f"before {label}")
        found = await original(*args, **kwargs)
        point(f"after {label}")
        return found

    def plain(*args: Any, **kwargs: Any) -> Any:
        point(f"before {label}")
        found = original(*args, **kwargs)
        point(f"after {label}")
        return found

    setattr(owner, name, waiting if inspect.iscoroutinefunction(original) else plain)


def given(scenario: str) -> RunInput:
    """The turn, under an id by which its client asks again."""
    return RunInput(
        [Message("user", SAID[scenario], id="m1")], thread_id=THREAD, run_id=f"run_{scenario}", opens_thread=True
    )


async def prepare(url: str, scenario: str) -> None:
    """The database in which the turn begins."""
    async with opened(Plugin(), database_url=url, models=only(Obedient(script=[]))) as ready:
        async with ready.database.session(write=True) as session:
            await session.exec(text("CREATE TABLE effect (title VARCHAR)"))  # type: ignore[call-overload]
        if scenario in {"approved", "undone"}:
            await (await ready.copilot.start(given(scenario), DANA)).all()


async def turn(url: str, scenario: str, *, stops: bool = False) -> None:
    """The turn, as the process that may die begins it."""
    async with (
        opened(Plugin(), database_url=url, models=only(Obedient(script=[]))) as ready,
        asyncio.TaskGroup() as group,
    ):
        asked = await ready.copilot.engine.approvals.list(DANA)
        if stops:
            loop = asyncio.get_running_loop()
            point.stop = lambda: loop.call_soon_threadsafe(group.create_task, _stop(ready))
        point.armed = True
        if scenario == "undone":
            await ready.copilot.undo(await ready.copilot.engine.receipts.list(DANA), DANA)
        elif asked:
            await (await ready.copilot.answer(asked[0][0].id, DANA, YES))[0].all()
        else:
            await (await ready.copilot.start(given(scenario), DANA)).all()
        while ready.copilot._tasks:  # noqa: ASYNC110 - to the very end of the run's task
            await asyncio.sleep(0)
        point.armed = False


async def _stop(ready: Deployment) -> None:
    """As the user's click does, as soon as there is a run."""
    point.armed = False
    with contextlib.suppress(NotFound):
        run = await ready.copilot.runs.latest((await ready.copilot.threads.find(DANA, THREAD)).key)
        if run is not None:
            await ready.copilot.stop(run)


async def recover(url: str, scenario: str) -> dict[str, Any]:
    """The client asks again at the next process, as one does whose connection broke; what has come of it all."""
    copilot.BEAT = timedelta(seconds=0.02)  # type: ignore[attr-defined]
    async with opened(Plugin(), database_url=url, models=only(Obedient(script=[])), clock=Later()) as ready:
        left = await _account(ready.database)
        await _ask_again(ready, scenario)
        told = await _counts(ready.database) | await _account(ready.database) | {"left": left["reserved"]}
        run = await ready.copilot.runs.latest((await ready.copilot.threads.find(DANA, THREAD)).key)
        state = (await ready.copilot.conversation(THREAD, DANA))["messages"]
        results = [json.loads(m["content"]) for m in state if m["role"] == "tool"]
        again = RunInput([Message("user", "And now?", id="m2")], thread_id=THREAD)
        events = await (await ready.copilot.start(again, DANA)).all()
        return {
            **told,
            "status": run.status if run is not None else None,
            "unknown": "outcome_unknown" in [r.get("error") for r in results],
            "results": len(results),
            "next": type(events[-1]).__name__,
            "after": await _account(ready.database),
        }


async def _ask_again(ready: Deployment, scenario: str) -> None:
    if scenario == "undone":
        standing = [row for row in await ready.copilot.engine.receipts.list(DANA) if row.undone_at is None]
        await ready.copilot.undo(standing, DANA)
        return
    if scenario != "approved":
        await (await ready.copilot.start(given(scenario), DANA)).all()
    asked = await ready.copilot.engine.approvals.list(DANA)
    if not asked:
        return
    try:
        reader, _ = await ready.copilot.answer(asked[0][0].id, DANA, YES)
    except (ApprovalConflict, ThreadBusy):  # the answer counted, or the run is taken up just now
        live = await ready.copilot.reread(THREAD, DANA)
        if live is None:
            return
        reader = live
    await reader.all()


async def _account(database: Database) -> dict[str, Any]:
    """What is charged, call by call, and whether the books agree."""

    def read(session: Session) -> dict[str, Any]:
        entries = session.exec(select(CreditEntry).order_by(col(CreditEntry.action), col(CreditEntry.credits))).all()
        row = session.exec(select(Subscription)).first()
        told = [(entry.action, entry.credits) for entry in entries]
        used, reserved = (0, 0) if row is None else (row.used, row.reserved)
        return {"charged": told, "used": used, "reserved": reserved}

    return await database.transact(read)


async def _counts(database: Database) -> dict[str, int]:
    ours = "SELECT COUNT(*) FROM"
    queries = {
        "effects": f"{ours} effect",
        "receipts": f"{ours} copilot_receipt",
        "intents": f"{ours} copilot_ledger WHERE kind = 'intent'",
        "outcomes": f"{ours} copilot_ledger WHERE kind = 'result'",
    }
    async with database.session() as session:
        return {name: int((await session.exec(text(query))).one()[0]) for name, query in queries.items()}  # type: ignore[call-overload]


def child(work: Callable[[], None]) -> int:
    """Fork; the process id of the child, which does `work` and ends."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.alarm(PATIENCE)
        work()
        code = 0
    except BaseException:  # the process ends here, whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def has_died(pid: int) -> bool:
    """Whether the child was killed by itself; fails if it ended in any other way than well."""
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0, f"a child ended with {status}"
    return killed


class Copies:
    """Databases like the prepared one."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder

    def make(self, number: int) -> str:
        if self._url.startswith("sqlite"):
            path = self._folder / f"{number}.db"
            for suffix in ("", "-wal"):
                source = Path(self._url.removeprefix("sqlite:///") + suffix)
                if source.exists():
                    shutil.copy(source, f"{path}{suffix}")
            return f"sqlite:///{path}"
        server, _, name = self._url.rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}_{number}" TEMPLATE "{name}" STRATEGY FILE_COPY')
        return f"{server}/{name}_{number}"

    def drop(self, url: str) -> None:
        if url.startswith("sqlite"):
            for path in self._folder.glob(f"{Path(url).name}*"):
                path.unlink()
            return
        server, _, name = url.rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def one(copies: Copies, scenario: str, number: int, *, stops: bool) -> None:
    """Kill or stop a turn at its point of that number, go on with it, and print what came of it."""
    url = copies.make(number)
    reading, point.told = os.pipe()
    point.at = number
    died = has_died(child(lambda: asyncio.run(turn(url, scenario, stops=stops))))
    os.close(point.told)
    label = os.read(reading, 200).decode()
    found = asyncio.run(recover(url, scenario))
    copies.drop(url)
    say({"number": number, "died": died, "label": label, **found})


def say(told: Mapping[str, Any]) -> None:
    """One line, in one piece: several processes write to the same pipe."""
    os.write(sys.stdout.fileno(), f"{json.dumps(told)}\n".encode())


def points_of(copies: Copies, scenario: str) -> int:
    """How many points the turn has if nobody dies; everything that a child needs is loaded then."""
    url = copies.make(0)
    asyncio.run(turn(url, scenario))
    number = len(point.labels)
    asyncio.run(recover(url, scenario))
    copies.drop(url)
    point.reset()
    gc.freeze()
    return number


def main(scenario: str, kind: str, url: str, folder: str, stride: str = "1") -> None:
    install()
    stops = kind == "stops"
    point.wanted = "points" if stops else kind
    copies = Copies(url, Path(folder))
    asyncio.run(prepare(url, scenario))
    number = points_of(copies, scenario)
    say({"points": number})
    running = 0
    for at in range(1, number + 1, int(stride)):
        if running == AT_ONCE:
            assert os.wait()[1] == 0
            running -= 1
        child(lambda at=at: one(copies, scenario, at, stops=stops))  # type: ignore[misc]
        running += 1
    while running:
        assert os.wait()[1] == 0
        running -= 1


if __name__ == "__main__":
    main(*sys.argv[1:])
