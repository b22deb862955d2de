"""The outside world: clients from npm, as they are published, and Chromium with the pages that use them.

Tests with a page run in the session's loop, where the browser lives:

    pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="session")]
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from copilot_core import Action, ActionError, Emit, Injected, Role, action, hookimpl
from copilot_core.chat_models import ChatModels
from copilot_core.server import Deployment
from copilot_core.settings import Settings
from copilot_core.testing import opened, served
from copilot_core.testing.openai_server import ScriptedOpenAI
from copilot_core.testing.pytest_plugin import require
from copilot_core.toolcall import SharedState

expect.set_options(timeout=20_000)  # a busy machine is no failure
Verify = Callable[[Mapping[str, Any]], dict[str, dict[str, Any]]]
Drive = Callable[..., Awaitable[dict[str, Any]]]
Visit = Callable[..., Awaitable[Page]]
OpenSite = Callable[..., Awaitable["Site"]]

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules" / ".package-lock.json"
DIST = HERE / "dist"
QUIET = ["disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync"]


@action
async def list_records(kind: str = "task") -> dict[str, Any]:
    """List records."""
    return {"success": True, "data": [{"kind": kind, "title": "Größe prüfen"}]}


@action(writes=True, render="RecordCard")
async def create_record(title: str, emit: Injected[Emit], shared: Injected[SharedState]) -> dict[str, Any]:
    """Create a record."""
    if title == "refuse":
        raise ActionError("Records cannot be called that.", code="conflict")
    if title == "crash":
        raise RuntimeError("secret detail of the implementation")
    emit("progress", {"done": 1, "of": 1})
    shared.set("last", title)
    return {"success": True, "recordId": "r1", "data": {"name": title}, "message": f"Created {title}."}


@action(destructive=True, irreversible=True)
async def delete_records(kind: str) -> dict[str, Any]:
    """Delete all records of a kind."""
    return {"success": True, "message": f"Deleted every {kind}."}


class Actions:
    """A plugin with an action of each sort."""

    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [list_records, create_record, delete_records]


@dataclass(frozen=True, slots=True)
class Site:
    """A real server with the actions above, an administrator's key, and the model that it asks."""

    url: str
    key: str
    model: ScriptedOpenAI
    ready: Deployment

    @property
    def copilot(self) -> str:
        """The `runtimeUrl` of a page."""
        return f"{self.url}/v1/copilot"

    async def key_of(self, user: str, role: Role = Role.MEMBER) -> str:
        return await self.ready.keys.create(workspace="acme", user=user, role=role)

    def client(self, key: str | None = None) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=30)

    def prompt(self, request: int = -1) -> str:
        """The system message of a request that the model got."""
        return str(self.model.requests[request].body["messages"][0]["content"])

    def heard(self, request: int = -1) -> list[tuple[str, Any]]:
        """Role and content of the messages of a request, without the system's."""
        return [
            (message["role"], message.get("content")) for message in self.model.requests[request].body["messages"][1:]
        ]


@contextlib.asynccontextmanager
async def open_site(script: Sequence[Any], *, origins: Sequence[str] = (), **settings: Any) -> AsyncIterator[Site]:
    """A server whose model follows `script`, which must be used up; pages of `origins` may ask it."""
    async with ScriptedOpenAI(script) as model:
        given = {"openai_base_url": model.base_url, "openai_api_key": "x", "cors_origins": origins, **settings}
        models = ChatModels("openai:scripted", settings=Settings(**given, _env_file=None))
        async with opened(Actions(), models=models, settings=given) as ready, served(ready) as url:
            key = await ready.keys.create(workspace="acme", user="dana", role=Role.ADMIN)
            yield Site(url, key, model, ready)


@pytest_asyncio.fixture(loop_scope="session")
async def site(request: pytest.FixtureRequest) -> AsyncIterator[OpenSite]:
    """Opens servers: ``at = await site([Say("Hello.")])``; they end after the pages of the test."""
    origins = (request.getfixturevalue("web_pages"),) if "visit" in request.fixturenames else ()
    failed = request.session.testsfailed
    with contextlib.suppress(_Failed):
        async with contextlib.AsyncExitStack() as stack:

            async def open_one(script: Sequence[Any], **settings: Any) -> Site:
                return await stack.enter_async_context(open_site(script, origins=origins, **settings))

            yield open_one
            if request.session.testsfailed > failed:
                raise _Failed


class _Failed(Exception):  # noqa: N818 - no error of its own
    """The test has failed already; that its script was not used up says nothing more."""


@pytest.fixture(scope="session")
def web_packages() -> Path:
    """The installed npm packages; installs them where they are missing or older than the lock file."""
    require(_node() >= 20 and shutil.which("npm"), "Node.js 20 with npm is not installed")
    with _alone():
        if _older(PACKAGES, [HERE / "package-lock.json"]):
            _npm("ci")
    return PACKAGES.parent


@pytest.fixture(scope="session")
def web_dist(web_packages: Path) -> Path:
    """The folder of the built pages `v1.html`, `v2.html` and `old.html`; builds them where they are out of date."""
    sources = [*HERE.glob("*.html"), *HERE.glob("src/*"), HERE / "vite.config.js", web_packages / ".package-lock.json"]
    with _alone():
        if _older(DIST / "v1.html", sources):
            _npm("run", "build")
    return DIST


@pytest.fixture(scope="session")
def verify(web_packages: Path) -> Verify:
    """What two versions of the AG-UI client make of response bodies: ``verify({name: body})[name]["1.0.0"]["ok"]``.

    Instead of a text, a body may be a mapping with `body` and what the client held before: see `verify.mjs`.
    """

    def run(bodies: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        given = [{"name": name, **({"body": body} if isinstance(body, str) else body)} for name, body in bodies.items()]
        done = subprocess.run(
            ["node", "verify.mjs"], input=json.dumps(given), cwd=HERE, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return run


@pytest.fixture(scope="session")
def ai_sdk(web_packages: Path) -> Drive:
    """The chat class of the AI SDK: ``await ai_sdk(url, "Hello", key=key)``; see `ai_sdk.mjs` for more arguments.

    What it returns has `error`: why the client refused the stream or the answer, or None.
    """

    async def drive(base: str, *turns: Any, **more: Any) -> dict[str, Any]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "node", "ai_sdk.mjs", cwd=HERE, stdin=pipe, stdout=pipe, stderr=pipe
        )
        given = json.dumps({"base": base, "turns": turns, **more}).encode()
        told, problem = await asyncio.wait_for(process.communicate(given), 60)
        assert told, problem.decode()
        return {**json.loads(told), "error": problem.decode().strip() if process.returncode else None}

    return drive


@pytest.fixture(scope="session")
def web_pages(web_dist: Path) -> Iterator[str]:
    """The URL of a server of the built pages: another origin than the copilot server's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(web_dist))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    require(chromium, "Chromium is not installed")
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", *(f"--{name}" for name in QUIET)]
        browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, web_pages: str, site: OpenSite) -> AsyncIterator[Visit]:
    """Opens a page: ``await visit("v1", f"{url}/v1/copilot", "action", "hitl", key=key, threadId=...)``.

    The names after the runtime's URL are features, the keywords further settings of `src/page.jsx`. What goes
    to another host than this one is refused; an uncaught error of a page fails the test, unless it is `forgiven`.
    """
    problems: list[str] = []
    async with contextlib.AsyncExitStack() as stack:

        async def opened(name: str, runtime_url: str, *features: str, forgiven: str = "", **settings: Any) -> Page:
            context = await browser.new_context(viewport={"width": 1280, "height": 800})
            stack.push_async_callback(context.close)
            context.set_default_timeout(30_000)
            await context.route(lambda url: urlsplit(url).hostname != "127.0.0.1", _refused)
            page = await context.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)) if str(error) != forgiven else None)
            values = {"runtimeUrl": runtime_url, "features": ",".join(features), **settings}
            texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
            await page.goto(f"{web_pages}/{name}.html?{urlencode(texts)}")
            return page

        yield opened
    assert problems == []


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_words: Any) -> None:
        pass


async def _refused(route: Route) -> None:
    await route.abort()


def _node() -> int:
    node = shutil.which("node")
    return int(subprocess.check_output([node, "-p", "parseInt(process.versions.node)"])) if node else 0


def _npm(*arguments: str) -> None:
    done = subprocess.run(["npm", *arguments], cwd=HERE, capture_output=True, text=True, env={**os.environ, "CI": "1"})
    if done.returncode:
        pytest.fail(f"npm {' '.join(arguments)}:\n{done.stdout}{done.stderr}")


def _older(made: Path, sources: list[Path]) -> bool:
    return not made.exists() or made.stat().st_mtime < max(source.stat().st_mtime for source in sources)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Only one test process at a time installs and builds."""
    import fcntl

    with (HERE / "package.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
