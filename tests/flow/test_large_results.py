"""A result that is too large for the model, through HTTP: shown in part, kept aside, read on, gone with its thread."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import pytest
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Action, Injected, Role, action, hookimpl
from copilot_core.chat_models import ChatModels
from copilot_core.server import Deployment, application
from copilot_core.testing import call, opened
from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI

from .page import read_by, site, told

FIVE_MB = 10_000
LINES = [{"number": n, "text": "x" * 480} for n in range(FIVE_MB)]


@action
async def read_log(lines: int = 100) -> dict[str, Any]:
    """Read the log."""
    return {"success": True, "data": {"lines": LINES[:lines]}, "message": f"{lines} lines."}


@action(writes=True, irreversible=True)
async def import_log(session: Injected[AsyncSession]) -> dict[str, Any]:
    """Import the log."""
    await session.exec(text("SELECT 1"))
    return {"success": True, "data": {"lines": LINES[:100]}, "message": "Imported."}


class Logs:
    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [read_log, import_log]


class User:
    """Somebody who talks to a server whose model follows a script, without a socket."""

    def __init__(self, http: httpx2.AsyncClient, ready: Deployment) -> None:
        self.http, self.ready = http, ready

    async def say(self, words: str, thread: str | None = "t1") -> list[dict[str, Any]]:
        """The tool results of the thread's messages, as its page shows them."""
        said = {"role": "user", "content": words}
        answer = await self.http.post("/v1/copilot", json={"messages": [said], "threadId": thread})
        assert answer.status_code == 200
        return await self.results(thread)

    async def results(self, thread: str | None = "t1") -> list[dict[str, Any]]:
        answer = await self.http.get(f"/v1/threads/{thread}/messages")
        return [json.loads(m["content"]) for m in answer.json()["messages"] if m["role"] == "tool"]

    async def kept(self) -> int:
        async with self.ready.database.session() as session:
            return int((await session.exec(text("SELECT count(*) FROM copilot_result"))).one()[0])

    async def largest_cell(self) -> int:
        """Of all that is stored for good: checkpoints, events, ledger."""
        columns = {"checkpoints": "checkpoint", "writes": "value", "copilot_event": "body", "copilot_ledger": "body"}
        if self.ready.database.url.get_backend_name() == "postgresql":
            columns = {"checkpoint_blobs": "blob", "checkpoint_writes": "blob", **dict(list(columns.items())[2:])}
        async with self.ready.database.session() as session:
            asked = [f"SELECT max(length({column})) FROM {table}" for table, column in columns.items()]
            return max([(await session.exec(text(one))).one()[0] or 0 for one in asked])

    async def other(self, user: str, workspace: str = "acme") -> "User":
        key = await self.ready.keys.create(workspace=workspace, user=user, role=Role.MEMBER)
        web = httpx2.ASGITransport(app=application(self.ready))
        headers = {"Authorization": f"Bearer {key}"}
        return User(httpx2.AsyncClient(transport=web, base_url="http://logs", headers=headers), self.ready)


Talks = Callable[..., AbstractAsyncContextManager[User]]


@pytest.fixture
def talks() -> Talks:
    @asynccontextmanager
    async def talk(**options: Any) -> AsyncIterator[User]:
        async with opened(Logs(), **options) as ready:
            yield await User(None, ready).other("dana")  # type: ignore[arg-type]

    return talk


async def test_five_megabytes_are_shown_by_their_head_and_read_on_page_by_page(talks: Talks, database_url: str) -> None:
    script = [call("readLog", lines=FIVE_MB), "Long.", call("readResult", handle="?", offset=9_990), "Read."]
    async with talks(script=script, database_url=database_url) as dana:
        [shown] = await dana.say("Read the log")
        kept, handle = len(shown["data"]["lines"]), shown["handle"]
        model = dana.ready.copilot.engine.models.get(None)
        model.script[-2] = call("readResult", handle=handle, offset=9_990)
        [_, page] = await dana.say("And its end?")

        assert (shown["data"]["lines"], shown["message"], shown["truncated"]) == (LINES[:kept], "10000 lines.", True)
        assert shown["cut"] == [{"at": "/data/lines", "kept": kept, "of": 10_000}]
        assert json.loads(model.asked[1][-1].text) == shown
        assert page == {
            "success": True,
            "data": {"at": "/data/lines", "offset": 9_990, "total": 10_000, "items": LINES[9_990:]},
            "message": "Items 9991 to 10000 of 10000.",
        }
        assert (await dana.http.get(f"/v1/threads/t1/results/{handle}")).json()["data"]["lines"] == LINES
        assert (await dana.kept(), await dana.largest_cell() < 100_000) == (1, True)
        assert (await dana.http.delete("/v1/threads/t1")).status_code == 204
        assert await dana.kept() == 0


async def test_a_write_is_kept_with_its_effect_and_its_handle_works_after_a_fork(
    talks: Talks, database_url: str
) -> None:
    script = [call("importLog"), "Imported.", call("readResult", handle="?"), "Read."]
    async with talks(script=script, database_url=database_url) as dana:
        [shown] = await dana.say("Import the log")
        dana.ready.copilot.engine.models.get(None).script[-2] = call(
            "readResult", handle=shown["handle"], at="/data/lines/3/text", offset=470
        )
        fork = (await dana.http.post("/v1/threads/t1/fork", json={})).json()["id"]
        [_, page] = await dana.say("Go on", fork)

        assert page["data"] == {"at": "/data/lines/3/text", "offset": 470, "total": 480, "text": "x" * 10}
        assert await dana.largest_cell() < 100_000


async def test_a_page_says_where_it_goes_on_and_wrong_places_are_told(talks: Talks) -> None:
    calls = [{"limit": 3}, {}, {"offset": 100}, {"at": "/data/rows"}, {"handle": "res_none"}]
    script = [call("readLog"), "Long.", [call("readResult", **{"handle": "?", **c}) for c in calls], "Read."]
    async with talks(script=script) as dana:
        handle = (await dana.say("Read the log"))[0]["handle"]
        model = dana.ready.copilot.engine.models.get(None)
        model.script[-2] = [call("readResult", **{"handle": handle, **c}) for c in calls]
        _, few, many, none, wrong, unknown = await dana.say("And more")

        assert (len(few["data"]["items"]), few["data"]["nextOffset"]) == (3, 3)
        assert few["message"] == "Items 1 to 3 of 100. There are more: go on with offset 3."
        assert len(json.dumps(many)) <= 20_000
        assert many["data"]["nextOffset"] == len(many["data"]["items"]) > 30
        assert none["message"] == "There are no more: it has 100 items."
        told = "The 'at' field names no part of this result; most of it is at /data/lines"
        assert wrong == {"success": False, "error": "validation_error", "message": told, "details": {"at": told}}
        told = "This conversation keeps no result with the handle 'res_none'"
        assert unknown == {"success": False, "error": "not_found", "message": told, "details": {"handle": told}}


async def test_a_kept_result_is_its_own_users_and_its_own_threads(talks: Talks) -> None:
    script = [call("readLog"), "Long.", *[call("readResult", handle="?"), "None."] * 3]
    async with talks(script=script) as dana:
        handle = (await dana.say("Read the log"))[0]["handle"]
        model = dana.ready.copilot.engine.models.get(None)
        model.script[2::2] = [call("readResult", handle=handle)] * 3
        others = [await dana.other("eve"), await dana.other("dana", "evil")]

        refused = [(await user.say("Read it", "t2"))[-1]["error"] for user in (dana, *others)]
        paths = [f"/v1/threads/t1/results/{handle}", f"/v1/threads/t2/results/{handle}"]
        statuses = [[(await user.http.get(path)).status_code for path in paths] for user in (dana, *others)]
        outside = await dana.http.post("/v1/actions/readResult", json={"handle": handle})

    assert refused == ["not_found"] * 3
    assert statuses == [[200, 404], [404, 404], [404, 404]]
    assert outside.json()["error"] == "not_found"


async def test_a_pages_own_result_is_kept_aside_too() -> None:
    rows = [{"n": n, "text": "é" * 400} for n in range(800)]
    offered = [{"name": "readTable", "description": "Read the table"}]
    script = [Call("readTable"), Say("Long.")]
    async with ScriptedOpenAI(script) as model, site(model) as here:
        page = await here.page()
        await page.say("Read the table", tools=offered)
        content = json.dumps({"success": True, "data": rows}, ensure_ascii=False)
        await page.answer_call("call_0_0", content, tools=offered)
        shown = told(model)[-1][1]
        stored = [json.loads(m["content"]) for m in await page.stored() if m["role"] == "tool"]
        whole = await page.http.get(f"/v1/threads/{page.thread}/results/{shown['handle']}")

        assert shown["data"] == rows[: len(shown["data"])]
        assert (shown["cut"], stored) == ([{"at": "/data", "kept": len(shown["data"]), "of": 800}], [shown])
        assert whole.json() == {"success": True, "data": rows}
        assert all(len(str(m["content"])) <= 20_000 for m in read_by(model)[1:])


async def test_the_limit_is_a_setting_and_the_rule_planner_shows_what_it_got(talks: Talks) -> None:
    async with talks(models=ChatModels("rule-planner"), settings={"result_chars": 2_000}) as dana:
        [shown] = await dana.say("read the log")
        said = (await dana.http.get("/v1/threads/t1/messages")).json()["messages"][-1]["content"]

    assert (len(shown["data"]["lines"]), len(json.dumps(shown)) <= 2_000) == (2, True)
    assert said.splitlines()[0] == "100 lines."
