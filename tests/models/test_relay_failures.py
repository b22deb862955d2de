"""What goes wrong at the provider becomes an error of ours, once, and closes what was open."""

import asyncio
import socket

import pytest

from copilot_core.errors import ModelUnavailable, RateLimited
from copilot_core.models.relay import RelayChatOpenAI, http_client, openai_model
from copilot_core.testing.openai_server import Cut, Hang, Malformed, Raw, Say, ScriptedOpenAI, Status

ONCE = {"x-should-retry": "false"}
SOON = {"retry-after-ms": "1"}
REFUSED = {
    400: ("rejected", "The model provider rejected the request."),
    401: ("credentials", "The model provider refused the server's credentials."),
    403: ("credentials", "The model provider refused the server's credentials."),
    404: ("unknown_model", "The model provider does not know this model."),
    408: ("timeout", "The model provider did not answer in time."),
    409: ("provider_error", "The model provider failed."),
    422: ("rejected", "The model provider rejected the request."),
    500: ("provider_error", "The model provider failed."),
    503: ("provider_error", "The model provider failed."),
}


@pytest.mark.parametrize("status", REFUSED)
async def test_a_refusal_is_told_without_the_providers_words(status, heard, model):
    async with ScriptedOpenAI([Status(status, ONCE, message="secret org-123")]) as server:
        with pytest.raises(ModelUnavailable) as caught:
            await heard.ask(model(server))

    reason, sentence = REFUSED[status]
    assert (caught.value.message, caught.value.details) == (sentence, {"reason": reason})
    assert "secret org-123" in str(caught.value.__cause__)
    assert heard.told == []


@pytest.mark.parametrize(
    ("headers", "details"),
    [({"retry-after": "20"}, {"retryAfter": 20.0}), ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, {}), ({}, {})],
)
async def test_a_rate_limit_says_when_to_come_back_if_the_provider_does(headers, details, heard, model):
    async with ScriptedOpenAI([Status(429, ONCE | headers)]) as server:
        with pytest.raises(RateLimited) as caught:
            await heard.ask(model(server))

    assert caught.value.details == details


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_a_passing_failure_is_retried_before_the_first_token(status, heard, model):
    async with ScriptedOpenAI([Status(status, SOON), Status(status, SOON), Say("Here.")]) as server:
        message = await heard.ask(model(server))

    assert message.content == "Here."
    assert heard.told == [("text", "Here.")]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_final_refusal_is_not_retried(status, heard, model):
    async with ScriptedOpenAI([Status(status)]) as server:
        with pytest.raises(ModelUnavailable):
            await heard.ask(model(server))

    assert len(server.requests) == 1


async def test_what_is_left_to_the_stock_class_fails_alike(heard, model):
    schema = {"title": "Point", "type": "object", "properties": {}}
    async with ScriptedOpenAI([Status(401)]) as server:
        with pytest.raises(ModelUnavailable) as caught:
            await heard.ask(model(server).with_structured_output(schema, method="json_mode"))

    assert caught.value.details == {"reason": "credentials"}


async def test_after_two_retries_the_failure_is_told(heard, model):
    async with ScriptedOpenAI([Status(500, SOON)] * 3) as server:
        with pytest.raises(ModelUnavailable) as caught:
            await heard.ask(model(server))

    assert caught.value.details == {"reason": "provider_error"}


async def test_a_kept_connection_that_died_unanswered_is_replaced(heard, model):
    async with ScriptedOpenAI([Say("One."), Cut(), Say("Two.")]) as server:
        chat = model(server)
        await heard.ask(chat)
        message = await heard.ask(chat)

    first, died, second = (request.client for request in server.requests)
    assert message.content == "Two."
    assert first == died != second


async def test_answers_in_a_row_share_one_connection(heard, model):
    async with ScriptedOpenAI([Say("One."), Say("Two."), Say("Three.")]) as server:
        chat = model(server)
        for _ in range(3):
            await heard.ask(chat)

    assert len({request.client for request in server.requests}) == 1


FINISHED = b'data: {"choices": [{"delta": {"content": "Hel"}, "finish_reason": "stop"}]}\n\n'
SPOKEN = b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n'
BROKEN = {
    "a closed connection": (Cut(after="Hel"), "cut"),
    "an end without a finish reason": (Raw([SPOKEN]), "cut"),
    "an end without a finish reason, but with [DONE]": (Raw([SPOKEN, b"data: [DONE]\n\n"]), "cut"),
    "half a JSON document": (Malformed(after="Hel"), "provider_error"),
    "garbage in the read that brought the text": (Raw([SPOKEN + b"data: {nonsense\n\n"]), "provider_error"),
    "no object": (Raw([SPOKEN + b"data: 42\n\n"]), "provider_error"),
    "no choice": (Raw([SPOKEN + b'data: {"choices": [7]}\n\n']), "provider_error"),
    "an error in the stream": (Raw([SPOKEN + b'data: {"error": {"message": "org-123"}}\n\n']), "provider_error"),
}


@pytest.mark.parametrize(("step", "reason"), BROKEN.values(), ids=BROKEN.keys())
async def test_an_answer_that_breaks_off_keeps_what_was_said_and_is_not_asked_again(step, reason, heard, model):
    async with ScriptedOpenAI([step]) as server:
        with pytest.raises(ModelUnavailable) as caught:
            await heard.ask(model(server))

    assert caught.value.details == {"reason": reason}
    assert heard.told == [("text", "Hel")]
    assert len(server.requests) == 1


@pytest.mark.parametrize("trailer", [b"", b"data: {nonsense\n\n", b"data: {unfinished"])
async def test_an_answer_with_a_finish_reason_stands_whatever_follows(trailer, heard, model):
    async with ScriptedOpenAI([Raw([FINISHED + trailer])]) as server:
        message = await heard.ask(model(server))

    assert message.content == "Hel"


async def test_silence_before_the_answer_is_a_timeout_and_not_asked_again(heard, model):
    async with ScriptedOpenAI([Hang()]) as server:
        with pytest.raises(ModelUnavailable) as caught:
            await heard.ask(model(server, timeout=0.05))

    assert caught.value.details == {"reason": "timeout"}


async def test_silence_within_the_answer_is_a_timeout(heard, model):
    async with ScriptedOpenAI([Say(chunks=["Hel", "lo"], wait=asyncio.Event())]) as server:
        with pytest.raises(ModelUnavailable) as caught:
            await heard.ask(model(server, timeout=0.1))

    assert caught.value.details == {"reason": "timeout"}
    assert heard.told == [("text", "Hel")]


async def test_a_port_where_nobody_listens_is_unreachable(heard, client):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    chat = RelayChatOpenAI(model="m", api_key="k", base_url=url, http_async_client=client, max_retries=0)
    with pytest.raises(ModelUnavailable) as caught:
        await heard.ask(chat)

    assert (caught.value.message, caught.value.details) == (
        "The model provider cannot be reached.",
        {"reason": "unreachable"},
    )


async def test_a_connection_closed_unanswered_every_time_is_cut(heard, client):
    async with ScriptedOpenAI([Cut()]) as server:
        chat = RelayChatOpenAI(
            model="m", api_key="k", base_url=server.base_url, http_async_client=client, max_retries=0
        )
        with pytest.raises(ModelUnavailable) as caught:
            await heard.ask(chat)

    assert caught.value.details == {"reason": "cut"}


async def test_cancelling_closes_the_connection_in_the_middle_of_an_answer(heard, model):
    async with ScriptedOpenAI([Say(chunks=["Hel", "lo"], wait=asyncio.Event())]) as server:
        asking = asyncio.create_task(heard.ask(model(server)))
        await heard.something.wait()
        asking.cancel()
        async with asyncio.timeout(0.2):
            await server.requests[0].closed.wait()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert heard.told == [("text", "Hel")]


async def test_cancelling_closes_the_connection_before_the_answer(heard, model):
    asked = asyncio.Event()

    def hang(body: dict[str, object]) -> Hang:
        asked.set()
        return Hang()

    async with ScriptedOpenAI([hang]) as server:
        asking = asyncio.create_task(heard.ask(model(server)))
        await asked.wait()
        asking.cancel()
        async with asyncio.timeout(0.2):
            await server.requests[0].closed.wait()

    with pytest.raises(asyncio.CancelledError):
        await asking


def test_each_event_loop_has_its_own_client(heard):
    async def talk() -> str:
        async with ScriptedOpenAI([Say("Hello.")]) as server, http_client() as client:
            chat = openai_model("m", api_key="k", base_url=server.base_url, http_client=client)
            return (await heard.ask(chat)).content

    assert [asyncio.run(talk()), asyncio.run(talk())] == ["Hello.", "Hello."]
