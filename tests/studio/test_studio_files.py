"""What holds of the Studio support without the extra."""

import json
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest

from copilot_core import Principal, Role
from copilot_core.cli import main
from copilot_core.cli import studio as command
from copilot_core.errors import Forbidden
from copilot_core.studio import CONFIG, Caller
from copilot_core.testing import opened


def test_the_file_says_what_the_command_uses() -> None:
    assert json.loads((Path(__file__).parents[2] / "langgraph.json").read_text()) == CONFIG


def test_langgraphs_server_is_never_a_dependency() -> None:
    licensed = [line for line in requires("copilot-core") or () if "langgraph-cli" in line or "langgraph-api" in line]
    assert [line for line in licensed if "extra == 'studio'" not in line] == []


def test_without_the_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _name: None)

    assert main(["studio"]) == 1
    assert 'pip install "copilot-core[studio]"' in capsys.readouterr().err


@pytest.mark.parametrize("told", [None, {"principal": {"id": "eve", "workspace": "evil", "role": "admin"}}, "eve"])
async def test_the_graph_takes_no_principal_from_json(told: Any) -> None:
    async with opened() as ready:
        with pytest.raises(Forbidden):
            await _run(ready.copilot.graph, told)


async def test_the_graph_runs_as_the_caller_of_the_development_server() -> None:
    async with opened(script=["Hello."]) as ready:
        state = await _run(ready.copilot.graph, Caller(Principal("ada", "acme", Role.ADMIN)))

    assert state["messages"][-1].content == "Hello."


async def _run(graph: Any, user: Any) -> Any:
    config = {"configurable": {"thread_id": "t", "langgraph_auth_user": user}}
    return await graph.ainvoke({"messages": [("user", "hi")]}, config)
