"""What is open on the page: "this record", "these", the link of a new record, the modules a page works with."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from copilot_core import MODULES, Principal, Readable
from copilot_core.planner import RulePlanner
from copilot_core.prompts import gathered, system_message

from .conftest import declared, load

FOUND = {"success": True, "data": [{"id": "t_1", "subject": "Tap"}, {"id": "t_2", "subject": "Door"}]}
UNIT = {"pageType": "moduleRecord", "moduleSlug": "units", "recordId": "u_7", "recordName": "4B Harbour"}
TICKET = {"pageType": "moduleRecord", "moduleSlug": "tickets", "recordId": "t_3", "recordName": "Leaking tap"}
OPEN_TICKETS = {"pageType": "moduleList", "moduleSlug": "tickets", "filters": {"status": "open"}}
IS_OPEN = {"field": "status", "op": "eq", "value": "open"}


@pytest.fixture
def houses() -> dict[str, Any]:
    """Buildings, units, leases and tickets, with the records' actions and some of plugins."""
    return load("page.jsonl")[0]


@pytest.mark.seed("S15")
@pytest.mark.parametrize(
    ("file", "misses"),
    [("page.jsonl", 0), ("page_clinic.jsonl", 3), ("page_freight.jsonl", 2), ("held_out_page.jsonl", 2)],
)
def test_commands_about_the_open_page_are_understood_in_worlds_it_was_not_made_with(
    missed: Callable[[str], list[str]], file: str, misses: int
) -> None:
    """Houses was used while this was made. Clinic and freight had 56 of 67 right at first sight, and were
    learned from; the held-out school was first run when that was finished: 30 of 32.
    """
    assert len(missed(file)) <= misses


@pytest.mark.seed("S15")
@pytest.mark.parametrize("text", ["close this ticket", "close this record", "close the current ticket", "close it"])
def test_this_record_is_the_open_one(desk_in: Callable[..., Any], houses: dict[str, Any], text: str) -> None:
    [(_, arguments)] = desk_in(houses, TICKET).say(text)

    assert arguments == {"module": "tickets", "records": ["t_3"], "fields": {"status": "closed"}}


@pytest.mark.seed("S15")
def test_an_action_of_a_plugin_gets_the_open_record_as_its_id(
    desk_in: Callable[..., Any], houses: dict[str, Any]
) -> None:
    assert desk_in(houses, UNIT).say("schedule an inspection for friday") == [
        ("scheduleInspection", {"unitId": "u_7", "date": "2026-02-13"})
    ]


@pytest.mark.seed("S15")
@pytest.mark.parametrize(
    "text",
    ["delete this unit", "delete this invoice", "close this unit", "terminate this lease", "delete the current unit"],
)
def test_what_is_not_open_is_asked_about_and_nothing_is_written(
    desk_in: Callable[..., Any], houses: dict[str, Any], text: str
) -> None:
    assert desk_in(houses, TICKET).say(text) == []


@pytest.mark.seed("S16")
def test_a_new_record_is_linked_to_the_open_one_by_id_or_by_name(
    desk_in: Callable[..., Any], houses: dict[str, Any]
) -> None:
    building = {"pageType": "moduleRecord", "moduleSlug": "buildings", "recordId": "b_1", "recordName": "Harbour House"}
    unit = desk_in(houses, building).say("add a unit called 7A")
    ticket = desk_in(houses, building).say("create a ticket called Roof leaks")

    assert unit[0][1]["fields"] == {"label": "7A", "building": "b_1"}
    assert ticket[0][1]["fields"] == {"subject": "Roof leaks", "building": "Harbour House"}


@pytest.mark.seed("S16")
@pytest.mark.parametrize(
    ("page", "text"),
    [
        (TICKET, "create a building called Tower"),
        (UNIT, "create a unit called 5C"),
        (UNIT, "create a building called Tower"),
        (OPEN_TICKETS, "create a lease called L1"),
        ({**UNIT, "recordId": None}, "create a lease called L1"),
    ],
)
def test_no_link_is_invented(desk_in: Callable[..., Any], houses: dict[str, Any], page: Any, text: str) -> None:
    [(_, arguments)] = desk_in(houses, page).say(text)

    assert len(arguments["fields"]) == 1


@pytest.mark.seed("S16")
def test_another_record_that_was_named_is_linked_instead(desk_in: Callable[..., Any], houses: dict[str, Any]) -> None:
    [(_, arguments)] = desk_in(houses, UNIT).say("new lease Lease Brown for unit 2A")

    assert arguments["fields"] == {"title": "Lease Brown", "unit": "2A"}


@pytest.mark.seed("S16")
@pytest.mark.parametrize(
    "text", ["show related tickets", "list linked tickets.", "show me the connected ticket records"]
)
def test_related_records_are_those_of_the_open_one(
    desk_in: Callable[..., Any], houses: dict[str, Any], text: str
) -> None:
    building = {"pageType": "moduleRecord", "moduleSlug": "buildings", "recordId": "b_1", "recordName": "Harbour House"}
    [(_, arguments)] = desk_in(houses, building).say(text)

    tied = {"field": "building", "op": "eq", "value": "Harbour House"}
    assert (arguments["module"], arguments["filters"]) == ("tickets", [tied])


@pytest.mark.seed("S17")
def test_these_are_what_the_open_list_shows(desk_in: Callable[..., Any], houses: dict[str, Any]) -> None:
    [(_, arguments)] = desk_in(houses, OPEN_TICKETS).say("sort these by urgency")

    assert arguments == {"module": "tickets", "filters": [IS_OPEN], "sortBy": "urgency", "sortOrder": "asc"}


@pytest.mark.parametrize("text", ["delete these", "delete all of them", "close these"])
def test_a_list_without_filters_is_never_written_to_as_these(
    desk_in: Callable[..., Any], houses: dict[str, Any], text: str
) -> None:
    assert desk_in(houses, {"pageType": "moduleList", "moduleSlug": "tickets"}).say(text) == []


def test_a_filter_that_no_field_fits_is_named_and_stops_a_write(
    desk_in: Callable[..., Any], houses: dict[str, Any]
) -> None:
    page = {**OPEN_TICKETS, "filters": {"status": "open", "floor": 4}}
    reading, writing = desk_in(houses, page), desk_in(houses, page)
    reading.results = [FOUND]

    assert [arguments["filters"] for _, arguments in reading.say("show them")] == [[IS_OPEN]]
    assert "I could not use: “floor 4”." in reading.answer
    assert writing.say("close these") == []


def test_what_was_shown_last_is_meant_before_the_page(desk_in: Callable[..., Any], houses: dict[str, Any]) -> None:
    desk = desk_in(houses, OPEN_TICKETS)
    desk.results = [FOUND]
    desk.say("show closed tickets")

    [(_, arguments)] = desk.say("sort these by urgency")

    assert arguments["filters"] == [{"field": "status", "op": "eq", "value": "closed"}]


def ask(world: dict[str, Any], told: list[Readable], text: str) -> Any:
    """What the planner answers to a page, with the prompt that the server makes."""
    modules = Readable(MODULES, [{"slug": slug, **module} for slug, module in world["modules"].items()])
    now = datetime.fromisoformat(f"{world['now']}+00:00")
    system = system_message(gathered(Principal("dana", "acme"), now, [modules], told))
    return RulePlanner().bind_tools(declared(world)).invoke([SystemMessage(system), HumanMessage(text)])


@pytest.mark.seed("S14")
@pytest.mark.parametrize(
    "text",
    [
        "show buildings",
        "create a building called Tower",
        "delete all buildings",
        "delete the building Tower",
        "how many buildings are there",
    ],
)
def test_a_module_that_the_page_does_not_list_is_refused_by_name(houses: dict[str, Any], text: str) -> None:
    listed = [{"slug": slug, "name": slug, "pluralName": slug} for slug in ("units", "tickets")]
    reply = ask(houses, [Readable("Modules available", json.dumps(listed))], text)

    assert reply.tool_calls == []
    assert reply.content == "Buildings cannot be used here. This page works with Units and Tickets."


@pytest.mark.seed("S14")
def test_the_modules_that_the_page_lists_work_as_ever(houses: dict[str, Any]) -> None:
    listed = [{"slug": "tickets", "name": "Ticket", "pluralName": "Tickets"}]
    reply = ask(houses, [Readable("Modules available", listed)], "show open tickets")

    assert [(c["name"], c["args"]) for c in reply.tool_calls] == [
        ("queryRecords", {"module": "tickets", "filters": [IS_OPEN]})
    ]


@pytest.mark.seed("S16")
def test_records_that_no_field_ties_to_the_open_one_are_found_by_what_both_have(
    desk_in: Callable[..., Any], houses: dict[str, Any]
) -> None:
    """Two units of one building; the lease's unit leads from the lease to it."""
    actions = json.loads(json.dumps(houses["actions"]))
    for action in actions:
        items = action["parameters"]["properties"].get("filters", {}).get("items", {})
        items.get("properties", {}).get("field", {})["description"] = "Field name, or id"
    world = {**houses, "actions": actions}
    unit = desk_in(world, UNIT)
    unit.results = [{"success": True, "data": [{"id": "u_7", "title": "4B Harbour", "building": "Harbour House"}]}]
    alone = desk_in(world, UNIT)
    alone.results = [{"success": True, "data": [{"id": "u_7", "title": "4B Harbour"}]}]

    assert [arguments["filters"] for _, arguments in unit.say("show related units")] == [
        [{"field": "id", "op": "eq", "value": "u_7"}],
        [
            {"field": "building", "op": "eq", "value": "Harbour House"},
            {"field": "label", "op": "ne", "value": "4B Harbour"},
        ],
    ]
    assert len(alone.say("show related units")) == 1
    assert alone.answer.endswith("Not done: “show related units”.")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("show related contacts", ("searchRecords", {"query": "Ship newsletter", "module": "contacts"})),
        ("show related records", ("searchRecords", {"query": "Ship newsletter"})),
        ("remind me about this tomorrow", ("createReminder", {"text": "Ship newsletter"})),
    ],
)
def test_the_name_of_the_open_record_finds_what_no_field_does(
    desk_in: Callable[..., Any], crm: dict[str, Any], text: str, made: tuple[str, dict[str, Any]]
) -> None:
    page = {"pageType": "moduleRecord", "moduleSlug": "tasks", "recordId": "rec_t1", "recordName": "Ship newsletter"}
    [(name, arguments)] = desk_in(crm, page).say(text)

    assert (name, {key: arguments[key] for key in made[1]}) == made


def test_a_shown_record_is_opened_by_a_route_that_is_told_and_else_told_itself(
    desk_in: Callable[..., Any], crm: dict[str, Any]
) -> None:
    go = {
        "name": "goTo",
        "description": "Navigate to a route",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    }
    world = {**crm, "actions": [go, *(a for a in crm["actions"] if a["name"] != "navigateTo")]}
    listed = {"success": True, "data": [{"id": f"rec_{n}", "title": n, "link": f"/tasks/rec_{n}"} for n in "abc"]}
    routed = desk_in(world, {"handlesNavigation": True, "routes": [{"path": "/tasks/{id}", "name": "Task"}]})
    plain = desk_in(world)
    for desk in (routed, plain):
        desk.results = [listed]
        desk.say("show all tasks")

    assert routed.say("open the second one") == [("goTo", {"path": "/tasks/rec_b"})]
    assert plain.say("open the second one") == [("summarizeRecord", {"module": "tasks", "recordId": "rec_b"})]
