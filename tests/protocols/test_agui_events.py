"""What a run says on AG-UI: legal for every client, and nothing is lost."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_core import events
from copilot_core.events import Event
from copilot_core.protocols.agui import AGUI, encode
from copilot_core.protocols.sse import frame

from .runs import HISTORY, RECEIPT, lines, nulls, runs

QUESTION = events.ApprovalRequested(
    "ask1", "Sure?", [{"callId": "c1", "action": "delete", "arguments": {"id": 7}, "reason": "deletes"}]
)
ASKED = {"calls": [{"callId": "c1", "action": "delete", "arguments": {"id": 7}, "reason": "deletes"}]}
INTERRUPT = {
    "id": "ask1",
    "reason": "tool_approval",
    "message": "Sure?",
    "responseSchema": {"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]},
    "metadata": ASKED,
}
HINT = {"component": "TaskCard", "props": {"type": "object"}, "events": {"onTaskClick": {}}}
RUN = {"threadId": "t", "runId": "r"}
COST = {"metadata": {"credits": 0}}
SAID: list[tuple[Event, list[dict[str, Any]]]] = [
    (events.RunStarted("r", "t"), [{"type": "RUN_STARTED", **RUN}]),
    (events.InputStored(4), []),
    (events.UiEvent("c1", "TaskCard", "onTaskClick", {}), []),
    (events.StateSnapshot({"open": None}), [{"type": "STATE_SNAPSHOT", "snapshot": {"open": None}}]),
    (
        events.StateDelta([{"op": "replace", "path": "/open", "value": None}]),
        [{"type": "STATE_DELTA", "delta": [{"op": "replace", "path": "/open", "value": None}]}],
    ),
    (events.TextStarted("m1"), [{"type": "TEXT_MESSAGE_START", "messageId": "m1", "role": "assistant"}]),
    (events.TextDelta("m1", "Hi"), [{"type": "TEXT_MESSAGE_CONTENT", "messageId": "m1", "delta": "Hi"}]),
    (events.TextEnded("m1"), [{"type": "TEXT_MESSAGE_END", "messageId": "m1"}]),
    (
        events.ToolCallStarted("m1", "c1", "list"),
        [{"type": "TOOL_CALL_START", "toolCallId": "c1", "toolCallName": "list", "parentMessageId": "m1"}],
    ),
    (
        events.ToolCallStarted("m1", "c1", "add", render=HINT),
        [
            {"type": "TOOL_CALL_START", "toolCallId": "c1", "toolCallName": "add", "parentMessageId": "m1"},
            {"type": "CUSTOM", "name": "render", "value": {"toolCallId": "c1", "toolName": "add", **HINT}},
        ],
    ),
    (events.ToolCallArguments("c1", "{}"), [{"type": "TOOL_CALL_ARGS", "toolCallId": "c1", "delta": "{}"}]),
    (events.ToolCallReady("c1", "list", {}), [{"type": "TOOL_CALL_END", "toolCallId": "c1"}]),
    (
        events.ToolCallEnded("c1", "list", True, {"success": True, "data": "ö"}, "m1.c1"),
        [
            {
                "type": "TOOL_CALL_RESULT",
                "messageId": "m1.c1",
                "toolCallId": "c1",
                "role": "tool",
                "content": '{"success": true, "data": "ö"}',
            }
        ],
    ),
    (
        events.ReceiptIssued("w1", "c1", "delete", "Delete", "Deleted.", reversible=True),
        [{"type": "CUSTOM", "name": "receipt", "value": RECEIPT}],
    ),
    (events.Custom("progress", None), [{"type": "CUSTOM", "name": "progress", "value": None}]),
    (
        QUESTION,
        [{"type": "CUSTOM", "name": "on_interrupt", "value": INTERRUPT}],
    ),
    (
        events.SourcesUsed([events.Source("List", "Tasks")]),
        [{"type": "CUSTOM", "name": "sources", "value": [{"type": "List", "label": "Tasks"}]}],
    ),
    (events.RunFinished("r", "t"), [{"type": "RUN_FINISHED", **RUN, **COST}]),
    (
        events.RunFinished("r", "t", stopped=True, credits=5),
        [{"type": "RUN_FINISHED", **RUN, "metadata": {"credits": 5}}],
    ),
    (
        events.RunFinished("r", "t", client_calls=["c1"], model="m", usage={"input_tokens": 3, "kind": 1}),
        [{"type": "RUN_FINISHED", **RUN, **COST, "usage": [{"model": "m", "inputTokens": 3}]}],
    ),
    (
        events.RunFinished("r", "t", waiting=QUESTION),
        [
            {
                "type": "RUN_FINISHED",
                **RUN,
                **COST,
                "outcome": {
                    "type": "interrupt",
                    "interrupts": [INTERRUPT],
                },
            }
        ],
    ),
    (
        events.RunFailed("r", "t", "rate_limited", "Wait.", credits=3),
        [{"type": "RUN_ERROR", "message": "Wait.", "code": "rate_limited", "metadata": {"credits": 3}}],
    ),
]


@pytest.mark.parametrize(("event", "said"), SAID)
def test_each_event_is_said_so(event: Event, said: list[dict[str, Any]]) -> None:
    assert [json.loads(line) for line in lines(encode(event))] == said


def test_no_kind_of_event_is_forgotten_here() -> None:
    assert {type(event) for event, _ in SAID} | {events.MessagesSnapshot} == set(get_args(Event))


@pytest.mark.seed("S55")
def test_a_replayed_history_has_what_clients_know_and_then_how_to_show_its_calls() -> None:
    snapshot, *hints = [json.loads(line) for line in lines(encode(events.MessagesSnapshot(HISTORY)))]

    user, assistant, tool = snapshot["messages"]
    calls = [{name: call[name] for name in ("id", "type", "function")} for call in HISTORY[1]["toolCalls"]]  # type: ignore[index,attr-defined]
    assert snapshot["type"] == "MESSAGES_SNAPSHOT"
    assert user == HISTORY[0]
    assert assistant == {"id": "a1", "role": "assistant", "content": "", "toolCalls": calls}
    assert tool == {"id": "a1.old", "role": "tool", "toolCallId": "old", "content": '{"success": true}'}
    shown = {"toolCallId": "old", "toolName": "create_task", "component": "TaskCard", "props": {}}
    assert hints == [{"type": "CUSTOM", "name": "render", "value": shown}]


@given(st.text(), st.text())
def test_the_hot_path_writes_what_the_others_write(message_id: str, delta: str) -> None:
    told = {"type": "TEXT_MESSAGE_CONTENT", "messageId": message_id, "delta": delta}

    assert encode(events.TextDelta(message_id, delta)) == frame(told)


def said_in(run: list[Event]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(b"".join(map(encode, run)))]


@given(runs())
def test_a_run_has_one_start_one_end_and_no_null(run: list[Event]) -> None:
    told = said_in(run)

    kinds = [event["type"] for event in told]
    assert kinds[0] == "RUN_STARTED"
    assert kinds.count("RUN_STARTED") == 1
    assert [kind in {"RUN_FINISHED", "RUN_ERROR"} for kind in kinds] == [False] * (len(kinds) - 1) + [True]
    assert not nulls(told)


@given(runs())
def test_texts_arguments_and_results_arrive_whole(run: list[Event]) -> None:
    texts: dict[str, str] = {}
    arguments: dict[str, str] = {}
    results: dict[str, Any] = {}
    for event in said_in(run):
        match event:
            case {"type": "TEXT_MESSAGE_CONTENT", "messageId": message_id, "delta": delta}:
                texts[message_id] = texts.get(message_id, "") + delta
            case {"type": "TOOL_CALL_ARGS", "toolCallId": call_id, "delta": delta}:
                arguments[call_id] = arguments.get(call_id, "") + delta
            case {"type": "TOOL_CALL_RESULT", "toolCallId": call_id, "content": content}:
                results[call_id] = json.loads(content)

    meant: dict[str, str] = {}
    for spoken in run:
        if isinstance(spoken, events.TextDelta):
            meant[spoken.message_id] = meant.get(spoken.message_id, "") + spoken.delta
    ready = {e.call_id: e.arguments for e in run if isinstance(e, events.ToolCallReady)}
    assert texts == meant
    assert {call_id: json.loads(text) for call_id, text in arguments.items()} == ready
    assert results == {e.call_id: e.result for e in run if isinstance(e, events.ToolCallEnded)}


@given(runs())
def test_a_question_is_told_both_ways(run: list[Event]) -> None:
    told = said_in(run)

    legacy = [e["value"] for e in told if e["type"] == "CUSTOM" and e["name"] == "on_interrupt"]
    interrupts = told[-1].get("outcome", {}).get("interrupts", [])
    assert legacy == interrupts


def test_the_wire_is_server_sent_events() -> None:
    assert (AGUI.path, AGUI.content_type, AGUI.keep_alive) == ("/v1/copilot", "text/event-stream", b": keep-alive\n\n")
