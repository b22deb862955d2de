"""A real CalDAV server and a real receiver of webhooks on loopback, and a clock that tests set."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from socket import SHUT_RDWR
from socketserver import ThreadingMixIn
from typing import Any
from uuid import uuid4
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx2
import pytest
from icalendar import Calendar
from radicale import Application
from radicale.config import load

import copilot_calendar
from copilot_core import Call, Clock, Role
from copilot_core.clock import FixedClock
from copilot_core.server import Deployment
from copilot_core.testing import opened, served

USER, PASSWORD = "dana@acme.example", "a-secret-word"
MANY_ROUNDS = {"confirm_untrusted": False, "max_rounds": 50}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLTVYa1s2"


class MovingClock(FixedClock):
    """Stands still until a test moves it."""

    def set(self, instant: str) -> None:
        self.instant = datetime.fromisoformat(instant)


@pytest.fixture
def clock() -> MovingClock:
    """Tuesday, 2026-02-10 09:00 UTC."""
    return MovingClock(datetime.fromisoformat("2026-02-10T09:00:00+00:00"))


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None:
        """Say nothing."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "test.socket": self.connection}


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@dataclass
class CalDav:
    """The server's own view of the calendar.

    Args:
        url: of the account.
        calendar: of its calendar "Work".
        requests: method and path of what was asked.
        cut: methods of which the next request is carried out and not answered.
    """

    url: str
    calendar: str
    http: httpx2.Client
    requests: list[tuple[str, str]]
    cut: list[str]

    def events(self) -> list[Any]:
        """Every event, as it is stored."""
        found = Calendar.from_ical(self.http.get(self.calendar).text)
        return list(found.walk("VEVENT"))

    def texts(self) -> dict[str, str]:
        """UID -> the event's whole text."""
        return {str(event["uid"]): event.to_ical().decode() for event in self.events()}

    def put(self, uid: str, *lines: str) -> None:
        """Write an event past the copilot."""
        head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "DTSTAMP:20260101T000000Z"]
        body = "\r\n".join([*head, f"UID:{uid}", *lines, "END:VEVENT", "END:VCALENDAR", ""])
        answer = self.http.put(f"{self.calendar}{uid}.ics", content=body, headers={"Content-Type": "text/calendar"})
        assert answer.status_code == 201, answer.text


@pytest.fixture
def caldav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CalDav]:
    """Radicale with one calendar, connected to the workspace "acme" by settings."""
    (tmp_path / "users").write_text(f"{USER}:{PASSWORD}\n")
    configuration = load()
    users = {"htpasswd_filename": str(tmp_path / "users"), "htpasswd_encryption": "plain"}
    configuration.update(
        {
            "auth": {"type": "htpasswd", "delay": "0", **users},
            "storage": {"filesystem_folder": str(tmp_path / "calendars")},
            "logging": {"level": "critical"},
        },
        "test",
    )
    application, requests, cut = Application(configuration), list[tuple[str, str]](), list[str]()

    def told(environ: dict[str, Any], start_response: Any) -> Any:
        requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        answer = application(environ, start_response)
        if environ["REQUEST_METHOD"] in cut:
            cut.remove(environ["REQUEST_METHOD"])
            environ["test.socket"].shutdown(SHUT_RDWR)
        return answer

    with make_server("127.0.0.1", 0, told, _Threads, _Quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with httpx2.Client(auth=(USER, PASSWORD), base_url=url) as http:
            calendar = f"{url}{USER}/team/"
            made = http.request(
                "MKCALENDAR",
                calendar,
                content='<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:set><D:prop>'
                "<D:displayname>Work</D:displayname></D:prop></D:set></C:mkcalendar>",
            )
            assert made.status_code == 201, made.text
            connect(monkeypatch, url)
            yield CalDav(url, calendar, http, requests, cut)
        server.shutdown()


def connect(monkeypatch: pytest.MonkeyPatch, url: str, *, password: str = PASSWORD) -> None:
    """Name a calendar in the environment."""
    monkeypatch.setenv("COPILOT_CALDAV_URL", url)
    monkeypatch.setenv("COPILOT_CALDAV_USER", USER)
    monkeypatch.setenv("COPILOT_CALDAV_PASSWORD", password)
    monkeypatch.setenv("COPILOT_CALDAV_WORKSPACE", "acme")


@dataclass
class Received:
    """What a receiver was sent."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """An HTTP server that keeps what it is sent, and answers with `answers`, then 204, once `hold` is set."""

    url: str
    received: "SimpleQueue[Received]"
    answers: list[int]
    hold: threading.Event


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Named in the environment as the webhook."""
    received: SimpleQueue[Received] = SimpleQueue()
    answers: list[int] = []
    hold = threading.Event()
    hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put(Received({key.lower(): value for key, value in self.headers.items()}, body))
            hold.wait()
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(answers.pop(0) if answers else 204)
                self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook"
        monkeypatch.setenv("COPILOT_REMINDER_WEBHOOK_URL", url)
        monkeypatch.setenv("COPILOT_REMINDER_WEBHOOK_SECRET", SECRET)
        yield Receiver(url, received, answers, hold)
        hold.set()
        server.shutdown()


class Client:
    """One user of a served deployment."""

    def __init__(self, http: httpx2.AsyncClient, ready: Deployment) -> None:
        self.http = http
        self.ready = ready

    async def ask(self, message: str, *, timezone: str | None = "Europe/Berlin") -> list[dict[str, Any]]:
        """Every event of the run that answers."""
        run_id = str(uuid4())
        body = {"message": message, "runId": run_id, "timezone": timezone}
        answer = await self.http.post("/api/copilot/chat", json=body)
        assert answer.status_code == 200, answer.text
        told = (await self.http.get(f"/v1/runs/{run_id}/events")).text
        return [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: ")]

    async def results(self, message: str, **wishes: Any) -> list[dict[str, Any]]:
        """The results of the calls that answer it."""
        return [event["result"] for event in await self.ask(message, **wishes) if event["type"] == "ToolCallEnded"]

    @asynccontextmanager
    async def somebody(self, user: str, workspace: str) -> AsyncIterator["Client"]:
        """Another member, at the same server."""
        key = await self.ready.keys.create(workspace=workspace, user=user, role=Role.MEMBER)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(base_url=self.http.base_url, headers=headers) as http:
            yield Client(http, self.ready)

    async def notifications(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.http.get(f"/v1/notifications{query}")).json()["notifications"]
        return found

    async def undo(self, action: str) -> httpx2.Response:
        """Take the one call of that action back."""
        receipts = (await self.http.get("/v1/receipts")).json()["receipts"]
        [found] = [receipt["id"] for receipt in receipts if receipt["action"] == action]
        return await self.http.post(f"/v1/receipts/{found}/undo")


Talk = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def talk(clock: MovingClock) -> Talk:
    """``async with talk(script=[...]) as dana``: a served deployment with this plugin, and a member's client."""

    @asynccontextmanager
    async def open_client(*, user: str = "dana", workspace: str = "acme", **options: Any) -> AsyncIterator[Client]:
        # the script's arguments are not in the user's words, and nobody is there to ask
        wishes = {"clock": clock, "settings": {"confirm_untrusted": False}, **options}
        async with opened(copilot_calendar, **wishes) as ready, served(ready) as url:
            key = await ready.keys.create(workspace=workspace, user=user, role=Role.MEMBER)
            async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}) as http:
                yield Client(http, ready)

    return open_client


async def until(holds: Callable[[], Awaitable[Any]], patience: float = 60) -> Any:
    """Ask until it holds; what it gave then."""
    async with asyncio.timeout(patience):
        while not (found := await holds()):  # noqa: ASYNC110 - nobody tells when it does
            await asyncio.sleep(0.02)
    return found


async def do(ready: Deployment, *jobs: Callable[..., Awaitable[None]]) -> None:
    """Do jobs of the plugin once, as the server does all the time."""
    for job in jobs:
        given: dict[object, object] = {Clock: ready.copilot.engine.clock, Call: Call(writes=True)}
        async with ready.registry.services.open(given) as scope:
            await scope.call(job)
