"""Delivering reminders that are due: once in the application, and at least once, under one id, to the webhook.

Every process does this all the time. An `UPDATE` that only one of them can do decides who delivers. In the
application the notification is written in that same transaction, so there it is exactly once. The webhook's own claim
is a lease: it sets when the next try is due before it sends, so a process that dies in between has only put it off.
"""

import json
import logging
from asyncio import gather
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import CursorResult, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_calendar.recurrence import following
from copilot_calendar.tables import ReminderRow, WebhookRow
from copilot_calendar.webhook import PATIENCE, Webhook
from copilot_core import Clock, Notification, Notifications
from copilot_core.tables import Database

log = logging.getLogger("copilot_calendar")
AT_ONCE = 100
LEASE = timedelta(seconds=6 * PATIENCE)
PAUSES = [timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 18000, 36000)]
"""Between one try of the webhook and the next; after the last it is given up, about a day later."""


class Webhooks:
    """The webhook, if there is one. A service, so that the jobs and tests can ask for it."""

    def __init__(self, to: Webhook | None) -> None:
        self.to = to

    async def close(self) -> None:
        """Close its connections."""
        if self.to is not None:
            await self.to.close()


async def remind(database: Database, clock: Clock, notifications: Notifications, webhooks: Webhooks) -> None:
    """Deliver what is due by now. A job."""
    now = clock.now()
    asked = select(ReminderRow).where(ReminderRow.status == "scheduled", col(ReminderRow.next_at) <= now)
    async with database.session() as session:
        due = (await session.exec(asked.order_by(col(ReminderRow.next_at)).limit(AT_ONCE))).all()
    for row in due:
        try:
            async with database.session(write=True) as session:
                await _deliver(session, row, now, notifications, webhook=webhooks.to is not None)
        except Exception:  # the others must not wait for it
            log.exception("reminder %s could not be delivered; trying again", row.id)


async def _deliver(
    session: AsyncSession, row: ReminderRow, now: datetime, notifications: Notifications, *, webhook: bool
) -> None:
    due = row.next_at
    assert due is not None
    zone = ZoneInfo(row.timezone)
    following_at = following(row.rule, row.start.astimezone(zone), now) if row.rule else None
    claim = (
        update(ReminderRow)
        .where(col(ReminderRow.id) == row.id, col(ReminderRow.status) == "scheduled", col(ReminderRow.next_at) == due)
        .values(next_at=following_at, status="done" if following_at is None else "scheduled")
    )
    if not await _changed(session, claim):
        return  # another process has it, or it was cancelled
    message_id = delivery_id(row.id, due)
    data = {
        "reminderId": row.id,
        "dueAt": due.astimezone(zone).isoformat(),
        "timezone": row.timezone,
        "link": row.link,
        "nextAt": following_at and following_at.astimezone(zone).isoformat(),
    }
    told = Notification(message_id, row.workspace, row.owner, "reminder", row.title, now, row.note, data)
    notifications.add(session, told)
    if webhook:
        user = {"workspace": row.workspace, "user": row.owner}
        body = {"type": "reminder.due", "id": message_id, **user, "title": row.title, "note": row.note, **data}
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        session.add(WebhookRow(id=message_id, body=text, next_try_at=now))


def delivery_id(reminder_id: str, due: datetime) -> str:
    """Names the delivery of one occurrence, whoever makes it, however often."""
    return f"rmd_{uuid5(NAMESPACE_URL, f'{reminder_id}:{due.timestamp()}').hex}"


async def send(database: Database, clock: Clock, webhooks: Webhooks) -> None:
    """Send what is due to the webhook. A job."""
    if webhooks.to is None:
        return
    asked = select(WebhookRow).where(WebhookRow.status == "pending", WebhookRow.next_try_at <= clock.now())
    async with database.session() as session:
        due = (await session.exec(asked.order_by(col(WebhookRow.next_try_at)).limit(AT_ONCE))).all()
    await gather(*(_send(database, clock, webhooks.to, row) for row in due))


async def _send(database: Database, clock: Clock, webhook: Webhook, row: WebhookRow) -> None:
    mine = (col(WebhookRow.id) == row.id, col(WebhookRow.status) == "pending")
    claim = update(WebhookRow).where(*mine, col(WebhookRow.tries) == row.tries)
    async with database.session(write=True) as session:
        if not await _changed(session, claim.values(tries=row.tries + 1, next_try_at=clock.now() + LEASE)):
            return
    taken = await webhook.send(row.id, row.body, clock.now())
    outcome: dict[str, Any] = {"status": "sent"}
    if not taken and row.tries < len(PAUSES):
        outcome = {"next_try_at": clock.now() + PAUSES[row.tries]}
    elif not taken:
        log.error("reminder %s was given up: the webhook did not take it in %d tries", row.id, row.tries + 1)
        outcome = {"status": "failed"}
    async with database.session(write=True) as session:
        await _changed(session, update(WebhookRow).where(*mine, col(WebhookRow.tries) == row.tries + 1).values(outcome))


async def _changed(session: AsyncSession, statement: Any) -> bool:
    found = await session.exec(statement)
    assert isinstance(found, CursorResult)
    return found.rowcount == 1
