"""The chat class of the AI SDK, as it is published, against `POST /v1/ai-sdk`."""

import asyncio
from typing import Any

import pytest

from copilot_core import Principal
from copilot_core.testing.openai_server import Call, Say, Status

from .conftest import Drive, OpenSite

pytestmark = [
    pytest.mark.node,
    pytest.mark.proof,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
]

ADD_ITEM = {
    "name": "addItem",
    "description": "Add an item to the list on the page",
    "parameters": {"type": "object", "properties": {"title": {"type": "string"}}},
}
ADA = {"success": True, "recordId": "r1", "data": {"name": "Ada"}, "message": "Created Ada."}


def brief(told: dict[str, Any]) -> list[Any]:
    """Role of each message of the chat, with its texts, and its calls as state and outcome."""
    assert told["error"] is None
    return [
        (message["role"], *(short for part in message["parts"] if (short := _short(part))))
        for message in told["messages"]
    ]


def _short(part: dict[str, Any]) -> Any:
    match part:
        case {"type": "text", "text": text}:
            return text
        case {"state": "output-available", "type": kind, "input": given, "output": output}:
            return kind, given, output
        case {"state": state, "type": kind, "input": given}:
            return kind, given, state, part.get("errorText")
    return None


async def test_two_turns_and_a_regenerated_one_are_one_thread(site: OpenSite, ai_sdk: Drive) -> None:
    at = await site(
        [
            Say("Hello."),
            Say("Let me.", calls=[Call("createRecord", {"title": "Ada"}), Call("createRecord", {"title": "refuse"})]),
            Say("Ada is there."),
            Say("Bye."),
            Say("Good bye."),
        ]
    )
    told = await ai_sdk(at.url, "Hello", "Create Ada", "Bye", {"regenerate": True}, key=at.key, id="chat1")

    refused = ("tool-createRecord", {"title": "refuse"}, "output-error", "Records cannot be called that.")
    assert brief(told) == [
        ("user", "Hello"),
        ("assistant", "Hello."),
        ("user", "Create Ada"),
        ("assistant", "Let me.", ("tool-createRecord", {"title": "Ada"}, ADA), refused, "Ada is there."),
        ("user", "Bye"),
        ("assistant", "Good bye."),
    ]
    assert (told["status"], told["finishReason"]) == ("ready", "stop")
    kinds = [(part["type"], part["data"]) for part in told["data"] if part["type"] != "data-receipt"]
    assert kinds == [
        ("data-progress", {"done": 1, "of": 1}),
        ("data-state-delta", [{"op": "add", "path": "/last", "value": "Ada"}]),
        ("data-sources", [{"type": "Create Record", "label": "Create Record"}]),
    ]
    assert [(role, said) for role, said in at.heard() if role != "tool"] == [
        ("user", "Hello"),
        ("assistant", "Hello."),
        ("user", "Create Ada"),
        ("assistant", "Let me."),
        ("assistant", "Ada is there."),
        ("user", "Bye"),
    ]
    assert len(told["requests"]) == 4


async def test_an_approval_is_asked_and_answered_as_the_sdk_does(site: OpenSite, ai_sdk: Drive) -> None:
    at = await site(
        [step for told in ("Gone.", "Kept.") for step in (Call("deleteRecords", {"kind": "task"}), Say(told))]
    )
    yes = await ai_sdk(at.url, "Delete", key=at.key, approve=True)
    no = await ai_sdk(at.url, "Delete", key=at.key, approve=False, reason="Not today")

    gone = {"success": True, "message": "Deleted every task."}
    question = _question(yes)
    assert '{"kind": "task"}' in question
    call = ("tool-deleteRecords", {"kind": "task"})
    assert brief(yes) == [("user", "Delete"), ("assistant", (*call, gone), question, "Gone.")]
    declined = "The user did not approve this. It was not done."
    assert brief(no) == [("user", "Delete"), ("assistant", (*call, "output-error", declined), _question(no), "Kept.")]
    assert [len(told["requests"]) for told in (yes, no)] == [2, 2]


def _question(told: dict[str, Any]) -> str:
    (part,) = [part for part in told["data"] if part["type"] == "data-approval"]
    return str(part["data"]["question"])


async def test_the_page_s_own_tool_is_run_by_the_page(site: OpenSite, ai_sdk: Drive) -> None:
    at = await site(
        [Say(calls=[Call("listRecords", {}), Call("addItem", {"title": "Milk"})]), Say("Milk is on the list.")]
    )
    given = {"tools": {"addItem": {"added": "Milk"}}, "body": {"tools": [ADD_ITEM]}}
    told = await ai_sdk(at.url, "Add milk", key=at.key, **given)

    listed = {"success": True, "data": [{"kind": "task", "title": "Größe prüfen"}]}
    calls: tuple[Any, ...] = (("tool-listRecords", {}, listed), ("tool-addItem", {"title": "Milk"}, {"added": "Milk"}))
    assert brief(told) == [("user", "Add milk"), ("assistant", *calls, "Milk is on the list.")]
    assert at.heard()[-1] == ("tool", '{"added": "Milk"}')


async def test_a_chat_that_comes_back_reads_the_answer_to_its_end_once(
    site: OpenSite, ai_sdk: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()
    at = await site([Say("Hello."), Say("One two three", wait=go_on)])
    await ai_sdk(at.url, "Hello", key=at.key, id="chat1")
    said = {"id": "u2", "role": "user", "parts": [{"type": "text", "text": "Count"}]}
    asked = {"id": "chat1", "messages": [said], "trigger": "submit-message"}
    async with at.client() as http, http.stream("POST", "/v1/ai-sdk", json=asked) as response:
        async for line in response.aiter_lines():
            if '"One"' in line:
                break

    reread = at.ready.copilot.reread

    async def reads(thread_id: str, principal: Principal) -> Any:
        reader = await reread(thread_id, principal)
        go_on.set()  # the answer goes on when the chat is there again
        return reader

    monkeypatch.setattr(at.ready.copilot, "reread", reads)
    told = await ai_sdk(at.url, {"resume": True}, key=at.key, id="chat1", messages=[said])
    assert brief(told) == [("user", "Count"), ("assistant", "One two three")]
    assert [(request["method"], request["url"]) for request in told["requests"]] == [
        ("GET", f"{at.url}/v1/ai-sdk/chat1/stream")
    ]
    assert [answer["status"] for answer in told["answers"]] == [200]

    later = await ai_sdk(at.url, {"resume": True}, key=at.key, id="chat1", messages=told["messages"])
    assert (brief(later), later["answers"][0]["status"]) == (brief(told), 204)


async def test_an_error_is_told_in_words(site: OpenSite, ai_sdk: Drive) -> None:
    at = await site([Status(400, message="secret detail")])
    failed = await ai_sdk(at.url, "Hello", key=at.key)
    stranger = await ai_sdk(at.url, "Hello", key="ck_wrong")

    assert (failed["status"], failed["error"]) == ("error", "The model provider rejected the request.")
    assert (stranger["status"], stranger["answers"][0]["status"]) == ("error", 401)
    assert "A valid bearer token is required." in stranger["error"]
