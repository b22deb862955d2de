"""Every kind of stream of `/v1/copilot`, over real HTTP, as the AG-UI clients that others publish read it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from copilot_core import Role
from copilot_core.testing.openai_server import Call, Say, Status

from .conftest import Verify, open_site

pytestmark = [
    pytest.mark.node,
    pytest.mark.proof,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
]

ADD_ITEM = {
    "name": "addItem",
    "description": "Add an item to the list on the page",
    "parameters": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
}
ALLOWED = Say(calls=[Call("deleteRecords", {"kind": "task"})])
Message = dict[str, Any]


@dataclass
class Stream:
    """A response, what its reader held before it, and what the thread has after it."""

    body: str
    messages: list[Message]
    resume: list[dict[str, Any]] | None = None
    interrupts: list[dict[str, Any]] = field(default_factory=list)
    after: list[Message] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line[6:]) for line in self.body.split("\n") if line.startswith("data: ")]

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1]


Streams = dict[str, Stream]


class Reader:
    """A client on one thread, which sends its whole history with every run; what it gets is kept by name.

    `heard` is set with the first word that it gets.
    """

    def __init__(self, streams: Streams, http: httpx2.AsyncClient, thread: str) -> None:
        self.thread = thread
        self.heard = asyncio.Event()
        self._streams = streams
        self._http = http

    async def run(self, name: str, *new: Message, held: list[Message] | None = None, **given: Any) -> Stream:
        """Say `new`, after `held` or else the whole thread."""
        messages = [*(await self._messages() if held is None else held), *new]
        body = {"threadId": self.thread, "runId": name, "state": {}, "tools": [], "context": [], "forwardedProps": {}}
        return await self._read(name, "run", {**body, "messages": messages, **given})

    async def say(self, name: str, said: str = "Please do it.", **given: Any) -> Stream:
        return await self.run(name, {"id": f"user {name}", "role": "user", "content": said}, **given)

    async def answer(self, name: str, asked: Stream, *, status: str = "resolved", **payload: Any) -> Stream:
        """Answer the question with which `asked` ended."""
        interrupts = asked.last["outcome"]["interrupts"]
        resume = [{"interruptId": interrupts[0]["id"], "status": status, **({"payload": payload} if payload else {})}]
        told = await self.run(name, resume=resume, runId=asked.last["runId"])
        told.resume, told.interrupts = resume, interrupts
        return told

    async def connect(self, name: str) -> Stream:
        return await self._read(name, "connect", {"threadId": self.thread, "runId": name, "messages": []})

    async def stop(self) -> dict[str, Any]:
        answer = await self._http.post(f"/v1/copilot/agent/default/stop/{self.thread}", json={})
        return dict(answer.json())

    async def _read(self, name: str, method: str, given: dict[str, Any]) -> Stream:
        body = ""
        async with self._http.stream("POST", f"/v1/copilot/agent/default/{method}", json=given) as answer:
            assert answer.status_code == 200
            async for text in answer.aiter_text():
                body += text
                if "TEXT_MESSAGE_CONTENT" in body:
                    self.heard.set()
        self._streams[name] = Stream(body, given["messages"], after=await self._messages())
        return self._streams[name]

    async def _messages(self) -> list[Message]:
        answer = await self._http.get(f"/v1/copilot/threads/{self.thread}/messages")
        messages = answer.json().get("messages", [])
        for call in (call for message in messages for call in message.get("toolCalls", ())):
            call.pop("render", None)  # told beside the messages to clients
        return list(messages)


def _plain(messages: list[Message]) -> list[Message]:
    """With an empty content like none, and the results of one message in no special order."""
    plain = [{**message, "content": message.get("content") or ""} for message in messages]
    turns = list(accumulate(plain, lambda turn, message: turn + (message["role"] != "tool"), initial=0))[1:]
    return [m for _, m in sorted(zip(turns, plain, strict=True), key=lambda it: (it[0], it[1].get("toolCallId", "")))]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def streams() -> AsyncIterator[Streams]:
    """All of them; the script is in the order of the stories below."""
    middle, end = asyncio.Event(), asyncio.Event()
    script = [
        Say("Hello Dana."),
        Say("Hello again."),
        Say("Let me look.", calls=[Call("listRecords", {"kind": "ä"}, id="same")]),
        Say(calls=[Call("listRecords", {}, id="same"), Call("createRecord", {"title": "Ada"})]),
        Say("There is one."),
        Say(calls=[Call(name, arguments) for name, arguments in FAILING]),
        Say("Some failed."),
        Say(calls=[Call("addItem", {"title": "Milk"})]),
        Say("Milk is on the list."),
        Say("Both.", calls=[Call("listRecords", {}), Call("addItem", {"title": "Tea"})]),
        Say("Tea too."),
        Say("I ask first.", calls=[Call("deleteRecords", {"kind": "task"}), Call("listRecords", {})]),
        Say("All are gone."),
        ALLOWED,
        Say("Then not."),
        ALLOWED,
        Say("Nothing was done."),
        ALLOWED,
        Say("Done as before."),
        Say("One two three", wait=middle),
        Say("One two three", wait=end),
        Say("We can go on."),
        Say(calls=[Call("copilotkitSuggest", {"suggestions": [{"title": "Next", "message": "What is next?"}]})]),
        Status(400, message="secret detail"),
        Say(calls=[Call("createRecord", {"title": "Ada"})]),
    ]
    streams: Streams = {}
    async with open_site(script) as at, at.client() as http:

        def reader(thread: str) -> Reader:
            return Reader(streams, http, thread)

        await _talk(reader("talk"))
        await _act(reader("act"))
        await _page(reader("page"))
        await _ask(reader)
        await _join(reader, middle)
        await _stop(reader("stop"))
        await reader("suggest").say("suggestions", tools=[{"name": "copilotkitSuggest", "description": "Suggest"}])
        await reader("broken").say("the model fails")
        async with at.client(await at.key_of("vera", Role.VIEWER)) as viewer:
            await Reader(streams, viewer, "refused").say("a role that may not")
    yield streams


FAILING: list[tuple[str, Any]] = [
    ("createRecord", {"title": "refuse"}),
    ("createRecord", {"title": "crash"}),
    ("createRecord", {"wrong": 1}),
    ("noSuchAction", {}),
    ("createRecord", '{"title": "Ad'),
]


async def _talk(thread: Reader) -> None:
    await thread.connect("connect to an unknown thread")
    await thread.say("text", "Hello")
    await thread.connect("connect to a known thread")
    asked = {"id": "user text", "role": "user", "content": "Hello?"}
    await thread.run("an edited message", asked, held=[])


async def _act(thread: Reader) -> None:
    await thread.say("server actions", "Create a record called Ada")
    await thread.connect("connect to a thread with actions")
    await thread.say("failing actions", "Create records called refuse and crash")


async def _page(thread: Reader) -> None:
    for calls, name in enumerate(["page action", "mixed turn"]):
        asked = await thread.say(name, tools=[ADD_ITEM])
        await thread.connect(f"connect before the result of a {name}")
        (call_id,) = [e["toolCallId"] for e in asked.events if e.get("toolCallName") == "addItem"]
        result = {"id": f"result {calls}", "role": "tool", "toolCallId": call_id, "content": '{"added": true}'}
        await thread.run(f"result of a {name}", result, tools=[ADD_ITEM])


async def _ask(reader: Any) -> None:
    thread = reader("approve")
    asked = await thread.say("approval")
    await thread.connect("connect to a waiting thread")
    await thread.answer("approved", asked, approved=True)
    thread = reader("decline")
    await thread.answer("declined", await thread.say("another approval"), approved=False)
    thread = reader("cancel")
    await thread.answer("cancelled", await thread.say("a third approval"), status="cancelled")
    thread = reader("legacy")
    asked = await thread.say("a fourth approval")
    (event,) = [e["value"] for e in asked.events if e.get("name") == "on_interrupt"]
    props = {"command": {"resume": {"approved": True}, "interruptEvent": event}}
    await thread.run("approved the old way", forwardedProps=props)


async def _join(reader: Any, go_on: asyncio.Event) -> None:
    first, second = reader("join"), reader("join")
    running = asyncio.create_task(first.say("text with a pause"))
    await first.heard.wait()
    joined = asyncio.create_task(second.connect("connect in the middle of an answer"))
    await second.heard.wait()
    go_on.set()
    await asyncio.gather(running, joined)


async def _stop(thread: Reader) -> None:
    running = asyncio.create_task(thread.say("stopped"))
    await thread.heard.wait()
    assert await thread.stop() == {"stopped": True}
    await running
    assert await thread.stop() == {"stopped": False, "message": "The run has ended already."}
    await thread.say("after a stop")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def read(streams: Streams, verify: Verify) -> dict[str, dict[str, Any]]:
    """What the clients make of them."""
    given = {
        name: {"body": s.body, "messages": s.messages, "resume": s.resume, "interrupts": s.interrupts}
        for name, s in streams.items()
    }
    return await asyncio.to_thread(verify, given)


async def test_every_stream_is_accepted_by_both_versions_without_a_warning(read: dict[str, dict[str, Any]]) -> None:
    errors = {"the model fails", "a role that may not"}
    assert {
        name: [(r["ok"], r.get("error"), r["ended"], r["warnings"]) for r in results.values()]
        for name, results in read.items()
    } == {name: [(True, None, "RUN_ERROR" if name in errors else "RUN_FINISHED", [])] * 2 for name in read}


async def test_after_every_stream_a_client_holds_the_messages_of_the_thread(
    streams: Streams, read: dict[str, dict[str, Any]]
) -> None:
    for name, stream in streams.items():
        for result in read[name].values():
            if name == "suggestions":
                assert (len(result["messages"]), stream.after) == (2, [])  # a run that is stored nowhere
                continue
            assert _plain(result["messages"]) == _plain(stream.after), name


async def test_the_published_rules_find_no_fault_but_arguments_that_the_model_broke(streams: Streams) -> None:
    validator = pytest.importorskip("ag_ui_validate")
    found = {}
    for name, stream in streams.items():
        validating = validator.create_validator()
        for event in stream.events:
            validating.feed(event)
        validating.finalize()
        report = validating.report()
        assert report.internal_errors == [], name
        found[name] = [diagnostic.rule for diagnostic in report.diagnostics if diagnostic.severity != "info"]

    assert {name: rules for name, rules in found.items() if rules} == {"failing actions": ["AGUI204"]}


async def test_a_client_knows_how_the_stream_left_things(read: dict[str, dict[str, Any]]) -> None:
    waiting = {name for name, results in read.items() if all(result["interrupts"] for result in results.values())}
    assert waiting == {
        "approval",
        "connect to a waiting thread",
        *(f"{n} approval" for n in ("another", "a third", "a fourth")),
    }
    (asked,) = read["approval"]["1.0.0"]["interrupts"]
    assert asked == read["connect to a waiting thread"]["0.0.59"]["interrupts"][0]
    assert (asked["reason"], [call["callId"] for call in asked["metadata"]["calls"]]) == (
        "tool_approval",
        ["call_11_0"],
    )
    assert read["server actions"]["0.0.59"]["state"] == {"last": "Ada"}


async def test_an_error_is_told_in_words_for_the_user(streams: Streams) -> None:
    told = {"message": "The model provider rejected the request.", "code": "model_unavailable"}
    assert streams["the model fails"].last == {"type": "RUN_ERROR", **told, "metadata": {"credits": 0}}
    told = {"message": "Your role (viewer) is read-only; Create Record needs write access.", "code": "forbidden"}
    assert streams["a role that may not"].last == {"type": "RUN_ERROR", **told, "metadata": {"credits": 0}}
    assert "secret detail" not in "".join(stream.body for stream in streams.values())
