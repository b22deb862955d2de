"""What the model is told, and that no data can speak as the server."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from copilot_core import MODULES, Principal, Readable, Role
from copilot_core.budget import TOO_DEEP
from copilot_core.planner.dates import find_dates
from copilot_core.planner.world import read_world
from copilot_core.prompts import TOLD_BY_PAGE, date_readable, gathered, system_message, user_readable

NOW = datetime(2026, 2, 10, 23, 30, tzinfo=UTC)
DANA = Principal("dana", "acme", Role.VIEWER, "Dana Reyes")
SEED_DATE = "Current date and time for relative date calculations"
ZONES = st.sampled_from(sorted(available_timezones()))
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def prompt(*told: Readable, known: tuple[Readable, ...] = (), now: datetime = NOW, zone: str | None = None) -> Any:
    """What stands in the prompt, by description."""
    return {r.description: r.value for r in gathered(DANA, now, known, told, timezone=zone)}


@pytest.mark.seed("S20")
def test_a_later_readable_of_one_description_replaces_the_earlier_one() -> None:
    told = system_message([Readable("Page", {"n": 1}), Readable("Page", {"n": 2})], instructions="Help.")

    assert told == 'Help.\n\n<data description="Page">{"n":2}</data>'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)


@given(st.text(), JSON)
def test_no_value_can_close_its_block_or_begin_another(description: str, value: object) -> None:
    [line] = system_message([Readable(description, value)], instructions="Help.").splitlines()[2:]

    found = re.fullmatch(r"<data description=([^<>]*)>([^<>]*)</data>", line)
    assert found is not None
    assert json.loads(found[1]) == description
    assert json.loads(found[2]) == value


@pytest.mark.seed("S19")
@pytest.mark.parametrize(
    ("now", "zone", "told"),
    [
        ("2026-02-10T09:00:00", None, ("2026-02-10T09:00:00+00:00", "2026-02-11", "UTC", "Tuesday")),
        (
            "2026-02-10T23:30:00",
            "Europe/Berlin",
            ("2026-02-11T00:30:00+01:00", "2026-02-12", "Europe/Berlin", "Wednesday"),
        ),
        (
            "2026-03-28T23:30:00",
            "Europe/Berlin",
            ("2026-03-29T00:30:00+01:00", "2026-03-30", "Europe/Berlin", "Sunday"),
        ),
        (
            "2026-10-25T00:30:00",
            "Europe/Berlin",
            ("2026-10-25T02:30:00+02:00", "2026-10-26", "Europe/Berlin", "Sunday"),
        ),
        ("2026-02-10T09:00:00", "Mars/Olympus", ("2026-02-10T09:00:00+00:00", "2026-02-11", "UTC", "Tuesday")),
    ],
)
def test_today_and_tomorrow_are_the_users(now: str, zone: str | None, told: tuple[str, ...]) -> None:
    value = date_readable(datetime.fromisoformat(now).replace(tzinfo=UTC), zone).value

    assert (value["now"], value["tomorrow"], value["timezone"], value["dayOfWeek"]) == told


def test_the_user_is_named_and_has_a_role() -> None:
    assert user_readable(Principal("dana", "acme", Role.VIEWER, "Dana Reyes")).value == {
        "userId": "dana",
        "name": "Dana Reyes",
        "role": "viewer",
    }


def test_what_is_nested_too_deeply_is_said_to_be() -> None:
    value: object = "core"
    for _ in range(5000):
        value = [value]

    assert f'"{TOO_DEEP}"' in system_message([Readable("Deep", value)])


@pytest.mark.seed("S11")
@pytest.mark.parametrize("value", [{"stage": "won"}, ["a"], "text", 5, None, True])
def test_a_readable_of_the_page_is_in_the_prompt_as_it_is(value: object) -> None:
    assert prompt(Readable("Current deal being viewed", value))["Current deal being viewed"] == value


@pytest.mark.seed("S11")
def test_a_readable_that_comes_as_json_text_is_told_as_json() -> None:
    assert prompt(Readable("Deal", '{"stage": "won"}'))["Deal"] == {"stage": "won"}


@pytest.mark.seed("S20")
def test_of_two_readables_of_one_description_the_page_has_only_the_last() -> None:
    assert prompt(Readable("Deal", 1), Readable("Deal", 2))["Deal"] == 2


@pytest.mark.seed("S19")
def test_without_a_date_context_the_server_tells_the_date() -> None:
    assert list(prompt()) == ["Current date and time", "Current user"]
    assert prompt(zone="Europe/Berlin")["Current date and time"]["tomorrow"] == "2026-02-12"


@pytest.mark.seed("S19")
@pytest.mark.parametrize("description", [SEED_DATE, "clock"])
def test_the_pages_date_context_stands_in_the_place_of_ours_whatever_it_is_called(description: str) -> None:
    value = {"currentDate": "2026-02-11", "tomorrow": "2026-02-12", "timezone": "Europe/Berlin", "week": 7}

    found = prompt(Readable(description, json.dumps(value)))

    assert "Current date and time" not in found
    assert found[description] == {**value, "now": "2026-02-11T00:30:00+01:00", "dayOfWeek": "Wednesday"}


@pytest.mark.seed("S19")
def test_a_date_that_the_clock_contradicts_is_told_as_the_pages_and_not_used() -> None:
    utc = {"currentDate": "2026-02-10", "tomorrow": "2026-02-11", "timezone": "Europe/Berlin", "dayOfWeek": "Tuesday"}

    found = prompt(Readable(SEED_DATE, utc))[SEED_DATE]

    assert (found["currentDate"], found["tomorrow"], found["dayOfWeek"]) == ("2026-02-11", "2026-02-12", "Wednesday")
    assert found[TOLD_BY_PAGE] == {"currentDate": "2026-02-10", "tomorrow": "2026-02-11", "dayOfWeek": "Tuesday"}


@pytest.mark.seed("S19")
def test_a_zone_of_the_request_comes_before_that_of_a_readable_if_there_is_such_a_zone() -> None:
    told = Readable("Zone", {"timezone": "Asia/Tokyo"})

    assert prompt(told, zone="Europe/Berlin")["Zone"]["timezone"] == "Europe/Berlin"
    assert prompt(told, zone="Mars/Olympus")["Zone"]["timezone"] == "Asia/Tokyo"


def next_day(now: datetime, zone: str) -> date:
    """The first other date that a clock in `zone` shows, looked at every quarter of an hour."""
    local = now.astimezone(ZoneInfo(zone))
    moment = now
    while moment.astimezone(ZoneInfo(zone)).date() == local.date():
        moment += timedelta(minutes=15)
    return moment.astimezone(ZoneInfo(zone)).date()


@pytest.mark.seed("S19")
@example("Europe/Berlin", datetime(2026, 3, 28, 23, 30, tzinfo=UTC))
@example("Europe/Berlin", datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC))
@example("America/New_York", datetime(2026, 3, 8, 4, 59, tzinfo=UTC))
@example("America/New_York", datetime(2026, 11, 1, 5, 30, tzinfo=UTC))
@example("America/Santiago", datetime(2026, 9, 6, 3, 59, tzinfo=UTC))
@example("Australia/Lord_Howe", datetime(2026, 4, 4, 13, 0, tzinfo=UTC))
@example("Pacific/Kiritimati", datetime(2026, 12, 31, 9, 59, tzinfo=UTC))
@given(ZONES, INSTANTS)
def test_tomorrow_is_the_day_that_comes_next_where_the_user_is(zone: str, now: datetime) -> None:
    """Across midnight and changes of the clock, told with nothing but a zone, and as the planner understands it."""
    found = prompt(Readable("Zone", {"timezone": zone}), now=now)["Zone"]
    world = read_world(system_message([Readable("Zone", found)]))

    assert found["currentDate"] == str(now.astimezone(ZoneInfo(zone)).date())
    assert found["tomorrow"] == str(next_day(now, zone))
    assert world.now.astimezone(UTC) == now.replace(microsecond=0)
    assert [str(when.first) for when in find_dates("call Ada tomorrow", world.now)] == [found["tomorrow"]]


DATES = st.fixed_dictionaries(
    {"timezone": ZONES | st.text()},
    optional={key: st.text() | st.dates().map(str) for key in ("currentDate", "tomorrow", "now", "today", "dayOfWeek")},
)


@pytest.mark.seed("S19")
@given(DATES, INSTANTS)
def test_nothing_that_a_page_says_of_the_date_moves_the_servers_clock(value: dict[str, str], now: datetime) -> None:
    found = prompt(Readable(SEED_DATE, value), now=now)
    [date_context] = [v for v in found.values() if "dayOfWeek" in v and "now" in v and v is not value]
    world = read_world(system_message([Readable(*item) for item in found.items()]))

    assert world.now.astimezone(UTC) == now.replace(microsecond=0)
    assert date_context["currentDate"] == str(now.astimezone(ZoneInfo(date_context["timezone"])).date())


@pytest.mark.seed("S13")
def test_the_pages_user_context_names_the_user_and_gives_no_role() -> None:
    told = Readable("Current user information", {"userId": "u1", "name": "D. Reyes", "email": None, "role": "Admin"})

    assert prompt(told)["Current user information"] == {"userId": "u1", "name": "D. Reyes", "role": "viewer"}
    assert "Current user" not in prompt(told)


SCHEMA = [
    {"slug": "tasks", "name": "Tasks", "singular": "task", "titleField": "title", "fields": [{"name": "title"}]},
    {"slug": "deals", "name": "Deals", "singular": "deal", "titleField": "name", "fields": [{"name": "name"}]},
]
LISTED = [{"slug": "tasks", "name": "Task", "pluralName": "Tasks"}, {"slug": "notes", "name": "Note"}]


@pytest.mark.seed("S14")
def test_of_a_module_that_the_page_does_not_list_only_the_names_are_told() -> None:
    told = Readable("Modules available in this workspace", LISTED)

    found = prompt(told, known=(Readable(MODULES, SCHEMA), Readable("Other", [1])))

    assert found[MODULES] == [SCHEMA[0], {"slug": "deals", "name": "Deals", "singular": "deal", "available": False}]
    assert (found[told.description], found["Other"]) == (LISTED, [1])


@pytest.mark.seed("S14")
def test_a_list_under_our_own_description_narrows_and_does_not_replace() -> None:
    assert prompt(Readable(MODULES, LISTED), known=(Readable(MODULES, SCHEMA),))[MODULES][0] == SCHEMA[0]


@pytest.mark.seed("S17")
def test_the_open_page_is_in_the_prompt() -> None:
    page = {"pageType": "moduleRecord", "moduleSlug": "tasks", "recordId": "r1"}

    assert prompt(Readable("Current page context", page))["Current page context"] == page
