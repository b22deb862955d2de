"""How often, until when and whose: filled from what schemas say, for actions of any name."""

from collections.abc import Callable
from typing import Any

import pytest

TEXT, MOMENT = {"type": "string"}, {"type": "string", "format": "date-time"}
WORDS = {"type": "string", "enum": ["once", "daily", "weekly", "monthly"]}
RULES = {"type": "string", "description": "How it repeats, a rule of RFC 5545"}
WORKER = {"type": "string", "description": "Whose they are; 'me' is the user"}


def world(name: str, told: str, required: str = "", **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required.split()}
    action = {"name": name, "description": told, "parameters": schema}
    return {"now": "2026-02-10T09:00:00", "user": {"name": "Noor"}, "modules": {}, "actions": [action]}


FEEDS = {"subject": TEXT, "at": MOMENT}


@pytest.mark.parametrize(
    ("repeats", "text", "wanted"),
    [
        (WORDS, "schedule a feeding of the fish every monday at 8:00", "weekly"),
        (WORDS, "schedule a feeding of the fish every day at 11:00", "daily"),
        (RULES, "schedule a feeding of the fish every monday at 8:00", "FREQ=WEEKLY;BYDAY=MO"),
        (RULES, "schedule a feeding of the fish every monday and friday at 8:00", "FREQ=WEEKLY;BYDAY=MO,FR"),
        (RULES, "schedule a feeding of the fish every 3 days at 11:00", "FREQ=DAILY;INTERVAL=3"),
        (RULES, "schedule a feeding of the fish every other week at 11:00", "FREQ=WEEKLY;INTERVAL=2"),
        (RULES, "schedule a feeding of the fish every weekday at 11:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
    ],
)
def test_how_often_is_told_as_the_schema_wants_it(
    desk_in: Callable[..., Any], repeats: Any, text: str, wanted: str
) -> None:
    feeding = world("schedule_feeding", "Schedule a feeding", "subject at", **FEEDS, repeats=repeats)
    [(_, arguments)] = desk_in(feeding).say(text)

    hour = "2026-02-16T08:00:00" if "monday" in text else "2026-02-10T11:00:00"
    assert arguments == {"subject": "fish", "at": hour, "repeats": wanted}


def test_what_cannot_be_repeated_is_said_and_is_in_no_title(desk_in: Callable[..., Any]) -> None:
    desk = desk_in(world("schedule_feeding", "Schedule a feeding", "subject at", **FEEDS))
    [(_, arguments)] = desk.say("schedule a feeding of the fish every monday at 8:00")

    assert arguments == {"subject": "fish", "at": "2026-02-16T08:00:00"}
    assert "I could not use: “every monday”." in desk.answer


def test_a_range_of_times_is_a_start_with_an_end_or_with_a_length(desk_in: Callable[..., Any]) -> None:
    said = "book a slot tomorrow from 10:00 to 11:30"
    ends = world("book_slot", "Book a slot", "start", start=MOMENT, end=MOMENT, minutes={"type": "integer"})
    lasts = world("book_slot", "Book a slot", "start", start=MOMENT, minutes={"type": "integer"})

    assert desk_in(ends).say(said) == [("book_slot", {"start": "2026-02-11T10:00:00", "end": "2026-02-11T11:30:00"})]
    assert desk_in(lasts).say(said) == [("book_slot", {"start": "2026-02-11T10:00:00", "minutes": 90})]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("show my shifts", {"assignee": "me"}),
        ("which shifts are assigned to me?", {"assignee": "me"}),
        ("list the shifts of Lena Fischer", {"assignee": "Lena Fischer"}),
        ("list the shifts on reception", {"task": "reception"}),
        ("list shifts", {}),
    ],
)
def test_mine_is_the_user_where_the_schema_says_so(
    desk_in: Callable[..., Any], text: str, arguments: dict[str, str]
) -> None:
    shifts = world("list_shifts", "List shifts", assignee=WORKER, task=TEXT)

    assert desk_in(shifts).say(text) == [("list_shifts", arguments)]


def test_a_form_of_an_option_beside_a_date_says_when(desk_in: Callable[..., Any]) -> None:
    day = {"type": "string", "format": "date"}
    state = {"type": "array", "items": {"type": "string", "enum": ["open", "closed"]}}
    tickets = world("list_tickets", "List tickets", state=state, openedFrom=day, openedTo=day)

    assert desk_in(tickets).say("which tickets were opened this week?") == [
        ("list_tickets", {"openedFrom": "2026-02-09", "openedTo": "2026-02-15"})
    ]
    assert desk_in(tickets).say("show open tickets") == [("list_tickets", {"state": ["open"]})]


def test_what_follows_a_colon_is_the_text_that_must_be_there(desk_in: Callable[..., Any]) -> None:
    report = world("create_ticket", "Create or report a ticket", "title", title=TEXT, description=TEXT)

    assert desk_in(report).say("report a ticket: the door is stuck") == [
        ("create_ticket", {"title": "the door is stuck"})
    ]


def test_a_rule_says_until_when_and_the_time_is_of_its_first_day(desk_in: Callable[..., Any]) -> None:
    nudge = {
        "name": "setReminder",
        "description": "Set a reminder",
        "parameters": {
            "type": "object",
            "properties": {
                "title": {"type": "string"},
                "dueAt": {"type": "string", "format": "date-time"},
                "repeats": {"type": "string", "description": "A rule of RFC 5545"},
            },
            "required": ["title", "dueAt"],
        },
    }
    world = {"now": "2026-02-10T09:00:00", "user": {"name": "Dana Reyes"}, "modules": {}, "actions": [nudge]}
    assert desk_in(world).say("remind me to water the plants every day at 10am until Friday") == [
        (
            "setReminder",
            {"title": "water the plants", "dueAt": "2026-02-10T10:00:00", "repeats": "FREQ=DAILY;UNTIL=20260213"},
        )
    ]


def test_a_meeting_of_which_only_the_guests_are_said_is_called_after_them(desk: Any) -> None:
    [(_, arguments)] = desk.say("schedule a calendar event tomorrow at 3pm for 30 minutes with ann@example.com")
    assert (arguments["title"], arguments["durationMinutes"]) == ("Event with ann@example.com", 30)
