"""Reminders that are delivered, and events on a connected calendar, for copilot-core."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from copilot_calendar import events, reminders
from copilot_calendar.calendars import Calendar, not_connected
from copilot_calendar.delivering import Webhooks, remind, send
from copilot_calendar.settings import CalendarSettings
from copilot_calendar.times import zone_of
from copilot_calendar.webhook import Webhook
from copilot_core import Action, Job, Principal, Readables, Services, hookimpl

EVERY = 1.0
"""Seconds: how late a reminder may be."""


@hookimpl
def copilot_services(services: Services) -> None:
    """The webhook and the calendar that the settings name."""
    settings = CalendarSettings()
    settings.check()
    url, secret = settings.reminder_webhook_url, settings.reminder_webhook_secret
    webhooks = Webhooks(Webhook(url, secret) if url and secret else None)
    services.value(Webhooks, webhooks, close=webhooks.close)
    if settings.caldav_url is None:
        services.factory(Calendar, _none)
        return
    from copilot_calendar.connection import Connection  # half a second that only who has a calendar waits for

    connection = Connection(settings)

    @asynccontextmanager
    async def opened(principal: Principal, readables: Readables) -> AsyncIterator[Calendar]:
        yield await connection.calendar(principal, zone_of(readables))

    services.value(Connection, connection, close=connection.close)
    services.factory(Calendar, opened)


@asynccontextmanager
async def _none() -> AsyncIterator[Calendar]:
    raise not_connected()
    yield


@hookimpl
def copilot_actions() -> Iterable[Action]:
    """Those of the calendar too where none is connected: then they say how to connect one."""
    return [
        reminders.create_reminder,
        reminders.list_reminders,
        reminders.cancel_reminder,
        events.create_calendar_event,
        events.list_calendar_events,
        events.update_calendar_event,
        events.cancel_calendar_event,
    ]


@hookimpl
def copilot_jobs() -> Iterable[Job]:
    """Delivering what is due; apart, so that a slow webhook holds up no reminder."""
    return [Job("reminders", EVERY, remind), Job("reminder webhooks", EVERY, send)]


@hookimpl
def copilot_migrations() -> Path:
    """Our two tables."""
    return Path(__file__).parent / "migrations"
