"""`/v1/threads`: what an owner may do with conversations, and that nobody else can tell that they are there."""

import asyncio
from typing import Any

import httpx2
import pytest
from sqlmodel import text

from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI

from .page import RUN, Hangs, Json, Page, Site, plain, site, told

CHAT = "/api/copilot/chat"
NOT_FOUND = {
    "code": "not_found",
    "message": "There is no such conversation.",
    "details": {"field": "conversationId"},
}


async def threads(page: Page, **query: Any) -> list[str]:
    answer = await page.http.get("/v1/threads", params=query)
    assert answer.status_code == 200, answer.text
    return [thread["title"] for thread in answer.json()["threads"]]


async def begin(here: Site, *titles: str) -> list[Page]:
    """A thread of each title, the first one oldest."""
    first = await here.page(titles[0])
    pages = [first]
    for title in titles[1:]:
        pages.append(await here.same(first))
        pages[-1].thread = title
    for page in pages:
        await page.say(page.thread)
    return pages


async def test_threads_are_listed_latest_first_searched_and_paged_without_a_gap(database_url: str) -> None:
    titles = [f"Plan {n}" for n in range(5)] + ["100% Größe", "a_b"]
    async with (
        ScriptedOpenAI([Say("Yes.")] * (len(titles) + 1)) as model,
        site(model, database_url=database_url) as here,
    ):
        pages = await begin(here, *titles)
        page = pages[0]
        latest = titles[::-1]
        assert await threads(page) == latest
        assert await threads(page, q="PLAN") == [f"Plan {n}" for n in (4, 3, 2, 1, 0)]
        assert await threads(page, q="3 plan") == ["Plan 3"]
        assert await threads(page, q="100% größe") == ["100% Größe"]
        assert await threads(page, q="%") == ["100% Größe"]
        assert await threads(page, q="_") == ["a_b"]
        assert await threads(page, q="nothing") == []

        found: list[str] = []
        cursor: str | None = None
        while True:
            query: dict[str, Any] = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            answer = (await page.http.get("/v1/threads", params=query)).json()
            found += [thread["title"] for thread in answer["threads"]]
            cursor = answer["nextCursor"]
            if cursor is None:
                break
            if len(found) == 2:
                await pages[1].say("Again")
        assert found == [title for title in latest if title != "Plan 1"]  # which is the latest now
        assert (await threads(page))[0] == "Plan 1"
        wrong = [{"cursor": "x"}, {"cursor": "eA=="}, {"cursor": "ä"}, {"limit": 0}, {"limit": 201}, {"archived": "x"}]
        answers = [await page.http.get("/v1/threads", params=query) for query in wrong]
        assert [(a.status_code, a.json()["error"]["details"]) for a in answers] == [
            (422, {"field": next(iter(query))}) for query in wrong
        ]


async def test_a_thread_is_renamed_archived_and_brought_back() -> None:
    async with ScriptedOpenAI([Say("Yes.")] * 2) as model, site(model) as here:
        page, other = await begin(here, "First", "Second")
        path = "/v1/threads/First"
        before = (await page.http.get(path)).json()
        assert before == {**before, "id": "First", "title": "First", "archived": False}
        assert before["createdAt"] <= before["updatedAt"]

        renamed = await page.http.patch(path, json={"title": "Größer ☃"})
        assert (renamed.status_code, renamed.json()) == (200, {**before, "title": "Größer ☃"})
        archived = await page.http.patch(path, json={"archived": True})
        assert archived.json() == {**before, "title": "Größer ☃", "archived": True}
        assert (await threads(page), await threads(page, archived=True)) == (["Second"], ["Größer ☃"])
        assert (await page.http.patch(path, json={"archived": False})).json()["archived"] is False
        assert (await page.http.patch(path, json={})).json() == (await page.http.get(path)).json()
        wrong = [
            ({"title": ""}, "title"),
            ({"title": "x" * 201}, "title"),
            ({"title": 5}, "title"),
            ({"archived": "perhaps"}, "archived"),
            ({"owner": "sam"}, "owner"),
        ]
        answers = [await page.http.patch(path, json=body) for body, _ in wrong]
        assert [(a.status_code, a.json()["error"].get("details")) for a in answers] == [
            (422, {"field": field}) for _, field in wrong
        ]
        assert await threads(other) == ["Second", "Größer ☃"]


async def test_a_deleted_thread_is_gone_with_its_runs_events_and_checkpoints(database_url: str) -> None:
    script = [Call("listTasks"), Say("None."), Call("deleteTasks"), Say("Other."), Say("New.")]
    async with (
        ScriptedOpenAI(script) as model,
        site(model, database_url=database_url) as here,
    ):
        page = await here.page("gone")
        await page.say("A secret")
        await page.say("Delete all")
        other = await here.same(page)
        other.thread = "kept"
        await other.say("Hi")
        kept = await _rows(here)
        assert (await page.http.delete("/v1/threads/gone")).status_code == 204

        left = await _rows(here)
        assert all(0 < left[table] < kept[table] for table in ("copilot_thread", "copilot_run", "copilot_event"))
        assert left["copilot_approval"] == 0 < kept["copilot_approval"]
        async with here.ready.database.session() as session:
            keys = list(await session.exec(text("SELECT key FROM copilot_thread")))
            for table in ("checkpoints", "checkpoint_writes", "writes", "checkpoint_blobs"):
                if table in left:
                    found = await session.exec(text(f"SELECT DISTINCT thread_id FROM {table}"))
                    assert set(found) <= set(keys), table
                    assert left[table] < kept[table], table
        for verb, path in (("GET", ""), ("GET", "/messages"), ("DELETE", "")):
            answer = await page.http.request(verb, f"/v1/threads/gone{path}")
            assert (answer.status_code, answer.json()["error"]) == (404, NOT_FOUND)
        again = await here.same(page)
        await again.say("Hi")
        assert told(model) == [("user", "Hi")]
        assert [m["content"] for m in await other.stored()] == ["Hi", "Other."]


async def _rows(here: Site) -> dict[str, int]:
    """How many rows each table has that keeps something of threads."""
    catalogue = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if here.ready.database.is_sqlite
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    wanted = ("copilot_thread", "copilot_run", "copilot_event", "copilot_approval", "checkpoint", "writes")
    async with here.ready.database.session() as session:
        tables = [name for (name,) in await session.exec(text(catalogue)) if name.startswith(wanted)]
        return {name: (await session.exec(text(f"SELECT count(*) FROM {name}"))).one()[0] for name in tables}


async def test_a_thread_that_answers_cannot_be_deleted_before_it_is_stopped() -> None:
    slow = Hangs({"content": "One"})
    async with ScriptedOpenAI([slow]) as model, site(model) as here:
        page = await here.page()
        page.messages.append({"id": "u", "role": "user", "content": "Hi"})
        async with page.reading(json=page.input(runId="run_1")) as reading:
            await slow.reached.wait()
            busy = await page.http.delete(f"/v1/threads/{page.thread}")
            await page.http.post("/v1/runs/run_1/stop")
            await reading.rest()
        gone = await page.http.delete(f"/v1/threads/{page.thread}")

        assert (busy.status_code, busy.json()["error"]["code"], gone.status_code) == (409, "thread_busy", 204)
        assert (await page.http.get("/v1/runs/run_1")).status_code == 404


async def test_a_fork_has_the_messages_up_to_one_and_goes_its_own_way(database_url: str) -> None:
    script = [Call("setMark", {"value": "red"}), Say("One."), Say("Two."), Say("Other two."), Say("Three.")]
    async with (
        ScriptedOpenAI(script) as model,
        site(model, database_url=database_url) as here,
    ):
        page = await here.page()
        await page.say("First")
        await page.say("Second")
        stored = await page.stored()
        path = f"/v1/threads/{page.thread}/fork"
        made = await page.http.post(path, json={"messageId": stored[3]["id"]})
        whole = await page.http.post(path)
        wrong = await page.http.post(path, json={"messageId": "nothing"})

        assert (made.status_code, made.json()["title"], whole.status_code) == (201, "First", 201)
        assert (wrong.status_code, wrong.json()["error"]["details"]) == (422, {"field": "messageId"})
        fork = await here.same(page)
        fork.thread = made.json()["id"]
        await fork.connect()
        assert plain(fork.messages) == plain(stored[:4])
        assert fork.state == {"mark": "red"}
        await fork.say("Another second")
        await page.say("Third")
        assert [m["content"] for m in await fork.stored()][-2:] == ["Another second", "Other two."]
        assert [m["content"] for m in await page.stored()][-4:] == ["Second", "Two.", "Third", "Three."]
        fork.thread = whole.json()["id"]
        assert await fork.stored() == stored
        assert (await fork.http.delete(f"/v1/threads/{made.json()['id']}")).status_code == 204
        assert (await page.stored())[0]["content"] == "First"


async def test_a_fork_in_the_middle_of_a_round_is_a_thread_that_goes_on() -> None:
    async with ScriptedOpenAI([Call("listTasks"), Say("None."), Say("Yes.")]) as model, site(model) as here:
        page = await here.page()
        await page.say("List")
        path = f"/v1/threads/{page.thread}/fork"
        made = await page.http.post(path, json={"messageId": page.messages[1]["id"]})
        fork = await here.same(page)
        fork.thread = made.json()["id"]
        await fork.connect()
        await fork.say("Still there?")

        assert fork.messages[-1]["content"] == "Yes."
        assert [role for role, _ in told(model)] == ["user", "assistant", "tool", "user"]


async def test_another_users_thread_looks_on_every_route_like_one_that_does_not_exist() -> None:
    async with ScriptedOpenAI([Call("listTasks"), Say("None.")]) as model, site(model) as here:
        page = await here.page()
        await page.say("Secret")
        before = await page.stored()
        strangers = [await here.page(user="sam"), await here.page(user="dana", workspace="globex")]
        routes: list[tuple[str, str, Json | None]] = [
            ("GET", "", None),
            ("GET", "/messages", None),
            ("PATCH", "", {"title": "Mine"}),
            ("POST", "/fork", {}),
            ("POST", "/events", {"toolCallId": "call_0_0", "name": "onTaskClick", "payload": {"task_id": "1"}}),
            ("DELETE", "", None),
        ]
        for stranger in strangers:
            for verb, path, body in routes:
                answers = [
                    await stranger.http.request(verb, f"/v1/threads/{thread}{path}", json=body)
                    for thread in (page.thread, "unknown", "x" * 300)
                ]
                assert [(a.status_code, a.json()["error"]) for a in answers] == [(404, NOT_FOUND)] * 3, (verb, path)
            assert (await stranger.http.get("/v1/threads")).json() == {"threads": [], "nextCursor": None}

        assert await page.stored() == before
        assert await threads(page) == ["Secret"]


@pytest.mark.seed("S102")
async def test_one_conversation_goes_on_in_both_protocols(database_url: str) -> None:
    script = [
        Say("Hello Dana."),
        Call("addTask", {"title": "x"}),
        Say("Added."),
        Call("deleteTasks"),
        Say("Deleted."),
        Call("confetti"),
        Say("Bye."),
    ]
    async with (
        ScriptedOpenAI(script) as model,
        site(model, database_url=database_url) as here,
    ):
        page = await here.page()

        async def chat(message: str, conversation: str | None) -> list[Json]:
            answer = await page.http.post(CHAT, json={"message": message, "conversationId": conversation})
            frames = answer.content.split(b"\n\n")[:-1]
            return [httpx2.Response(200, content=f.partition(b"data: ")[2]).json() for f in frames]

        page.thread = (await chat("I am Dana", None))[0]["conversationId"]
        await page.connect()
        assert [m["content"] for m in page.messages] == ["I am Dana", "Hello Dana."]
        await page.say("Add x")
        asked = await chat("Delete all", page.thread)
        assert asked[-2]["content"].startswith("This needs your approval:")
        await page.connect()
        await page.run(resume=[{"interruptId": page.interrupts[0]["id"], "status": "resolved", "payload": True}])
        assert (here.board.deleted, page.messages[-1]["content"]) == (1, "Deleted.")
        await page.say("Party", tools=[{"name": "confetti", "description": "Throw confetti"}])
        last = await chat("Bye", page.thread)

        assert [e["content"] for e in last if e["type"] == "token"] == ["Bye."]
        results = [content for role, content in told(model) if role == "tool"]
        assert [r.get("error") for r in results] == [None, None, "declined"]
        await page.connect()
        assert plain(page.messages) == plain(await page.stored())
        assert [m["content"] for m in page.messages if m["role"] == "user"] == [
            *("I am Dana", "Add x", "Delete all"),
            *("Party", "Bye"),
        ]


async def test_text_that_databases_do_not_take_is_no_way_to_break_them(database_url: str) -> None:
    async with (
        ScriptedOpenAI([Say("a\x00b"), Say("Yes.")]) as model,
        site(model, database_url=database_url) as here,
    ):
        page = await here.page()
        await page.say("a\x00b", context=[{"description": "\x00", "value": "\x00"}])
        await page.say("And?")
        assert [m["content"] for m in await page.stored()] == ["a\x00b", "a\x00b", "And?", "Yes."]
        assert await threads(page) == await threads(page, q="a b") == ["a b"]

        renamed = await page.http.patch(f"/v1/threads/{page.thread}", json={"title": "c\x00d"})
        assert renamed.json()["title"] == "c d"
        paths = ["/v1/threads?q=a%00b", "/v1/threads/%00", "/v1/threads/%00/messages", "/v1/runs/%00"]
        answers = [await page.http.get(path) for path in [*paths, "/v1/runs/x/events?after=%00:1"]]
        assert [a.status_code for a in answers] == [404] * 5
        half = await page.http.post(RUN, content=b'{"messages": [{"role": "user", "content": "\\ud800"}]}')
        assert half.status_code == 422


async def test_a_thread_is_begun_once_when_many_first_messages_come_at_once(database_url: str) -> None:
    async with (
        ScriptedOpenAI([Say("Yes.")] * 4) as model,
        site(model, database_url=database_url) as here,
    ):
        page = await here.page()
        bodies = [
            page.input(messages=[{"id": f"u{n}", "role": "user", "content": "Hi"}], onBusy="queue") for n in range(4)
        ]
        answers = await asyncio.gather(*(page.http.post(RUN, json=body) for body in bodies))

        assert [(a.status_code, "Yes." in a.text) for a in answers] == [(200, True)] * 4
        assert len((await page.http.get("/v1/threads")).json()["threads"]) == 1
        assert [m["content"] for m in await page.stored()] == ["Hi", "Yes."] * 4
