"""What a run has said so far, as messages: for a page that joins while it goes on."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from copilot_core import events
from copilot_core.actions import as_text
from copilot_core.events import Event
from copilot_core.graph.history import shown_call

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """The settled part of a run.

    Args:
        position: how many of the thread's messages come before it; `None` while its input is not stored.
        messages: what it added, in AG-UI's form; with `whole`, the entire thread.
        until: the sequence number of the last event in it. What comes later is to be told as events: it
            may be in the middle of a text.
        shared: what it changed of the shared state.
        ended: nothing comes later.
    """

    position: int | None
    messages: Sequence[View]
    until: int
    whole: bool = False
    shared: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False


def story(told: Sequence[tuple[int, Event]]) -> Story:
    """The part of `told`, numbered events of one run from its first, in which nothing is left half said."""
    until = _settled(told)
    position: int | None = None
    whole = False
    messages: dict[str, View] = {}
    shared: dict[str, Any] = {}
    for number, event in told:
        if number > until:
            break
        match event:
            case events.InputStored():
                position = event.position
            case events.MessagesSnapshot():
                whole, messages = True, {str(m["id"]): dict(m) for m in event.messages}
            case events.StateDelta():
                shared |= {_key(change["path"]): change["value"] for change in event.patch}
            case _:
                _tell(messages, event)
    ended = bool(told) and events.ends(told[-1][1])
    return Story(position, list(messages.values()), until, whole, shared, ended)


def _key(pointer: str) -> str:
    """What a JSON Pointer of one step names."""
    return pointer.removeprefix("/").replace("~1", "/").replace("~0", "~")


def _settled(told: Iterable[tuple[int, Event]]) -> int:
    """The last sequence number after which no text and no arguments were open."""
    settled, unsettled = 0, 0
    for number, event in told:
        match event:
            case events.TextStarted() | events.ToolCallStarted():
                unsettled += 1
            case events.TextEnded() | events.ToolCallReady():
                unsettled -= 1
        if unsettled == 0:
            settled = number
    return settled


def _tell(messages: dict[str, View], event: Event) -> None:
    match event:
        case events.TextStarted():
            _assistant(messages, event.message_id)
        case events.TextDelta():
            messages[event.message_id]["content"] += event.delta
        case events.ToolCallStarted():
            message = _assistant(messages, event.message_id)
            message.setdefault("toolCalls", []).append(shown_call(event.call_id, event.name, ""))
        case events.ToolCallReady():
            _call(messages, event.call_id)["function"]["arguments"] = json.dumps(event.arguments)
        case events.ToolCallEnded():
            content = as_text(event.result)
            tool = {"id": event.message_id, "role": "tool", "content": content, "toolCallId": event.call_id}
            messages[event.message_id] = tool


def _assistant(messages: dict[str, View], message_id: str) -> View:
    return messages.setdefault(message_id, {"id": message_id, "role": "assistant", "content": ""})


def _call(messages: Mapping[str, View], call_id: str) -> View:
    """The latest call of that id: models use one more than once."""
    for message in reversed(list(messages.values())):
        calls: list[View] = message.get("toolCalls", [])
        for call in calls:
            if call["id"] == call_id:
                return call
    raise LookupError(call_id)
