"""Runs over real HTTP: read from any point on, by anybody who may, stopped, queued and interrupted."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from copilot_core import Principal, Role, feed
from copilot_core import copilot as engine
from copilot_core.protocols.agui import decode_object
from copilot_core.store import log
from copilot_core.store.tables import Run
from copilot_core.testing.openai_server import Call, Cut, Exchange, Say, ScriptedOpenAI

from .page import AGENT, RUN, Hangs, Json, Page, Site, frames, half_call, kinds, plain, site, told

CHAT = "/api/copilot/chat"
CANCELLED = {"success": False, "error": "cancelled", "message": "The run was stopped. Check before you repeat this."}
UNKNOWN = {
    "success": False,
    "error": "outcome_unknown",
    "message": "This call has no result: the run was stopped before it ended. Check before you repeat it.",
}


class Speaks:
    """A step that says one word for each `go_on`."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.said: asyncio.Queue[int] = asyncio.Queue()

    def go_on(self, words: int = 1) -> None:
        self.said.put_nowait(words)

    async def play(self, exchange: Exchange) -> None:
        words = iter(self.words)
        while True:
            for _ in range(await self.said.get()):
                word = next(words, None)
                if word is None:
                    await exchange.finish("stop", (1, 1))
                    return
                await exchange.delta({"content": word})


def story(body: bytes) -> list[tuple[str | None, Json]]:
    return frames(body)


async def get(page: Page, path: str, **options: Any) -> Any:
    answer = await page.http.get(path, **options)
    return answer.status_code, answer.json()


async def test_a_run_is_read_again_from_any_event_on_and_every_event_has_its_number(database_url: str) -> None:
    script = [Say("Look: ", calls=[Call("listTasks"), Call("addTask", {"title": "☃"})]), Say("One. Two.")]
    async with ScriptedOpenAI(script) as model, site(model, database_url=database_url) as here:
        page = await here.page()
        first = await page.http.post(RUN, json=page.input(messages=[{"id": "u", "role": "user", "content": "?"}]))
        whole = story(first.content)
        run = whole[0][1]["runId"]
        path = f"/v1/runs/{run}/events"
        domain = story((await page.http.get(path)).content)

        assert [known for known, _ in domain] == [f"{run}:{number + 1}" for number in range(len(domain))]
        assert (domain[0][1]["type"], domain[-1][1]["type"]) == ("RunStarted", "RunFinished")
        for number in (0, 1, len(domain) // 2, len(domain)):
            rest = domain[number:]
            for options in (
                {"params": {"after": str(number)}},
                {"params": {"after": f"{run}:{number}"}},
                {"headers": {"Last-Event-ID": f"{run}:{number}"}, "params": {"after": "0"}},
            ):
                assert story((await page.http.get(path, **options)).content) == rest
        ids = [known for known, _ in whole]
        for known in (ids[0], ids[len(ids) // 2], ids[-1]):
            rest = whole[ids.index(known) + 1 :]
            for url in (RUN, f"{AGENT}/run"):
                again = await page.http.post(url, json={}, headers={"Last-Event-ID": known})
                assert story(again.content) == rest
            chat = await page.http.post(f"{CHAT}?after={known}", json={})
            assert [e["type"] for _, e in story(chat.content)][-1:] == ["done"][: len(rest)]
        assert len(model.requests) == 2


async def test_who_asks_for_a_run_that_is_not_theirs_or_in_another_form_is_refused() -> None:
    async with ScriptedOpenAI([Say("Hello.")]) as model, site(model) as here:
        page, stranger = await here.page(), await here.page(user="sam")
        events = await page.say("Hi", runId="run_1")
        missing = (404, {"code": "not_found", "message": "There is no such run.", "details": {"field": "runId"}})

        for who, run in ((stranger, "run_1"), (page, "run_2")):
            for verb, path in (("GET", ""), ("GET", "/events"), ("POST", "/stop")):
                answer = await who.http.request(verb, f"/v1/runs/{run}{path}")
                assert (answer.status_code, answer.json()["error"]) == missing
            answer = await who.http.post(RUN, json={}, headers={"Last-Event-ID": f"{run}:1"})
            assert (answer.status_code, answer.json()["error"]) == missing
        for wrong in ("x", "run_1", ":1", "run_1:", "run_1:-1", "run_1:x", "run_1:1.5", f"run_1:{'9' * 16}"):
            for verb, path in (("POST", RUN), ("POST", CHAT), ("GET", "/v1/runs/run_1/events")):
                answer = await page.http.request(verb, path, json={}, headers={"Last-Event-ID": wrong})
                assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error"), (path, wrong)
        other = await page.http.get("/v1/runs/run_1/events", headers={"Last-Event-ID": "run_2:1"})
        assert other.status_code == 422

        status, run = await get(page, "/v1/runs/run_1")
        assert (status, {**run, "createdAt": "", "endedAt": ""}) == (
            200,
            {
                "id": "run_1",
                "threadId": page.thread,
                "status": "finished",
                "model": "openai:scripted",
                "createdAt": "",
                "endedAt": "",
                "error": None,
                "credits": 1,
            },
        )
        assert run["createdAt"] <= run["endedAt"]
        assert kinds(events)[-1] == "RUN_FINISHED"


async def test_readers_join_anywhere_in_an_answer_here_and_in_another_process_and_miss_nothing(
    database_url: str,
) -> None:
    words = [f"w{n} " for n in range(8)]
    speaks = Speaks(*words)
    async with (
        ScriptedOpenAI([speaks]) as model,
        site(model, database_url=database_url) as here,
        site(model, database_url=database_url) as there,
        AsyncExitStack() as stack,
    ):
        page = await here.page()
        other = await here.same(page, site=there)
        body = page.input(messages=[{"id": "u", "role": "user", "content": "?"}], runId="run_1")
        first = await stack.enter_async_context(page.reading(json=body))
        late = []
        for n in range(len(words)):
            speaks.go_on()
            await first.until_said("".join(words[: n + 1]))
            known = first.ids[-1]
            for who in (page, other):
                if n in {0, 3, 7}:
                    reading = who.reading(json={}, headers={"Last-Event-ID": str(known)})
                    late.append((len(first.events), await stack.enter_async_context(reading)))
            if n == 3:
                whole_stories = [await stack.enter_async_context(who.reading(json=body)) for who in (page, other)]
                late += [(0, reading) for reading in whole_stories]
        speaks.go_on()
        whole = await first.rest()

        assert "".join(e["delta"] for e in whole if e["type"] == "TEXT_MESSAGE_CONTENT") == "".join(words)
        for missing, reading in late:
            assert (await reading.rest(), reading.ids) == (whole[missing:], first.ids[missing:])
        assert len(model.requests) == 1


async def test_an_event_id_that_the_run_has_not_reached_waits_for_its_end() -> None:
    speaks = Speaks("one ", "two")
    async with ScriptedOpenAI([speaks]) as model, site(model) as here, AsyncExitStack() as stack:
        page = await here.page()
        body = page.input(messages=[{"id": "u", "role": "user", "content": "?"}], runId="run_1")
        first = await stack.enter_async_context(page.reading(json=body))
        speaks.go_on()
        await first.until("TEXT_MESSAGE_CONTENT")
        ahead = await stack.enter_async_context(page.reading(json={}, headers={"Last-Event-ID": "run_1:6"}))
        far = await stack.enter_async_context(page.reading(json={}, headers={"Last-Event-ID": "run_1:99999"}))
        speaks.go_on(2)
        whole = await first.rest()

        assert (await ahead.rest(), await far.rest()) == (whole[-1:], [])
        over = await page.http.post(RUN, json={}, headers={"Last-Event-ID": "run_1:99999"})
        assert (over.status_code, over.content) == (200, b"")


async def test_a_reader_far_behind_reads_the_log_and_neither_loses_nor_repeats(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(feed, "KEPT", 4)
    monkeypatch.setattr(log, "PAGE", 2)
    monkeypatch.setattr(log, "INTERVAL", 0.001)
    words = [f"w{n} " for n in range(60)]
    speaks = Speaks(*words)
    async with (
        ScriptedOpenAI([speaks]) as model,
        site(model, database_url=database_url) as here,
        AsyncExitStack() as stack,
    ):
        page = await here.page()
        body = page.input(messages=[{"id": "u", "role": "user", "content": "?"}], runId="run_1")
        first = await stack.enter_async_context(page.reading(json=body))
        reader = await here.ready.copilot.follow("run_1", _principal())
        slow: list[Any] = []
        for n in range(0, 60, 6):
            speaks.go_on(6)
            await first.until_said("".join(words[: n + 6]))
            live = here.ready.copilot.events.feed(reader._run_key)
            await here.ready.copilot.events.write()
            assert live is not None
            assert len(live.events) <= 4
            if not reader.take(0) and n % 12 == 0:
                await reader.change()
            slow += reader.take(5)
        speaks.go_on(100)
        await first.rest()
        while not reader.ended:
            slow += (taken := reader.take(5))
            if not taken:
                await reader.change()
        late = story((await page.http.get("/v1/runs/run_1/events")).content)

        assert [number for number, _ in slow] == list(range(1, len(late) + 1))
        assert "".join(e.delta for _, e in slow if hasattr(e, "delta")) == "".join(words)
        assert "".join(e.get("delta", "") for _, e in late) == "".join(words)


async def test_a_client_that_leaves_does_not_stop_the_run_and_finds_the_answer_when_it_is_back() -> None:
    speaks = Speaks("one ", "two")
    async with ScriptedOpenAI([speaks]) as model, site(model) as here:
        page = await here.page()
        body = page.input(messages=[{"id": "u", "role": "user", "content": "?"}], runId="run_1")
        async with page.reading(json=body) as reading:
            speaks.go_on()
            await reading.until("TEXT_MESSAGE_CONTENT")
        assert not model.requests[0].closed.is_set()
        speaks.go_on(2)
        async with page.reading(json=body, headers={"Last-Event-ID": str(reading.ids[-1])}) as back:
            page.apply([*reading.events, *await back.rest()])

        assert page.messages[-1]["content"] == "one two"
        assert plain(await page.stored())[1:] == page.messages


async def test_while_a_thread_is_busy_another_run_is_refused_and_says_when_to_come_back() -> None:
    speaks = Speaks("one")
    async with ScriptedOpenAI([speaks, Say("Now.")]) as model, site(model) as here:
        page = await here.page()
        async with page.reading(json=page.input(messages=[_said("u1", "Hi")])) as reading:
            await reading.until("RUN_STARTED")
            busy = [
                await page.http.post(RUN, json=page.input(messages=[_said("u2", "And?")])),
                await page.http.post(CHAT, json={"message": "And?", "conversationId": page.thread}),
                await page.http.delete(f"/v1/threads/{page.thread}"),
            ]
            speaks.go_on(2)
            page.apply(await reading.rest())

        assert [(a.status_code, a.json()["error"]["code"]) for a in busy] == [(409, "thread_busy")] * 3
        assert all(int(a.headers["retry-after"]) >= 1 for a in busy)
        await page.say("And now?")
        assert told(model) == [("user", "Hi"), ("assistant", "one"), ("user", "And now?")]


async def test_queued_runs_begin_at_once_and_answer_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(engine, "QUEUE_POLL", 0.005)
    speaks = Speaks("A")
    async with (
        ScriptedOpenAI([speaks, Say("B"), Say("C")]) as model,
        site(model, database_url=database_url) as here,
        AsyncExitStack() as stack,
    ):
        page = await here.page()
        readings = []
        for n, text in enumerate("abc"):
            body = page.input(messages=[_said(f"u{n}", text)], runId=f"run_{text}", onBusy="queue")
            readings.append(await stack.enter_async_context(page.reading(json=body)))
            await readings[-1].until("RUN_STARTED")
        twice = await stack.enter_async_context(page.reading(json=body))
        states = [(await get(page, f"/v1/runs/run_{text}"))[1]["status"] for text in "abc"]
        speaks.go_on(2)
        ends = [page.apply(await reading.rest())[-1]["type"] for reading in (*readings, twice)]

        assert states == ["running", "queued", "queued"]
        assert ends == ["RUN_FINISHED"] * 4
        assert twice.events == readings[-1].events
        assert [m["content"] for m in await page.stored()] == ["a", "A", "b", "B", "c", "C"]
        assert told(model) == [("user", "a"), ("assistant", "A"), ("user", "b"), ("assistant", "B"), ("user", "c")]


async def test_the_same_queued_run_posted_many_times_at_once_runs_once(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(engine, "QUEUE_POLL", 0.005)
    speaks = Speaks("A")
    async with (
        ScriptedOpenAI([speaks, Say("B")]) as model,
        site(model, database_url=database_url) as here,
        AsyncExitStack() as stack,
    ):
        page = await here.page()
        async with page.reading(json=page.input(messages=[_said("u1", "a")])) as reading:
            await reading.until("RUN_STARTED")
            body = page.input(messages=[_said("u2", "b")], runId="run_b", onBusy="queue")
            readings = [stack.enter_async_context(page.reading(json=body)) for _ in range(6)]
            queued = await asyncio.gather(*readings)
            speaks.go_on(2)
            await reading.rest()
            stories = [await one.rest() for one in queued]

        assert stories == [stories[0]] * 6
        assert [m["content"] for m in await page.stored()] == ["a", "A", "b", "B"]


async def test_an_interrupting_message_stops_the_run_keeps_what_it_said_and_is_answered(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(engine, "QUEUE_POLL", 0.005)
    async with (
        ScriptedOpenAI([Say(chunks=["One, ", "two"], wait=asyncio.Event()), Say("Well.")]) as model,
        site(model, database_url=database_url) as here,
    ):
        page = await here.page()
        body = page.input(messages=[_said("u1", "Count")], runId="run_1")
        async with page.reading(json=body) as first:
            await first.until("TEXT_MESSAGE_CONTENT")
            second = await page.http.post(RUN, json=page.input(messages=[_said("u2", "Wait")], onBusy="interrupt"))
            page.apply(await first.rest())

        assert kinds(first.events)[-2:] == ["TEXT_MESSAGE_END", "RUN_FINISHED"]
        assert (await get(page, "/v1/runs/run_1"))[1]["status"] == "stopped"
        assert "Well." in second.text
        assert told(model) == [("user", "Count"), ("assistant", "One, "), ("user", "Wait")]
        assert [m["content"] for m in await page.stored()] == ["Count", "One, ", "Wait", "Well."]


async def _by_run(page: Page, run: str) -> Any:
    return (await page.http.post(f"/v1/runs/{run}/stop")).json()


async def _by_thread(page: Page, run: str) -> Any:
    return (await page.http.post(f"{AGENT}/stop/{page.thread}")).json()


async def _by_both(page: Page, run: str) -> Any:
    return (await page.http.post(f"{AGENT}/stop/{page.thread}", json={"runId": run})).json()


@pytest.mark.parametrize("stop", [_by_run, _by_thread, _by_both])
async def test_a_stop_in_the_middle_of_a_text_keeps_it_and_hangs_up_on_the_model(
    stop: Callable[[Page, str], Awaitable[Any]],
) -> None:
    script = [Say(chunks=["One, ", "two"], wait=asyncio.Event()), Say("Yes.")]
    async with ScriptedOpenAI(script) as model, site(model) as here:
        page = await here.page()
        page.messages.append(_said("u1", "Count"))
        async with page.reading(json=page.input(runId="run_1")) as reading:
            await reading.until("TEXT_MESSAGE_CONTENT")
            wrong = await page.http.post(f"{AGENT}/stop/{page.thread}", json={"runId": "run_0"})
            assert wrong.json()["stopped"] is False
            assert await stop(page, "run_1") == {"stopped": True}
            page.apply(await reading.rest())
        await model.requests[0].closed.wait()

        assert kinds(reading.events)[-2:] == ["TEXT_MESSAGE_END", "RUN_FINISHED"]
        assert (await get(page, "/v1/runs/run_1"))[1]["status"] == "stopped"
        assert (await stop(page, "run_1"))["stopped"] is False
        assert plain(await page.stored()) == page.messages
        await page.say("Still there?")
        assert told(model) == [("user", "Count"), ("assistant", "One, "), ("user", "Still there?")]


async def test_a_stop_in_half_a_call_drops_the_call_and_the_page_and_the_model_agree_afterwards() -> None:
    spoken = {"content": "Let me "}
    for before, kept in (((half_call("addTask", '{"ti'),), []), ((spoken, half_call("addTask", "{")), ["Let me "])):
        half = Hangs(*before)
        async with ScriptedOpenAI([half, Say("Yes.")]) as model, site(model) as here:
            page = await here.page()
            page.messages.append(_said("u1", "Add"))
            async with page.reading(json=page.input(runId="run_1")) as reading:
                await reading.until("TOOL_CALL_ARGS")
                await _by_run(page, "run_1")
                page.apply(await reading.rest())
            assert [m["content"] for m in await page.stored()] == ["Add", *kept]
            await page.say("Still there?")

            assert [text for _, text in told(model)] == ["Add", *kept, "Still there?"]
            assert here.board.done == []


@pytest.mark.parametrize("stop", [_by_run, _by_thread])
async def test_a_stop_in_an_action_keeps_the_results_that_are_there(
    stop: Callable[[Page, str], Awaitable[Any]], database_url: str
) -> None:
    calls = [Call("addTask", {"title": "x"}), Call("waitLong")]
    async with (
        ScriptedOpenAI([Say("Both.", calls=calls), Say("Yes.")]) as model,
        site(model, database_url=database_url) as here,
    ):
        page = await here.page()
        page.messages.append(_said("u1", "Do both"))
        async with page.reading(json=page.input(runId="run_1")) as reading:
            await reading.until("TOOL_CALL_RESULT", toolCallId="call_0_0")
            await here.board.begun.wait()
            assert await stop(page, "run_1") == {"stopped": True}
            page.apply(await reading.rest())
        await page.say("Still there?")

        results = {m["toolCallId"]: m["content"] for m in plain(page.messages) if m["role"] == "tool"}
        assert results["call_0_0"] == {"success": True, "data": "x"}
        assert results["call_0_1"]["error"] == "cancelled"
        history = [content for role, content in told(model) if role == "tool"]
        assert history == [{"success": True, "data": "x"}, CANCELLED]
        assert here.board.done == ["x"]


async def test_a_stop_while_a_run_is_queued_ends_that_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "QUEUE_POLL", 0.005)
    speaks = Speaks("A")
    async with ScriptedOpenAI([speaks, Say("C")]) as model, site(model) as here, AsyncExitStack() as stack:
        page = await here.page()
        bodies = [page.input(messages=[_said(n, n)], runId=f"run_{n}", onBusy="queue") for n in "ab"]
        first, second = [await stack.enter_async_context(page.reading(json=body)) for body in bodies]
        await second.until("RUN_STARTED")
        assert await _by_both(page, "run_b") == {"stopped": True}
        assert kinds(page.apply(await second.rest())) == ["RUN_STARTED", "RUN_FINISHED"]
        speaks.go_on(2)
        page.apply(await first.rest())

        assert (await get(page, "/v1/runs/run_b"))[1]["status"] == "stopped"
        await page.say("c")
        assert [text for _, text in told(model)][:2] == ["a", "A"]
        assert [text for _, text in told(model)][-1] == "c"


async def test_another_process_follows_and_stops_a_run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        ScriptedOpenAI([Say(chunks=["One, ", "two"], wait=asyncio.Event()), Say("Yes.")]) as model,
        site(model, database_url=database_url) as here,
        site(model, database_url=database_url) as there,
    ):
        page = await here.page()
        other = await here.same(page, site=there)
        page.messages.append(_said("u1", "Count"))
        async with page.reading(json=page.input(runId="run_1")) as reading:
            await reading.until("TEXT_MESSAGE_CONTENT")
            async with other.reading("/v1/runs/run_1/events", method="GET") as far:
                await far.until("TextDelta")
                busy = await other.http.post(RUN, json=other.input(messages=[_said("u2", "x")]))
                assert busy.status_code == 409
                assert await _by_both(other, "run_1") == {"stopped": True}
                await far.rest()
            page.apply(await reading.rest())

        assert (far.events[-1]["type"], far.events[-1]["stopped"]) == ("RunFinished", True)
        await other.connect()
        assert plain(other.messages) == page.messages == plain(await page.stored())
        await other.say("Still there?")
        assert told(model) == [("user", "Count"), ("assistant", "One, "), ("user", "Still there?")]


async def test_a_stop_that_comes_when_the_run_just_ends_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedOpenAI([Say("Hello."), Say("Yes.")]) as model, site(model) as here:
        page = await here.page()
        runs = here.ready.copilot.runs
        ending, go_on, end = asyncio.Event(), asyncio.Event(), runs.end

        async def slowly(*given: Any, **named: Any) -> Any:
            ending.set()
            await go_on.wait()
            return await end(*given, **named)

        monkeypatch.setattr(runs, "end", slowly)
        page.messages.append(_said("u1", "Hi"))
        async with page.reading(json=page.input(runId="run_1")) as reading:
            await ending.wait()
            assert (await _by_run(page, "run_1"))["stopped"] is False
            again = await here.same(page)
            connecting = asyncio.create_task(again.connect())
            go_on.set()
            page.apply(await reading.rest())
            await connecting
        monkeypatch.undo()

        assert (await get(page, "/v1/runs/run_1"))[1]["status"] == "finished"
        assert again.messages == page.messages
        await page.say("And?")
        assert page.messages[-1]["content"] == "Yes."


async def test_a_model_that_breaks_off_ends_in_an_error_keeps_what_it_said_and_the_thread_goes_on() -> None:
    async with ScriptedOpenAI([Cut("One, "), Say("Yes.")]) as model, site(model) as here:
        page = await here.page()
        broken = await page.say("Count", runId="run_1")

        assert kinds(broken)[1:] == [
            "TEXT_MESSAGE_START",
            "TEXT_MESSAGE_CONTENT",
            "TEXT_MESSAGE_END",
            "RUN_ERROR",
        ]
        status, run = await get(page, "/v1/runs/run_1")
        assert (status, run["status"], run["error"]) == (200, "failed", broken[-1]["code"])
        assert plain(await page.stored()) == page.messages
        await page.say("Again")
        assert [text for _, text in told(model)] == ["Count", "One, ", "Again"]


async def test_a_run_whose_process_died_before_it_began_is_answered_with_all_that_the_page_had_sent(
    database_url: str,
) -> None:
    async with (
        ScriptedOpenAI([Say("One."), Say("Two.")]) as model,
        site(model, database_url=database_url) as here,
    ):
        page = await here.page()
        await page.say("First")
        page.messages.append(_said("u2", "Second"))
        await _orphan(here, page.input(runId="run_2"))
        await here.ready.copilot._beat()
        async with page.reading(json=page.input(runId="run_2")) as reading:
            page.apply(await reading.rest())

        assert [text for _, text in told(model)] == ["First", "One.", "Second"]
        assert [m["content"] for m in await page.stored()] == ["First", "One.", "Second", "Two."]
        assert plain(page.messages) == plain(await page.stored())


async def _orphan(here: Site, body: Json) -> None:
    """A run that a process accepted and died."""
    runs = here.ready.copilot.runs
    begun = await runs.begin(_principal(), decode_object(body), "openai:scripted")
    runs._ours.discard(begun.run_key)
    long_ago = update(Run).where(col(Run.key) == begun.run_key).values(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
    async with here.ready.database.session(write=True) as session:
        await session.exec(long_ago)


async def test_a_yes_counts_although_a_run_that_was_queued_behind_the_question_was_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "QUEUE_POLL", 0.005)
    go_on = asyncio.Event()

    class Asks:
        async def play(self, exchange: Exchange) -> None:
            await go_on.wait()
            await Call("deleteTasks").play(exchange)

    async with ScriptedOpenAI([Asks(), Say("Gone.")]) as model, site(model) as here, AsyncExitStack() as stack:
        page = await here.page()
        first = await stack.enter_async_context(page.reading(CHAT, json={"message": "Delete", "conversationId": None}))
        page.thread = (await first.until("start"))["conversationId"]
        queued = {"message": "And?", "conversationId": page.thread, "onBusy": "queue", "runId": "run_2"}
        second = await stack.enter_async_context(page.reading(CHAT, json=queued))
        await second.until("start")
        await _by_run(page, "run_2")
        await second.rest()
        go_on.set()
        await first.rest()
        await page.http.post(CHAT, json={"message": "Yes", "conversationId": page.thread})

        assert here.board.deleted == 1
        assert told(model)[-1] == ("tool", {"success": True, "data": "deleted"})


def _said(own_id: str, text: str) -> Json:
    return {"id": own_id, "role": "user", "content": text}


def _principal() -> Principal:
    return Principal("dana", "acme", Role.ADMIN)
