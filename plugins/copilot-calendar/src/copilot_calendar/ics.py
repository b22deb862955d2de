"""Events as iCalendar text (RFC 5545), read and written by `icalendar`."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events  # type: ignore[import-untyped]
from icalendar import Calendar, Component, vCalAddress, vText
from icalendar import Event as VEvent

from copilot_calendar.calendars import Edit, Event

NO_ADDRESS = "invalid:nomail"
"""The address of an attendee of whom only the name is known, as other calendars write it."""


def written(event: Event, now: datetime, organizer: str | None) -> str:
    """A new event, with the definitions of its time zones."""
    component = VEvent()
    component.add("uid", event.uid)
    component.add("created", now.replace(microsecond=0))
    component.add("sequence", 0)
    component.add("status", "CONFIRMED")
    edit = Edit(event.title, event.start, event.end, event.location, event.description, event.attendees)
    _apply(component, edit, now, organizer)
    calendar = Calendar()
    calendar.add("prodid", "-//copilot_core//copilot-calendar//EN")
    calendar.add("version", "2.0")
    calendar.add_component(component)
    return _text(calendar)


def edited(text: str, edit: Edit, now: datetime, organizer: str | None) -> str:
    """The text with an edit; whatever else it holds stays."""
    calendar = _parsed(text)
    component = single(calendar)
    component["sequence"] = int(component.get("sequence", 0)) + 1
    _apply(component, edit, now, organizer)
    return _text(calendar)


def read(text: str, zone: ZoneInfo) -> Event:
    """The event of a resource; of a series its first."""
    calendar = _parsed(text)
    events = [component for component in calendar.walk("VEVENT") if "RECURRENCE-ID" not in component]
    return _event(events[0] if events else next(iter(calendar.walk("VEVENT"))), zone, series=_is_series(calendar))


def occurrences(text: str, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Event]:
    """Every occurrence that overlaps the time. A rule without an end is fine."""
    calendar = _parsed(text)
    series = _is_series(calendar)
    for component in recurring_ical_events.of(calendar, skip_bad_series=True).between(start, end):
        if component.get("status") != "CANCELLED":
            yield _event(component, zone, series=series)


def same(text: str, other: str) -> bool:
    """Whether two texts say the same of the event; servers order properties and name themselves as the author."""
    first, second = (sorted(e.to_ical(sorted=True) for e in _parsed(t).walk("VEVENT")) for t in (text, other))
    return first == second


def single(calendar: Component) -> Component:
    """The only event of a resource."""
    [component] = calendar.walk("VEVENT")
    return component


def _parsed(text: str) -> Calendar:
    return Calendar.from_ical(text)


def _text(calendar: Calendar) -> str:
    calendar.add_missing_timezones()
    return str(calendar.to_ical().decode())


def _apply(component: Component, edit: Edit, now: datetime, organizer: str | None) -> None:
    values: dict[str, Any] = {"summary": edit.title, "location": edit.location, "description": edit.description}
    values |= {"dtstart": edit.start, "dtend": edit.end}
    if edit.end is not None:
        component.pop("duration", None)
    for name, value in {**values, "dtstamp": now.astimezone(UTC), "last-modified": now.astimezone(UTC)}.items():
        if value is not None:
            component.pop(name, None)
            if value != "":
                component.add(name, value.replace(microsecond=0) if isinstance(value, datetime) else value)
    if edit.attendees is not None:
        component.pop("attendee", None)
        for attendee in edit.attendees:
            component.add("attendee", _address(attendee))
        if edit.attendees and organizer and "organizer" not in component:
            component.add("organizer", f"mailto:{organizer}")


def _address(attendee: str) -> vCalAddress:
    if "@" in attendee:
        made = vCalAddress(f"mailto:{attendee}")
    else:
        made = vCalAddress(NO_ADDRESS)
        made.params["CN"] = vText(attendee)
    made.params["ROLE"] = vText("REQ-PARTICIPANT")
    made.params["PARTSTAT"] = vText("NEEDS-ACTION")
    made.params["RSVP"] = vText("TRUE")
    return made


def _is_series(calendar: Component) -> bool:
    events = calendar.walk("VEVENT")
    return len(events) > 1 or any("RRULE" in event or "RDATE" in event for event in events)


def _event(component: Component, zone: ZoneInfo, *, series: bool) -> Event:
    start = component.decoded("dtstart")
    whole_days = not isinstance(start, datetime)
    if "dtend" in component:
        end = component.decoded("dtend")
    elif "duration" in component:
        end = start + component.decoded("duration")
    else:
        end = start + timedelta(days=1) if whole_days else start
    attendees = component.get("attendee", [])
    return Event(
        str(component.get("uid", "")),
        str(component.get("summary", "")),
        _aware(start, zone),
        _aware(end, zone),
        str(component.get("location", "")),
        str(component.get("description", "")),
        [_name(one) for one in (attendees if isinstance(attendees, list) else [attendees])],
        whole_days,
        series,
        component.get("transp") != "TRANSPARENT",
    )


def _aware(moment: date | datetime, zone: ZoneInfo) -> datetime:
    """A time without a zone, and a whole day, are on the user's clock."""
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), zone)
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def _name(address: Any) -> str:
    text = str(address)
    if text.lower().startswith("mailto:"):
        return text[len("mailto:") :]
    return str(getattr(address, "params", {}).get("CN", text))
