"""The samples of docs/how-to/write-a-client.md and of clients/js, against a real server."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from copilot_core import Role
from copilot_core.testing import call
from copilot_core.testing.pytest_plugin import require

from ..flow.conftest import Talk
from .conftest import key_of

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "write-a-client.md"
README = ROOT / "clients" / "js" / "README.md"
SAMPLES = re.findall(r"(?ms)^```(python|js|bash)\n(.*?)^```\n\n```text\n(.*?)^```", PAGE.read_text())
SCRIPT = [
    "Two are open.",
    "The one about payments.",
    call("deleteTasks"),
    "Not done.",
]


async def output(folder: Path, language: str, body: str, **environment: str) -> str:
    """What a sample prints."""
    name, command = {
        "python": ("sample.py", sys.executable),
        "js": ("sample.mjs", shutil.which("node")),
        "bash": ("sample.sh", shutil.which("bash")),
    }[language]
    require(command, f"{language} is not installed")
    shutil.copy(ROOT / "clients" / "js" / "copilot.js", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / name).write_text(body)
    process = await asyncio.create_subprocess_exec(
        str(command),
        name,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    return out.decode()


def test_every_block_of_the_page_is_a_sample() -> None:
    assert [language for language, _, _ in SAMPLES] == ["python", "js", "bash"]
    assert PAGE.read_text().count("```") == 4 * len(SAMPLES)


@pytest.mark.parametrize(("language", "body", "printed"), SAMPLES, ids=[sample[0] for sample in SAMPLES])
async def test_a_sample_of_the_page_prints_what_it_says(
    talk: Talk, tmp_path: Path, language: str, body: str, printed: str
) -> None:
    script = SCRIPT if language == "python" else SCRIPT[:1]
    async with talk(script=script, role=Role.ADMIN) as client:
        where = {"COPILOT_URL": str(client.http.base_url), "COPILOT_KEY": key_of(client)}

        assert (await output(tmp_path, language, body, **where)).rstrip() == printed.rstrip()


async def test_the_sample_of_the_readme_reads_an_answer(talk: Talk, tmp_path: Path) -> None:
    [body] = re.findall(r"(?ms)^```js\n(.*?)^```", README.read_text())
    async with talk(script=SCRIPT[:1]) as client:
        body = body.replace("'...'", f"'{key_of(client)}'").replace(
            "https://copilot.example.com", str(client.http.base_url)
        )
        assert await output(tmp_path, "js", body + "console.log(text);") == "Two are open.\n"
    assert len(README.read_text().splitlines()) <= 30
