"""A proxy that cuts connections, and clients of a real server behind it."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from copilot_core.chat_models import ChatModels
from copilot_core.client import CopilotClient
from copilot_core.settings import Settings
from copilot_core.testing.openai_server import ScriptedOpenAI

from ..flow.conftest import talk  # noqa: F401 - the fixture of the flow tests

Cut = Callable[[str, int, bytes], int | None]
"""``cut(case, number, answer)``: after how many of the bytes that have come a connection breaks; `None`: not yet."""


def never(_case: str, _number: int, _answer: bytes) -> int | None:
    """Nothing is cut."""
    return None


def after_bytes(case: str, number: int, answer: bytes) -> int | None:
    """The first connection breaks after as many bytes as the case says."""
    position = int(float(case))
    return position if number == 0 and len(answer) >= position else None


def after_events(case: str, number: int, answer: bytes) -> int | None:
    """Every connection breaks after as many events as the case says."""
    ends = [found.end() for found in re.finditer(rb"\n\n", answer)]
    return ends[int(case) - 1] if len(ends) >= int(case) else None


class Proxy:
    """Passes requests of ``<url>/<case>/...`` on, one per connection, and breaks connections as `cut` says.

    Attributes:
        target: the server's URL; it may change, and `None` is a server that is not there.
        missed: so many of a case's first requests do not arrive.
        requests: case and request line of each request, in order.
    """

    def __init__(self, cut: Cut) -> None:
        self.target: str | None = None
        self.missed = 0
        self.requests: list[tuple[str, str]] = []
        self.url = ""
        self._cut = cut
        self._tasks: set[asyncio.Task[None]] = set()

    def count(self, case: str) -> int:
        return sum(told == case for told, _ in self.requests)

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._pass(reader, writer)
                writer.close()  # what was written still arrives
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, version = head[0].split(" ")
        _, case, rest = path.split("/", 2)
        number = self.count(case)
        self.requests.append((case, f"{method} /{rest}"))
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        if self.target is None or number < self.missed:
            return
        kept = [line for line in head[1:] if line and not line.lower().startswith("connection:")]
        asked = "\r\n".join([f"{method} /{rest} {version}", *kept, "connection: close", "", ""]).encode("latin-1")
        server_reader, server = await asyncio.open_connection("127.0.0.1", urlsplit(self.target).port)
        try:
            server.write(asked + body)
            answer, sent = b"", 0
            while chunk := await server_reader.read(65536):
                answer += chunk
                end = self._cut(case, number, answer)
                writer.write(answer[sent:end])
                await writer.drain()
                if end is not None:
                    return
                sent = len(answer)
        finally:
            server.transport.abort()


@pytest.fixture
def cutting() -> Callable[[Cut], AbstractAsyncContextManager[Proxy]]:
    """``async with cutting(cut) as proxy``."""

    @asynccontextmanager
    async def open_proxy(cut: Cut) -> AsyncIterator[Proxy]:
        proxy = Proxy(cut)
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield proxy
            await proxy.close()

    return open_proxy


Cutting = Callable[[Cut], AbstractAsyncContextManager[Proxy]]


async def at_once(_seconds: float) -> None:
    """Waits for nothing."""


def key_of(client: Any) -> str:
    return str(client.http.headers["Authorization"].removeprefix("Bearer "))


def copilot_of(client: Any, url: str | None = None, **options: Any) -> CopilotClient:
    """A client, over the connections of `client`, that does not wait between its attempts."""
    chosen = {"http": client.http, "sleep": at_once, **options}
    return CopilotClient(url or str(client.http.base_url), key_of(client), **chosen)


def scripted(server: ScriptedOpenAI) -> ChatModels:
    chosen = Settings(_env_file=None, OPENAI_API_KEY="x", OPENAI_BASE_URL=server.base_url)
    return ChatModels("openai:test", settings=chosen)
