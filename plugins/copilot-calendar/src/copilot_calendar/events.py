"""The actions of calendar events. They write outside the server's own database, so each asks for its `Call`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parseaddr
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from copilot_calendar.calendars import Calendar, Edit, Event, Stored
from copilot_calendar.times import ZoneName, future, instant, shown, wrong, zone_of
from copilot_core import (
    ActionError,
    Call,
    Change,
    Changes,
    Clock,
    Injected,
    Readables,
    Receipt,
    action,
)

Json = dict[str, Any]
SOURCE = "Calendar"
DEFAULT_MINUTES, LONGEST, LONGEST_LIST = 60, timedelta(days=31), timedelta(days=366)
LISTED = 100
_ADDRESS = re.compile(r"[^\s@<>;:,\"\\]+@[^\s@<>;:,\"\\]+")


def _timed(given: object) -> object:
    if isinstance(given, str) and len(given) == len("2026-02-13"):
        raise ValueError("must have a time of day, such as 2026-02-13T15:00")
    return given


LocalTime = Annotated[datetime, BeforeValidator(_timed)]
Attendees = Annotated[
    list[str] | None, Field(description="People who attend: e-mail addresses, or names", max_length=100)
]
Minutes = Annotated[int | None, Field(description="Length in minutes", ge=1, le=44640)]
Place = Annotated[str | None, Field(description="Where it takes place", max_length=500)]
Description = Annotated[str | None, Field(description="More about it", max_length=8000)]
Which = Annotated[str, Field(description="The event: words of its title, or the key by which results name it")]


async def put_back(receipt: Receipt, calendar: Injected[Calendar]) -> None:
    """Each event as it was, unless somebody has changed it since."""
    for change in reversed(receipt.changes):
        await calendar.put_back(change)


@action(
    credits=3,
    writes=True,
    undo=put_back,
    source=SOURCE,
    examples=[
        "schedule a meeting with Ada Byron on Friday at 3pm for 30 minutes",
        "put a call with ada@acme.example in my calendar tomorrow at 10:00 for an hour",
    ],
)
async def create_calendar_event(
    title: Annotated[str, Field(description="What it is called", min_length=1, max_length=300)],
    start: Annotated[LocalTime, Field(description="Beginning: date and time on the user's clock, as 2026-02-13T15:00")],
    calendar: Injected[Calendar],
    clock: Injected[Clock],
    readables: Injected[Readables],
    call: Injected[Call],
    changes: Injected[Changes],
    end: Annotated[LocalTime | None, Field(description="End: date and time on the user's clock")] = None,
    duration_minutes: Minutes = None,
    attendees: Attendees = None,
    location: Place = None,
    description: Description = None,
    timezone: ZoneName = None,
) -> Json:
    """Create, schedule or book an event, meeting, call or appointment in the user's calendar.

    Tells what it overlaps with.
    """
    now, zone = clock.now(), zone_of(readables, timezone)
    begins = future(start, zone, now, "start")
    ends = _end(begins, end, duration_minutes, zone, now) or begins + timedelta(minutes=DEFAULT_MINUTES)
    event = Event(
        f"copilot-{uuid5(NAMESPACE_URL, call.key)}",
        " ".join(title.split()),
        begins.astimezone(zone),
        ends.astimezone(zone),
        location or "",
        description or "",
        _people(attendees or []),
    )
    others = await _conflicts(calendar, event)
    stored = await calendar.create(event, now)
    changes.add(Change(event.uid, event.title, None, stored.noted))
    return _told("Scheduled", stored, others, zone)


@action(credits=3, source=SOURCE, examples=["what is in my calendar tomorrow?"])
async def list_calendar_events(
    calendar: Injected[Calendar],
    clock: Injected[Clock],
    readables: Injected[Readables],
    start: Annotated[date | None, Field(description="First day, as YYYY-MM-DD; today if left out")] = None,
    end: Annotated[
        date | None, Field(description="Last day, as YYYY-MM-DD; if left out: that of the start, or a week")
    ] = None,
    timezone: ZoneName = None,
) -> Json:
    """List or show events of the user's calendar in a period."""
    now, zone = clock.now(), zone_of(readables, timezone)
    first = start or now.astimezone(zone).date()
    last = end or (start or first + timedelta(days=6))
    if not first <= last <= first + LONGEST_LIST:
        raise wrong("end", "must not be before the start, and within a year of it")
    begins, ends = (datetime.combine(day, time(), zone) for day in (first, last + timedelta(days=1)))
    found = await calendar.between(begins, ends)
    more = f", the first {LISTED} are shown" if len(found) > LISTED else ""
    message = f"{len(found)} {'event' if len(found) == 1 else 'events'}{more}."
    return {
        "success": True,
        "data": {"total": len(found), "events": [_shown(event, zone) for event in found[:LISTED]]},
        "message": message,
    }


async def foresee_update(
    calendar: Injected[Calendar], clock: Injected[Clock], event: str, title: str | None = None
) -> Json:
    """Which one it is."""
    stored = await calendar.find(event, clock.now())
    renamed = f" It would be called “{title}”." if title else ""
    return {"summary": f"Change the event {_named(stored)}.{renamed}", "rows": 1}


@action(
    credits=3,
    writes=True,
    undo=put_back,
    preview=foresee_update,
    source=SOURCE,
    examples=["move the Acme call to 4pm"],
)
async def update_calendar_event(
    event: Which,
    calendar: Injected[Calendar],
    clock: Injected[Clock],
    readables: Injected[Readables],
    call: Injected[Call],  # noqa: ARG001 - it writes elsewhere, so it is never done twice
    changes: Injected[Changes],
    title: Annotated[str | None, Field(description="Its new title", min_length=1, max_length=300)] = None,
    start: Annotated[LocalTime | None, Field(description="Its new beginning; it stays as long as it was")] = None,
    duration_minutes: Minutes = None,
    attendees: Attendees = None,
    location: Place = None,
    description: Description = None,
    timezone: ZoneName = None,
) -> Json:
    """Update, move, reschedule or rename an event of the user's calendar; what is left out stays."""
    now, zone = clock.now(), zone_of(readables, timezone)
    people = None if attendees is None else _people(attendees)
    begins = None if start is None else future(start, zone, now, "start").astimezone(zone)
    found = await calendar.find(event, now)
    old = _single(found).event
    first, length = (begins or old.start).astimezone(UTC), old.end.astimezone(UTC) - old.start.astimezone(UTC)
    last = (first + (length if duration_minutes is None else timedelta(minutes=duration_minutes))).astimezone(zone)
    is_moved = begins is not None or duration_minutes is not None
    if is_moved and old.whole_days:
        raise wrong("event", f"is “{old.title}”, which takes whole days; change its time in the calendar")
    name = " ".join(title.split()) if title else None
    edit = Edit(name, begins, last if is_moved else None, location, description, people)
    if edit == Edit():
        raise wrong("event", "is the only one given; say what is to be different")
    others = await _conflicts(calendar, replace(old, start=first, end=last)) if is_moved else []
    stored = await calendar.change(found, edit, now)
    changes.add(Change(old.uid, old.title, found.noted, stored.noted))
    return _told("Changed", stored, others, zone)


async def foresee_cancel(calendar: Injected[Calendar], clock: Injected[Clock], event: str) -> Json:
    """Which one it is."""
    return {"summary": f"Delete the event {_named(await calendar.find(event, clock.now()))}.", "rows": 1}


@action(
    credits=3,
    writes=True,
    undo=put_back,
    preview=foresee_cancel,
    source=SOURCE,
    examples=["cancel the meeting with Ada Byron"],
)
async def cancel_calendar_event(
    event: Which,
    calendar: Injected[Calendar],
    clock: Injected[Clock],
    call: Injected[Call],  # noqa: ARG001 - it writes elsewhere, so it is never done twice
    changes: Injected[Changes],
) -> Json:
    """Cancel, call off or delete an event, meeting or appointment of the user's calendar."""
    found = _single(await calendar.find(event, clock.now()))
    await calendar.delete(found)
    changes.add(Change(found.event.uid, found.event.title, found.noted, None))
    return {"success": True, "recordId": found.event.uid, "message": f"Deleted the event {_named(found)}."}


def _end(begins: datetime, end: datetime | None, minutes: int | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    if end is not None and minutes is not None:
        raise wrong("durationMinutes", "and 'end' were both given; give one of them")
    if minutes is not None:
        return begins + timedelta(minutes=minutes)
    if end is None:
        return None
    ends = instant(end, zone, now, "end")
    if not begins < ends <= begins + LONGEST:
        raise wrong("end", "must be after the start, and within a month of it")
    return ends


def _people(attendees: Sequence[str]) -> list[str]:
    """Addresses, and names where there is none; each once."""
    found: dict[str, str] = {}
    for attendee in attendees:
        address = parseaddr(attendee)[1] if "@" in attendee else ""
        if "@" in attendee and (not _ADDRESS.fullmatch(address) or not attendee.isprintable()):
            raise wrong("attendees", f"has '{attendee}', which is no e-mail address")
        name = address or " ".join(re.sub(r'[\x00-\x1f"]', " ", attendee).split())
        if name:
            found.setdefault(name.casefold(), name)
    return list(found.values())


def _single(stored: Stored) -> Stored:
    if stored.event.series:
        told = (
            f"“{stored.event.title}” repeats; change it in the calendar, where it can be told which of them is meant."
        )
        raise ActionError(told, code="recurring_event", details={"event": stored.event.uid})
    return stored


async def _conflicts(calendar: Calendar, event: Event) -> list[Event]:
    found = await calendar.between(event.start, event.end)
    return [other for other in found if other.busy and other.uid != event.uid]


def _told(what: str, stored: Stored, others: Sequence[Event], zone: ZoneInfo) -> Json:
    message = f"{what} {_named(stored, zone)} ({zone.key})."
    nameless = [attendee for attendee in stored.event.attendees if "@" not in attendee]
    if others:
        message += f" It overlaps with {', '.join(f'“{o.title}” ({_hours(o, zone)})' for o in others[:5])}."
    if nameless:
        message += f" No e-mail address is known of {', '.join(nameless)}, who cannot be invited by the calendar."
    data = {**_shown(stored.event, zone), "conflicts": [_shown(other, zone) for other in others]}
    return {"success": True, "recordId": stored.event.uid, "data": data, "message": message}


def _named(stored: Stored, zone: ZoneInfo | None = None) -> str:
    event = stored.event
    known = zone or event.start.tzinfo
    assert isinstance(known, ZoneInfo)
    return f"“{event.title}” on {shown(event.start, known)}–{event.end.astimezone(known):%H:%M}"


def _hours(event: Event, zone: ZoneInfo) -> str:
    return "all day" if event.whole_days else f"{event.start.astimezone(zone):%H:%M}–{event.end.astimezone(zone):%H:%M}"


def _shown(event: Event, zone: ZoneInfo) -> Json:
    told: Json = {"id": event.uid, "title": event.title}
    if event.whole_days:
        told |= {"start": event.start.date().isoformat(), "end": event.end.date().isoformat(), "allDay": True}
    else:
        told |= {side: getattr(event, side).astimezone(zone).isoformat() for side in ("start", "end")}
    more = {"location": event.location, "description": event.description, "attendees": list(event.attendees)}
    repeats = {"repeats": True} if event.series else {}
    return {**told, **{key: value for key, value in more.items() if value}, **repeats}
