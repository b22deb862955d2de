"""`copilot-core chat` against a real server."""

import asyncio
import os
import sys
from typing import Any

import pytest

from copilot_core import Role
from copilot_core.testing import call

from ..flow.conftest import Talk, talk  # noqa: F401 - the fixture of the flow tests


async def chat(*arguments: str, typed: str = "", **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
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


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        ("200 OK", 'data: {"type": "start", "conversationId": "1"}\n\n', "the answer broke off before it was complete"),
        ("502 Bad Gateway", "<html>", "/api/copilot/chat answered 502, and not as a copilot does"),
    ],
)
async def test_half_an_answer_and_a_stranger_are_told(status: str, body: str, told: str) -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(stranger, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        code, _, err = await chat("hi", COPILOT_KEY="x", COPILOT_URL=f"http://127.0.0.1:{port}")

    assert (code, len(err.splitlines())) == (1, 1)
    assert told in err


async def test_a_text_cannot_command_the_terminal(talk: Talk) -> None:  # noqa: F811
    async with talk(script=["Red: \x1b[31m and \x1b]0;title\x07.\nNext line [bold], 5\u00a0€."]) as client:
        status, out, _ = await chat("hi", **server(client))

    assert (status, out) == (0, "Red: [31m and ]0;title.\nNext line [bold], 5\u00a0€.\n")


async def test_a_refused_key_is_told_before_the_first_prompt(talk: Talk) -> None:  # noqa: F811
    async with talk() as client:
        status, out, err = await chat(**{**server(client), "COPILOT_KEY": "ck_wrong_key"})

    assert (status, out) == (1, "")
    assert err == "copilot-core: A valid bearer token is required. (unauthenticated)\n"
