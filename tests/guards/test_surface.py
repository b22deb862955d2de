"""What must not change by accident: public names, what an import costs, what is documented."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

import copilot_core
from copilot_core import errors, events, hookspecs, tables
from copilot_core.events import dumped, loaded
from copilot_core.fastapi import authenticate, router
from copilot_core.metrics import Metrics
from copilot_core.protocols import agui, ai_sdk, chat
from copilot_core.server import application
from copilot_core.settings import Settings
from copilot_core.testing import opened

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
KINDS = [kind.__name__ for kind in events.Event.__args__]  # type: ignore[attr-defined]


def test_the_public_names_are_these() -> None:
    assert copilot_core.__all__ == [
        "MODULES", "Action", "ActionError", "Allow", "Call", "Capabilities", "Change", "Changes", "Clock", "Confirm",
        "CopilotError",
        "Decision", "Deny", "Emit", "Generate", "Injected", "Invalid", "Job", "Listener", "Message", "Notification",
        "Notifications", "PageContext", "Policy", "Principal", "ProposedCall", "Protocol", "Readable", "Readables",
        "Receipt", "Render", "Role", "RunInput", "Services", "SetupError", "SharedState", "Unauthenticated",
        "UndoConflict", "action", "cut", "hookimpl", "module_slugs", "plain", "timezone_of",
    ]  # fmt: skip
    assert all(hasattr(copilot_core, name) for name in copilot_core.__all__)
    assert tables.__all__ == ["Database", "Instant", "instant"]


@pytest.mark.parametrize("package", ["copilot_core", "copilot_core.cli", "copilot_core.client", "copilot_core.plugins"])
def test_an_import_loads_no_engine_no_http_and_no_database(package: str) -> None:
    code = f"import sys, {package}; print(sorted({{m.split('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    heavy = {
        "langgraph",
        "langchain_core",
        "langchain_openai",
        "fastapi",
        "sqlmodel",
        "sqlalchemy",
        "openai",
        "aiohttp",
    }
    assert heavy & set(eval(loaded)) == set()


def examples() -> list[dict[str, Any]]:
    """Each event as docs/reference/events.md shows it."""
    [block] = re.findall(r"^```jsonl\n(.*?)^```", (REFERENCE / "events.md").read_text(), re.MULTILINE | re.DOTALL)
    return [json.loads(line) for line in block.splitlines()]


def test_the_six_events_are_six() -> None:
    frames = [chat.encode(loaded(example)) for example in examples()]
    told = {json.loads(frame.removeprefix(b"data: "))["type"] for frame in frames if frame}

    assert told == {"start", "tool_use", "token", "sources", "done", "error"}
    assert chat.encode(events.TextDelta("m", 'a "quoted" ☃')) == (
        b'data: {"type": "token", "content": "a \\"quoted\\" \\u2603"}\n\n'
    )


@pytest.mark.parametrize("hook", [name for name in vars(hookspecs) if name.startswith("copilot_")])
def test_every_hook_is_documented(hook: str) -> None:
    assert f"## {hook}\n" in (REFERENCE / "hooks.md").read_text()


def test_every_event_is_documented_as_json_that_can_be_read() -> None:
    assert sorted(example["type"] for example in examples()) == sorted(KINDS)
    assert [json.loads(json.dumps(dumped(loaded(example)))) for example in examples()] == examples()


@pytest.mark.parametrize("event", KINDS)
def test_every_event_is_documented_in_words_and_on_each_wire(event: str) -> None:
    meaning, wires = _rows(event)
    [example] = [loaded(example) for example in examples() if example["type"] == event]

    assert len(meaning) == 1
    assert len(wires) == 3
    for cell, encode in zip(wires, (chat.encode, agui.encode, ai_sdk.encode), strict=True):
        told, named = set(_types(encode, example)), set(re.findall(r"`(.*?)`", cell))
        named |= {f"data-{example.name}"} if isinstance(example, events.Custom) and "data-<name>" in cell else set()
        assert told <= named, f"{encode.__module__} says {told}"
        assert bool(told) == bool(cell)


def _rows(event: str) -> Iterator[list[str]]:
    """The cells beside an event's name, in each table that has it."""
    for line in (REFERENCE / "events.md").read_text().splitlines():
        if line.startswith(f"| `{event}` |"):
            yield [cell.strip() for cell in line.split("|")[2:-1]]


def _types(encode: Callable[[Any], bytes], event: events.Event) -> Iterator[str]:
    for frame in encode(event).decode().split("\n\n")[:-1]:
        told = frame.removeprefix("data: ")
        yield told if told == "[DONE]" else json.loads(told)["type"]


def _errors() -> list[type[errors.RequestError]]:
    return [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.RequestError)][1:]


@pytest.mark.parametrize("error", _errors())
def test_every_error_is_documented_with_code_and_status(error: type[errors.RequestError]) -> None:
    assert f"| `{error.code}` | {error.status} |" in (REFERENCE / "errors.md").read_text()


def test_every_metric_is_documented() -> None:
    families = list(Metrics((), int).registry.collect())
    names = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    told = re.findall(r"^\| `(copilot_\w+)` \|", (REFERENCE / "metrics.md").read_text(), re.MULTILINE)

    assert sorted(told) == sorted(name for name in names if name.startswith("copilot_"))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    variable = name.upper() if name.startswith("openai_") else f"COPILOT_{name.upper()}"
    assert f"| `{variable}` |" in (REFERENCE / "settings.md").read_text()


@pytest.mark.parametrize("name", [*copilot_core.__all__, *tables.__all__])
def test_every_public_name_is_in_the_docs(name: str) -> None:
    pages = (REFERENCE.parent).rglob("*.md")
    assert any(re.search(rf"\b{name}\b", page.read_text()) for page in pages)


async def test_every_route_is_documented_and_every_documented_route_is_there(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    async with opened() as ready:
        app = application(ready, demo_keys={"member": "ck"}, page=tmp_path / "page")
        routes = [*app.routes, *router(ready.copilot, authenticate([])).routes]
    served = [
        (method, route)
        for route in routes
        if isinstance(route, Route | APIRoute) and not route.path.endswith("/oauth2-redirect")
        for method in (route.methods or set()) - {"HEAD"}
    ]
    mounts = [route.path for route in routes if isinstance(route, Mount)]
    told = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/.*?)`", (REFERENCE / "http.md").read_text())

    def fits(route: Route | APIRoute, path: str) -> bool:
        return route.path_regex.fullmatch(path) is not None

    missing = [(m, r.path) for m, r in served if not any(m == method and fits(r, path) for method, path in told)]
    unknown = [
        (method, path)
        for method, path in told
        if not any(method == m and fits(r, path) for m, r in served) and not path.startswith(tuple(mounts))
    ]
    assert (missing, unknown) == ([], [])
