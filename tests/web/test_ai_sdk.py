"""The chat class of the AI SDK, as it is published, against `POST /v1/ai-sdk`."""

import json
from typing import Any

import pytest

from copilot_core.testing.openai_server import Call, Say, Status

from .conftest import Drive, OpenSite

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]


async def test_x(site: OpenSite, ai_sdk: Drive) -> None:
    at = await site([
        Say("Hello."), Say("Let me look.", calls=[Call("createRecord", {"title": "Ada"})]), Say("Ada is there."), Say("Ada again.")
    ])
    told = await ai_sdk(at.url, "Hello", "Create Ada", {"regenerate": True}, key=at.key, id="chat1")
    print(json.dumps({k: v for k, v in told.items() if k not in ("requests", "answers")}, indent=1))
    print(at.heard())

    for approve in (True, False):
        at = await site([Call("deleteRecords", {"kind": "task"}), Say("Told.")])
        told = await ai_sdk(at.url, "Delete", key=at.key, id="chat1", approve=approve)
        print(json.dumps({k: v for k, v in told.items() if k not in ("requests", "answers")}, indent=1))
        print(at.heard())
    at = await site([Status(400)])
    told = await ai_sdk(at.url, "Hello",  key=at.key, id="chat1")
    print(json.dumps({k: v for k, v in told.items() if k not in ("requests", "answers")}, indent=1))
    told = await ai_sdk(at.url, "Hello",  key="ck_wrong")
    print(json.dumps({k: v for k, v in told.items() if k not in ("requests", )}, indent=1))
    tools = [{"name": "addItem", "description": "Add an item", "parameters": {"type": "object", "properties": {"title": {"type": "string"}}}}]
    at = await site([Call("addItem", {"title": "Milk"}), Say("Added.")])
    told = await ai_sdk(at.url, "Add", key=at.key, tools={"addItem": {"added": "Milk"}}, body={"tools": tools})
    print(json.dumps({k: v for k, v in told.items() if k not in ("requests", "answers")}, indent=1))
    print(at.heard())
