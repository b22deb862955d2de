"""What a relayed token costs on each wire, beside a bare pass-through of the same answers, in one interleaved run.

    python benchmarks/relay.py                              # all wires, with the `copilot-core` on the path
    python benchmarks/relay.py --wires ag-ui --rounds 5 --json result.json
    python benchmarks/relay.py --server ".venv/bin/copilot-core"

All relay the same model server (model_server.py). `events` are four further readers of an AG-UI run: what one of them
adds. Times are CPU of the measured server's process tree from /proc, so this runs on Linux; compare the columns of
one run, never of two.
"""

import argparse
import asyncio
import json
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import aiohttp
from servers import Server, copilot, model_server, passthrough

TEXT = re.compile(rb'"(?:content|delta)": ?"([^"]+)"')
STREAMS, RATE, LENGTH = 5, 60, 240
PACED = f"tokens-{LENGTH}-at-{RATE}"
BURST = "tokens-300"
ONE = "tokens-1"
TURNS = 40
"""One-token turns a round, for the time to the first byte and token."""
FURTHER = 4
T = TypeVar("T")
Body = dict[str, Any]


def to_model(model: str) -> Body:
    return {"model": model, "stream": True, "messages": [{"role": "user", "content": "Go on."}]}


def chat(_model: str) -> Body:
    return {"message": "Go on.", "conversationId": None}


def ag_ui(_model: str) -> Body:
    """As CopilotKit sends it."""
    said = {"id": uuid4().hex, "role": "user", "content": "Go on."}
    none: Body = {"state": {}, "tools": [], "context": [], "forwardedProps": {}}
    return {"threadId": uuid4().hex, "runId": uuid4().hex, "messages": [said], **none}


def ai_sdk(_model: str) -> Body:
    """As `useChat` sends it."""
    said = {"id": uuid4().hex, "role": "user", "parts": [{"type": "text", "text": "Go on."}]}
    return {"id": uuid4().hex, "messages": [said], "trigger": "submit-message"}


WIRES: dict[str, tuple[str, Callable[[str], Body], int]] = {
    "chat": ("/api/copilot/chat", chat, 0),
    "ag-ui": ("/v1/copilot", ag_ui, 0),
    "ai-sdk": ("/v1/ai-sdk", ai_sdk, 0),
    "events": ("/v1/copilot", ag_ui, FURTHER),
}
"""Path, body, and how many others read the run's domain events at the same time."""


@dataclass
class Target:
    """One column of the table: a server on one wire."""

    name: str
    server: Server
    path: str
    body: Callable[[str], Body]
    further: int = 0
    samples: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, value: float) -> None:
        self.samples.setdefault(name, []).append(value)

    def quantile(self, name: str, part: float = 0.5) -> float:
        return quantile(self.samples[name], part)


class Answer(NamedTuple):
    """What a reader saw: seconds to first byte and first token, and the delay of each token that bears a time."""

    first_byte: float
    first_token: float
    tokens: int
    size: int
    delays: list[float]


def quantile(values: Sequence[float], part: float) -> float:
    return statistics.median(values) if part == 0.5 else sorted(values)[int(len(values) * part)]


async def ask(http: aiohttp.ClientSession, target: Target, model: str) -> list[Answer]:
    """One turn: what each of its readers saw, the one that asked first."""
    headers = {"authorization": f"Bearer {target.server.key}", "x-copilot-model": model}
    body, begun = target.body(model), asyncio.Event()

    async def follow() -> Answer:
        await begun.wait()
        return await _read(http.get(f"{target.server.url}/v1/runs/{body['runId']}/events", headers=headers))

    asking = http.post(target.server.url + target.path, json=body, headers=headers)
    return list(await asyncio.gather(_read(asking, begun.set), *(follow() for _ in range(target.further))))


async def _read(asking: Any, begun: Callable[[], None] = lambda: None) -> Answer:
    started, times, blocks = time.perf_counter(), [], []
    async with asking as answer:
        answer.raise_for_status()
        async for block in answer.content.iter_any():
            times.append(time.time())
            blocks.append(block)
            if len(blocks) == 1:
                first_byte = first_token = time.perf_counter() - started
                begun()
    told, size, words, delays = b"", 0, 0, []
    for at, block in zip(times, blocks, strict=True):
        told, size = told + block, size + len(block)
        for text in TEXT.findall(told):
            if not words:
                first_token = first_byte + at - times[0]
            words += len(text.split())
            delays += [at - float(word) for word in text.split() if word != b"token"]
        told = told[told.rfind(b"\n\n") :]
    return Answer(first_byte, first_token, words, size, delays)


async def busy(target: Target, work: Awaitable[T]) -> tuple[float, T]:
    """CPU seconds that `work` costs, less what the server uses when nobody asks anything."""
    before, started = target.server.cpu(), time.perf_counter()
    results = await work
    used, lasted = target.server.cpu() - before, time.perf_counter() - started
    return max(used - target.quantile("idle") * lasted, 0.0), results


async def measure(http: aiohttp.ClientSession, target: Target, model: Target, seconds: float) -> None:
    """One round of one wire."""
    before = target.server.cpu()
    await asyncio.sleep(seconds / 2)
    target.note("idle", (target.server.cpu() - before) / (seconds / 2))

    for _ in range(TURNS):
        own, whole = (await ask(http, model, ONE))[0], (await ask(http, target, ONE))[-1]
        target.note("first byte", whole.first_byte * 1e3)
        if not target.further:  # whose readers come when the answer has begun
            target.note("first token", (whole.first_token - own.first_token) * 1e3)

    cost, turns = await busy(target, _in_a_row(http, target, ONE, seconds))
    target.note("turn", cost / len(turns) * 1e3)

    cost, turns = await busy(target, asyncio.gather(*(ask(http, target, PACED) for _ in range(STREAMS))))
    answers = [turn[-1] for turn in turns]
    tokens = sum(answer.tokens for answer in answers)
    assert tokens == STREAMS * LENGTH, f"{target.name} lost {STREAMS * LENGTH - tokens} tokens"
    target.note("token", cost / tokens * 1e6)
    target.note("further", (cost - STREAMS * target.samples["turn"][-1] / 1e3) / tokens * 1e6)
    target.note("bytes", sum(answer.size for answer in answers) / tokens)
    delays = sorted(delay * 1e3 for answer in answers for delay in answer.delays)
    target.note("delay p50", quantile(delays, 0.5))
    target.note("delay p99", quantile(delays, 0.99))

    cost, workers = await busy(target, asyncio.gather(*(_in_a_row(http, target, BURST, seconds) for _ in range(4))))
    answers = [turn[-1] for turns in workers for turn in turns]
    target.note("saturated", cost / sum(answer.tokens for answer in answers) * 1e6)


async def _in_a_row(http: aiohttp.ClientSession, target: Target, model: str, seconds: float) -> list[list[Answer]]:
    turns, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        turns.append(await ask(http, target, model))
    return turns


async def compare(targets: list[Target], model: Target, rounds: int, seconds: float) -> None:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        for target in targets:
            for name in (ONE, BURST, PACED):
                await ask(http, target, name)
        for number in range(rounds):
            for target in targets if number % 2 == 0 else reversed(targets):
                await measure(http, target, model, seconds)
    _keep_what_readers_add(targets)


def _keep_what_readers_add(targets: list[Target]) -> None:
    """Of a run with further readers, what one of them costs more than the same run without, round by round."""
    by_path = {target.path: target for target in targets if not target.further}
    for target in (target for target in targets if target.further):
        for name in ("turn", "token", "further", "saturated"):
            pairs = zip(target.samples[name], by_path[target.path].samples[name], strict=True)
            target.samples[name] = [(with_them - without) / target.further for with_them, without in pairs]


ROWS = {
    "bytes a token": ("bytes", 0.5, ".0f"),
    "CPU ms per 1,000 tokens": ("token", 0.5, ".0f"),
    "same, without the turns' own cost": ("further", 0.5, ".0f"),
    "same, 300-token answers at full speed": ("saturated", 0.5, ".1f"),
    "CPU ms a turn": ("turn", 0.5, ".1f"),
    "first byte, ms, p50": ("first byte", 0.5, ".1f"),
    "first byte, ms, p99": ("first byte", 0.99, ".1f"),
    "first token, ms over the model's own, p50": ("first token", 0.5, ".1f"),
    "first token, ms over the model's own, p99": ("first token", 0.99, ".1f"),
    "delay of a token, ms, p50": ("delay p50", 0.5, ".2f"),
    "delay of a token, ms, p99": ("delay p99", 0.5, ".1f"),
}
RATIOS = ("token", "further", "saturated", "bytes")


def table(targets: list[Target]) -> str:
    """Over all rounds, in Markdown; in brackets how many times the first column."""
    rows = [["", *(target.name for target in targets)], ["---"] * (len(targets) + 1)]
    rows += [[title, *(_cell(target, targets[0], *row) for target in targets)] for title, row in ROWS.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(target: Target, base: Target, name: str, part: float, style: str) -> str:
    if name not in target.samples:
        return ""
    value = format(target.quantile(name, part), style)
    if target is base or name not in RATIOS:
        return value
    return f"{value} ({target.quantile(name, part) / base.quantile(name, part):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="copilot-core", help="our command line")
    parser.add_argument("--wires", default=",".join(WIRES), help="which of them (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each closed-loop phase")
    parser.add_argument("--json", type=Path, help="write all samples here")
    given = parser.parse_args()
    with ExitStack() as stack:
        model = stack.enter_context(model_server())
        server = stack.enter_context(copilot(model, given.server, (ONE, BURST, PACED)))
        targets = [Target("passthrough", stack.enter_context(passthrough(model)), "/", to_model)]
        targets += [Target(name, server, *WIRES[name]) for name in given.wires.split(",")]
        own = Target("model", model, "/chat/completions", to_model)
        asyncio.run(compare(targets, own, given.rounds, given.seconds))
        print(table(targets))
        if given.json:
            given.json.write_text(json.dumps({target.name: target.samples for target in targets}, indent=1))


if __name__ == "__main__":
    main()
