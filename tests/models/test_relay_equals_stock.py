"""The relayed message is the one that the stock class streams into a LangGraph state."""

import json

import httpx2
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI

from copilot_core.models.relay import RelayChatOpenAI, openai_model
from copilot_core.testing.openai_server import Call, Raw, Say, ScriptedOpenAI, Step


def event(*choices: object, **fields: object) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": choices}
    return b"data: " + json.dumps(chunk | fields, ensure_ascii=False).encode() + b"\n\n"


def delta(finish: str | None = None, **fields: object) -> dict[str, object]:
    return {"index": 0, "delta": fields, "finish_reason": finish, "logprobs": None}


def call(index: int, arguments: str | None, **fields: object) -> dict[str, object]:
    return {"index": index, **fields, "function": {"arguments": arguments, "name": fields.pop("name", None)}}


USAGE = {
    "prompt_tokens": 40,
    "completion_tokens": 9,
    "total_tokens": 49,
    "prompt_tokens_details": {"cached_tokens": 32, "audio_tokens": None},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
DONE = b"data: [DONE]\n\n"
HELLO = event(delta(role="assistant", content="")) + event(delta(content="Hi")) + event(delta("stop")) + DONE

ANSWERS: dict[str, Step] = {
    "text": Say("Three  spaced words.\n"),
    "no text at all": Say(""),
    "unicode": Say(chunks=["a\u2028b", "\u2029", "\x85 \x0b\x0c\x1c", "\U0001f600 é", "\r\n", '"\\']),
    "one call": Say(calls=[Call("find", {"name": "Ada", "deep": {"list": [1, 2.5, None, True]}}, id="c1")]),
    "a call without arguments": Say(calls=[Call("find", "", id="c1")]),
    "text, then interleaved calls": Say(
        "I look.", [Call("find", {"q": "x" * 40}, id="c1"), Call("count", {"q": "é\u2028"}, id="c2")]
    ),
    "long integers": Say(calls=[Call("find", {"id": 123456789012345678901234567890}, id="c1")]),
    "broken off in its text": Say("Once upon a", finish="length"),
    "a stream without a usage chunk": Raw([HELLO]),
    "a stream without [DONE]": Raw([HELLO.removesuffix(DONE)]),
    "a byte at a time": Raw([HELLO[i : i + 1] for i in range(len(HELLO))]),
    "carriage returns and comments": Raw([b": hello\n\n" + HELLO.replace(b"\n", b"\r\n")]),
    "usage with details": Raw([HELLO.removesuffix(DONE), event(usage=USAGE), DONE]),
    "usage beside the finish reason": Raw([event(delta("stop", content="Hi"), usage=USAGE), DONE]),
    "a service tier": Raw(
        [event(delta("stop", content="Hi"), service_tier="flex"), event(usage=USAGE, service_tier="flex"), DONE]
    ),
    "empty deltas": Raw([event(), event(delta()), event(delta(content=None)), event(delta(content="")), HELLO]),
    "only a finish reason": Raw([event(delta("content_filter")), DONE]),
    "a reasoning model's thoughts": Raw([event(delta(reasoning_content="hm")), HELLO]),
    "calls whose fragments have nulls": Raw(
        [
            event(delta(content=None, tool_calls=[call(0, "", id="c1", type="function", name="find")])),
            event(delta(tool_calls=[call(0, '{"a"', id=None), call(0, ": 1}")])),
            event(delta("tool_calls")),
            DONE,
        ]
    ),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_the_message_equals_the_stock_one(answer, heard, model, client: httpx2.AsyncClient):
    async with ScriptedOpenAI([answer, answer]) as server:
        message = await heard.ask(model(server))
        expected = await stock(server, client).ainvoke("Hello?")

    assert message.model_dump() == expected.model_dump() | {"id": message.id}
    assert type(message) is type(expected) is AIMessage


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_what_was_heard_adds_up_to_the_message(answer, heard, model):
    async with ScriptedOpenAI([answer]) as server:
        message = await heard.ask(model(server))

    arguments = {call["id"]: "" for call in message.tool_calls}
    for _, call_id, text in (told for told in heard.told if told[0] == "arguments"):
        arguments[call_id] += text
    assert "".join(told[1] for told in heard.told if told[0] == "text") == message.content
    assert [told[1:] for told in heard.told if told[0] == "call"] == [
        (call["id"], call["name"]) for call in message.tool_calls
    ]
    assert [json.loads(text or "{}") for text in arguments.values()] == [call["args"] for call in message.tool_calls]
    assert heard.message_ids <= {message.id}
    assert message.id.startswith("lc_run--")


async def test_the_request_equals_the_stock_one(heard, model, client):
    history = [
        SystemMessage("Be kind."),
        HumanMessage("Find Ada\u2028and \U0001f600"),
        AIMessage("", tool_calls=[{"name": "find", "args": {"q": "Ada"}, "id": "c1", "type": "tool_call"}]),
        ToolMessage('{"rows": []}', tool_call_id="c1"),
        HumanMessage([{"type": "text", "text": "And Bob?"}]),
    ]
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
    async with ScriptedOpenAI([Say("No."), Say("No.")]) as server:
        await heard.ask(model(server).bind_tools([tool], tool_choice="none"), history)
        await stock(server, client).bind_tools([tool], tool_choice="none").ainvoke(history)

    ours, theirs = server.requests
    assert ours.body == theirs.body
    assert {"messages", "tools", "tool_choice", "stream", "stream_options", "model"} == ours.body.keys()


async def test_fields_that_the_owner_adds_to_the_body_are_sent(heard, client):
    async with ScriptedOpenAI([Say("No.")]) as server:
        model = RelayChatOpenAI(
            model="m", api_key="k", base_url=server.base_url, http_async_client=client, extra_body={"top_k": 3}
        )
        await heard.ask(model)

    assert server.requests[0].body == {
        "model": "m",
        "stream": True,
        "messages": [{"role": "user", "content": "Hello?"}],
        "top_k": 3,
    }


async def test_any_httpx2_client_will_do(heard):
    async with ScriptedOpenAI([Say("Hi there.")]) as server, httpx2.AsyncClient() as client:
        model = openai_model("m", api_key="k", base_url=server.base_url, http_client=client)
        message = await heard.ask(model)

    assert message.content == "Hi there."


async def test_nothing_is_asked_for_in_compressed_form(heard, model):
    async with ScriptedOpenAI([Say("Hi.")]) as server:
        await heard.ask(model(server))

    assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_without_a_listener_it_is_the_stock_class(model, client):
    answer = Say("Well.", [Call("find", {"q": 1}, id="c1")])
    async with ScriptedOpenAI([answer] * 4) as server:
        invoked = await model(server).ainvoke("Hello?")
        streamed = [chunk.content async for chunk in model(server).astream("Hello?")]
        expected = await stock(server, client, streaming=False).ainvoke("Hello?")
        expected_streamed = [chunk.content async for chunk in stock(server, client).astream("Hello?")]

    assert invoked.model_dump(exclude={"id", "response_metadata"}) == expected.model_dump(
        exclude={"id", "response_metadata"}
    )
    assert streamed == expected_streamed
    assert server.requests[0].body == server.requests[2].body


async def test_structured_output_is_left_to_the_stock_class(heard, model):
    schema = {"title": "Point", "type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    async with ScriptedOpenAI([Say('{"x": 1}')]) as server:
        point = await heard.ask(model(server).with_structured_output(schema, method="json_mode"))

    assert point == {"x": 1}
    assert heard.told == []


async def test_a_call_id_of_an_earlier_answer_is_not_used_again(heard, model):
    history = [
        HumanMessage("Find Ada"),
        AIMessage("", tool_calls=[{"name": "find", "args": {}, "id": "call_0", "type": "tool_call"}]),
        ToolMessage("nobody", tool_call_id="call_0"),
    ]
    async with ScriptedOpenAI([Call("find", {"q": "Bob"}, id="call_0")]) as server:
        message = await heard.ask(model(server), history)

    assert message.tool_calls[0]["id"] != "call_0"
    assert heard.told[0] == ("call", message.tool_calls[0]["id"], "find")


def stock(server: ScriptedOpenAI, client: httpx2.AsyncClient, *, streaming: bool = True) -> ChatOpenAI:
    return ChatOpenAI(
        model="m",
        api_key="k",
        base_url=server.base_url,
        http_async_client=client,
        streaming=streaming,
        stream_usage=True,
        stream_chunk_timeout=None,
    )
