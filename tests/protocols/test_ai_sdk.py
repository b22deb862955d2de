"""The AI SDK's wire: what `useChat` sends, and what a run looks like to it."""

import json
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
from hypothesis import given

from copilot_core import events
from copilot_core.errors import Invalid
from copilot_core.events import Event
from copilot_core.protocols.ai_sdk import AI_SDK, decode, encode
from copilot_core.run import Answer, ClientAction, Message, Readable, RunInput

from .runs import HISTORY, RECEIPT, lines, nulls, runs

QUESTION = events.ApprovalRequested(
    "ask1", "Sure?", [{"callId": "c1", "action": "delete", "arguments": {"id": 7}, "reason": "deletes"}], held=["c2"]
)
SAID: list[tuple[Event, list[Any]]] = [
    (events.RunStarted("r", "t"), [{"type": "start", "messageMetadata": {"threadId": "t", "runId": "r"}}]),
    (events.InputStored(4), []),
    (events.UiEvent("c1", "TaskCard", "onTaskClick", {}), []),
    (events.MessagesSnapshot(HISTORY), []),
    (events.StateSnapshot({"a": 1}), [{"type": "data-state", "data": {"a": 1}, "transient": True}]),
    (
        events.StateDelta([{"op": "remove", "path": "/a"}]),
        [{"type": "data-state-delta", "data": [{"op": "remove", "path": "/a"}], "transient": True}],
    ),
    (events.TextStarted("m1"), [{"type": "text-start", "id": "m1"}]),
    (events.TextDelta("m1", 'a "ö"'), [{"type": "text-delta", "id": "m1", "delta": 'a "ö"'}]),
    (events.TextEnded("m1"), [{"type": "text-end", "id": "m1"}]),
    (
        events.ToolCallStarted("m1", "c1", "list"),
        [{"type": "tool-input-start", "toolCallId": "c1", "toolName": "list", "providerExecuted": True}],
    ),
    (
        events.ToolCallStarted("m1", "c1", "goTo", client=True, render={"component": "Link"}),
        [
            {
                "type": "tool-input-start",
                "toolCallId": "c1",
                "toolName": "goTo",
                "toolMetadata": {"render": {"component": "Link"}},
            }
        ],
    ),
    (events.ToolCallArguments("c1", "{}"), [{"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": "{}"}]),
    (
        events.ToolCallReady("c1", "list", {"a": 1}),
        [
            {
                "type": "tool-input-available",
                "toolCallId": "c1",
                "toolName": "list",
                "input": {"a": 1},
                "providerExecuted": True,
            }
        ],
    ),
    (
        events.ToolCallEnded("c1", "list", True, {"success": True}, "m1.c1"),
        [{"type": "tool-output-available", "toolCallId": "c1", "output": {"success": True}}],
    ),
    (
        events.ToolCallEnded("c1", "list", False, {"success": False, "message": "Gone."}, "m1.c1"),
        [{"type": "tool-output-error", "toolCallId": "c1", "errorText": "Gone."}],
    ),
    (
        events.ToolCallEnded("c1", "list", False, {"success": False}, "m1.c1"),
        [{"type": "tool-output-error", "toolCallId": "c1", "errorText": '{"success": false}'}],
    ),
    (
        events.ReceiptIssued("w1", "c1", "delete", "Delete", "Deleted.", reversible=True),
        [{"type": "data-receipt", "id": "w1", "data": RECEIPT}],
    ),
    (events.Custom("progress", None), [{"type": "data-progress", "id": "progress", "data": None}]),
    (
        QUESTION,
        [
            {"type": "text-start", "id": "ask1"},
            {"type": "text-delta", "id": "ask1", "delta": "Sure?"},
            {"type": "text-end", "id": "ask1"},
            {
                "type": "data-approval",
                "id": "ask1",
                "data": {"id": "ask1", "question": "Sure?", "calls": QUESTION.calls, "expiresAt": ""},
            },
            {
                "type": "tool-input-available",
                "toolCallId": "c1",
                "toolName": "delete",
                "input": {"id": 7},
                "providerExecuted": True,
            },
            {"type": "tool-approval-request", "approvalId": "ask1", "toolCallId": "c1"},
            {"type": "tool-output-error", "toolCallId": "c2", "errorText": "Waits for the answer."},
        ],
    ),
    (
        events.SourcesUsed([events.Source("List", "Tasks")]),
        [{"type": "data-sources", "data": [{"type": "List", "label": "Tasks"}]}],
    ),
    (
        events.RunFinished("r", "t"),
        [
            {"type": "start-step"},
            {"type": "finish", "finishReason": "stop", "messageMetadata": {"usage": {}, "credits": 0}},
            "[DONE]",
        ],
    ),
    (
        events.RunFinished("r", "t", stopped=True, model="m", usage={"input_tokens": 3, "output_tokens": 1}, credits=5),
        [
            {"type": "start-step"},
            {
                "type": "finish",
                "finishReason": "other",
                "messageMetadata": {"usage": {"model": "m", "inputTokens": 3, "outputTokens": 1}, "credits": 5},
            },
            "[DONE]",
        ],
    ),
    (
        events.RunFinished("r", "t", client_calls=["c1"]),
        [{"type": "finish", "finishReason": "tool-calls", "messageMetadata": {"usage": {}, "credits": 0}}, "[DONE]"],
    ),
    (
        events.RunFinished("r", "t", waiting=QUESTION),
        [{"type": "finish", "finishReason": "tool-calls", "messageMetadata": {"usage": {}, "credits": 0}}, "[DONE]"],
    ),
    (
        events.RunFailed("r", "t", "rate_limited", "Wait.", credits=3),
        [
            {"type": "message-metadata", "messageMetadata": {"credits": 3}},
            {"type": "error", "errorText": "Wait."},
            "[DONE]",
        ],
    ),
]


def said_in(stream: bytes) -> list[Any]:
    return [line if line == "[DONE]" else json.loads(line) for line in lines(stream)]


@pytest.mark.parametrize(("event", "said"), SAID)
def test_each_event_is_said_so(event: Event, said: list[Any]) -> None:
    assert said_in(encode(event)) == said


def test_no_kind_of_event_is_forgotten_here() -> None:
    assert {type(event) for event, _ in SAID} == set(get_args(Event))


def test_the_answer_is_marked_as_a_stream_of_the_sdk() -> None:
    assert (AI_SDK.path, AI_SDK.headers) == ("/v1/ai-sdk", {"x-vercel-ai-ui-message-stream": "v1"})


@dataclass
class Page:
    """The message that `useChat` makes of a stream; a chunk about something unknown is an error there too."""

    texts: dict[str, str] = field(default_factory=dict)
    streaming: set[str] = field(default_factory=set)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    step: int = 0

    def read(self, chunk: dict[str, Any]) -> None:
        match chunk:
            case {"type": "text-start", "id": text}:
                self.streaming.add(text)
                self.texts.setdefault(text, "")
            case {"type": "text-delta", "id": text, "delta": delta}:
                assert text in self.streaming
                self.texts[text] += delta
            case {"type": "text-end", "id": text}:
                self.streaming.remove(text)
            case {"type": "tool-input-start", "toolCallId": call, "toolName": name}:
                ours = chunk.get("providerExecuted", False)
                self.calls[call] = {"name": name, "state": "input-streaming", "ours": ours, "step": self.step}
            case {"type": "tool-input-delta", "toolCallId": call}:
                assert self.calls[call]["state"] == "input-streaming"
            case {"type": "tool-input-available", "toolCallId": call, "toolName": name, "input": dict(given)}:
                assert self.calls[call]["step"] == self.step
                self.calls[call] |= {"name": name, "state": "input-available", "input": given}
            case {"type": "tool-approval-request", "toolCallId": call}:
                self.calls[call]["state"] = "approval-requested"
            case {"type": "tool-output-available" | "tool-output-error" as kind, "toolCallId": call}:
                self.calls[call]["state"] = kind.removeprefix("tool-")
            case {"type": "start-step"}:
                self.step += 1


@given(runs())
def test_a_page_can_follow_every_run(run: list[Event]) -> None:
    *chunks, done = said_in(b"".join(map(encode, run)))

    page = Page()
    for chunk in chunks:
        page.read(chunk)
    assert done == "[DONE]"
    assert [chunk["type"] for chunk in chunks].count("start") == 1
    assert [i for i, c in enumerate(chunks) if c["type"] in {"finish", "error"}] == [len(chunks) - 1]
    assert not nulls(chunks)
    assert not page.streaming
    meant: dict[str, str] = {}
    for event in run:
        if isinstance(event, events.TextDelta):
            meant[event.message_id] = meant.get(event.message_id, "") + event.delta
        if isinstance(event, events.ApprovalRequested):
            meant[event.id] = event.question
    assert page.texts == meant


@given(runs())
def test_only_a_run_that_waits_leaves_a_call_that_the_page_would_send_on(run: list[Event]) -> None:
    page = Page()
    for chunk in said_in(b"".join(map(encode, run)))[:-1]:
        page.read(chunk)

    end = run[-1]
    if not isinstance(end, events.RunFinished):
        return
    now = [call for call in page.calls.values() if call["step"] == page.step]
    assert bool(now) == bool(page.calls and (end.waiting or end.client_calls))
    asked = {call_id for call_id, call in page.calls.items() if call["state"] == "approval-requested"}
    assert asked == {call["callId"] for call in (end.waiting.calls if end.waiting else ())}


def user(*parts: Any, id: str = "u1") -> dict[str, Any]:
    return {"id": id, "role": "user", "parts": list(parts)}


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "state": "done"}


def ours(*parts: Any, id: str = "a1") -> dict[str, Any]:
    return {"id": id, "role": "assistant", "metadata": {"threadId": "chat1", "runId": "r"}, "parts": list(parts)}


def read(*messages: Any, **members: Any) -> RunInput:
    return decode(json.dumps({"id": "chat1", "trigger": "submit-message", "messages": messages, **members}).encode())


def test_a_message_of_a_chat() -> None:
    assert read(user(said("What "), {"type": "data-x", "data": 1}, said("now?"))) == RunInput(
        (Message("user", "What now?", id="u1"),), thread_id="chat1", opens_thread=True
    )


def test_what_the_page_adds_to_the_body_is_read_as_on_ag_ui() -> None:
    told = read(
        user(said("Hi")),
        runId="r7",
        timezone="UTC",
        onBusy="interrupt",
        state={"a": 1},
        tools=[{"name": "goTo"}],
        context=[{"description": "page", "value": '{"recordId": "7"}'}],
    )

    assert (told.run_id, told.timezone, told.on_busy, told.state) == ("r7", "UTC", "interrupt", {"a": 1})
    assert told.client_actions == (ClientAction("goTo", "", {"type": "object", "properties": {}}),)
    assert told.readables == (Readable("page", {"recordId": "7"}),)


def test_answers_of_this_thread_are_in_the_thread_and_others_are_history() -> None:
    greeting = {"id": "a0", "role": "assistant", "parts": [said("Hello!")]}
    forked = {**ours(said("Elsewhere")), "metadata": {"threadId": "chat0"}}

    told = read(greeting, forked, user(said("Hi")), ours(said("Yes?")), user(said("Bye"), id="u2"))
    assert [(message.role, message.content) for message in told.messages] == [
        ("assistant", "Hello!"),
        ("assistant", "Elsewhere"),
        ("user", "Hi"),
        ("user", "Bye"),
    ]


PNG = {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,aGk="}
LINK = {"type": "file", "mediaType": "image/png", "url": "https://a.example/b.png"}


def test_an_image_is_shown_and_what_was_shown_before_is_left_out() -> None:
    first, last = read(user(LINK), user(said("See"), PNG, id="u2")).messages

    assert first == Message("user", "", id="u1")
    assert last == Message("user", "See", id="u2", images=({"base64": "aGk=", "mime_type": "image/png"},))


def asked(state: str, approved: bool | None = None, call_id: str = "c1", asked_id: str = "ask1") -> dict[str, Any]:
    approval = {"id": asked_id} if approved is None else {"id": asked_id, "approved": approved}
    return {"type": "tool-delete", "toolCallId": call_id, "state": state, "input": {}, "approval": approval}


@pytest.mark.parametrize("approved", [True, False])
def test_one_answer_for_all_calls_of_a_question(approved: bool) -> None:
    parts = [asked("approval-responded", approved), asked("approval-responded", approved, "c2")]

    told = read(user(said("Delete both")), ours(*parts), messageId="a1")
    assert told.answers == (Answer("ask1", approved),)
    assert told.messages == (Message("user", "Delete both", id="u1"),)


def test_an_answer_counts_while_the_page_goes_on_with_its_message() -> None:
    answered = ours(asked("approval-responded", approved=True))

    assert read(user(said("Delete")), answered).answers == (Answer("ask1", approved=True),)
    assert read(user(said("Delete")), answered, user(said("Hi"), id="u2")).answers == ()
    again = read(user(said("Delete")), answered, user(said("Hi"), id="u2"), messageId="a1")
    assert again.answers == (Answer("ask1", approved=True),)
    assert read(user(said("Delete")), ours(asked("approval-requested"))).answers == ()
    assert read(user(said("Delete")), ours(asked("output-available", approved=True))).answers == ()


@pytest.mark.seed("S30")
def test_results_of_the_pages_tools() -> None:
    done = {"type": "tool-goTo", "toolCallId": "c1", "state": "output-available", "input": {}}
    failed = {"type": "dynamic-tool", "toolCallId": "c3", "state": "output-error", "errorText": "No such page"}
    parts = [
        {**done, "output": {"success": True}},
        {**done, "toolCallId": "c2", "output": "done"},
        failed,
        {**done, "toolCallId": "c4"},
        {**done, "toolCallId": "c5", "output": 1, "providerExecuted": True},
        {**done, "toolCallId": "c6", "state": "input-available"},
    ]

    assert read(user(said("Go")), ours(*parts)).messages[1:] == (
        Message("tool", '{"success": true}', call_id="c1"),
        Message("tool", "done", call_id="c2"),
        Message("tool", "No such page", call_id="c3"),
        Message("tool", "", call_id="c4"),
    )


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"messages": None}, "messages"),
    ({"messages": [{"role": "tool", "parts": []}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].parts"),
    ({"messages": [user(said("Hi")), {"role": "assistant", "parts": "Hi"}]}, "messages[1].parts"),
    ({"messages": [{**user(said("Hi")), "id": 7}]}, "messages[0].id"),
    ({"messages": [user(said("See"), LINK)]}, "messages[0].parts[1]"),
    ({"messages": [user(said("Hi"))] * 5001}, "messages"),
    ({"id": 7}, "id"),
    ({"id": "x" * 201}, "id"),
    ({"onBusy": "wait"}, "onBusy"),
    ({"tools": [{"name": "go to"}]}, "tools[0].name"),
]


@pytest.mark.parametrize(("members", "where"), REFUSED)
def test_what_is_wrong_is_named_with_its_index(members: dict[str, Any], where: str) -> None:
    with pytest.raises(Invalid) as error:
        decode(json.dumps({"messages": [user(said("Hi"))], **members}).encode())

    assert error.value.details == {"field": where}
