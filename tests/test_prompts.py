"""What the model is told, and that no data can speak as the server."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_core import Principal, Readable, Role
from copilot_core.prompts import date_readable, system_message, user_readable


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
