"""Tool calls, put together from the fragments of a stream and parsed without mercy.

LangChain completes JSON that was cut short, and half a title was written (reliability finding F21).
Here a call whose arguments are not exactly one JSON object is an invalid call, and so is every call
of an answer that the provider broke off.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
from langchain_core.messages import InvalidToolCall, ToolCall
from langchain_core.messages.tool import invalid_tool_call, tool_call

BROKEN_OFF = frozenset({"length", "content_filter"})
"""Finish reasons after which an answer may end anywhere, so also between two complete calls."""


class CallStarted(NamedTuple):
    """A tool call began."""

    call_id: str
    name: str


class CallArguments(NamedTuple):
    """The JSON text of a call's arguments goes on."""

    call_id: str
    delta: str


@dataclass(slots=True)
class Draft:
    """A call as far as it has arrived.

    Args:
        given: the provider's id, which may be missing or used twice.
        id: the one the call goes by: the provider's, or ours where that one is no good.
    """

    given: str
    id: str
    name: str
    arguments: str = ""


class Drafts:
    """The calls of one answer, in the order in which they began.

    Args:
        taken: ids of earlier calls. Some servers count from `call_0` in every answer, and a result is
            found by the id alone.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.all: list[Draft] = []
        self._taken = set(taken)
        self._places: dict[int | str, Draft] = {}

    def add(self, fragment: Mapping[str, Any]) -> Iterator[CallStarted | CallArguments]:
        """Take one element of a delta's `tool_calls`."""
        function = fragment.get("function") or {}
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        given, index = fragment.get("id") or "", fragment.get("index")
        draft = self._continued(given, index, name, arguments)
        if draft is None:
            draft = self._begin(given, index, name)
            yield CallStarted(draft.id, name)
        if arguments:
            draft.arguments += arguments
            yield CallArguments(draft.id, arguments)

    def _continued(self, given: str, index: int | None, name: str, arguments: str) -> Draft | None:
        """Find the call that a fragment belongs to: ``None`` is a new one.

        OpenAI numbers calls and names them once. Others leave out the index, give every call the
        same one, repeat id and name in each fragment, or send whole calls without ids.
        """
        if index is None and not given and not name:
            return self.all[-1]
        draft = self._places.get(given if index is None else index)
        if draft is None or (given and draft.given and given != draft.given):
            return None
        return None if name and arguments and _is_object(draft.arguments) else draft

    def _begin(self, given: str, index: int | None, name: str) -> Draft:
        usable = given and given not in self._taken
        draft = Draft(given, given if usable else f"call_{uuid4().hex}", name)
        self.all.append(draft)
        self._taken.add(draft.id)
        self._places[given if index is None else index] = draft
        return draft


def parsed(drafts: Drafts, finish_reason: str) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """Sort the calls of a finished answer into those that may run and those that must not."""
    valid, invalid = [], []
    for draft in drafts.all:
        try:
            arguments = _arguments(draft.arguments, finish_reason)
        except ValueError as error:
            invalid.append(invalid_tool_call(name=draft.name, args=draft.arguments, id=draft.id, error=str(error)))
        else:
            valid.append(tool_call(name=draft.name, args=arguments, id=draft.id))
    return valid, invalid


def _arguments(raw: str, finish_reason: str) -> dict[str, Any]:
    """Parse twice: orjson refuses NaN, lone surrogates and bottomless nesting, json keeps long integers."""
    if finish_reason in BROKEN_OFF:
        raise ValueError(f"The answer was broken off ({finish_reason}), so its calls may be incomplete.")
    try:
        orjson.loads(raw or "{}")
    except orjson.JSONDecodeError as error:
        raise ValueError(f"The arguments are not valid JSON: {error}") from error
    arguments = json.loads(raw or "{}")
    if not isinstance(arguments, dict):
        raise ValueError("The arguments are not a JSON object.")  # noqa: TRY004 - callers catch one error
    return arguments


def _is_object(raw: str) -> bool:
    try:
        return isinstance(orjson.loads(raw), dict)
    except orjson.JSONDecodeError:
        return False
