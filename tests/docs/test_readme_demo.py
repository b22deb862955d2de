"""The README's first page, as a stranger follows it: `demo`, then the curl."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    database = f"sqlite:///{tmp_path_factory.mktemp('demo') / 'demo.db'}"
    command = [sys.executable, "-m", "copilot_core.cli", "demo", "--json", "--port", "0"]
    with subprocess.Popen([*command, "--database-url", database], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


def test_the_curl_prints_what_the_readme_says_and_the_record_is_there(demo: dict[str, Any]) -> None:
    [command] = re.findall(r"```bash\n(curl .*?)```", README, re.DOTALL)
    [printed] = re.findall(r"```text\n(data: .*?)```", README, re.DOTALL)
    command = command.replace("http://127.0.0.1:8000", demo["url"]).replace("$KEY", demo["keys"]["member"])

    answer = events(subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout)

    said = "".join(e["content"] for e in answer if e["type"] == "token")
    told, shown = ([e for e in stream if e["type"] != "token"] for stream in (answer, events(printed)))
    shown[0]["conversationId"] = told[0]["conversationId"]
    assert told == shown
    assert said.startswith("".join(e["content"] for e in events(printed) if e["type"] == "token"))
    assert "Review Q4 Report" in titles(demo)


def titles(demo: dict[str, Any]) -> list[str]:
    """What a viewer finds in the database afterwards."""
    read = f"{demo['url']}/v1/actions/searchRecords"
    headers = ["-H", f"Authorization: Bearer {demo['keys']['viewer']}"]
    body = '{"query": "Review Q4 Report"}'
    answer = subprocess.run(["curl", "-s", read, *headers, "-d", body], capture_output=True, text=True, check=True)
    return [record["title"] for record in json.loads(answer.stdout)["data"]["records"]]
