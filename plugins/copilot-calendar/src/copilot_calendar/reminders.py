"""The actions of reminders. Each is one transaction; a user's reminders are their own."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias
from uuid import uuid4
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_calendar.recurrence import checked, following, told
from copilot_calendar.tables import ReminderRow
from copilot_calendar.times import ZoneName, future, shown, wrong, zone_of
from copilot_core import (
    ActionError,
    Change,
    Changes,
    Clock,
    Injected,
    Principal,
    Readables,
    Receipt,
    UndoConflict,
    action,
)

Json = dict[str, Any]
Status: TypeAlias = Literal["scheduled", "done", "cancelled"]
SOURCE = "Reminders"
MOST = 1000
"""Reminders that a user may have waiting."""
LISTED = 50


def _at_nine(given: object) -> object:
    return f"{given}T09:00" if isinstance(given, str) and len(given) == len("2026-02-11") else given


async def put_back(receipt: Receipt, session: Injected[AsyncSession], principal: Injected[Principal]) -> None:
    """Take a new reminder away, or bring a cancelled one back. One that was delivered since stays as it is."""
    for change in reversed(receipt.changes):
        row = await session.get(ReminderRow, change.subject)
        if row is None or _image(row) != change.after or row.owner != principal.id:
            told = f"This cannot be undone: the reminder “{change.label}” was delivered or changed since."
            raise UndoConflict(told, details={"subject": change.subject, "label": change.label})
        if change.before is None:
            await session.delete(row)
        else:
            row.status = change.before["status"]


@action(
    credits=3,
    writes=True,
    undo=put_back,
    source=SOURCE,
    examples=["remind me to call Ada tomorrow at 9", "set a reminder for Friday at 14:30 to send the offer"],
)
async def create_reminder(
    title: Annotated[str, Field(description="What to be reminded of", min_length=1, max_length=200)],
    due_at: Annotated[
        datetime,
        BeforeValidator(_at_nine),
        Field(description="When, in the future: date and time on the user's clock, as 2026-02-11T09:00"),
    ],
    session: Injected[AsyncSession],
    principal: Injected[Principal],
    clock: Injected[Clock],
    readables: Injected[Readables],
    changes: Injected[Changes],
    note: Annotated[str | None, Field(description="More about it", max_length=4000)] = None,
    link: Annotated[
        str | None, Field(description="Link of the record it is about, as results show it", max_length=500)
    ] = None,
    recurrence: Annotated[
        Literal["daily", "weekdays", "weekly", "monthly", "yearly"] | str | None,
        Field(description="How it repeats: one of these words, or a rule of RFC 5545 such as FREQ=WEEKLY;BYDAY=MO"),
    ] = None,
    timezone: ZoneName = None,
) -> Json:
    """Create, set or schedule a reminder: remind the user of something at a future time."""
    now, zone = clock.now(), zone_of(readables, timezone)
    if link is not None and not _is_link(link):
        raise wrong("link", "must be a path such as /modules/tasks/records/rec_1, or an http address")
    due = future(due_at, zone, now, "dueAt")
    rule = checked(recurrence, "recurrence") if recurrence else None
    first = _first(rule, due, zone) if rule else due
    await _check_number(session, principal)
    row = ReminderRow(
        id=f"rem_{uuid4().hex}",
        workspace=principal.workspace,
        owner=principal.id,
        title=" ".join(title.split()),
        note=note or "",
        link=link,
        timezone=zone.key,
        start=first,
        rule=rule,
        next_at=first,
        created_at=now,
    )
    session.add(row)
    changes.add(Change(row.id, row.title, None, _image(row)))
    again = f", and then {told(rule)}" if rule else ""
    message = f"I will remind you on {shown(first, zone)} ({zone.key}){again}: {row.title}"
    return {"success": True, "recordId": row.id, "data": _shown(row), "message": message}


@action(source=SOURCE, examples=["which reminders do I have?"])
async def list_reminders(
    session: Injected[AsyncSession],
    principal: Injected[Principal],
    status: Annotated[Status, Field(description="Which ones; those still to come if left out")] = "scheduled",
) -> Json:
    """List or show the user's reminders, the next one first."""
    wanted = [*_own(principal), ReminderRow.status == status]
    total = (await session.exec(select(func.count()).select_from(ReminderRow).where(*wanted))).one()
    ordered = select(ReminderRow).where(*wanted).order_by(col(ReminderRow.next_at), col(ReminderRow.start))
    rows = (await session.exec(ordered.limit(LISTED))).all()
    more = f", the first {len(rows)} are shown" if total > len(rows) else ""
    message = f"{total} {'reminder' if total == 1 else 'reminders'}{more}."
    return {"success": True, "data": {"total": total, "reminders": [_shown(row) for row in rows]}, "message": message}


async def foresee_cancel(session: Injected[AsyncSession], principal: Injected[Principal], reminder: str) -> Json:
    """The one that would not be delivered."""
    row = await _named(session, principal, reminder)
    return {"summary": f"Cancel the reminder “{row.title}” of {_when(row)}.", "rows": 1}


@action(writes=True, undo=put_back, preview=foresee_cancel, source=SOURCE, examples=["cancel the reminder to call Ada"])
async def cancel_reminder(
    reminder: Annotated[str, Field(description="Id of the reminder, or words of its title", min_length=1)],
    session: Injected[AsyncSession],
    principal: Injected[Principal],
    changes: Injected[Changes],
) -> Json:
    """Cancel or remove a reminder, so that it is not delivered any more."""
    row = await _named(session, principal, reminder)
    before = _image(row)
    row.status = "cancelled"
    changes.add(Change(row.id, row.title, before, _image(row)))
    message = f"Cancelled the reminder “{row.title}” of {_when(row)}."
    return {"success": True, "recordId": row.id, "data": _shown(row), "message": message}


def _is_link(link: str) -> bool:
    return link.startswith(("https://", "http://")) or (link.startswith("/") and not link.startswith("//"))


def _first(rule: str, due: datetime, zone: ZoneInfo) -> datetime:
    """The first day of the rule, from the day that was named on."""
    found = following(rule, due.astimezone(zone), due.replace(microsecond=0) - due.resolution)
    if found is None:
        raise wrong("recurrence", "names no day in ten years")
    return found


async def _check_number(session: AsyncSession, principal: Principal) -> None:
    wanted = [*_own(principal), ReminderRow.status == "scheduled"]
    if (await session.exec(select(func.count()).select_from(ReminderRow).where(*wanted))).one() >= MOST:
        raise ActionError(f"There are {MOST} reminders waiting; cancel some first.", code="too_many")


async def _named(session: AsyncSession, principal: Principal, named: str) -> ReminderRow:
    """The one reminder that is meant; raises `ActionError` with those that may be."""
    asked = select(ReminderRow).where(*_own(principal), ReminderRow.status == "scheduled")
    rows = (await session.exec(asked.order_by(col(ReminderRow.next_at)))).all()
    words = named.casefold().split()
    found = [row for row in rows if row.id == named] or _matching(rows, words)
    if len(found) == 1:
        return found[0]
    told = [_shown(row) for row in (found or rows)[:10]]
    if not found:
        raise ActionError(f"No reminder is waiting that fits '{named}'.", code="not_found", details={"waiting": told})
    raise ActionError(f"{len(found)} reminders fit '{named}'; say which.", code="ambiguous", details={"found": told})


def _matching(rows: Sequence[ReminderRow], words: Sequence[str]) -> list[ReminderRow]:
    exact = [row for row in rows if row.title.casefold().split() == words]
    return exact or [row for row in rows if words and all(word in row.title.casefold() for word in words)]


def _own(principal: Principal) -> list[Any]:
    return [ReminderRow.workspace == principal.workspace, ReminderRow.owner == principal.id]


def _when(row: ReminderRow) -> str:
    return shown(row.next_at or row.start, ZoneInfo(row.timezone))


def _shown(row: ReminderRow) -> Json:
    """For a model; what has no value is left out."""
    zone = ZoneInfo(row.timezone)
    told = {
        "id": row.id,
        "title": row.title,
        "dueAt": (row.next_at or row.start).astimezone(zone).isoformat(),
        "timezone": row.timezone,
        "status": row.status,
        "note": row.note or None,
        "link": row.link,
        "recurrence": row.rule,
    }
    return {key: value for key, value in told.items() if value is not None}


def _image(row: ReminderRow) -> Mapping[str, Any]:
    """All that a receipt keeps of it."""
    moments = {"start": row.start, "nextAt": row.next_at}
    return {**_shown(row), **{name: at and at.astimezone(UTC).isoformat() for name, at in moments.items()}}
