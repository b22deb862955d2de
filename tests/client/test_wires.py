"""A client that never got a first byte posts again, on any wire: nothing runs twice."""

from typing import Any

import pytest

from copilot_core.client import final_text

from ..flow.conftest import Talk, events
from .conftest import copilot_of

pytestmark = pytest.mark.proof

BODIES: list[tuple[str, dict[str, Any]]] = [
    ("/api/copilot/chat", {"message": "hi", "conversationId": None, "runId": "r1"}),
    ("/v1/copilot", {"messages": [{"role": "user", "content": "hi"}], "runId": "r1"}),
]


@pytest.mark.parametrize(("path", "body"), BODIES, ids=["chat", "ag-ui"])
async def test_a_run_with_a_name_is_begun_once_also_where_its_conversation_has_none_yet(
    talk: Talk, path: str, body: dict[str, Any]
) -> None:
    async with talk(script=["Hello."]) as client:
        told = [events((await client.http.post(path, json=body)).content) for _ in range(2)]
        threads = (await client.http.get("/v1/threads")).json()["threads"]

    assert told[0] == told[1]
    assert len(threads) == 1


@pytest.mark.parametrize("name", ["<7/x=@mail.example>", "ö ☃", "a?b#c", "x%2Fy", "r:1", "t/messages", "r/events"])
async def test_runs_and_conversations_may_be_called_anything(talk: Talk, name: str) -> None:
    async with talk(script=["Hello."]) as client:
        copilot = copilot_of(client)

        assert await copilot.text("hi", run_id=name) == "Hello."
        assert await final_text(copilot.follow(name)) == "Hello."
        assert not await copilot.stop(name)
        assert len(await copilot.messages(name)) == 2
        assert (await copilot.rename(name, "Mail")).id == name
        assert (await copilot.fork(name)).title == "Mail"
        await copilot.delete(name)
