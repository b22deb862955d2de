"""Turns that depend on earlier ones: questions and answers, references, failures."""

import json
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from copilot_core.planner import RulePlanner

FOUND = {
    "success": True,
    "data": [
        {"id": "rec_a", "title": "Buy milk", "status": "todo", "link": "/tasks/rec_a"},
        {"id": "rec_b", "title": "Pay rent", "status": "done"},
    ],
}


def test_a_missing_option_is_asked_for_and_the_answer_completes_the_request(
    desk_in: Callable[..., Any], plugins: dict[str, Any]
) -> None:
    desk = desk_in(plugins)
    assert desk.say("turn off the lights") == []
    assert desk.answer == "Which room? kitchen, bedroom or living_room."
    assert desk.say("the living room please") == [("turnLights", {"room": "living_room", "on": False})]


def test_two_questions_in_a_row(desk_in: Callable[..., Any], plugins: dict[str, Any]) -> None:
    desk = desk_in(plugins)
    assert desk.say("book a table at Noma") == []
    assert desk.say("4") == []
    assert desk.answer.startswith("When?")
    [(name, arguments)] = desk.say("tomorrow at 7pm")
    assert (name, arguments["people"], arguments["time"]) == ("bookTable", 4, "2026-02-11T19:00:00")


def test_a_new_command_instead_of_an_answer_is_done(desk_in: Callable[..., Any], plugins: dict[str, Any]) -> None:
    desk = desk_in(plugins)
    desk.say("turn off the lights")
    assert desk.say("restart web-1") == [("restartServer", {"server": "web-1"})]


def test_the_first_one_is_the_first_of_what_was_shown(desk: Any) -> None:
    desk.results = [FOUND]
    desk.say("show my tasks")
    assert desk.say("mark the first one as done") == [
        ("updateRecords", {"module": "tasks", "records": ["rec_a"], "fields": {"status": "done"}})
    ]


def test_them_are_all_that_were_shown(desk: Any) -> None:
    desk.results = [FOUND]
    desk.say("show my tasks")
    assert desk.say("delete them")[0][1]["records"] == ["rec_a", "rec_b"]


def test_it_is_what_was_just_created(desk: Any) -> None:
    desk.results = [{"success": True, "recordId": "rec_9"}]
    desk.say("create a task called Plan retro")
    assert desk.say("set its priority to high")[0][1]["records"] == ["rec_9"]


def test_him_is_who_was_just_named(desk: Any) -> None:
    made = desk.say("add contact Ben Ode (ben@ode.dev). also schedule a call with him tomorrow 4pm")
    assert made[1][1]["title"] == "call with Ben Ode"


def test_a_change_of_what_is_just_made_joins_its_making(desk: Any) -> None:
    assert desk.say("create a task called Buy milk and assign it to Sam") == [
        ("createRecord", {"module": "tasks", "fields": {"title": "Buy milk", "assignee": "Sam"}})
    ]


def test_one_call_a_round_in_the_order_of_the_clauses(desk: Any) -> None:
    made = desk.say("create a task called Plan retro and then take me to tasks")
    assert [name for name, _ in made] == ["createRecord", "goToModule"]
    assert all(len(m.tool_calls) <= 1 for m in desk.messages if isinstance(m, AIMessage))


def test_a_failed_step_stops_the_later_ones_and_is_told(desk: Any) -> None:
    desk.results = [{"success": False, "error": "permission_denied", "message": "You may not create tasks."}]
    assert len(desk.say("create a task called Plan retro and then take me to tasks")) == 1
    assert "createRecord failed: You may not create tasks." in desk.answer
    assert "not done: “take me to tasks”" in desk.answer


def test_records_are_answered_as_a_list_with_links(desk: Any) -> None:
    desk.results = [FOUND]
    desk.say("show my tasks")
    assert desk.answer == "- [Buy milk](/tasks/rec_a) · status: todo\n- **Pay rent** · status: done"


def test_long_lists_say_how_many_more_there_are(desk: Any) -> None:
    desk.results = [{"success": True, "data": [{"id": str(n), "title": f"Task {n}"} for n in range(25)]}]
    desk.say("show my tasks")
    assert desk.answer.count("\n- ") == 9
    assert desk.answer.endswith("… and 15 more.")


def test_a_message_of_the_action_is_the_answer(desk: Any) -> None:
    desk.results = [{"success": True, "message": "Created task: Plan retro.", "recordId": "rec_1"}]
    desk.say("create a task called Plan retro")
    assert desk.answer == "Created task: Plan retro."


def test_foreign_results_of_any_form_are_told(desk: Any) -> None:
    for result, answer in (("all fine", "all fine"), ({"celsius": 4}, "- celsius: 4"), (42, "42")):
        desk.messages.clear()
        desk.results = [result]
        desk.say("summarize the deal Acme renewal")
        assert desk.answer == answer


def test_without_calls_allowed_the_history_is_answered_from(crm: dict[str, Any]) -> None:
    tools = [{"type": "function", "function": a} for a in crm["actions"]]
    call = {"name": "queryRecords", "args": {"module": "tasks"}, "id": "c1", "type": "tool_call"}
    history = [
        SystemMessage("You are the copilot."),
        HumanMessage("show my tasks"),
        AIMessage("", tool_calls=[call]),
        ToolMessage(json.dumps(FOUND), tool_call_id="c1"),
    ]
    reply = RulePlanner().bind_tools(tools, tool_choice="none").invoke(history)
    assert reply.tool_calls == []
    assert "Buy milk" in str(reply.content)


def test_fields_that_the_prompt_leaves_out_are_looked_up(desk_in: Callable[..., Any], crm: dict[str, Any]) -> None:
    bare = {slug: {"name": m["name"], "fields": []} for slug, m in crm["modules"].items()}
    desk = desk_in({**crm, "modules": bare})
    desk.results = [{"success": True, "data": {"slug": "tasks", **crm["modules"]["tasks"]}}]
    made = desk.say("create a high priority task called Plan retro")
    assert made == [
        ("getModuleInfo", {"module": "tasks"}),
        ("createRecord", {"module": "tasks", "fields": {"title": "Plan retro", "priority": "high"}}),
    ]


def test_actions_that_take_one_record_id_work_as_well(desk_in: Callable[..., Any], crm: dict[str, Any]) -> None:
    update = {
        "name": "updateRecord",
        "description": "Update fields of a record",
        "parameters": {
            "type": "object",
            "properties": {"recordId": {"type": "string"}, "fields": {"type": "object"}},
            "required": ["recordId", "fields"],
        },
    }
    page = {"pageType": "moduleRecord", "moduleSlug": "tasks", "recordId": "rec_t1", "recordName": "Ship newsletter"}
    made = desk_in({**crm, "actions": [update]}, page).say("set the priority to high")
    assert made == [("updateRecord", {"recordId": "rec_t1", "fields": {"priority": "high"}})]


def test_the_name_of_a_new_record_is_asked_for(desk: Any) -> None:
    assert desk.say("create a high priority task") == []
    assert desk.answer == "What is the title of the new task?"
    made = desk.say("Water the plants")
    assert made == [("createRecord", {"module": "tasks", "fields": {"priority": "high", "title": "Water the plants"}})]


def test_ordinals_without_a_noun_are_records_that_were_listed(desk: Any) -> None:
    desk.results = [{**FOUND, "data": {"module": "tasks", "records": FOUND["data"]}}]
    desk.say("show my tasks")
    assert desk.say("complete the second")[0][1] == {
        "module": "tasks",
        "records": ["rec_b"],
        "fields": {"status": "done"},
    }
    assert desk.say("delete the last one")[0][1]["records"] == ["rec_b"]
    assert desk.say("delete the second deal") == []
    assert desk.say("open the ninth one") == []


def test_a_record_of_a_kind_that_is_not_said_is_looked_for_first(desk: Any) -> None:
    desk.results = [{"success": True, "data": [{"module": "deals", "id": "rec_7", "title": "Acme renewal"}]}]
    assert desk.say("summarize the Acme renewal") == [
        ("searchRecords", {"query": "Acme renewal"}),
        ("summarizeRecord", {"module": "deals", "recordId": "rec_7"}),
    ]


def test_an_order_by_what_is_no_field_is_named_and_money_goes_by_any_name(desk: Any) -> None:
    desk.results = [FOUND]
    assert desk.say("deals sorted by amount")[0][1]["sortBy"] == "value"
    desk.say("deals sorted by colour")
    assert "I could not use: “by colour”." in desk.answer
