"""The seed's own JavaScript, unchanged, against a real server."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from copilot_core.testing import call
from copilot_core.testing.pytest_plugin import require

from .conftest import Talk

DATA = Path(__file__).parent / "data"


@pytest.mark.node
@pytest.mark.seed("S97")
async def test_the_seeds_javascript_consumer_reads_the_whole_answer(talk: Talk) -> None:
    node = shutil.which("node")
    require(node, "Node is not installed")
    answer = "Größe ☃ " * 200 + "end"
    async with talk(script=[call("listIncidents"), answer]) as client:
        consumer = await asyncio.create_subprocess_exec(
            str(node),
            "--import",
            str(DATA / "browser.mjs"),
            str(DATA / "seed_consumer.mjs"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "BASE_URL": str(client.http.base_url),
                "TOKEN": client.http.headers["Authorization"].removeprefix("Bearer "),
            },
        )
        out, err = await consumer.communicate()
        [thread] = (await client.http.get("/v1/threads")).json()["threads"]

    assert err.decode() == ""
    assert out.decode() == f"conversationId: {thread['id']}\nFull response: {answer}\n"
