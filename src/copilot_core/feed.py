"""One run's events in memory, for any number of readers at their own pace.

Publishing is synchronous and costs an append; a slow reader holds nothing but its position, so it
cannot make memory grow beyond the run itself.
"""

import asyncio
from collections.abc import AsyncIterator

from copilot_core.events import Event, RunFailed, RunFinished


class Feed:
    """The events of one run, from the first to the terminal one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def ended(self) -> bool:
        """Whether the last event is the terminal one."""
        return bool(self.events) and isinstance(self.events[-1], RunFinished | RunFailed)

    def publish(self, event: Event) -> None:
        """Append an event and wake who waits."""
        self.events.append(event)
        if self._waiting:
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

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Every event from the first, then live, until the terminal one."""
        position = 0
        while True:
            while position < len(self.events):
                yield self.events[position]
                position += 1
            if self.ended:
                return
            await self.change()
