"""What a local time means, above all on the days on which clocks are changed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from copilot_calendar.recurrence import WORDS, checked, following
from copilot_calendar.times import future, instant, zone_of
from copilot_core import ActionError, Readable

NOW = datetime(2026, 2, 10, 9, 0, tzinfo=UTC)
BERLIN, NEW_YORK, LORD_HOWE = (ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"))


def at(told: str) -> datetime:
    return datetime.fromisoformat(told)


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        (BERLIN, "2026-02-11T09:00", "2026-02-11T08:00+00:00"),
        (BERLIN, "2026-03-29T01:59", "2026-03-29T00:59+00:00"),
        (BERLIN, "2026-03-29T03:00", "2026-03-29T01:00+00:00"),
        (BERLIN, "2026-10-25T03:00", "2026-10-25T02:00+00:00"),
        (BERLIN, "2026-10-25T02:30+02:00", "2026-10-25T00:30+00:00"),
        (BERLIN, "2026-10-25T02:30+01:00", "2026-10-25T01:30+00:00"),
        (BERLIN, "2026-07-01T09:00", "2026-07-01T07:00+00:00"),
        (NEW_YORK, "2026-03-08T03:00", "2026-03-08T07:00+00:00"),
        (NEW_YORK, "2026-11-01T02:00", "2026-11-01T07:00+00:00"),
        (LORD_HOWE, "2026-10-04T02:30", "2026-10-03T15:30+00:00"),
        (LORD_HOWE, "2026-04-05T02:00", "2026-04-04T15:30+00:00"),
    ],
)
def test_a_local_time_is_one_instant(zone: ZoneInfo, local: str, utc: str) -> None:
    assert instant(at(local), zone, NOW, "dueAt") == at(utc)


@pytest.mark.parametrize(
    ("zone", "local", "how", "choices"),
    [
        (BERLIN, "2026-03-29T02:30", "does not exist", ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"]),
        (BERLIN, "2026-10-25T02:30", "comes twice", ["2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00+02:00"]),
        (NEW_YORK, "2026-03-08T02:30", "does not exist", ["2026-03-08T01:30:00-05:00", "2026-03-08T03:30:00-04:00"]),
        (NEW_YORK, "2026-11-01T01:30", "comes twice", ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00"]),
        (LORD_HOWE, "2026-10-04T02:15", "does not exist", ["2026-10-04T01:45:00+10:30", "2026-10-04T02:45:00+11:00"]),
        (LORD_HOWE, "2026-04-05T01:45", "comes twice", ["2026-04-05T01:45:00+10:30", "2026-04-05T01:45:00+11:00"]),
    ],
)
def test_a_local_time_that_is_none_or_two_is_refused_with_what_it_may_be(
    zone: ZoneInfo, local: str, how: str, choices: list[str]
) -> None:
    with pytest.raises(ActionError) as error:
        instant(at(local), zone, NOW, "dueAt")

    told = f"{how} in {zone.key}: the clocks are changed; say {' or '.join(choices)}"
    assert error.value.code == "validation_error"
    assert error.value.details == {"dueAt": told, "choices": choices}
    assert all(instant(at(choice), zone, NOW, "dueAt") == at(choice) for choice in choices)


@pytest.mark.parametrize(
    ("given", "utc"),
    [
        ("2026-07-01T09:00+01:00", "2026-07-01T07:00+00:00"),  # today's offset, copied: nine on the clock
        ("2026-07-01T09:00+02:00", "2026-07-01T07:00+00:00"),
        ("2026-07-01T09:00+00:00", "2026-07-01T09:00+00:00"),  # somebody else's nine
        ("2026-02-12T09:00+01:00", "2026-02-12T08:00+00:00"),
    ],
)
def test_an_offset_is_exact_unless_it_is_todays_on_a_day_that_has_another(given: str, utc: str) -> None:
    assert instant(at(given), BERLIN, NOW, "dueAt") == at(utc)


@pytest.mark.parametrize("local", ["2026-02-10T09:59", "2026-02-10T10:00", "2025-12-24T18:00", "0001-01-01T00:00"])
def test_what_is_not_in_the_future_names_the_field(local: str) -> None:
    with pytest.raises(ActionError, match="The 'dueAt' field must be") as error:
        future(at(local), BERLIN, NOW, "dueAt")
    assert (error.value.code, list(error.value.details)) == ("validation_error", ["dueAt"])


def test_ten_years_are_the_limit() -> None:
    with pytest.raises(ActionError, match="must be within ten years"):
        future(at("9999-12-31T23:59"), BERLIN, NOW, "dueAt")


def test_the_zone_is_the_calls_then_the_users_then_utc() -> None:
    told = [Readable("Current date", {"timezone": "America/New_York"})]
    assert zone_of(told, "Europe/Berlin").key == "Europe/Berlin"
    assert zone_of(told).key == "America/New_York"
    assert zone_of([]).key == "UTC"


@pytest.mark.parametrize("named", ["Mars/Phobos", "../etc/passwd", "", "Berlin"])
def test_a_zone_that_there_is_not_is_refused(named: str) -> None:
    for told, argument in (([], named), ([Readable("Time zone", {"timezone": named})], None)):
        if not named:
            assert zone_of(told, argument).key == "UTC"
            continue
        with pytest.raises(ActionError, match="is no time zone") as error:
            zone_of(told, argument)
        assert list(error.value.details) == ["timezone"]


def occurrences(rule: str, start: str, zone: ZoneInfo, number: int) -> list[str]:
    first = at(start).replace(tzinfo=zone)
    found, after = [], datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(number):
        following_at = following(rule, first, after)
        if following_at is None:
            break
        found.append(following_at.astimezone(zone).isoformat())
        after = following_at
    return found


def test_every_day_at_nine_is_at_nine_in_summer_and_in_winter() -> None:
    assert occurrences("FREQ=DAILY", "2026-03-28T09:00", BERLIN, 3) == [
        "2026-03-28T09:00:00+01:00",
        "2026-03-29T09:00:00+02:00",
        "2026-03-30T09:00:00+02:00",
    ]


def test_an_occurrence_that_the_clocks_skip_is_when_they_show_it_next_and_one_that_comes_twice_is_the_first() -> None:
    assert occurrences("FREQ=DAILY", "2026-03-28T02:30", BERLIN, 3) == [
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:30:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]
    assert occurrences("FREQ=DAILY", "2026-10-24T02:30", BERLIN, 3) == [
        "2026-10-24T02:30:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ]
    assert occurrences("FREQ=DAILY", "2026-10-03T02:15", LORD_HOWE, 3) == [
        "2026-10-03T02:15:00+10:30",
        "2026-10-04T02:45:00+11:00",
        "2026-10-05T02:15:00+11:00",
    ]


@pytest.mark.parametrize(
    ("told", "days"),
    [
        ("weekdays", ["2026-02-13", "2026-02-16", "2026-02-17"]),
        ("weekly", ["2026-02-13", "2026-02-20", "2026-02-27"]),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", ["2026-02-23", "2026-03-09", "2026-03-23"]),
        ("freq=monthly;bymonthday=31", ["2026-03-31", "2026-05-31", "2026-07-31"]),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", ["2026-02-27", "2026-03-27"]),
        ("FREQ=DAILY;UNTIL=20260214", ["2026-02-13", "2026-02-14"]),
        ("FREQ=DAILY;UNTIL=20260214T000000Z", ["2026-02-13"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", []),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", []),
    ],
)
def test_a_rule_names_these_days(told: str, days: list[str]) -> None:
    found = occurrences(checked(told, "recurrence"), "2026-02-13T09:00", BERLIN, 3)
    assert [moment[:10] for moment in found] == days


@pytest.mark.parametrize("rule", WORDS.values())
def test_a_rule_without_an_end_never_stops(rule: str) -> None:
    start = at("2026-02-13T09:00").replace(tzinfo=BERLIN)
    found = following(rule, start, at("2096-02-13T09:00+00:00"))
    assert found is not None
    assert found > at("2096-02-13T09:00+00:00")


@pytest.mark.parametrize(
    "told",
    [
        "sometimes",
        "FREQ=SECONDLY",
        "FREQ=HOURLY",
        "FREQ=DAILY;BYHOUR=1,2,3",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;COUNT=99999999999",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY\nEXDATE:20260101",
        "DTSTART:20260101T000000Z",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "",
    ],
)
def test_what_is_no_rule_is_refused(told: str) -> None:
    with pytest.raises(ActionError, match="The 'recurrence' field") as error:
        checked(told, "recurrence")
    assert (error.value.code, list(error.value.details)) == ("validation_error", ["recurrence"])
