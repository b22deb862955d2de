"""The processes that the benchmarks measure: model, bare pass-through, and our server on a database of its own."""

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Server:
    """A process that answers."""

    url: str
    process: subprocess.Popen[bytes]
    key: str = ""

    def cpu(self) -> float:
        """Seconds of CPU that the process and its children have used."""
        return sum(_cpu(pid) for pid in _tree(self.process.pid))

    def memory(self) -> int:
        """KiB that the process and its children have in memory."""
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * KIB for pid in _tree(self.process.pid))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def model_server() -> Iterator[Server]:
    """The model; its URL is what OpenAI's SDK calls the base URL."""
    port = _free_port()
    with _running([sys.executable, str(HERE / "model_server.py"), str(port)], port) as process:
        yield Server(f"http://127.0.0.1:{port}/v1", process)


@contextmanager
def passthrough(model: Server) -> Iterator[Server]:
    """The yardstick."""
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "--port", str(port)]
    command += ["--log-level", "warning", "--no-access-log", "passthrough:app"]
    with _running(command, port, MODEL_URL=model.url) as process:
        yield Server(f"http://127.0.0.1:{port}", process)


@contextmanager
def copilot(model: Server, command: str, models: Sequence[str], **settings: str) -> Iterator[Server]:
    """Our server as it is shipped, on a new SQLite file, with a member's key."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "benchmark",
            "COPILOT_MODEL": f"openai:{models[0]}",
            "COPILOT_MODELS": ",".join(f"openai:{name}" for name in models[1:]),
            "COPILOT_DATABASE_URL": f"sqlite:///{folder}/copilot.db",
            "COPILOT_PORT": str(port),
            "COPILOT_LOG_LEVEL": "WARNING",
            **settings,
        }
        key = _new_key(command, environment)
        with _running([*shlex.split(command), "serve"], port, **environment) as process:
            yield Server(f"http://127.0.0.1:{port}", process, key)


def _new_key(command: str, environment: dict[str, str]) -> str:
    create = "keys create --workspace bench --user bench --role member --json"
    made = subprocess.run(
        [*shlex.split(command), *create.split()],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
    )
    return str(json.loads(made.stdout)["key"])


@contextmanager
def _running(command: list[str], port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
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
        return int(server.getsockname()[1])
