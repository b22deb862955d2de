"""Conditions that cannot be used, are meant as alternatives, or would compare what only identifies."""

from collections.abc import Callable
from typing import Any

import pytest

OPERATORS = ["eq", "ne", "gt", "gte", "lt", "lte", "contains", "in"]
FIELDS = [
    {"name": "InvoiceId", "type": "integer"},
    {"name": "CustomerId", "type": "integer"},
    {"name": "Number", "type": "string"},
    {"name": "Total", "type": "number"},
    {"name": "state", "type": "enum", "options": ["draft", "sent", "paid", "void"]},
    {"name": "priority", "type": "enum", "options": ["low", "medium", "high", "critical"]},
]


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": ["module"]}


@pytest.fixture
def ledger() -> dict[str, Any]:
    """Invoices of a reflected database, with actions that know the operator "in"."""
    module = {"type": "string", "enum": ["invoices"]}
    condition = {"type": "object", "properties": {"field": {"type": "string"}, "op": {"enum": OPERATORS}, "value": {}}}
    filters = {"type": "array", "items": condition}
    refs = {"type": "array", "items": {"type": "string"}, "description": "Record ids"}
    return {
        "now": "2026-02-10T09:00:00",
        "user": {"name": "Dana Reyes", "email": "dana@acme.example"},
        "modules": {"invoices": {"name": "Invoices", "singular": "invoice", "titleField": "Number", "fields": FIELDS}},
        "actions": [
            {
                "name": "findRows",
                "description": "Find and count records of a module",
                "parameters": _object(
                    module=module,
                    filters=filters,
                    sortBy={"type": "string"},
                    sortOrder={"type": "string", "enum": ["asc", "desc"]},
                    limit={"type": "integer"},
                ),
            },
            {
                "name": "deleteRows",
                "description": "Delete records",
                "parameters": _object(module=module, records=refs, filters=filters),
            },
            {
                "name": "changeRows",
                "description": "Update fields of records",
                "parameters": _object(module=module, records=refs, filters=filters, values={"type": "object"}),
            },
            {"name": "tellFields", "description": "Get the schema of a module", "parameters": _object(module=module)},
        ],
    }


@pytest.fixture
def clerk(desk_in: Callable[..., Any], ledger: dict[str, Any]) -> Any:
    return desk_in(ledger)


def test_a_condition_that_no_field_takes_is_named(clerk: Any) -> None:
    clerk.results = [{"success": True, "message": "59 invoices match."}]
    assert clerk.say("how many invoices are in Berlin") == [("findRows", {"module": "invoices"})]
    assert clerk.answer == "59 invoices match.\n\nI could not use: “in Berlin”."


@pytest.mark.parametrize(
    "text", ["delete all invoices in Berlin", "void every purple invoice", "delete all red invoices"]
)
def test_a_write_stops_at_a_condition_that_no_field_takes(clerk: Any, text: str) -> None:
    assert clerk.say(text) == []
    assert clerk.answer.startswith("I could not use: “")


def test_what_only_identifies_is_no_amount(clerk: Any) -> None:
    [(_, arguments)] = clerk.say("which invoices are over 5, largest first")
    assert arguments["filters"] == [{"field": "Total", "op": "gt", "value": 5}]
    assert (arguments["sortBy"], arguments["sortOrder"]) == ("Total", "desc")


def test_a_named_identifier_is_used(clerk: Any) -> None:
    [(_, arguments)] = clerk.say("show invoices of customer 5")
    assert arguments["filters"] == [{"field": "CustomerId", "op": "eq", "value": 5}]


def test_options_joined_by_or_are_one_condition(clerk: Any) -> None:
    [(_, arguments)] = clerk.say("list draft or void invoices")
    assert arguments["filters"] == [{"field": "state", "op": "in", "value": ["draft", "void"]}]


def test_alternatives_that_the_action_cannot_take_are_named(desk: Any) -> None:
    assert "filters" not in desk.say("show critical or high incidents")[0][1]
    assert "critical or high" in desk.answer


def test_alternatives_of_two_fields_are_not_both_demanded(clerk: Any) -> None:
    assert clerk.say("list critical or void invoices") == [("findRows", {"module": "invoices"})]
    assert clerk.answer.endswith("I could not use: “critical or void”.")


def test_them_are_the_records_of_the_query_just_made(clerk: Any) -> None:
    wanted = [{"field": "state", "op": "eq", "value": "void"}]
    made = clerk.say("list void invoices and delete them")
    assert made == [
        ("findRows", {"module": "invoices", "filters": wanted}),
        ("deleteRows", {"module": "invoices", "filters": wanted}),
    ]


def test_them_are_the_ids_found_where_a_query_is_limited(clerk: Any) -> None:
    clerk.results = [{"success": True, "data": [{"id": "rec_1"}, {"id": "rec_2"}]}]
    made = clerk.say("show the 2 largest invoices and then delete them")
    assert made[1] == ("deleteRows", {"module": "invoices", "records": ["rec_1", "rec_2"]})


def test_nothing_found_leaves_nothing_to_delete(clerk: Any) -> None:
    clerk.results = [{"success": True, "data": [], "message": "No invoices match."}]
    assert len(clerk.say("show the 2 largest invoices and then delete them")) == 1
    assert clerk.answer.startswith("No invoices match.\n\nNot done")


@pytest.mark.parametrize(
    "result",
    [{"success": True, "data": {"fields": FIELDS}}, {"fields": FIELDS}, {"slug": "invoices", "fields": FIELDS}],
)
def test_fields_that_the_prompt_does_not_tell_are_looked_up(
    desk_in: Callable[..., Any], ledger: dict[str, Any], result: dict[str, Any]
) -> None:
    desk = desk_in({**ledger, "modules": {}})
    desk.results = [result]
    assert desk.say("list paid invoices over 500") == [
        ("tellFields", {"module": "invoices"}),
        (
            "findRows",
            {
                "module": "invoices",
                "filters": [
                    {"field": "state", "op": "eq", "value": "paid"},
                    {"field": "Total", "op": "gt", "value": 500},
                ],
            },
        ),
    ]


def test_rows_show_what_was_asked_for_first(clerk: Any) -> None:
    row = {"id": "i:1", "title": "A-1", "Number": "A-1", "InvoiceId": 1, "CustomerId": 3, "state": "paid", "Total": 9}
    clerk.results = [{"success": True, "message": "2 invoices match.", "data": [row, {**row, "title": "A-2"}]}]
    clerk.say("list invoices by total, paid ones")
    assert "- **A-1** · total: 9 · state: paid\n" in clerk.answer


def test_a_made_record_is_linked_and_not_told_twice(desk: Any) -> None:
    link = "/modules/tasks/records/1"
    data = {"id": "task:1", "title": "Review Q4 Report", "link": link, "priority": "high"}
    message = "Created task “Review Q4 Report”."
    desk.results = [{"success": True, "recordId": "task:1", "data": data, "message": message}]
    desk.say("create a high priority task called Review Q4 Report")
    assert desk.answer == f"Created task “[Review Q4 Report]({link})”.\n- priority: high"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("I met Lena Fox from Globex, add her as a contact", {"name": "Lena Fox", "company": "Globex"}),
        ("checkout is down, open a critical incident", {"title": "checkout is down", "severity": "critical"}),
        ("stick buy coffee filters on my todo list", {"title": "buy coffee filters"}),
        ("The printer is broken. Log an incident for it.", {"title": "printer is broken"}),
    ],
)
def test_a_story_tells_what_to_make(desk: Any, text: str, fields: dict[str, Any]) -> None:
    [(name, arguments)] = desk.say(text)
    assert (name, arguments["fields"]) == ("createRecord", fields)


def test_not_is_heard_before_a_name(desk: Any) -> None:
    [(_, arguments)] = desk.say("delete all tasks not assigned to Sam")
    assert arguments["filters"] == [{"field": "assignee", "op": "ne", "value": "Sam"}]


def test_an_empty_field_is_asked_for_or_named(desk: Any) -> None:
    assert desk.say("contacts without a phone number") == [("queryRecords", {"module": "contacts"})]
    assert desk.answer.endswith("I could not use: “no phone”.")
    assert desk.say("delete contacts without a phone number") == []


def test_the_record_named_in_the_answer_takes_the_place_of_the_pronoun(desk: Any) -> None:
    assert desk.say("mark it as done") == []
    assert desk.say("Buy milk")[0][1] == {"module": "tasks", "records": ["Buy milk"], "fields": {"status": "done"}}
