"""The server dies in the middle of an answer; the page that comes back gets the rest of it."""

import asyncio
import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from copilot_core import Role
from copilot_core.testing import opened
from copilot_core.testing.openai_server import Call, Say, ScriptedOpenAI

from ..flow.test_restart import free_port, serving
from .conftest import Visit
from .pages import answers, conversation, held, say

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]


async def test_an_answer_is_completed_by_the_server_that_is_started_next(
    tmp_path: Path, visit: Visit, web_pages: str
) -> None:
    script = [
        Say("Hello."),
        Call("addItem", {"title": "Milk"}),
        Say("One two three", wait=asyncio.Event()),
        Say("One two three four."),
    ]
    database_url = f"sqlite:///{tmp_path / 'test.db'}"
    port = free_port()
    async with ScriptedOpenAI(script) as model:
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {  # with byte code kept, three processes start in the time of one
            **inherited,
            "COPILOT_DATABASE_URL": database_url,
            "COPILOT_CORS_ORIGINS": web_pages,
            "COPILOT_LOG_LEVEL": "ERROR",
            "OPENAI_API_KEY": "x",
            "OPENAI_BASE_URL": model.base_url,
        }
        async with opened(database_url=database_url) as ready:
            key = await ready.keys.create(workspace="acme", user="dana", role=Role.MEMBER)
        async with serving(port, environment) as server:
            url = f"http://127.0.0.1:{port}/v1/copilot"
            page = await visit("v2", url, "messages", "action", key=key, threadId="t1", forgiven="network error")
            await say(page, "Hello")
            await expect(answers(page)).to_have_text("Hello.")
            await say(page, "Add milk and count")
            await expect(answers(page).last).to_have_text("One")
            before = await held(page)
            server.kill()
            await server.wait()
        async with serving(port, environment):
            await page.reload()
            told = [
                ("user", "Hello"),
                ("assistant", "Hello."),
                ("user", "Add milk and count"),
                ("assistant", ("addItem", {"title": "Milk"})),
                ("tool", {"added": "Milk"}),
                ("assistant", "One two three four."),
            ]
            await expect(answers(page).last).to_have_text("One two three four.", timeout=30_000)
            assert await conversation(page, 6) == told
            assert [message["id"] for message in (await held(page))[:5]] == [message["id"] for message in before[:5]]
