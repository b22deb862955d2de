"""The stream itself: silence, leaving, being called from a page."""

import asyncio
from typing import Any

import httpx2
import pytest

from copilot_core.chat_models import ChatModels
from copilot_core.fastapi import stream as streaming
from copilot_core.server import application, deployment
from copilot_core.settings import Settings
from copilot_core.testing.openai_server import Say, ScriptedOpenAI

from .conftest import Talk, events, said

BODY = {"message": "hi", "conversationId": None}


def models(server: ScriptedOpenAI) -> ChatModels:
    chosen = Settings(_env_file=None, OPENAI_API_KEY="x", OPENAI_BASE_URL=server.base_url)
    return ChatModels("openai:test", settings=chosen)


async def test_a_silent_stream_is_kept_alive_by_comments(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "KEEP_ALIVE_SECONDS", 0.02)
    more = asyncio.Event()
    async with (
        ScriptedOpenAI([Say(chunks=["one ", "two"], wait=more)]) as server,
        talk(models=models(server)) as client,
        client.http.stream("POST", "/api/copilot/chat", json=BODY) as stream,
    ):
        whole = b""
        async for chunk in stream.aiter_raw():
            whole += chunk
            if whole.count(b": keep-alive\n\n") == 2:
                more.set()

    assert said(events(whole)) == "one two"


async def test_a_reader_that_leaves_does_not_stop_the_run(talk: Talk) -> None:
    more = asyncio.Event()
    async with (
        ScriptedOpenAI([Say(chunks=["one ", "two"], wait=more)]) as server,
        talk(models=models(server)) as client,
    ):
        async with client.http.stream("POST", "/api/copilot/chat", json=BODY) as stream:
            conversation = events(await anext(stream.aiter_raw()))[0]["conversationId"]
        more.set()
        path, answer = f"/v1/threads/{conversation}/messages", ""
        while not answer:
            answer = "".join(
                m["content"] for m in (await client.http.get(path)).json()["messages"] if m["role"] == "assistant"
            )

    assert answer == "one two"


async def test_a_second_message_while_one_is_answered_is_409_with_retry_after(talk: Talk) -> None:
    more = asyncio.Event()
    async with (
        ScriptedOpenAI([Say(chunks=["one ", "two"], wait=more), Say("Yes.")]) as server,
        talk(models=models(server)) as client,
    ):
        async with client.http.stream("POST", "/api/copilot/chat", json=BODY) as stream:
            chunks = stream.aiter_raw()
            conversation = events(await anext(chunks))[0]["conversationId"]
            busy = await client.http.post("/api/copilot/chat", json={**BODY, "conversationId": conversation})
            more.set()
            async for _ in chunks:
                pass

        assert (busy.status_code, busy.json()["error"]["code"]) == (409, "thread_busy")
        assert int(busy.headers["retry-after"]) >= 1
        assert said(await client.ask("and now?", conversation)) == "Yes."


@pytest.mark.parametrize(("origin", "allowed"), [("https://app.example", True), ("https://evil.example", False)])
async def test_only_pages_of_the_origins_in_the_settings_may_call_and_they_can_read_errors(
    tmp_path: Any, origin: str, allowed: bool
) -> None:
    settings = Settings(
        _env_file=None, database_url=f"sqlite:///{tmp_path / 'x.db'}", cors_origins=("https://app.example",)
    )
    async with deployment(settings, plugins=[]) as ready:
        transport = httpx2.ASGITransport(app=application(ready))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
            asked = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            }
            preflight = await http.options("/api/copilot/chat", headers=asked)
            refused = await http.post("/api/copilot/chat", json=BODY, headers={"Origin": origin})

    assert (preflight.status_code == 200, refused.status_code) == (allowed, 401)
    assert (refused.headers.get("access-control-allow-origin") == origin) == allowed


async def test_health_needs_no_key_and_readiness_asks_the_database(talk: Talk) -> None:
    async with talk() as client:
        del client.http.headers["Authorization"]

        assert (await client.http.get("/healthz")).json() == {"status": "up"}
        assert (await client.http.get("/readyz")).json() == {"status": "ready"}
        page = await client.http.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "ck_" not in page.text


async def test_the_openapi_document_names_every_wire(talk: Talk) -> None:
    async with talk() as client:
        told = (await client.http.get("/openapi.json")).json()

    assert {"/api/copilot/chat", "/v1/copilot", "/v1/ai-sdk", "/v1/runs/{run_id}/events"} <= set(told["paths"])
