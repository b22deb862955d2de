"""Runs as the engine tells them, and wires as a client reads them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from copilot_core.events import (
    ApprovalRequested,
    Custom,
    Event,
    InputStored,
    MessagesSnapshot,
    RunFailed,
    RunFinished,
    RunStarted,
    Source,
    SourcesUsed,
    StateDelta,
    StateSnapshot,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCallArguments,
    ToolCallEnded,
    ToolCallReady,
    ToolCallStarted,
)

TEXT = st.text(min_size=1, max_size=8) | st.sampled_from(['"', "\\", "\n\n", "data: ", "☃", "\u2028", "𝄞", "\r\n"])
NAMES = st.sampled_from(["queryRecords", "create_task", "goToModule"])
VALUES = st.recursive(
    st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
"""JSON values without null, so that a null in a frame is the wire's own."""
OBJECTS = st.dictionaries(st.sampled_from(["title", "due", "ö"]), VALUES, max_size=2)
HINTS = st.sampled_from([None, {"component": "TaskCard"}, {"component": "TaskCard", "props": {"type": "object"}}])
HISTORY = [
    {"id": "u1", "role": "user", "content": "Add a task"},
    {
        "id": "a1",
        "role": "assistant",
        "content": "",
        "toolCalls": [
            {
                "id": "old",
                "type": "function",
                "function": {"name": "create_task", "arguments": '{"title": "☃"}'},
                "render": {"component": "TaskCard", "props": {}},
            },
            {"id": "older", "type": "function", "function": {"name": "list", "arguments": "{}"}, "render": None},
        ],
        "sources": None,
    },
    {"id": "a1.old", "role": "tool", "toolCallId": "old", "content": '{"success": true}', "ok": True},
]
RECEIPT = {
    "id": "w1",
    "toolCallId": "c1",
    "action": "delete",
    "title": "Delete",
    "message": "Deleted.",
    "reversible": True,
    "undone": False,
}
"""As the wires tell that a write has a receipt."""


@st.composite
def runs(draw: st.DrawFn) -> list[Event]:
    """A whole run, in the order that `graph/stream.py` decides."""
    told: list[Event] = [RunStarted("run", "thread")]
    if draw(st.booleans()):
        told += [InputStored(3), MessagesSnapshot(HISTORY)]
    told.append(StateSnapshot(draw(OBJECTS)))
    left: list[ToolCallStarted] = []
    for turn in range(draw(st.integers(0, 3))):
        told += [event for call in left for event in _ended(call, draw)]
        said, left = _said(f"m{turn}", draw)
        told += said
    return told + _end(left, draw)


def _said(message_id: str, draw: st.DrawFn) -> tuple[list[Event], list[ToolCallStarted]]:
    """One message of the model, and its calls."""
    told = _text(message_id, draw)
    calls = [
        ToolCallStarted(message_id, f"{message_id}c{n}", draw(NAMES), draw(st.booleans()), draw(HINTS))
        for n in range(draw(st.integers(0, 3)))
    ]
    waiting = [_called(call, draw) for call in calls]
    while waiting:
        told.append(waiting[draw(st.integers(0, len(waiting) - 1))].pop(0))
        waiting = [rest for rest in waiting if rest]
    return told, calls


def _text(message_id: str, draw: st.DrawFn) -> list[Event]:
    deltas = draw(st.lists(TEXT, max_size=3))
    said = [TextStarted(message_id), *(TextDelta(message_id, delta) for delta in deltas), TextEnded(message_id)]
    return said if deltas else []


def _called(call: ToolCallStarted, draw: st.DrawFn) -> list[Event]:
    arguments = draw(OBJECTS)
    text = json.dumps(arguments)
    cut = draw(st.integers(0, len(text)))
    deltas = [ToolCallArguments(call.call_id, delta) for delta in (text[:cut], text[cut:]) if delta]
    return [call, *deltas, ToolCallReady(call.call_id, call.name, arguments)]


def _ended(call: ToolCallStarted, draw: st.DrawFn) -> list[Event]:
    """The result of a call, after what its action told on the way."""
    ok = draw(st.booleans())
    result = {"success": ok, **({"data": draw(VALUES)} if ok else {"error": "conflict", "message": draw(TEXT)})}
    told: list[Event] = []
    if draw(st.booleans()):
        told.append(Custom("progress", draw(VALUES)))
        told.append(StateDelta([{"op": "add", "path": "/step", "value": draw(VALUES)}]))
    return [*told, ToolCallEnded(call.call_id, call.name, ok, result, f"{call.message_id}.{call.call_id}")]


def _end(left: Sequence[ToolCallStarted], draw: st.DrawFn) -> list[Event]:
    """How a run can end, and the calls that it leaves open for a person or for the page."""
    how = draw(st.sampled_from(["finished", "stopped", "failed", "waiting", "client"]))
    open_calls = [call for call in left if call.client == (how == "client")] if how in {"waiting", "client"} else []
    told = [event for call in left if call not in open_calls for event in _ended(call, draw)]
    usage = draw(st.sampled_from([{}, {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}]))
    finished = RunFinished(
        "run", "thread", stopped=how == "stopped", model=draw(st.sampled_from(["", "m"])), usage=usage
    )
    if how == "failed":
        return [*told, RunFailed("run", "thread", "model_unavailable", draw(TEXT))]
    if how == "client":
        finished = replace(finished, client_calls=[call.call_id for call in open_calls])
    elif open_calls:
        calls = [{"callId": c.call_id, "action": c.name, "arguments": {}, "reason": "deletes"} for c in open_calls]
        question = ApprovalRequested("ask", draw(TEXT), calls)
        told.append(question)
        finished = replace(finished, waiting=question)
    sources = [SourcesUsed((Source("List", "Täsks"), Source("Note", "N")))] if draw(st.booleans()) else []
    return [*told, *sources, finished]


def lines(stream: bytes) -> list[str]:
    """What each server-sent event holds; every one of them is one line of ASCII."""
    *whole, rest = stream.decode("ascii").split("\n\n")
    assert rest == ""
    assert all(event.startswith("data: ") and event.isprintable() for event in whole)
    return [event.removeprefix("data: ") for event in whole]


def nulls(value: Any) -> bool:
    """Whether there is a null anywhere."""
    if isinstance(value, dict):
        return any(nulls(member) for member in value.values())
    if isinstance(value, list):
        return any(nulls(member) for member in value)
    return value is None
