"""`studio`: LangGraph's development server on our graph and the app's database."""

import argparse
import json
import os
import signal
import socket
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
from dotenv import dotenv_values
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from copilot_core.chat_models import ChatModels
from copilot_core.cli.setup import settings
from copilot_core.errors import SetupError
from copilot_core.store.database import parse
from copilot_core.studio import CONFIG

HOST = "127.0.0.1"
QUIET = {
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGGRAPH_STRICT_MSGPACK": "true",
    "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
}
GREETING = """
  LangGraph Studio: https://smith.langchain.com/studio/?baseUrl={url}
  API:              {url}
  database:         {database}

  Each request needs the key of an admin, who then sees the threads of their workspace. Make one:

    copilot-core keys create --workspace W --user U --role admin

  and add it where Studio asks for the headers of its connection: Authorization: Bearer ck_...
"""


def studio(parsed: argparse.Namespace) -> None:
    """Serve on 127.0.0.1 until interrupted."""
    if find_spec("langgraph_api") is None or find_spec("langgraph_cli") is None:
        raise SetupError('LangGraph\'s server is not installed; it comes with: pip install "copilot-core[studio]"')
    chosen = settings(parsed)
    ChatModels.of(chosen)
    _free(parsed.port)
    for name, value in dotenv_values(".env").items():  # which the server would not find from its own directory
        os.environ.setdefault(name, value or "")
    os.environ.update(QUIET, COPILOT_DATABASE_URL=_absolute(chosen.database_url))
    if connected := os.environ.get("COPILOT_CONNECT"):
        os.environ["COPILOT_CONNECT"] = _absolute(connected)
    database = parse(chosen.database_url).render_as_string()
    print(GREETING.format(url=f"http://{HOST}:{parsed.port}", database=database), flush=True)
    _serve(parsed.port)


def _serve(port: int) -> None:
    """Run ``langgraph dev`` in a new directory: it writes where it stands, and keeps what it wrote."""
    command = ["dev", "--host", HOST, "--port", str(port), "--no-browser", "--no-reload"]
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="copilot-studio-", ignore_cleanup_errors=True) as folder:
        Path(folder, "langgraph.json").write_text(json.dumps(CONFIG), "utf-8")
        os.chdir(folder)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again when it has stopped
        try:
            import_module("langgraph_cli.cli").cli.main(command, standalone_mode=False)
        except click.Abort as stopped:
            raise KeyboardInterrupt from stopped
        except click.ClickException as error:
            raise SetupError(error.format_message()) from error
        finally:
            os.chdir(before)


def _free(port: int) -> None:
    """Raise where the port is taken: the development server would silently take another one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise SetupError(f"port {port} of {HOST} is taken; choose another with --port") from error


def _absolute(url: str) -> str:
    """`url` without a path that depends on the directory."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return url
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return url
    return parsed.set(database=str(Path(str(parsed.database)).absolute())).render_as_string(hide_password=False)
