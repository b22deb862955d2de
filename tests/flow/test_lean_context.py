"""Through HTTP: what a page tells is trimmed for the model, and the page hears what was cut."""

import json
import logging
import re
from typing import Any

import pytest

from copilot_core import Clock, Injected, Readables, action, hookimpl
from copilot_core.chat_models import ChatModels
from copilot_core.settings import Settings
from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI

from .conftest import Talk, events

DEAL = {
    "description": "Deal",
    "value": {"name": "Acme", "notes": "n" * 5_000, "html": "<p>Hello</p>", "steps": ["call", "meet"]},
}
ROWS = {"description": "Rows", "value": [{"row": number, "text": "x" * 50} for number in range(2_000)]}


@action
async def read_notes(readables: Injected[Readables]) -> dict[str, object]:
    """Read the notes of the open deal."""
    return {"success": True, "data": {"length": len(readables[0].value["notes"])}}


class Notes:
    @hookimpl
    def copilot_actions(self) -> Any:
        return [read_notes]


async def ask(talk: Talk, *readables: Any, **settings: Any) -> tuple[dict[str, Any], list[Any]]:
    """What the model was told in the last round, by description, and the events of AG-UI."""
    async with ScriptedOpenAI([Call("readNotes", {}), Say("Read.")]) as server:
        chosen = Settings(_env_file=None, OPENAI_API_KEY="sk-secret", OPENAI_BASE_URL=server.base_url)
        models = ChatModels("openai:test", settings=chosen)
        async with talk(Notes(), models=models, settings=settings) as client:
            body = {"messages": [{"role": "user", "content": "Read the notes"}], "readables": list(readables)}
            answer = await client.http.post("/v1/copilot", json=body)
            assert answer.status_code == 200
            system = server.requests[-1].body["messages"][0]["content"]
            told = re.findall(r'<data description="(.*?)">(.*?)</data>', system)
            return {name: json.loads(value) for name, value in told}, events(answer.content)


@pytest.mark.seed("S84")
async def test_a_model_reads_short_fields_without_html_and_an_action_reads_them_whole(talk: Talk) -> None:
    told, stream = await ask(talk, DEAL)

    assert told["Deal"] == {"name": "Acme", "notes": "n" * 199 + "…", "steps": ["call", "meet"]}
    [result] = [json.loads(event["content"]) for event in stream if event["type"] == "TOOL_CALL_RESULT"]
    assert result["data"] == {"length": 5_000}


@pytest.mark.seed("S84")
async def test_a_field_may_have_a_length_of_its_own(talk: Talk) -> None:
    told, _ = await ask(talk, DEAL, context_fields="notes=whole, steps=omit", context_text=100)

    assert told["Deal"] == {"name": "Acme", "notes": "n" * 5_000}


@pytest.mark.seed("S85")
async def test_the_whole_context_has_a_cap_and_model_and_page_are_told_what_was_cut(talk: Talk) -> None:
    told, stream = await ask(talk, DEAL, ROWS, context_tokens=1_000)

    kept = len(told["Rows"])
    notes = [
        "Deal: notes has 5,000 characters; the first 200 are told",
        "Deal: html is left out",
        f"Rows: the first {kept} of 2,000 entries are told",
    ]
    assert 0 < kept < 100
    assert told["Left out of this context for want of room"] == notes
    assert [e["value"] for e in stream if e["type"] == "CUSTOM" and e["name"] == "contextCut"] == [notes]


@pytest.mark.seed("S83")
async def test_a_readable_that_is_a_bare_id_is_warned_of_once(
    talk: Talk, caplog: pytest.LogCaptureFixture, fixed_clock: Clock
) -> None:
    thin = {"description": f"Deal at {fixed_clock.now()}", "value": "deal_8f3"}
    with caplog.at_level(logging.WARNING, "copilot_core.context"):
        await ask(talk, thin, DEAL)
        await ask(talk, thin, DEAL)

    assert [record.getMessage() for record in caplog.records if record.name == "copilot_core.context"] == [
        f"the readable {thin['description']!r} is thin: "
        "it is a bare value; tell an object with the fields that matter, such as name and status"
    ]
