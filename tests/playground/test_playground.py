"""The page at `/`, in headless Chromium, against a real server with the demo workspace and the rule planner."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

import copilot_navigation
import copilot_records
from copilot_core import Notification, Principal, Role
from copilot_core.chat_models import ChatModels
from copilot_core.cli.serving import DEMO_NAME, DEMO_USER, DEMO_WORKSPACE, fill
from copilot_core.server import Deployment
from copilot_core.testing import opened, served
from copilot_core.testing.pytest_plugin import require

expect.set_options(timeout=20_000)  # a busy machine is no failure
PLUGINS = (copilot_records, copilot_navigation)
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@asynccontextmanager
async def page_of_demo(
    width: int = 1280, height: int = 800, *plugins: object, **options: Any
) -> AsyncIterator[tuple[Page, Deployment]]:
    """The page as `copilot-core demo` serves it; with other `plugins`, and with the browser's `options`."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    require(chromium, "Chromium is not installed")
    async with opened(*(plugins or PLUGINS), models=ChatModels("rule-planner")) as ready:
        keys = {
            role.value: await ready.keys.create(workspace=DEMO_WORKSPACE, user=DEMO_USER, role=role, name=DEMO_NAME)
            for role in Role
        }
        await fill(ready)
        async with served(ready, demo_keys=keys) as url, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = await browser.new_page(viewport={"width": width, "height": height}, **options)
            problems: list[Any] = []
            page.on("pageerror", lambda error: problems.append(error))
            page.on("request", lambda request: problems.append(request.url) if url not in request.url else None)
            await page.goto(url)
            yield page, ready
            await browser.close()
            assert problems == []


async def say(page: Page, message: str) -> None:
    await page.fill("#message", message)
    await page.press("#message", "Enter")


async def test_a_message_is_answered_with_tool_status_and_the_record_appears_beside_it() -> None:
    async with page_of_demo() as (page, _):
        await say(page, "Create a task called Review Q4 Report")

        await expect(page.locator("[data-name=createRecord][data-status=done]")).to_be_visible()
        await expect(page.locator("#log")).to_contain_text("Created task")
        await expect(page.locator("#records")).to_contain_text("Review Q4 Report")


async def test_plain_words_show_tasks_as_a_card_and_go_to_a_module() -> None:
    async with page_of_demo() as (page, _):
        await say(page, "Show my tasks")
        await expect(page.locator(".card summary")).to_have_text("TaskList5 tasks match.")
        await expect(page.locator(".card tbody tr")).to_have_count(5)
        await say(page, "Go to deals")
        await expect(page.locator("#modules [aria-current=true]")).to_have_text("Deals")
        await expect(page.locator(".answer").last).to_have_text("The page opens Deals.")


async def test_a_reload_shows_the_conversation_again() -> None:
    async with page_of_demo() as (page, _):
        await say(page, "How many deals are won?")
        await expect(page.locator("#log")).to_contain_text("deals match")
        await page.reload()

        await expect(page.locator("#log")).to_contain_text("How many deals are won?")
        await expect(page.locator("#log")).to_contain_text("deals match")


async def test_a_viewer_sees_why_a_write_was_refused() -> None:
    async with page_of_demo() as (page, _):
        await page.select_option("#role", "viewer")
        await say(page, "Create a task called Review Q4 Report")

        await expect(page.locator("#log")).to_contain_text("Your role (viewer) is read-only")


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_is_wider_than_the_screen_and_on_phones_records_are_a_pane_of_their_own(width: int) -> None:
    async with page_of_demo(width, 844) as (page, _):
        await say(page, "Which deals are closing this month?")
        await expect(page.locator("[data-name=queryRecords][data-status=done]")).to_be_visible()

        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.locator("#side").is_visible() == (width > 390)
        if width == 390:
            await page.click("#panes [data-pane=records]")
            await expect(page.locator("#records")).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_a_reminder_that_is_due_is_shown_until_it_is_seen() -> None:
    async with page_of_demo() as (page, ready):
        told = Notification(
            "rmd_1", DEMO_WORKSPACE, DEMO_USER, "reminder", "Call Acme", datetime.now(UTC), "About the offer <b>now</b>"
        )
        async with ready.database.session(write=True) as session:
            ready.copilot.notifications.add(session, told)
        shown = page.locator("#notifications li")
        await expect(shown).to_contain_text("Call Acme")
        await expect(shown).to_contain_text("About the offer <b>now</b>")

        await page.get_by_role("button", name="Seen").click()
        await expect(shown).to_have_count(0)
        await page.reload()
        await expect(page.locator("#modules button").first).to_be_visible()
        await expect(shown).to_have_count(0)
        mine = Principal(DEMO_USER, DEMO_WORKSPACE)
        assert [row.id for row in await ready.copilot.notifications.list(mine, seen=True)] == ["rmd_1"]
