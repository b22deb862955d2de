"""One run's events in the memory of the process that runs it, for any number of readers.

Publishing is synchronous and costs an append. A slow reader holds nothing but its position: what is in
the event log (`store/log.py`) is forgotten here, and who is that far behind reads it there.
"""

import asyncio

from copilot_core.events import Event, ends

KEPT = 1024
"""Events that stay here although they are in the log, so that readers a little behind find them."""


class Feed:
    """The events of one run while it runs. Sequence numbers count from 1, also over a take-over's restart.

    Args:
        run_key: the run's row.
        first: the sequence number of the first event to be published here.
    """

    def __init__(self, run_key: str, first: int = 1) -> None:
        self.run_key = run_key
        self.events: list[Event] = []
        self.first = first
        self.logged = first - 1
        self.lost = False
        self.gone = False
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def next(self) -> int:
        """The sequence number of the next event."""
        return self.first + len(self.events)

    @property
    def ended(self) -> bool:
        """Whether the last event is the terminal one."""
        return bool(self.events) and ends(self.events[-1])

    def publish(self, event: Event) -> None:
        """Append an event and wake who waits."""
        self.events.append(event)
        if self._waiting:
            self.wake()

    def unlogged(self) -> list[Event]:
        """What is not in the log yet; it begins at `logged` + 1."""
        return self.events[self.logged + 1 - self.first :]

    def is_logged(self, until: int) -> None:
        """Everything up to the sequence number `until` is in the log."""
        self.logged = until
        surplus = min(until + 1 - self.first, len(self.events) - KEPT)
        if surplus > 0:
            del self.events[:surplus]
            self.first += surplus

    def lose(self) -> None:
        """Another process has taken the run over: readers go on from the log."""
        self.lost = True
        self.wake()

    def leave(self) -> None:
        """The server stops before the run has ended: readers here come back when it has started again."""
        self.gone = True
        self.wake()

    def wake(self) -> None:
        """Let everyone who waits look again."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def change(self) -> None:
        """Wait until there is something new, or `wake` is called."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter
