"""What the Python client offers beside not losing an answer, against a real server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from copilot_core import Role
from copilot_core.client import ClientError, CopilotClient, final_text, patience
from copilot_core.events import (
    ApprovalRequested,
    MessagesSnapshot,
    RunFailed,
    RunFinished,
    RunStarted,
    TextDelta,
    TextStarted,
    ToolCallEnded,
)
from copilot_core.testing import call
from copilot_core.testing.openai_server import Say, ScriptedOpenAI

from ..flow.conftest import Talk
from .conftest import at_once, copilot_of, key_of, scripted

pytestmark = pytest.mark.proof


async def test_an_answer_comes_as_domain_events_and_its_conversation_goes_on(talk: Talk) -> None:
    async with (
        talk(script=[call("listIncidents", severity="high"), "One is open.", "Hello again."]) as client,
        CopilotClient(str(client.http.base_url), key_of(client)) as copilot,
    ):
        told = [event async for event in copilot.ask("which are open?")]
        started = told[0]
        assert isinstance(started, RunStarted)
        again = await copilot.text("hi", thread_id=started.thread_id)
        messages = await copilot.messages(started.thread_id)

    assert [event.result["data"] for event in told if isinstance(event, ToolCallEnded)]
    assert "".join(event.delta for event in told if isinstance(event, TextDelta)) == "One is open."
    assert isinstance(told[-1], RunFinished)
    assert again == "Hello again."
    assert [message["content"] for message in messages if message["role"] == "user"] == ["which are open?", "hi"]


async def test_what_else_a_question_says_reaches_the_model(talk: Talk) -> None:
    async with talk(script=["Hello."]) as client:
        readables = {"The page": {"open": "invoice 7"}}
        await copilot_of(client).text("hi", timezone="Europe/Berlin", readables=readables, model="scripted")
        [asked] = client.ready.copilot.engine.models.get(None).asked
        with pytest.raises(ClientError, match="model_not_allowed"):
            await copilot_of(client).text("hi", model="another")

    assert "invoice 7" in str(asked)
    assert "Europe/Berlin" in str(asked)


@pytest.mark.parametrize(("approved", "rows"), [(True, 0), (False, 1)])
async def test_an_open_question_is_answered(talk: Talk, approved: bool, rows: int) -> None:
    script = [call("createTask", title="x"), "Created.", call("deleteTasks"), "Done."]
    async with talk(script=script, role=Role.ADMIN) as client:
        copilot = copilot_of(client)
        await copilot.text("create x", thread_id="t")
        told = [event async for event in copilot.ask("delete all", thread_id="t")]
        [question] = [event for event in told if isinstance(event, ApprovalRequested)]
        assert (await copilot.conversation("t"))["question"] == question.question
        answer = copilot.approve if approved else copilot.decline
        assert await final_text(answer("t", question.id)) == "Done."
        with pytest.raises(ClientError) as late:
            await final_text(answer("t", question.id))

        assert len(await client.tasks()) == rows
    assert late.value.code == "approval_conflict"


async def test_a_run_is_stopped_and_keeps_what_it_said(talk: Talk) -> None:
    async with (
        ScriptedOpenAI([Say(chunks=["one ", "two"], wait=asyncio.Event())]) as model,
        talk(models=scripted(model)) as client,
    ):
        copilot, told = copilot_of(client), []
        async for event in copilot.ask("count", thread_id="t", run_id="r"):
            told.append(event)
            if isinstance(event, TextDelta):
                assert await copilot.stop("r")

        assert isinstance(told[-1], RunFinished)
        assert told[-1].stopped
        assert not await copilot.stop("r")
        assert (await copilot.messages("t"))[-1]["content"] == "one "


async def test_a_busy_conversation_refuses_with_the_time_to_wait_or_queues_where_asked(talk: Talk) -> None:
    more = asyncio.Event()
    async with (
        ScriptedOpenAI([Say(chunks=["one ", "two"], wait=more), Say("three")]) as model,
        talk(models=scripted(model)) as client,
    ):
        copilot = copilot_of(client)
        first = copilot.ask("count", thread_id="t")
        await anext(first)
        with pytest.raises(ClientError) as refused:
            await copilot.text("and?", thread_id="t")
        queued = copilot.ask("and?", thread_id="t", on_busy="queue")
        await anext(queued)
        more.set()

        assert await final_text(first) == "one two"
        assert await final_text(queued) == "three"
    error = refused.value
    assert (error.code, error.status) == ("thread_busy", 409)
    assert error.retry_after == error.details["retryAfter"] >= 1


async def test_whoever_stops_reading_does_not_stop_the_run(talk: Talk) -> None:
    more = asyncio.Event()
    async with (
        ScriptedOpenAI([Say(chunks=["one ", "two"], wait=more)]) as model,
        talk(models=scripted(model)) as client,
    ):
        copilot = copilot_of(client)
        async for event in copilot.ask("count", run_id="r"):
            if isinstance(event, TextDelta):
                break
        more.set()

        assert await final_text(copilot.follow("r")) == "one two"


async def test_conversations_are_listed_searched_renamed_put_away_copied_and_deleted(talk: Talk) -> None:
    async with talk(script=["1", "2", "3"]) as client:
        copilot = copilot_of(client)
        for message in ("open invoices", "late orders", "late invoices"):
            await copilot.text(message)
        listed = await copilot.threads()
        assert [thread.title for thread in listed] == ["late invoices", "late orders", "open invoices"]
        assert await copilot.threads(limit=2) == listed[:2]
        assert await copilot.threads(q="late inv") == listed[:1]

        first = listed[2].id
        assert (await copilot.rename(first, "Billing")).title == "Billing"
        assert (await copilot.archive(first)).archived
        assert [thread.id for thread in await copilot.threads(archived=True)] == [first]
        assert not (await copilot.archive(first, archived=False)).archived

        question = (await copilot.messages(first))[0]
        copies = [await copilot.fork(first), await copilot.fork(first, question["id"])]
        assert [len(await copilot.messages(copy.id)) for copy in copies] == [2, 1]

        await copilot.delete(first)
        with pytest.raises(ClientError) as gone:
            await copilot.messages(first)
    assert (gone.value.code, gone.value.status, gone.value.details) == ("not_found", 404, {"field": "conversationId"})


async def test_a_run_that_fails_is_a_last_event_and_as_text_an_error(talk: Talk) -> None:
    async with talk(script=[call("createTask", title="x")] * 2, role=Role.VIEWER) as client:
        copilot = copilot_of(client)
        *_, last = [event async for event in copilot.ask("create x")]
        with pytest.raises(ClientError) as failed:
            await copilot.text("create x")

    assert isinstance(last, RunFailed)
    assert (failed.value.code, failed.value.message, failed.value.status) == ("forbidden", last.message, None)


async def test_a_key_that_is_refused_is_not_tried_again(talk: Talk) -> None:
    async with talk() as client:
        with pytest.raises(ClientError, match=r"A valid bearer token is required\. \(unauthenticated\)"):
            await CopilotClient(str(client.http.base_url), "ck_x", http=client.http).text("hi")


def mocked(answer: Callable[[httpx2.Request], httpx2.Response], **options: Any) -> CopilotClient:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    return CopilotClient("http://test", "key", http=http, **{"sleep": at_once, **options})


def nobody(_request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused")


def stream(body: bytes) -> httpx2.Response:
    async def sent() -> AsyncIterator[bytes]:
        yield body

    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=sent())


async def test_a_server_that_is_not_there_is_given_up_after_waits_that_double() -> None:
    waits: list[float] = []

    async def noted(seconds: float) -> None:
        waits.append(seconds)

    with pytest.raises(ClientError, match=r"^http://test does not answer: refused$") as gone:
        await mocked(nobody, sleep=noted).text("hi")

    assert gone.value.code == "unreachable"
    assert len(waits) == 10
    for wait, longest in zip(waits, [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10, 10], strict=True):
        assert longest / 2 <= wait <= longest


async def test_a_single_request_is_tried_once() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return nobody(request)

    with pytest.raises(ClientError, match="does not answer"):
        await mocked(answer).threads()
    assert asked == ["/v1/threads"]


async def test_a_server_that_asks_for_patience_gets_it_up_to_a_minute() -> None:
    waits: list[float] = []
    after = ["3", "61"]

    async def noted(seconds: float) -> None:
        waits.append(seconds)

    def answer(_request: httpx2.Request) -> httpx2.Response:
        told = {"error": {"code": "rate_limited", "message": "Too many."}, "requestId": "1"}
        return httpx2.Response(429, headers={"retry-after": after.pop(0)}, json=told)

    with pytest.raises(ClientError, match="rate_limited") as refused:
        await mocked(answer, sleep=noted).text("hi")
    assert waits == [3]
    assert refused.value.retry_after == 61


@pytest.mark.parametrize(
    ("response", "told", "requests"),
    [
        (lambda: httpx2.Response(502, text="<html>"), "answered 502, and not as a copilot does", 4),
        (lambda: httpx2.Response(500, json={"error": "no"}), "answered 500, and not as a copilot does", 1),
        (lambda: httpx2.Response(200, text="<html>"), "http://test answered, and not as a copilot does: ", 2),
        (lambda: stream(b'data: {"type": "RunStar'), "the answer broke off before it was complete", 5),
    ],
)
async def test_half_an_answer_and_a_stranger_are_told(
    response: Callable[[], httpx2.Response], told: str, requests: int
) -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return response()

    with pytest.raises(ClientError, match=told):
        await mocked(answer, tries=3).text("hi")
    assert len(asked) == requests


async def test_a_long_silence_over_connections_that_hold_for_a_while_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "HELD", -1)
    silent = [b": keep-alive\n\n"] * 20
    end = b'id: r:1\ndata: {"type": "RunFinished", "runId": "r", "threadId": "t"}\n\n'

    def answer(_request: httpx2.Request) -> httpx2.Response:
        return stream(silent.pop() if silent else end)

    assert [event async for event in mocked(answer, tries=3).follow("r")] == [RunFinished("r", "t")]


async def test_what_only_a_newer_server_says_is_passed_over() -> None:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return stream(
            b'id: r:1\ndata: {"type": "Weather", "sky": "blue"}\n\n'
            b'id: r:2\ndata: {"type": "RunStarted", "runId": "r", "threadId": "t", "weather": 1}\n\n'
            b'id: r:3\ndata: {"type": "RunFinished", "runId": "r", "threadId": "t"}\n\n'
        )

    assert [event async for event in mocked(answer).follow("r")] == [RunStarted("r", "t"), RunFinished("r", "t")]


async def test_the_text_after_a_take_over_is_the_one_that_is_stored() -> None:
    async def told(*last: Any) -> Any:
        yield TextStarted("m1")
        yield TextDelta("m1", "half a th")
        messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Looking."}]
        yield MessagesSnapshot(messages if last else [{"role": "assistant", "content": "of before"}, *messages[:1]])
        for event in last:
            yield event

    assert await final_text(told(TextStarted("m2"), TextDelta("m2", "A thought."))) == "A thought."
    assert await final_text(told(RunFinished("r", "t"))) == "Looking."
    assert await final_text(told()) == ""


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(ClientError, match="'localhost:8000' is no http or https address"):
        CopilotClient("localhost:8000", "key")
