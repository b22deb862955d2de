"""What `POST /v1/copilot` understands, and how it says what it does not."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_core.errors import Invalid
from copilot_core.protocols.agui import decode, decode_object, suggestion_request
from copilot_core.run import Answer, ClientAction, Message, Readable, RunInput

PAGE = {
    "threadId": "5e303235-a1",
    "runId": "9a1fc6c9-b2",
    "protocolVersion": "1.0",
    "tools": [
        {
            "name": "add_item",
            "description": "Add an item to the page",
            "parameters": {"type": "object", "properties": {"qty": {"type": "number"}}, "required": ["qty"]},
        }
    ],
    "context": [{"description": "Current record", "value": '{"recordId":"rec_abc123"}'}],
    "forwardedProps": {"timezone": "Europe/Paris", "onBusy": "queue", "harness": "N123"},
    "state": {"step": 2},
    "messages": [{"id": "1f45ceaa", "role": "user", "content": "add an item"}],
}


def body(**members: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hi"}], **members}


def read(**members: Any) -> RunInput:
    return decode(json.dumps(body(**members)).encode())


def message(**members: Any) -> Message:
    return read(messages=[members]).messages[0]


@pytest.mark.seed("S1")
def test_the_smallest_body_is_one_message() -> None:
    assert decode(b'{"messages": [{"role": "user", "content": "Hi"}]}') == RunInput(
        (Message("user", "Hi"),), opens_thread=True
    )


@pytest.mark.seed("S10")
def test_everything_of_a_page_is_read() -> None:
    schema = {"type": "object", "properties": {"qty": {"type": "number"}}, "required": ["qty"]}

    assert decode(json.dumps(PAGE).encode()) == RunInput(
        (Message("user", "add an item", id="1f45ceaa"),),
        thread_id="5e303235-a1",
        run_id="9a1fc6c9-b2",
        opens_thread=True,
        readables=(Readable("Current record", {"recordId": "rec_abc123"}),),
        client_actions=(ClientAction("add_item", "Add an item to the page", schema),),
        state={"step": 2},
        timezone="Europe/Paris",
        on_busy="queue",
    )


def test_missing_null_and_unknown_members_are_nothing() -> None:
    names = ("threadId", "runId", "tools", "context", "readables", "forwardedProps", "state", "resume", "onBusy")

    assert read(**dict.fromkeys(names), timezone=None, parentRunId=3) == read()
    assert read(state={}, forwardedProps="?", tools=[], resume=[]) == read()
    assert read(state=[1]) == read()


@pytest.mark.seed("S6")
def test_ids_have_any_form() -> None:
    assert read(threadId="thread_abc123", runId="läuft 1").thread_id == "thread_abc123"
    assert read(threadId="x" * 200).thread_id == "x" * 200


@pytest.mark.parametrize("where", ["threadId", "runId"])
@pytest.mark.parametrize("value", ["", "x" * 201, 7, ["a"]])
def test_ids_are_texts_of_a_bounded_length(where: str, value: object) -> None:
    refused(body(**{where: value}), where)


def refused(given: Any, field: str) -> str:
    with pytest.raises(Invalid) as error:
        decode(json.dumps(given).encode())
    assert error.value.details == {"field": field}
    assert field == "body" or f"'{field}'" in error.value.message
    return error.value.message


LAST = {"role": "user", "content": "Hi"}
REFUSED: list[tuple[Any, str]] = [
    ([], "body"),
    ({}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": "Hi"}, "messages"),
    ({"messages": ["Hi"]}, "messages[0]"),
    ({"messages": [LAST] * 5001}, "messages"),
    ({"messages": [LAST, {"content": "Hi"}]}, "messages[1].role"),
    ({"messages": [{"role": "bot", "content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": ["user"], "content": "Hi"}]}, "messages[0].role"),
    ({"messages": [LAST, LAST, {"role": "user"}]}, "messages[2].content"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": {"text": "Hi"}}]}, "messages[0].content"),
    ({"messages": [{"role": "system", "content": ["Hi"]}]}, "messages[0].content"),
    ({"messages": [{"role": "assistant", "content": 1}]}, "messages[0].content"),
    ({"messages": [{"role": "tool", "toolCallId": "c1"}]}, "messages[0].content"),
    ({"messages": [{"role": "tool", "content": "done"}]}, "messages[0].toolCallId"),
    ({"messages": [{"role": "tool", "toolCallId": "c1", "content": "", "error": 1}]}, "messages[0].error"),
    ({"messages": [{"role": "user", "content": "Hi", "id": 1}]}, "messages[0].id"),
    (body(tools={}), "tools"),
    (body(tools=["add"]), "tools[0]"),
    (body(tools=[{"name": "add"}] * 129), "tools"),
    (body(tools=[{"name": "add"}, {}]), "tools[1].name"),
    (body(tools=[{"name": "add item"}]), "tools[0].name"),
    (body(tools=[{"name": "a" * 65}]), "tools[0].name"),
    (body(tools=[{"name": "add", "description": 1}]), "tools[0].description"),
    (body(tools=[{"name": "add", "parameters": []}]), "tools[0].parameters"),
    (body(tools=[{"name": "add", "parameters": {"type": "string"}}]), "tools[0].parameters"),
    (body(tools=[{"name": "add", "parameters": {"properties": []}}]), "tools[0].parameters"),
    (body(context=[{"value": "1"}]), "context[0].description"),
    (body(context=[{"description": "a", "value": "1"}] * 101), "context"),
    (body(readables=[{"description": 1, "value": "1"}]), "readables[0].description"),
    (body(resume={"interruptId": "i1"}), "resume"),
    (body(resume=[{"status": "resolved"}]), "resume[0].interruptId"),
    (body(resume=[{"interruptId": "i1", "status": "done"}]), "resume[0].status"),
    (body(onBusy="wait"), "onBusy"),
    (body(forwardedProps={"onBusy": ["queue"]}), "onBusy"),
    (body(timezone=1), "timezone"),
    (body(forwardedProps={"timezone": {}}), "timezone"),
]


@pytest.mark.seed("S3")
@pytest.mark.parametrize(("given", "field"), REFUSED)
def test_what_is_wrong_is_named_with_its_index(given: Any, field: str) -> None:
    refused(given, field)


def test_the_errors_say_what_would_be_right() -> None:
    assert refused({"messages": [{"role": "bot", "content": ""}]}, "messages[0].role") == (
        "The 'messages[0].role' field must be one of: user, assistant, system, tool, developer, reasoning, activity."
    )
    assert refused(body(tools=[{"name": "a"}] * 129), "tools") == "The 'tools' field must have at most 128 entries."


@pytest.mark.parametrize("broken", [b"", b"{", b"\xff", b'{"messages": [NaN]}', b"[" * 5000])
def test_what_is_no_json_is_refused(broken: bytes) -> None:
    with pytest.raises(Invalid):
        decode(broken)


@pytest.mark.parametrize("role", ["system", "developer", "reasoning", "assistant", "activity"])
def test_every_role_has_its_text(role: str) -> None:
    assert message(role=role, content="Hi", id="m1") == Message(role, "Hi", id="m1")


def test_an_assistant_that_only_calls_says_nothing() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{"}}

    assert message(role="assistant", toolCalls=[call]) == Message("assistant", "")
    assert message(role="assistant", content=None, toolCalls=[call]) == Message("assistant", "")


def test_an_activity_is_no_text() -> None:
    assert message(role="activity", activityType="a2ui", content={"a": 1}) == Message("activity", "")


@pytest.mark.seed("S30")
def test_a_result_of_the_page_answers_its_call() -> None:
    told = {"role": "tool", "toolCallId": "c1", "id": "m1"}

    assert message(**told, content="done") == Message("tool", "done", id="m1", call_id="c1")
    assert message(**told, content="", error="Gone") == Message("tool", "Gone", id="m1", call_id="c1")
    assert message(**told, content="kept", error="Gone").content == "kept"
    parts = [{"type": "text", "text": "do"}, {"type": "image"}, {"type": "text", "text": "ne"}]
    assert message(**told, content=parts) == Message("tool", "done", id="m1", call_id="c1")


IMAGE = {"type": "image", "source": {"type": "data", "value": "aGk=", "mimeType": "image/png"}}
UNSUPPORTED: list[Any] = [
    {"type": "image", "source": {"type": "url", "value": "https://a.example/b.png"}},
    {"type": "image", "source": {"type": "file", "value": "file-1"}},
    {"type": "image", "source": {"type": "data", "value": "aGk="}},
    {"type": "audio", "source": {"type": "data", "value": "aGk=", "mimeType": "audio/wav"}},
    {"type": "video", "source": {"type": "data", "value": "aGk=", "mimeType": "video/mp4"}},
    {"type": "document", "source": {"type": "data", "value": "aGk=", "mimeType": "application/pdf"}},
    {"type": "binary", "mimeType": "image/png", "data": "aGk="},
    {"type": "text"},
    "Hi",
    None,
]


def test_parts_are_one_text_and_images() -> None:
    parts = [{"type": "text", "text": "What "}, IMAGE, {"type": "text", "text": "is this?"}]

    shown = message(role="user", content=parts)
    assert shown == Message("user", "What is this?", images=({"base64": "aGk=", "mime_type": "image/png"},))


@pytest.mark.parametrize("part", UNSUPPORTED)
def test_what_the_user_shows_now_is_seen_or_refused(part: Any) -> None:
    now = {"role": "user", "content": [{"type": "text", "text": "See"}, part]}

    told = refused({"messages": [now, {"role": "assistant", "content": "I look"}]}, "messages[0].content[1]")
    assert told.endswith("is not supported; send text, or an image as base64 data.")


@pytest.mark.parametrize("part", UNSUPPORTED)
def test_what_was_shown_before_is_left_out(part: Any) -> None:
    before = {"role": "user", "content": [{"type": "text", "text": "See"}, part, IMAGE]}

    first, last = read(messages=[before, LAST]).messages
    assert (first.content, len(first.images), last.content) == ("See", 1, "Hi")


def test_an_action_of_the_page_may_leave_everything_out_but_its_name() -> None:
    nothing = {"type": "object", "properties": {}}

    for told in ({}, {"description": None, "parameters": None}, {"parameters": {}}):
        assert read(tools=[{"name": "go", **told}]).client_actions == (ClientAction("go", "", nothing),)


def test_the_last_action_of_a_name_counts() -> None:
    told = read(tools=[{"name": "go", "description": "old"}, {"name": "stop"}, {"name": "go", "description": "new"}])

    assert [(action.name, action.description) for action in told.client_actions] == [("go", "new"), ("stop", "")]


@pytest.mark.seed("S11")
@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        ('{"a": [1]}', {"a": [1]}),
        (' ["a"]', ["a"]),
        ("dashboard", "dashboard"),
        ("7", "7"),
        ("true", "true"),
        ('"quoted"', "quoted"),
        ("{broken", "{broken"),
        ("[" * 5000, "[" * 5000),
        ("", ""),
        ({"a": 1}, {"a": 1}),
        (None, None),
    ],
)
def test_a_readable_that_is_json_text_is_read(value: Any, read_as: Any) -> None:
    assert read(context=[{"description": "d", "value": value}]).readables == (Readable("d", read_as),)
    assert read(readables=[{"description": "d", "value": value}]).readables == (Readable("d", read_as),)


def test_a_value_that_is_not_there_yet_is_null() -> None:
    assert read(context=[{"description": "d"}]).readables == (Readable("d", None),)


PAYLOADS: list[tuple[Any, bool | None]] = [
    (True, True),
    (False, False),
    ({"approved": True, "note": "go"}, True),
    ({"approved": False}, False),
    ({"decision": "approve"}, True),
    ({"decision": "reject"}, False),
    *((word, True) for word in ("yes", "approve", "true", '"yes"', " Yes ", '{"approved": true}')),
    *((word, False) for word in ("no", "reject", "false", '"no"', '{"decision": "reject"}')),
    ({"approved": "yes"}, None),
    ({"decision": "later"}, None),
    ("maybe", None),
    ("{broken", None),
    ("[true]", None),
    ([True], None),
    (1, None),
]


@pytest.mark.parametrize(("payload", "approved"), PAYLOADS)
def test_an_answer_is_yes_no_or_neither(payload: Any, approved: bool | None) -> None:
    answer = {"interruptId": "i1", "status": "resolved", "payload": payload}
    assert read(resume=[answer]).answers == (Answer("i1", approved),)

    command = {"resume": payload, "interruptEvent": {"id": "i1"}}
    assert read(forwardedProps={"command": command}).answers == (Answer("i1", approved),)


def test_an_answer_without_payload_is_neither_and_a_cancelled_one_is_no() -> None:
    answers = [
        {"interruptId": "i1", "status": "resolved"},
        {"interruptId": "i2", "status": "cancelled", "payload": True},
    ]

    assert read(resume=answers).answers == (Answer("i1", None), Answer("i2", approved=False))


@pytest.mark.parametrize(
    ("event", "id"),
    [
        ({"id": "i1", "question": "Sure?", "calls": []}, "i1"),
        ('{"id": "i1"}', "i1"),
        ({"id": 7}, ""),
        ("Sure?", ""),
        (None, ""),
    ],
)
def test_older_clients_answer_in_the_forwarded_props(event: Any, id: str) -> None:
    given = {"command": {"resume": {"approved": True}, "interruptEvent": event}}

    assert read(forwardedProps=given).answers == (Answer(id, approved=True),)


@pytest.mark.parametrize("command", [None, {}, "resume", {"resume": None}, {"interruptEvent": {"id": "i1"}}])
def test_a_command_without_an_answer_is_none(command: Any) -> None:
    assert read(forwardedProps={"command": command}).answers == ()


def test_the_standard_answer_comes_first() -> None:
    legacy = {"command": {"resume": "no", "interruptEvent": {"id": "i1"}}}
    told = read(forwardedProps=legacy, resume=[{"interruptId": "i1", "status": "resolved", "payload": "yes"}])

    assert told.answers == (Answer("i1", approved=True),)


@pytest.mark.parametrize("wish", ["reject", "queue", "interrupt"])
def test_what_to_do_while_busy_is_said_in_the_body_or_beside_it(wish: str) -> None:
    assert read(onBusy=wish).on_busy == wish
    assert read(forwardedProps={"onBusy": wish}).on_busy == wish
    assert read(onBusy=wish, forwardedProps={"onBusy": "queue", "timezone": "UTC"}).on_busy == wish
    assert read(onBusy=None, forwardedProps={"onBusy": wish}).on_busy == wish


@pytest.mark.parametrize(
    ("tools", "wanted"),
    [
        ([{"name": "copilotkitSuggest", "parameters": {}}], True),
        ([{"name": "copilotkitSuggest"}, {"name": "add"}], False),
        ([{"name": "add"}], False),
        (["copilotkitSuggest"], False),
        ([], False),
        (None, False),
    ],
)
def test_suggestions_are_asked_for_by_the_only_tool(tools: Any, wanted: bool) -> None:
    assert suggestion_request(body(tools=tools)) is wanted


NAMES = ["messages", "role", "content", "id", "type", "tools", "name", "context", "description", "resume", "state"]
LEAVES = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "user", "tool", "text", "{", "resolved"])
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_whatever_comes_is_understood_or_refused(given: dict[str, Any]) -> None:
    with contextlib.suppress(Invalid):
        assert len(decode_object(given).messages) == len(given["messages"])
