"""The scripted server says what the script says, and fails the test that does not follow it."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import openai
import pytest

from copilot_core.testing.model import UnexpectedModelCall, UnusedSteps
from copilot_core.testing.openai_server import Call, Cut, Hang, Raw, Say, ScriptedOpenAI, Status

USER = [{"role": "user", "content": "Hello?"}]


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient() as http:
        yield http


async def ask(http: httpx2.AsyncClient, server: ScriptedOpenAI, **body: object) -> httpx2.Response:
    body = {"model": "m", "messages": USER, **body}
    return await http.post(f"{server.base_url}/chat/completions", json=body, headers={"X-Test": "1"})


async def test_a_whole_answer_is_a_chat_completion(http):
    async with ScriptedOpenAI([Say("Hi.", [Call("find", {"q": "é"})], usage=(7, 2))]) as server:
        answer = await ask(http, server)

    arguments = '{"q": "\\u00e9"}'
    call = {"id": "call_0_0", "type": "function", "function": {"name": "find", "arguments": arguments}}
    message = {"role": "assistant", "content": "Hi.", "tool_calls": [call]}
    assert answer.json() == {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "m",
        "system_fingerprint": "fp_scripted",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    }


async def test_the_official_client_reads_its_streams_and_models(http):
    async with ScriptedOpenAI([Say("Hi there.", finish="length")], models=["a", "b"]) as server:
        client = openai.AsyncOpenAI(base_url=server.base_url, api_key="k", http_client=http)
        models = [model.id async for model in client.models.list()]
        options = {"include_usage": True}
        stream = await client.chat.completions.create(model="m", messages=USER, stream=True, stream_options=options)
        chunks = [chunk async for chunk in stream]

    assert models == ["a", "b"]
    assert [chunk.choices[0].delta.content for chunk in chunks[:-1]] == ["", "Hi", " there.", None]
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage.total_tokens == 15


async def test_the_deltas_of_several_calls_come_in_turns(http):
    calls = [Call("a", {"x": 1, "y": 2}, id="c1"), Call("b", '{"broken', id="c2")]
    async with ScriptedOpenAI([Say(calls=calls)]) as server:
        client = openai.AsyncOpenAI(base_url=server.base_url, api_key="k", http_client=http)
        stream = await client.chat.completions.create(model="m", messages=USER, stream=True)
        deltas = [chunk.choices[0].delta.tool_calls async for chunk in stream]

    assert [(d[0].index, d[0].id, d[0].function.name, d[0].function.arguments) for d in deltas if d] == [
        (0, "c1", "a", ""),
        (1, "c2", "b", ""),
        (0, None, None, '{"x": 1,'),
        (1, None, None, '{"broken'),
        (0, None, None, ' "y": 2}'),
    ]


async def test_requests_are_kept_with_body_and_headers(http):
    async with ScriptedOpenAI([Say("Hi.")]) as server:
        await ask(http, server, temperature=0)

    (request,) = server.requests
    assert request.body == {"model": "m", "messages": USER, "temperature": 0}
    assert request.headers["x-test"] == "1"
    assert not request.closed.is_set()


async def test_a_step_may_be_a_function_of_the_request(http):
    def gullible(body):
        return Say(f"You said {body['messages'][-1]['content']}")

    async with ScriptedOpenAI([gullible]) as server:
        answer = await ask(http, server)

    assert answer.json()["choices"][0]["message"]["content"] == "You said Hello?"


async def test_a_status_comes_with_its_headers(http):
    async with ScriptedOpenAI([Status(429, {"retry-after": "3"}, message="slow down")]) as server:
        answer = await ask(http, server)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert answer.json() == {"error": {"message": "slow down"}}


async def test_raw_blocks_are_sent_as_they_are(http):
    async with ScriptedOpenAI([Raw([b"data: 1\n\n", b"what\xff"])]) as server:
        answer = await ask(http, server, stream=True)

    assert answer.content == b"data: 1\n\nwhat\xff"


@pytest.mark.parametrize("step", [Cut(), Cut(after="Hel")])
async def test_a_cut_closes_the_connection(step, http):
    async with ScriptedOpenAI([step]) as server:
        with pytest.raises(httpx2.RemoteProtocolError):
            await ask(http, server, stream=True)

    assert not server.requests[0].closed.is_set()


async def test_a_client_that_hangs_up_is_noticed(http):
    async with ScriptedOpenAI([Hang()]) as server:
        with pytest.raises(httpx2.ReadTimeout):
            await http.post(f"{server.base_url}/chat/completions", json={"model": "m", "messages": USER}, timeout=0.05)
        async with asyncio.timeout(1):
            await server.requests[0].closed.wait()


async def test_a_step_that_nobody_asked_for_fails_the_test(http):
    with pytest.raises(UnusedSteps, match="2 steps, but 1 requests"):
        async with ScriptedOpenAI([Say("a"), Say("b")]) as server:
            await ask(http, server)


async def test_a_request_too_many_is_answered_with_500_and_fails_the_test(http):
    with pytest.raises(UnexpectedModelCall, match="0 steps, but request 1 came"):
        async with ScriptedOpenAI([]) as server:
            assert (await ask(http, server)).status_code == 500


async def test_what_a_function_raises_fails_the_test(http):
    def strict(body):
        raise AssertionError("the prompt lacks the date")

    with pytest.raises(AssertionError, match="the prompt lacks the date"):
        async with ScriptedOpenAI([strict]) as server:
            assert (await ask(http, server)).status_code == 500


async def test_the_tests_own_failure_is_not_hidden_by_the_script(http):
    with pytest.raises(ZeroDivisionError):
        async with ScriptedOpenAI([Say("never asked for")]):
            1 / 0  # noqa: B018
