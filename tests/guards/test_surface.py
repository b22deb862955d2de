"""What must not change by accident: public names, what an import costs, what is documented."""

import subprocess
import sys
from pathlib import Path

import pytest

import copilot_core
from copilot_core import errors, events, hookspecs
from copilot_core.protocols import chat
from copilot_core.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def test_the_public_names_are_these() -> None:
    assert copilot_core.__all__ == [
        "MODULES", "Action", "ActionError", "Allow", "Call", "Clock", "Confirm", "CopilotError", "Decision", "Deny",
        "Emit", "Injected", "Listener", "PageContext", "Policy", "Principal", "ProposedCall", "Protocol", "Readable",
        "Readables", "Role", "Services", "SetupError", "action", "hookimpl", "module_slugs", "timezone_of",
    ]  # fmt: skip
    assert all(hasattr(copilot_core, name) for name in copilot_core.__all__)


@pytest.mark.parametrize("package", ["copilot_core", "copilot_core.cli", "copilot_core.plugins"])
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


def test_the_six_events_are_six() -> None:
    said = {
        type(event): chat.encode(event)
        for event in (
            events.RunStarted("r", "t"),
            events.TextStarted("m"),
            events.TextDelta("m", 'a "quoted" ☃'),
            events.TextEnded("m"),
            events.ToolCallStarted("m", "c", "list"),
            events.ToolCallArguments("c", "{}"),
            events.ToolCallReady("c"),
            events.ToolCallEnded("c", "list", True, {}),
            events.Custom("progress", 1),
            events.ApprovalRequested("Sure?", ["c"]),
            events.SourcesUsed([events.Source("List", "List")]),
            events.RunFinished("r", "t"),
            events.RunFailed("r", "t", "internal_error", "Sorry."),
        )
    }

    assert set(said) == set(events.Event.__args__)  # type: ignore[attr-defined]
    assert [frame for frame in said.values() if frame] == [
        b'data: {"type": "start", "conversationId": "t"}\n\n',
        b'data: {"type": "token", "content": "a \\"quoted\\" \\u2603"}\n\n',
        b'data: {"type": "tool_use", "tool": "list", "toolStatus": "calling"}\n\n',
        b'data: {"type": "tool_use", "tool": "list", "toolStatus": "done"}\n\n',
        b'data: {"type": "token", "content": "Sure?"}\n\n',
        b'data: {"type": "sources", "sources": [{"type": "List", "label": "List"}]}\n\n',
        b'data: {"type": "done"}\n\n',
        b'data: {"type": "error", "error": "Sorry."}\n\n',
    ]


def _hooks() -> list[str]:
    return [name for name in vars(hookspecs) if name.startswith("copilot_")]


@pytest.mark.parametrize("hook", _hooks())
def test_every_hook_is_documented(hook: str) -> None:
    assert f"## {hook}\n" in (DOCS / "reference" / "hooks.md").read_text()


@pytest.mark.parametrize("event", [kind.__name__ for kind in events.Event.__args__])  # type: ignore[attr-defined]
def test_every_event_is_documented(event: str) -> None:
    assert f"| `{event}` |" in (DOCS / "reference" / "events.md").read_text()


def _errors() -> list[type[errors.RequestError]]:
    return [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.RequestError)][1:]


@pytest.mark.parametrize("error", _errors())
def test_every_error_is_documented_with_code_and_status(error: type[errors.RequestError]) -> None:
    assert f"| `{error.code}` | {error.status} |" in (DOCS / "reference" / "errors.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    variable = name.upper() if name.startswith("openai_") else f"COPILOT_{name.upper()}"
    assert f"| `{variable}` |" in (DOCS / "reference" / "settings.md").read_text()
