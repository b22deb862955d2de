"""`serve` and `demo`: one process that answers."""

import argparse
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from copilot_core.cli.setup import configure_logging, settings
from copilot_core.principal import Principal, Role
from copilot_core.server import Deployment, Server, application, deployment, freeze_heap
from copilot_core.settings import RULE_PLANNER, Settings
from copilot_core.toolcall import Call, Emit

DEMO_WORKSPACE = "demo"
DEMO_USER, DEMO_NAME = "dana", "Dana Reyes"
PATIENCE = 8
"""Seconds that running answers get to end when the server is told to stop."""
GREETING = """
  copilot_core demo: {url}
  thinking with:     {model}

  keys of the workspace "{workspace}":
{keys}

  open {url} or paste:

  curl -N {url}/api/copilot/chat \\
    -H "Authorization: Bearer {member}" -H "Content-Type: application/json" \\
    -d '{{"message": "Create a task called Review Q4 Report", "conversationId": null}}'
"""


def serve(parsed: argparse.Namespace) -> None:
    """Serve with the installed plugins."""
    if parsed.connect:
        os.environ["COPILOT_CONNECT"] = parsed.connect
        os.environ["COPILOT_CONNECT_WRITABLE"] = "1" if parsed.writable else ""
    chosen = settings(parsed)
    configure_logging(chosen)
    uvloop.run(_serve(chosen, parsed.page))


async def _serve(chosen: Settings, page: Path | None) -> None:
    async with deployment(chosen) as opened:
        await _answer(opened, chosen, lambda _port: None, page=page)


def demo(parsed: argparse.Namespace) -> None:
    """Serve a workspace of sample data on 127.0.0.1, and print keys for each role."""
    chosen = settings(parsed).model_copy(update={"host": "127.0.0.1"})
    if not os.environ.get("COPILOT_LOG_LEVEL"):
        chosen = chosen.model_copy(update={"log_level": "WARNING"})
    configure_logging(chosen)
    uvloop.run(_demo(chosen, parsed.page, as_json=parsed.json))


async def _demo(chosen: Settings, page: Path | None, *, as_json: bool) -> None:
    async with deployment(chosen) as opened:
        keys = {
            role.value: await opened.keys.create(workspace=DEMO_WORKSPACE, user=DEMO_USER, role=role, name=DEMO_NAME)
            for role in Role
        }
        await fill(opened)

        def greet(port: int) -> None:
            told = {"url": f"http://{chosen.host}:{port}", "workspace": DEMO_WORKSPACE, "keys": keys}
            print(json.dumps(told) if as_json else _greeting(told, chosen.default_model), flush=True)

        await _answer(opened, chosen, greet, demo_keys=keys, page=page)


async def fill(opened: Deployment) -> None:
    """Have the plugins put their sample data into the demo workspace; they do nothing where there is some."""
    principal = Principal(DEMO_USER, DEMO_WORKSPACE, Role.ADMIN, DEMO_NAME)
    engine = opened.copilot.engine
    for filler in opened.registry.demo:
        async with engine.scope(principal, Call(writes=True), Emit(lambda _name, _value: None)) as scope:
            await scope.call(filler)


def _greeting(told: dict[str, Any], model: str) -> str:
    keys = "\n".join(f"    {role:12} {key}" for role, key in told["keys"].items())
    named = f"{model} (built-in, no language model; set OPENAI_API_KEY for one)" if model == RULE_PLANNER else model
    return GREETING.format(
        url=told["url"], model=named, workspace=told["workspace"], keys=keys, member=told["keys"]["member"]
    )


async def _answer(
    opened: Deployment,
    chosen: Settings,
    ready: Callable[[int], None],
    *,
    demo_keys: Mapping[str, str] | None = None,
    page: Path | None,
) -> None:
    config = uvicorn.Config(
        application(opened, demo_keys=demo_keys, page=page),
        host=chosen.host,
        port=chosen.port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=PATIENCE + 2,
    )
    server = Server(config, ready, lambda: opened.copilot.close(patience=PATIENCE))
    freeze_heap()
    await server.serve()
