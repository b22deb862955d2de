"""A run's events as a response, on any wire."""

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from copilot_core.events import Event, RunFailed
from copilot_core.protocols import Protocol
from copilot_core.store.log import Reader

KEEP_ALIVE_SECONDS = 15.0
LARGEST_WRITE = 16 * 1024
"""Bytes sent at once: a frame is not split over network reads, as far as that is in our hands."""
MOST_EVENTS = 64
"""Events encoded for one write."""
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_KEPT = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
"""Characters of a run's id that stand in an event's id as they are; no header holds the others."""
RESTARTING = "The server is restarting. This answer goes on when it is back."


class EventStream(Response):
    """A run on one wire: headers and first event at once, then each event as it comes.

    One task watches for the client's leaving and one timer for silence; nothing is made per token.
    The client's leaving ends this response, not the run. Each event has an `id:`, by which a client
    that lost its connection goes on where it was.

    Args:
        reader: where the events come from; `None` if `before` is all there is.
        before: events that are told first. They have no id: they stand for what was, not for a run's own.
    """

    def __init__(self, reader: Reader | None, protocol: Protocol, before: Sequence[Event] = ()) -> None:
        super().__init__(headers={**HEADERS, **protocol.headers}, media_type=protocol.content_type)
        del self.headers["content-length"]
        self._reader = reader
        self._protocol = protocol
        self._before = before
        numbered = reader is not None and protocol.content_type == "text/event-stream"
        self._id = f"id: {quote(reader.run_id, _KEPT)}:".encode("ascii") if reader is not None and numbered else b""
        self._gone = False
        self._silent = self._too_silent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the run to its end."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        before = b"".join(map(self._protocol.encode, self._before))
        if before:
            await send({"type": "http.response.body", "body": before, "more_body": True})
        if self._reader is not None:
            watchers = [asyncio.create_task(self._watch(self._reader, receive)), asyncio.create_task(self._tick())]
            try:
                await self._send_all(self._reader, send)
            finally:
                for watcher in watchers:
                    watcher.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, reader: Reader, send: Send) -> None:
        while not self._gone:
            body = self._encoded(reader)
            if not body and self._too_silent:
                body = self._protocol.keep_alive
            if body:
                self._silent = self._too_silent = False
                await send({"type": "http.response.body", "body": body, "more_body": True})
            elif reader.ended:
                return
            else:
                await reader.change()
                if reader.cut:
                    await send({"type": "http.response.body", "body": self._cut(reader), "more_body": True})

    def _encoded(self, reader: Reader) -> bytes:
        """What has come, up to about `LARGEST_WRITE` bytes; skips events that mean nothing on this wire."""
        body = b""
        while len(body) < LARGEST_WRITE:
            taken = reader.take(MOST_EVENTS)
            if not taken:
                break
            for number, event in taken:
                frames = self._protocol.encode(event)
                if frames:
                    body += self._with_id(frames, number)
        return body

    def _with_id(self, frames: bytes, number: int) -> bytes:
        """The id stands in the last frame of an event: before that it is not wholly told."""
        if not self._id:
            return frames
        last = frames.rfind(b"\n\n", 0, -2)
        identified = b"%b%d\n" % (self._id, number)
        return identified + frames if last < 0 else frames[: last + 2] + identified + frames[last + 2 :]

    def _cut(self, reader: Reader) -> bytes:
        """Every stream ends with a terminal event; without an id, because the run itself has not ended."""
        return self._protocol.encode(RunFailed(reader.run_id, "", "internal_error", RESTARTING))

    async def _watch(self, reader: Reader, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        reader.wake()

    async def _tick(self) -> None:
        """Send a comment when a whole interval passed without a byte."""
        while True:
            self._silent = True
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            if self._silent and self._reader is not None:
                self._too_silent = True
                self._reader.wake()
