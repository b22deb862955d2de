"""Every curl in README and docs, as a stranger follows it: `demo`, then the commands of the page, in order."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = "http://127.0.0.1:8000"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def samples(page: Path) -> list[tuple[str, str, str]]:
    """Each block that asks the demo, with kind and text of the block after it: the answer, if it is text or JSON."""
    found = [*BLOCK.findall(page.read_text()), ("", "")]
    return [(body, *after) for (kind, body), after in pairwise(found) if kind == "bash" and SHOWN in body]


CURLED = [page for page in PAGES if samples(page)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    database = f"sqlite:///{tmp_path_factory.mktemp('demo') / 'demo.db'}"
    command = [sys.executable, "-m", "copilot_core.cli", "demo", "--json", "--port", "0"]
    with subprocess.Popen([*command, "--database-url", database], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


@pytest.mark.parametrize("page", CURLED, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_curls_of_a_page_answer_what_it_says(page: Path, demo: dict[str, Any], tmp_path: Path) -> None:
    found = samples(page)
    script = "\necho '~~~'\n".join(body.replace(SHOWN, demo["url"]) for body, *_ in found)
    keys = {"KEY": demo["keys"]["member"], "ADMIN": demo["keys"]["admin"]}
    keys["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, **keys}, cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    for (_, kind, shown), answer in zip(found, done.stdout.split("~~~\n"), strict=True):
        if kind == "json":
            assert fits(json.loads(shown), json.loads(answer)), answer
        elif kind == "text":
            assert matches(shown, answer), answer
        else:
            assert '"error"' not in answer


def fits(shown: Any, answered: Any) -> bool:
    """Whether an answer is the one shown, in which `"..."` stands for anything, and for any rest of a list."""
    match shown, answered:
        case str(), str() if shown.endswith("..."):
            return answered.startswith(shown.removesuffix("..."))
        case "...", _:
            return True
        case dict(), dict():
            return shown.keys() == answered.keys() and all(fits(shown[key], answered[key]) for key in shown)
        case [*first, "..."], list():
            return len(answered) >= len(first) and all(map(fits, first, answered))
        case list(), list():
            return len(shown) == len(answered) and all(map(fits, shown, answered))
    return bool(shown == answered)


def matches(shown: str, answered: str) -> bool:
    """The same of text. An id that is shown stands for any other."""
    shown, answered = (UUID.sub("<id>", text).strip() for text in (shown, answered))
    return re.fullmatch(re.escape(shown).replace(r"\.\.\.", ".*"), answered, re.DOTALL) is not None


def test_what_the_readme_creates_is_in_the_database(demo: dict[str, Any]) -> None:
    """What a viewer finds afterwards."""
    [(body, *_), *_] = samples(ROOT / "README.md")
    command = body.replace(SHOWN, demo["url"]).replace("$KEY", demo["keys"]["member"]).replace("Q4", "Q5")
    subprocess.run(command, shell=True, capture_output=True, check=True)

    read = f"{demo['url']}/v1/actions/searchRecords"
    headers = ["-H", f"Authorization: Bearer {demo['keys']['viewer']}"]
    asked = '{"query": "Review Q5 Report"}'
    answer = subprocess.run(["curl", "-s", read, *headers, "-d", asked], capture_output=True, text=True, check=True)
    assert "Review Q5 Report" in [record["title"] for record in json.loads(answer.stdout)["data"]["records"]]
