"""The seed's world, through its own wire: incidents are asked for, changed, and put back."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest

from copilot_core import Role
from copilot_core.testing.openai_server import Call, Say

from .conftest import Talk, spoken

CRITICAL = "What are the most critical open incidents?"


@pytest.mark.seed("S91")
@pytest.mark.seed("S95")
@pytest.mark.parametrize(
    "script",
    [
        None,
        [
            Call("list_incidents", {"severity": ["critical"], "status": ["open"]}),
            Say("Based on your current data, there are 3 critical open incidents:"),
        ],
    ],
    ids=["rule planner", "model"],
)
async def test_the_seeds_question_has_the_seeds_events(talk: Talk, script: Any) -> None:
    async with talk(script) as dana:
        events = await dana.ask(CRITICAL)

    start, calling, called, *tokens, sources, done = events
    assert [start, calling, called, sources, done] == [
        {"type": "start", "conversationId": start["conversationId"]},
        {"type": "tool_use", "tool": "list_incidents", "toolStatus": "calling"},
        {"type": "tool_use", "tool": "list_incidents", "toolStatus": "done"},
        {"type": "sources", "sources": [{"type": "List Incidents", "label": "List Incidents"}]},
        {"type": "done"},
    ]
    assert [sorted(token) for token in tokens] == [["content", "type"]] * len(tokens)
    assert "3 critical open incidents" in spoken(events)


async def test_the_most_severe_come_first_with_what_names_them(talk: Talk) -> None:
    async with talk() as dana:
        [found] = await dana.results("Show me open incidents")

    assert found["message"] == "7 open incidents."
    assert [(one["severity"], one["id"]) for one in found["data"]["incidents"]] == [
        ("critical", "INC-20"),
        ("critical", "INC-18"),
        ("critical", "INC-16"),
        ("high", "INC-19"),
        ("high", "INC-12"),
        ("medium", "INC-13"),
        ("low", "INC-10"),
    ]
    assert found["data"]["incidents"][1] == {
        "id": "INC-18",
        "title": "Orders are missing since midnight",
        "severity": "critical",
        "status": "open",
        "asset": "warehouse.orders",
        "source": "Snowflake",
        "owner": "Amara Okafor",
        "openedAt": "2026-02-10T03:00+01:00",
    }


SAID = {
    "How many open incidents are there?": "7 open incidents.",
    "show critical and high incidents": "10 critical or high incidents.",
    "any open incidents on orders?": "2 open incidents.",
    "list the resolved incidents of Amara Okafor": "2 resolved incidents.",
    "which incidents were opened this week?": "6 incidents.",
    "show my incidents": "No incidents.",
    "resolve incident INC-12": "Resolved INC-12: “Customer e-mails are missing”.",
    "what happened to INC-12?": "INC-12 “Customer e-mails are missing” is resolved.",
    "reopen INC-12": "Updated INC-12 “Customer e-mails are missing”: status open.",
    "acknowledge INC-19": "Acknowledged INC-19: “Duplicate payment events”. It is looked after by Dana Reyes.",
    "show the incidents that are assigned to me": "1 incident.",
    "assign INC-20 to Lena Fischer": "Updated INC-20 “Payments do not add up with the ledger”: owner Lena Fischer.",
    "set the severity of INC-13 to high": "Updated INC-13 “Distribution of basket size has shifted”: severity high.",
    "comment on INC-16: the vendor knows": "Commented on INC-16 “Exchange rates are stale”: the vendor knows",
    "report a critical incident: exports are empty": "Reported INC-21: “exports are empty” (critical).",
}


async def test_the_rule_planner_understands_what_is_said_of_incidents(talk: Talk) -> None:
    async with talk() as dana:
        told = {said: [result["message"] for result in await dana.results(said)] for said in SAID}

    assert told == {said: [message] for said, message in SAID.items()}


FOLLOWING = {
    "list open incidents": "7 open incidents.",
    "resolve the first one": "Resolved INC-20: “Payments do not add up with the ledger”.",
    "acknowledge the second": "Acknowledged INC-18: “Orders are missing since midnight”. It is looked after by "
    "Amara Okafor.",
    "assign the last one to Lena Fischer": "Updated INC-10 “Postal codes fail validation”: owner Lena Fischer.",
    "open it": "INC-10 “Postal codes fail validation” is open.",
    "which incidents mention payment?": "3 incidents.",
    "show unresolved incidents": "10 open or acknowledged incidents.",
    "delete the first one": None,
    "cancel INC-12": None,
}


async def test_what_was_listed_is_acted_on_by_its_place_and_never_by_an_action_for_something_else(talk: Talk) -> None:
    async with talk() as dana:
        [start, *_] = await dana.ask("hello")
        told = {}
        for said in FOLLOWING:
            await dana.ask(said, start["conversationId"])
            thread = (await dana.http.get(f"/v1/threads/{start['conversationId']}/messages")).json()["messages"]
            last = max(i for i, message in enumerate(thread) if message["role"] == "user")
            results = [json.loads(m["content"])["message"] for m in thread[last:] if m["role"] == "tool"]
            told[said] = results[0] if results else None

    assert told == FOLLOWING


async def test_a_timeline_says_who_did_what_and_when(talk: Talk) -> None:
    async with talk() as dana:
        await dana.ask("resolve INC-12: the topic was replayed")
        [found] = await dana.results("what happened to INC-12?")

    assert found["data"]["timeline"] == [
        {"at": "2026-02-07T08:00+01:00", "by": "Dana Reyes", "what": "reported", "text": ""},
        {"at": "2026-02-10T10:00+01:00", "by": "Dana Reyes", "what": "resolved", "text": "the topic was replayed"},
    ]


WRITES = [
    "resolve INC-12: it was replayed",
    "reopen INC-9",
    "acknowledge INC-19",
    "comment on INC-16: the vendor is informed",
    "report a critical incident: exports are empty",
]


async def test_undo_leaves_everything_as_it_was(talk: Talk, database_url: str) -> None:
    async with talk(database_url=database_url) as dana:
        states, receipts = [await dana.rows()], list[str]()
        for said in WRITES:
            await dana.ask(said)
            states.append(await dana.rows())
            receipts += await dana.receipts() - {*receipts}
        assert all(before != after for before, after in pairwise(states))
        for before, receipt in zip(states[-2::-1], receipts[::-1], strict=True):
            assert (await dana.undo(receipt)).status_code == 200
            assert await dana.rows() == before


@pytest.mark.parametrize(
    ("done", "since"),
    [
        ("resolve INC-12", "reopen INC-12"),
        ("report an incident: exports are empty", "comment on INC-21: so it is"),
    ],
)
async def test_what_has_changed_since_is_not_undone(talk: Talk, done: str, since: str) -> None:
    async with talk() as dana:
        await dana.ask(done)
        [receipt] = await dana.receipts()
        await dana.ask(since)
        before = await dana.rows()
        answer = await dana.undo(receipt)

        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "undo_conflict")
        assert await dana.rows() == before


async def test_bad_input_names_the_field_and_changes_nothing(talk: Talk) -> None:
    asked = [
        Call("resolve_incident", {"incident": "INC-99"}),
        Call("resolve_incident", {"incident": "orders"}),
        Call("resolve_incident", {"incident": "INC-1"}),
        Call("acknowledge_incident", {"incident": "INC-1"}),
        Call("update_incident", {"incident": "INC-12"}),
        Call("update_incident", {"incident": "INC-12", "severity": "huge"}),
        Call("create_incident", {"title": ""}),
        Call("comment_on_incident", {"incident": "INC-12", "comment": ""}),
        Call("list_incidents", {"openedFrom": "yesterday"}),
    ]
    async with talk([*asked, Say("No.")], settings={"confirm_untrusted": False}) as dana:
        before = await dana.rows()
        results = await dana.results("Do it")
        assert await dana.rows() == before

    assert [(result["error"], *result["details"]) for result in results] == [
        ("not_found", "incident"),
        ("ambiguous", "found"),
        ("conflict", "incident", "status"),
        ("conflict", "incident", "status"),
        ("validation_error", "owner"),
        ("validation_error", "severity"),
        ("validation_error", "title"),
        ("validation_error", "comment"),
        ("validation_error", "openedFrom"),
    ]
    assert results[1]["message"].startswith("Which one? INC-18 “Orders are missing since midnight”")


@pytest.mark.seed("S100")
async def test_a_viewer_asks_and_does_not_write(talk: Talk) -> None:
    async with talk(role=Role.VIEWER) as dana:
        before = await dana.rows()
        read, refused = await dana.ask("Show me open incidents"), await dana.ask("resolve incident INC-12")
        assert await dana.rows() == before

    assert (read[-1]["type"], refused[-1]["type"]) == ("done", "error")


async def test_another_workspace_sees_none_and_counts_for_itself(talk: Talk) -> None:
    async with talk(workspace="other") as stranger:
        said = ("Show me open incidents", "resolve incident INC-12", "report an incident: exports are empty")
        told = [(await stranger.results(text))[0]["message"] for text in said]

    assert told == [
        "No open incidents.",
        "There is no incident “INC-12”.",
        "Reported INC-1: “exports are empty” (medium).",
    ]


async def test_those_that_are_reported_at_one_time_have_different_numbers(talk: Talk, database_url: str) -> None:
    async with talk(database_url=database_url) as dana:
        asked = [dana.results(f"report an incident: export {letter} is empty") for letter in "ab"]
        made = [result["recordId"] for [result] in await asyncio.gather(*asked)]

    assert sorted(made) == ["INC-21", "INC-22"]
