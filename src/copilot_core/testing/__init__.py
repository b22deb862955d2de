"""For plugin authors: a whole turn in three lines, with a model that follows a script.

    events = await run(my_plugin, script=[call("createTask", title="Call Ada"), "Done."])

The database, the graph, the policies and the events are the real ones; only the model is scripted.
An action by itself needs nothing from here: call it like the function it is.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn

from copilot_core.chat_models import ChatModels
from copilot_core.clock import Clock
from copilot_core.events import Event
from copilot_core.plugins import Plugin
from copilot_core.principal import Principal
from copilot_core.run import Message, Readable, RunInput
from copilot_core.server import Deployment, Server, application, deployment
from copilot_core.settings import Settings
from copilot_core.testing.model import ScriptedModel, Step, UnexpectedModelCall, UnusedSteps, call, only

__all__ = ["ScriptedModel", "Step", "UnexpectedModelCall", "UnusedSteps", "call", "opened", "run", "served"]

TESTER = Principal("tester", "test")


@asynccontextmanager
async def served(
    ready: Deployment, *, demo_keys: Mapping[str, str] | None = None, page: Path | None = None
) -> AsyncIterator[str]:
    """The deployment over real HTTP on a free loopback port; its URL. `demo_keys` are given to the page.

    Args:
        page: a folder that is served under `/app/`.
    """
    app = application(ready, demo_keys=demo_keys, page=page)
    quiet: dict[str, Any] = {"log_config": None, "lifespan": "off", "ws": "none"}
    config = uvicorn.Config(app, host="127.0.0.1", port=0, timeout_graceful_shutdown=5, **quiet)
    port = asyncio.get_running_loop().create_future()
    server = Server(config, port.set_result, lambda: asyncio.sleep(0))
    listening = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{await port}"
    finally:
        server.should_exit = True
        await listening


@asynccontextmanager
async def opened(
    *plugins: object,
    script: Sequence[Step] = (),
    clock: Clock | None = None,
    database_url: str | None = None,
    models: ChatModels | None = None,
    settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[Deployment]:
    """A server without HTTP that has just these plugins and a scripted model.

    Args:
        database_url: where to keep everything; a new SQLite file in a temporary folder if left out.
        models: others than the scripted one.
        settings: by name, such as ``cors_origins``; the environment's and the defaults where left out.

    Raises:
        UnusedSteps: at the end, when the script was not used up.
    """
    model = ScriptedModel(script=list(script))
    named = [Plugin(getattr(plugin, "__name__", f"plugin{i}"), plugin, "test") for i, plugin in enumerate(plugins)]
    with tempfile.TemporaryDirectory(prefix="copilot-test-", ignore_cleanup_errors=True) as folder:
        url = database_url or f"sqlite:///{Path(folder) / 'test.db'}"
        chosen = Settings(**{"database_url": url, **(settings or {})}, _env_file=None)
        async with deployment(chosen, plugins=named, models=models or only(model), clock=clock) as ready:
            yield ready
    model.finish()


async def run(
    *plugins: object,
    script: Sequence[Step],
    message: str = "Please do it.",
    principal: Principal = TESTER,
    clock: Clock | None = None,
    readables: Iterable[Readable] = (),
) -> list[Event]:
    """All events of one turn, in order, from `RunStarted` to the terminal one.

    Raises:
        UnusedSteps: the turn ended before the script did. A model call beyond the script's end
            shows as a run that failed.
    """
    async with opened(*plugins, script=script, clock=clock) as ready:
        given = RunInput([Message("user", message)], readables=tuple(readables))
        return await (await ready.copilot.start(given, principal)).all()
