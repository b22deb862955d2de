"""Without any language model: the records plugin and its sample data, the built-in planner, a stock sidebar."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from copilot_core import Role
from copilot_core.cli.serving import DEMO_USER, DEMO_WORKSPACE, fill
from copilot_core.server import deployment
from copilot_core.settings import RULE_PLANNER, Settings
from copilot_core.testing import served

from .conftest import Visit
from .pages import answers, conversation, logged, say, shown

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]


async def test_the_sample_data_is_read_changed_and_shown(tmp_path: Path, visit: Visit, web_pages: str) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'test.db'}", model=RULE_PLANNER, cors_origins=web_pages, _env_file=None
    )
    async with deployment(settings) as ready, served(ready) as url:
        await fill(ready)
        key = await ready.keys.create(workspace=DEMO_WORKSPACE, user=DEMO_USER, role=Role.ADMIN)
        features = ("messages", "wildcard", "action", "interrupt")
        page = await visit("v1", f"{url}/v1/copilot", *features, key=key, threadId="t1")

        await say(page, "Create a task called Review Q4 Report")
        await expect(answers(page).last).to_have_text("Created task “Review Q4 Report”.")
        (card,) = [card for card in await shown(page, "createRecord") if card[0] == "complete"]
        record_id = card[2]["recordId"]
        assert card[1] == {"fields": {"title": "Review Q4 Report"}, "module": "tasks"}
        link = f"/modules/tasks/records/{record_id}"
        await expect(answers(page).last.get_by_role("link")).to_have_attribute("href", link)

        await say(page, "Add an item with the title Milk")
        await expect(page.get_by_test_id("items")).to_have_text("Milk")

        await say(page, "Delete the task Review Q4 Report")
        await expect(page.get_by_test_id("interrupt")).to_contain_text("Review Q4 Report")
        await page.get_by_test_id("interrupt-yes").click()
        await expect(answers(page).last).to_have_text("Deleted task “Review Q4 Report”.")

        deleted = {"records": [{"id": record_id, "module": "tasks", "title": "Review Q4 Report"}]}
        told = "Deleted task “Review Q4 Report”."
        assert (await conversation(page, 12))[4:] == [
            ("user", "Add an item with the title Milk"),
            ("assistant", ("addItem", {"title": "Milk"})),
            ("tool", {"added": "Milk"}),
            ("assistant", "- added: Milk"),
            ("user", "Delete the task Review Q4 Report"),
            ("assistant", ("deleteRecords", {"records": ["Review Q4 Report"], "module": "tasks"})),
            ("tool", {"success": True, "deleted": 1, "data": deleted, "message": told}),
            ("assistant", told),
        ]
        assert await logged(page, "error") == []
