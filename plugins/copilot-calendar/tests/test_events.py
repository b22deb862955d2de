"""Events on a real CalDAV server (Radicale), through HTTP."""

import logging
from typing import Any

import pytest

import copilot_calendar
from copilot_calendar.events import cancel_calendar_event, create_calendar_event, foresee_cancel, foresee_update
from copilot_core import Action, Call, Changes, Emit, Principal, Readable
from copilot_core.chat_models import ChatModels
from copilot_core.errors import SetupError
from copilot_core.plugins import Plugin, collect
from copilot_core.services import Scope
from copilot_core.testing import call, opened

from .conftest import MANY_ROUNDS, PASSWORD, USER, CalDav, Client, Talk, connect

pytestmark = pytest.mark.proof

DANA = Principal("dana", "acme")
MEETING = call(
    "createCalendarEvent",
    title="Meeting with Ada",
    start="2026-02-13T15:00",
    durationMinutes=30,
    attendees=["Ada <ada@acme.example>", "Bob Stone"],
    location="Room 4",
    description="Bring the offer; and a pen",
)


@pytest.mark.seed("S40")
async def test_without_a_connected_calendar_the_answer_says_how_to_connect_one(talk: Talk) -> None:
    every = [MEETING, call("listCalendarEvents"), call("cancelCalendarEvent", event="Meeting")]
    async with talk(script=[every, "No calendar."]) as dana:
        results = await dana.results("Schedule a meeting")

    needed = ["COPILOT_CALDAV_URL", "COPILOT_CALDAV_USER", "COPILOT_CALDAV_PASSWORD", "COPILOT_CALDAV_WORKSPACE"]
    assert results == [
        {
            "success": False,
            "error": "calendar_not_connected",
            "message": "No calendar is connected for you. Whoever runs this server connects a CalDAV calendar with the "
            f"settings {', '.join(needed)}.",
            "details": {"settings": needed},
        }
    ] * len(every)


@pytest.mark.seed("S40")
async def test_with_a_connected_calendar_the_event_is_created(talk: Talk, caldav: CalDav) -> None:
    async with talk(script=[MEETING, "Done."]) as dana:
        [result] = await dana.results("Schedule a meeting with Ada")
    [event] = caldav.events()

    uid = str(event["uid"])
    assert result == {
        "success": True,
        "recordId": uid,
        "data": {
            "id": uid,
            "title": "Meeting with Ada",
            "start": "2026-02-13T15:00:00+01:00",
            "end": "2026-02-13T15:30:00+01:00",
            "location": "Room 4",
            "description": "Bring the offer; and a pen",
            "attendees": ["ada@acme.example", "Bob Stone"],
            "conflicts": [],
        },
        "message": "Scheduled “Meeting with Ada” on Friday, 13 February 2026 at 15:00–15:30 (Europe/Berlin). No e-mail "
        "address is known of Bob Stone, who cannot be invited by the calendar.",
    }
    assert event.decoded("dtstart").isoformat() == "2026-02-13T15:00:00+01:00"
    assert event["dtstart"].params["TZID"] == "Europe/Berlin"
    assert [str(one) for one in event["attendee"]] == ["mailto:ada@acme.example", "invalid:nomail"]
    assert str(event["organizer"]) == f"mailto:{USER}"


async def test_what_it_overlaps_with_is_told(talk: Talk, caldav: CalDav) -> None:
    caldav.put("one", "SUMMARY:Standup", "DTSTART:20260101T141500Z", "DURATION:PT1H", "RRULE:FREQ=DAILY")
    caldav.put("two", "SUMMARY:Holiday", "DTSTART;VALUE=DATE:20260213")
    caldav.put("three", "SUMMARY:Free", "DTSTART:20260213T140000Z", "DTEND:20260213T150000Z", "TRANSP:TRANSPARENT")
    caldav.put("four", "SUMMARY:Called off", "DTSTART:20260213T140000Z", "DTEND:20260213T150000Z", "STATUS:CANCELLED")
    caldav.put("five", "SUMMARY:Right after", "DTSTART:20260213T143000Z", "DTEND:20260213T150000Z")
    async with talk(script=[MEETING, "Done."]) as dana:
        [result] = await dana.results("Schedule a meeting with Ada")

    assert [other["title"] for other in result["data"]["conflicts"]] == ["Holiday", "Standup"]
    assert "It overlaps with “Holiday” (all day), “Standup” (15:15–16:15)." in result["message"]
    assert len(caldav.events()) == 6


async def test_a_days_events_are_listed_with_occurrences_of_series(talk: Talk, caldav: CalDav) -> None:
    caldav.put(
        "one", "SUMMARY:Standup", "DTSTART;TZID=Europe/Berlin:20260209T091500", "DURATION:PT15M", "RRULE:FREQ=DAILY"
    )
    caldav.put("two", "SUMMARY:Lunch", "DTSTART:20260211T110000Z", "DTEND:20260211T120000Z", "LOCATION:Canteen")
    async with talk(script=[call("listCalendarEvents", start="2026-02-11"), call("listCalendarEvents"), "."]) as dana:
        one_day, week = await dana.results("What is in my calendar tomorrow?")

    standup = {"id": "one", "title": "Standup", "repeats": True}
    standup |= {"start": "2026-02-11T09:15:00+01:00", "end": "2026-02-11T09:30:00+01:00"}
    lunch = {"id": "two", "title": "Lunch", "location": "Canteen"}
    lunch |= {"start": "2026-02-11T12:00:00+01:00", "end": "2026-02-11T13:00:00+01:00"}
    assert one_day["data"] == {"total": 2, "events": [standup, lunch]}
    assert week["message"] == "8 events."


async def scope_of(ready: Any, key: str, changes: Changes) -> Scope:
    berlin = [Readable("Date", {"timezone": "Europe/Berlin"})]
    scope: Scope = ready.copilot.engine.scope(DANA, Call(True, key), Emit(lambda _n, _v: None), berlin, changes=changes)
    return scope


async def test_a_call_that_is_made_again_makes_no_second_event(caldav: CalDav, clock: Any) -> None:
    async with opened(copilot_calendar, clock=clock) as ready:
        results = [
            await create_calendar_event.run(MEETING.arguments, await scope_of(ready, key, Changes()))
            for key in ("key-1", "key-1", "key-2")
        ]

    first, again, other = (result["recordId"] for result in results)
    assert first == again != other
    assert sorted(caldav.texts()) == sorted([first, other])


async def test_an_event_is_changed_and_what_is_not_named_stays(talk: Talk, caldav: CalDav) -> None:
    caldav.put(
        "one",
        "SUMMARY:Acme call",
        "DTSTART;TZID=Europe/Berlin:20260212T100000",
        "DTEND;TZID=Europe/Berlin:20260212T104500",
        "X-ROOM-CODE:7",
        "SEQUENCE:4",
    )
    changed = call("updateCalendarEvent", event="acme", start="2026-03-30T16:00", location="Phone")
    async with talk(script=[changed, "Done."]) as dana:
        [result] = await dana.results("Move the Acme call")
    [event] = caldav.events()

    assert result["data"] == {
        "id": "one",
        "title": "Acme call",
        "start": "2026-03-30T16:00:00+02:00",
        "end": "2026-03-30T16:45:00+02:00",
        "location": "Phone",
        "conflicts": [],
    }
    assert (str(event["x-room-code"]), int(event["sequence"])) == ("7", 5)


async def undone(dana: Client, action: str) -> tuple[int, str]:
    answer = await dana.undo(action)
    return answer.status_code, answer.json().get("error", {}).get("code", "")


async def test_undo_leaves_the_calendar_as_it_was(talk: Talk, caldav: CalDav) -> None:
    caldav.put("one", "SUMMARY:Standing", "DTSTART:20260212T100000Z", "DTEND:20260212T110000Z", "X-MORE:kept")
    script = [
        MEETING,
        call("updateCalendarEvent", event="Meeting with Ada", title="Lunch with Ada", durationMinutes=60, attendees=[]),
        call("cancelCalendarEvent", event="Standing"),
        "Done.",
    ]
    before = caldav.texts()
    async with talk(script=script) as dana:
        await dana.ask("Do it all")
        out_of_order = await undone(dana, "createCalendarEvent")
        done = [await undone(dana, a) for a in ("cancelCalendarEvent", "updateCalendarEvent", "createCalendarEvent")]

    assert out_of_order == (409, "undo_conflict")
    assert done == [(200, "")] * 3
    assert caldav.texts() == before


async def test_an_undo_is_refused_where_somebody_has_changed_the_event_since(talk: Talk, caldav: CalDav) -> None:
    async with talk(script=[MEETING, "Done."]) as dana:
        [result] = await dana.results("Schedule a meeting with Ada")
        address = f"{caldav.calendar}{result['recordId']}.ics"
        theirs = caldav.http.get(address).text.replace("Room 4", "Room 5")
        caldav.http.put(address, content=theirs, headers={"Content-Type": "text/calendar"}).raise_for_status()
        refused = await undone(dana, "createCalendarEvent")
        kept = caldav.texts()
        caldav.http.delete(address).raise_for_status()
        gone = await undone(dana, "createCalendarEvent")

    assert refused == (409, "undo_conflict")
    assert "Room 5" in kept[result["recordId"]]
    assert gone == (200, "")  # it is as it was before


async def test_a_change_in_between_is_a_conflict_and_nothing_is_written(caldav: CalDav, clock: Any) -> None:
    caldav.put("one", "SUMMARY:Acme call", "DTSTART:20260212T100000Z", "DTEND:20260212T110000Z")
    async with opened(copilot_calendar, clock=clock) as ready:
        scope = await scope_of(ready, "key", Changes())
        async with scope:
            calendar = await scope.get(copilot_calendar.Calendar)
            stale = await calendar.find("one", clock.now())
            text = stale.text.replace("Acme", "Globex")
            caldav.http.put(stale.href, content=text, headers={"Content-Type": "text/calendar"}).raise_for_status()
            with pytest.raises(Exception, match="was changed by somebody else just now") as error:
                await calendar.delete(stale)

    assert getattr(error.value, "code", None) == "conflict"
    assert "Globex call" in caldav.texts()["one"]


async def test_a_wrong_value_names_its_field_and_writes_nothing(talk: Talk, caldav: CalDav) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"start": "2026-02-09T10:00"}, "start"),
        ({"start": "2026-03-29T02:30"}, "start"),
        ({"start": "2026-02-13"}, "start"),
        ({"end": "2026-02-13T16:00"}, "durationMinutes"),
        ({"durationMinutes": None, "end": "2026-02-13T15:00"}, "end"),
        ({"durationMinutes": None, "end": "2027-02-13T15:00"}, "end"),
        ({"durationMinutes": 0}, "durationMinutes"),
        ({"attendees": ["ada@acme.example\r\nX-EVIL:1"]}, "attendees"),
        ({"attendees": ["@"]}, "attendees"),
        ({"timezone": "Mars/Phobos"}, "timezone"),
    ]
    asked = [call(MEETING.name, **{**MEETING.arguments, **values}) for values, _ in wrong]
    async with talk(script=[*asked, "No."], settings=MANY_ROUNDS) as dana:
        results = await dana.results("Schedule a meeting with Ada")

    assert [
        (result.get("error"), field in result.get("details", ()))
        for result, (_, field) in zip(results, wrong, strict=True)
    ] == [("validation_error", True)] * len(wrong)
    assert caldav.events() == []


async def test_text_cannot_become_another_property(talk: Talk, caldav: CalDav) -> None:
    evil = "Lunch\r\nATTENDEE:mailto:eve@evil.example\nEND:VEVENT"
    asked = call(
        "createCalendarEvent", title=evil, start="2026-02-13T15:00", description=evil, attendees=['A\r\nB"; C']
    )
    async with talk(script=[asked, "Done."]) as dana:
        await dana.ask("Schedule it")
    [event] = caldav.events()

    assert str(event["summary"]) == " ".join(evil.split())
    assert str(event["attendee"]) == "invalid:nomail"
    assert "eve" not in str(event["attendee"].params)


async def test_a_series_is_not_touched(talk: Talk, caldav: CalDav) -> None:
    caldav.put("one", "SUMMARY:Standup", "DTSTART:20260211T090000Z", "DURATION:PT15M", "RRULE:FREQ=DAILY")
    before = caldav.texts()
    asked = [call("cancelCalendarEvent", event="Standup"), call("updateCalendarEvent", event="one", title="x")]
    async with talk(script=[*asked, "No."]) as dana:
        results = await dana.results("Cancel the standup")

    assert [result["error"] for result in results] == ["recurring_event"] * 2
    assert caldav.texts() == before


async def test_an_event_that_is_not_there_or_is_two_is_asked_about(talk: Talk, caldav: CalDav) -> None:
    for uid in ("one", "two"):
        caldav.put(uid, "SUMMARY:Acme call", "DTSTART:20260211T090000Z", "DURATION:PT15M")
    asked = [call("cancelCalendarEvent", event=event) for event in ("Globex", "acme", "two")]
    async with talk(script=[*asked, "No."]) as dana:
        none, several, one = await dana.results("Cancel it")

    assert (none["error"], several["error"], one["success"]) == ("not_found", "ambiguous", True)
    assert [found["id"] for found in several["details"]["found"]] == ["one", "two"]
    assert list(caldav.texts()) == ["one"]


async def test_a_wrong_password_is_told_and_never_shown(
    talk: Talk, caldav: CalDav, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connect(monkeypatch, caldav.url, password="the-wrong-word")
    async with talk(script=[MEETING, "No."]) as dana:
        events = await dana.ask("Schedule a meeting with Ada")
    connect(monkeypatch, caldav.url)
    async with talk(script=[MEETING, "Done."]) as dana:
        events += await dana.ask("Schedule a meeting with Ada")

    results = [event["result"] for event in events if event["type"] == "ToolCallEnded"]
    assert [result.get("error") for result in results] == ["calendar_refused", None]
    assert "COPILOT_CALDAV_PASSWORD" in results[0]["message"]
    for secret in (PASSWORD, "the-wrong-word"):
        assert secret not in caplog.text
        assert secret not in str(events)


async def test_a_server_that_is_down_is_told(talk: Talk, caldav: CalDav, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "http://127.0.0.1:9/")
    async with talk(script=[MEETING, "No."]) as dana:
        [result] = await dana.results("Schedule a meeting with Ada")

    assert result == {
        "success": False,
        "error": "calendar_unavailable",
        "message": "The calendar server does not answer; nothing was changed.",
    }


async def test_a_write_without_an_answer_is_looked_up_before_anybody_is_told(talk: Talk, caldav: CalDav) -> None:
    caldav.cut.append("PUT")  # it is written, and the connection breaks off
    async with talk(script=[MEETING, "Done."]) as dana:
        [written] = await dana.results("Schedule a meeting with Ada")
    caldav.cut += ["PUT", "GET"]  # and nobody can look
    async with talk(script=[MEETING, "Nobody knows."]) as dana:
        [unknown] = await dana.results("Schedule a meeting with Ada")
        receipts = (await dana.http.get("/v1/receipts")).json()["receipts"]

    assert written["success"]
    assert (unknown["error"], receipts) == ("outcome_unknown", [])
    assert len(caldav.events()) == 2


async def test_several_calendars_need_a_choice(talk: Talk, caldav: CalDav, monkeypatch: pytest.MonkeyPatch) -> None:
    home = f"{caldav.url}{USER}/private/"
    assert caldav.http.request("MKCALENDAR", home).status_code == 201
    async with talk(script=[MEETING, "Which one?"]) as dana:
        [result] = await dana.results("Schedule a meeting with Ada")
    monkeypatch.setenv("COPILOT_CALDAV_CALENDAR", "Work")
    async with talk(script=[MEETING, "Done."]) as dana:
        [made] = await dana.results("Schedule a meeting with Ada")

    assert result["error"] == "calendar_not_chosen"
    assert "COPILOT_CALDAV_CALENDAR must name one of them" in result["message"]
    assert made["success"]
    assert list(caldav.texts()) == [made["recordId"]]


@pytest.mark.parametrize(("user", "workspace"), [("dana", "other"), ("eve", "acme")])
async def test_nobody_else_sees_the_calendar(
    talk: Talk, caldav: CalDav, monkeypatch: pytest.MonkeyPatch, user: str, workspace: str
) -> None:
    monkeypatch.setenv("COPILOT_CALDAV_OWNER", "dana")
    async with talk(script=[call("listCalendarEvents"), "None."], user=user, workspace=workspace) as other:
        [result] = await other.results("What is in my calendar?")

    assert result["error"] == "calendar_not_connected"
    assert len(caldav.requests) == 1  # the test's own


@pytest.mark.parametrize("missing", ["COPILOT_CALDAV_WORKSPACE"])
def test_a_calendar_that_is_set_in_part_stops_the_start(
    caldav: CalDav, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delenv(missing)
    with pytest.raises(SetupError, match=f"plugin 'calendar' of copilot-calendar.*{missing} must name the workspace"):
        collect([Plugin("calendar", copilot_calendar, "copilot-calendar")])


async def test_what_a_person_is_shown_before_a_change_or_a_cancellation(caldav: CalDav, clock: Any) -> None:
    caldav.put("one", "SUMMARY:Acme call", "DTSTART:20260212T100000Z", "DTEND:20260212T110000Z")
    async with opened(copilot_calendar, clock=clock) as ready:
        scope = await scope_of(ready, "", Changes())
        async with scope:
            calendar = await scope.get(copilot_calendar.Calendar)
            shown = [
                (await foresee_cancel(calendar, clock, "acme"))["summary"],
                (await foresee_update(calendar, clock, "acme", "Globex call"))["summary"],
            ]

    when = "“Acme call” on Thursday, 12 February 2026 at 11:00–12:00"
    assert shown == [f"Delete the event {when}.", f"Change the event {when}. It would be called “Globex call”."]
    assert isinstance(cancel_calendar_event, Action)


async def test_the_rule_planner_schedules_moves_and_cancels(talk: Talk, caldav: CalDav) -> None:
    async with talk(models=ChatModels("rule-planner")) as dana:
        [made] = await dana.results("Schedule a meeting with Ada Byron on Friday at 3pm for 30 minutes")
        [listed] = await dana.results("What is in my calendar on Friday?")
        [moved] = await dana.results("Move the meeting with Ada Byron to Friday 4pm")
        [cancelled] = await dana.results("Cancel the meeting with Ada Byron")

    data = made["data"]
    assert (data["title"], data["start"], data["end"], data["attendees"]) == (
        "meeting with Ada Byron",
        "2026-02-13T15:00:00+01:00",
        "2026-02-13T15:30:00+01:00",
        ["Ada Byron"],
    )
    assert [event["title"] for event in listed["data"]["events"]] == ["meeting with Ada Byron"]
    assert moved["data"]["start"] == "2026-02-13T16:00:00+01:00"
    assert cancelled["success"]
    assert caldav.events() == []
