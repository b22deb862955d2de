"""When to try again, and when to stop trying."""

import random
import time
from collections.abc import Awaitable, Callable

import httpx2

from copilot_core.client.errors import ClientError

SHORTEST, LONGEST = 0.25, 10.0
"""Seconds before the first new attempt, which double up to the longest."""
HELD = 10.0
"""A connection that brought a byte and held for as many seconds was none that failed."""


class Patience:
    """How long one answer is waited for."""

    def __init__(self, tries: int, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._tries = tries
        self._sleep = sleep
        self._failures = 0
        self._watched: tuple[httpx2.Response, float] | None = None

    def heard(self) -> None:
        """Something new has come."""
        self._failures = 0

    def watch(self, connection: httpx2.Response) -> None:
        """A connection stands."""
        self._watched = connection, time.monotonic()

    async def wait(self, error: ClientError) -> None:
        """Wait before the next attempt; raises `error` where another one is of no use."""
        if self._watched and self._watched[0].num_bytes_downloaded and time.monotonic() - self._watched[1] > HELD:
            self._failures = 0
        self._watched = None
        self._failures += 1
        if not error.passing or self._failures > self._tries:
            raise error
        longest = min(LONGEST, SHORTEST * 2 ** (self._failures - 1))
        await self._sleep(max(longest * random.uniform(0.5, 1), error.retry_after or 0))  # noqa: S311 - no secret
