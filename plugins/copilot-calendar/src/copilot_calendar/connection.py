"""The calendar of the settings, over CalDAV (RFC 4791)."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import httpx2
from caldav.aio import AsyncDAVClient
from caldav.lib.error import AuthorizationError, DAVError
from caldav.response import CalendarQueryResult

from copilot_calendar import ics
from copilot_calendar.calendars import Calendar, Edit, Event, Stored, not_connected, overlaps
from copilot_calendar.settings import CalendarSettings
from copilot_core import ActionError, Change, Principal, UndoConflict

log = logging.getLogger("copilot_calendar")
PATIENCE = 8
"""Seconds for the server to answer one request."""
BACK, AHEAD = timedelta(days=31), timedelta(days=366)
"""Where an event is looked for by its name."""
_LOST = (DAVError, OSError, httpx2.HTTPError)
"""What the library raises where there is no answer that could be read, whichever HTTP client it uses."""


class Connection:
    """The process's way to the server, and which calendar it is, once that was asked."""

    def __init__(self, settings: CalendarSettings) -> None:
        self._settings = settings
        self._client: AsyncDAVClient | None = None
        self._url: str | None = None

    async def calendar(self, principal: Principal, zone: ZoneInfo) -> Calendar:
        """The calendar, for one call of somebody who may see it.

        Args:
            zone: in which whole days, and times without a zone, are meant.
        """
        settings = self._settings
        if principal.workspace != settings.caldav_workspace or settings.caldav_owner not in (None, principal.id):
            raise not_connected()
        client = self._client = self._client or AsyncDAVClient(
            settings.caldav_url,
            username=settings.caldav_user or None,
            password=settings.caldav_password.get_secret_value() or None,
            timeout=PATIENCE,
            enable_rfc6764=False,
            rate_limit_handle=False,
        )
        with _translated():
            self._url = self._url or await self._chosen(client)
        return CalDavCalendar(client, self._url, zone, settings.caldav_user if "@" in settings.caldav_user else None)

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.close()

    async def _chosen(self, client: AsyncDAVClient) -> str:
        """The address of the calendar that the settings name, or of the only one that takes events."""
        found = {}
        for calendar in await client.get_calendars():
            components: Any = calendar.get_supported_components()
            if "VEVENT" in await components:
                found[str(calendar.url).rstrip("/")] = await _name(calendar)
        wanted = self._settings.caldav_calendar
        own = str(self._settings.caldav_url).rstrip("/")
        fits = [url for url, name in found.items() if wanted in (name, url, url.rpartition("/")[2])]
        if wanted is None:
            fits = [own] if own in found else list(found)
        if len(fits) != 1:
            names = ", ".join(f"“{name}”" for name in found.values()) or "none"
            told = f"The calendar account has these calendars: {names}. COPILOT_CALDAV_CALENDAR must name one of them."
            raise ActionError(told, code="calendar_not_chosen", details={"calendars": list(found.values())})
        return fits[0]


class CalDavCalendar:
    """`Calendar` at one address."""

    def __init__(self, client: AsyncDAVClient, url: str, zone: ZoneInfo, organizer: str | None) -> None:
        self._client = client
        self._url = url
        self._zone = zone
        self._organizer = organizer

    async def between(self, start: datetime, end: datetime) -> Sequence[Event]:
        """Asked of the server; what repeats is worked out here, since servers differ in it."""
        found = [
            occurrence
            for _, text in await self._query(start, end)
            for occurrence in ics.occurrences(text, start, end, self._zone)
        ]
        return sorted((one for one in found if overlaps(one, start, end)), key=lambda one: (one.start, one.end))

    async def find(self, named: str, now: datetime) -> Stored:
        """By UID, else by the whole title, else by words of it."""
        known = {href: ics.read(text, self._zone) for href, text in await self._query(now - BACK, now + AHEAD)}
        words = named.casefold().split()
        tests = (
            lambda event: event.uid == named,
            lambda event: event.title.casefold().split() == words,
            lambda event: bool(words) and all(word in event.title.casefold() for word in words),
        )
        fits = next((fits for test in tests if (fits := [href for href, event in known.items() if test(event)])), [])
        if len(fits) > 1:
            told = [{"id": known[f].uid, "title": known[f].title, "start": known[f].start.isoformat()} for f in fits]
            raise ActionError(
                f"{len(fits)} events fit '{named}'; say which.", code="ambiguous", details={"found": told}
            )
        stored = await self._get(fits[0]) if fits else None
        if stored is None:
            raise ActionError(f"There is no event that fits '{named}'.", code="not_found", details={"event": named})
        return stored

    async def create(self, event: Event, now: datetime) -> Stored:
        """Under a name made of the UID, so that the server itself refuses a second one."""
        href, text = f"{self._url}/{event.uid}.ics", ics.written(event, now, self._organizer)
        if await self._put(href, text, {"If-None-Match": "*"}):
            return await self._stored(href, text)
        stored = await self._get(href)
        if stored is None:
            raise _unavailable("refused the event")
        return stored

    async def change(self, stored: Stored, edit: Edit, now: datetime) -> Stored:
        """With the version that was read."""
        text = ics.edited(stored.text, edit, now, self._organizer)
        if not await self._put(stored.href, text, _if_same(stored)):
            raise _changed(stored)
        return await self._stored(stored.href, text)

    async def delete(self, stored: Stored) -> None:
        """With the version that was read."""
        if not await self._delete(stored):
            raise _changed(stored)

    async def put_back(self, change: Change) -> None:
        """What is so already is fine: an undo that was cut off can be asked for again."""
        before, after = change.before, change.after
        href = str((before or after or {})["href"])
        found = await self._get(href)
        if _is(found, before):
            return
        if not _is(found, after):
            told = f"This cannot be undone: the event “{change.label}” was changed since."
            raise UndoConflict(told, details={"subject": change.subject, "label": change.label})
        if before is None:
            assert found is not None
            done = await self._delete(found)
        else:
            done = await self._put(href, before["text"], _if_same(found) if found else {"If-None-Match": "*"})
        if not done:
            raise UndoConflict(f"This cannot be undone: the event “{change.label}” was changed just now.")

    async def _query(self, start: datetime, end: datetime) -> list[tuple[str, str]]:
        """Address and text of what the server has in that time."""
        with _translated():
            answer = await self._client.calendar_query(self._url, start=start, end=end, event=True)
            if answer.status != 207:
                raise DAVError(reason=f"status {answer.status}")
        results = cast("list[CalendarQueryResult]", answer.results or [])
        return [(self._absolute(one.href), one.calendar_data) for one in results if one.calendar_data]

    def _absolute(self, href: str) -> str:
        return str(self._client.url.join(href))

    async def _get(self, href: str) -> Stored | None:
        with _translated():
            answer = await self._client.request(href)
        if answer.status in (404, 410):
            return None
        if answer.status != 200:
            raise _unavailable(f"answered {answer.status}")
        raw = answer.raw
        text = raw.decode() if isinstance(raw, bytes) else raw
        return Stored(href, answer.headers.get("ETag", ""), text, ics.read(text, self._zone))

    async def _stored(self, href: str, text: str) -> Stored:
        """As the server keeps what was just written; it may have added something."""
        try:
            stored = await self._get(href)
        except ActionError:  # it is written all the same
            stored = None
        return stored or Stored(href, "", text, ics.read(text, self._zone))

    async def _put(self, href: str, text: str, condition: Mapping[str, str]) -> bool:
        """Whether it was written; not if the condition does not hold."""
        lines = text.replace("\r\n", "\n").replace("\n", "\r\n")
        headers = {"Content-Type": "text/calendar; charset=utf-8", **condition}
        try:
            status: int | None = (await self._client.put(href, lines, headers)).status
        except AuthorizationError as error:
            raise _refused() from error
        except _LOST as error:
            _log(error)
            status = None
        if status in (200, 201, 204, 412):
            return status != 412
        await self._look(href, lambda found: found is not None and ics.same(found.text, text), status)
        return True

    async def _delete(self, stored: Stored) -> bool:
        try:
            status: int | None = (await self._client.delete(stored.href, _if_same(stored))).status
        except AuthorizationError as error:
            raise _refused() from error
        except _LOST as error:
            _log(error)
            status = None
        if status in (200, 202, 204, 404, 412):
            return status not in (404, 412)
        await self._look(stored.href, lambda found: found is None, status)
        return True

    async def _look(self, href: str, is_done: Any, status: int | None) -> None:
        """After a write without a good answer: whether it was done. Raises `ActionError` unless it was."""
        try:
            done = is_done(await self._get(href))
        except ActionError:
            done, status = False, None
        if not done and status is not None:
            raise _unavailable(f"answered {status}")
        if not done:
            told = "The calendar server did not answer, so nobody knows whether it was done. Look before you repeat it."
            raise ActionError(told, code="outcome_unknown")


def _is(found: Stored | None, wanted: Mapping[str, Any] | None) -> bool:
    if found is None or wanted is None:
        return found is None and wanted is None
    return bool(found.etag and found.etag == wanted["etag"]) or ics.same(found.text, wanted["text"])


def _if_same(stored: Stored) -> Mapping[str, str]:
    return {"If-Match": stored.etag} if stored.etag else {}


async def _name(calendar: Any) -> str:
    return str(await calendar.get_display_name() or calendar.id)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except AuthorizationError as error:
        raise _refused() from error
    except _LOST as error:
        _log(error)
        raise _unavailable("does not answer") from error


def _log(error: Exception) -> None:
    """Only the kind is logged: a text may hold an address with a name in it."""
    log.warning("the calendar server failed: %s", type(error).__name__)


def _refused() -> ActionError:
    told = "The calendar server refuses the user name or the password, or the calendar may not be written. "
    return ActionError(
        f"{told}Whoever runs this server checks COPILOT_CALDAV_USER and COPILOT_CALDAV_PASSWORD.",
        code="calendar_refused",
    )


def _unavailable(how: str) -> ActionError:
    return ActionError(f"The calendar server {how}; nothing was changed.", code="calendar_unavailable")


def _changed(stored: Stored) -> ActionError:
    told = f"The event “{stored.event.title}” was changed by somebody else just now; nothing was done."
    return ActionError(told, code="conflict", details={"event": stored.event.uid})
