"""The plugin's own tables. Every row belongs to a user of a workspace and is only ever looked up with both."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from copilot_core.tables import instant


class ReminderRow(SQLModel, table=True):
    """A reminder. `status` is scheduled, done or cancelled.

    `start` is the first time that it was for, `next_at` the next one, and `rule` how they repeat on the clock of
    `timezone`.
    """

    __tablename__ = "copilot_reminder"
    __table_args__ = (
        Index("copilot_reminder_due", "status", "next_at"),
        Index("copilot_reminder_of_owner", "workspace", "owner", "next_at"),
    )
    id: str = Field(primary_key=True)
    workspace: str
    owner: str
    title: str
    note: str
    link: str | None = None
    timezone: str
    start: datetime = instant()
    rule: str | None = None
    next_at: datetime | None = instant(nullable=True)
    status: str = "scheduled"
    created_at: datetime = instant()


class WebhookRow(SQLModel, table=True):
    """A delivery to the webhook. `status` is pending, sent or failed; `body` is what is sent, each time the same.

    Whoever counts `tries` up has it until `next_try_at`.
    """

    __tablename__ = "copilot_reminder_webhook"
    __table_args__ = (Index("copilot_reminder_webhook_due", "status", "next_try_at"),)
    id: str = Field(primary_key=True)
    body: str
    status: str = "pending"
    tries: int = 0
    next_try_at: datetime = instant()
