"""The sample CRM (`app/web`), as built, with the stock CopilotKit packages: in Chromium, against the real server."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from pydantic import BaseModel

import copilot_records
from copilot_core import Action, Render, Role, action, hookimpl
from copilot_core.chat_models import ChatModels
from copilot_core.cli.serving import DEMO_USER, DEMO_WORKSPACE, fill
from copilot_core.clock import FixedClock
from copilot_core.settings import Settings
from copilot_core.testing import opened, served
from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI
from copilot_core.testing.pytest_plugin import require

expect.set_options(timeout=20_000)  # a busy machine is no failure
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]
PAGE = Path(__file__).parents[2] / "app" / "web" / "dist"
GREETING = "Ask about your records, or say what should change."
PLACE = "Current page and navigation context"
IDLE = ("data-copilotkit-in-progress", "false")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


class Mail(BaseModel):
    """What the preview of an e-mail tells back."""

    subject: str
    body: str


@action(render=Render("EmailPreview", props=Mail, events={"onSend": Mail, "onEdit": Mail}))
async def draft_email(subject: str, body: str) -> dict[str, Any]:
    """Draft an e-mail."""
    return {"success": True, "data": {"subject": subject, "body": body}}


class Mails:
    """A plugin whose action the page has a card for."""

    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [draft_email]


@dataclass(frozen=True, slots=True)
class Crm:
    """The page on a server with the demo's data, signed in as an admin, and the model that the server asks, if any."""

    url: str
    key: str
    page: Page
    model: ScriptedOpenAI | None

    @property
    def answers(self) -> Locator:
        """The answers of the copilot with a text, after its greeting."""
        return self.page.locator(".copilotKitAssistantMessage .copilotKitMarkdown")

    async def say(self, text: str) -> None:
        """Send a message as soon as the chat takes one."""
        box = self.page.get_by_placeholder("Ask or tell the copilot…")
        await box.fill(text)
        async with asyncio.timeout(30):
            while await box.input_value():
                await expect(self.page.locator("[data-copilotkit-in-progress]")).to_have_attribute(*IDLE)
                await box.press("Enter")
                with suppress(AssertionError):
                    await expect(box).to_have_value("", timeout=200)

    async def get(self, path: str) -> Any:
        async with httpx2.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}) as http:
            return (await http.get(path)).raise_for_status().json()

    async def titles(self, module: str, field: str, value: str) -> list[str]:
        """Of the records of the module that have that value."""
        asked = {"module": module, "filters": [{"field": field, "op": "eq", "value": value}]}
        async with httpx2.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}) as http:
            answer = await http.post("/v1/actions/queryRecords", json=asked)
        return [record["title"] for record in answer.raise_for_status().json()["data"]["records"]]

    def heard(self, request: int = -1) -> list[dict[str, Any]]:
        """The messages that the model got, the system's first."""
        assert self.model
        return list(self.model.requests[request].body["messages"])

    def known(self) -> list[tuple[str, Any]]:
        """Description and value of each readable in the newest prompt."""
        lines = re.findall(r'^<data description="(.*?)">(.*)</data>$', self.heard()[0]["content"], re.MULTILINE)
        return [(description, json.loads(value)) for description, value in lines]

    def results(self) -> list[Any]:
        """What the tools answered, as the model read it."""
        return [json.loads(message["content"]) for message in self.heard() if message["role"] == "tool"]


@asynccontextmanager
async def crm(
    browser: Browser, script: Sequence[Any] | None = None, *, width: int = 1280, now: datetime | None = None
) -> AsyncIterator[Crm]:
    """The page, with a model that follows `script` or, without one, the rule planner; for both it is `now`."""
    problems: list[str] = []
    async with AsyncExitStack() as stack:
        model = None if script is None else await stack.enter_async_context(ScriptedOpenAI(script))
        given = Settings(openai_api_key="x", openai_base_url=model.base_url, _env_file=None) if model else None
        models = ChatModels("openai:scripted", settings=given) if given else ChatModels("rule-planner")
        plugins, clock = (copilot_records, Mails()), FixedClock(now) if now else None
        ready = await stack.enter_async_context(opened(*plugins, models=models, clock=clock))
        await fill(ready)
        key = await ready.keys.create(workspace=DEMO_WORKSPACE, user=DEMO_USER, role=Role.ADMIN)
        url = await stack.enter_async_context(served(ready, demo_keys={"admin": key}, page=PAGE))

        context = await browser.new_context(viewport={"width": width, "height": 860}, timezone_id="Europe/Berlin")
        stack.push_async_callback(context.close)
        context.set_default_timeout(30_000)
        if now:
            await context.clock.set_fixed_time(now)
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(f"{url}/app/")
        await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
        yield Crm(url, key, page, model)
    assert problems == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    require((PAGE / "index.html").exists(), "app/web is not built; see `make web`")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    require(chromium, "Chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


async def test_an_answer_streams_and_a_reload_in_the_middle_shows_the_rest(browser: Browser) -> None:
    go_on, end = asyncio.Event(), asyncio.Event()
    async with crm(browser, [Say("Hello **Dana**, welcome.", wait=go_on), Say("One two three", wait=end)]) as at:
        await at.say("Hello")
        await expect(at.answers).to_have_text([GREETING, "Hello"])
        go_on.set()
        await expect(at.answers).to_have_text([GREETING, "Hello Dana, welcome."])

        await at.say("Count")
        await expect(at.answers).to_have_text([GREETING, "Hello Dana, welcome.", "One"])
        await at.page.reload()
        await expect(at.answers).to_have_text([GREETING, "Hello Dana, welcome.", "One"])
        end.set()
        await expect(at.answers).to_have_text([GREETING, "Hello Dana, welcome.", "One two three"])
        await expect(at.page.locator(".copilotKitUserMessage")).to_have_text(["Hello", "Count"])


async def test_what_the_page_knows_is_in_the_prompt_once_and_follows_the_page(browser: Browser) -> None:
    async with crm(browser, [Say("Noted.")] * 3, now=datetime(2026, 11, 20, 22, 30, tzinfo=UTC)) as at:
        places: list[dict[str, Any]] = []
        for number in range(3):
            if number == 1:
                await at.page.get_by_role("link", name="Deals", exact=True).click()
                await expect(at.page.get_by_role("heading", name="Deals", exact=True)).to_be_visible()
            if number == 2:
                await at.page.locator("main tbody a").first.click()
                await expect(at.page).to_have_url(re.compile("/records/rec_"))
            await at.say(f"Here I am, {number}")
            await expect(at.answers).to_have_text([GREETING, *["Noted."] * (number + 1)])
            places += [value for description, value in at.known() if description == PLACE]

        deal = places[2]
        assert [place["pageType"] for place in places] == ["dashboard", "moduleList", "moduleRecord"]
        assert (deal["moduleSlug"], at.page.url.rpartition("/")[2]) == ("deals", deal["recordId"])
        dates = dict(at.known())["Current date and time for relative date calculations"]
        assert (dates["currentDate"], dates["timezone"], dates["dayOfWeek"]) == (
            "2026-11-20",
            "Europe/Berlin",
            "Friday",
        )


async def test_a_created_task_has_a_card_whose_undo_takes_it_back(browser: Browser) -> None:
    async with crm(browser) as at:
        await at.say("Create a task called Review Q4 Report")
        card = at.page.locator(".card.receipt")
        await expect(card).to_contain_text("Review Q4 Report")
        assert await at.titles("tasks", "title", "Review Q4 Report") == ["Review Q4 Report"]

        await card.get_by_role("button", name="Undo").click()
        await expect(card).to_contain_text("Undone")
        assert await at.titles("tasks", "title", "Review Q4 Report") == []


async def test_a_deletion_shows_what_would_go_and_waits_for_the_user(browser: Browser) -> None:
    async with crm(browser) as at:
        done = await at.titles("tasks", "status", "done")
        await at.say("Delete all done tasks")
        approval = at.page.locator(".card.approval")
        await expect(approval).to_contain_text(f"Delete {len(done)} tasks")
        await expect(approval).to_contain_text(done[0])
        await approval.get_by_role("button", name="Reject").click()
        await expect(at.answers.nth(1)).to_be_visible()
        assert await at.titles("tasks", "status", "done") == done

        await at.say("Delete all done tasks")
        await at.page.locator(".card.approval").last.get_by_role("button", name="Approve").click()
        await expect(at.page.locator(".card.receipt").last).to_contain_text(f"Deleted {len(done)} tasks")
        assert await at.titles("tasks", "status", "done") == []


async def test_the_model_moves_the_page_and_reads_that_it_has_moved(browser: Browser) -> None:
    async with crm(browser, [Call("goToModule", {"moduleSlug": "deals"}), Say("Here are your deals.")]) as at:
        await at.say("Go to my deals")
        await expect(at.page.get_by_role("heading", name="Deals", exact=True)).to_be_visible()
        await expect(at.answers).to_have_text([GREETING, "Here are your deals."])
        assert at.results() == [{"success": True, "message": "Deals is open."}]


async def test_lists_and_drafts_are_shown_as_cards(browser: Browser) -> None:
    listing = Call("queryRecords", {"module": "tasks", "limit": 3})
    draft = Call("draftEmail", {"subject": "Your renewal", "body": "Hello Ada"})
    async with crm(browser, [listing, Say("Three."), draft, Say("Drafted.")]) as at:
        await at.say("List three tasks")
        await expect(at.page.locator(".copilotKitChatBody .card .row")).to_have_count(3)
        await at.say("Write to Ada")
        mail = at.page.locator(".card.email")
        await expect(mail).to_contain_text("Your renewal")
        await expect(mail).to_contain_text("Hello Ada")


async def test_conversations_are_listed_renamed_opened_and_deleted(browser: Browser) -> None:
    async with crm(browser, [Say("Hello.")]) as at:
        await at.say("What is new?")
        await expect(at.answers).to_have_text([GREETING, "Hello."])
        listed = at.page.locator(".threads li")
        await expect(listed).to_have_text(["What is new?"])
        await listed.first.hover()
        await listed.first.get_by_title("Rename").click()
        await at.page.get_by_label("Title").fill("News")
        await at.page.get_by_label("Title").press("Enter")
        await expect(listed).to_have_text(["News"])

        await at.page.get_by_title("New conversation").click()
        await expect(at.answers).to_have_text([GREETING])
        await at.page.get_by_role("button", name="News").click()
        await expect(at.answers).to_have_text([GREETING, "Hello."])
        await listed.first.hover()
        await listed.first.get_by_title("Delete").click()
        await listed.first.get_by_role("button", name="Delete").click()
        await expect(listed).to_have_count(0)
        assert (await at.get("/v1/threads"))["threads"] == []


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_is_wider_than_the_screen(browser: Browser, width: int) -> None:
    async with crm(browser, width=width) as at:
        assert await at.page.evaluate("document.documentElement.scrollWidth") <= width
