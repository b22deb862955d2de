"""A connected calendar, as the actions see it, whatever it is connected with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from copilot_core import ActionError, Change


@dataclass(frozen=True, slots=True)
class Event:
    """An event, or one occurrence of a series.

    Args:
        start, end: aware; for an event of whole days (`whole_days`) midnight in the user's zone.
        attendees: addresses, or names where no address is known.
        series: it repeats.
        busy: nothing else should be put there.
    """

    uid: str
    title: str
    start: datetime
    end: datetime
    location: str = ""
    description: str = ""
    attendees: Sequence[str] = ()
    whole_days: bool = False
    series: bool = False
    busy: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as the server keeps it: where, in which version, and its iCalendar text."""

    href: str
    etag: str
    text: str
    event: Event

    @property
    def noted(self) -> Mapping[str, Any]:
        """What a receipt keeps of it."""
        return {"href": self.href, "etag": self.etag, "text": self.text}


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be different in an event; `None` stays as it is."""

    title: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    location: str | None = None
    description: str | None = None
    attendees: Sequence[str] | None = None


class Calendar(Protocol):
    """One user's way to the calendar, for one call.

    Every method raises `ActionError`: `calendar_unavailable`, `calendar_refused`, `calendar_not_chosen`; a writing
    one also `outcome_unknown`, where the server did not answer whether it wrote, and `conflict`, where the event
    has changed since it was read.
    """

    async def between(self, start: datetime, end: datetime) -> Sequence[Event]:
        """Every occurrence that overlaps the time, in order of time."""

    async def find(self, named: str, now: datetime) -> Stored:
        """The one event of that UID or title, from a month ago to a year ahead.

        Raises:
            ActionError: also `not_found`, `ambiguous`.
        """

    async def create(self, event: Event, now: datetime) -> Stored:
        """Write a new event; one with its UID that is there already is taken for it, and nothing written."""

    async def change(self, stored: Stored, edit: Edit, now: datetime) -> Stored:
        """Write it with an edit, unless somebody wrote it since."""

    async def delete(self, stored: Stored) -> None:
        """Delete it, unless somebody wrote it since."""

    async def put_back(self, change: Change) -> None:
        """Make it as it was before a change that `Stored` values were noted of.

        Raises:
            UndoConflict: it is not as the change left it.
        """


def not_connected() -> ActionError:
    """Says how to connect one."""
    needed = ["COPILOT_CALDAV_URL", "COPILOT_CALDAV_USER", "COPILOT_CALDAV_PASSWORD", "COPILOT_CALDAV_WORKSPACE"]
    return ActionError(
        "No calendar is connected for you. Whoever runs this server connects a CalDAV calendar with the settings "
        f"{', '.join(needed)}.",
        code="calendar_not_connected",
        details={"settings": needed},
    )


def overlaps(event: Event, start: datetime, end: datetime) -> bool:
    """Whether they share any time."""
    return event.start < end and start < event.end
