"""An answer that is given again, after a regeneration, an edit or a fork, writes nothing a second time by itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from sqlmodel import text

from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI, Step

from .page import Page, Site, site

pytestmark = pytest.mark.proof

MILK = Call("addTask", {"title": "milk"})
BREAD = Call("addTask", {"title": "bread"})


@asynccontextmanager
async def talk(*script: Step, database_url: str) -> AsyncIterator[tuple[Site, Page]]:
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(ScriptedOpenAI(list(script)))
        here = await stack.enter_async_context(site(model, database_url=database_url))
        yield here, await here.page()


async def fork(here: Site, page: Page, message_id: str) -> Page:
    """The user's page on a fork of the page's thread that ends with that message."""
    answer = await page.http.post(f"/v1/threads/{page.thread}/fork", json={"messageId": message_id})
    assert answer.status_code == 201, answer.text
    forked = await here.same(page)
    forked.thread = answer.json()["id"]
    await forked.connect()
    return forked


async def asked(page: Page) -> Sequence[dict[str, Any]]:
    """The calls of the open question, if there is one."""
    pending = (await page.http.get("/v1/approvals?status=pending")).json()["approvals"]
    return [call for approval in pending for call in approval["calls"]]


async def test_a_regenerated_answer_gets_the_result_of_the_write_that_stands(database_url: str) -> None:
    async with talk(MILK, Say("Added."), MILK, Say("Added, as you asked."), database_url=database_url) as (here, page):
        await page.say("Add milk", id="u1")
        first = [m["content"] for m in await page.stored() if m["role"] == "tool"]
        page.messages = page.messages[:1]
        await page.run()

        assert here.board.done == ["milk"]
        stored = await page.stored()
        assert [m["content"] for m in stored if m["role"] == "tool"] == first
        assert stored[-1]["content"] == "Added, as you asked."
        assert len((await page.http.get("/v1/receipts")).json()["receipts"]) == 1


async def test_an_edited_message_that_leads_to_another_write_asks_first(database_url: str) -> None:
    async with talk(MILK, Say("Added."), BREAD, Say("Added."), database_url=database_url) as (here, page):
        await page.say("Add milk", id="u1")
        page.messages = [{"id": "u1", "role": "user", "content": "Add bread"}]
        await page.run()

        assert here.board.done == ["milk"]
        (call,) = await asked(page)
        assert (call["arguments"], call["reason"]) == (
            {"title": "bread"},
            'the answer before this one wrote something already: addTask {"title": "milk"}',
        )
        (interrupt,) = page.interrupts
        await page.run(resume=[{"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": True}}])
        assert here.board.done == ["milk", "bread"]


async def test_what_the_user_says_next_is_a_wish_of_its_own(database_url: str) -> None:
    async with talk(MILK, Say("Added."), MILK, Say("Again."), database_url=database_url) as (here, page):
        await page.say("Add milk")
        await page.say("Add milk again")

        assert here.board.done == ["milk", "milk"]


@pytest.mark.parametrize("more", [[], ["Go on"]])
async def test_a_fork_before_the_answer_does_not_write_again(more: list[str], database_url: str) -> None:
    async with talk(MILK, Say("Added."), MILK, Say("It is there."), database_url=database_url) as (here, page):
        await page.say("Add milk", id="u1")
        forked = await fork(here, page, "u1")
        for text in more:
            await forked.say(text)
        if not more:
            await forked.run()

        assert here.board.done == ["milk"]
        assert (await forked.stored())[-1]["content"] == "It is there."


async def test_a_fork_of_a_fork_knows_too_and_a_call_keeps_its_result(database_url: str) -> None:
    script = [MILK, Say("Added."), MILK, Say("It is there.")]
    async with talk(*script, database_url=database_url) as (here, page):
        await page.say("Add milk", id="u1")
        calling = (await page.stored())[1]
        assert calling["toolCalls"]
        with_call = await fork(here, page, calling["id"])
        assert [m["role"] for m in await with_call.stored()] == ["user", "assistant", "tool"]

        forked = await fork(here, with_call, "u1")
        await forked.run()
        assert here.board.done == ["milk"]


async def test_a_write_of_which_nobody_knows_whether_it_was_done_is_not_tried_again_without_a_yes(
    database_url: str,
) -> None:
    async with talk(MILK, Say("Added."), MILK, database_url=database_url) as (here, page):
        await page.say("Add milk", id="u1")
        async with here.ready.database.session(write=True) as session:
            await session.exec(text("DELETE FROM copilot_ledger WHERE kind = 'result'"))  # type: ignore[call-overload]
            await session.exec(text("DELETE FROM copilot_receipt"))  # type: ignore[call-overload]
        page.messages = page.messages[:1]
        await page.run()

        assert here.board.done == ["milk"]
        (call,) = await asked(page)
        assert call["reason"].startswith("the answer before this one wrote something already: The server stopped")
