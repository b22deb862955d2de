"""What a client's messages mean for the stored thread, which is the truth.

Clients of AG-UI send their whole history with every run, or a part of it, or only what is new. Stored
messages are never appended again and never deleted because a request lacks them; a user message that
is stored already means "answer this one again".
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, ToolMessage

from copilot_core.actions import as_text
from copilot_core.graph.history import open_calls, result_id
from copilot_core.run import Message

IGNORED = frozenset({"system", "developer", "reasoning", "activity"})
"""Roles that a client may send and that are nothing to the thread: the prompt is the server's alone."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What becomes of the thread.

    Args:
        update: for LangGraph's `add_messages`: what is removed, replaced and appended.
        turn: whether the user says something, so that rounds are counted anew.
        missing: ids of calls that the page has still to answer; then there is nothing to think about.
    """

    update: Sequence[AnyMessage | RemoveMessage]
    turn: bool
    missing: Sequence[str] = ()


def merge(
    stored: Sequence[AnyMessage],
    given: Sequence[Message],
    page: Set[str] = frozenset(),
    unrun: Set[str] = frozenset(),
) -> Merge:
    """How `given` changes the thread that has `stored`.

    Args:
        page: ids of open calls that are the page's to answer; nobody but the server answers the others.
        unrun: ids of open calls that certainly were not carried out: a person or a page was to answer them.
            If the user says something else instead, that is told to the model.
    """
    told = [message for message in given if message.role not in IGNORED]
    known = {message.id: index for index, message in enumerate(stored)}
    last = told[-1] if told else None
    if last is not None and last.role == "user" and isinstance(stored_at(stored, known, last), HumanMessage):
        return _again(stored, known[last.id], last)
    results = _results(stored, told, page)
    said = [_message(message) for message in _unknown(stored, known, told)]
    answered = {result.tool_call_id for result in results}
    missing = [call_id for call_id, _ in open_calls(stored) if call_id in page - answered]
    if not any(isinstance(message, HumanMessage) for message in said):
        return Merge([*results, *said], turn=False, missing=missing)
    asked = next((message.id for message in reversed(stored) if isinstance(message, AIMessage)), None)
    declined = [
        _declined(str(asked), call_id, name) for call_id, name in open_calls(stored) if call_id in unrun - answered
    ]
    return Merge([*results, *declined, *said], turn=True)


def _declined(message_id: str, call_id: str, name: str) -> ToolMessage:
    told = {"success": False, "error": "declined", "message": "The user went on without this. It was not done."}
    own_id = result_id(message_id, call_id)
    return ToolMessage(as_text(told), tool_call_id=call_id, name=name, status="error", id=own_id)


def stored_at(stored: Sequence[AnyMessage], known: Mapping[str | None, int], message: Message) -> AnyMessage | None:
    """The stored message of the same id."""
    return stored[known[message.id]] if message.id in known else None


def _again(stored: Sequence[AnyMessage], index: int, edited: Message) -> Merge:
    """Answer a stored user message anew: forget what came after it, and take its text as it is now."""
    gone = [RemoveMessage(id=str(message.id)) for message in stored[index + 1 :]]
    return Merge([*gone, _message(edited)], turn=True)


def _results(stored: Sequence[AnyMessage], told: Sequence[Message], page: Set[str]) -> list[ToolMessage]:
    """The page's results for the calls that wait for one; a result for any other call is ignored."""
    waiting = {call_id: name for call_id, name in open_calls(stored) if call_id in page}
    taken = {message.id for message in stored} | {message.id for message in told if message.role != "tool"}
    found: dict[str, ToolMessage] = {}
    for message in told:
        if message.role == "tool" and message.call_id in waiting and message.call_id not in found:
            own_id = None if message.id in taken else message.id
            taken.add(message.id)
            found[message.call_id] = ToolMessage(
                message.content, tool_call_id=message.call_id, name=waiting[message.call_id], id=own_id
            )
    return list(found.values())


def _unknown(stored: Sequence[AnyMessage], known: Mapping[str | None, int], told: Sequence[Message]) -> list[Message]:
    """The user's and assistant's messages that the thread does not have, each once, and none without a word.

    On a thread that has messages already, only what follows the last of them that the client knows of, or
    else its closing user messages: a client without ids of its own sends the history under new ones. Those of
    them but the last that the thread closes with, too, were said in runs without an answer.
    """
    start = 0
    if stored:
        first = {message.id: index for index, message in reversed(list(enumerate(told)))}
        start = max((i + 1 for own_id, i in first.items() if own_id in known), default=_closing(stored, told))
    fresh: dict[str | None, Message] = {}
    for message in told[start:]:
        if message.id not in known and (message.role == "user" or (message.role == "assistant" and message.content)):
            fresh.pop(message.id, None)
            fresh[message.id] = message
    return list(fresh.values())


def _closing(stored: Sequence[AnyMessage], told: Sequence[Message]) -> int:
    """Where the user's last words begin that are new."""
    index = len(told)
    while index and told[index - 1].role == "user":
        index -= 1
    heard = [m.text for m in stored if isinstance(m, HumanMessage) and not m.additional_kwargs.get("hidden")]
    for known in range(min(len(heard), len(told) - index - 1), 0, -1):
        if [message.content for message in told[index : index + known]] == heard[-known:]:
            return index + known
    return index


def _message(message: Message) -> AnyMessage:
    if message.role == "assistant":
        return AIMessage(message.content, id=message.id)
    if not message.images:
        return HumanMessage(message.content, id=message.id)
    parts: list[str | dict[Any, Any]] = [{"type": "text", "text": message.content}]
    parts += [{"type": "image", **image} for image in message.images]
    return HumanMessage(parts, id=message.id)
