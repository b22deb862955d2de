"""A model server whose every answer is written in the test.

    script = [Call("create_record", {"title": "Milk"}), Say("Milk is on the list.")]
    async with ScriptedOpenAI(script) as server:
        ...  # let the code under test talk to `server.base_url`
    assert server.requests[0].body["messages"][-1]["content"] == "Add milk"

It speaks ``POST /v1/chat/completions``, streamed or not, and ``GET /v1/models``, over real HTTP on
127.0.0.1. One step answers one request, in order, and the script must be used up exactly: a request
too many is answered with 500 and fails the test, and so does a step that nobody asked for.

A step may also be a function of the request's body that returns a step: a model that believes
whatever it reads is a function. The server lives in the event loop of the test, so a client that
blocks the loop waits for ever; run such a client in a thread.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from types import TracebackType
from typing import Any, Protocol, Self

from aiohttp import web

from copilot_core.testing.model import UnexpectedModelCall, UnusedSteps

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in.

    Args:
        body: the parsed JSON.
        headers: without regard to case.
        client: the client's address; two requests of one address used one connection.
        closed: set when the client hangs up before it has the whole answer.
    """

    body: Json
    headers: Mapping[str, str]
    client: tuple[str, int]
    closed: asyncio.Event = field(default_factory=asyncio.Event)


class Step(Protocol):
    """Answers one request. Those below cover what model servers do; write your own for the rest."""

    async def play(self, exchange: "Exchange") -> None:
        """Answer by calling the methods of `exchange`."""


Script = Sequence[Step | Callable[[Json], Step]]


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call, as a step of its own or among the `calls` of a `Say`.

    Args:
        arguments: an object, or a string that is sent as it is, for arguments no client should trust.
        id: ``None`` stands for ``call_<request>_<number>``, both counted from 0.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str | None = None

    async def play(self, exchange: "Exchange") -> None:
        await Say(calls=[self]).play(exchange)

    def rendered(self, default_id: str) -> Json:
        """The call as a non-streamed message carries it."""
        arguments = self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)
        call_id = default_id if self.id is None else self.id
        return {"id": call_id, "type": "function", "function": {"name": self.name, "arguments": arguments}}


@dataclass(frozen=True, slots=True)
class Say:
    """A complete answer.

    Args:
        text: streamed one word a delta.
        calls: tool calls after the text; the deltas of several calls come in turns.
        chunks: the deltas of the text, where their bounds matter.
        delay: seconds between two deltas.
        wait: after the first delta, wait for this event before sending the next.
        finish: the finish reason; by default `tool_calls` with calls and `stop` without.
        usage: prompt and completion tokens, reported when the client asks for them.
    """

    text: str = ""
    calls: Sequence[Call] = ()
    chunks: Sequence[str] = ()
    delay: float = 0.0
    wait: asyncio.Event | None = None
    finish: str | None = None
    usage: tuple[int, int] = (10, 5)

    async def play(self, exchange: "Exchange") -> None:
        finish = self.finish or ("tool_calls" if self.calls else "stop")
        calls = [call.rendered(f"call_{exchange.number}_{n}") for n, call in enumerate(self.calls)]
        text = self.text or "".join(self.chunks)
        if not exchange.streams:
            message: Json = {"role": "assistant", "content": text or None}
            await exchange.complete(message | ({"tool_calls": calls} if calls else {}), finish, self.usage)
            return
        deltas = [{"content": piece} for piece in self.chunks or re.findall(r"\s*\S+|\s+$", self.text)]
        for number, delta in enumerate([*deltas, *_in_turns(calls)]):
            if number == 1 and self.wait is not None:
                await self.wait.wait()
            await asyncio.sleep(self.delay if number else 0)
            await exchange.delta(delta)
        await exchange.finish(finish, self.usage)


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP error, with the JSON that OpenAI sends along."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "scripted error"

    async def play(self, exchange: "Exchange") -> None:
        await exchange.reply({"error": {"message": self.message}}, self.status, self.headers)


@dataclass(frozen=True, slots=True)
class Hang:
    """Silence, for as long as the client bears it."""

    async def play(self, exchange: "Exchange") -> None:
        await exchange.silence()


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection closes after the text `after`; without one, before any answer."""

    after: str | None = None

    async def play(self, exchange: "Exchange") -> None:
        if self.after is not None:
            await exchange.delta({"content": self.after})
        await exchange.hang_up()


@dataclass(frozen=True, slots=True)
class Raw:
    """A stream of bytes of your own, each block in one write. The client sees a clean end."""

    blocks: Sequence[bytes]

    async def play(self, exchange: "Exchange") -> None:
        for block in self.blocks:
            await exchange.write(block)


@dataclass(frozen=True, slots=True)
class Malformed:
    """A good delta with the text `after`, and then what is no JSON."""

    after: str = ""

    async def play(self, exchange: "Exchange") -> None:
        await exchange.delta({"content": self.after})
        await exchange.write(b'data: {"choices": [{"delta"\n\n')


class Exchange:
    """One request and the ways of answering it."""

    def __init__(self, request: web.Request, received: Received, number: int) -> None:
        self.received = received
        self.number = number
        self.streams = bool(received.body.get("stream"))
        self.answered = False
        self._request = request
        self._response: web.StreamResponse | None = None

    async def delta(self, delta: Json, finish: str | None = None) -> None:
        """Send one chunk of the streamed answer."""
        await self.chunk(choices=[{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}])

    async def chunk(self, **fields: Any) -> None:
        """Send one chunk with these fields beside those that every chunk has."""
        if self._response is None:
            await self.write(self._event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}))
        await self.write(self._event(fields))

    async def finish(self, reason: str, usage: tuple[int, int]) -> None:
        """Send what ends a stream."""
        await self.delta({}, reason)
        if (self.received.body.get("stream_options") or {}).get("include_usage"):
            await self.chunk(choices=[], usage=_usage(usage))
        await self.write(b"data: [DONE]\n\n")

    async def complete(self, message: Json, finish: str, usage: tuple[int, int]) -> None:
        """Send a whole answer, not streamed."""
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        body = self._common("chat.completion") | {"choices": [choice], "usage": _usage(usage)}
        await self.reply(body)

    async def reply(self, body: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send JSON."""
        self._response = web.json_response(body, status=status, headers=headers)
        await self._response.prepare(self._request)

    async def write(self, block: bytes) -> None:
        """Send bytes of the event stream in one write."""
        if self._response is None:
            self._response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await self._response.prepare(self._request)
        await self._response.write(block)

    async def hang_up(self) -> None:
        """Close the connection where it is."""
        self.answered = True
        assert self._request.transport is not None
        self._request.transport.close()
        await self.silence()

    async def silence(self) -> None:
        """Send nothing more, until the connection is closed."""
        await asyncio.Event().wait()

    async def end(self) -> web.StreamResponse:
        """Send the end of the answer."""
        assert self._response is not None, "the step sent no answer"
        await self._response.write_eof()
        self.answered = True
        return self._response

    def _event(self, fields: Json) -> bytes:
        chunk = self._common("chat.completion.chunk") | fields
        return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"

    def _common(self, kind: str) -> Json:
        return {
            "id": f"chatcmpl-{self.number}",
            "object": kind,
            "created": 1_700_000_000,
            "model": self.received.body["model"],
            "system_fingerprint": "fp_scripted",
        }


class ScriptedOpenAI:
    """Plays `script` to whoever asks at `base_url`.

    Attributes:
        requests: every chat completion asked for, in order.
        base_url: known once the server was entered; the client's API key may be anything.
    """

    def __init__(self, script: Script, *, models: Sequence[str] = ("scripted",)) -> None:
        self.requests: list[Received] = []
        self.base_url = ""
        self._script = script
        self._models = models
        self._failures: list[Exception] = []

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=100 * 1024**2)
        app.add_routes([web.post("/v1/chat/completions", self._chat), web.get("/v1/models", self._list_models)])
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0]
        self.base_url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        if error is not None:
            return
        if self._failures:
            raise self._failures[0]
        if len(self.requests) < len(self._script):
            raise UnusedSteps(f"{len(self._script)} steps, but {len(self.requests)} requests")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        peer = request.transport.get_extra_info("peername") if request.transport else ("", 0)
        received = Received(await request.json(), request.headers, peer)
        number = len(self.requests)
        self.requests.append(received)
        exchange = Exchange(request, received, number)
        try:
            await self._step(number, received.body).play(exchange)
            return await exchange.end()
        except (asyncio.CancelledError, ConnectionError):
            if not exchange.answered:
                received.closed.set()
            raise
        except Exception as error:
            self._failures.append(error)
            return web.json_response(
                {"error": {"message": str(error)}}, status=500, headers={"x-should-retry": "false"}
            )

    def _step(self, number: int, body: Json) -> Step:
        if number >= len(self._script):
            raise UnexpectedModelCall(
                f"{len(self._script)} steps, but request {number + 1} came: {body['messages'][-1]}"
            )
        step = self._script[number]
        return step if hasattr(step, "play") else step(body)

    async def _list_models(self, _request: web.Request) -> web.Response:
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in self._models]
        return web.json_response({"object": "list", "data": models})


def _usage(tokens: tuple[int, int]) -> Json:
    prompt, completion = tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _in_turns(calls: Sequence[Json]) -> Iterator[Json]:
    """The deltas of `calls`: first what each is, then eight characters of each in turn."""
    for index, call in enumerate(calls):
        start = call | {"function": {"name": call["function"]["name"], "arguments": ""}, "index": index}
        yield {"tool_calls": [start]}
    pieces = [re.findall(r"(?s).{1,8}", call["function"]["arguments"]) for call in calls]
    for turn in zip_longest(*pieces):
        for index, piece in enumerate(turn):
            if piece is not None:
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
