"""Dates and times, seen from Tuesday 2026-02-10, nine o'clock."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from copilot_core.planner.dates import find_dates

NOW = datetime(2026, 2, 10, 9, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", "2026-02-10", None),
        ("tomorrow", "2026-02-11", None),
        ("the day after tomorrow", "2026-02-12", None),
        ("this friday", "2026-02-13", None),
        ("friday", "2026-02-13", None),
        ("tuesday", "2026-02-17", None),
        ("next monday", "2026-02-16", None),
        ("last friday", "2026-02-06", None),
        ("in 3 days", "2026-02-13", None),
        ("two weeks from now", "2026-02-24", None),
        ("3 days ago", "2026-02-07", None),
        ("march 3", "2026-03-03", None),
        ("24th of february", "2026-02-24", None),
        ("january 5", "2027-01-05", None),
        ("since january 5", "2026-01-05", None),
        ("end of march", "2026-03-31", None),
        ("end of next month", "2026-03-31", None),
        ("the 15th", "2026-02-15", None),
        ("2026-03-04", "2026-03-04", None),
        ("3/4/2026", "2026-03-04", None),
        ("04.03.2026", "2026-03-04", None),
        ("this week", "2026-02-09", "2026-02-15"),
        ("next month", "2026-03-01", "2026-03-31"),
        ("last 7 days", "2026-02-03", "2026-02-10"),
        ("in march", "2026-03-01", "2026-03-31"),
        ("in q2", "2026-04-01", "2026-06-30"),
    ],
)
def test_days_and_spans(text: str, first: str, last: str | None) -> None:
    [when] = find_dates(text, NOW)
    assert (when.first.isoformat(), when.last.isoformat()) == (first, last or first)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("feb 24 9am", "2026-02-24T09:00"),
        ("4pm tomorrow", "2026-02-11T16:00"),
        ("friday noon", "2026-02-13T12:00"),
        ("thursday at 14:30", "2026-02-12T14:30"),
        ("tomorrow morning", "2026-02-11T09:00"),
        ("in 2 hours", "2026-02-10T11:00"),
        ("at 8am", "2026-02-11T08:00"),
        ("2026-03-04T10:00", "2026-03-04T10:00"),
    ],
)
def test_moments(text: str, moment: str) -> None:
    [when] = find_dates(text, NOW)
    assert when.moment(NOW).replace(tzinfo=None).isoformat(timespec="minutes") == moment


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("tomorrow from 10:00 to 11:00", "2026-02-11T10:00", "2026-02-11T11:00"),
        ("from 2pm to 3:30pm on friday", "2026-02-13T14:00", "2026-02-13T15:30"),
        ("friday between 14:00 and 15:00", "2026-02-13T14:00", "2026-02-13T15:00"),
        ("monday 10:00-11:00", "2026-02-16T10:00", "2026-02-16T11:00"),
        ("monday and thursday at 9am", "2026-02-16T09:00", "2026-02-19T09:00"),
    ],
)
def test_two_moments(text: str, first: str, last: str) -> None:
    moments = [when.moment(NOW).replace(tzinfo=None).isoformat(timespec="minutes") for when in find_dates(text, NOW)]
    assert moments == [first, last]


@pytest.mark.parametrize("text", ["Review Q4 Report", "version 2.5", "I may go", "the sun is shining", "1st floor", ""])
def test_no_dates(text: str) -> None:
    assert find_dates(text, NOW) == []


def test_hours_are_real_hours_when_clocks_change() -> None:
    before = datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    [when] = find_dates("in 2 hours", before)
    assert when.moment(before).isoformat() == "2026-03-29T04:30:00+02:00"


def test_a_wall_time_keeps_its_hour_over_a_clock_change() -> None:
    before = datetime(2026, 3, 27, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    [when] = find_dates("next monday at 9am", before)
    assert when.moment(before).isoformat() == "2026-03-30T09:00:00+02:00"
