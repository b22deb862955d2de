"""AG-UI, as CopilotKit speaks it: `POST /v1/copilot` with a plain chat body or a `RunAgentInput`.

What is said is valid in AG-UI 0.0.59 and 1.0 alike: a client of the one drops the whole stream, in silence,
for a member that only the other knows or for a null.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

import orjson

from copilot_core import events
from copilot_core.errors import Invalid
from copilot_core.protocols import Protocol
from copilot_core.protocols.body import decisions, identifier, json_object, on_busy, text
from copilot_core.protocols.sse import KEEP_ALIVE, frame
from copilot_core.run import Answer, ClientAction, Message, Readable, RunInput

MOST_MESSAGES, MOST_TOOLS, MOST_CONTEXT, MOST_ANSWERS = 5_000, 128, 100, 100

_ROLES = ("user", "assistant", "system", "tool", "developer", "reasoning", "activity")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
_TOKENS = {"input_tokens": "inputTokens", "output_tokens": "outputTokens", "total_tokens": "totalTokens"}
_WORDS = {"yes": True, "approve": True, "true": True, "no": False, "reject": False, "false": False}


def decode(body: bytes) -> RunInput:
    """``{"messages": [{role, content}], "threadId"?, "runId"?, ...}``, or AG-UI's `RunAgentInput`.

    Raises:
        Invalid: not that, naming the field.
    """
    return decode_object(json_object(body))


def decode_object(given: Mapping[str, Any]) -> RunInput:
    """The same, where the body came inside an envelope.

    Every member but `messages` may be missing or null, and one that is not known here is nothing.
    """
    props = given.get("forwardedProps")
    props = props if isinstance(props, dict) else {}
    wishes = props | {name: given[name] for name in ("timezone", "onBusy") if given.get(name) is not None}
    state = given.get("state")
    return RunInput(
        tuple(_messages(given)),
        thread_id=identifier(given, "threadId"),
        run_id=identifier(given, "runId"),
        opens_thread=True,
        readables=tuple(_readables(given)),
        client_actions=tuple({action.name: action for action in _client_actions(given)}.values()),
        answers=tuple(_answers(given)) or tuple(_legacy_answers(props)),
        state=state if isinstance(state, dict) and state else None,
        timezone=text(wishes, "timezone"),
        on_busy=on_busy(wishes),
    )


def suggestion_request(given: Mapping[str, Any]) -> bool:
    """Whether a client wants suggestions for its user: its only tool says so. That is no conversation."""
    match given:
        case {"tools": [{"name": "copilotkitSuggest"}]}:
            return True
    return False


def invalid(field: str, must: str) -> Invalid:
    """The error of a field that is not as it must be."""
    return Invalid(f"The '{field}' field must {must}.", details={"field": field})


def objects(given: Mapping[str, Any], field: str, most: int) -> Sequence[Mapping[str, Any]]:
    """At most `most` objects; none where the member is missing or null. Raises `Invalid`."""
    entries = given.get(field)
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise invalid(field, "be a list")
    if len(entries) > most:
        raise invalid(field, f"have at most {most} entries")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise invalid(f"{field}[{index}]", "be an object")
    return entries


def messages_of(given: Mapping[str, Any], roles: Sequence[str]) -> Iterable[tuple[Mapping[str, Any], str, bool]]:
    """Each message, its place in the body, and whether it is what the user says now. Raises `Invalid`."""
    if given.get("messages") is None:
        raise invalid("messages", "be a list")
    messages = objects(given, "messages", MOST_MESSAGES)
    last = max((i for i, message in enumerate(messages) if message.get("role") == "user"), default=None)
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if message.get("role") not in roles:
            raise invalid(f"{where}.role", f"be one of: {', '.join(roles)}")
        yield message, where, index == last


def unsupported(where: str) -> Invalid:
    """The error of a part of a message that no model would see."""
    told = f"The '{where}' part is not supported; send text, or an image as base64 data."
    return Invalid(told, details={"field": where})


def _messages(given: Mapping[str, Any]) -> Iterable[Message]:
    for message, where, now in messages_of(given, _ROLES):
        role, own_id = message["role"], optional(message, "id", where) or None
        content, images = _content(message, f"{where}.content", whole=now)
        if role != "tool":
            yield Message(role, content, id=own_id, images=images)
            continue
        call_id = _string(message, "toolCallId", where)
        yield Message(role, content or optional(message, "error", where), id=own_id, call_id=call_id)


def _content(message: Mapping[str, Any], where: str, *, whole: bool) -> tuple[str, tuple[Mapping[str, str], ...]]:
    """Text and images of a message."""
    match message["role"], message.get("content"):
        case _, str(content):
            return content, ()
        case "user" | "tool", list(parts):
            return _parts(parts, where, whole=whole)
        case ("assistant", None) | ("activity", _):
            return "", ()
    raise invalid(where, "be a string")


def _parts(parts: Sequence[Any], where: str, *, whole: bool) -> tuple[str, tuple[Mapping[str, str], ...]]:
    """The same of a content in parts; what is neither is an error if `whole`, and else left out."""
    texts: list[str] = []
    images: list[Mapping[str, str]] = []
    for index, part in enumerate(parts):
        match part:
            case {"type": "text", "text": str(said)}:
                texts.append(said)
            case {"type": "image", "source": {"type": "data", "value": str(data), "mimeType": str(mime_type)}}:
                images.append({"base64": data, "mime_type": mime_type})
            case _ if whole:
                raise unsupported(f"{where}[{index}]")
    return "".join(texts), tuple(images)


def _string(given: Mapping[str, Any], name: str, where: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise invalid(f"{where}.{name}", "be a string")
    return value


def optional(given: Mapping[str, Any], name: str, where: str) -> str:
    """A string member, empty where it is missing or null; raises `Invalid`."""
    return "" if given.get(name) is None else _string(given, name, where)


def _client_actions(given: Mapping[str, Any]) -> Iterable[ClientAction]:
    for index, tool in enumerate(objects(given, "tools", MOST_TOOLS)):
        where = f"tools[{index}]"
        name = _string(tool, "name", where)
        if not _NAME.fullmatch(name):
            raise invalid(f"{where}.name", "have 1 to 64 letters, digits, '_' or '-'")
        yield ClientAction(name, optional(tool, "description", where), _schema(tool, f"{where}.parameters"))


def _schema(tool: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    parameters = tool.get("parameters")
    if parameters is None:
        return _NO_PARAMETERS
    if isinstance(parameters, dict):
        match _NO_PARAMETERS | parameters:
            case {"type": "object", "properties": dict()} as schema:
                return schema
    raise invalid(where, "be a JSON Schema of type object")


def _readables(given: Mapping[str, Any]) -> Iterable[Readable]:
    """AG-UI's `context`, where every value is text, and the plain body's `readables`, where it is any JSON."""
    for field in ("context", "readables"):
        for index, entry in enumerate(objects(given, field, MOST_CONTEXT)):
            yield Readable(_string(entry, "description", f"{field}[{index}]"), _decoded(entry.get("value")))


def _decoded(value: Any) -> Any:
    """Text of a JSON object, list or string as what it says; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[", '"')):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _answers(given: Mapping[str, Any]) -> Iterable[Answer]:
    for index, entry in enumerate(objects(given, "resume", MOST_ANSWERS)):
        where = f"resume[{index}]"
        interrupt_id = _string(entry, "interruptId", where)
        if entry.get("status") not in ("resolved", "cancelled"):
            raise invalid(f"{where}.status", "be one of: resolved, cancelled")
        resolved = entry["status"] == "resolved"
        yield _answer(interrupt_id, entry.get("payload")) if resolved else Answer(interrupt_id, approved=False)


def _legacy_answers(props: Mapping[str, Any]) -> Iterable[Answer]:
    """What CopilotKit up to 1.59 sends; where it does not name the question, the one that is open is meant."""
    match props:
        case {"command": {"resume": payload, **command}} if payload is not None:
            match _decoded(command.get("interruptEvent")):
                case {"id": str(interrupt_id)}:
                    yield _answer(interrupt_id, payload)
                case _:
                    yield Answer("", _approved(payload))


def _answer(interrupt_id: str, payload: Any) -> Answer:
    """Yes or no to all, or ``{"decisions": [{callId, decision, arguments?}]}``."""
    if isinstance(payload, dict) and "decisions" in payload:
        return Answer(interrupt_id, None, decisions(payload))
    return Answer(interrupt_id, _approved(payload))


def _approved(payload: Any) -> bool | None:
    """Yes, no, or neither. Pages answer in many forms, and some of them as JSON text."""
    match payload:
        case bool() | None:
            return payload
        case {"approved": bool(approved)}:
            return approved
        case {"decision": "approve" | "reject" as decision}:
            return _WORDS[decision]
        case str():
            told = _decoded(payload)
            return _WORDS.get(payload.strip('" ').lower()) if told is payload else _approved(told)
    return None


def encode(event: events.Event) -> bytes:
    """The event on this wire, in one frame or several; the last of them completes it."""
    if isinstance(event, events.TextDelta):  # first, because most events are this one
        said = f'"messageId": {quoted(event.message_id)}, "delta": {quoted(event.delta)}'
        return f'data: {{"type": "TEXT_MESSAGE_CONTENT", {said}}}\n\n'.encode("ascii")
    return b"".join(frame({"type": kind, **told}) for kind, told in _told(event))


_Told = Iterable[tuple[str, Mapping[str, Any]]]
"""Types of AG-UI's events, with their members."""


def _told(event: events.Event) -> _Told:
    match event:
        case events.TextStarted():
            yield "TEXT_MESSAGE_START", {"messageId": event.message_id, "role": "assistant"}
        case events.TextEnded():
            yield "TEXT_MESSAGE_END", {"messageId": event.message_id}
        case events.MessagesSnapshot():
            yield from _snapshot(event.messages)
        case events.StateSnapshot():
            yield "STATE_SNAPSHOT", {"snapshot": event.state}
        case events.StateDelta():
            yield "STATE_DELTA", {"delta": event.patch}
        case events.RunStarted():
            yield "RUN_STARTED", {"threadId": event.thread_id, "runId": event.run_id}
        case events.RunFinished():
            yield "RUN_FINISHED", _finished(event)
        case events.RunFailed():
            yield "RUN_ERROR", {"message": event.message, "code": event.code, "metadata": {"credits": event.credits}}
        case _:
            yield from _call(event)
            yield from _custom(event)


def _snapshot(messages: Sequence[Mapping[str, Any]]) -> _Told:
    """The messages, without what is only ours; how to show their calls is told after them."""
    yield "MESSAGES_SNAPSHOT", {"messages": [_shown(message) for message in messages]}
    for message in messages:
        for call in message.get("toolCalls", ()):
            yield from _render(call["id"], call["function"]["name"], call.get("render"))


def _shown(message: Mapping[str, Any]) -> Mapping[str, Any]:
    told = _only(("id", "role", "name", "content", "toolCalls", "toolCallId", "error"), message)
    if "toolCalls" in told:
        told["toolCalls"] = [_only(("id", "type", "function"), call) for call in told["toolCalls"]]
    return told


def _only(names: Sequence[str], told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in names if told.get(name) is not None}


def _call(event: events.Event) -> _Told:
    match event:
        case events.ToolCallStarted(message_id, call_id, name):
            yield (
                "TOOL_CALL_START",
                {"toolCallId": call_id, "toolCallName": name, "parentMessageId": message_id},
            )
            yield from _render(call_id, name, event.render)
        case events.ToolCallArguments():
            yield "TOOL_CALL_ARGS", {"toolCallId": event.call_id, "delta": event.delta}
        case events.ToolCallReady():
            yield "TOOL_CALL_END", {"toolCallId": event.call_id}
        case events.ToolCallEnded():
            result = {"messageId": event.message_id, "toolCallId": event.call_id, "role": "tool"}
            yield "TOOL_CALL_RESULT", {**result, "content": json.dumps(event.result, ensure_ascii=False)}


def _render(call_id: str, name: str, render: Mapping[str, Any] | None) -> _Told:
    if render:
        yield "CUSTOM", {"name": "render", "value": {"toolCallId": call_id, "toolName": name, **render}}


def _custom(event: events.Event) -> _Told:
    match event:
        case events.Custom():
            yield "CUSTOM", {"name": event.name, "value": event.value}
        case events.ApprovalRequested():  # for CopilotKit up to 1.59, which does not know the outcome
            yield "CUSTOM", {"name": "on_interrupt", "value": _interrupt(event)}
        case events.ReceiptIssued():
            yield "CUSTOM", {"name": "receipt", "value": receipt_of(event)}
        case events.SourcesUsed():
            yield "CUSTOM", {"name": "sources", "value": [dataclasses.asdict(source) for source in event.sources]}


def _finished(event: events.RunFinished) -> Mapping[str, Any]:
    told: dict[str, Any] = {"threadId": event.thread_id, "runId": event.run_id, "metadata": {"credits": event.credits}}
    if event.waiting:
        told["outcome"] = {"type": "interrupt", "interrupts": [_interrupt(event.waiting)]}
    if event.usage:
        told["usage"] = [usage_of(event)]
    return told


def _interrupt(asked: events.ApprovalRequested) -> Mapping[str, Any]:
    approved = {"type": "object", "properties": {"approved": {"type": "boolean"}}, "required": ["approved"]}
    until = {"expiresAt": asked.expires_at} if asked.expires_at else {}
    return {
        "id": asked.id,
        "reason": "tool_approval",
        "message": asked.question,
        "responseSchema": approved,
        "metadata": {"calls": asked.calls},
        **until,
    }


def receipt_of(event: events.ReceiptIssued) -> Mapping[str, Any]:
    """What a page needs to show "Undo" beside a call."""
    return {
        "id": event.receipt_id,
        "toolCallId": event.call_id,
        "action": event.action,
        "title": event.title,
        "message": event.message,
        "reversible": event.reversible,
        "undone": event.undone,
    }


def usage_of(event: events.RunFinished) -> Mapping[str, Any]:
    """Which model, and how many tokens, by AG-UI's names."""
    counted = {_TOKENS[kind]: count for kind, count in event.usage.items() if kind in _TOKENS}
    return {"model": event.model, **counted} if event.model else counted


AGUI = Protocol("ag-ui", "/v1/copilot", decode, encode, keep_alive=KEEP_ALIVE)
