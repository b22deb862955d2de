"""How many requests a user and a workspace have made in the window that goes on: one statement, for all processes."""

import math
from dataclasses import dataclass

from limits import RateLimitItem, parse
from sqlalchemy import case
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from copilot_core.clock import Clock
from copilot_core.errors import RateLimited, SetupError
from copilot_core.principal import Principal
from copilot_core.store.database import Database
from copilot_core.store.tables import RateCount


@dataclass(frozen=True, slots=True)
class _Rate:
    per: str
    text: str
    item: RateLimitItem


class Rates:
    """Fixed windows. A row for each user and workspace is used again and again, so there is nothing to clear away.

    Args:
        key: of one user's requests, whichever key or token they come with, such as ``600/minute``; empty for none.
        workspace: of all requests of a workspace.

    Raises:
        SetupError: one of them is not of that form.
    """

    def __init__(self, database: Database, clock: Clock, *, key: str, workspace: str) -> None:
        self._database = database
        self._clock = clock
        told = {"key": key, "workspace": workspace}
        self._rates = [_Rate(per, text, _item(per, text)) for per, text in told.items() if text]

    async def count(self, principal: Principal) -> None:
        """Count a request; raises `RateLimited` with the seconds until the window's end, if it is one too many."""
        if not self._rates:
            return
        now = self._clock.now().timestamp()
        names = {"key": f"key:{principal.workspace}\n{principal.id}", "workspace": f"workspace:{principal.workspace}"}
        windows = {rate.per: int(now // rate.item.get_expiry()) for rate in self._rates}
        rows = [{"name": names[per], "window": window, "count": 1} for per, window in windows.items()]
        counts = await self._database.transact(lambda session: self._count(session, rows), write=True)
        for rate in self._rates:
            if counts[names[rate.per]] > rate.item.amount:
                seconds = rate.item.get_expiry()
                left = max(1, math.ceil((windows[rate.per] + 1) * seconds - now))
                who = "You have" if rate.per == "key" else "Your workspace has"
                details = {"retryAfter": left, "limit": rate.text, "per": rate.per}
                raise RateLimited(f"{who} sent too many requests. Try again in {left} seconds.", details=details)

    def _count(self, session: Session, rows: list[dict[str, object]]) -> dict[str, int]:
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(RateCount)
        same = col(RateCount.window) == insert.excluded.window
        counted = insert.values(rows).on_conflict_do_update(
            index_elements=["name"],
            set_={"window": insert.excluded.window, "count": case((same, col(RateCount.count) + 1), else_=1)},
        )
        told = session.execute(counted.returning(col(RateCount.name), col(RateCount.count)))
        return {row[0]: row[1] for row in told}


def _item(per: str, text: str) -> RateLimitItem:
    try:
        return parse(text)
    except ValueError as error:
        raise SetupError(f"COPILOT_RATE_{per.upper()}: '{text}' is no rate such as 600/minute") from error
