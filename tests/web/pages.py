"""What the tests do to the pages of `src/`, and what they read from them."""

import asyncio
import contextlib
import json
from typing import Any

from playwright.async_api import Error, Locator, Page, expect

CONNECTED = """() => {
    const query = new URLSearchParams(location.search);
    const url = query.get("runtimeUrl");
    const answered = performance.getEntriesByType("resource").filter(({ name }) => name.startsWith(url));
    const expected = query.get("ui") === "own" ? 1 : location.pathname === "/v1.html" ? 4 : 2;
    const held = document.querySelector("[data-testid=held]");
    return answered.length >= expected && held?.dataset.status === "connected" && held.dataset.running === "false";
}"""
"""The server has answered who it is, and the chat what its thread holds: the sidebar of v1 asks that three times."""


async def connected(page: Page) -> None:
    """Wait until the page has what it opens with, and nothing is running: a message before that may get lost."""
    await page.wait_for_function(CONNECTED)


async def say(page: Page, text: str) -> None:
    """Type a message into the page's chat and send it, as soon as the page takes it."""
    await connected(page)
    box = page.get_by_placeholder("Type a message...").or_(page.get_by_test_id("message"))
    await box.fill(text)
    async with asyncio.timeout(30):
        while await box.input_value():
            await expect(page.get_by_test_id("held")).to_have_attribute("data-running", "false")
            await box.press("Enter")
            with contextlib.suppress(AssertionError):
                await expect(box).to_have_value("", timeout=200)


async def conversation(page: Page, count: int) -> list[Any]:
    """What the page holds, in short, as soon as it is `count` messages and nothing is running."""
    ready = """count => {
        const held = document.querySelector("[data-testid=held]");
        const messages = document.querySelector("[data-testid=messages]")?.textContent ?? "[]";
        return held?.dataset.running === "false" && JSON.parse(messages).length === count;
    }"""
    with contextlib.suppress(Error):  # what is there instead says more
        await page.wait_for_function(ready, arg=count)
    return brief(await held(page))


async def held(page: Page) -> list[dict[str, Any]]:
    """The messages that the page holds."""
    return list(json.loads(await page.get_by_test_id("messages").inner_text()))


def brief(messages: list[dict[str, Any]]) -> list[Any]:
    """Role and text of each message, or the calls in place of the text; a tool's JSON is decoded."""
    told: list[Any] = []
    for message in messages:
        content = message.get("content") or ""
        calls = [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in message.get("toolCalls", [])]
        if message["role"] == "tool":
            content = decoded(content)
        told.append((message["role"], *([content] if content or not calls else []), *calls))
    return told


async def logged(page: Page, kind: str, **matching: Any) -> list[dict[str, Any]]:
    """What the page has noted of that kind."""
    entries: list[dict[str, Any]] = await page.evaluate("kind => __log.filter(entry => entry.kind === kind)", kind)
    return [entry for entry in entries if matching.items() <= entry.items()]


def answers(page: Page) -> Locator:
    """The answers of the copilot as the stock chats show them."""
    return page.locator(".copilotKitAssistantMessage")


async def shown(page: Page, name: str) -> list[tuple[str, Any, Any]]:
    """Status, arguments and result of each change of that action's cards."""
    entries = await logged(page, "status", name=name)
    return [(entry["status"], entry["args"], decoded(entry.get("result"))) for entry in entries]


def decoded(result: Any) -> Any:
    """A result as what its text says, if that is an object."""
    return json.loads(result) if isinstance(result, str) and result.startswith("{") else result
