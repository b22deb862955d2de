"""Threads and runs as rows, on SQLite and PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from copilot_core.clock import FixedClock
from copilot_core.errors import NotFound, ThreadBusy
from copilot_core.events import Event, RunFailed, RunFinished, RunStarted
from copilot_core.feed import Feed
from copilot_core.principal import Principal
from copilot_core.run import Answer, Message, RunInput
from copilot_core.server import credits_of
from copilot_core.settings import Settings
from copilot_core.store.approvals import Approvals, Question
from copilot_core.store.database import Database
from copilot_core.store.log import EventLog, Reader
from copilot_core.store.migrate import upgrade
from copilot_core.store.runs import BEAT, LEASE, MOST_TRIES, Begun, Runs
from copilot_core.store.tables import Thread
from copilot_core.store.threads import Threads
from copilot_core.store.workspaces import Workspaces

DANA = Principal("dana", "acme")
ANOTHER = Thread(key="another", id="another", workspace="acme", owner="dana")
NOW = datetime(2026, 2, 10, 9, 0, tzinfo=UTC)
HELLO = RunInput([Message("user", "Hello  there")])


class Process:
    """What one process has of the store, at its own time."""

    def __init__(self, database: Database, clock: FixedClock | None = None) -> None:
        self.clock = clock or FixedClock(NOW)
        self.log = EventLog(database)
        self.approvals = Approvals(database, self.clock)
        credits = credits_of(Settings(_env_file=None), database, self.clock, Workspaces(database, self.clock))
        self.runs = Runs(database, self.clock, self.log, self.approvals, credits)
        self.threads = Threads(database, self.clock)

    async def begin(self, thread_id: str | None = None, who: Principal = DANA, **given: Any) -> Begun:
        return await self.runs.begin(who, replace(HELLO, thread_id=thread_id, **given), "m")

    async def end(self, begun: Begun, status: str = "finished") -> None:
        if status == "waiting":
            await self.approvals.ask(DANA, Question(begun.thread_key, begun.run_id, begun.run_id, "Sure?", []))
        feed = Feed(begun.run_key, begun.base + 1)
        feed.publish(RunStarted(begun.run_id, begun.thread_id))
        await self.runs.end(begun, feed, status, RunFinished(begun.run_id, begun.thread_id))

    def later(self, by: timedelta) -> "Process":
        """Another process, when `by` has passed."""
        return Process(self.log.database, FixedClock(self.clock.now() + by))

    async def told(self, begun: Begun) -> list[Event]:
        return await Reader(self.log, begun.run_key, begun.run_id).all()


@pytest.fixture
def process(database: Database) -> Process:
    return Process(database)


async def test_migrations_can_run_again_and_from_several_processes_at_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]

    await asyncio.gather(*(upgrade(database) for database in databases))
    await upgrade(databases[0])

    for database in databases:
        await database.close()


async def test_a_new_thread_is_its_owners_and_named_after_the_first_message(process: Process) -> None:
    begun = await process.begin()

    [thread] = await process.threads.list(DANA)
    assert (thread.id, thread.title, thread.created_at) == (begun.thread_id, "Hello there", NOW)
    assert await process.threads.list(Principal("sam", "acme")) == []
    assert await process.threads.list(Principal("dana", "globex")) == []
    with pytest.raises(NotFound):
        await process.threads.find(Principal("dana", "globex"), begun.thread_id)


async def test_a_client_may_name_a_thread_and_so_may_another_one(process: Process) -> None:
    """S6: free-form ids; each owner has their own."""
    mine = await process.begin("thread_abc123", opens_thread=True)
    theirs = await process.begin("thread_abc123", Principal("sam", "acme"), opens_thread=True)

    assert (mine.thread_id, theirs.thread_id) == ("thread_abc123", "thread_abc123")
    assert mine.thread_key != theirs.thread_key


async def test_a_second_run_of_a_thread_is_refused_while_one_goes_on(process: Process) -> None:
    begun = await process.begin()

    with pytest.raises(ThreadBusy) as error:
        await process.later(timedelta(0)).begin(begun.thread_id)
    await process.end(begun)

    assert error.value.details == {"retryAfter": LEASE.total_seconds()}
    assert (await process.begin(begun.thread_id)).thread_key == begun.thread_key


async def test_of_many_runs_begun_at_once_one_is_taken(process: Process) -> None:
    first = await process.begin()
    await process.end(first)

    taken = await asyncio.gather(*(process.begin(first.thread_id) for _ in range(8)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in taken) == ["Begun", *["ThreadBusy"] * 7]


async def test_a_run_id_posted_many_times_at_once_begins_one_run(process: Process) -> None:
    """S5: the same run id is the same run."""
    posts = [process.begin("t", run_id="r", opens_thread=True) for _ in range(8)]
    begun = await asyncio.gather(*posts)

    assert len({one.run_key for one in begun}) == 1
    assert sorted(one.attached for one in begun) == [False, *[True] * 7]


async def test_a_queued_run_gets_its_turn_in_order(process: Process) -> None:
    first = await process.begin()
    second = await process.begin(first.thread_id, on_busy="queue")
    third = await process.later(timedelta(seconds=1)).begin(first.thread_id, on_busy="queue")

    assert (second.queued, third.queued) == (True, True)
    assert await process.runs.promote(second) is None
    await process.end(first, "waiting")
    assert await process.runs.promote(third) is None
    promoted = await process.runs.promote(second)
    assert promoted is not None
    assert (promoted.queued, promoted.was_waiting) == (False, True)


async def test_an_interrupting_run_asks_the_one_before_it_to_stop(process: Process) -> None:
    first = await process.begin()
    other = process.later(timedelta(0))

    second = await other.begin(first.thread_id, on_busy="interrupt")

    assert (second.queued, (await process.runs.beat()).stop) == (True, [first.run_key])


async def test_a_run_whose_process_died_is_given_up_when_its_user_goes_on(process: Process) -> None:
    begun = await process.begin()

    other = process.later(LEASE + timedelta(seconds=1))
    again = await other.begin(begun.thread_id)

    assert (again.thread_key, again.was_waiting) == (begun.thread_key, False)
    assert [type(event) for event in await other.told(begun)] == [RunFailed]


async def test_an_overdue_run_is_waited_for_instead_of_refusing(process: Process) -> None:
    begun = await process.begin()

    class Going(FixedClock):
        def now(self) -> datetime:
            self.instant += timedelta(seconds=1)
            return self.instant

    late = Process(process.log.database, Going(NOW + LEASE - BEAT - timedelta(seconds=0.99)))
    assert (await late.begin(begun.thread_id)).thread_key == begun.thread_key


async def test_a_run_whose_process_died_is_taken_up_by_one_other_with_its_input(process: Process) -> None:
    begun = await process.begin(timezone="Europe/Oslo")
    others = [process.later(LEASE + 2 * BEAT) for _ in range(3)]

    beats = await asyncio.gather(*(other.runs.beat() for other in others))

    [taken] = [claimed for beat in beats for claimed in beat.claimed]
    assert (taken.run_key, taken.resumed, taken.principal) == (begun.run_key, True, DANA)
    assert (taken.given.said, taken.given.timezone) == ("Hello  there", "Europe/Oslo")
    assert [m.id for m in taken.given.messages] == [m.id for m in begun.given.messages]
    process.clock.instant += LEASE + 2 * BEAT
    assert (await process.runs.beat()).lost == [begun.run_key]


async def test_a_run_that_kills_its_process_again_and_again_is_given_up(process: Process) -> None:
    begun = await process.begin()
    other = process
    for _ in range(MOST_TRIES):
        other = other.later(LEASE + 2 * BEAT)
        assert len((await other.runs.beat()).claimed) == 1

    other = other.later(LEASE + 2 * BEAT)
    assert (await other.runs.beat()).claimed == []
    assert [type(event) for event in await other.told(begun)] == [RunFailed]


async def test_the_next_run_knows_that_the_last_one_waits_for_a_person(process: Process) -> None:
    begun = await process.begin()
    await process.end(begun, "waiting")

    assert (await process.begin(begun.thread_id)).was_waiting


async def test_an_answer_goes_on_under_the_run_id_of_the_question(process: Process) -> None:
    asked = await process.begin("t", run_id="r", opens_thread=True)
    await process.end(asked, "waiting")

    answered = await process.begin("t", run_id="r", answers=[Answer("q", True)])

    assert (answered.attached, answered.run_id, answered.base) == (False, "r", 2)
    assert (await process.runs.find(DANA, "r")).key == answered.run_key


async def test_what_raises_leaves_nothing(process: Process) -> None:
    with pytest.raises(NotFound):
        await process.begin("no such thread")

    assert await process.threads.list(DANA) == []


async def test_threads_are_searched_paged_archived_and_deleted(process: Process) -> None:
    for minute, title in enumerate(["Plan the launch", "Launch party", "100% sure", "Payroll"]):
        process.clock.instant = NOW + timedelta(minutes=minute)
        thread = await process.threads.new(DANA, title, fork_of=ANOTHER)
    launches = [t.title for t in await process.threads.list(DANA, query="LAUNCH")]
    assert launches == ["Launch party", "Plan the launch"]
    assert [t.title for t in await process.threads.list(DANA, query="0%")] == ["100% sure"]
    [first, second] = await process.threads.list(DANA, limit=2)
    rest = await process.threads.list(DANA, limit=2, before=(second.updated_at, second.key))
    assert [t.title for t in (first, second, *rest)] == ["Payroll", "100% sure", "Launch party", "Plan the launch"]

    await process.threads.change(DANA, thread.id, title="Wages", archived=True)
    assert [t.title for t in await process.threads.list(DANA, archived=True)] == ["Wages"]
    assert len(await process.threads.list(DANA)) == 3
    for other in (Principal("sam", "acme"), Principal("dana", "globex")):
        with pytest.raises(NotFound):
            await process.threads.delete(other, thread.id)
    await process.threads.delete(DANA, thread.id)
    with pytest.raises(NotFound):
        await process.threads.find(DANA, thread.id)


async def test_a_thread_in_use_is_not_deleted_and_an_old_one_is_forgotten(process: Process) -> None:
    begun = await process.begin()
    with pytest.raises(ThreadBusy):
        await process.threads.delete(DANA, begun.thread_id)
    late = process.later(timedelta(days=31))
    assert await late.threads.forget_older(timedelta(days=30)) == []
    await process.end(begun)

    assert await process.threads.forget_older(timedelta(days=30)) == []
    assert await late.threads.forget_older(timedelta(days=30)) == [begun.thread_key]
    assert await late.told(begun) == []
