"""The event log: every event of every run, so that any wire can begin in the middle of one, at any process.

The process of a run writes what is new at most once per `INTERVAL` and run; readers there are fed from
memory (`feed.py`), and all others from here. The terminal event is written in the transaction that
ends the run (`Runs.end`), so a run that has ended has its whole story told.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from itertools import islice

import orjson
from sqlmodel import Session, col, select

from copilot_core.events import Event, dumped, ends, loaded
from copilot_core.feed import KEPT, Feed
from copilot_core.store.database import Database
from copilot_core.store.tables import LoggedEvents, Run

log = logging.getLogger("copilot_core.runs")
INTERVAL = 0.1
POLL = 0.1
"""Seconds between looks at the log of a run that another process runs."""
PAGE = 8
"""Rows read at once; a row holds what came in one interval."""
LIVE = ("queued", "running")


class EventLog:
    """Writes the feeds of this process, and reads anybody's."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._feeds: dict[str, Feed] = {}
        self._writing = asyncio.Lock()

    def open(self, feed: Feed) -> None:
        """Keep writing `feed` until `close`."""
        self._feeds[feed.run_key] = feed

    def close(self, feed: Feed) -> None:
        """Its last event is written."""
        self._feeds.pop(feed.run_key, None)

    def feed(self, run_key: str) -> Feed | None:
        """The feed of a run that this process runs."""
        return self._feeds.get(run_key)

    async def keep_writing(self) -> None:
        """Write what is new, for ever; cancelled when the server stops."""
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self.write()
            except Exception:
                log.exception("the event log could not be written; trying again")

    async def write(self) -> None:
        """One transaction for the news of all feeds."""
        async with self._writing:
            batches = [(feed, feed.logged + 1, feed.unlogged()) for feed in self._feeds.values()]
            batches = [batch for batch in batches if batch[2]]
            if not batches:
                return

            def insert(session: Session) -> None:
                for feed, first, events in batches:
                    append(session, feed.run_key, first, events)

            await self.database.transact(insert, write=True)
            for feed, first, events in batches:
                feed.is_logged(first + len(events) - 1)

    def writing(self) -> asyncio.Lock:
        """Held while feeds are written; whoever writes a feed's end takes it, so that nothing is written twice."""
        return self._writing

    async def read(self, run_key: str, after: int) -> tuple[list[tuple[int, Event]], bool]:
        """Some events after the sequence number `after`, each with its own, and whether more may come."""

        def select_page(session: Session) -> tuple[list[LoggedEvents], str | None]:
            status = session.exec(select(Run.status).where(Run.key == run_key)).first()
            rows = select(LoggedEvents).where(LoggedEvents.run_key == run_key, col(LoggedEvents.last) > after)
            return list(session.exec(rows.order_by(col(LoggedEvents.first)).limit(PAGE))), status

        rows, status = await self.database.transact(select_page)
        found = [
            (row.first + index, loaded(told))
            for row in rows
            for index, told in enumerate(orjson.loads(row.body))
            if row.first + index > after
        ]
        return found, bool(rows) or status in LIVE

    async def story(self, run_key: str) -> list[tuple[int, Event]]:
        """All events of a run so far."""
        found: list[tuple[int, Event]] = []
        while True:
            page, _ = await self.read(run_key, found[-1][0] if found else 0)
            if not page:
                return found
            found.extend(page)


def append(session: Session, run_key: str, first: int, events: Sequence[Event]) -> None:
    """Write `events`, numbered from `first`."""
    body = orjson.dumps([dumped(event) for event in events], default=str).decode()
    session.add(LoggedEvents(run_key=run_key, first=first, last=first + len(events) - 1, body=body))


class Reader:
    """One reader's position in a run: from memory where it can, else from the log.

    Args:
        run_id: what the client calls the run; with the sequence number it is an event's id.
        after: the last sequence number that the reader has.

    `ended` once there is nothing more to come here; then `cut` says that the run itself has not ended.
    """

    def __init__(self, log: EventLog, run_key: str, run_id: str, *, after: int = 0) -> None:
        self.run_id = run_id
        self.ended = False
        self.cut = False
        self._log = log
        self._run_key = run_key
        self._after = after
        self._feed = log.feed(run_key)
        self._page: list[tuple[int, Event]] = []
        self._awake = asyncio.Event()

    def take(self, limit: int) -> list[tuple[int, Event]]:
        """What can be had without waiting: at most `limit` events, each with its sequence number."""
        if self._page:
            taken, self._page = self._page[:limit], self._page[limit:]
        elif self._feed is not None and self._feed.first <= self._after + 1:
            start = self._after + 1
            offset = start - self._feed.first
            taken = list(enumerate(islice(self._feed.events, offset, offset + limit), start))
        else:
            return []
        if taken:
            self._after = taken[-1][0]
            self.ended = ends(taken[-1][1])
        return taken

    async def change(self) -> None:
        """Wait until `take` has something, the run has ended, or `wake` is called."""
        feed = self._feed
        if feed is not None and feed.gone and feed.next <= self._after + 1:
            self.ended = self.cut = True
            return
        if feed is not None and feed.lost:
            feed = self._feed = None
        if feed is not None and feed.first <= self._after + 1:
            self.ended = feed.ended and feed.next <= self._after + 1
            if feed.next <= self._after + 1 and not self.ended:
                await feed.change()
            return
        self._page, more = await self._log.read(self._run_key, self._after)
        if self._page:
            return
        if not more:
            self.ended = True
            return
        self._awake.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._awake.wait(), POLL)

    def wake(self) -> None:
        """End a `change` that waits."""
        self._awake.set()
        if self._feed is not None:
            self._feed.wake()

    async def all(self) -> list[Event]:
        """Every event from here to the terminal one."""
        found: list[Event] = []
        while not self.ended:
            taken = self.take(KEPT)
            found.extend(event for _, event in taken)
            if not taken:
                await self.change()
        return found
