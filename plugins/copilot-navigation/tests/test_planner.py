"""Commands in English, with the rule planner, which knows none of these actions."""

import json
from typing import Any

from .conftest import Open

PAGE = {"handlesNavigation": True, "routes": [{"path": "/", "name": "Dashboard"}, {"path": "/settings/billing"}]}
MINE = {"field": "assignee", "op": "eq", "value": "Dana Reyes"}
SAID: list[tuple[str, str, Any]] = [
    ("go to deals", "goToModule", {"module": "deals"}),
    ("open the contacts page", "goToModule", {"module": "contacts"}),
    ("open the tasks list", "goToModule", {"module": "tasks"}),
    ("take me to the dashboard", "navigateTo", {"route": "dashboard"}),
    ("go to /settings/billing", "navigateTo", {"route": "/settings/billing"}),
    ("show my tasks", "showTasks", {"filter": [MINE]}),
    ("show the high priority tasks", "showTasks", {"filter": [{"field": "priority", "op": "eq", "value": "high"}]}),
    ("show my deals", "queryRecords", {"module": "deals", "filters": [{**MINE, "field": "owner"}]}),
    ("show contacts", "queryRecords", {"module": "contacts"}),
    ("how many tasks are there?", "queryRecords", {"module": "tasks"}),
    ("show tasks sorted by due date", "queryRecords", {"module": "tasks", "sortBy": "dueDate", "sortOrder": "asc"}),
]


async def test_places_are_gone_to_tasks_are_shown_and_records_are_still_asked_for(page: Open) -> None:
    made = []
    async with page() as dana:
        for text, *_ in SAID:
            run_id = text.replace(" ", "-").replace("/", "-").strip("?")
            await dana.ask(text, PAGE, runId=run_id)
            told = await dana.http.get(f"/v1/threads/{run_id}/messages")
            calls = [call["function"] for message in told.json()["messages"] for call in message.get("toolCalls", ())]
            made.append((text, *((call["name"], json.loads(call["arguments"])) for call in calls)))

    assert made == [(text, (name, arguments)) for text, name, arguments in SAID]
