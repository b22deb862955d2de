"""A throw-away PostgreSQL cluster for tests: real, on loopback, gone afterwards."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

_SEARCHED = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin")


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`, the newest if there are several; `None` where there is none."""
    found = [path for pattern in _SEARCHED for path in Path("/").glob(f"{pattern[1:]}/initdb")]
    on_path = shutil.which("initdb")
    return max(found).parent if found else Path(on_path).parent if on_path else None


@contextmanager
def cluster() -> Iterator[str]:
    """A running cluster; the URL of its superuser without a database name.

    PostgreSQL refuses to run as root, so root runs it as the user `postgres`.
    """
    folder = binaries()
    if folder is None:
        raise FileNotFoundError("PostgreSQL's initdb was not found")
    runner: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="copilot-pg-"))
    if runner:
        shutil.chown(home, "postgres", "postgres")
    initdb, pg_ctl = str(folder / "initdb"), str(folder / "pg_ctl")
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": home, **runner}
    subprocess.run([initdb, "-D", str(home / "data"), "-U", "test", "-A", "trust", "-N"], check=True, **quiet)
    port = _free_port()
    options = f"-h 127.0.0.1 -p {port} -k {home} -c fsync=off -c full_page_writes=off -c max_connections=300"
    control = [pg_ctl, "-D", str(home / "data"), "-w"]
    subprocess.run([*control, "-o", options, "-l", str(home / "log"), "start"], check=True, **quiet)
    try:
        yield f"postgresql://test@127.0.0.1:{port}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, **quiet)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def database(server: str) -> Iterator[str]:
    """An empty database of a cluster; its URL. Dropped at the end, whoever is still connected."""
    name = f"t{uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield f"{server}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
