"""clients/js/copilot.js, run by Node, against a real server."""

import asyncio
import dataclasses
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic.alias_generators import to_camel

from copilot_core import Role, events
from copilot_core.testing import call, opened, served
from copilot_core.testing.openai_server import Say, ScriptedOpenAI
from copilot_core.testing.pytest_plugin import require

from ..flow.conftest import Talk, said
from .conftest import Cutting, after_bytes, after_events, copilot_of, key_of, never, scripted

pytestmark = [pytest.mark.node, pytest.mark.proof]
DATA = Path(__file__).parent / "data"
CLIENT = Path(__file__).parents[2] / "clients" / "js"
ANSWER = "Größe ☃ two three"
Call = tuple[str, dict[str, Any]]


async def node(*arguments: str | Path, **environment: str) -> asyncio.subprocess.Process:
    found = shutil.which("node")
    require(found, "Node is not installed")
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        str(found), *map(str, arguments), env={**os.environ, **environment}, stdout=pipe, stderr=pipe
    )


def job(calls: list[Call], *, live: bool = False, **options: Any) -> str:
    return json.dumps({"calls": calls, "options": options, "live": live})


async def outcomes(client: Any, *calls: Call, **options: Any) -> list[Any]:
    """What each call came to: ``{events}``, ``{value}`` or ``{error}``."""
    asked = job(list(calls), **{"url": str(client.http.base_url), "key": key_of(client), **options})
    process = await node(DATA / "consumer.mjs", JOB=asked)
    out, err = await process.communicate()
    assert err.decode() == ""
    return [json.loads(line) for line in out.splitlines()]


async def test_it_reads_every_form_of_a_stream() -> None:
    process = await node("--test", DATA / "reading.mjs")
    out, _ = await process.communicate()

    assert process.returncode == 0, out.decode()


async def test_an_answer_comes_on_either_wire(talk: Talk) -> None:
    script = [call("listIncidents", severity="high"), ANSWER, "Hello again."]
    async with talk(script=script) as client:
        [six] = await outcomes(client, ("chat", {"message": "hi"}))
        thread = six["events"][0]["conversationId"]
        [domain] = await outcomes(client, ("run", {"message": "hi", "threadId": thread}))
        run_id = domain["events"][0]["runId"]
        told = [event async for event in copilot_of(client).follow(run_id)]

    assert said(six["events"]) == ANSWER
    assert [event["type"] for event in six["events"] if event["type"] != "token"] == [
        "start",
        "tool_use",
        "tool_use",
        "sources",
        "done",
    ]
    assert [events.loaded(event) for event in domain["events"]] == told


async def test_events_come_once_and_in_order_wherever_in_the_stream_the_connection_breaks(
    talk: Talk, cutting: Cutting
) -> None:
    async with talk(script=[call("listIncidents"), ANSWER]) as client, cutting(after_bytes) as proxy:
        proxy.target = str(client.http.base_url)
        asked = {"message": "hi", "runId": "r"}  # which is its conversation's id, too
        [six] = await outcomes(client, ("chat", asked))
        [domain] = await outcomes(client, ("follow", {"runId": "r"}))
        body = (await client.http.get("/v1/runs/r/events")).content
        positions = range(0, len(body), 29)
        calls: list[Call] = []
        for position in positions:
            calls += [("chat", {**asked, "url": f"{proxy.url}/{position}"})]
            calls += [("follow", {"runId": "r", "url": f"{proxy.url}/{position}.0"})]
        assert await outcomes(client, *calls) == [six, domain] * len(positions)

    assert len(proxy.requests) > 3 * len(positions)


@pytest.mark.parametrize("count", [1, 3])
async def test_an_answer_is_whole_although_no_connection_brings_more_than_a_few_events(
    talk: Talk, cutting: Cutting, count: int
) -> None:
    async with talk(script=[ANSWER, ANSWER]) as client, cutting(after_events) as proxy:
        proxy.target = str(client.http.base_url)
        cut = {"message": "hi", "url": f"{proxy.url}/{count}"}
        [six, domain] = await outcomes(client, ("chat", {**cut, "runId": "7/ö%2F:1"}), ("run", cut))
        threads = (await client.http.get("/v1/threads")).json()["threads"]

    assert said(six["events"]) == ANSWER
    assert "".join(event.get("delta", "") for event in domain["events"]) == ANSWER
    assert len(threads) == 2


@pytest.mark.parametrize("position", [0, 1, 20, 150])
async def test_a_run_is_begun_once_wherever_the_answer_to_the_question_breaks(
    talk: Talk, cutting: Cutting, position: int
) -> None:
    async with talk(script=[ANSWER, ANSWER]) as client, cutting(after_bytes) as proxy:
        proxy.target = str(client.http.base_url)
        six, domain = ({"message": "hi", "url": f"{proxy.url}/{case}"} for case in (f"{position}", f"{position}.0"))
        told = await outcomes(client, ("chat", six), ("run", domain))
        threads = (await client.http.get("/v1/threads")).json()["threads"]

    assert [outcome["events"][-1]["type"] for outcome in told] == ["done", "RunFinished"]
    assert len(threads) == 2


async def test_a_question_that_never_arrived_is_asked_again(talk: Talk, cutting: Cutting) -> None:
    async with talk(script=[ANSWER, ANSWER]) as client, cutting(never) as proxy:
        proxy.target, proxy.missed = str(client.http.base_url), 2
        told = await outcomes(
            client,
            ("chat", {"message": "hi", "url": f"{proxy.url}/a"}),
            ("run", {"message": "hi", "url": f"{proxy.url}/b"}),
        )

    assert [outcome["events"][-1]["type"] for outcome in told] == ["done", "RunFinished"]


async def test_an_answer_goes_on_after_the_server_was_stopped_and_started_again(
    tmp_path: Path, cutting: Cutting
) -> None:
    script = [Say(chunks=["half ", "an answer"], wait=asyncio.Event()), Say("The whole answer.")]
    database = f"sqlite:///{tmp_path / 'test.db'}"
    async with ScriptedOpenAI(script) as model, cutting(never) as proxy:
        async with opened(database_url=database, models=scripted(model)) as ready, served(ready) as url:
            proxy.target = url
            key = await ready.keys.create(workspace="acme", user="dana", role=Role.MEMBER)
            asked = job([("chat", {"message": "hi"})], live=True, url=f"{proxy.url}/x", key=key, tries=10_000)
            process = await node(DATA / "consumer.mjs", JOB=asked)
            assert process.stderr is not None
            while b"half " not in await process.stderr.readline():
                pass
            await ready.copilot.close(patience=0)
        async with opened(database_url=database, models=scripted(model)) as ready, served(ready) as url:
            proxy.target = url
            out, _ = await process.communicate()

    told = json.loads(out)["events"]
    assert [event["type"] for event in told if event["type"] != "token"] == ["start", "done"]
    assert said(told) == "half The whole answer."


async def test_a_refusal_is_told_with_all_that_the_server_says(talk: Talk) -> None:
    more = asyncio.Event()
    async with (
        ScriptedOpenAI([Say(chunks=["one ", "two"], wait=more)]) as model,
        talk(models=scripted(model)) as client,
    ):
        first = copilot_of(client).ask("count", thread_id="t")
        await anext(first)
        [busy, wrong, stranger] = await outcomes(
            client,
            ("chat", {"message": "and?", "conversationId": "t"}),
            ("run", {"message": "hi", "model": "another"}),
            ("threads", {"key": "ck_x"}),
        )
        more.set()
        await anext(first)
        await first.aclose()

    told = busy["error"]
    assert (told["name"], told["code"], told["status"]) == ("CopilotError", "thread_busy", 409)
    assert told["retryAfter"] == told["details"]["retryAfter"] >= 1
    assert (wrong["error"]["code"], stranger["error"]["status"]) == ("model_not_allowed", 401)


async def test_a_run_is_stopped(talk: Talk) -> None:
    async with (
        ScriptedOpenAI([Say(chunks=["one ", "two"], wait=asyncio.Event())]) as model,
        talk(models=scripted(model)) as client,
    ):
        async for event in copilot_of(client).ask("count", run_id="r"):
            if isinstance(event, events.TextDelta):
                break
        told = await outcomes(client, ("stop", {"runId": "r"}), ("follow", {"runId": "r"}), ("stop", {"runId": "r"}))

    assert [told[0], told[2]] == [{"value": True}, {"value": False}]
    assert told[1]["events"][-1]["stopped"]


async def test_an_open_question_is_answered(talk: Talk) -> None:
    script = [call("deleteTasks"), "Not done.", call("deleteTasks"), "Done."]
    async with talk(script=script, role=Role.ADMIN) as client:
        answers = []
        for name in ("decline", "approve"):
            [asked] = await outcomes(client, ("run", {"message": "delete them", "threadId": "t"}))
            question = asked["events"][-1]["waiting"]["id"]
            answers += await outcomes(client, (name, {"threadId": "t", "questionId": question}))

    assert ["".join(event.get("delta", "") for event in told["events"]) for told in answers] == ["Not done.", "Done."]


async def test_conversations_are_listed_searched_renamed_put_away_copied_and_deleted(talk: Talk) -> None:
    async with talk(script=["1", "2"]) as client:
        for message in ("open invoices", "late orders"):
            await copilot_of(client).text(message, thread_id=message)
        first = {"threadId": "open invoices"}
        [page, found, shown, renamed, away, archived, back, copy, gone, missing] = await outcomes(
            client,
            ("threads", {"limit": 1}),
            ("threads", {"q": "open inv", "archived": False}),
            ("conversation", first),
            ("rename", {**first, "title": "Billing"}),
            ("archive", first),
            ("threads", {"archived": True}),
            ("archive", {**first, "archived": False}),
            ("fork", first),
            ("remove", first),
            ("conversation", first),
        )
        [rest] = await outcomes(client, ("threads", {"cursor": page["value"]["nextCursor"]}))

    assert [thread["title"] for thread in page["value"]["threads"]] == ["late orders"]
    assert [thread["id"] for thread in found["value"]["threads"]] == ["open invoices"]
    assert [message["content"] for message in shown["value"]["messages"]] == ["open invoices", "1"]
    assert (renamed["value"]["title"], away["value"]["archived"], back["value"]["archived"]) == ("Billing", True, False)
    assert [thread["id"] for thread in archived["value"]["threads"]] == ["open invoices"]
    assert copy["value"]["title"] == "Billing"
    assert gone == {"value": None}
    assert missing["error"]["code"] == "not_found"
    assert rest["value"]["threads"] == []


def test_the_types_name_every_event_and_every_member() -> None:
    page = (CLIENT / "copilot.d.ts").read_text()
    named = dict(re.findall(r"\{ type: '([A-Z]\w+)'(.*)", page))
    named["ApprovalRequested"] = re.findall(r"interface Approval \{(.*?)\n\}", page, re.DOTALL)[0]

    for kind in get_args(events.Event):
        names = [to_camel(field.name) for field in dataclasses.fields(kind)]
        assert re.findall(r"(?:; |^  )(\w+)\??:", named.pop(kind.__name__), re.MULTILINE) == names, kind
    assert named == {}


def test_it_stays_small_and_without_dependencies() -> None:
    source = (CLIENT / "copilot.js").read_text()

    assert len(source.splitlines()) < 250
    assert not re.search(r"^import |require\(", source, re.MULTILINE)
