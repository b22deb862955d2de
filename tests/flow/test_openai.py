"""The same server with an OpenAI-compatible model, over real HTTP on both sides."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from copilot_core.chat_models import ChatModels
from copilot_core.settings import Settings
from copilot_core.testing.openai_server import Call, Cut, Hang, Malformed, Say, ScriptedOpenAI, Status

from .conftest import Client, Talk, said

Ask = Callable[..., AbstractAsyncContextManager[tuple[Client, ScriptedOpenAI]]]


@pytest.fixture
def thinking(talk: Talk) -> Ask:
    """``async with thinking([...steps]) as (client, server)``."""

    @asynccontextmanager
    async def open_both(script: Any, **options: Any) -> AsyncIterator[tuple[Client, ScriptedOpenAI]]:
        async with ScriptedOpenAI(script) as server:
            chosen = Settings(_env_file=None, OPENAI_API_KEY="sk-secret", OPENAI_BASE_URL=server.base_url, **options)
            async with talk(models=ChatModels("openai:test", ["openai:other"], settings=chosen)) as client:
                yield client, server

    return open_both


async def test_tool_calls_stream_in_run_and_come_back_to_the_model(thinking: Ask) -> None:
    calls = [Call("createTask", {"title": "one"}), Call("createTask", {"title": "two"})]
    script = [Say(calls=calls), Say("Two tasks are made.")]
    async with thinking(script) as (client, server):
        stream = await client.ask("Create tasks one and two")

        assert sorted(title for title, _ in await client.tasks()) == ["one", "two"]
        assert said(stream) == "Two tasks are made."
        sent = server.requests[1].body["messages"]
        assert [m["role"] for m in sent] == ["system", "user", "assistant", "tool", "tool"]
        assert [m["tool_call_id"] for m in sent[3:]] == [c["id"] for c in sent[2]["tool_calls"]]
        assert {t["function"]["name"] for t in server.requests[0].body["tools"]} == {
            "readResult", "listIncidents", "createTask", "watch",
        }  # fmt: skip


async def test_after_ten_rounds_the_model_is_told_to_answer_without_tools(thinking: Ask) -> None:
    script = [*[Call("listIncidents", {})] * 10, Say("Enough.")]
    async with thinking(script) as (client, server):
        stream = await client.ask("Look again and again")

        assert said(stream) == "Enough."
        assert [r.body.get("tool_choice") for r in server.requests] == [*[None] * 10, "none"]


@pytest.mark.seed("S81")
async def test_the_header_chooses_the_model(thinking: Ask) -> None:
    async with thinking([Say("Hello."), Say("Hello.")]) as (client, server):
        await client.ask("hi", headers={"x-copilot-model": "other"})
        await client.ask("hi")

        assert [r.body["model"] for r in server.requests] == ["other", "test"]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([Status(401)], "The model provider refused the server's credentials."),
        ([Status(404)], "The model provider does not know this model."),
        ([Status(400)], "The model provider rejected the request."),
        ([Status(429, {"retry-after": "0"})] * 3, "The model provider allows no more requests for now."),
        ([Status(500, {"retry-after": "0"})] * 3, "The model provider failed."),
        ([Cut("Three")], "The model provider broke off its answer."),
        ([Malformed("Three")], "The model provider failed."),
    ],
)
async def test_a_failing_provider_is_one_error_event_without_its_secrets(
    thinking: Ask, steps: list[Any], told: str
) -> None:
    async with thinking([*steps, Say("Back again.")]) as (client, _):
        failed = await client.ask("hi")
        stream = await client.ask("and now?", failed[0]["conversationId"])

        assert [e["type"] for e in failed if e["type"] != "token"] == ["start", "error"]
        assert failed[-1]["error"] == told
        assert "sk-secret" not in str(failed)
        assert said(stream) == "Back again."


async def test_a_silent_provider_is_given_up(thinking: Ask) -> None:
    async with thinking([Hang(), Say("Back again.")], model_timeout=0.2) as (client, _):
        failed = await client.ask("hi")

        assert [e["type"] for e in failed] == ["start", "error"]
        assert said(await client.ask("again", failed[0]["conversationId"])) == "Back again."


async def test_what_was_said_before_the_connection_broke_stays_in_the_conversation(thinking: Ask) -> None:
    async with thinking([Cut("Three incidents are open"), Say("Back again.")]) as (client, server):
        failed = await client.ask("hi")
        await client.ask("and now?", failed[0]["conversationId"])

        assert said(failed) == "Three incidents are open"
        assert [m["content"] for m in server.requests[1].body["messages"][1:]] == [
            "hi",
            "Three incidents are open",
            "and now?",
        ]


async def test_malformed_arguments_are_told_to_the_model_and_nothing_runs(thinking: Ask) -> None:
    script = [Call("createTask", '{"title": "cut-0e5a'), Say("Sorry.")]
    async with thinking(script) as (client, server):
        stream = await client.ask("Create it")

        assert [e["toolStatus"] for e in stream if e["type"] == "tool_use"] == ["calling", "error"]
        assert await client.tasks() == []
        assert "validation_error" in server.requests[1].body["messages"][-1]["content"]


@pytest.mark.seed("S8")
async def test_tokens_reach_the_client_while_the_model_still_speaks(thinking: Ask) -> None:
    more = asyncio.Event()
    async with thinking([Say("one two", chunks=["one ", "two"], wait=more)]) as (client, _):
        body = {"message": "hi", "conversationId": None}
        async with client.http.stream("POST", "/api/copilot/chat", json=body) as stream:
            seen = b""
            async for chunk in stream.aiter_raw():
                seen += chunk
                if b"one " in seen and not more.is_set():
                    before = seen
                    more.set()

        assert (b"two" in before, b"two" in seen) == (False, True)
