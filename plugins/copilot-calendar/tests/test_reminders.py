"""The actions of reminders, through HTTP, and that undo leaves everything as it was."""

from typing import Any

import pytest
from sqlmodel import select

from copilot_calendar.delivering import remind
from copilot_calendar.reminders import cancel_reminder
from copilot_calendar.tables import ReminderRow
from copilot_core import Principal
from copilot_core.chat_models import ChatModels
from copilot_core.testing import call

from .conftest import MANY_ROUNDS, Client, MovingClock, Talk, do

CALL_ACME = {"title": "Call Acme", "dueAt": "2026-02-11T09:00"}


async def rows(client: Client) -> list[dict[str, Any]]:
    async with client.ready.database.session() as session:
        return [row.model_dump(mode="json") for row in await session.exec(select(ReminderRow).order_by(ReminderRow.id))]


@pytest.mark.seed("S39")
async def test_a_reminder_is_made_in_the_users_zone_and_a_past_one_is_a_validation_error(
    talk: Talk, database_url: str
) -> None:
    script = [
        call("createReminder", title="Call Acme", dueAt="2026-02-10T09:30"),
        call("createReminder", **CALL_ACME, note="About the offer", link="/modules/companies/records/rec_1"),
        "You will be reminded.",
    ]
    async with talk(script=script, database_url=database_url) as dana:
        past, made = await dana.results("Remind me to call Acme", timezone="Europe/Berlin")
        kept = await rows(dana)

    told = "must be in the future; Tuesday, 10 February 2026 at 09:30 is past, it is Tuesday, 10 February 2026 at 10:00"
    assert past == {
        "success": False,
        "error": "validation_error",
        "message": f"The 'dueAt' field {told} (Europe/Berlin).",
        "details": {"dueAt": f"{told} (Europe/Berlin)"},
    }
    assert made == {
        "success": True,
        "recordId": made["recordId"],
        "data": {
            "id": made["recordId"],
            "title": "Call Acme",
            "dueAt": "2026-02-11T09:00:00+01:00",
            "timezone": "Europe/Berlin",
            "status": "scheduled",
            "note": "About the offer",
            "link": "/modules/companies/records/rec_1",
        },
        "message": "I will remind you on Wednesday, 11 February 2026 at 09:00 (Europe/Berlin): Call Acme",
    }
    assert [(row["id"], row["next_at"]) for row in kept] == [(made["recordId"], "2026-02-11T08:00:00Z")]


@pytest.mark.seed("S39")
async def test_a_wrong_value_names_its_field_and_makes_nothing(talk: Talk) -> None:
    wrong = [
        ({"dueAt": "2026-02-10T00:00"}, "dueAt"),
        ({"dueAt": "2026-03-29T02:30"}, "dueAt"),
        ({"dueAt": "2026-10-25T02:30"}, "dueAt"),
        ({"dueAt": "soon"}, "dueAt"),
        ({"dueAt": "9999-12-31T23:59"}, "dueAt"),
        ({"timezone": "Mars/Phobos"}, "timezone"),
        ({"recurrence": "FREQ=SECONDLY"}, "recurrence"),
        ({"recurrence": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "recurrence"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "//evil.example"}, "link"),
        ({"title": ""}, "title"),
    ]
    asked = [call("createReminder", **{**CALL_ACME, **values}) for values, _ in wrong]
    async with talk(script=[*asked, "No."], settings=MANY_ROUNDS) as dana:
        results = await dana.results("Remind me to call Acme")
        kept = await rows(dana)

    found = [(r.get("error"), field in r.get("details", ())) for r, (_, field) in zip(results, wrong, strict=True)]
    assert found == [("validation_error", True)] * len(wrong)
    assert kept == []


async def test_a_zone_that_the_request_names_wrongly_is_not_passed_over(talk: Talk) -> None:
    async with talk(script=[call("createReminder", **CALL_ACME), "No."]) as dana:
        [result] = await dana.results("Remind me to call Acme", timezone="Mars/Phobos")

    assert result["details"] == {"timezone": "'Mars/Phobos' is no time zone; use an IANA name such as Europe/Berlin"}


async def test_a_day_without_a_time_is_nine_in_the_morning(talk: Talk) -> None:
    async with talk(script=[call("createReminder", title="Pay", dueAt="2026-02-12"), "Done."]) as dana:
        [result] = await dana.results("Remind me on Thursday to pay", timezone="America/New_York")

    assert result["data"]["dueAt"] == "2026-02-12T09:00:00-05:00"


async def test_reminders_are_listed_in_their_order_and_nobody_elses(talk: Talk) -> None:
    made = [call("createReminder", title="Later", dueAt="2026-02-13T09:00"), call("createReminder", **CALL_ACME)]
    others: list[Any] = [call("listReminders"), call("cancelReminder", reminder="Call Acme"), "None."]
    async with talk(script=[made, "Done.", *others, *others, call("listReminders"), "Two."]) as dana:
        await dana.ask("Remind me")
        for user, workspace in (("eve", "acme"), ("dana", "other")):
            async with dana.somebody(user, workspace) as other:
                listed, cancelled = await other.results("List my reminders")
                assert (listed["data"], cancelled["error"]) == ({"total": 0, "reminders": []}, "not_found")
        [listed] = await dana.results("List my reminders")

    assert [reminder["title"] for reminder in listed["data"]["reminders"]] == ["Call Acme", "Later"]
    assert listed["message"] == "2 reminders."


async def test_cancelling_asks_which_one_where_several_fit(talk: Talk) -> None:
    script = [
        [call("createReminder", title=title, dueAt="2026-02-11T09:00") for title in ("Call Acme", "Call Acme back")],
        call("cancelReminder", reminder="call"),
        call("cancelReminder", reminder="write"),
        call("cancelReminder", reminder="call acme"),
        "Done.",
    ]
    async with talk(script=script) as dana:
        *_, several, none, one = await dana.results("Do it")

    assert (several["error"], none["error"]) == ("ambiguous", "not_found")
    assert {found["title"] for found in several["details"]["found"]} == {"Call Acme", "Call Acme back"}
    assert one["message"] == "Cancelled the reminder “Call Acme” of Wednesday, 11 February 2026 at 09:00."


async def test_undo_leaves_everything_as_it_was(talk: Talk, database_url: str) -> None:
    made = call("createReminder", **CALL_ACME, recurrence="weekly")
    script = [made, "Made.", call("cancelReminder", reminder="Call Acme"), "Cancelled."]
    async with talk(script=script, database_url=database_url) as dana:
        await dana.ask("Remind me to call Acme")
        after_making = await rows(dana)
        await dana.ask("Cancel it")
        early = await dana.undo("createReminder")
        undone = [await dana.undo("cancelReminder")]
        restored = await rows(dana)
        undone.append(await dana.undo("createReminder"))
        empty = await rows(dana)

    assert (early.status_code, early.json()["error"]["code"]) == (409, "undo_conflict")
    assert [answer.status_code for answer in undone] == [200, 200]
    assert (restored, empty) == (after_making, [])


async def test_what_was_delivered_cannot_be_taken_back(talk: Talk, clock: MovingClock) -> None:
    async with talk(script=[call("createReminder", **CALL_ACME), "Made."]) as dana:
        await dana.ask("Remind me to call Acme")
        clock.set("2026-02-11T08:00:01+00:00")
        await do(dana.ready, remind)
        answer = await dana.undo("createReminder")

    assert answer.status_code == 409
    assert answer.json()["error"]["message"].endswith("was delivered or changed since.")


async def test_what_a_person_is_shown_before_a_cancellation(talk: Talk) -> None:
    script = [call("createReminder", **CALL_ACME), "Made."]
    async with talk(script=script) as dana:
        await dana.ask("Remind me to call Acme")
        async with dana.ready.database.session() as session:
            assert cancel_reminder.preview is not None
            shown = await cancel_reminder.preview.function(session, Principal("dana", "acme"), "acme")

    assert shown == {
        "summary": "Cancel the reminder “Call Acme” of Wednesday, 11 February 2026 at 09:00.",
        "rows": 1,
    }


async def test_the_rule_planner_makes_reminders(talk: Talk) -> None:
    wanted = {
        "Remind me to call Acme tomorrow at 9": ("call Acme", "2026-02-11T09:00:00+01:00", None),
        "remind me next monday at 9 to water the plants": ("water the plants", "2026-02-16T09:00:00+01:00", None),
        "Set a reminder for Friday at 14:30 to send the offer": ("send the offer", "2026-02-13T14:30:00+01:00", None),
        "remind me in two hours to call Acme": ("call Acme", "2026-02-10T12:00:00+01:00", None),
        "Remind me every day at 11 to stretch": ("stretch", "2026-02-10T11:00:00+01:00", "FREQ=DAILY"),
        "Remind me every Monday at 9 to send the report": (
            "send the report",
            "2026-02-16T09:00:00+01:00",
            "FREQ=WEEKLY",
        ),
        "remind me every Monday and Thursday at 9 to train": (
            "train",
            "2026-02-16T09:00:00+01:00",
            "FREQ=WEEKLY;BYDAY=MO,TH",
        ),
        "remind me on April 7 at 9 to file the taxes": ("file the taxes", "2026-04-07T09:00:00+02:00", None),
    }
    async with talk(models=ChatModels("rule-planner")) as dana:
        made = {said: (await dana.results(said))[0]["data"] for said in wanted}

    assert {said: (d["title"], d["dueAt"], d.get("recurrence")) for said, d in made.items()} == wanted


async def test_the_rule_planner_lists_and_cancels_reminders(talk: Talk) -> None:
    async with talk(models=ChatModels("rule-planner")) as dana:
        await dana.ask("Remind me to call Acme tomorrow at 9")
        [listed] = await dana.results("Which reminders do I have?")
        [cancelled] = await dana.results("Cancel the reminder to call Acme")

    assert [reminder["title"] for reminder in listed["data"]["reminders"]] == ["call Acme"]
    assert cancelled["message"].startswith("Cancelled the reminder “call Acme”")
