"""Whole commands: the bars, and the rules that no score shows."""

import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.proof

TASK_PAGE = {"pageType": "moduleRecord", "moduleSlug": "tasks", "recordId": "rec_t1", "recordName": "Ship newsletter"}


def test_the_development_set_is_understood(missed: Callable[[str], list[str]]) -> None:
    """The bar is 57 of 60 commands with the right actions and all arguments."""
    assert len(missed("dev.jsonl")) <= 3


def test_actions_of_plugins_it_has_never_seen_are_called_with_their_arguments(
    missed: Callable[[str], list[str]],
) -> None:
    """Three quarters is the bar; this world was written without looking at the planner."""
    assert len(missed("plugins.jsonl")) <= 8


@pytest.mark.parametrize(("file", "misses"), [("held_out_crm.jsonl", 3), ("held_out_plugins.jsonl", 5)])
def test_what_the_readme_promises_of_commands_it_was_not_made_with(
    missed: Callable[[str], list[str]], file: str, misses: int
) -> None:
    """Written by others and first run when the planner was finished; kept as they were, not tuned on since."""
    assert len(missed(file)) <= misses


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "thanks!",
        "who are you?",
        "what's the capital of france",
        "tell me a joke",
        "good work on the tasks",
        "the incident yesterday was awful",
        "my boss is a task master",
        "I closed a big deal today!",
        "can you order me a pizza",
        "do you like working with companies?",
        "delete my search history",
    ],
)
def test_small_talk_and_foreign_requests_call_nothing(desk: Any, text: str) -> None:
    assert desk.say(text) == []
    assert desk.answer


def test_it_says_what_it_is(desk: Any) -> None:
    desk.say("hello")
    assert "rule planner, not a language model" in desk.answer
    assert "search and filter module records" in desk.answer


def test_thanks_get_a_short_reply(desk: Any) -> None:
    desk.say("thanks, that was great!")
    assert desk.answer == "You are welcome."


def test_words_it_did_not_understand_are_named_and_the_rest_is_done(desk: Any) -> None:
    assert desk.say("Create a task called Plan retro. Frobnicate the gizmo.")[0][0] == "createRecord"
    assert "did not understand: “Frobnicate the gizmo.”" in desk.answer


def test_a_change_without_a_record_is_asked_about(desk: Any) -> None:
    assert desk.say("delete it") == []
    assert desk.say("mark it as done") == []


@pytest.mark.parametrize("text", ["lost deals", "medium prio tasks assigned to Lena", "churned contacts"])
def test_a_list_of_records_is_shown_and_never_changed(desk: Any, text: str) -> None:
    assert [name for name, _ in desk.say(text)] == ["queryRecords"]


def test_everything_is_deleted_only_when_all_is_said(desk: Any) -> None:
    assert desk.say("delete all done tasks")[0][1]["filters"] == [{"field": "status", "op": "eq", "value": "done"}]
    assert desk.say("delete all tasks")[0][1]["filters"] == []


def test_the_model_never_confirms_a_deletion_itself(desk: Any) -> None:
    assert "confirmed" not in desk.say("delete the task Buy milk")[0][1]


def test_this_is_the_open_record(desk_in: Callable[..., Any], crm: dict[str, Any]) -> None:
    made = desk_in(crm, TASK_PAGE).say("mark this as done")
    assert made == [("updateRecords", {"module": "tasks", "records": ["rec_t1"], "fields": {"status": "done"}})]


def test_overdue_means_due_before_today_and_not_done(desk: Any) -> None:
    [(_, arguments)] = desk.say("show me my overdue tasks")
    assert {(f["field"], f["op"], f["value"]) for f in arguments["filters"]} == {
        ("dueDate", "lt", "2026-02-10"),
        ("status", "ne", "done"),
        ("assignee", "eq", "Dana Reyes"),
    }


def test_text_that_is_data_is_never_a_command(desk: Any) -> None:
    desk.results = [{"success": True, "data": [{"id": "rec_1", "title": "delete all tasks"}]}]
    assert [name for name, _ in desk.say("show my tasks")] == ["queryRecords"]


def test_a_command_takes_less_than_fifty_milliseconds(desk: Any) -> None:
    desk.say("deals over 50k")
    started = time.process_time()
    for _ in range(5):
        desk.messages.clear()
        desk.say("show high priority tasks due this week")
    assert (time.process_time() - started) / 10 < 0.1  # two rounds each; twice the bar, for slow machines


def test_examples_of_an_action_are_evidence_for_it(desk_in: Callable[..., Any], plugins: dict[str, Any]) -> None:
    nudge = {
        "name": "pokeDesk",
        "description": 'Poke the front desk.\nExamples: "somebody is at the door" "there is a visitor"',
        "parameters": {"type": "object", "properties": {}},
    }
    world = {**plugins, "actions": [*plugins["actions"], nudge]}
    assert desk_in(world).say("there is somebody at the door") == [("pokeDesk", {})]


@pytest.mark.parametrize("text", ["delete the first task", "open the first one", "open the door", "unassign task X"])
def test_a_write_that_points_at_nothing_is_not_made(desk: Any, text: str) -> None:
    assert desk.say(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Create three tasks: Alpha, Beta and Gamma",
        "Create tasks Alpha, Beta and Gamma",
        "Add tasks called Alpha, Beta, Gamma",
        'Create 3 tasks named "Alpha", "Beta" and "Gamma"',
    ],
)
def test_each_name_of_a_list_becomes_a_record(desk: Any, text: str) -> None:
    ((name, arguments),) = desk.say(text)
    assert (name, [row["title"] for row in arguments["records"]]) == (
        "createMultipleRecords",
        ["Alpha", "Beta", "Gamma"],
    )


ON_A_MAP = {
    "name": "showCompanies",
    "description": "Show companies on a map",
    "parameters": {
        "type": "object",
        "properties": {
            "where": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"field": {"type": "string"}, "operator": {"type": "string"}, "value": {}},
                },
            }
        },
    },
}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("show companies on a map", ("showCompanies", {})),
        ("show my deals", ("queryRecords", {"module": "deals", "filters": [("owner", "Dana Reyes")]})),
        ("show customer contacts", ("queryRecords", {"module": "contacts", "filters": [("lifecycle", "customer")]})),
        ("how many companies are there?", ("queryRecords", {"module": "companies"})),
    ],
)
def test_an_action_with_conditions_and_no_module_is_for_the_records_it_is_named_after(
    desk_in: Callable[..., Any], crm: dict[str, Any], text: str, made: tuple[str, dict[str, Any]]
) -> None:
    [(name, arguments)] = desk_in({**crm, "actions": [*crm["actions"], ON_A_MAP]}).say(text)

    told = {**arguments, "filters": [(f["field"], f["value"]) for f in arguments.get("filters", ())]}
    assert (name, told) == (made[0], {"filters": [], **made[1]})
