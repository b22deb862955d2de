"""Modules, fields and records for copilot-core: the actions, and where the records are."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import MODULES, Action, Call, Clock, Principal, Readable, Readables, Services, hookimpl, module_slugs
from copilot_records import reading, writing
from copilot_records.connected import Connected, ConnectSettings, connect
from copilot_records.demo import fill
from copilot_records.fields import Field
from copilot_records.filters import Filter
from copilot_records.modules import Module, Modules
from copilot_records.own import OwnRecords
from copilot_records.reading import RecordClick, ShownRecords, list_records
from copilot_records.store import Page, Query, Record, RecordStore

__all__ = [
    "Field",
    "Filter",
    "Module",
    "Modules",
    "OwnRecords",
    "Page",
    "Query",
    "Record",
    "RecordClick",
    "RecordStore",
    "ShownRecords",
    "list_records",
]

READING = (reading.query_records, reading.search_records, reading.get_module_info)
WRITING = (
    writing.create_record,
    writing.create_multiple_records,
    writing.update_records,
    writing.update_record,
    writing.delete_records,
)


@hookimpl
def copilot_services(services: Services) -> None:
    """The store of one call: our own tables, or the database that `COPILOT_CONNECT` names."""
    settings = ConnectSettings()
    if settings.connect is None:
        services.factory(RecordStore, _own)
        services.value(KnownModules, KnownModules())
        return
    connected = connect(settings)
    services.value(Connected, connected, close=connected.close)
    services.factory(RecordStore, _connected)


@hookimpl
def copilot_actions() -> Iterable[Action]:
    """Reading, and writing where that can work: a model is not offered what the store refuses."""
    settings = ConnectSettings()
    return [*READING, *WRITING] if settings.connect is None or settings.connect_writable else READING


@hookimpl
def copilot_readables() -> Iterable[Callable[..., Awaitable[Iterable[Readable]]]]:
    """The caller's modules."""
    return [_told_modules if ConnectSettings().connect is None else _told_tables]


@hookimpl
def copilot_migrations() -> Path:
    """Our two tables and their full-text index."""
    return Path(__file__).parent / "migrations"


@hookimpl
def copilot_demo() -> Callable[..., Awaitable[None]] | None:
    """A company with some hundred records, unless the records are those of a connected database."""
    return fill if ConnectSettings().connect is None else None


@asynccontextmanager
async def _own(
    session: AsyncSession, principal: Principal, clock: Clock, readables: Readables
) -> AsyncIterator[RecordStore]:
    yield OwnRecords(session, principal, clock, module_slugs(readables))


@asynccontextmanager
async def _connected(
    connected: Connected, principal: Principal, readables: Readables, call: Call
) -> AsyncIterator[RecordStore]:
    async with connected.records(principal, module_slugs(readables), write=call.writes) as records:
        yield records


class KnownModules:
    """What was told of each workspace's modules a moment ago.

    They are told before every model call and change rarely; asking anew each time was a third of what a
    user waited for besides the model. After `SECONDS` a change shows.
    """

    SECONDS = 2.0

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, list[Readable]]] = {}

    async def of(self, workspace: str, store: RecordStore) -> list[Readable]:
        """The readables of a workspace; asks `store` where they are not known, or not any more."""
        known = self._known.get(workspace)
        if known is None or known[0] < time.monotonic():
            told = [Readable(MODULES, [module.as_json() for module in await store.modules()])]
            self._known[workspace] = known = (time.monotonic() + self.SECONDS, told)
        return known[1]


async def _told_modules(known: KnownModules, store: RecordStore, principal: Principal) -> Iterable[Readable]:
    return await known.of(principal.workspace, store)


async def _told_tables(connected: Connected, principal: Principal) -> Iterable[Readable]:
    """Known since the start: no query."""
    return [Readable(MODULES, [module.as_json() for module in connected.modules(principal)])]
