"""The page with a scripted model: what streams, what is refused, and what hostile text cannot do."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from playwright.async_api import Page, async_playwright, expect

import copilot_navigation
import copilot_records
from copilot_core import Role, speech
from copilot_core.testing import ScriptedModel, Step, call, opened, served
from copilot_core.testing.model import only
from copilot_core.testing.pytest_plugin import require

expect.set_options(timeout=20_000)  # a busy machine is no failure
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
HOSTILE = "<img src=x onerror=alert(1)>"
TASK = "Read the report"


class HeldModel(ScriptedModel):
    """Says a text up to its `…`, then waits until `go_on` is set."""

    go_on: Any

    async def _agenerate(self, messages: list[BaseMessage], *_args: Any, **_kwargs: Any) -> ChatResult:
        message = self._step(messages)
        first, held, rest = message.text.partition("…")
        listener = speech.listener.get()
        if listener is not None and first:
            listener.text(str(message.id), first)
        if listener is not None and held:
            await self.go_on.wait()
            listener.text(str(message.id), held + rest)
        return ChatResult(generations=[ChatGeneration(message=message)])


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that is open on a server, a key that the server accepts, and the model that answers."""

    page: Page
    key: str
    model: HeldModel

    async def sign_in(self) -> None:
        await self.page.get_by_label("API key or token").fill(self.key)
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator("#modules button").first).to_be_visible()

    async def say(self, message: str) -> None:
        await self.page.get_by_label("Message to the copilot").fill(message)
        await self.page.keyboard.press("Enter")


@asynccontextmanager
async def visit(*script: Step, role: Role = Role.MEMBER) -> AsyncIterator[Visit]:
    """The page of a server without demo keys; an error or a dialog of the page fails the test."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    require(chromium, "Chromium is not installed")
    model, problems = HeldModel(script=list(script), go_on=asyncio.Event()), []
    async with opened(copilot_records, copilot_navigation, models=only(model)) as ready, served(ready) as url:
        key = await ready.keys.create(workspace="acme", user="dana", role=role)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = await browser.new_page(viewport={"width": 1280, "height": 800})
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("dialog", lambda dialog: problems.append(dialog.message))
            await page.goto(url)
            yield Visit(page, key, model)
            model.go_on.set()
            await browser.close()
    assert problems == []
    model.finish()


async def test_tokens_are_shown_before_the_answer_is_complete() -> None:
    async with visit("The **first** half… and the rest.") as there:
        await there.sign_in()
        await there.say("Hello")
        await expect(there.page.locator(".busy .answer")).to_have_text("The first half")
        await expect(there.page.locator("#send")).to_have_text("Stop")
        there.model.go_on.set()

        await expect(there.page.locator(".turn.copilot:not(.busy) .answer")).to_have_text(
            "The first half… and the rest."
        )
        await expect(there.page.locator("#send")).to_have_text("Send")


async def test_escape_stops_the_run_and_keeps_what_was_said() -> None:
    async with visit("The first half… and the rest.") as there:
        await there.sign_in()
        await there.say("Hello")
        await expect(there.page.locator(".busy .answer")).to_have_text("The first half")
        await there.page.keyboard.press("Escape")

        await expect(there.page.locator(".turn.copilot .note")).to_have_text("Stopped.")
        await expect(there.page.locator(".answer")).to_have_text("The first half")


async def test_a_new_record_is_marked_in_the_module_it_belongs_to_and_a_link_shows_it() -> None:
    created = call("createRecord", module="projects", fields={"name": "Login is down"})
    listed = call("queryRecords", module="tasks")
    async with visit(created, "Done.", listed, "See [projects](/modules/projects).") as there:
        await there.sign_in()
        await there.say("Create the project Login is down")
        await expect(there.page.locator("#modules [aria-current=true]")).to_have_text("Projects")
        await expect(there.page.locator("#records tr.mine th")).to_have_text("Login is down new")

        await there.page.get_by_role("button", name="Deals").click()
        await expect(there.page.locator("#records")).to_contain_text("No deals yet")
        await there.say("Where?")
        await expect(there.page.locator("#modules [aria-current=true]")).to_have_text("Projects")
        await expect(there.page.locator("#records .tag")).to_have_count(0)


@pytest.mark.seed("S49")
async def test_a_link_that_is_opened_by_itself_shows_its_record_however_old_it_is() -> None:
    first = call("createRecord", module="tasks", fields={"title": TASK})
    rows = [{"title": f"Task {n}"} for n in range(120)]
    async with visit(first, call("createMultipleRecords", module="tasks", records=rows), "Done.") as there:
        await there.sign_in()
        await there.say(f"Create the task {TASK}, then tasks by the dozen")
        await there.page.get_by_role("button", name="Yes, go ahead").click()
        await expect(there.page.locator(".turn.copilot:not(.busy) .answer").last).to_have_text("Done.")
        site = there.page.url.split("#")[0]
        asked = {"module": "tasks", "filters": [{"field": "title", "op": "eq", "value": TASK}]}
        headers = {"Authorization": f"Bearer {there.key}"}
        answer = await there.page.request.post(f"{site}v1/actions/queryRecords", data=asked, headers=headers)
        [record] = (await answer.json())["data"]["records"]
        await there.page.goto(site + record["link"].lstrip("/"))

        await expect(there.page.locator("#records tr:focus th")).to_have_text(TASK)


async def test_a_link_in_an_answer_shows_the_record_in_the_table() -> None:
    created = call("createRecord", module="tasks", fields={"title": TASK})
    async with visit(created, "Done.") as there:
        await there.sign_in()
        await there.say(f"Create the task {TASK}")
        await expect(there.page.locator("#records tr.mine")).to_have_count(1)
        identifier = await there.page.locator("#records tr.mine").get_attribute("id")
        assert identifier
        there.model.script.append(f"It is [here](/modules/tasks/records/{identifier.removeprefix('record-')}).")
        await there.say("Where is it?")
        await there.page.get_by_role("link", name="here").wait_for()
        await there.page.get_by_role("button", name="Deals").click()
        await there.page.get_by_role("link", name="here").click()

        await expect(there.page.locator("#records tr:focus th")).to_contain_text(TASK)
        assert "/modules/" not in there.page.url


async def test_what_an_action_rendered_is_a_card_whose_clicks_are_told() -> None:
    created = call("createRecord", module="tasks", fields={"title": HOSTILE, "priority": "high"})
    async with visit(created, "Done.", call("showTasks"), "These.", call("searchRecords", query="nothing")) as there:
        page, cards = there.page, there.page.locator(".card")
        there.model.script.append("None.")
        await there.sign_in()
        await there.say(f"Create the high priority task {HOSTILE}")
        await expect(page.locator("#records tr.mine")).to_have_count(1)
        await there.say("Show them")
        for _ in range(2):  # as it comes, and from the history
            await expect(cards.locator("summary")).to_have_text(["TaskList1 task matches."])
            await expect(cards.locator("thead th")).to_have_text(["", "Priority"])
            await expect(cards.locator("tbody :is(th, td)")).to_have_text([HOSTILE, "high"])
            assert await page.locator("img").count() == 0
            await page.reload()

        async with page.expect_response("**/v1/threads/*/events") as told:
            await cards.get_by_role("link", name=HOSTILE).click()
        assert (await told.value).status == 204
        await expect(page.locator("#records tr:focus th")).to_contain_text(HOSTILE)

        await there.say("Find nothing")
        await expect(cards.locator("summary").last).to_have_text("RecordListNo records found for “nothing”.")


@pytest.mark.seed("S36")
async def test_the_page_goes_where_an_action_leads() -> None:
    script = [call("goToModule", module="deals"), "There.", call("navigateTo", route="/modules/projects"), "Here."]
    async with visit(*script, call("navigateTo", route="//evil.example"), "No.") as there:
        current, answers = (
            there.page.locator("#modules [aria-current=true]"),
            there.page.locator(".turn:not(.busy) .answer"),
        )
        await there.sign_in()
        await expect(current).to_have_text("Tasks")
        await there.say("Go to deals")
        await expect(answers).to_have_text(["There."])
        await expect(current).to_have_text("Deals")
        await there.say("And now the projects")
        await expect(answers).to_have_text(["There.", "Here."])
        await expect(current).to_have_text("Projects")
        assert json.loads(str(there.model.asked[-1][-1].content))["handled"] is True

        await there.say("And away")
        await expect(there.page.locator("[data-name=navigateTo][data-status=error]")).to_be_visible()
        await expect(current).to_have_text("Projects")


async def test_a_deletion_asks_first_and_a_button_answers() -> None:
    created = call("createRecord", module="tasks", fields={"title": TASK})
    deleted = call("deleteRecords", module="tasks", records=[TASK])
    async with visit(created, "Created.", deleted, "Deleted.", role=Role.ADMIN) as there:
        await there.sign_in()
        await there.say(f"Create the task {TASK}")
        await expect(there.page.locator("#records")).to_contain_text(TASK)
        await there.say("Delete it")
        await there.page.get_by_role("button", name="Yes, go ahead").click()

        await expect(there.page.locator(".turn").last).to_contain_text("Deleted.")
        await expect(there.page.locator("#records")).not_to_contain_text(TASK)


async def test_what_a_record_or_a_model_says_is_text_and_never_a_page() -> None:
    answer = (
        f"Done: {HOSTILE} [run](javascript:alert(1)) [x](data:text/html,x) [far](//evil.example) "
        "[\\<b>](/modules/tasks/records/x) **<b>bold</b>** `<i>`\n\n"
        f"| a | b |\n| - | - |\n| {HOSTILE} | [y](JAVASCRIPT:alert(2)) |"
    )
    async with visit(call("createRecord", module="tasks", fields={"title": HOSTILE}), answer) as there:
        page = there.page
        await there.sign_in()
        await there.say(f"Create {HOSTILE}")
        await expect(page.locator("#records tr.mine th")).to_have_text(f"{HOSTILE} new")

        for _ in range(2):  # as it comes, and from the history
            await expect(page.locator(".turn.user")).to_contain_text(HOSTILE)
            await expect(page.locator(".answer p")).to_contain_text(HOSTILE)
            await expect(page.locator(".answer :is(strong, code, th)")).to_have_text(["<b>bold</b>", "<i>", "a", "b"])
            assert await page.locator("img, .answer :is(b, i)").count() == 0
            links = page.locator("#log a")
            assert [await link.get_attribute("href") for link in await links.all()] == ["/modules/tasks/records/x"]
            await page.reload()


async def test_a_wrong_key_is_refused_and_a_right_one_is_kept_in_the_tab_only() -> None:
    async with visit() as there:
        await there.page.get_by_label("API key or token").fill("ck_wrong_key")
        await there.page.keyboard.press("Enter")
        await expect(there.page.get_by_role("alert")).to_contain_text("The key was refused")
        assert await there.page.evaluate("sessionStorage.length + localStorage.length") == 0

        await there.sign_in()
        await expect(there.page.locator("#welcome")).to_be_visible()
        await expect(there.page.locator("#message")).to_be_focused()
        assert await there.page.evaluate("[sessionStorage.length, localStorage.length]") == [1, 0]
        await there.page.get_by_role("button", name="Change key").click()
        await expect(there.page.get_by_label("API key or token")).to_be_focused()
        assert await there.page.evaluate("sessionStorage.length") == 0
