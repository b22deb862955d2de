"""The UI message stream of Vercel's AI SDK, as `useChat` speaks it (npm `ai` 6 and 7): `POST /v1/ai-sdk`.

Approvals are the SDK's own (`tool-approval-request`), and also a text, so that a page without buttons can ask.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from copilot_core import events
from copilot_core.protocols import Protocol
from copilot_core.protocols.agui import decode_object, invalid, messages_of, optional, receipt_of, unsupported, usage_of
from copilot_core.protocols.body import identifier, json_object
from copilot_core.protocols.sse import KEEP_ALIVE, frame
from copilot_core.run import Answer, Message, RunInput

_ROLES = ("user", "assistant", "system")
_IMAGE = re.compile(r"data:(image/[^;,]+);base64,(.+)")
_DONE = b"data: [DONE]\n\n"


def decode(body: bytes) -> RunInput:
    """``{"id", "messages", "messageId"?, ...}``, as `DefaultChatTransport` sends it.

    What a page adds to its transport's `body` is read as on AG-UI: `tools`, `context`, `state`, `runId`,
    `timezone`, `onBusy`.

    Raises:
        Invalid: not that, naming the field.
    """
    given = json_object(body)
    messages, parts = tuple(_messages(given)), tuple(_answering(given))
    return replace(
        decode_object({**given, "messages": []}),
        thread_id=identifier(given, "id"),
        messages=(*messages, *_results(parts)),
        answers=tuple(_answers(parts)),
    )


def _messages(given: Mapping[str, Any]) -> Iterable[Message]:
    """What the thread may lack. `useChat` names the answers it gets by ids of its own, so ours are left out."""
    for message, where, now in messages_of(given, _ROLES):
        if not isinstance(message.get("parts"), list):
            raise invalid(f"{where}.parts", "be a list")
        own_id = optional(message, "id", where) or None
        content, images = _content(message["parts"], f"{where}.parts", whole=now)
        match message:
            case {"role": "assistant", "metadata": {"threadId": thread_id}} if thread_id == given.get("id"):
                continue
        yield Message(message["role"], content, id=own_id, images=images)


def _content(parts: Sequence[Any], where: str, *, whole: bool) -> tuple[str, tuple[Mapping[str, str], ...]]:
    """Text and images; any other file is an error if `whole`, and else left out."""
    texts: list[str] = []
    images: list[Mapping[str, str]] = []
    for index, part in enumerate(parts):
        match part:
            case {"type": "text", "text": str(said)}:
                texts.append(said)
            case {"type": "file", "url": str(url)} if image := _IMAGE.fullmatch(url):
                images.append({"base64": image[2], "mime_type": image[1]})
            case {"type": "file"} if whole:
                raise unsupported(f"{where}[{index}]")
    return "".join(texts), tuple(images)


def _answering(given: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The parts of the assistant's message that the page goes on with, if it does not go on with a user's."""
    messages, named = given["messages"], given.get("messageId")
    continued = [message for message in messages if named is not None and message.get("id") == named] or messages[-1:]
    for message in continued[:1]:
        if message["role"] == "assistant":
            yield from (part for part in message["parts"] if isinstance(part, dict))


def _answers(parts: Sequence[Mapping[str, Any]]) -> Iterable[Answer]:
    """One question may be about several calls; the page answers all of them at once."""
    found: dict[str, bool] = {}
    for part in parts:
        match part:
            case {"state": "approval-responded", "approval": {"id": str(asked), "approved": bool(approved)}}:
                found[asked] = approved
    return (Answer(asked, approved) for asked, approved in found.items())


def _results(parts: Sequence[Mapping[str, Any]]) -> Iterable[Message]:
    """What the page's own tools gave."""
    for part in parts:
        match part:
            case {"providerExecuted": True}:
                continue
            case {"state": "output-available", "toolCallId": str(call_id)}:
                output = part.get("output", "")
                yield Message("tool", output if isinstance(output, str) else json.dumps(output), call_id=call_id)
            case {"state": "output-error", "toolCallId": str(call_id), "errorText": str(told)}:
                yield Message("tool", told, call_id=call_id)


def encode(event: events.Event) -> bytes:
    """The event on this wire, in one frame or several; the last of them completes it."""
    if isinstance(event, events.TextDelta):  # first, because most events are this one
        said = f'"id": {quoted(event.message_id)}, "delta": {quoted(event.delta)}'
        return f'data: {{"type": "text-delta", {said}}}\n\n'.encode("ascii")
    told = b"".join(frame({"type": kind, **members}) for kind, members in _told(event))
    return told + _DONE if events.ends(event) else told


_Told = Iterable[tuple[str, Mapping[str, Any]]]
"""Types of the SDK's chunks, with their members."""


def _told(event: events.Event) -> _Told:
    match event:
        case events.TextStarted():
            yield "text-start", {"id": event.message_id}
        case events.TextEnded():
            yield "text-end", {"id": event.message_id}
        case events.RunStarted():
            yield "start", {"messageMetadata": {"threadId": event.thread_id, "runId": event.run_id}}
        case events.RunFinished():
            yield from _finished(event)
        case events.RunFailed():
            yield "message-metadata", {"messageMetadata": {"credits": event.credits}}
            yield "error", {"errorText": event.message}
        case events.ApprovalRequested():
            yield from _asked(event)
        case _:
            yield from _call(event)
            yield from _data(event)


def _call(event: events.Event) -> _Told:
    match event:
        case events.ToolCallStarted():
            ours = {} if event.client else {"providerExecuted": True}
            hint = {"toolMetadata": {"render": event.render}} if event.render else {}
            yield "tool-input-start", {"toolCallId": event.call_id, "toolName": event.name, **ours, **hint}
        case events.ToolCallArguments():
            yield "tool-input-delta", {"toolCallId": event.call_id, "inputTextDelta": event.delta}
        case events.ToolCallReady():
            told = {"toolCallId": event.call_id, "toolName": event.name}
            ours = {} if event.client else {"providerExecuted": True}
            yield "tool-input-available", {**told, "input": event.arguments, **ours}
        case events.ToolCallEnded() if event.ok:
            yield "tool-output-available", {"toolCallId": event.call_id, "output": event.result}
        case events.ToolCallEnded():
            error = str(event.result.get("message") or json.dumps(event.result))
            yield "tool-output-error", {"toolCallId": event.call_id, "errorText": error}


def _data(event: events.Event) -> _Told:
    """Data parts: of a plugin's event the last value stays in the message; state is told, not kept there."""
    match event:
        case events.Custom():
            yield f"data-{event.name}", {"id": event.name, "data": event.value}
        case events.ReceiptIssued():
            yield "data-receipt", {"id": event.receipt_id, "data": receipt_of(event)}
        case events.SourcesUsed():
            yield "data-sources", {"data": [asdict(source) for source in event.sources]}
        case events.StateSnapshot():
            yield "data-state", {"data": event.state, "transient": True}
        case events.StateDelta():
            yield "data-state-delta", {"data": event.patch, "transient": True}


def _asked(event: events.ApprovalRequested) -> _Told:
    """The question in words, whole as data, and at each call, told again so that there is one to ask about."""
    yield "text-start", {"id": event.id}
    yield "text-delta", {"id": event.id, "delta": event.question}
    yield "text-end", {"id": event.id}
    told = {"id": event.id, "question": event.question, "calls": event.calls, "expiresAt": event.expires_at}
    yield "data-approval", {"id": event.id, "data": told}
    for call in event.calls:
        told = {"toolCallId": call["callId"], "toolName": call["action"], "input": call["arguments"]}
        yield "tool-input-available", {**told, "providerExecuted": True}
        yield "tool-approval-request", {"approvalId": event.id, "toolCallId": call["callId"]}
    for call_id in event.held:  # else the page would not send the answer; the result comes with the next run
        yield "tool-output-error", {"toolCallId": call_id, "errorText": "Waits for the answer."}


def _finished(event: events.RunFinished) -> _Told:
    """A run that waits for nobody ends in a step without calls, or the page would send its results again.

    It looks at that step because metadata comes after it.
    """
    waits = event.waiting or event.client_calls
    if not waits:
        yield "start-step", {}
    reason = "tool-calls" if waits else "other" if event.stopped else "stop"
    told = {"usage": usage_of(event), "credits": event.credits}
    yield "finish", {"finishReason": reason, "messageMetadata": told}


HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}
AI_SDK = Protocol("ai-sdk", "/v1/ai-sdk", decode, encode, keep_alive=KEEP_ALIVE, headers=HEADERS)
