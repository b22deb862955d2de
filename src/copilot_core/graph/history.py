"""Message histories that any model API accepts, whatever was cancelled, crashed or refused before."""

import json
from collections.abc import Sequence, Set
from itertools import islice
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from copilot_core.actions import NAME, as_text
from copilot_core.provenance import Provenance

UNANSWERED = {
    "success": False,
    "error": "outcome_unknown",
    "message": "This call has no result: the run was stopped before it ended. Check before you repeat it.",
}


def call_ids(message: AIMessage) -> list[str]:
    """The ids of all calls of a message, well formed or not."""
    return [str(call["id"]) for call in (*message.tool_calls, *message.invalid_tool_calls)]


def all_call_ids(messages: Sequence[AnyMessage]) -> set[str]:
    """The ids of all calls of a thread."""
    return {call_id for message in messages if isinstance(message, AIMessage) for call_id in call_ids(message)}


def open_calls(messages: Sequence[AnyMessage]) -> list[tuple[str, str]]:
    """Id and name of each call of the last assistant message that has no result yet."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if isinstance(message, AIMessage):
            results = _results(messages, index)
            calls = (*message.tool_calls, *message.invalid_tool_calls)
            return [(str(call["id"]), call["name"] or "") for call in calls if call["id"] not in results]
    return []


def turns_of(messages: Sequence[AnyMessage]) -> list[str]:
    """Ids of what the user said last: the messages since the answer before, the newest last."""
    index = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=-1)
    found: list[str] = []
    while index >= 0 and isinstance(messages[index], HumanMessage):
        found.append(str(messages[index].id))
        index -= 1
    return found[::-1]


CALLED = 8
TOLD_CHARACTERS = 20_000


def called_actions(messages: Sequence[AnyMessage]) -> list[str]:
    """The names of the last calls of a thread, the latest first: the model may need them again."""
    calls = (
        call["name"] for message in reversed(messages) if isinstance(message, AIMessage) for call in message.tool_calls
    )
    return list(islice(dict.fromkeys(calls), CALLED))


def told_actions(messages: Sequence[AnyMessage], most: int, known: Set[str]) -> list[str]:
    """The names of actions in the results of this turn: what the model has found out that there is."""
    found: dict[str, None] = {}
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, ToolMessage):
            found |= dict.fromkeys(name for name in NAME.findall(message.text[:TOLD_CHARACTERS]) if name in known)
    return list(islice(found, most))


def repaired(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """`messages` with each call followed by its result, in call order, and no result without a call.

    A result belongs to the assistant message before it, not to any earlier one: models use one call id
    more than once in a thread.
    """
    whole: list[AnyMessage] = []
    for index, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            continue
        whole.append(message)
        if isinstance(message, AIMessage):
            results = _results(messages, index)
            whole.extend(results.get(call_id) or unanswered(call_id) for call_id in call_ids(message))
    return whole


def _results(messages: Sequence[AnyMessage], index: int) -> dict[str, ToolMessage]:
    """The results between the assistant message at `index` and the next one, by call id."""
    found: dict[str, ToolMessage] = {}
    for message in messages[index + 1 :]:
        if isinstance(message, AIMessage):
            break
        if isinstance(message, ToolMessage):
            found[message.tool_call_id] = message
    return found


def provenance_of(messages: Sequence[AnyMessage], told: Sequence[str], trusted: Set[str]) -> Provenance:
    """Who said what. What the model said itself is nobody's word.

    Args:
        told: what the page tells.
        trusted: actions whose results hold nothing that a user of the data can have written.
    """
    said = [m.text for m in messages if isinstance(m, HumanMessage) and not m.additional_kwargs.get("hidden")]
    reported = [m.text for m in messages if isinstance(m, HumanMessage) and m.additional_kwargs.get("hidden")]
    results = [m.text for m in messages if isinstance(m, ToolMessage) and m.name not in trusted]
    return Provenance(said, results, [*reported, *told])


def result_id(message_id: str, call_id: str) -> str:
    """The id of the message that keeps a call's result: the same whoever makes it, and however often."""
    return f"{message_id}.{call_id}"


def unanswered(call_id: str) -> ToolMessage:
    """The result of a call that never got one."""
    return ToolMessage(as_text(UNANSWERED), tool_call_id=call_id, status="error")


_ROLES = {"human": "user", "ai": "assistant", "tool": "tool"}


def shown(message: AnyMessage) -> dict[str, Any]:
    """A message as clients see it, in AG-UI's form."""
    view: dict[str, Any] = {"id": message.id, "role": _ROLES[message.type], "content": message.text}
    if isinstance(message, AIMessage) and call_ids(message):
        calls = [shown_call(str(c["id"]), c["name"], json.dumps(c["args"])) for c in message.tool_calls]
        broken = [shown_call(str(c["id"]), c["name"] or "", c["args"] or "") for c in message.invalid_tool_calls]
        view["toolCalls"] = [*calls, *broken]
    if isinstance(message, ToolMessage):
        view["toolCallId"] = message.tool_call_id
    return view


def shown_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    """A call as clients see it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
