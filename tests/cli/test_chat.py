"""`copilot-core chat` against a real server."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from copilot_core import Role
from copilot_core.testing import call, opened, served
from copilot_core.testing.openai_server import Say, ScriptedOpenAI

from ..client.conftest import Cutting, cutting, never, scripted  # noqa: F401 - the fixture of the client's tests
from ..flow.conftest import Talk, talk  # noqa: F401 - the fixture of the flow tests

pytestmark = pytest.mark.proof


async def started(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "copilot_core.cli",
        "chat",
        *arguments,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def chat(*arguments: str, typed: str = "", **environment: str) -> tuple[int, str, str]:
    process = await started(*arguments, **environment)
    out, err = await process.communicate(typed.encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def server(client: Any) -> dict[str, str]:
    bearer = client.http.headers["Authorization"].removeprefix("Bearer ")
    return {"COPILOT_URL": str(client.http.base_url), "COPILOT_KEY": bearer}


async def test_one_message_is_answered_without_escape_codes_where_there_is_no_terminal(talk: Talk) -> None:  # noqa: F811
    async with talk(script=[call("createTask", title="x"), "Created it: [x](/tasks/x)."]) as client:
        outcome = await chat("Create", "a", "task", **server(client))

    assert outcome == (
        0,
        "… createTask\n✓ createTask\nCreated it: [x](/tasks/x).\nsources: Create Task\n\n",
        "",
    )


async def test_a_conversation_goes_on_is_listed_and_opened_again(talk: Talk) -> None:  # noqa: F811
    typed = "I am Dana\nWho am I?\n/history\n/new\n/open 1\n/actions\n/nonsense\n/open 7\n/quit\n"
    async with talk(script=["Hello Dana.", "You are Dana."]) as client:
        status, out, err = await chat(typed=typed, **server(client))
        model = client.ready.copilot.engine.models.get(None)

    assert (status, err) == (0, "")
    assert [m.text for m in model.asked[1][1:]] == ["I am Dana", "Hello Dana.", "Who am I?"]
    assert out.count("You are Dana.") == 2
    assert "listIncidents  List incidents." in out
    assert "say /history first" in out


async def test_an_error_is_told_and_is_the_exit_status(talk: Talk) -> None:  # noqa: F811
    async with talk(script=[call("createTask", title="x")], role=Role.VIEWER) as client:
        status, out, _ = await chat("Create x", **server(client))

    assert status == 1
    assert "Your role (viewer) is read-only; Create Task needs write access." in out


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"COPILOT_KEY": ""}, "copilot-core: no key; pass --key or set COPILOT_KEY"),
        (
            {"COPILOT_KEY": "x", "COPILOT_URL": "http://127.0.0.1:9"},
            "copilot-core: http://127.0.0.1:9 does not answer:",
        ),
    ],
)
async def test_no_key_and_no_server_are_told_in_one_line(environment: dict[str, str], told: str) -> None:
    status, out, err = await chat("hi", **environment)

    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith(told)


async def test_a_stranger_is_told() -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<html>")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(stranger, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        code, _, err = await chat("hi", COPILOT_KEY="x", COPILOT_URL=f"http://127.0.0.1:{port}")

    assert (code, len(err.splitlines())) == (1, 1)
    assert "/v1/threads?archived=false&limit=1 answered 502, and not as a copilot does" in err


async def test_a_conversation_that_is_not_there_is_told(talk: Talk) -> None:  # noqa: F811
    async with talk() as client:
        status, out, err = await chat("hi", "--conversation", "mistyped", **server(client))

    assert (status, out, err) == (1, "", "copilot-core: There is no such conversation. (not_found)\n")


async def test_an_answer_outlives_a_restart_of_the_server(tmp_path: Path, cutting: Cutting) -> None:  # noqa: F811
    script = [Say(chunks=["half ", "an answer"], wait=asyncio.Event()), Say("The whole answer.")]
    database = f"sqlite:///{tmp_path / 'test.db'}"
    async with ScriptedOpenAI(script) as model, cutting(never) as proxy:
        async with opened(database_url=database, models=scripted(model)) as ready, served(ready) as url:
            proxy.target = url
            key = await ready.keys.create(workspace="acme", user="dana", role=Role.MEMBER)
            process = await started("hi", COPILOT_KEY=key, COPILOT_URL=f"{proxy.url}/x")
            assert process.stdout is not None
            assert await process.stdout.readexactly(5) == b"half "
            await ready.copilot.close(patience=0)
        async with opened(database_url=database, models=scripted(model)) as ready, served(ready) as url:
            proxy.target = url
            out, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")
    assert out.decode() == "\nThe server was restarted, and begins this part again.\nThe whole answer.\n"


async def test_a_text_cannot_command_the_terminal(talk: Talk) -> None:  # noqa: F811
    async with talk(script=["Red: \x1b[31m and \x1b]0;title\x07.\nNext line [bold], 5\u00a0€."]) as client:
        status, out, _ = await chat("hi", **server(client))

    assert (status, out) == (0, "Red: [31m and ]0;title.\nNext line [bold], 5\u00a0€.\n")


async def test_a_refused_key_is_told_before_the_first_prompt(talk: Talk) -> None:  # noqa: F811
    async with talk() as client:
        status, out, err = await chat(**{**server(client), "COPILOT_KEY": "ck_wrong_key"})

    assert (status, out) == (1, "")
    assert err == "copilot-core: A valid bearer token is required. (unauthenticated)\n"


async def test_ctrl_c_stops_reading_and_the_talk_goes_on(talk: Talk) -> None:  # noqa: F811
    more = asyncio.Event()
    script = [Say(chunks=["half ", "an answer"], wait=more), Say("Next.")]
    async with ScriptedOpenAI(script) as model, talk(models=scripted(model)) as client:
        process = await started(**server(client))
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"hi\n")
        read = b""
        while not read.endswith(b"half "):
            read += await process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        while not read.endswith(b"in the conversation.\n"):
            read += await process.stdout.read(1)
        out, err = await process.communicate(b"/new\nhi\n/quit\n")
        more.set()

    assert (process.returncode, err) == (0, b"")
    assert b"Next." in out
