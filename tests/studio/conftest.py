"""One development server for all tests of this folder, on a database that the app uses too."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from copilot_core import Principal, Role
from copilot_core.server import Deployment, deployment
from copilot_core.settings import Settings
from copilot_core.testing.openai_server import ScriptedOpenAI
from copilot_core.testing.pytest_plugin import require

MODES: Any = ["messages-tuple", "updates", "values", "tasks", "custom", "debug"]


@dataclass
class Studio:
    """The server, and the app on the same database.

    Args:
        script: what the model `openai:scripted` answers next; a test appends what it will use.
    """

    url: str
    log: Path
    folder: Path
    app: Deployment
    script: list[Any]
    closing: AsyncExitStack
    keys: dict[str, str] = field(default_factory=dict)

    def client(self, who: str | None, **headers: str) -> LangGraphClient:
        """A client with the key of `who`."""
        bearer = {"Authorization": f"Bearer {self.keys.get(who, who)}"} if who else {}
        client = get_client(url=self.url, headers={**bearer, **headers})
        self.closing.push_async_callback(client.aclose)
        return client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def studio(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    require(find_spec("langgraph_api"), 'LangGraph\'s server is not installed: "copilot-core[studio]"')
    folder = tmp_path_factory.mktemp("studio")
    script: list[Any] = []
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(ScriptedOpenAI(script))
        settings = Settings(_env_file=None, database_url=f"sqlite:///{folder / 'app.db'}")  # type: ignore[call-arg]
        app = await stack.enter_async_context(deployment(settings.model_copy(update={"model": "rule-planner"})))
        port = _port()
        opened = Studio(f"http://127.0.0.1:{port}", folder / "log", folder, app, script, stack)
        for name, workspace, role in (
            ("ada", "acme", Role.ADMIN), ("mia", "acme", Role.MEMBER), ("eve", "evil", Role.ADMIN),
        ):  # fmt: skip
            opened.keys[name] = await app.keys.create(workspace=workspace, user=name, role=role)
        foreign = ("COPILOT_", "OPENAI_", "LANG", "LOG_")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
            "COPILOT_MODEL": "rule-planner",
            "COPILOT_MODELS": "openai:scripted",
            "OPENAI_BASE_URL": model.base_url,
        }  # fmt: skip
        command = [sys.executable, "-m", "copilot_core.cli", "studio", "--port", str(port)]
        with opened.log.open("wb") as log:
            process = subprocess.Popen(  # noqa: ASYNC220 - started once
                [*command, "--database-url", "sqlite:///app.db"],
                cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            await _answers(opened, process)
            yield opened
        finally:
            process.terminate()
            process.wait(30)


async def _answers(studio: Studio, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 90
    async with httpx2.AsyncClient() as http:
        while True:
            try:
                if (await http.get(f"{studio.url}/ok")).status_code == 200:
                    return
            except httpx2.TransportError:
                assert process.poll() is None, studio.log.read_text()
                assert time.monotonic() < until, studio.log.read_text()
            time.sleep(0.2)  # noqa: ASYNC251 - nothing else is to run


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


MIA = Principal("mia", "acme", Role.MEMBER)
