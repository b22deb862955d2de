"""Reminders are delivered at their time: once in the application, and under one id to the webhook."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlmodel import select, update
from sqlmodel.ext.asyncio.session import AsyncSession

import copilot_calendar
from copilot_calendar.delivering import LEASE, PAUSES, remind, send
from copilot_calendar.tables import ReminderRow, WebhookRow
from copilot_core import Job, Message, Principal, Role, RunInput, hookimpl
from copilot_core.errors import SetupError
from copilot_core.plugins import Plugin, collect
from copilot_core.server import Deployment
from copilot_core.testing import call, opened

from .conftest import SECRET, MovingClock, Received, Receiver, Talk, do, until

pytestmark = pytest.mark.proof

DUE = "2026-02-11T08:00:00+00:00"
CALL_ACME = {"title": "Call Acme", "dueAt": "2026-02-11T09:00", "note": "About the offer"}


async def test_a_reminder_is_told_at_its_time_until_it_is_seen(
    talk: Talk, clock: MovingClock, database_url: str
) -> None:
    script = [call("createReminder", **CALL_ACME, link="/modules/deals/records/rec_7"), "Made."]
    async with talk(script=script, database_url=database_url) as dana:
        [made] = await dana.results("Remind me to call Acme")
        clock.set("2026-02-11T07:59:59+00:00")
        await do(dana.ready, remind)
        early = await dana.notifications()
        clock.set(DUE)
        [told] = await until(dana.notifications)  # by the server's own job
        seen = (await dana.http.post(f"/v1/notifications/{told['id']}/seen")).json()
        again = (await dana.http.post(f"/v1/notifications/{told['id']}/seen")).json()
        left, all_of_them = await dana.notifications("?seen=false"), await dana.notifications("?seen=true")
        eve = await dana.ready.keys.create(workspace="acme", user="eve", role=Role.MEMBER)
        hers = {"headers": {"Authorization": f"Bearer {eve}"}}
        listed = await dana.http.get("/v1/notifications", **hers)
        refused = await dana.http.post(f"/v1/notifications/{told['id']}/seen", **hers)

    assert early == []
    assert told == {
        "id": told["id"],
        "kind": "reminder",
        "title": "Call Acme",
        "body": "About the offer",
        "data": {
            "reminderId": made["recordId"],
            "dueAt": "2026-02-11T09:00:00+01:00",
            "timezone": "Europe/Berlin",
            "link": "/modules/deals/records/rec_7",
            "nextAt": None,
        },
        "createdAt": DUE,
        "seenAt": None,
    }
    assert (seen, again) == ({**told, "seenAt": DUE}, {**told, "seenAt": DUE})
    assert (left, all_of_them) == ([], [seen])
    assert (listed.json(), refused.status_code) == ({"notifications": []}, 404)


async def test_a_recurring_reminder_comes_again_and_what_was_missed_comes_once(
    talk: Talk, clock: MovingClock, database_url: str
) -> None:
    script = [call("createReminder", **CALL_ACME, recurrence="daily"), "Made."]
    async with talk(script=script, database_url=database_url) as dana:
        await dana.ask("Remind me")
        for now in (DUE, "2026-02-12T08:00:00+00:00", "2026-03-29T12:00:00+00:00"):  # the last after a long outage
            clock.set(now)
            await do(dana.ready, remind, remind)
        told = await dana.notifications()

    assert [(one["data"]["dueAt"], one["data"]["nextAt"]) for one in reversed(told)] == [
        ("2026-02-11T09:00:00+01:00", "2026-02-12T09:00:00+01:00"),
        ("2026-02-12T09:00:00+01:00", "2026-02-13T09:00:00+01:00"),
        ("2026-02-13T09:00:00+01:00", "2026-03-30T09:00:00+02:00"),
    ]


async def test_a_reminder_with_an_end_ends_and_a_cancelled_one_is_silent(talk: Talk, clock: MovingClock) -> None:
    script = [
        call("createReminder", **CALL_ACME, recurrence="FREQ=DAILY;COUNT=2"),
        call("createReminder", title="Never", dueAt="2026-02-11T09:00"),
        call("cancelReminder", reminder="Never"),
        "Made.",
    ]
    async with talk(script=script) as dana:
        await dana.ask("Remind me")
        for day in range(11, 20):
            clock.set(f"2026-02-{day}T08:00:00+00:00")
            await do(dana.ready, remind)
        told = await dana.notifications()
        async with dana.ready.database.session() as session:
            states = {row.title: row.status for row in await session.exec(select(ReminderRow))}

    assert [one["title"] for one in told] == ["Call Acme", "Call Acme"]
    assert states == {"Call Acme": "done", "Never": "cancelled"}


async def test_many_deliveries_at_the_same_time_in_several_processes_are_one(
    talk: Talk, clock: MovingClock, receiver: Receiver, database_url: str
) -> None:
    many = [call("createReminder", title=f"Reminder {n}", dueAt="2026-02-11T09:00") for n in range(3)]
    async with talk(script=[many, "Made."], database_url=database_url) as dana:
        await dana.ask("Remind me")
        async with opened(copilot_calendar, clock=clock, database_url=database_url) as other:
            clock.set(DUE)
            await asyncio.gather(*(do(ready, remind, send) for ready in (dana.ready, other) * 3))
            await until(lambda: all_sent(dana.ready))
        told = await dana.notifications()
    ids = [received(receiver).headers["webhook-id"] for _ in range(receiver.received.qsize())]

    assert sorted(one["title"] for one in told) == sorted(f"Reminder {n}" for n in range(3))
    assert sorted(ids) == sorted(one["id"] for one in told)


async def test_the_webhook_is_signed_and_sent_again_with_the_same_id_until_it_is_taken(
    talk: Talk, clock: MovingClock, receiver: Receiver, database_url: str
) -> None:
    receiver.answers += [500, 302]
    async with talk(script=[call("createReminder", **CALL_ACME), "Made."], database_url=database_url) as dana:
        [made] = await dana.results("Remind me to call Acme")
        clock.set(DUE)
        await do(dana.ready, remind, send)
        clock.instant += PAUSES[0] - timedelta(seconds=1)
        await do(dana.ready, send)
        tried_early = receiver.received.qsize()
        clock.instant += timedelta(seconds=1)
        await do(dana.ready, send)
        clock.instant += PAUSES[1]
        await do(dana.ready, send, send)
        await until(lambda: all_sent(dana.ready))
        [told] = await dana.notifications()
    tries = [received(receiver) for _ in range(receiver.received.qsize())]

    assert tried_early == 1
    assert len(tries) == 3
    assert {one.headers["webhook-id"] for one in tries} == {told["id"]}
    assert len({one.body for one in tries}) == 1
    assert all(is_genuine(one) for one in tries)
    assert not is_genuine(Received(tries[0].headers, tries[0].body + b" "))
    assert [int(one.headers["webhook-timestamp"]) for one in tries] == [
        int(datetime.fromisoformat(DUE).timestamp()) + seconds for seconds in (0, 5, 35)
    ]
    assert json.loads(tries[0].body) == {
        "type": "reminder.due",
        "id": told["id"],
        "workspace": "acme",
        "user": "dana",
        "title": "Call Acme",
        "note": "About the offer",
        "reminderId": made["recordId"],
        "dueAt": "2026-02-11T09:00:00+01:00",
        "timezone": "Europe/Berlin",
        "link": None,
        "nextAt": None,
    }


async def test_a_webhook_that_never_takes_it_is_given_up_and_the_reminder_was_told_all_the_same(
    talk: Talk, clock: MovingClock, receiver: Receiver
) -> None:
    receiver.answers += [503] * 50
    async with talk(script=[call("createReminder", **CALL_ACME), "Made."]) as dana:
        await dana.ask("Remind me")
        clock.set(DUE)
        await do(dana.ready, remind, send)
        for pause in PAUSES:
            clock.instant += pause
            await do(dana.ready, send)
        await until(lambda: in_state(dana.ready, "failed"))
        clock.instant += timedelta(days=9)
        await do(dana.ready, send)
        told = await dana.notifications()

    assert (len(told), receiver.received.qsize()) == (1, len(PAUSES) + 1)


async def test_a_process_that_dies_while_it_sends_has_only_put_it_off(
    talk: Talk, clock: MovingClock, receiver: Receiver, database_url: str
) -> None:
    async with talk(script=[call("createReminder", **CALL_ACME), "Made."], database_url=database_url) as dana:
        await dana.ask("Remind me")
        clock.set(DUE)
        await do(dana.ready, remind, send)
        claimed = update(WebhookRow).values(tries=1, next_try_at=clock.now() + LEASE, status="pending")
        await until(lambda: all_sent(dana.ready))
        async with dana.ready.database.session(write=True) as session:
            await session.exec(claimed)  # as if the process had died before it could note that it was sent
        clock.instant += LEASE - timedelta(seconds=1)
        await do(dana.ready, send)
        before = receiver.received.qsize()
        clock.instant += timedelta(seconds=1)
        await do(dana.ready, send)
        await until(lambda: all_sent(dana.ready))
        told = await dana.notifications()
    tries = [received(receiver) for _ in range(receiver.received.qsize())]

    assert (before, len(told)) == (1, 1)
    assert [one.headers["webhook-id"] for one in tries] == [told[0]["id"]] * 2
    assert tries[0].body == tries[1].body


@pytest.mark.proof
async def test_two_real_processes_that_start_after_it_was_due_deliver_once_also_when_one_is_killed_in_it(
    receiver: Receiver, database_url: str, tmp_path: Path
) -> None:
    clock = MovingClock(datetime.now(UTC) - timedelta(days=1))
    due = (clock.now() + timedelta(hours=1)).isoformat()
    script = [[call("createReminder", title=f"Reminder {n}", dueAt=due) for n in range(5)], "Made."]
    installed = ModuleType("calendar")  # as its entry point names it
    vars(installed).update({name: hook for name, hook in vars(copilot_calendar).items() if name.startswith("copilot_")})
    async with opened(
        installed, script=script, clock=clock, database_url=database_url, settings={"confirm_untrusted": False}
    ) as ready:
        await (await ready.copilot.start(RunInput([Message("user", "Remind me")]), Principal("dana", "acme"))).all()
        receiver.hold.clear()  # the receiver takes its time
        with process(database_url, tmp_path):
            held = [await asyncio.to_thread(receiver.received.get, timeout=60) for _ in range(5)]
        receiver.hold.set()
        async with ready.database.session(write=True) as session:
            await session.exec(update(WebhookRow).values(next_try_at=datetime.now(UTC)))  # the lease is over
        with process(database_url, tmp_path), process(database_url, tmp_path):
            again = [await asyncio.to_thread(receiver.received.get, timeout=60) for _ in range(5)]
            await until(lambda: all_sent(ready))
        told = await ready.copilot.notifications.list(Principal("dana", "acme"))

    ids = sorted(one.headers["webhook-id"] for one in again)
    assert sorted(one.headers["webhook-id"] for one in held) == ids
    assert sorted(row.id for row in told) == ids
    assert receiver.received.empty()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"URL": "ftp://x.example"}, "COPILOT_REMINDER_WEBHOOK_URL is an http:// or https:// address"),
        ({"URL": "https://u:p@x.example"}, "COPILOT_REMINDER_WEBHOOK_URL holds a user name"),
        ({"URL": "https://x.example"}, "COPILOT_REMINDER_WEBHOOK_SECRET must have 24 characters or more"),
        ({"URL": "https://x.example", "SECRET": "whsec_" + "?" * 30}, "base64 must follow"),
    ],
)
def test_a_webhook_that_is_set_in_part_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], told: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"COPILOT_REMINDER_WEBHOOK_{name}", value)
    with pytest.raises(SetupError, match=r"plugin 'calendar' of copilot-calendar") as error:
        collect([Plugin("calendar", copilot_calendar, "copilot-calendar")])
    assert told in str(error.value)
    assert settings.get("SECRET", "no secret") not in str(error.value)


async def test_a_job_that_fails_is_done_again_and_stops_no_other() -> None:
    done: list[str] = []

    async def fail(session: AsyncSession) -> None:
        done.append("failed")
        raise RuntimeError("not today")

    async def work() -> None:
        done.append("worked")

    class Jobs:
        @hookimpl
        def copilot_jobs(self) -> list[Job]:
            return [Job("bad", 0.001, fail), Job("good", 0.001, work)]

    async def both_twice() -> bool:
        return min(done.count("failed"), done.count("worked")) > 1

    async with opened(Jobs()):
        await until(both_twice)


def test_a_job_that_asks_for_a_user_stops_the_start() -> None:
    async def work(principal: Principal) -> None:
        """Whose?"""

    class Jobs:
        @hookimpl
        def copilot_jobs(self) -> list[Job]:
            return [Job("lonely", 1, work)]

    with pytest.raises(SetupError, match="nobody provides Principal to jobs, which 'lonely' asks for"):
        collect([Plugin("jobs", Jobs(), "test")])


def received(receiver: Receiver) -> Received:
    return receiver.received.get(timeout=5)


def is_genuine(one: Received) -> bool:
    """As a receiver checks it, by the standard's text: https://www.standardwebhooks.com."""
    signed = f"{one.headers['webhook-id']}.{one.headers['webhook-timestamp']}.".encode() + one.body
    expected = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return hmac.compare_digest(one.headers["webhook-signature"], f"v1,{base64.b64encode(expected).decode()}")


async def in_state(ready: Deployment, status: str) -> bool:
    """Whether every delivery is, and there is one."""
    async with ready.database.session() as session:
        return {row.status for row in await session.exec(select(WebhookRow))} == {status}


async def all_sent(ready: Deployment) -> bool:
    return await in_state(ready, "sent")


@contextmanager
def process(database_url: str, folder: Path) -> "Iterator[subprocess.Popen[Any]]":
    """A server of its own with this plugin, as `copilot-core serve` starts it; killed with SIGKILL."""
    others = ",".join(point.name for point in entry_points(group="copilot_core") if point.name != "calendar")
    environment = {
        **os.environ,
        "COPILOT_DATABASE_URL": database_url,
        "COPILOT_PORT": "0",
        "COPILOT_DISABLE_PLUGINS": others,
    }
    command = [sys.executable, "-m", "copilot_core.cli", "serve"]
    server = subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        yield server
    finally:
        server.kill()
        server.wait()
