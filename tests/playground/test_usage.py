"""The playground's usage page: the numbers are those of real runs, and of `/v1/usage`."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

import copilot_discovery
from copilot_core.cli.serving import DEMO_USER, DEMO_WORKSPACE

from .test_playground import page_of_demo, say

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
ANSWERS = "Answers without an action"


async def used(page: Page, role: str = "admin") -> None:
    """Make real runs, and open the usage page as `role`."""
    await page.select_option("#role", role)
    for number, message in enumerate(("Create a task called Review Q4 Report", "hello"), 1):
        await say(page, message)
        await expect(page.locator(".turn.copilot:not(.busy)")).to_have_count(number)
    await page.wait_for_load_state("networkidle")  # the records of every module are in the page now
    await page.click("#show-usage")
    await expect(page.locator("#usage svg")).to_be_visible()


async def told(page: Page, path: str) -> Any:
    """What the server answers to the page's own key."""
    key = await page.evaluate("JSON.parse(document.querySelector('#keys').textContent)[role.value]")
    answer = await page.request.get(path, headers={"Authorization": f"Bearer {key}"})
    return await (answer.text() if "csv" in path else answer.json())


async def rows(page: Page, by: str) -> list[list[str]]:
    """A table of the page, without its head."""
    table = page.locator("#usage section", has=page.get_by_role("heading", name=f"credits by {by}")).locator("tbody tr")
    return [await row.locator("th, td").all_text_contents() for row in await table.all()]


@pytest.mark.parametrize("width", [390, 1280])
async def test_an_admin_sees_every_credit_by_its_cause(width: int) -> None:
    async with page_of_demo(width, 844, timezone_id="Asia/Tokyo") as (page, ready):
        await ready.copilot.engine.credits.subscriptions.subscribe(DEMO_WORKSPACE, "starter", by="root", included=2)
        await used(page)
        site = page.url.split("#")[0]
        period = await told(page, f"{site}api/v1/module-config/usage/ai")
        current, overage, percent = period["current"], period["overage"], period["percentOfIncluded"]

        assert current == overage + 2 > 2
        await expect(page.locator("#usage .amount")).to_have_text(f"{current} of 2 credits this month · {percent} %")
        meter = page.get_by_role("meter", name="Credits used of those included")
        assert await meter.get_attribute("aria-valuetext") == f"{current} of 2 credits, {percent} %"
        facts = await page.locator("#usage dd").all_text_contents()
        assert facts[0] == f"{overage} credits"
        assert re.fullmatch(r"\w+ 1, \d{4} at 9:00\sAM GMT\+9", facts[1])  # midnight in UTC
        assert facts[2].startswith("Soft limit")
        for by in ("action", "model", "user"):
            usage = (await told(page, f"{site}v1/usage?by={by}"))["usage"]
            assert await rows(page, by) == [[r[by] or ANSWERS, str(r["credits"]), str(r["operations"])] for r in usage]
            assert sum(row["credits"] for row in usage) == current
        assert ["createRecord", "3", "1"] in await rows(page, "action")
        assert await rows(page, "user") == [[DEMO_USER, str(current), (await rows(page, "model"))[0][2]]]
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_the_chart_says_to_a_screen_reader_what_it_shows() -> None:
    async with page_of_demo() as (page, _):
        await used(page)
        [today] = (await told(page, page.url.split("#")[0] + "v1/usage?by=day"))["usage"]
        day, credits = (
            await page.evaluate(
                f"dayName = new Date('{today['day']}').toLocaleDateString(undefined, "
                "{day: 'numeric', month: 'short', timeZone: 'UTC'})"
            ),
            today["credits"],
        )

        chart = page.get_by_role("img", name="Credits by day")
        assert (
            await chart.locator("desc").text_content()
            == f"{credits} credits in the month, most of them on {day}: {credits}."
        )
        assert await chart.locator("rect title").all_text_contents() == [f"{day}: {credits}"]
        assert await rows(page, "day") == [[day, str(credits)]]


async def test_the_table_is_there_as_csv(tmp_path: Path) -> None:
    async with page_of_demo() as (page, _):
        await used(page, "member")
        async with page.expect_download() as started:
            await page.get_by_role("button", name="Download as CSV: credits by action").click()
        download = await started.value
        await download.save_as(tmp_path / "usage.csv")

        assert download.suggested_filename == "usage-by-action.csv"
        expected = await told(page, page.url.split("#")[0] + "v1/usage?by=action&format=csv")
        assert (tmp_path / "usage.csv").read_bytes() == expected.encode()
        assert await page.locator("#usage h3").all_text_contents() == [
            f"Your credits by {by}CSV" for by in ("day", "action", "model")
        ]


async def test_the_address_names_the_page_and_the_conversation_is_where_it_was() -> None:
    async with page_of_demo() as (page, _):
        await used(page)
        await page.reload()
        await expect(page.locator("#usage svg")).to_be_visible()
        assert page.url.endswith("#usage")
        await page.go_back()
        await expect(page.locator(".turn.user")).to_have_text(
            ["You: Create a task called Review Q4 Report", "You: hello"]
        )
        await page.click("#show-usage")
        await page.get_by_role("button", name="Back to the chat").click()

        await expect(page.locator("#message")).to_be_focused()
        await expect(page.locator("#usage")).to_be_hidden()


async def test_a_viewer_and_an_empty_month_get_a_sentence() -> None:
    async with page_of_demo(1280, 800, copilot_discovery) as (page, _):
        await page.click("#show-usage")
        await expect(page.locator("#usage section").last).to_have_text("You have not used the copilot this month.")
        await page.select_option("#role", "viewer")

        sentence = "What the workspace has used is not shown to viewers. A member or an admin can tell you."
        await expect(page.locator("#usage article")).to_have_text(sentence)
