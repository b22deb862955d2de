"""`POST /api/copilot/chat` over real HTTP: the seed's six events."""

import asyncio
import json

import pytest

from copilot_core import Role
from copilot_core.testing import call

from .conftest import Talk, events, said


@pytest.mark.seed("S87")
@pytest.mark.seed("S88")
@pytest.mark.seed("S91")
@pytest.mark.seed("S92")
@pytest.mark.seed("S93")
@pytest.mark.seed("S95")
@pytest.mark.seed("S48")
async def test_a_turn_is_start_tool_use_tokens_sources_done(talk: Talk) -> None:
    async with talk(script=[call("createTask", title="Review Q4 Report"), "Created it."]) as client:
        stream = await client.ask("Create a task called Review Q4 Report")

        conversation = stream[0]["conversationId"]
        assert stream == [
            {"type": "start", "conversationId": conversation},
            {"type": "tool_use", "tool": "createTask", "toolStatus": "calling"},
            {"type": "tool_use", "tool": "createTask", "toolStatus": "done"},
            {"type": "token", "content": "Created "},
            {"type": "token", "content": "it."},
            {"type": "sources", "sources": [{"type": "Create Task", "label": "Create Task"}]},
            {"type": "done"},
        ]
        assert await client.tasks() == [("Review Q4 Report", "dana")]


@pytest.mark.seed("S7")
@pytest.mark.seed("S90")
async def test_frames_are_lf_only_one_line_and_ascii_and_no_proxy_may_hold_them(talk: Talk) -> None:
    async with talk(script=["Größe \u2028 \n\n data: ☃"]) as client:
        answer = await client.http.post("/api/copilot/chat", json={"message": "hi", "conversationId": None})

        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-cache", "no")
        assert b"\r" not in answer.content
        assert answer.content.isascii()
        assert said(events(answer.content)) == "Größe \u2028 \n\n data: ☃"


@pytest.mark.seed("S18")
@pytest.mark.seed("S88")
async def test_a_conversation_id_continues_with_the_whole_history(talk: Talk) -> None:
    async with talk(script=["Hello Dana.", "You are Dana."]) as client:
        first = await client.ask("I am Dana")
        second = await client.ask("Who am I?", first[0]["conversationId"])

        assert second[0] == first[0]
        model = client.ready.copilot.engine.models.get(None)
        assert [m.text for m in model.asked[1][1:]] == ["I am Dana", "Hello Dana.", "Who am I?"]


@pytest.mark.seed("S94")
async def test_the_tokens_together_are_the_stored_answer(talk: Talk) -> None:
    async with talk(script=[call("listIncidents"), "Payments are down, as of now."]) as client:
        stream = await client.ask("What is broken?")

        thread = (await client.http.get(f"/v1/threads/{stream[0]['conversationId']}/messages")).json()
        assert [(m["role"], m["content"]) for m in thread["messages"] if m["role"] != "tool"] == [
            ("user", "What is broken?"),
            ("assistant", ""),
            ("assistant", said(stream)),
        ]


@pytest.mark.seed("S95")
async def test_each_source_is_listed_once_in_order_of_use_and_silent_actions_are_none(talk: Talk) -> None:
    script = [
        [call("listIncidents", severity="high"), call("watch")],
        [call("listIncidents", severity="low"), call("createTask", title="Call")],
        "Done.",
    ]
    async with talk(script=script) as client:
        stream = await client.ask("What is broken? Also make a task: call.")

        assert [e["sources"] for e in stream if e["type"] == "sources"] == [
            [{"type": "List Incidents", "label": "List Incidents"}, {"type": "Create Task", "label": "Create Task"}]
        ]


@pytest.mark.seed("S100")
@pytest.mark.seed("S96")
async def test_a_viewers_write_ends_in_an_error_event_and_nothing_is_written(talk: Talk) -> None:
    async with talk(script=[[call("createTask", title="x"), call("listIncidents")]], role=Role.VIEWER) as client:
        stream = await client.ask("Create a task called x")

        assert stream[1:] == [
            {"type": "tool_use", "tool": "createTask", "toolStatus": "calling"},
            {"type": "tool_use", "tool": "listIncidents", "toolStatus": "calling"},
            {"type": "tool_use", "tool": "createTask", "toolStatus": "error"},
            {"type": "tool_use", "tool": "listIncidents", "toolStatus": "error"},
            {"type": "error", "error": "Your role (viewer) is read-only; Create Task needs write access."},
        ]
        assert await client.tasks() == []


async def test_after_a_refusal_the_viewer_can_go_on_reading(talk: Talk) -> None:
    script = [call("createTask", title="x"), call("listIncidents"), "Payments are down."]
    async with talk(script=script, role=Role.VIEWER) as client:
        refused = await client.ask("Create a task called x")
        stream = await client.ask("What is broken?", refused[0]["conversationId"])

        assert said(stream) == "Payments are down."


@pytest.mark.seed("S99")
@pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER, Role.CONTRIBUTOR])
async def test_admins_members_and_contributors_write(talk: Talk, role: Role) -> None:
    async with talk(script=[call("createTask", title="x"), "Done."], role=role) as client:
        await client.ask("Create a task called x")

        assert await client.tasks() == [("x", "dana")]


@pytest.mark.seed("S53")
async def test_the_model_reads_what_was_wrong_and_may_correct_it(talk: Talk) -> None:
    script = [call("createTask", title=5), call("createTask", title="five"), "Done."]
    async with talk(script=script) as client:
        stream = await client.ask("Create a task called five")

        statuses = [e["toolStatus"] for e in stream if e["type"] == "tool_use"]
        assert statuses == ["calling", "error", "calling", "done"]
        told = json.loads(client.ready.copilot.engine.models.get(None).asked[1][-1].text)
        assert told == {
            "success": False,
            "error": "validation_error",
            "message": "The 'title' field is wrong: Input should be a valid string",
            "details": {"title": "The 'title' field is wrong: Input should be a valid string"},
        }


@pytest.mark.seed("S52")
@pytest.mark.parametrize("title", ["crash", "leave"])
async def test_an_action_that_breaks_is_told_by_an_id_and_rolled_back(talk: Talk, title: str) -> None:
    async with talk(script=[call("createTask", title=title), "Sorry."]) as client:
        stream = await client.ask("Create a task")

        assert said(stream) == "Sorry."
        told = json.loads(client.ready.copilot.engine.models.get(None).asked[1][-1].text)
        assert told["error"] == "internal_error"
        assert told["message"].startswith("Create Task failed unexpectedly (error id ")
        assert "secret" not in json.dumps(stream) + json.dumps(told)
        assert await client.tasks() == []


@pytest.mark.seed("S51")
async def test_an_action_may_refuse_in_its_own_words_and_its_transaction_is_rolled_back(talk: Talk) -> None:
    async with talk(script=[call("createTask", title="refuse"), "Sorry."]) as client:
        await client.ask("Create a task called refuse")

        told = json.loads(client.ready.copilot.engine.models.get(None).asked[1][-1].text)
        assert told == {"success": False, "error": "conflict", "message": "Tasks cannot be called that."}
        assert await client.tasks() == []


@pytest.mark.seed("S98")
async def test_after_ten_rounds_there_is_a_final_answer_even_if_the_model_wants_an_eleventh(talk: Talk) -> None:
    async with talk(script=[call("listIncidents")] * 11) as client:
        stream = await client.ask("Look again and again")

        assert [e["type"] for e in stream].count("tool_use") == 20
        assert said(stream) == "I stopped here: this took more steps than I may take for one answer. Ask me to go on."
        assert stream[-1] == {"type": "done"}


async def test_parallel_calls_run_side_by_side(talk: Talk) -> None:
    calls = [call("createTask", title=f"t{n}") for n in range(5)]
    async with talk(script=[calls, "Done."]) as client:
        await client.ask("Create five tasks")

        assert sorted(title for title, _ in await client.tasks()) == ["t0", "t1", "t2", "t3", "t4"]


async def test_a_delete_waits_for_a_plain_yes(talk: Talk) -> None:
    script = [call("createTask", title="x"), "Made.", call("deleteTasks"), "All gone."]
    async with talk(script=script, role=Role.ADMIN) as client:
        conversation = (await client.ask("Create x"))[0]["conversationId"]

        asked = await client.ask("Delete all tasks", conversation)
        before = await client.tasks()
        answered = await client.ask("Yes.", conversation)

        assert said(asked) == (
            "This needs your approval:\n"
            "- Delete Tasks (it deletes data): {} This cannot be undone.\n"
            "Answer yes to go ahead, or no."
        )
        assert (before, await client.tasks()) == ([("x", "dana")], [])
        assert [e for e in answered if e["type"] == "tool_use"] == [
            {"type": "tool_use", "tool": "deleteTasks", "toolStatus": "calling"},
            {"type": "tool_use", "tool": "deleteTasks", "toolStatus": "done"},
        ]
        assert said(answered) == "All gone."


@pytest.mark.parametrize("answer", ["no", "What is broken?"])
async def test_anything_but_yes_is_a_no(talk: Talk, answer: str) -> None:
    async with talk(script=[call("deleteTasks"), "Then not."], role=Role.ADMIN) as client:
        conversation = (await client.ask("Delete all tasks"))[0]["conversationId"]
        stream = await client.ask(answer, conversation)

        assert said(stream) == "Then not."
        history = client.ready.copilot.engine.models.get(None).asked[-1]
        told = next(json.loads(m.text) for m in history if m.type == "tool")
        assert told["error"] == "declined"
        assert [m.type for m in history] == ["system", "human", "ai", "tool", *["human"] * (answer != "no")]


async def test_the_first_event_leaves_before_the_model_has_answered(talk: Talk) -> None:
    async with talk(script=["Hello."]) as client:
        asked, answer = asyncio.Event(), asyncio.Event()
        model = client.ready.copilot.engine.models.get(None)
        original = model._agenerate

        async def wait(*args: object, **kwargs: object) -> object:
            asked.set()
            await answer.wait()
            return await original(*args, **kwargs)

        object.__setattr__(model, "_agenerate", wait)
        body = {"message": "hi", "conversationId": None}
        async with client.http.stream("POST", "/api/copilot/chat", json=body) as stream:
            chunks = stream.aiter_raw()
            first = await anext(chunks)
            await asked.wait()
            answer.set()
            rest = b"".join([chunk async for chunk in chunks])

        assert [e["type"] for e in events(first)] == ["start"]
        assert [e["type"] for e in events(rest)] == ["token", "done"]
