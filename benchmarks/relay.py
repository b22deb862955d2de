"""What a relayed token costs: our server beside a bare pass-through, in one interleaved run.

    python benchmarks/relay.py                       # both, with the `copilot-core` on the path
    python benchmarks/relay.py --only passthrough
    python benchmarks/relay.py --server ".venv/bin/copilot-core" --rounds 5 --json result.json

Both servers relay the same model server (model_server.py). Times are CPU of the measured server's
process tree from /proc, so this runs on Linux; compare the rows of one run, never of two.
"""

import argparse
import asyncio
import json
import os
import re
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
CONTENT = re.compile(rb'"content": ?"([^"]*)"')

STREAMS, RATE, LENGTH = 5, 60, 240
PACED = f"tokens-{LENGTH}-at-{RATE}"
BURST = "tokens-300"
ONE = "tokens-1"


@dataclass
class Server:
    """One server under measurement."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    key: str = ""
    samples: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, value: float) -> None:
        self.samples.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        return statistics.median(self.samples[name])

    def cpu(self) -> float:
        """Seconds of CPU that the process and its children have used."""
        return sum(_cpu(pid) for pid in _tree(self.process.pid))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def turn(http: aiohttp.ClientSession, server: Server, model: str) -> tuple[float, list[bytes], list[float]]:
    """Ask once: seconds to the first token, all texts, and the delay of each where they bear a time."""
    headers = {"authorization": f"Bearer {server.key}", "x-copilot-model": model}
    body = {"model": model, "message": "Go on.", "conversationId": None}
    started, first, texts, delays = time.perf_counter(), 0.0, [], []
    async with http.post(server.url, json=body, headers=headers) as answer:
        answer.raise_for_status()
        async for block in answer.content.iter_any():
            now = time.time()
            for text in CONTENT.findall(block):
                if text:
                    first = first or time.perf_counter() - started
                    texts += text.split()
                    delays += [now - float(word) for word in text.split() if word != b"token"]
    return first, texts, delays


async def busy(server: Server, work: Callable[[], "asyncio.Future[list[object]]"]) -> tuple[float, list[object]]:
    """CPU seconds that `work` cost, less what the server uses when nobody asks anything."""
    before, started = server.cpu(), time.perf_counter()
    results = await work()
    used, lasted = server.cpu() - before, time.perf_counter() - started
    return max(used - server.median("idle") * lasted, 0.0), results


async def measure(http: aiohttp.ClientSession, server: Server, model: Server, seconds: float) -> None:
    """One round of one server."""
    before = server.cpu()
    await asyncio.sleep(seconds / 2)
    server.note("idle", (server.cpu() - before) / (seconds / 2))

    for _ in range(20):
        own, _, _ = await turn(http, model, ONE)
        whole, _, _ = await turn(http, server, ONE)
        server.note("first", (whole - own) * 1e3)

    cost, turns = await busy(server, lambda: _in_a_row(http, server, ONE, seconds))
    server.note("turn", cost / len(turns) * 1e3)

    cost, turns = await busy(server, lambda: asyncio.gather(*(turn(http, server, PACED) for _ in range(STREAMS))))
    tokens = sum(len(texts) for _, texts, _ in turns)
    assert tokens == STREAMS * LENGTH, f"{server.name} lost {STREAMS * LENGTH - tokens} tokens"
    server.note("token", cost / tokens * 1e6)
    server.note("further", (cost - STREAMS * server.samples["turn"][-1] / 1e3) / tokens * 1e6)
    delays = sorted(delay for _, _, delays in turns for delay in delays)
    server.note("p50", delays[len(delays) // 2] * 1e3)
    server.note("p99", delays[len(delays) * 99 // 100] * 1e3)

    cost, workers = await busy(
        server, lambda: asyncio.gather(*(_in_a_row(http, server, BURST, seconds) for _ in range(4)))
    )
    server.note("saturated", sum(len(texts) for turns in workers for _, texts, _ in turns) / cost)


async def _in_a_row(http: aiohttp.ClientSession, server: Server, model: str, seconds: float) -> list[object]:
    turns, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        turns.append(await turn(http, server, model))
    return turns


@contextmanager
def running(command: list[str], port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL) as process:
        try:
            _await_port(process, port)
            yield process
        finally:
            process.terminate()


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"the server ended with code {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def model_server() -> Iterator[Server]:
    port = _free_port()
    with running([sys.executable, str(HERE / "model_server.py"), str(port)], port) as process:
        yield Server("model", f"http://127.0.0.1:{port}/v1/chat/completions", process)


@contextmanager
def passthrough(model: Server) -> Iterator[Server]:
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "--port", str(port)]
    command += ["--log-level", "warning", "--no-access-log", "passthrough:app"]
    with running(command, port, MODEL_URL=model.url.removesuffix("/chat/completions")) as process:
        yield Server("passthrough", f"http://127.0.0.1:{port}/", process)


@contextmanager
def copilot(model: Server, command: str) -> Iterator[Server]:
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "OPENAI_BASE_URL": model.url.removesuffix("/chat/completions"),
            "OPENAI_API_KEY": "benchmark",
            "COPILOT_MODEL": f"openai:{ONE}",
            "COPILOT_MODELS": ",".join(f"openai:{name}" for name in (BURST, PACED)),
            "COPILOT_DATABASE_URL": f"sqlite:///{folder}/copilot.db",
            "COPILOT_PORT": str(port),
            "COPILOT_LOG_LEVEL": "WARNING",
        }
        key = _new_key(command, environment)
        with running([*shlex.split(command), "serve"], port, **environment) as process:
            yield Server("copilot-core", f"http://127.0.0.1:{port}/api/copilot/chat", process, key)


def _new_key(command: str, environment: dict[str, str]) -> str:
    create = "keys create --workspace bench --user bench --role member --json"
    made = subprocess.run(
        [*shlex.split(command), *create.split()],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(made.stdout)["key"]


async def compare(servers: list[Server], model: Server, rounds: int, seconds: float) -> None:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        for server in servers:
            for name in (ONE, BURST, PACED):
                await turn(http, server, name)
        for number in range(rounds):
            for server in servers if number % 2 == 0 else reversed(servers):
                await measure(http, server, model, seconds)


COLUMNS = {
    "first": ("first token, ms over the model", ".2f"),
    "turn": ("CPU ms a turn", ".2f"),
    "token": ("CPU ms per 1,000 tokens", ".0f"),
    "further": ("same without the turns' own cost", ".0f"),
    "p50": ("delay p50 ms", ".2f"),
    "p99": ("delay p99 ms", ".2f"),
    "saturated": ("tokens per CPU second", ",.0f"),
}


def table(servers: list[Server]) -> str:
    """Medians of all rounds, in Markdown; the last columns are ratios to the first row."""
    base = servers[0]
    titles = [title for title, _ in COLUMNS.values()]
    rows = [["server", *titles, "x CPU per token", "x without turns", "x saturated"]]
    for server in servers:
        values = [format(server.median(name), style) for name, (_, style) in COLUMNS.items()]
        ratios = [
            server.median("token") / base.median("token"),
            server.median("further") / base.median("further"),
            base.median("saturated") / server.median("saturated"),
        ]
        rows.append([server.name, *values, *(f"{ratio:.2f}" for ratio in ratios)])
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="copilot-core", help="our command line")
    parser.add_argument("--only", choices=["passthrough", "copilot-core"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each closed-loop phase")
    parser.add_argument("--json", type=Path, help="write all samples here")
    given = parser.parse_args()
    with ExitStack() as stack:
        model = stack.enter_context(model_server())
        servers = []
        if given.only != "copilot-core":
            servers.append(stack.enter_context(passthrough(model)))
        if given.only != "passthrough":
            servers.append(stack.enter_context(copilot(model, given.server)))
        asyncio.run(compare(servers, model, given.rounds, given.seconds))
        print(table(servers))
        if given.json:
            given.json.write_text(json.dumps({server.name: server.samples for server in servers}, indent=1))


if __name__ == "__main__":
    main()
