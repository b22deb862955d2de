"""Every sample in README and docs is executed, so that none can rot."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot_core.cli import parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
STUDIO = ROOT / "docs" / "how-to" / "langgraph-studio.md"  # run in tests/studio, against its server
CLIENT = ROOT / "docs" / "how-to" / "write-a-client.md"  # run in tests/client, against a server
TUTORIAL = ROOT / "docs" / "tutorial" / "first-plugin.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text()) if kind == language]


def named(page: Path) -> Path:
    return page.relative_to(ROOT)


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p not in (STUDIO, CLIENT, TUTORIAL) and blocks(p, "python")], ids=named
)
def test_the_python_samples_of_a_page_run(page: Path) -> None:
    for body in blocks(page, "python"):
        exec(compile(body, str(page), "exec"), {"__name__": "sample"})


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "toml")], ids=named)
def test_the_toml_samples_of_a_page_can_be_read(page: Path) -> None:
    for body in blocks(page, "toml"):
        tomllib.loads(body)


TYPED = [page for page in PAGES if blocks(page, "tsx")]
WEB = ROOT / "app" / "web"


@pytest.mark.node
@pytest.mark.parametrize("page", TYPED, ids=named)
def test_the_react_samples_of_a_page_are_of_the_right_types(page: Path, tmp_path: Path) -> None:
    """By the compiler and packages of app/web, in which the same hooks are used for real."""
    compiler = WEB / "node_modules" / ".bin" / "tsc"
    if not compiler.exists():
        pytest.skip("app/web has no packages: make web")
    (tmp_path / "src").mkdir()
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    (tmp_path / "tsconfig.json").write_text((WEB / "tsconfig.json").read_text())
    for number, body in enumerate(blocks(page, "tsx")):
        (tmp_path / "src" / f"sample{number}.tsx").write_text(body)

    done = subprocess.run([compiler, "--noEmit", "-p", tmp_path], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("page", TYPED, ids=named)
def test_what_the_react_samples_use_is_used_by_pages_that_tests_drive(page: Path) -> None:
    sources = [*WEB.glob("src/*.tsx"), *(ROOT / "tests" / "web" / "src").glob("*.jsx")]
    used = "\n".join(source.read_text() for source in sources)

    for body in blocks(page, "tsx"):
        for names, package in re.findall(r'^import \{ (.*?) \} from "(@copilotkit/.*?)";$', body, re.MULTILINE):
            assert f'"{package}"' in used
            assert [name for name in names.split(", ") if not re.search(rf"\b{name}\b", used)] == []


def test_the_readmes_page_is_the_one_of_the_how_to() -> None:
    [shown] = blocks(ROOT / "README.md", "jsx")
    [page, *_] = blocks(ROOT / "docs" / "how-to" / "connect-copilotkit.md", "tsx")
    there = page.replace("https://copilot.example", "http://127.0.0.1:8000")

    assert "".join(shown.split()) in "".join(there.split())


def commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for body in blocks(page, "bash"):
            for line in body.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                while words and re.fullmatch(r"\w+=.*", words[0]):
                    words.pop(0)
                if words[:1] == ["copilot-core"]:
                    yield f"{named(page)}: {line.strip()}", words[1:]


@pytest.mark.parametrize("words", [words for _, words in commands()], ids=[name for name, _ in commands()])
def test_every_command_line_shown_is_one_that_exists(words: list[str]) -> None:
    assert parser().parse_args(words).run


def test_every_command_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text()

    for action in parser()._subparsers._group_actions:  # type: ignore[union-attr]
        for name in action.choices:  # type: ignore[union-attr]
            assert f"`copilot-core {name}" in page


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", BLOCK.sub("", page.read_text())):
            assert (page.parent / target).exists(), f"{named(page)} links to {target}"


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The tutorial's package, laid out as installed; the environment in which Python finds it."""
    folder = tmp_path_factory.mktemp("rooms")
    for body in blocks(TUTORIAL, "python") + blocks(TUTORIAL, "toml"):
        path = folder / body.splitlines()[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    [(group, points)] = project["entry-points"].items()
    installed = folder / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (installed / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))
    return {**os.environ, "PYTHONPATH": str(folder / "src"), "FOLDER": str(folder)}


def run_python(environment: dict[str, str], *arguments: str) -> str:
    process = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=environment["FOLDER"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.mark.proof
def test_the_tutorials_own_tests_pass(rooms: dict[str, str]) -> None:
    assert "3 passed" in run_python(rooms, "-m", "pytest", "--asyncio-mode=auto", "-p", "no:cacheprovider", "tests")


@pytest.mark.proof
def test_the_tutorials_plugin_is_found_and_listed(rooms: dict[str, str]) -> None:
    [shown] = [body for body in blocks(TUTORIAL, "text") if "bookRoom" in body]

    assert shown in run_python(rooms, "-m", "copilot_core.cli", "plugins", "list")


@pytest.mark.proof
def test_the_rule_planner_uses_the_tutorials_plugin(rooms: dict[str, str]) -> None:
    code = """
import asyncio, json, copilot_rooms
from datetime import UTC, datetime
from copilot_core.chat_models import ChatModels
from copilot_core.clock import FixedClock
from copilot_core.events import ToolCallArguments
from copilot_core.run import Message, RunInput
from copilot_core.testing import TESTER, opened

async def main():
    clock = FixedClock(datetime(2026, 2, 10, 9, 0, tzinfo=UTC))
    async with opened(copilot_rooms, models=ChatModels("rule-planner"), clock=clock) as ready:
        reader = await ready.copilot.start(RunInput([Message("user", "book Oslo for friday")]), TESTER)
        print(json.dumps([event.delta for event in await reader.all() if isinstance(event, ToolCallArguments)]))

asyncio.run(main())
"""
    arguments = [json.loads(delta) for delta in json.loads(run_python(rooms, "-c", code))]

    assert arguments == [{"room": "Oslo", "day": "2026-02-13"}]
