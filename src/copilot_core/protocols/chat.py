"""`POST /api/copilot/chat`: six events, {start, tool_use, token, sources, done, error} (checklist S87-S98)."""

from json.encoder import encode_basestring_ascii
from typing import Any

from copilot_core import events
from copilot_core.errors import Invalid
from copilot_core.protocols import Protocol
from copilot_core.protocols.body import identifier, json_object, on_busy, text
from copilot_core.protocols.sse import KEEP_ALIVE, frame
from copilot_core.run import Message, RunInput


def decode(body: bytes) -> RunInput:
    """``{"message": str, "conversationId": str | null, "runId"?, "onBusy"?, "timezone"?}``; nothing else is read.

    Raises:
        Invalid: not that, naming the field.
    """
    given = json_object(body)
    return RunInput(
        [Message("user", _message(given))],
        thread_id=_conversation(given),
        run_id=identifier(given, "runId"),
        on_busy=on_busy(given),
        timezone=text(given, "timezone"),
    )


def _message(given: dict[str, Any]) -> str:
    message = given.get("message")
    if not isinstance(message, str) or not message.strip():
        raise Invalid("The 'message' field must be a non-empty string.", details={"field": "message"})
    return message


def _conversation(given: dict[str, Any]) -> str | None:
    conversation = given.get("conversationId")
    if conversation is not None and not (isinstance(conversation, str) and 0 < len(conversation) <= 200):
        told = "The 'conversationId' field must be null or the id of a conversation."
        raise Invalid(told, details={"field": "conversationId"})
    return conversation


def encode(event: events.Event) -> bytes:
    """The event on this wire; most domain events have none."""
    match event:
        case events.TextDelta():  # first, because most events are this one
            return b'data: {"type": "token", "content": ' + _string(event.delta) + b"}\n\n"
        case events.RunStarted():
            return frame({"type": "start", "conversationId": event.thread_id})
        case events.ToolCallStarted():
            return frame({"type": "tool_use", "tool": event.name, "toolStatus": "calling"})
        case events.ToolCallEnded():
            status = "done" if event.ok else "error"
            return frame({"type": "tool_use", "tool": event.name, "toolStatus": status})
        case events.ApprovalRequested():
            return frame({"type": "token", "content": event.question})
        case events.SourcesUsed():
            sources = [{"type": source.type, "label": source.label} for source in event.sources]
            return frame({"type": "sources", "sources": sources})
        case events.RunFinished():
            return frame({"type": "done"})
        case events.RunFailed():
            return frame({"type": "error", "error": event.message})
        case _:
            return b""


def _string(text: str) -> bytes:
    return encode_basestring_ascii(text).encode("ascii")


CHAT = Protocol("chat", "/api/copilot/chat", decode, encode, keep_alive=KEEP_ALIVE)
