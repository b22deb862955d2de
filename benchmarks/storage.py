"""What a run costs the database: transactions, and bytes of the event log. In one process, on a new SQLite file.

    python benchmarks/storage.py

A transaction is a BEGIN to its end, or a statement outside one; it is a write if it changed a row. What the server
does without any run (looking for leases that ended) is left out.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import orjson
import uvloop
from pydantic import SecretStr
from relay import BURST, LENGTH, ONE, PACED, RATE, Body, ag_ui, ai_sdk, chat
from servers import model_server

from copilot_core.principal import Principal, Role
from copilot_core.protocols import Protocol
from copilot_core.protocols.agui import AGUI
from copilot_core.protocols.ai_sdk import AI_SDK
from copilot_core.protocols.chat import CHAT
from copilot_core.server import Deployment, deployment
from copilot_core.settings import Settings

RUNS, IDLE_SECONDS = 50, 5
CALLER = Principal("bench", "bench", Role.MEMBER)
Wire = tuple[Protocol, Callable[[str], Body]]
WIRES: tuple[Wire, ...] = ((CHAT, chat), (AGUI, ag_ui), (AI_SDK, ai_sdk))
TITLES = ["", "transactions of a one-token run", "of them writes", "transactions more a second of answering"]
TITLES += ["log bytes of a one-token run", f"log bytes a token, {RATE} a second", "log bytes a token, full speed"]
counted: Counter[str] = Counter()


class Counting(sqlite3.Connection):
    """Counts its transactions."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._changes = 0
        self.set_trace_callback(self._count)

    def _count(self, statement: str) -> None:
        """Called before each statement runs."""
        if not self.in_transaction and not statement.startswith("PRAGMA"):
            counted["transactions"] += 1
            self._changes = self.total_changes
        elif statement.startswith("COMMIT"):
            counted["writes"] += self.total_changes > self._changes


class Measured(NamedTuple):
    """Of one run."""

    transactions: float
    writes: float
    log: float


NOTHING = Measured(0, 0, 0)


async def cost(opened: Deployment, wire: Wire, model: str, runs: int, idle: Measured) -> Measured:
    """Means of some runs, one after another, less what the server does in that time by itself."""
    before, started = look(opened), time.perf_counter()
    for _ in range(runs):
        protocol, body = wire
        given = protocol.decode(orjson.dumps(body(model)))
        reader = await opened.copilot.start(replace(given, model=f"openai:{model}"), CALLER)
        await reader.all()
    lasted = time.perf_counter() - started
    used = zip(look(opened), before, idle, strict=True)
    return Measured(*((now - then - by_itself * lasted) / runs for now, then, by_itself in used))


def look(opened: Deployment) -> Measured:
    """Everything so far; the connection that looks is not counted."""
    with closing(sqlite3.Connection(str(opened.database.url.database))) as connection:
        size = connection.execute("SELECT coalesce(sum(length(body)), 0) FROM copilot_event").fetchone()[0]
    return Measured(counted["transactions"], counted["writes"], size)


async def measure(settings: Settings) -> None:
    async with deployment(settings) as opened:
        for wire in WIRES:
            await cost(opened, wire, ONE, 1, NOTHING)
        before = look(opened)
        await asyncio.sleep(IDLE_SECONDS)
        used = zip(look(opened), before, strict=True)
        idle = Measured(*((now - then) / IDLE_SECONDS for now, then in used))
        rows = [TITLES, ["---"] * len(TITLES)]
        for protocol, body in WIRES:
            one = await cost(opened, (protocol, body), ONE, RUNS, idle)
            paced = await cost(opened, (protocol, body), PACED, 1, idle)
            burst = await cost(opened, (protocol, body), BURST, RUNS, idle)
            more = (paced.transactions - one.transactions) * RATE / LENGTH
            row = [protocol.name, f"{one.transactions:.1f}", f"{one.writes:.1f}", f"{more:.1f}", f"{one.log:,.0f}"]
            rows.append([*row, f"{(paced.log - one.log) / LENGTH:,.0f}", f"{(burst.log - one.log) / 300:,.0f}"])
        print("\n".join(f"| {' | '.join(row)} |" for row in rows))


def main() -> None:
    connect = partial(sqlite3.connect, factory=Counting)
    sqlite3.connect = sqlite3.dbapi2.connect = connect  # type: ignore[assignment]
    with model_server() as model, tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            database_url=f"sqlite:///{folder}/copilot.db",
            model=f"openai:{ONE}",
            models=(f"openai:{BURST}", f"openai:{PACED}"),
            openai_api_key=SecretStr("benchmark"),
            openai_base_url=model.url,
        )
        uvloop.run(measure(settings))


if __name__ == "__main__":
    main()
