"""`GET /metrics`: what a scraper reads after real requests, to the last number."""

from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from copilot_core import Role
from copilot_core.testing import call, opened, served

from .conftest import Client, Talk, events

CHAT = "/api/copilot/chat"
Numbers = dict[str, float]


async def numbers(client: Client) -> Numbers:
    """Every count of ours; seconds are counted, not compared."""
    answer = await client.http.get("/metrics", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return {
        f"{sample.name.removeprefix('copilot_')}{' '.join(['', *sample.labels.values()])}": sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name.startswith("copilot_") and not sample.name.endswith(("_bucket", "_sum", "_created"))
    }


def of_runs(found: Numbers) -> Numbers:
    return {name: value for name, value in found.items() if not name.startswith("http_")}


async def test_reads_writes_and_an_answer_without_any_call(talk: Talk) -> None:
    write = [call("createTask", title="refuse"), call("createTask", title="Call Ada"), "Done."]
    async with talk(script=["Hello.", call("listIncidents"), "One.", *write]) as client:
        assert await numbers(client) == {"runs_going_on": 0}
        for message in ("Hi", "Incidents?", "Create the task Call Ada"):
            await client.ask(message)

        assert await numbers(client) == {
            "runs_total scripted finished": 3,
            "runs_going_on": 0,
            "run_seconds_count scripted": 3,
            "first_token_seconds_count scripted": 3,
            "rounds_total scripted": 6,
            "model_tokens_total input scripted": 0,
            "model_tokens_total output scripted": 0,
            "credits_total answer scripted": 1,
            "credits_total listIncidents scripted": 1,
            "credits_total createTask scripted": 1,
            "action_calls_total listIncidents ok": 1,
            "action_calls_total createTask failed": 1,
            "action_calls_total createTask ok": 1,
            "action_seconds_count listIncidents": 1,
            "action_seconds_count createTask": 2,
            "http_response_seconds_count /metrics 200": 1,
            f"http_response_seconds_count {CHAT} 200": 3,
        }


async def test_plans_that_a_person_approves_rejects_or_leaves(talk: Talk) -> None:
    delete = call("deleteTasks")
    script = [delete, "Deleted.", delete, "Kept.", delete, "Hello."]
    async with talk(script=script, role=Role.ADMIN) as client:
        for answer in ("yes", "no", "Something else"):
            [start, *_] = await client.ask("Delete all tasks")
            await client.ask(answer, start["conversationId"])

        assert of_runs(await numbers(client)) == {
            "runs_total scripted waiting": 3,
            "runs_total scripted finished": 3,
            "runs_going_on": 0,
            "run_seconds_count scripted": 6,
            "first_token_seconds_count scripted": 3,
            "rounds_total scripted": 6,
            "model_tokens_total input scripted": 0,
            "model_tokens_total output scripted": 0,
            "credits_total deleteTasks scripted": 1,
            "credits_total answer scripted": 2,
            "action_calls_total deleteTasks ok": 1,
            "action_calls_total deleteTasks refused": 1,
            "action_seconds_count deleteTasks": 1,
            "approvals_total asked": 3,
            "approvals_total approved": 1,
            "approvals_total rejected": 1,
            "approvals_total superseded": 1,
        }


async def test_what_is_refused_or_fails_is_told_by_its_code(talk: Talk) -> None:
    async with talk(script=[call("createTask", title="x")], role=Role.VIEWER) as client:
        await client.ask("Create a task")
        for path in ("/v1/runs/nothing", "/nowhere", "/v1/actions/createTask"):
            await client.http.post(path, json={})
        await client.http.post(CHAT, json={})
        await client.http.get("/v1/me", headers={"Authorization": "Bearer ck_x_y"})

        assert await numbers(client) == {
            "runs_total scripted failed": 1,
            "run_errors_total forbidden": 1,
            "runs_going_on": 0,
            "run_seconds_count scripted": 1,
            "rounds_total scripted": 1,
            "model_tokens_total input scripted": 0,
            "model_tokens_total output scripted": 0,
            "action_calls_total createTask denied": 1,
            "requests_refused_total validation_error": 2,
            "requests_refused_total not_found": 1,
            "requests_refused_total forbidden": 1,
            "requests_refused_total unauthenticated": 1,
            f"http_response_seconds_count {CHAT} 200": 1,
            f"http_response_seconds_count {CHAT} 422": 1,
            "http_response_seconds_count /v1/runs/{run_id:path} 405": 1,
            "http_response_seconds_count none 404": 1,
            "http_response_seconds_count /v1/actions/{name} 403": 1,
            "http_response_seconds_count /v1/me 401": 1,
        }


async def test_a_run_is_counted_where_it_runs_however_often_it_is_read(talk: Talk, tmp_path: Path) -> None:
    database_url = f"sqlite:///{tmp_path / 'one.db'}"
    async with talk(script=["Hello."], database_url=database_url) as client:
        begun = {"message": "Hi", "conversationId": None, "runId": "run_1"}
        for _ in range(2):
            await client.http.post(CHAT, json=begun)
        async with opened(database_url=database_url) as other, served(other) as url:
            bearer = {"Authorization": client.http.headers["Authorization"]}
            async with httpx2.AsyncClient(base_url=url, headers=bearer) as http:
                log = events((await http.get("/v1/runs/run_1/events")).content)
                elsewhere = of_runs(await numbers(Client(http, other)))

        assert log[-1]["type"] == "RunFinished"
        assert (await numbers(client))["runs_total scripted finished"] == 1
        assert elsewhere == {"runs_going_on": 0}


async def test_no_label_has_what_a_model_a_page_or_a_user_made_up(talk: Talk) -> None:
    tool = {"name": "evil_page", "description": "x", "parameters": {"type": "object", "properties": {}}}
    script = [call("evil_model"), "No.", call("evil_page")]
    async with talk(script=script) as client:
        await client.ask("evil_text")
        user = {"id": "u1", "role": "user", "content": "Do it"}
        body = {"threadId": "evil_thread", "runId": "evil_run", "messages": [user], "tools": [tool]}
        await client.http.post("/v1/copilot", json=body)
        asked = await client.http.get("/v1/threads/evil_path")
        found = await numbers(client)

        assert asked.status_code == 404
        assert found["action_calls_total other failed"] == 1
        assert [name for name in found if any(word in name for word in ("evil", "dana", "acme"))] == []


async def test_a_call_outside_a_conversation_is_counted_like_one_in_it(talk: Talk) -> None:
    async with talk() as client:
        await client.http.post("/v1/actions/listIncidents", json={})
        await client.http.post("/v1/actions/listIncidents", json={"severity": 5})

        assert of_runs(await numbers(client)) == {
            "runs_going_on": 0,
            "action_calls_total listIncidents ok": 1,
            "action_calls_total listIncidents failed": 1,
            "action_seconds_count listIncidents": 2,
            "requests_refused_total validation_error": 1,
        }
