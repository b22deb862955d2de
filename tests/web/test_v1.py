"""Pages of CopilotKit's v1 API, as it is published, against a real server without Node."""

import asyncio

import pytest
from playwright.async_api import expect

from copilot_core.testing.openai_server import Call, Say, Status

from .conftest import OpenSite, Visit
from .pages import answers, brief, connected, conversation, held, logged, say, shown

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

ADA = {"success": True, "recordId": "r1", "data": {"name": "Ada"}, "message": "Created Ada."}
DECLINED = {"success": False, "error": "declined", "message": "The user did not approve this. It was not done."}


@pytest.mark.seed("S10")
@pytest.mark.seed("S67")
@pytest.mark.seed("S68")
@pytest.mark.seed("S70")
async def test_the_sidebar_streams_acts_shows_cards_and_keeps_the_thread(site: OpenSite, visit: Visit) -> None:
    begun, called = asyncio.Event(), asyncio.Event()
    at = await site(
        [
            Say("Hello **Dana**, welcome.", wait=begun),
            Call("addItem", {"title": "Milk", "quantity": 2}),
            Say("Milk is on the list."),
            Say(calls=[Call("createRecord", {"title": "Ada"})], wait=called),
            Say("Ada is there."),
            Say("Ada was there already."),
        ]
    )
    features = ("messages", "action", "render", "readable", "suggest")
    page = await visit(
        "v1",
        at.copilot,
        *features,
        key=at.key,
        threadId="t1",
        suggestions="Hello",
        properties={"role": "admin", "model": "x"},
    )

    await connected(page)
    await page.get_by_role("button", name="Hello", exact=True).click()
    await expect(answers(page).last).to_have_text("Hello")
    begun.set()
    await expect(answers(page).last).to_have_text("Hello Dana, welcome.")
    assert '<data description="Current record">{"recordId":"rec_abc123"}</data>' in at.prompt()
    assert at.model.requests[0].body["model"] == "scripted"

    await page.get_by_test_id("readable-change").click()
    await say(page, "Add milk")
    assert await conversation(page, 6) == [
        ("user", "Hello"),
        ("assistant", "Hello **Dana**, welcome."),
        ("user", "Add milk"),
        ("assistant", ("addItem", {"title": "Milk", "quantity": 2})),
        ("tool", {"added": "Milk"}),
        ("assistant", "Milk is on the list."),
    ]
    await expect(page.get_by_test_id("items")).to_have_text("Milk")
    assert '<data description="Current record">"changed"</data>' in at.prompt()
    assert "rec_abc123" not in at.prompt()
    assert "addItem" in [tool["function"]["name"] for tool in at.model.requests[-1].body["tools"]]

    await say(page, "Create Ada")
    await expect(page.get_by_test_id("tool").last).to_have_attribute("data-status", "inProgress")
    called.set()
    created = [("user", "Create Ada"), ("assistant", ("createRecord", {"title": "Ada"})), ("tool", ADA)]
    assert (await conversation(page, 10))[6:] == [*created, ("assistant", "Ada is there.")]
    assert await shown(page, "createRecord") == [("inProgress", {}, None), ("complete", {"title": "Ada"}, ADA)]

    await page.get_by_label("Regenerate response").last.click()
    again = [("user", "Create Ada"), ("assistant", "Ada was there already.")]
    await expect(answers(page).last).to_have_text("Ada was there already.")
    assert (await conversation(page, 8))[6:] == again
    assert at.heard()[-1] == ("user", "Create Ada")

    before = await held(page)
    await page.reload()
    assert await conversation(page, 8) == brief(before)
    assert [message["id"] for message in await held(page)] == [message["id"] for message in before]
    assert await shown(page, "addItem") == [("complete", {"title": "Milk", "quantity": 2}, {"added": "Milk"})]
    assert await logged(page, "error") == []


@pytest.mark.seed("S69")
@pytest.mark.seed("S70")
async def test_an_own_chat_stops_loading_when_it_is_done_fails_or_is_stopped(site: OpenSite, visit: Visit) -> None:
    middle = asyncio.Event()
    at = await site([Say("Hi."), Status(400), Say("One two three", wait=middle), Say("Going on.")])
    page = await visit("v1", at.copilot, "messages", key=at.key, ui="own")
    chat, said = page.get_by_test_id("chat"), page.get_by_test_id("said")

    await say(page, "Hello")
    await expect(said).to_have_text(["Hello", "Hi.again"])
    await expect(chat).to_have_attribute("data-loading", "false")

    await say(page, "Fail")
    await expect(said).to_have_count(3)
    await expect(chat).to_have_attribute("data-loading", "false")
    refused = {"kind": "error", "code": "agent_run_error_event", "message": "The model provider rejected the request."}
    assert await logged(page, "error") == [refused]

    await say(page, "Count")
    await expect(said.last).to_have_text("Oneagain")
    await expect(chat).to_have_attribute("data-loading", "true")
    await page.get_by_test_id("stop").click()
    await expect(chat).to_have_attribute("data-loading", "false")

    await say(page, "Go on")
    told = [
        ("user", "Hello"),
        ("assistant", "Hi."),
        ("user", "Fail"),
        ("user", "Count"),
        ("assistant", "One"),
        ("user", "Go on"),
    ]
    assert await conversation(page, 7) == [*told, ("assistant", "Going on.")]
    assert at.heard() == told


async def test_a_person_is_asked_by_the_page_and_by_the_server(site: OpenSite, visit: Visit) -> None:
    at = await site(
        [
            Call("confirmPlan", {"plan": "Call Ada"}),
            Say("You confirmed."),
            Call("deleteRecords", {"kind": "task"}),
            Say("Nothing was deleted."),
            Call("deleteRecords", {"kind": "note"}),
            Say("Every note is gone."),
        ]
    )
    features = ("messages", "hitl", "render", "interrupt")
    page = await visit("v1", at.copilot, *features, key=at.key, threadId="t1", rendered="deleteRecords")
    asked = page.get_by_test_id("interrupt")

    await say(page, "Plan")
    await page.get_by_test_id("hitl-yes").click()
    planned = [
        ("user", "Plan"),
        ("assistant", ("confirmPlan", {"plan": "Call Ada"})),
        ("tool", {"confirmed": True}),
        ("assistant", "You confirmed."),
    ]
    assert await conversation(page, 4) == planned
    plan = {"plan": "Call Ada"}
    cards = await shown(page, "confirmPlan")
    assert ("executing", plan, None) in cards
    assert cards[-1] == ("complete", plan, {"confirmed": True})

    await say(page, "Delete all tasks")
    await expect(asked).to_contain_text('{"kind": "task"}')
    await page.get_by_test_id("interrupt-no").click()
    declined = [
        ("user", "Delete all tasks"),
        ("assistant", ("deleteRecords", {"kind": "task"})),
        ("tool", DECLINED),
        ("assistant", "Nothing was deleted."),
    ]
    assert await conversation(page, 8) == [*planned, *declined]

    await say(page, "Delete all notes")
    await expect(asked).to_contain_text('{"kind": "note"}')
    await page.reload()
    await expect(asked).to_contain_text('{"kind": "note"}')
    await page.get_by_test_id("interrupt-yes").click()
    gone = {"success": True, "message": "Deleted every note."}
    assert (await conversation(page, 12))[8:] == [
        ("user", "Delete all notes"),
        ("assistant", ("deleteRecords", {"kind": "note"})),
        ("tool", gone),
        ("assistant", "Every note is gone."),
    ]
    task, note = {"kind": "task"}, {"kind": "note"}
    assert await shown(page, "deleteRecords") == [
        ("complete", task, DECLINED),
        ("inProgress", note, None),
        ("complete", note, gone),
    ]
    await expect(asked).to_have_count(0)


async def test_suggestions_cost_one_model_call_however_often_a_page_asks(site: OpenSite, visit: Visit) -> None:
    made = {"suggestions": [{"title": "Calls today", "message": "Which calls are due today?"}]}
    at = await site([Call("copilotkitSuggest", made)])
    page = await visit("v1", at.copilot, "suggest-model", key=at.key)
    await expect(page.get_by_role("button", name="Calls today")).to_be_visible()
    for _ in range(10):  # this version of the sidebar asks again and again, for ever
        await page.wait_for_event("request", lambda request: request.url.endswith("/suggest"))
    assert len(at.model.requests) == 1


async def test_a_page_of_an_old_release_acts_and_asks_over_the_single_endpoint(site: OpenSite, visit: Visit) -> None:
    at = await site(
        [
            Call("addItem", {"title": "Milk"}),
            Say("Milk is on the list."),
            Call("deleteRecords", {"kind": "task"}),
            Say("Every task is gone."),
        ]
    )
    features = ("messages", "action", "render", "interrupt", "readable")
    page = await visit("old", at.copilot, *features, key=at.key, threadId="t1", rendered="deleteRecords")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith(at.url) else None)

    await say(page, "Add milk")
    assert await conversation(page, 4) == [
        ("user", "Add milk"),
        ("assistant", ("addItem", {"title": "Milk"})),
        ("tool", {"added": "Milk"}),
        ("assistant", "Milk is on the list."),
    ]
    await expect(page.get_by_test_id("items")).to_have_text("Milk")

    await say(page, "Delete all tasks")
    await expect(page.get_by_test_id("interrupt")).to_contain_text('{"kind": "task"}')
    await page.reload()
    await expect(page.get_by_test_id("interrupt")).to_contain_text('{"kind": "task"}')
    await page.get_by_test_id("interrupt-yes").click()
    await expect(answers(page).last).to_have_text("Every task is gone.")
    assert await shown(page, "deleteRecords") == [
        ("inProgress", {"kind": "task"}, None),
        ("complete", {"kind": "task"}, {"success": True, "message": "Deleted every task."}),
    ]
    assert set(asked) == {at.copilot}
