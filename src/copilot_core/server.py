"""Composition: settings -> database, plugins, engine, graph -> an ASGI application."""

import asyncio
import gc
import html
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from copilot_core import __version__
from copilot_core.chat_models import ChatModels
from copilot_core.clock import Clock, SystemClock
from copilot_core.copilot import Copilot
from copilot_core.defaults import Defaults
from copilot_core.engine import Engine
from copilot_core.errors import SetupError
from copilot_core.fastapi import add_error_handlers, add_metrics, authenticate, router
from copilot_core.graph import build
from copilot_core.identity import ApiKeys, Jwts
from copilot_core.plans import PLANS, Prices
from copilot_core.plugins import Plugin, Registry, collect, discover
from copilot_core.settings import Settings
from copilot_core.store.approvals import Approvals
from copilot_core.store.checkpoints import open_checkpointer
from copilot_core.store.credits import Credits
from copilot_core.store.database import Database
from copilot_core.store.ledger import Ledger
from copilot_core.store.log import EventLog
from copilot_core.store.migrate import upgrade
from copilot_core.store.notifications import StoredNotifications
from copilot_core.store.rates import Rates
from copilot_core.store.receipts import Receipts
from copilot_core.store.results import Results
from copilot_core.store.runs import Runs
from copilot_core.store.subscriptions import Subscriptions
from copilot_core.store.threads import Threads
from copilot_core.store.workspaces import Workspaces

log = logging.getLogger("copilot_core")
PLAYGROUND = Path(__file__).parent / "playground"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything one process runs with."""

    settings: Settings
    database: Database
    keys: ApiKeys
    registry: Registry
    copilot: Copilot


@asynccontextmanager
async def deployment(
    settings: Settings,
    *,
    plugins: Iterable[Plugin] | None = None,
    models: ChatModels | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Deployment]:
    """Open the database, bring it up to date, load the plugins, build the graph; close all of it at the end.

    Args:
        plugins: those to load in place of the installed ones.
        models: in place of those that the settings name.

    Raises:
        SetupError: something is configured or installed wrongly; nothing is left open.
    """
    clock, models = clock or SystemClock(), models or ChatModels.of(settings)
    _check_plan_models(settings, models.allowed)
    database = Database(settings.database_url)
    keys, workspaces = ApiKeys(database, clock), Workspaces(database, clock)
    results = Results(database, settings.result_chars)
    try:
        registry = registry_of(settings, database, keys, plugins, workspaces=workspaces)
        await upgrade(database, registry.migrations)
        models.get(None)  # imported now, not while the first user waits
        async with open_checkpointer(database) as checkpointer:
            approvals = Approvals(database, clock)
            receipts = Receipts(database, clock)
            credits = credits_of(settings, database, clock, workspaces)
            engine = Engine(
                registry,
                models,
                clock,
                Ledger(database, clock),
                approvals,
                receipts,
                results,
                credits,
                budget=settings.budget,
                history_tokens=settings.history_tokens,
                prompt_actions=settings.prompt_actions,
                run_tokens=settings.run_tokens,
                limits={"rounds": settings.max_rounds, "rowsWithoutConfirmation": settings.confirm_rows},
            )
            events = EventLog(database)
            threads, runs = Threads(database, clock), Runs(database, clock, events, approvals, credits)
            graph = build(engine, checkpointer)
            kept = None if settings.retention_days is None else timedelta(days=settings.retention_days)
            copilot = Copilot(
                engine,
                graph,
                threads,
                runs,
                events,
                StoredNotifications(database),
                workspaces,
                keys,
                max_rounds=settings.max_rounds,
                run_seconds=settings.run_seconds,
                client_actions=settings.client_actions,
                retention=kept,
            )
            async with copilot:
                yield Deployment(settings, database, keys, registry, copilot)
        await registry.services.close()
    finally:
        await models.close()
        await database.close()


def _check_plan_models(settings: Settings, models: Collection[str]) -> None:
    for plan, named in settings.plan_models.items():
        if plan not in PLANS or not set(models).intersection(named):
            raise SetupError(f"COPILOT_PLAN_MODELS: '{plan}' is no plan, or names none of {', '.join(models)}")


def credits_of(settings: Settings, database: Database, clock: Clock, workspaces: Workspaces) -> Credits:
    """The accounts, as the settings say."""
    return Credits(
        database,
        clock,
        Subscriptions(database, clock, settings.plan),
        workspaces,
        prices=Prices(settings.model_factors),
        most=settings.run_credits,
        plan_models=settings.plan_models,
    )


def registry_of(
    settings: Settings,
    database: Database,
    keys: ApiKeys,
    plugins: Iterable[Plugin] | None = None,
    *,
    workspaces: Workspaces | None = None,
) -> Registry:
    """What the installed plugins and our defaults contribute, as the settings say."""
    found, broken = (
        (plugins, [])
        if plugins is not None
        else discover(disabled=settings.disable_plugins, skip_broken=settings.skip_broken)
    )
    defaults = Defaults(
        database,
        workspaces or Workspaces(database, SystemClock()),
        Results(database, settings.result_chars),
        confirm_rows=settings.confirm_rows,
        confirm_untrusted=settings.confirm_untrusted,
        authenticators=[keys.authenticate, Jwts(settings).authenticate],
    )
    registry = collect(
        [Plugin("defaults", defaults, version=__version__), *found],
        trace=settings.trace_plugins,
        skip_broken=settings.skip_broken,
    )
    for told in (*broken, *registry.broken):
        log.error("left out: %s", told)
    return registry


def application(opened: Deployment, *, demo_keys: Mapping[str, str] | None = None, page: Path | None = None) -> FastAPI:
    """The ASGI application of an open deployment.

    Args:
        page: a folder of static files to serve under `/app/`, such as the built `app/web`.
        demo_keys: role -> key, put into the playground page so that it works at once. For `demo` only,
            which answers on the loopback address and to that name alone.
    """
    settings, metrics = opened.settings, opened.copilot.metrics
    app = FastAPI(title="copilot_core", version=__version__)
    rates = {"key": settings.rate_key, "workspace": settings.rate_workspace}
    count = Rates(opened.database, opened.copilot.engine.clock, **rates).count
    principal = authenticate(opened.registry.authenticators, count)
    app.include_router(router(opened.copilot, principal, max_body_bytes=settings.max_body_bytes))
    _add_health(app, opened.database)
    add_error_handlers(app, metrics.refused)
    add_metrics(app, metrics)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=["Retry-After", "WWW-Authenticate"],
        )

    if demo_keys:  # no other site may reach the keys by pointing its name here
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

        @app.get("/demo.json", include_in_schema=False)
        async def demo() -> dict[str, Any]:
            return {"keys": dict(demo_keys)}

    if page is not None:
        app.mount("/app", StaticFiles(directory=page, html=True))

    @app.get("/modules/{slug}", include_in_schema=False)
    @app.get("/modules/{slug}/records/{record_id}", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def playground() -> Response:
        page = (PLAYGROUND / "index.html").read_text("utf-8")
        page = page.replace("{{model}}", html.escape(opened.copilot.engine.models.default))
        return HTMLResponse(page.replace("{{keys}}", json.dumps(dict(demo_keys or {}))))

    return app


def _add_health(app: FastAPI, database: Database) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> dict[str, str]:
        return {"status": "up"}

    @app.get("/readyz", tags=["health"])
    async def readyz() -> dict[str, str]:
        await database.ping()
        return {"status": "ready"}


def freeze_heap() -> None:
    """Take what start-up made out of the collector's sight: it is what made the slowest tokens slow."""
    gc.collect()
    gc.freeze()


class Server(uvicorn.Server):
    """Uvicorn, which also says when it answers and lets runs end before it stops.

    Args:
        ready: called when it answers, with the port.
        drain: awaited when it stops; ends the streams of what is not done in time.
    """

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[int], None], drain: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._drain = drain

    async def startup(self, sockets: Any = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            self._ready(self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop listening; the open streams end because their runs do, or are left for the next start."""
        draining = asyncio.ensure_future(self._drain())
        await super().shutdown(sockets)
        await draining
