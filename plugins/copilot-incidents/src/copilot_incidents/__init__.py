"""Incidents of a data-quality product for copilot-core, in tables of their own."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Action, Clock, Principal, Readables, Services, hookimpl
from copilot_core.hookspecs import DemoData
from copilot_incidents import changing, reading
from copilot_incidents.demo import fill
from copilot_incidents.incidents import Incidents


@hookimpl
def copilot_services(services: Services) -> None:
    """The incidents of the caller's workspace, in the call's transaction."""
    services.factory(Incidents, _opened)


@asynccontextmanager
async def _opened(
    session: AsyncSession, principal: Principal, clock: Clock, readables: Readables
) -> AsyncIterator[Incidents]:
    yield Incidents(session, principal, clock, readables)


@hookimpl
def copilot_actions() -> Iterable[Action]:
    """Two that read, five that write."""
    return [
        reading.list_incidents,
        reading.get_incident,
        changing.create_incident,
        changing.acknowledge_incident,
        changing.resolve_incident,
        changing.update_incident,
        changing.comment_on_incident,
    ]


@hookimpl
def copilot_migrations() -> Path:
    """Our three tables."""
    return Path(__file__).parent / "migrations"


@hookimpl
def copilot_demo() -> DemoData:
    """Some twenty incidents, three of them critical and open."""
    return fill
