"""Pages of CopilotKit's current API, as it is published, against a real server without Node."""

import asyncio

import pytest
from playwright.async_api import expect

from copilot_core.testing.openai_server import Call, Say, Status

from .conftest import OpenSite, Visit
from .pages import answers, connected, conversation, held, logged, say, shown

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]

ADA = {"success": True, "recordId": "r1", "data": {"name": "Ada"}, "message": "Created Ada."}
DECLINED = {"success": False, "error": "declined", "message": "The user did not approve this. It was not done."}


async def test_the_chat_streams_acts_and_shows_cards_and_state(site: OpenSite, visit: Visit) -> None:
    begun, called = asyncio.Event(), asyncio.Event()
    at = await site(
        [
            Say("Hello **Dana**, welcome.", wait=begun),
            Say("Both.", calls=[Call("listRecords", {}), Call("addItem", {"title": "Milk"})]),
            Say("Milk is on the list."),
            Call("addItem", {"title": "fail"}),
            Say(calls=[Call("createRecord", {"title": "Ada"})], wait=called),
            Say("Ada is there."),
        ]
    )
    features = ("messages", "action", "render", "readable", "state", "suggest")
    page = await visit("v2", at.copilot, *features, key=at.key, threadId="t1", suggestions="Hello")
    await connected(page)
    await page.get_by_role("button", name="Hello", exact=True).click()
    await expect(answers(page)).to_have_text("Hello")
    begun.set()
    await expect(answers(page)).to_have_text("Hello Dana, welcome.")

    await page.get_by_test_id("readable-change").click()
    await say(page, "Add milk")
    listed = {"success": True, "data": [{"kind": "task", "title": "Größe prüfen"}]}
    talk = [
        ("user", "Hello"),
        ("assistant", "Hello **Dana**, welcome."),
        ("user", "Add milk"),
        ("assistant", "Both.", ("listRecords", {}), ("addItem", {"title": "Milk"})),
        ("tool", listed),
        ("tool", {"added": "Milk"}),
        ("assistant", "Milk is on the list."),
    ]
    assert await conversation(page, 7) == talk
    await expect(page.get_by_test_id("items")).to_have_text("Milk")
    assert '<data description="Current record">"changed"</data>' in at.prompt()
    assert "rec_abc123" not in at.prompt()

    await say(page, "Add what fails")
    failed = "Error: The item cannot be added"
    talk += [("user", "Add what fails"), ("assistant", ("addItem", {"title": "fail"})), ("tool", failed)]
    assert await conversation(page, 10) == talk
    problem = {"kind": "error", "code": "tool_handler_failed", "message": "The item cannot be added"}
    assert await logged(page, "error") == [problem]

    await say(page, "Create Ada")
    await expect(page.get_by_test_id("tool").last).to_have_attribute("data-status", "inProgress")
    assert at.heard()[-2:] == [("tool", failed), ("user", "Create Ada")]
    called.set()
    talk += [("user", "Create Ada"), ("assistant", ("createRecord", {"title": "Ada"})), ("tool", ADA)]
    talk += [("assistant", "Ada is there.")]
    assert await conversation(page, 14) == talk
    assert await shown(page, "createRecord") == [("inProgress", {}, None), ("complete", {"title": "Ada"}, ADA)]
    await expect(page.get_by_test_id("state")).to_have_text('{"last":"Ada"}')
    added = [card for card in await shown(page, "addItem") if card[0] == "complete"]
    assert added == [("complete", {"title": "Milk"}, {"added": "Milk"}), ("complete", {"title": "fail"}, failed)]

    before = await held(page)
    await page.reload()
    assert await conversation(page, 14) == talk
    assert [message["id"] for message in await held(page)] == [message["id"] for message in before]
    await expect(page.get_by_test_id("state")).to_have_text('{"last":"Ada"}')


async def test_a_page_that_comes_back_reads_the_answer_to_its_end_once(site: OpenSite, visit: Visit) -> None:
    go_on, end = asyncio.Event(), asyncio.Event()
    at = await site([Say("One two three", wait=go_on), Say("Four five six", wait=end), Say("Going on.")])
    page = await visit("v2", at.copilot, "messages", key=at.key, threadId="t1")
    await say(page, "Count")
    await expect(answers(page)).to_have_text("One")
    await page.reload()
    await expect(answers(page)).to_have_text("One")
    await expect(page.get_by_test_id("held")).to_have_attribute("data-running", "true")
    go_on.set()
    assert await conversation(page, 2) == [("user", "Count"), ("assistant", "One two three")]
    await expect(answers(page)).to_have_text(["One two three"])

    await say(page, "Count on")
    await expect(answers(page).last).to_have_text("Four")
    await page.get_by_test_id("copilot-send-button").click()  # which stops now
    told = [("user", "Count"), ("assistant", "One two three"), ("user", "Count on"), ("assistant", "Four")]
    assert await conversation(page, 4) == told
    await say(page, "Go on")
    assert await conversation(page, 6) == [*told, ("user", "Go on"), ("assistant", "Going on.")]
    assert at.heard() == [*told, ("user", "Go on")]
    assert await logged(page, "error") == []


async def test_a_person_is_asked_by_the_page_and_by_the_server(site: OpenSite, visit: Visit) -> None:
    at = await site(
        [
            Call("confirmPlan", {"plan": "Call Ada"}),
            Say("Then not."),
            Call("deleteRecords", {"kind": "task"}),
            Say("Nothing was deleted."),
            Call("deleteRecords", {"kind": "note"}),
            Say("Nothing again."),
            Call("deleteRecords", {"kind": "call"}),
            Say("Every call is gone."),
        ]
    )
    features = ("messages", "hitl", "wildcard", "interrupt")
    page = await visit("v2", at.copilot, *features, key=at.key, threadId="t1", ui="sidebar")
    asked = page.get_by_test_id("interrupt")

    await say(page, "Plan")
    await page.get_by_test_id("hitl-no").click()
    await expect(answers(page).last).to_have_text("Then not.")
    cards = await shown(page, "confirmPlan")
    assert ("executing", {"plan": "Call Ada"}, None) in cards
    assert cards[-1] == ("complete", {"plan": "Call Ada"}, {"confirmed": False})

    for what, answer, told in (("task", "no", "Nothing was deleted."), ("note", "cancel", "Nothing again.")):
        await say(page, f"Delete every {what}")
        await expect(asked).to_contain_text(f'{{"kind": "{what}"}}')
        await page.get_by_test_id(f"interrupt-{answer}").click()
        await expect(answers(page).last).to_have_text(told)
    await say(page, "Delete every call")
    await expect(asked).to_contain_text('{"kind": "call"}')
    await page.reload()
    await expect(asked).to_contain_text('{"kind": "call"}')
    await page.get_by_test_id("interrupt-yes").click()

    gone = {"success": True, "message": "Deleted every call."}
    stories = [("task", DECLINED, "Nothing was deleted."), ("note", DECLINED, "Nothing again.")]
    stories += [("call", gone, "Every call is gone.")]
    assert (await conversation(page, 16))[4:] == [
        message
        for what, result, told in stories
        for message in [
            ("user", f"Delete every {what}"),
            ("assistant", ("deleteRecords", {"kind": what})),
            ("tool", result),
            ("assistant", told),
        ]
    ]
    assert await shown(page, "deleteRecords") == [
        ("complete", {"kind": "task"}, DECLINED),
        ("complete", {"kind": "note"}, DECLINED),
        ("inProgress", {"kind": "call"}, None),
        ("complete", {"kind": "call"}, gone),
    ]
    assert await logged(page, "error") == []


async def test_what_goes_wrong_is_told_to_the_page(site: OpenSite, visit: Visit) -> None:
    at = await site([Say("Hi."), Status(400), Say("Better.")])
    stranger = await visit("v2", at.copilot, "messages", key="ck_wrong", threadId="t1")
    await stranger.wait_for_function("__log.length >= 3")
    told = "Runtime info request failed with status 401: A valid bearer token is required."
    errors = await logged(stranger, "error")
    assert {error["message"] for error in errors} == {told}
    assert {error["code"] for error in errors} == {
        "runtime_info_fetch_failed",
        "agent_run_failed_event",
        "agent_connect_failed",
    }

    page = await visit("v2", at.copilot, "messages", key=at.key, threadId="t1", single=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith(at.url) else None)
    await say(page, "Hello")
    await expect(answers(page)).to_have_text(["Hi."])
    await say(page, "Fail")
    talk = [("user", "Hello"), ("assistant", "Hi."), ("user", "Fail")]
    assert await conversation(page, 3) == talk
    refused = {"kind": "error", "code": "agent_run_error_event", "message": "The model provider rejected the request."}
    await page.wait_for_function("__log.length")
    assert await logged(page, "error") == [refused]
    await say(page, "Again")
    assert await conversation(page, 5) == [*talk, ("user", "Again"), ("assistant", "Better.")]
    assert set(asked) == {at.copilot}


async def test_threads_are_listed_opened_renamed_archived_and_deleted(site: OpenSite, visit: Visit) -> None:
    at = await site([Say(f"It is {number}.") for number in ("one", "two", "three")])
    async with at.client() as http:
        for number in ("one", "two", "three"):
            said = [{"id": number, "role": "user", "content": f"Thread {number}"}]
            answer = await http.post("/v1/copilot", json={"threadId": f"t/{number}", "messages": said})
            assert answer.status_code == 200
    page = await visit("v2", at.copilot, "messages", "threads", key=at.key)
    rows = page.get_by_test_id("thread")
    names = rows.locator("button:first-child")
    await expect(names).to_have_text(["Thread three", "Thread two", "Thread one"])

    await rows.nth(2).get_by_role("button", name="rename").click()
    await expect(names).to_have_text(["Thread three", "Thread two", "Renamed"])
    await rows.nth(1).get_by_role("button", name="archive", exact=True).click()
    await expect(names).to_have_text(["Thread three", "Renamed"])
    await rows.nth(0).get_by_role("button", name="delete").click()
    await expect(names).to_have_text(["Renamed"])
    await names.click()
    assert await conversation(page, 2) == [("user", "Thread one"), ("assistant", "It is one.")]
    assert await page.evaluate("__log") == [{"kind": "rename"}, {"kind": "archive"}, {"kind": "delete"}]

    async with at.client() as http:
        kept = [(await http.get("/v1/threads", params={"archived": which})).json() for which in (False, True)]
        assert (await http.get("/v1/threads/t%2Fthree")).status_code == 404
    assert [[(thread["id"], thread["title"]) for thread in answer["threads"]] for answer in kept] == [
        [("t/one", "Renamed")],
        [("t/two", "Thread two")],
    ]
