"""The server stops in the middle of an answer and starts again on the same database: the client reads on."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from copilot_core import Role
from copilot_core.client import CopilotClient, final_text
from copilot_core.events import Event, MessagesSnapshot, RunFinished, RunStarted, TextDelta
from copilot_core.testing import opened, served
from copilot_core.testing.openai_server import Hang, Say, ScriptedOpenAI

from ..flow.test_restart import free_port, make_key, serving
from .conftest import Cutting, never, scripted

pytestmark = pytest.mark.proof


async def replay(events: list[Event]) -> str:
    async def told() -> object:
        for event in events:
            yield event

    return await final_text(told())  # type: ignore[arg-type]


async def test_an_answer_goes_on_after_the_server_was_stopped_and_started_again(
    database_url: str, cutting: Cutting
) -> None:
    script = [Say(chunks=["half ", "an answer"], wait=asyncio.Event()), Say("The whole answer.")]
    back, told = asyncio.Event(), []

    async def until_back(_seconds: float) -> None:
        await back.wait()

    async with ScriptedOpenAI(script) as model, cutting(never) as proxy:
        async with opened(database_url=database_url, models=scripted(model)) as ready, served(ready) as url:
            proxy.target = url
            key = await ready.keys.create(workspace="acme", user="dana", role=Role.MEMBER)
            copilot = CopilotClient(f"{proxy.url}/x", key, sleep=until_back)
            asked = copilot.ask("hi")
            async for event in asked:
                told.append(event)
                if isinstance(event, TextDelta):
                    break
            await ready.copilot.close(patience=0)
        proxy.target = None
        async with opened(database_url=database_url, models=scripted(model)) as ready, served(ready) as url:
            proxy.target = url
            back.set()
            told += [event async for event in asked]
            started = told[0]
            assert isinstance(started, RunStarted)
            logged = [event async for event in copilot.follow(started.run_id)]
            await copilot.close()

    assert told == logged
    assert [type(event) for event in told].count(MessagesSnapshot) == 1
    assert await replay(told) == "The whole answer."


@pytest.mark.proof
async def test_an_answer_goes_on_after_kill_9(tmp_path: Path) -> None:
    port, told = free_port(), []
    async with ScriptedOpenAI([Say("First."), Hang(), Say("The whole answer.")]) as model:
        environment = {
            **os.environ,
            "COPILOT_DATABASE_URL": f"sqlite:///{tmp_path / 'test.db'}",
            "OPENAI_API_KEY": "x",
            "OPENAI_BASE_URL": model.base_url,
        }
        key = await make_key(environment)
        async with CopilotClient(f"http://127.0.0.1:{port}", key) as copilot:
            async with serving(port, environment) as server:
                await copilot.text("hello", thread_id="t")
                asked = copilot.ask("hi", thread_id="t")
                told.append(await anext(asked))
                while len(model.requests) < 2:  # noqa: ASYNC110 - another process asks
                    await asyncio.sleep(0.02)
                server.send_signal(signal.SIGKILL)
                await server.wait()
            rest = asyncio.create_task(collected(asked))
            async with serving(port, environment):
                told += await rest

    assert isinstance(told[-1], RunFinished)
    assert await replay(told) == "The whole answer."
    said = [m["content"] for m in told_messages(told) if m["role"] == "user"]
    assert said == ["hello", "hi"]


async def collected(events: object) -> list[Event]:
    return [event async for event in events]  # type: ignore[attr-defined]


def told_messages(told: list[Event]) -> list[dict[str, str]]:
    [snapshot] = [event for event in told if isinstance(event, MessagesSnapshot)]
    return [dict(message) for message in snapshot.messages]
