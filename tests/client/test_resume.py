"""The Python client loses its connection at every possible place, and tells the same story."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from sqlmodel import func, select

from copilot_core import Role
from copilot_core.client import CopilotClient, final_text
from copilot_core.events import Event, RunFinished, RunStarted, ends
from copilot_core.store.tables import Run
from copilot_core.testing import call
from copilot_core.testing.openai_server import Say, ScriptedOpenAI

from ..flow.conftest import Talk
from .conftest import Cutting, after_bytes, after_events, at_once, copilot_of, never, scripted

pytestmark = pytest.mark.proof

ANSWER = "Größe ☃ two three"


async def story(client: CopilotClient, run_id: str) -> list[Event]:
    return [event async for event in client.follow(run_id)]


async def run_count(client: object) -> int:
    async with client.ready.database.session() as session:  # type: ignore[attr-defined]
        return int((await session.exec(select(func.count()).select_from(Run))).one())


async def test_events_are_told_once_and_in_order_wherever_in_the_stream_the_connection_breaks(
    talk: Talk, cutting: Cutting
) -> None:
    async with talk(script=[call("listIncidents"), ANSWER]) as client, cutting(after_bytes) as proxy:
        proxy.target = str(client.http.base_url)
        uncut = [event async for event in copilot_of(client).ask("hi")]
        run_id = uncut[0].run_id  # type: ignore[union-attr]
        body = (await client.http.get(f"/v1/runs/{run_id}/events")).content

        async def told(position: int) -> list[Event]:
            return await story(copilot_of(client, f"{proxy.url}/{position}"), run_id)

        positions = range(0, len(body), 29)
        assert await asyncio.gather(*map(told, positions)) == [uncut] * len(positions)

    assert len(proxy.requests) >= 2 * len(positions)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
async def test_the_same_for_every_single_byte_of_what_a_server_has_said(talk: Talk, line_end: bytes) -> None:
    async with talk(script=["Größe ☃"]) as client:
        uncut = [event async for event in copilot_of(client).ask("hi")]
        run_id = uncut[0].run_id  # type: ignore[union-attr]
        body = (await client.http.get(f"/v1/runs/{run_id}/events")).content
    frames = [frame.replace(b"\n", line_end) for frame in re.findall(rb"(?s).+?\n\n", body)]

    whole = b"".join(frames)
    ends: list[int | None] = []

    async def sent(after: int, end: int | None) -> AsyncIterator[bytes]:
        yield b"".join(frames[after:])[:end]
        if end is not None:
            raise httpx2.ReadError("reset")

    def answer(request: httpx2.Request) -> httpx2.Response:
        content = sent(int(request.url.params["after"]), ends.pop())
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        copilot = CopilotClient("http://test", "key", http=http, sleep=at_once)
        for position in range(len(whole)):
            ends = [None, position]
            assert await story(copilot, run_id) == uncut, position


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
async def test_an_answer_is_whole_although_no_connection_brings_more_than_a_few_events(
    talk: Talk, cutting: Cutting, count: int
) -> None:
    async with talk(script=[call("listIncidents"), ANSWER]) as client, cutting(after_events) as proxy:
        proxy.target = str(client.http.base_url)
        told = [event async for event in copilot_of(client, f"{proxy.url}/{count}").ask("hi")]
        uncut = await story(copilot_of(client), told[0].run_id)  # type: ignore[union-attr]

    assert told == uncut
    assert len(proxy.requests) - 1 == -(-len(uncut) // count)


@pytest.mark.parametrize("position", [0, 1, 20, 150, 400])
async def test_a_run_is_begun_once_wherever_the_answer_to_the_question_breaks(
    talk: Talk, cutting: Cutting, position: int
) -> None:
    async with talk(script=[ANSWER]) as client, cutting(after_bytes) as proxy:
        proxy.target = str(client.http.base_url)
        copilot = copilot_of(client, f"{proxy.url}/{position}")

        assert await copilot.text("hi") == ANSWER
        assert await run_count(client) == 1


async def test_a_question_that_never_arrived_is_asked_again(talk: Talk, cutting: Cutting) -> None:
    async with talk(script=[ANSWER]) as client, cutting(never) as proxy:

        async def back(_seconds: float) -> None:
            proxy.target = str(client.http.base_url)

        assert await copilot_of(client, f"{proxy.url}/x", sleep=back).text("hi") == ANSWER

    assert [line.split("/")[-1] for _, line in proxy.requests][::2] == ["copilot", "copilot"]


async def test_a_name_for_the_run_makes_a_question_safe_to_repeat(talk: Talk) -> None:
    async with talk(script=[ANSWER]) as client:
        asked = [[e async for e in copilot_of(client).ask("hi", run_id="mail-7")] for _ in range(2)]

    assert asked[0] == asked[1]
    assert asked[0][0] == RunStarted("mail-7", "mail-7")


async def test_a_yes_whose_answer_was_lost_is_not_said_twice(talk: Talk, cutting: Cutting) -> None:
    """The run that the yes began waits for a second one already when the client comes back."""
    script = [call("deleteTasks"), call("deleteTasks"), "Deleted."]

    def cut(_case: str, number: int, _answer: bytes) -> int | None:
        return 0 if number == 0 else None

    async with talk(script=script, role=Role.ADMIN) as client, cutting(cut) as proxy:
        proxy.target = str(client.http.base_url)
        copilot = copilot_of(client)
        question = await last(copilot.ask("delete them", thread_id="t"))
        assert question.waiting is not None

        async def rests(_seconds: float) -> None:
            while (await copilot.conversation("t"))["run"]["status"] != "waiting":
                pass

        behind = copilot_of(client, f"{proxy.url}/x", sleep=rests)
        second = await last(behind.approve("t", question.waiting.id))
        assert second.waiting is not None
        assert second.waiting.id != question.waiting.id
        assert await final_text(copilot.approve("t", second.waiting.id)) == "Deleted."


async def last(events: object) -> RunFinished:
    told = [event async for event in events]  # type: ignore[attr-defined]
    assert ends(told[-1])
    assert isinstance(told[-1], RunFinished), told
    return told[-1]


async def test_an_answer_in_the_making_is_followed_live_over_broken_connections(talk: Talk, cutting: Cutting) -> None:
    more = asyncio.Event()

    def cut(_case: str, number: int, answer: bytes) -> int | None:
        found = answer.find(b"TextDelta")
        return found + 20 if number == 1 and found > 0 else None  # in the middle of the first word

    async def go_on(_seconds: float) -> None:
        more.set()

    async with (
        ScriptedOpenAI([Say(chunks=["one ", "two"], wait=more)]) as model,
        talk(models=scripted(model)) as client,
        cutting(cut) as proxy,
    ):
        proxy.target = str(client.http.base_url)

        assert await copilot_of(client, f"{proxy.url}/x", sleep=go_on).text("hi") == "one two"
        assert len(model.requests) == 1
