"""A page of CopilotKit's kind, and the server that it talks to: what the tests of `/v1/copilot` share."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx2
import uvicorn
from pydantic import BaseModel

from copilot_core import Action, Injected, Role, Services, action, hookimpl
from copilot_core.actions import Render
from copilot_core.chat_models import ChatModels
from copilot_core.plugins import Plugin
from copilot_core.server import Deployment, application, deployment
from copilot_core.settings import Settings
from copilot_core.testing.openai_server import Exchange, ScriptedOpenAI, Step
from copilot_core.toolcall import SharedState

Json = dict[str, Any]
RUN = "/v1/copilot"
AGENT = "/v1/copilot/agent/default"
ORIGIN = "https://app.example"
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""There is no TLS on loopback, and a context that knows all authorities takes 30 ms to make."""
SECRET = "You are the copilot of this application"
"""How the system prompt begins; no client may ever read it."""


class Board:
    """A plugin with an action of every kind, and what was done with it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.deleted = 0
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [list_tasks, add_task, delete_tasks, delete_slowly, wait_long, set_mark]

    @hookimpl
    def copilot_services(self, services: Services) -> None:
        services.value(Board, self)


class TaskClick(BaseModel):
    """What the list of tasks tells back."""

    task_id: str


@action(render=Render("TaskList", {"type": "object"}, {"onTaskClick": TaskClick}))
async def list_tasks(board: Injected[Board]) -> list[str]:
    """List tasks."""
    return board.done


@action(writes=True)
async def add_task(title: str, board: Injected[Board]) -> str:
    """Add a task."""
    board.done.append(title)
    return title


@action(destructive=True, irreversible=True)
async def delete_tasks(board: Injected[Board]) -> str:
    """Delete all tasks."""
    board.deleted += 1
    board.done.clear()
    return "deleted"


@action(destructive=True, irreversible=True)
async def delete_slowly(board: Injected[Board]) -> str:
    """Delete one task after the other."""
    board.begun.set()
    await board.go_on.wait()
    return await delete_tasks(board)


@action
async def wait_long(board: Injected[Board]) -> str:
    """Wait for long."""
    board.begun.set()
    await board.go_on.wait()
    return "waited"


@action
async def set_mark(value: str, shared: Injected[SharedState], board: Injected[Board], wait: bool = False) -> str:
    """Set the mark that page and copilot share."""
    before = shared.get("mark", "none")
    shared.set("mark", value)
    if wait:
        board.begun.set()
        await board.go_on.wait()
    return f"was {before}"


class Site:
    """A served deployment, its model, and the pages of its users."""

    def __init__(self, ready: Deployment, url: str, board: Board, stack: AsyncExitStack) -> None:
        self.ready = ready
        self.url = url
        self.board = board
        self._stack = stack

    async def page(
        self, thread: str = "thread_abc123", *, user: str = "dana", workspace: str = "acme", role: Role = Role.ADMIN
    ) -> "Page":
        """A page of a user, with a thread of its own."""
        key = await self.ready.keys.create(workspace=workspace, user=user, role=role)
        return Page(await self._stack.enter_async_context(client(self.url, f"Bearer {key}")), thread)

    async def same(self, page: "Page", *, site: "Site | None" = None) -> "Page":
        """The same user's page, opened anew, here or on another server of the same database."""
        http = client(self.url if site is None else site.url, page.http.headers["Authorization"])
        return Page(await self._stack.enter_async_context(http), page.thread)


def client(url: str, authorization: str) -> httpx2.AsyncClient:
    """A user's client, as a page of another origin is one."""
    headers = {"Authorization": authorization, "Origin": ORIGIN}
    return httpx2.AsyncClient(base_url=url, timeout=30, headers=headers, verify=PLAIN)


@asynccontextmanager
async def site(
    model: ScriptedOpenAI | None = None,
    *,
    database_url: str | None = None,
    board: Board | None = None,
    patience: float = 5.0,
    **settings: Any,
) -> AsyncIterator[Site]:
    """A deployment on loopback whose model is `model`.

    Args:
        database_url: of a database that several sites may share; else one of its own.
        patience: how long runs may take to end when the site closes.
    """
    board = board or Board()
    with TemporaryDirectory(prefix="copilot-test-", ignore_cleanup_errors=True) as folder:
        chosen = Settings(
            _env_file=None,
            database_url=database_url or f"sqlite:///{Path(folder) / 'test.db'}",
            cors_origins=(ORIGIN,),
            OPENAI_API_KEY="x",
            OPENAI_BASE_URL=model.base_url if model is not None else "http://127.0.0.1:9",
            **settings,
        )
        models = ChatModels("openai:scripted", settings=chosen)
        async with (
            deployment(chosen, plugins=[Plugin("board", board, "test")], models=models) as ready,
            _serving(ready) as url,
            AsyncExitStack() as stack,
        ):
            try:
                yield Site(ready, url, board, stack)
            finally:
                await ready.copilot.close(patience=patience)


class _Server(uvicorn.Server):
    """Uvicorn, which begins and ends at once: its own loop looks ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self.port.set_result(self.servers[0].sockets[0].getsockname()[1])
        await self.over.wait()

    async def shutdown(self, sockets: Any = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.tasks:
            await asyncio.wait(list(self.server_state.tasks))


@asynccontextmanager
async def _serving(ready: Deployment) -> AsyncIterator[str]:
    quiet: Json = {"log_config": None, "lifespan": "off", "ws": "none"}
    server = _Server(uvicorn.Config(application(ready), host="127.0.0.1", port=0, **quiet))
    serving = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{await server.port}"
    finally:
        server.over.set()
        await serving


class Reading:
    """A stream while it comes. Each network read must hold whole frames, and nothing that is not the client's."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.ids: list[str | None] = []
        self.events: list[Json] = []
        self.raw = b""
        self._chunks = response.aiter_raw()

    async def until(self, kind: str, **members: Any) -> Json:
        """Read on until there is an event of this type and these members; it."""
        seen = 0
        while True:
            for event in self.events[seen:]:
                if event["type"] == kind and members.items() <= event.items():
                    return event
            seen = len(self.events)
            await self._more()

    async def until_said(self, text: str) -> None:
        """Read on until this is what was said, in however many deltas."""
        while "".join(e["delta"] for e in self.events if e["type"] == "TEXT_MESSAGE_CONTENT") != text:
            await self._more()

    async def rest(self) -> list[Json]:
        """All events, to the end of the stream."""
        try:
            while True:
                await self._more()
        except StopAsyncIteration:
            return self.events

    async def _more(self) -> None:
        chunk = await anext(self._chunks)
        self.raw += chunk
        for frame_id, event in frames(chunk):
            self.ids.append(frame_id)
            self.events.append(event)


def frames(block: bytes) -> list[tuple[str | None, Json]]:
    """Id and event of each frame; fails on half a frame, on other than one line of ASCII, and on the system prompt."""
    *whole, rest = block.decode("ascii").split("\n\n")
    assert rest == "", f"half a frame: {rest}"
    assert SECRET not in block.decode("ascii")
    found: list[tuple[str | None, Json]] = []
    for frame in whole:
        if frame.startswith(":"):
            continue
        *before, data = frame.split("\n")
        assert len(before) <= 1
        assert data.startswith("data: ")
        frame_id = before[0].removeprefix("id: ") if before else None
        found.append((frame_id, json.loads(data.removeprefix("data: "))))
    return found


class Page:
    """What the stock client keeps of a thread, and how it asks.

    `apply` is the client's reducer with the client's checks: an order of events that CopilotKit refuses
    fails here.
    """

    def __init__(self, http: Any, thread: str) -> None:
        self.http = http
        self.thread = thread
        self.messages: list[Json] = []
        self.state: Json = {}
        self.interrupts: list[Json] = []
        self.hints: dict[str, str] = {}
        self._open: set[str] = set()
        self._runs = False

    def input(self, **members: Any) -> Json:
        """A `RunAgentInput` with the page's whole history."""
        own = {"threadId": self.thread, "runId": f"run_{uuid4().hex[:8]}", "messages": self.messages}
        return {**own, "tools": [], "context": [], "forwardedProps": {}, "state": self.state, **members}

    async def say(self, text: str, *, id: str | None = None, **members: Any) -> list[Json]:
        """What the user types; the events of the answer, applied."""
        self.messages.append({"id": id or f"user_{uuid4().hex[:8]}", "role": "user", "content": text})
        return await self.run(**members)

    async def answer_call(self, call_id: str, content: str, **members: Any) -> list[Json]:
        """The result of one of the page's own tools."""
        self.messages.append({"id": f"tool_{call_id}", "role": "tool", "toolCallId": call_id, "content": content})
        return await self.run(**members)

    async def run(self, **members: Any) -> list[Json]:
        """A run with the history as it is."""
        async with self.reading(json=self.input(**members)) as reading:
            return self.apply(await reading.rest())

    async def connect(self) -> list[Json]:
        """Open the thread anew."""
        async with self.reading(f"{AGENT}/connect", json=self.input(messages=[])) as reading:
            return self.apply(await reading.rest())

    async def stored(self) -> list[Json]:
        """The thread as the server keeps it."""
        answer = await self.http.get(f"/v1/threads/{self.thread}/messages")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["messages"])

    @asynccontextmanager
    async def reading(self, path: str = RUN, *, method: str = "POST", **options: Any) -> AsyncIterator[Reading]:
        """An open stream."""
        async with self.http.stream(method, path, **options) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            yield Reading(response)

    def apply(self, events: Sequence[Json]) -> list[Json]:
        """Take over what was told; the same events."""
        for event in events:
            assert None not in event.values(), event
            assert self._runs == (event["type"] != "RUN_STARTED"), event
            self._apply(event)
        assert not self._runs, "no terminal event"
        return list(events)

    def _apply(self, event: Json) -> None:
        match event:
            case {"type": "RUN_STARTED"}:
                self._runs, self.interrupts = True, []
                self._open.clear()
            case {"type": "RUN_ERROR"}:
                self._runs = False
            case {"type": "RUN_FINISHED"}:
                assert not self._open, event
                self._runs, self.interrupts = False, event.get("outcome", {}).get("interrupts", [])
            case {"type": "TEXT_MESSAGE_START", "messageId": own_id}:
                self._begin(own_id)
                self._assistant(own_id)
            case {"type": "TEXT_MESSAGE_CONTENT", "messageId": own_id, "delta": delta}:
                assert own_id in self._open
                self._assistant(own_id)["content"] += delta
            case {"type": "TEXT_MESSAGE_END", "messageId": own_id}:
                self._open.remove(own_id)
            case {"type": "TOOL_CALL_START", "toolCallId": call_id, "toolCallName": name, "parentMessageId": parent}:
                self._begin(call_id)
                calls = self._assistant(parent).setdefault("toolCalls", [])
                if all(known["id"] != call_id for known in calls):
                    calls.append({"id": call_id, "type": "function", "function": {"name": name, "arguments": ""}})
            case {"type": "TOOL_CALL_ARGS", "toolCallId": call_id, "delta": delta}:
                assert call_id in self._open
                self._call(call_id)["function"]["arguments"] += delta
            case {"type": "TOOL_CALL_END", "toolCallId": call_id}:
                self._open.remove(call_id)
            case _:
                self._apply_rest(event)

    def _apply_rest(self, event: Json) -> None:
        match event:
            case {"type": "TOOL_CALL_RESULT", "messageId": own_id, "toolCallId": call_id, "content": content}:
                assert all(m["id"] != own_id for m in self.messages)
                self.messages.append({"id": own_id, "role": "tool", "toolCallId": call_id, "content": content})
            case {"type": "MESSAGES_SNAPSHOT", "messages": messages}:
                assert [m["id"] for m in messages] == list({m["id"]: None for m in messages})
                told = {m["id"]: m for m in messages}
                kept = [told.pop(m["id"]) for m in self.messages if m["id"] in told]
                self.messages = json.loads(json.dumps([*kept, *told.values()]))
            case {"type": "STATE_SNAPSHOT", "snapshot": state}:
                self.state = dict(state)
            case {"type": "STATE_DELTA", "delta": patch}:
                self.state |= {change["path"].removeprefix("/"): change["value"] for change in patch}
            case {"type": "CUSTOM", "name": "render", "value": hint}:
                self.hints[hint["toolCallId"]] = hint["component"]
            case {"type": "CUSTOM"}:
                pass
            case _:
                raise AssertionError(f"the client does not know {event}")

    def _begin(self, own_id: str) -> None:
        assert own_id not in self._open
        self._open.add(own_id)

    def _assistant(self, own_id: str) -> Json:
        for message in self.messages:
            if message["id"] == own_id:
                return message
        self.messages.append({"id": own_id, "role": "assistant", "content": ""})
        return self.messages[-1]

    def _call(self, call_id: str) -> Json:
        return next(c for m in self.messages for c in m.get("toolCalls", ()) if c["id"] == call_id)


def plain(messages: Sequence[Json]) -> list[Json]:
    """Messages without the ways in which JSON text and hints may differ, so that two lists can be compared."""
    return [_plain(json.loads(json.dumps(message))) for message in messages]


def _plain(message: Json) -> Json:
    for call in message.get("toolCalls", ()):
        call.pop("render", None)
        call["function"]["arguments"] = _parsed(call["function"]["arguments"])
    content = message.get("content", "")
    return {**message, "content": _parsed(content) if message["role"] == "tool" else content}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def read_by(model: ScriptedOpenAI, number: int = -1) -> list[Json]:
    """What the model was sent, checked as model APIs check it, without the system message."""
    system, *messages = model.requests[number].body["messages"]
    assert system["role"] == "system"
    awaited: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] == awaited.pop(0), messages
            continue
        assert awaited == [], messages
        assert message["role"] in {"user", "assistant"}, messages
        assert message["content"] or message.get("tool_calls"), messages
        awaited = [call["id"] for call in message.get("tool_calls", ())]
    assert awaited == [], messages
    return messages


def told(model: ScriptedOpenAI, number: int = -1) -> list[tuple[str, Any]]:
    """Role and content of each message that the model was sent."""
    return [(m["role"], _parsed(m["content"]) if m["role"] == "tool" else m["content"]) for m in read_by(model, number)]


def tools(model: ScriptedOpenAI, number: int = -1) -> list[str]:
    """The names of the tools that the model was offered."""
    return [tool["function"]["name"] for tool in model.requests[number].body.get("tools", ())]


def kinds(events: Sequence[Json]) -> list[str]:
    """The types of the events, each run of deltas once."""
    found: list[str] = []
    for event in events:
        if not (found and found[-1] == event["type"] and event["type"].endswith(("_CONTENT", "_ARGS"))):
            found.append(event["type"])
    return found


class Hangs:
    """A step: what `before` sends, and then silence until the client hangs up."""

    def __init__(self, *before: Json) -> None:
        self.before = before
        self.reached = asyncio.Event()

    async def play(self, exchange: Exchange) -> None:
        for delta in self.before:
            await exchange.delta(delta)
        self.reached.set()
        await exchange.silence()


def half_call(name: str, arguments: str) -> Json:
    """A delta that begins a call and does not end it."""
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": 0, "id": "half", "type": "function", "function": function}]}


Steps = Sequence[Step | Callable[[Json], Step]]
