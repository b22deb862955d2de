"""A run's events as the text that they come to."""

from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any

from copilot_core.client.errors import ClientError
from copilot_core.events import ApprovalRequested, Event, MessagesSnapshot, RunFailed, TextDelta, TextStarted


async def final_text(events: AsyncIterable[Event]) -> str:
    """The last thing that a run says; where it waits for a yes or no, the question.

    Raises:
        ClientError: the run failed, with its code.
    """
    text = ""
    async for event in events:
        match event:
            case TextStarted():
                text = ""
            case TextDelta():
                text += event.delta
            case MessagesSnapshot():  # another process took the run over: what is stored is what was said
                text = _last(event.messages)
            case ApprovalRequested():
                text = event.question
            case RunFailed():
                raise ClientError(event.code, event.message)
    return text


def _last(messages: Sequence[Mapping[str, Any]]) -> str:
    """The last text after what the user said last."""
    for message in reversed(messages):
        if message["role"] == "user":
            break
        if message["role"] == "assistant" and message.get("content"):
            return str(message["content"])
    return ""
