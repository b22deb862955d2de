"""`POST /v1/copilot` and the CopilotKit runtime on the same mount, over real HTTP."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from copilot_core.fastapi.copilotkit import INFO
from copilot_core.graph.turn import Turn
from copilot_core.testing.openai_server import Call, Cut, Say, ScriptedOpenAI

from .page import (
    AGENT,
    ORIGIN,
    RUN,
    SECRET,
    Json,
    kinds,
    list_tasks,
    plain,
    read_by,
    site,
    told,
)

USER = {"role": "user", "content": "Create a task for this project"}
SPOKEN = ["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END", "RUN_FINISHED"]


@pytest.mark.seed("S1")
@pytest.mark.seed("S4")
@pytest.mark.seed("S9")
async def test_the_seeds_body_is_answered_as_a_stream_with_the_call_its_arguments_and_its_result() -> None:
    script = [Call("addTask", {"title": "Plan"}), Say("Done it.")]
    async with ScriptedOpenAI(script) as model, site(model) as here:
        page = await here.page()
        async with page.reading(json={"messages": [USER]}) as reading:
            events = page.apply(await reading.rest())
        metrics = (await page.http.get("/metrics")).text

    counted = [line.split()[-1] for line in metrics.splitlines() if line.startswith("copilot_model_tokens_total{")]
    assert counted == ["20.0", "10.0"]
    thread, run = events[0]["threadId"], events[0]["runId"]
    asked, answered = (message["id"] for message in page.messages if message["role"] == "assistant")
    assert thread
    assert [e for e in events if e["type"] not in {"TOOL_CALL_ARGS", "TEXT_MESSAGE_CONTENT", "CUSTOM"}] == [
        {"type": "RUN_STARTED", "threadId": thread, "runId": run},
        {"type": "TOOL_CALL_START", "toolCallId": "call_0_0", "toolCallName": "addTask", "parentMessageId": asked},
        {"type": "TOOL_CALL_END", "toolCallId": "call_0_0"},
        {
            "type": "TOOL_CALL_RESULT",
            "messageId": f"{asked}.call_0_0",
            "toolCallId": "call_0_0",
            "role": "tool",
            "content": '{"success": true, "data": "Plan"}',
        },
        {"type": "TEXT_MESSAGE_START", "messageId": answered, "role": "assistant"},
        {"type": "TEXT_MESSAGE_END", "messageId": answered},
        {
            "type": "RUN_FINISHED",
            "threadId": thread,
            "runId": run,
            "metadata": {"credits": 1},
            "usage": [{"model": "openai:scripted", "inputTokens": 20, "outputTokens": 10, "totalTokens": 30}],
        },
    ]
    function = {"name": "addTask", "arguments": '{"title": "Plan"}'}
    assert page.messages[0]["toolCalls"] == [{"id": "call_0_0", "type": "function", "function": function}]
    assert page.messages[-1]["content"] == "Done it."


@pytest.mark.seed("S3")
async def test_anything_but_messages_with_role_and_text_is_422_and_names_field_and_index() -> None:
    wrong: list[tuple[Json, str]] = [
        ({}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [USER, "hi"]}, "messages[1]"),
        ({"messages": [USER, {"role": "user", "content": 5}]}, "messages[1].content"),
        ({"messages": [USER, {"role": "user"}]}, "messages[1].content"),
        ({"messages": [{"role": "system", "content": None}]}, "messages[0].content"),
        ({"messages": [USER, USER, {"role": "robot", "content": "x"}]}, "messages[2].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].toolCallId"),
        ({"messages": [{**USER, "id": 5}]}, "messages[0].id"),
        ({"messages": [{"role": "user", "content": [{"type": "video", "source": {}}]}]}, "messages[0].content[0]"),
        ({"messages": [USER], "threadId": ""}, "threadId"),
        ({"messages": [USER], "threadId": "a\nb"}, "threadId"),
        ({"messages": [USER], "runId": "x" * 201}, "runId"),
        ({"messages": [USER], "tools": [{"name": "a b"}]}, "tools[0].name"),
        ({"messages": [USER], "tools": [{"name": "a", "parameters": {"type": "string"}}]}, "tools[0].parameters"),
        ({"messages": [USER], "context": [{"value": "x"}]}, "context[0].description"),
        ({"messages": [USER], "resume": [{"interruptId": "x", "status": "maybe"}]}, "resume[0].status"),
        ({"messages": [USER], "onBusy": "wait"}, "onBusy"),
    ]
    async with site() as here:
        page = await here.page()
        answers = [await page.http.post(RUN, json=body) for body, _ in wrong]

        assert {answer.status_code for answer in answers} == {422}
        assert [(a.json()["error"]["code"], a.json()["error"]["details"]["field"]) for a in answers] == [
            ("validation_error", field) for _, field in wrong
        ]
        assert all(a.json()["message"] == a.json()["error"]["message"] for a in answers)
        assert all(f"'{field}'" in a.json()["message"] for a, (_, field) in zip(answers, wrong, strict=True))
        assert (await page.http.get("/v1/threads")).json() == {"threads": [], "nextCursor": None}


@pytest.mark.seed("S4")
async def test_with_a_thread_the_stored_history_is_read_and_not_only_what_was_posted() -> None:
    async with ScriptedOpenAI([Say("Hello Dana."), Say("Dana.")]) as model, site(model) as here:
        page = await here.page()
        for text in ("I am Dana", "Who am I?"):
            async with page.reading(json={"threadId": "t", "messages": [{"role": "user", "content": text}]}) as reading:
                await reading.rest()

        assert told(model) == [("user", "I am Dana"), ("assistant", "Hello Dana."), ("user", "Who am I?")]


@pytest.mark.seed("S5")
@pytest.mark.seed("S6")
async def test_thread_and_run_ids_may_have_any_form_and_are_echoed() -> None:
    ids = ["thread_abc123", "x" * 200, "7", "a b:c", "Größe ☃", "50%/100%?a=b&c#d", "\\'\"<>"]
    async with ScriptedOpenAI([Say("Yes.")] * len(ids)) as model, site(model) as here:
        user = await here.page()
        for own_id in ids:
            page = await here.same(user)
            page.thread = own_id
            events = await page.say("Hi", runId=own_id)
            assert [(e["threadId"], e["runId"]) for e in (events[0], events[-1])] == [(own_id, own_id)] * 2

            again = await here.same(page)
            assert kinds(await again.connect()) == ["RUN_STARTED", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
            assert again.messages == page.messages
            stopped = await page.http.post(f"{AGENT}/stop/{quote(own_id, safe='')}", json={"runId": own_id})
            assert stopped.json() == {"stopped": False, "message": "The run has ended already."}
            listed = await page.http.get(f"{RUN}/threads/{quote(own_id, safe='')}/messages")
            assert plain(listed.json()["messages"]) == plain(page.messages)

        threads = (await user.http.get("/v1/threads")).json()["threads"]
        assert [thread["id"] for thread in threads] == ids[::-1]


@pytest.mark.seed("S5")
async def test_a_run_id_posted_many_times_at_once_and_again_later_runs_once_and_tells_one_story(
    database_url: str,
) -> None:
    async with (
        ScriptedOpenAI([Call("addTask", {"title": "Once"}), Say("Done.")]) as model,
        site(model, database_url=database_url) as here,
        site(model, database_url=database_url) as there,
    ):
        page = await here.page()
        other = await here.same(page, site=there)
        body = page.input(messages=[{"id": "u1", **USER}], runId="run_1")
        posts = [p.http.post(RUN, json=body) for p in (page, other) * 3]
        stories = {(answer.status_code, answer.text) for answer in await asyncio.gather(*posts)}
        later = await other.http.post(RUN, json={**body, "messages": [{"id": "u2", **USER}]})

        assert stories == {(200, later.text)}
        assert here.board.done + there.board.done == ["Once"]
        assert [m["role"] for m in await page.stored()] == ["user", "assistant", "tool", "assistant"]


@pytest.mark.seed("S7")
@pytest.mark.seed("S8")
async def test_the_first_token_arrives_before_the_last_is_made_and_the_head_before_the_first() -> None:
    first, last = asyncio.Event(), asyncio.Event()

    class Slow:
        async def play(self, exchange: Any) -> None:
            await first.wait()
            await exchange.delta({"content": "one "})
            await last.wait()
            await exchange.delta({"content": "two"})
            await exchange.finish("stop", (1, 1))

    async with ScriptedOpenAI([Slow()]) as model, site(model) as here:
        page = await here.page()
        async with page.reading(json={"messages": [USER]}) as reading:
            assert reading.response.headers["cache-control"] == "no-cache"
            assert reading.response.headers["x-accel-buffering"] == "no"
            await reading.until("RUN_STARTED")
            first.set()
            await reading.until("TEXT_MESSAGE_CONTENT", delta="one ")
            last.set()
            page.apply(await reading.rest())

    assert page.messages[0]["content"] == "one two"


@pytest.mark.seed("S7")
async def test_a_long_and_quick_answer_comes_in_whole_frames_whatever_it_contains() -> None:
    words = [f'{n} "☃\u2028\n\ndata: 𝄞" ' for n in range(3000)]
    async with ScriptedOpenAI([Say(chunks=words)]) as model, site(model) as here:
        page = await here.page()
        writes: list[bytes] = []
        answer = await page.http.post(RUN, json=page.input(messages=[{"id": "u", **USER}]))
        writes.append(answer.content)
        page.apply([json.loads(f.partition("data: ")[2]) for f in answer.text.split("\n\n")[:-1]])

        assert page.messages[0]["content"] == "".join(words)
        assert (await page.stored())[1:] == page.messages


@pytest.mark.seed("S11")
@pytest.mark.seed("S20")
async def test_readables_are_in_the_prompt_of_their_run_only_and_one_description_stands_once() -> None:
    async with ScriptedOpenAI([Say("One."), Say("Two."), Say("Three.")]) as model, site(model) as here:
        page = await here.page()
        record = {"description": "Current record", "value": '{"recordId": "rec_1"}'}
        await page.say("Hi", context=[record, {"description": "Filters", "value": "open"}])
        await page.say("And now?", context=[record, {**record, "value": '{"recordId": "rec_2"}'}])
        async with page.reading(
            json={"messages": [USER], "readables": [{"description": "N", "value": [1, None]}]}
        ) as r:
            await r.rest()

        prompts = [request.body["messages"][0]["content"] for request in model.requests]
        blocks = [[line for line in p.splitlines() if "Current record" in line] for p in prompts]
        assert blocks[0] == ['<data description="Current record">{"recordId":"rec_1"}</data>']
        assert blocks[1] == ['<data description="Current record">{"recordId":"rec_2"}</data>']
        assert '<data description="Filters">"open"</data>' in prompts[0]
        assert "Filters" not in prompts[1]
        assert '<data description="N">[1,null]</data>' in prompts[2]
        assert [m["content"] for m in read_by(model, 1)] == ["Hi", "One.", "And now?"]


async def test_the_page_and_an_action_share_a_state_that_the_thread_keeps() -> None:
    script = [Call("setMark", {"value": "red"}), Say("Set."), Say("Red.")]
    async with ScriptedOpenAI(script) as model, site(model) as here:
        page = await here.page()
        page.state = {"mark": "blue", "open": None}
        events = await page.say("Mark it red")

        assert [e for e in events if e["type"].startswith("STATE")] == [
            {"type": "STATE_DELTA", "delta": [{"op": "add", "path": "/mark", "value": "red"}]}
        ]
        assert told(model)[-1] == ("tool", {"success": True, "data": "was blue"})
        assert (
            '<data description="State shared with the page">{"mark":"red","open":null}</data>'
            in (model.requests[1].body["messages"][0]["content"])
        )
        again = await here.same(page)
        assert kinds(await again.connect()) == ["RUN_STARTED", "MESSAGES_SNAPSHOT", "STATE_SNAPSHOT", "RUN_FINISHED"]
        assert (again.state, page.state) == ({"mark": "red", "open": None},) * 2
        await again.say("Which?", state={})
        assert '{"mark":"red","open":null}' in model.requests[2].body["messages"][0]["content"]


async def test_a_page_that_opens_while_an_action_works_sees_the_state_as_it_is() -> None:
    script = [Call("setMark", {"value": "red", "wait": True}), Say("Set.")]
    async with ScriptedOpenAI(script) as model, site(model) as here:
        page = await here.page()
        page.state = {"mark": "blue"}
        asking = asyncio.create_task(page.say("Mark it red"))
        await here.board.begun.wait()
        again = await here.same(page)
        async with again.reading(f"{AGENT}/connect", json=again.input()) as reading:
            await reading.until("MESSAGES_SNAPSHOT")
            here.board.go_on.set()
            again.apply(await reading.rest())
        await asking

        assert (again.state, again.messages) == ({"mark": "red"}, page.messages)


async def test_who_connects_to_a_thread_that_is_not_theirs_finds_an_empty_one() -> None:
    async with ScriptedOpenAI([Say("Yes.")]) as model, site(model) as here:
        page, stranger = await here.page(), await here.page(user="sam")
        await page.say("Secret")

        for thread in ("thread_abc123", "unknown"):
            async with stranger.reading(f"{AGENT}/connect", json={"threadId": thread, "runId": "r"}) as reading:
                run = {"threadId": thread, "runId": "r"}
                assert stranger.apply(await reading.rest()) == [
                    {"type": "RUN_STARTED", **run},
                    {"type": "RUN_FINISHED", **run, "metadata": {"credits": 0}},
                ]
        stopped = await stranger.http.post(f"{AGENT}/stop/thread_abc123", json={})
        assert (stopped.status_code, stopped.json()["stopped"]) == (200, False)
        assert (await stranger.http.get("/v1/threads")).json()["threads"] == []


@pytest.mark.seed("S54")
@pytest.mark.seed("S55")
async def test_a_known_thread_is_told_as_it_is_stored_with_how_to_show_its_calls() -> None:
    script = [Call("listTasks"), Say("Two tasks.", calls=[Call("setMark", {"value": "☃"})]), Say("Marked.")]
    async with ScriptedOpenAI(script) as model, site(model) as here:
        page = await here.page()
        events = await page.say("What is to do?")
        hint = list_tasks.render.hint
        shown = {
            "type": "CUSTOM",
            "name": "render",
            "value": {"toolCallId": "call_0_0", "toolName": "listTasks", **hint},
        }
        assert [e for e in events if e.get("name") == "render"] == [shown]

        again = await here.same(page)
        connected = await again.connect()
        assert kinds(connected) == ["RUN_STARTED", "MESSAGES_SNAPSHOT", "CUSTOM", "STATE_SNAPSHOT", "RUN_FINISHED"]
        assert [e for e in connected if e.get("name") == "render"] == [shown]
        assert plain(again.messages) == plain(page.messages) == plain(await page.stored())
        assert (await page.stored())[1]["toolCalls"][0]["render"] == hint
        again.apply(connected)
        assert plain(again.messages) == plain(page.messages)


@pytest.mark.seed("S54")
async def test_a_page_that_opens_in_the_middle_of_an_answer_is_told_each_word_once(database_url: str) -> None:
    more = asyncio.Event()
    script = [
        Say("Earlier."),
        Say("Look:", calls=[Call("listTasks")]),
        Say(chunks=["one ", "two ", "three"], wait=more),
    ]
    async with (
        ScriptedOpenAI(script) as model,
        site(model, database_url=database_url) as here,
        site(model, database_url=database_url) as there,
    ):
        page = await here.page()
        await page.say("Hi")
        page.messages.append({"id": "u2", "role": "user", "content": "List"})
        async with page.reading(json=page.input()) as reading:
            await reading.until("TEXT_MESSAGE_CONTENT", delta="one ")
            late = [await here.same(page), await here.same(page, site=there)]
            path, body = f"{AGENT}/connect", page.input(messages=[])
            async with late[0].reading(path, json=body) as near, late[1].reading(path, json=body) as far:
                for one in (near, far):
                    await one.until("TEXT_MESSAGE_CONTENT", delta="one ")
                more.set()
                page.apply(await reading.rest())
                told_late = [late[0].apply(await near.rest()), late[1].apply(await far.rest())]

        assert plain(page.messages) == plain(await page.stored())
        for known, events in zip(late, told_late, strict=True):
            assert plain(known.messages) == plain(page.messages)
            told = kinds(events)  # what the log had not yet when the page connected comes as events
            assert (told[:2], told[-1]) == (["RUN_STARTED", "MESSAGES_SNAPSHOT"], "RUN_FINISHED")
            snapshot = [m["content"] for m in events[1]["messages"]]
            assert snapshot == ["Hi", "Earlier.", "List", "Look:", '{"success": true, "data": []}']
        again = late[0].messages
        await late[0].connect()
        assert plain(late[0].messages) == plain(again)


@pytest.mark.parametrize("stored", [True, False])
async def test_a_page_that_opens_before_the_model_has_begun_sees_what_was_asked(
    monkeypatch: pytest.MonkeyPatch, database_url: str, stored: bool
) -> None:
    asked, go_on, run = asyncio.Event(), asyncio.Event(), Turn.run

    async def late(*given: Any, **options: Any) -> Any:
        await go_on.wait()
        return await run(*given, **options)

    class Slow:
        async def play(self, exchange: Any) -> None:
            asked.set()
            await go_on.wait()
            await Say("Two.").play(exchange)

    async with (
        ScriptedOpenAI([Say("One."), Slow()]) as model,
        site(model, database_url=database_url) as here,
        site(model, database_url=database_url) as there,
    ):
        page = await here.page()
        await page.say("First")
        if not stored:
            monkeypatch.setattr(Turn, "run", late)
        page.messages.append({"id": "u2", "role": "user", "content": "Second"})
        async with page.reading(json=page.input()) as reading:
            if stored:
                await asked.wait()
            pages = [await here.same(page), await here.same(page, site=there)]
            opened = [asyncio.create_task(one.connect()) for one in pages]
            snapshots = [await one.stored() for one in pages]
            go_on.set()
            page.apply(await reading.rest())
            await asyncio.gather(*opened)

        assert snapshots == [page.messages[:3]] * 2
        assert [plain(one.messages) for one in pages] == [plain(page.messages)] * 2
        assert plain(page.messages) == plain(await page.stored())


@pytest.mark.seed("S56")
async def test_what_a_component_tells_back_is_checked_and_read_by_the_model_as_information() -> None:
    async with ScriptedOpenAI([Call("listTasks"), Say("Two."), Say("You clicked t1.")]) as model, site(model) as here:
        page = await here.page()
        await page.say("What is to do?")
        path = f"/v1/threads/{page.thread}/events"
        click = {"toolCallId": "call_0_0", "name": "onTaskClick", "payload": {"task_id": "t1"}}
        wrong = [
            ({**click, "name": "onSend"}, 422, "validation_error"),
            ({**click, "payload": {"task_id": 5}}, 422, "validation_error"),
            ({**click, "payload": {}}, 422, "validation_error"),
            ({**click, "payload": []}, 422, "validation_error"),
            ({**click, "toolCallId": None}, 422, "validation_error"),
            ({**click, "toolCallId": "call_9"}, 404, "not_found"),
        ]
        answers = [await page.http.post(path, json=body) for body, _, _ in wrong]
        codes = [(a.status_code, e if isinstance(e := a.json()["error"], str) else e["code"]) for a in answers]
        assert codes == [(status, code) for _, status, code in wrong]
        stranger = await here.page(user="sam")
        assert (await stranger.http.post(path, json=click)).status_code == 404
        before = await page.stored()

        assert (await page.http.post(path, json=click)).status_code == 204
        assert await page.stored() == before
        await page.say("What did I do?")
        assert told(model)[-2:] == [
            (
                "user",
                '[The page reports what the user did in it: {"component": "TaskList", "event": "onTaskClick", '
                '"payload": {"task_id": "t1"}}]',
            ),
            ("user", "What did I do?"),
        ]
        assert plain(page.messages) == plain(await page.stored())


async def test_the_single_endpoint_answers_every_method_as_the_routes_do() -> None:
    async with ScriptedOpenAI([Say("Hello."), Say("Again.")]) as model, site(model) as here:
        page = await here.page()

        async def ask(method: str, params: Json | None = None, body: Json | None = None) -> Any:
            envelope = {"method": method, "params": params, "body": body}
            answer = await page.http.post(RUN, json={k: v for k, v in envelope.items() if v is not None})
            return answer.status_code, answer.json()

        async def resource(verb: str, path: str, body: Json | None = None) -> Any:
            return await ask("resource/request", {"path": path, "httpMethod": verb}, body)

        agent = {"agentId": "default"}
        assert await ask("info") == (200, INFO)
        assert (await page.http.get(f"{RUN}/info")).json() == INFO
        assert "licenseStatus" not in INFO
        assert (await page.http.post(f"{RUN}/", json={"method": "info"})).json() == INFO
        page.messages.append({"id": "u1", **USER})
        async with page.reading(json={"method": "agent/run", "params": agent, "body": page.input()}) as reading:
            assert kinds(page.apply(await reading.rest())) == SPOKEN
        again = await here.same(page)
        connect = {"method": "agent/connect", "params": agent, "body": again.input(messages=[])}
        async with again.reading(json=connect) as reading:
            again.apply(await reading.rest())
        assert again.messages == page.messages
        stop = await ask("agent/stop", {**agent, "threadId": page.thread}, {"runId": "x"})
        assert stop == (200, {"stopped": False, "message": "The run has ended already."})

        path = "/threads/thread_abc123"
        status, listed = await resource("GET", "/threads?agentId=default&limit=1&includeArchived=true")
        (thread,) = listed["threads"]
        assert (status, listed["nextCursor"]) == (200, None)
        assert (thread["id"], thread["name"], thread["archived"]) == (page.thread, USER["content"], False)
        assert (await page.http.get(f"{RUN}/threads")).json() == listed
        renamed = await resource("PATCH", path, {"agentId": "default", "name": "Plan"})
        assert renamed == (200, {**thread, "name": "Plan"})
        assert await resource("POST", f"{path}/archive", agent) == (200, {"success": True})
        assert (await resource("GET", "/threads"))[1]["threads"] == []
        assert (await page.http.patch(f"{RUN}{path}", json={"archived": False})).json() == {**thread, "name": "Plan"}
        assert plain((await resource("GET", f"{path}/messages"))[1]["messages"]) == plain(page.messages)
        assert await resource("GET", f"{path}/events") == (200, {"events": []})
        assert (await page.http.get(f"{RUN}{path}/state")).json() == {"state": {}}
        await page.say("Once more")
        assert page.messages[-1]["content"] == "Again."
        assert await resource("DELETE", path, agent) == (200, {"success": True})
        assert (await resource("DELETE", path))[0] == 404
        assert (await page.http.delete(f"{RUN}{path}")).status_code == 404


async def test_what_the_runtime_cannot_do_is_said_in_the_clients_terms() -> None:
    graphql = {"operationName": "generateCopilotResponse", "query": "mutation { x }", "variables": {}}
    resource = {"method": "resource/request", "params": {"path": "/threads/x", "httpMethod": "PATCH"}}
    wrong: list[tuple[str, str, Any, int]] = [
        ("POST", RUN, graphql, 400),
        ("POST", RUN, {"method": "agent/dance"}, 400),
        ("POST", RUN, {"method": 5}, 400),
        ("POST", RUN, {"method": "info", "params": []}, 200),
        ("POST", RUN, {"method": "info", "params": "x"}, 422),
        ("POST", RUN, {"method": "agent/run", "params": {"agentId": "x"}, "body": {"messages": []}}, 404),
        ("POST", RUN, {"method": "agent/stop", "params": {"threadId": "t"}, "body": {"thread": "t"}}, 422),
        ("POST", RUN, {"method": "resource/request", "params": {"path": "/memories"}}, 404),
        ("POST", RUN, {**resource, "params": {**resource["params"], "body": "{"}}, 422),
        ("POST", RUN, {**resource, "params": {**resource["params"], "body": "[]"}}, 422),
        ("POST", RUN, {**resource, "params": {**resource["params"], "body": [1]}}, 422),
        ("POST", RUN, {**resource, "body": {"name": ""}}, 422),
        ("POST", RUN, {**resource, "body": {"archived": "no"}}, 422),
        ("POST", RUN, {**resource, "body": {"name": "x"}}, 404),
        ("POST", RUN, [], 422),
        ("POST", f"{RUN}/agent/other/run", {"messages": []}, 404),
        ("POST", f"{RUN}/agent/default/dance", {"messages": []}, 404),
        ("POST", f"{RUN}/agent/other/stop/t", {}, 404),
        ("POST", f"{AGENT}/stop/t", {"runId": 5}, 422),
        ("POST", f"{AGENT}/connect", {"threadId": 5}, 422),
        ("GET", f"{RUN}/threads/x/nothing", None, 404),
        ("GET", f"{RUN}/threads?limit=0", None, 422),
        ("GET", f"{RUN}/threads?cursor=x", None, 422),
        ("GET", f"{RUN}/nothing", None, 404),
        ("GET", RUN, None, 405),
    ]
    async with site() as here:
        page = await here.page()
        answers = [await page.http.request(verb, path, json=body) for verb, path, body, _ in wrong]

        assert [a.status_code for a in answers] == [status for _, _, _, status in wrong]
        assert answers[0].json() == {"error": "unsupported_client", "message": "CopilotKit 1.50 or newer is required"}
        assert answers[1].json()["error"] == "invalid_request"
        refused = [a for a in answers if a.status_code >= 400]
        assert all(isinstance(a.json()["message"], str) and a.json()["message"] for a in refused)
        assert answers[5].json()["message"] == "Agent 'x' does not exist"
        assert {a.headers["access-control-allow-origin"] for a in answers} == {ORIGIN}


@pytest.mark.seed("S2")
async def test_errors_before_a_stream_are_json_that_a_page_of_another_origin_can_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with site(max_body_bytes=2000) as here:
        page = await here.page()

        async def broken(*_: Any, **__: Any) -> Any:
            raise RuntimeError("the password is hunter2")

        async with httpx2.AsyncClient(base_url=here.url, headers={"Origin": ORIGIN}) as nobody:
            form = {"Content-Type": "application/json"}
            verbs = [
                ("GET", f"{RUN}/info"),
                ("POST", RUN),
                ("POST", f"{AGENT}/run"),
                ("POST", f"{AGENT}/connect"),
                ("POST", f"{AGENT}/stop/t"),
                ("GET", f"{RUN}/threads"),
                ("PATCH", f"{RUN}/threads/t"),
                ("GET", "/v1/runs/r"),
                ("GET", "/v1/runs/r/events"),
                ("POST", "/v1/runs/r/stop"),
                ("GET", "/v1/threads/t/messages"),
                ("PATCH", "/v1/threads/t"),
                ("DELETE", "/v1/threads/t"),
                ("POST", "/v1/threads/t/fork"),
                ("POST", "/v1/threads/t/events"),
            ]
            refused = [await nobody.request(verb, path, content=b"not json", headers=form) for verb, path in verbs]
        large = [
            await page.http.request(verb, path, json={"messages": [{**USER, "content": "x" * 2000}]})
            for verb, path in verbs
            if verb in {"POST", "PATCH"} and not path.endswith("runs/r/stop")
        ]
        monkeypatch.setattr(here.ready.copilot, "start", broken)
        failed = await page.http.post(RUN, json={"messages": [USER]})

    message = "A valid bearer token is required."
    assert [(a.status_code, a.json()["error"]) for a in refused] == [
        (401, {"code": "unauthenticated", "message": message})
    ] * len(verbs)
    assert [(a.status_code, a.json()["error"]["code"]) for a in large] == [(413, "payload_too_large")] * len(large)
    assert (failed.status_code, failed.json()["message"]) == (500, "Something went wrong on the server.")
    assert "hunter2" not in failed.text
    assert {a.headers.get("access-control-allow-origin") for a in [*refused, *large, failed]} == {ORIGIN}


async def test_no_stream_tells_the_system_prompt_a_null_or_anything_of_the_machinery() -> None:
    script = [
        Say("Let me see.", calls=[Call("listTasks"), Call("nothing"), Call("addTask", '{"title": ')]),
        Call("deleteTasks"),
        Say("Done."),
        Cut("half"),
        Cut("half"),
    ]
    async with ScriptedOpenAI(script) as model, site(model) as here:
        page = await here.page()
        await page.say("Delete all", tools=[{"name": "confetti", "description": "Throw", "parameters": None}])
        approve = [{"interruptId": page.interrupts[0]["id"], "status": "resolved", "payload": True}]
        await page.run(resume=approve)
        await page.say("And then?")
        runs = (await page.http.get(f"/v1/threads/{page.thread}/messages")).json()["run"]
        raw = [
            (await page.http.post(f"{AGENT}/connect", json=page.input())).content,
            (await page.http.get(f"/v1/runs/{runs['id']}/events")).content,
            (await page.http.post("/api/copilot/chat", json={"message": "x", "conversationId": page.thread})).content,
        ]

    assert kinds(page.apply([]) or []) == []
    whole = b"".join(raw).decode()
    for internal in (SECRET, "langgraph", "langchain", "Traceback", "checkpoint", "copilot_core", "sqlite", "null"):
        assert internal not in whole.lower() if internal != SECRET else internal not in whole
