"""Threads and runs as rows, on SQLite and PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from copilot_core.clock import FixedClock
from copilot_core.errors import NotFound, ThreadBusy
from copilot_core.principal import Principal
from copilot_core.store.database import Database
from copilot_core.store.migrate import upgrade
from copilot_core.store.threads import BEAT, LEASE, Begun, Threads

DANA = Principal("dana", "acme")
NOW = datetime(2026, 2, 10, 9, 0, tzinfo=UTC)


async def begin(threads: Threads, thread_id: str | None = None, who: Principal = DANA) -> Begun:
    return await threads.begin(who, thread_id=thread_id, run_id=None, message="Hello  there", model="m")


async def test_migrations_can_run_again_and_from_several_processes_at_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]

    await asyncio.gather(*(upgrade(database) for database in databases))
    await upgrade(databases[0])

    for database in databases:
        await database.close()


async def test_a_new_thread_is_its_owners_and_named_after_the_first_message(database: Database) -> None:
    threads = Threads(database, FixedClock(NOW))

    begun = await begin(threads)

    [thread] = await threads.list(DANA)
    assert (thread.id, thread.title, thread.created_at) == (begun.thread_id, "Hello there", NOW)
    assert await threads.list(Principal("sam", "acme")) == []
    assert await threads.list(Principal("dana", "globex")) == []
    with pytest.raises(NotFound):
        await threads.find(Principal("dana", "globex"), begun.thread_id)


async def test_a_second_run_of_a_thread_is_refused_while_one_goes_on(database: Database) -> None:
    threads = Threads(database, FixedClock(NOW))
    begun = await begin(threads)

    with pytest.raises(ThreadBusy) as error:
        await begin(Threads(database, FixedClock(NOW)), begun.thread_id)
    await threads.end(begun, "finished")

    assert error.value.details == {"retryAfter": LEASE.total_seconds()}
    assert (await begin(threads, begun.thread_id)).thread_key == begun.thread_key


async def test_of_many_runs_begun_at_once_one_is_taken(database: Database) -> None:
    threads = Threads(database, FixedClock(NOW))
    first = await begin(threads)
    await threads.end(first, "finished")

    taken = await asyncio.gather(*(begin(threads, first.thread_id) for _ in range(8)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in taken) == ["Begun", *["ThreadBusy"] * 7]


async def test_a_run_whose_process_died_is_given_up_when_its_lease_has_ended(database: Database) -> None:
    begun = await begin(Threads(database, FixedClock(NOW)))

    other = Threads(database, FixedClock(NOW + LEASE + timedelta(seconds=1)))
    again = await begin(other, begun.thread_id)

    assert (again.thread_key, again.was_waiting) == (begun.thread_key, False)


async def test_an_overdue_run_is_waited_for_instead_of_refusing(database: Database) -> None:
    begun = await begin(Threads(database, FixedClock(NOW)))

    class Running(FixedClock):
        def now(self) -> datetime:
            self.instant += timedelta(seconds=1)
            return self.instant

    late = Running(NOW + LEASE - BEAT - timedelta(seconds=0.99))
    assert (await begin(Threads(database, late), begun.thread_id)).thread_key == begun.thread_key


async def test_the_next_run_knows_that_the_last_one_waits_for_a_person(database: Database) -> None:
    threads = Threads(database, FixedClock(NOW))
    begun = await begin(threads)
    await threads.end(begun, "waiting")

    assert (await begin(threads, begun.thread_id)).was_waiting


async def test_a_session_that_raises_leaves_nothing(database: Database) -> None:
    threads = Threads(database, FixedClock(NOW))

    with pytest.raises(NotFound):
        await begin(threads, "no such thread")

    assert await threads.list(DANA) == []
