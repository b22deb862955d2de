"""The server is killed with SIGKILL and started again: conversations and data are still there."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from copilot_core.testing.openai_server import Call, Hang, Say, ScriptedOpenAI

from .conftest import events, said

CLI = [sys.executable, "-m", "copilot_core.cli"]


@asynccontextmanager
async def serving(port: int, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*CLI, "serve", "--port", str(port), env=environment)
    try:
        async with httpx2.AsyncClient() as http:
            while True:
                try:
                    await http.get(f"http://127.0.0.1:{port}/healthz")
                    break
                except httpx2.TransportError:
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def make_key(environment: dict[str, str]) -> str:
    arguments = ["keys", "create", "--workspace", "acme", "--user", "dana", "--role", "member", "--json"]
    process = await asyncio.create_subprocess_exec(*CLI, *arguments, env=environment, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return str(json.loads(out)["key"])


async def ask(http: httpx2.AsyncClient, message: str, conversation: str | None) -> list[dict[str, Any]]:
    answer = await http.post("/api/copilot/chat", json={"message": message, "conversationId": conversation})
    assert answer.status_code == 200, answer.text
    return events(answer.content)


@pytest.mark.proof
@pytest.mark.seed("S101")
async def test_a_conversation_goes_on_after_kill_9_in_the_middle_of_an_answer(database_url: str) -> None:
    script = [
        Say("I will remember it."),
        Say(calls=[Call("unknownAction", {}, id="call_x")]),
        Hang(),
        Say("The word was plum."),
    ]
    port = free_port()
    async with ScriptedOpenAI(script) as model:
        environment = {
            **os.environ,
            "COPILOT_DATABASE_URL": database_url,
            "OPENAI_API_KEY": "x",
            "OPENAI_BASE_URL": model.base_url,
        }
        key = await make_key(environment)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as http:
            async with serving(port, environment) as server:
                conversation = (await ask(http, "The word is plum.", None))[0]["conversationId"]
                asked = asyncio.create_task(ask(http, "Do something.", conversation))
                while len(model.requests) < 3:  # noqa: ASYNC110 - another process asks
                    await asyncio.sleep(0.02)
                server.send_signal(signal.SIGKILL)
                with pytest.raises(httpx2.TransportError):
                    await asked
            async with serving(port, environment):
                stream = await ask(http, "What was the word?", conversation)

        assert said(stream) == "The word was plum."
        history = model.requests[-1].body["messages"][1:]
        assert [(m["role"], m.get("content")) for m in history if m["role"] != "tool"] == [
            ("user", "The word is plum."),
            ("assistant", "I will remember it."),
            ("user", "Do something."),
            ("assistant", None),
            ("user", "What was the word?"),
        ]
