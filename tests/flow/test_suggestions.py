"""`POST /v1/suggestions`, as a page asks: fixed, by page, of instructions, and never in the thread."""

from typing import Any

import pytest
from sqlmodel import text

from copilot_core.suggestions import TOOL
from copilot_core.testing import call

from .conftest import Client, Talk

STATIC = ["Show my overdue tasks", "Create a follow-up task for this deal", "What should I focus on today?"]
ASK = "Suggest helpful actions based on the current page"
USUAL = ["What can you help me with?"]


async def suggested(client: Client, **body: Any) -> list[dict[str, str]]:
    answer = await client.http.post("/v1/suggestions", json=body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, str]] = answer.json()["suggestions"]
    return found


def page(**told: str) -> list[dict[str, Any]]:
    return [{"description": "Current page context", "value": told}]


@pytest.mark.seed("S57", "S59")
async def test_a_pages_own_list_and_the_rules_by_page_need_no_model(talk: Talk) -> None:
    deal = page(pageType="moduleRecord", moduleSlug="deals", moduleName="Deals", recordId="rec_1")
    async with talk() as dana:  # its script is empty: a model that is asked fails
        told = {
            "static": await suggested(dana, suggestions=STATIC, instructions=ASK, readables=deal),
            "none": await suggested(dana, suggestions=[]),
            "record": await suggested(dana, readables=deal),
            "dashboard": await suggested(dana, readables=page(pageType="dashboard")),
            "list": await suggested(dana, readables=page(pageType="moduleList", moduleSlug="deals")),
            "nothing": await suggested(dana),
        }

    assert told == {
        place: [{"title": prompt, "message": prompt} for prompt in prompts]
        for place, prompts in {
            "static": STATIC,
            "none": [],
            "record": ["Show related Deals records", "Add a note to this record", "Create a follow-up task"],
            "dashboard": ["Add a chart widget", "Show my pipeline metrics", "What needs attention today?"],
            "list": USUAL,
            "nothing": USUAL,
        }.items()
    }


@pytest.mark.seed("S58", "S60")
async def test_instructions_are_a_models_and_leave_no_trace_in_the_thread(talk: Talk) -> None:
    offered = [{"title": "Move on", "message": "Move the deal to the next stage"}]
    async with talk(script=["Hello.", call(TOOL, suggestions=offered)]) as dana:
        [start, *_] = await dana.ask("hi")
        thread = f"/v1/threads/{start['conversationId']}"
        before = await stored(dana), (await dana.http.get(f"{thread}/messages")).json()
        said = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello."}]
        found = await suggested(dana, instructions=ASK, messages=said, threadId=start["conversationId"])
        after = await stored(dana), (await dana.http.get(f"{thread}/messages")).json()

    assert found == offered
    assert before == after


async def test_a_body_of_another_form_names_its_field(talk: Talk) -> None:
    bodies: list[tuple[dict[str, Any], str]] = [
        ({"suggestions": "Show my tasks"}, "suggestions"),
        ({"suggestions": [1]}, "suggestions"),
        ({"instructions": 7}, "instructions"),
        ({"messages": "hi"}, "messages"),
        ({"readables": [{"value": 1}]}, "readables[0].description"),
    ]
    async with talk() as dana:
        answers = [await dana.http.post("/v1/suggestions", json=body) for body, _ in bodies]

    told = [(answer.status_code, answer.json()["error"]["details"]["field"]) for answer in answers]
    assert told == [(422, field) for _, field in bodies]


async def stored(client: Client) -> dict[str, Any]:
    """Every row of every table, but how often somebody has asked."""
    async with client.ready.database.session() as session:
        named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'copilot_rate'"
        tables = [name for (name,) in await session.exec(text(named))]
        return {table: [tuple(row) for row in await session.exec(text(f'SELECT * FROM "{table}"'))] for table in tables}
