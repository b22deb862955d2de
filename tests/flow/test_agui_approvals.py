"""A person's yes or no on `/v1/copilot`, as CopilotKit asks for it and old and new clients answer."""

import asyncio
from typing import Any

import pytest

from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI

from .page import AGENT, RUN, Json, Page, kinds, plain, read_by, site, told

pytestmark = pytest.mark.proof

TEXT = ["TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"]
DECLINED = {"success": False, "error": "declined", "message": "The user did not approve this. It was not done."}
UNANSWERED = {"success": False, "error": "declined", "message": "The user went on without this. It was not done."}


def answer(page: Page, payload: Any = True, *, status: str = "resolved", interrupt: str | None = None) -> list[Json]:
    """What the stock client sends when somebody clicked."""
    return [{"interruptId": interrupt or page.interrupts[0]["id"], "status": status, "payload": payload}]


async def test_a_delete_ends_the_run_with_an_interrupt_and_the_old_event_and_a_yes_under_the_same_run_id_goes_on() -> (
    None
):
    async with ScriptedOpenAI([Call("deleteTasks"), Say("Gone.")]) as model, site(model) as here:
        page = await here.page()
        asked = await page.say("Delete all", runId="run_1")

        assert kinds(asked) == [
            "RUN_STARTED",
            *("TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END"),
            "CUSTOM",
            "RUN_FINISHED",
        ]
        (interrupt,) = page.interrupts
        assert (asked[-2]["name"], asked[-2]["value"]["id"]) == ("on_interrupt", interrupt["id"])
        assert interrupt["message"] == asked[-2]["value"]["message"]
        (call,) = interrupt["metadata"]["calls"]
        assert (call["callId"], call["action"], call["arguments"]) == ("call_0_0", "deleteTasks", {})
        assert (here.board.deleted, len(model.requests)) == (0, 1)

        done = await page.run(runId="run_1", resume=answer(page, {"approved": True}))
        calls = ["TOOL_CALL_START", "TOOL_CALL_END", "TOOL_CALL_RESULT"]
        assert [kind for kind in kinds(done) if kind != "CUSTOM"] == ["RUN_STARTED", *calls, *TEXT, "RUN_FINISHED"]
        assert (done[0]["runId"], page.interrupts, here.board.deleted) == ("run_1", [], 1)
        assert told(model)[-1] == ("tool", {"success": True, "data": "deleted"})
        assert plain(page.messages) == plain(await page.stored())


@pytest.mark.parametrize(
    ("payload", "status", "effects"),
    [
        (True, "resolved", 1),
        ("yes", "resolved", 1),
        ('{"approved": true}', "resolved", 1),
        ({"decision": "approve"}, "resolved", 1),
        (False, "resolved", 0),
        ({"approved": False}, "resolved", 0),
        ("no", "resolved", 0),
        ({"approved": True}, "cancelled", 0),
        (None, "cancelled", 0),
    ],
)
async def test_every_form_of_yes_and_no_under_a_new_run_id_counts_once(payload: Any, status: str, effects: int) -> None:
    async with ScriptedOpenAI([Call("deleteTasks"), Say("Well.")]) as model, site(model) as here:
        page = await here.page()
        await page.say("Delete all")
        await page.run(resume=answer(page, payload, status=status))

        result = {"success": True, "data": "deleted"} if effects else DECLINED
        assert (here.board.deleted, told(model)[-1]) == (effects, ("tool", result))
        assert page.messages[-1]["content"] == "Well."
        assert plain(page.messages) == plain(await page.stored())


@pytest.mark.parametrize("named", [True, False])
async def test_clients_before_1_60_answer_in_their_own_way(named: bool) -> None:
    async with ScriptedOpenAI([Call("deleteTasks"), Say("Gone.")]) as model, site(model) as here:
        page = await here.page()
        asked = await page.say("Delete all")
        command: Json = {"resume": {"approved": True}}
        if named:
            command["interruptEvent"] = asked[-2]["value"]
        await page.run(forwardedProps={"command": command})

        assert (here.board.deleted, page.messages[-1]["content"]) == (1, "Gone.")


@pytest.mark.parametrize("payload", [None, {"comment": "hm"}, "perhaps", 1, []])
async def test_what_is_neither_yes_nor_no_is_refused_and_the_question_stays_open(payload: Any) -> None:
    async with ScriptedOpenAI([Call("deleteTasks"), Say("Gone.")]) as model, site(model) as here:
        page = await here.page()
        await page.say("Delete all")
        asked = page.interrupts
        refused = await page.run(resume=answer(page, payload))

        assert [(e["type"], e.get("code")) for e in refused] == [
            ("RUN_STARTED", None),
            ("RUN_ERROR", "validation_error"),
        ]
        await page.connect()
        assert (page.interrupts, here.board.deleted) == (asked, 0)
        await page.run(resume=answer(page))
        assert (here.board.deleted, page.messages[-1]["content"]) == (1, "Gone.")


async def test_an_answer_to_a_question_that_is_not_open_is_a_conflict_and_the_thread_stays_usable() -> None:
    async with ScriptedOpenAI([Call("deleteTasks"), Say("Gone."), Say("Yes?")]) as model, site(model) as here:
        page, stranger = await here.page(), await here.page(user="sam")
        conflict = [("RUN_STARTED", None), ("RUN_ERROR", "approval_conflict")]

        async def code(who: Page, interrupt: str, **members: Any) -> list[tuple[str, str | None]]:
            events = await who.run(resume=answer(page, interrupt=interrupt), **members)
            return [(event["type"], event.get("code")) for event in events]

        assert await code(page, "nothing") == conflict
        await page.say("Delete all", runId="run_1")
        asked = page.interrupts[0]["id"]
        assert await code(page, "nothing") == conflict
        assert await code(page, "nothing", runId="run_1") == conflict
        assert await code(stranger, asked) == conflict
        assert here.board.deleted == 0
        await page.connect()
        await page.run(resume=answer(page))
        assert await code(page, asked) == conflict
        assert (here.board.deleted, len(model.requests)) == (1, 2)
        await page.say("Still there?")
        assert page.messages[-1]["content"] == "Yes?"


async def test_a_question_outlives_a_reload_and_a_restart(database_url: str) -> None:
    async with ScriptedOpenAI([Call("deleteTasks"), Say("Gone.")]) as model:
        async with site(model, database_url=database_url) as here:
            page = await here.page()
            asked = await page.say("Delete all")
            interrupts = page.interrupts
            reloaded = await here.same(page)
            events = await reloaded.connect()
            assert kinds(events) == ["RUN_STARTED", "MESSAGES_SNAPSHOT", "CUSTOM", "RUN_FINISHED"]
            assert (events[-2], events[-1]["outcome"]) == (asked[-2], asked[-1]["outcome"])
        async with site(model, database_url=database_url) as here:
            restarted = await here.same(page)
            await restarted.connect()
            assert restarted.interrupts == interrupts
            assert plain(restarted.messages) == plain(page.messages)
            await restarted.run(resume=answer(restarted))

            assert (here.board.deleted, restarted.messages[-1]["content"]) == (1, "Gone.")
            assert plain(restarted.messages) == plain(await restarted.stored())


@pytest.mark.parametrize("same_run", [True, False])
async def test_a_double_click_has_one_effect(database_url: str, same_run: bool) -> None:
    async with (
        ScriptedOpenAI([Call("deleteTasks"), Say("Gone.")]) as model,
        site(model, database_url=database_url) as here,
        site(model, database_url=database_url) as there,
    ):
        page = await here.page()
        await page.say("Delete all", runId="run_1")
        other = await here.same(page, site=there)
        body = page.input(resume=answer(page), runId="run_1")
        bodies = [body if same_run else page.input(resume=answer(page)) for _ in range(6)]
        clicks = [p.http.post(RUN, json=body) for p, body in zip((page, other) * 3, bodies, strict=True)]
        answers = await asyncio.gather(*clicks)

        assert here.board.deleted + there.board.deleted == 1
        assert len(model.requests) == 2
        told_done = [a for a in answers if "Gone." in a.text]
        if same_run:
            assert len({a.text for a in answers}) == 1
        else:
            assert len(told_done) == 1
            assert all(a.status_code == 409 or "approval_conflict" in a.text for a in answers if a not in told_done)
        await page.connect()
        assert (page.interrupts, page.messages[-1]["content"]) == ([], "Gone.")


async def test_who_types_on_declines_and_the_model_is_told() -> None:
    async with ScriptedOpenAI([Call("deleteTasks"), Say("Then not.")]) as model, site(model) as here:
        page = await here.page()
        await page.say("Delete all")
        await page.say("What would be deleted?")

        assert here.board.deleted == 0
        assert told(model)[-2:] == [("tool", UNANSWERED), ("user", "What would be deleted?")]
        again = await here.same(page)
        await again.connect()
        assert again.interrupts == []


async def test_a_yes_that_was_said_before_the_question_is_no_answer_to_it() -> None:
    script = [Say("Shall I?"), Call("deleteTasks"), Call("deleteTasks"), Say("Gone.")]
    async with ScriptedOpenAI(script) as model, site(model) as here:
        page = await here.page()
        await page.say("Clean up")
        await page.say("Yes")
        asked = page.interrupts
        result = {"id": "t1", "role": "tool", "toolCallId": "call_9", "content": "{}"}
        await page.run(messages=[*page.messages, result])
        assert (here.board.deleted, page.interrupts) == (0, asked)

        await page.run(messages=page.messages[:3])  # answered anew: this is another question
        assert (here.board.deleted, page.interrupts == asked, len(page.interrupts)) == (0, False, 1)
        await page.say("Yes")
        assert (here.board.deleted, page.messages[-1]["content"]) == (1, "Gone.")


async def test_there_is_nothing_to_stop_while_a_person_is_asked_and_the_question_stays() -> None:
    async with ScriptedOpenAI([Call("deleteTasks"), Say("Gone.")]) as model, site(model) as here:
        page = await here.page()
        asked = await page.say("Delete all")
        stopped = await page.http.post(f"{AGENT}/stop/{page.thread}", json={"runId": asked[0]["runId"]})

        assert stopped.json() == {"stopped": False, "message": "The run has ended already."}
        await page.run(resume=answer(page))
        assert here.board.deleted == 1


async def test_who_opens_the_thread_while_an_approved_call_is_carried_out_sees_it_once(database_url: str) -> None:
    script = [Say("I will.", calls=[Call("deleteSlowly")]), Say("Gone.")]
    async with (
        ScriptedOpenAI(script) as model,
        site(model, database_url=database_url) as here,
        site(model, database_url=database_url) as there,
    ):
        page = await here.page()
        await page.say("Delete all")
        async with page.reading(json=page.input(resume=answer(page))) as reading:
            await here.board.begun.wait()
            late = [await here.same(page), await here.same(page, site=there)]
            opened = [asyncio.create_task(one.connect()) for one in late]
            snapshots = [await one.stored() for one in late]
            here.board.go_on.set()
            page.apply(await reading.rest())
            await asyncio.gather(*opened)

        assert [plain(snapshot) for snapshot in snapshots] == [plain(page.messages[:2])] * 2
        for one in late:
            assert plain(one.messages) == plain(page.messages) == plain(await page.stored())


async def test_a_round_is_asked_about_as_a_whole_and_runs_as_a_whole() -> None:
    calls = [Call("addTask", {"title": "x"}), Call("deleteTasks"), Call("confetti"), Call("listTasks")]
    script = [Say("I will.", calls=calls), Say("Done.")]
    async with ScriptedOpenAI(script) as model, site(model) as here:
        page = await here.page()
        offered = [{"name": "confetti", "description": "Throw confetti", "parameters": {}}]
        await page.say("Clean up", tools=offered)

        assert (here.board.done, [c["callId"] for c in page.interrupts[0]["metadata"]["calls"]]) == ([], ["call_0_1"])
        await page.run(tools=offered, resume=answer(page))
        assert [content.get("error") for role, content in told(model) if role == "tool"] == [
            None,
            None,
            "not_run",
            None,
        ]
        assert read_by(model)[1]["content"] == "I will."
        assert (here.board.deleted, page.messages[-1]["content"]) == (1, "Done.")
        assert _by_id(page.messages) == _by_id(await page.stored())


def _by_id(messages: list[Json]) -> dict[str, Json]:
    return {message["id"]: message for message in plain(messages)}
