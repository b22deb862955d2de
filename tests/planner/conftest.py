"""Worlds to plan in, told to the planner the way the engine tells a model."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from copilot_core.planner import RulePlanner

DATA = Path(__file__).parent / "data"
Call = tuple[str, dict[str, Any]]


@dataclass
class Desk:
    """Someone talking to the planner, with actions that answer as `results` says."""

    world: Mapping[str, Any]
    page: Mapping[str, Any] | None = None
    results: list[Any] = field(default_factory=list)
    messages: list[BaseMessage] = field(default_factory=list)

    def say(self, text: str) -> list[Call]:
        """One turn: the calls that were made; the answer is `self.answer`."""
        model = RulePlanner().bind_tools(declared(self.world))
        self.messages = self.messages or [SystemMessage(prompt_of(self.world, self.page))]
        self.messages.append(HumanMessage(text))
        made: list[Call] = []
        for _ in range(8):
            reply = model.invoke(self.messages)
            self.messages.append(reply)
            if not reply.tool_calls:
                return made
            for call in reply.tool_calls:
                made.append((call["name"], call["args"]))
                result = self.results.pop(0) if self.results else {"success": True, "recordId": f"rec_{len(made)}"}
                self.messages.append(ToolMessage(json.dumps(result), tool_call_id=call["id"]))
        raise AssertionError("the planner does not come to an end")

    @property
    def answer(self) -> str:
        """What the planner said last."""
        last = self.messages[-1]
        assert isinstance(last, AIMessage)
        return str(last.content)


def load(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The world and the cases of a data file."""
    lines = [json.loads(line) for line in (DATA / name).read_text().splitlines()]
    return lines[0], lines[1:]


def declared(world: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The actions of a world as OpenAI tools."""
    return [{"type": "function", "function": action} for action in world["actions"]]


def block(value: Any, description: str = "data") -> str:
    """One data line of the prompt."""
    return f'<data description="{description}">{json.dumps(value)}</data>'


def prompt_of(world: Mapping[str, Any], page: Mapping[str, Any] | None = None) -> str:
    """The system message for a world."""
    lines = ["You are the copilot.", block({"now": world["now"], **world.get("clock", {})})]
    lines.append(block({"userId": "u1", **world["user"]}))
    if world["modules"]:
        lines.append(block([{"slug": slug, **module} for slug, module in world["modules"].items()]))
    return "\n".join([*lines, block(dict(page))] if page else lines)


def passes(case: Mapping[str, Any], calls: Sequence[Call]) -> bool:
    """Whether the calls are one of the accepted sequences."""
    return any(
        len(wanted) == len(calls) and all(_same_call(w, c) for w, c in zip(wanted, calls, strict=True))
        for wanted in case["accept"]
    )


def _same_call(wanted: Mapping[str, Any], call: Call) -> bool:
    name, arguments = call
    if name != wanted["tool"] or any(k in arguments and k not in wanted["args"] for k in ("filters", "fields")):
        return False
    return all(key in arguments and _same(value, arguments[key]) for key, value in wanted["args"].items())


def _same(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, str) and isinstance(got, str):
        return _same_text(wanted, got)
    if isinstance(wanted, str):
        return wanted.startswith("#") and isinstance(got, list) and len(got) == int(wanted[1:])
    if isinstance(wanted, dict):
        return isinstance(got, dict) and set(wanted) == set(got) and all(_same(wanted[k], got[k]) for k in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        got = [[x["field"], x["op"], x["value"]] if isinstance(x, dict) and "op" in x else x for x in got]
        return len(wanted) == len(got) and all(any(_same(w, g) for g in got) for w in wanted)
    return type(wanted) is type(got) and wanted == got


def _same_text(wanted: str, got: str) -> bool:
    if wanted.startswith("~"):
        return all(word.lower() in got.lower() for word in wanted[1:].split())
    return got.startswith(wanted) if re.match(r"\d{4}-\d\d-\d\d", wanted) else wanted.lower() == got.lower()


@pytest.fixture
def crm() -> dict[str, Any]:
    """Tasks, deals, contacts, companies and incidents, with the actions on them."""
    return load("dev.jsonl")[0]


@pytest.fixture
def plugins() -> dict[str, Any]:
    """Third-party actions of all kinds, and no records."""
    return load("plugins.jsonl")[0]


@pytest.fixture
def desk(crm: dict[str, Any]) -> Desk:
    """Someone at work in the CRM."""
    return Desk(crm)


@pytest.fixture
def desk_in() -> Callable[..., Desk]:
    """Makes a desk in another world, or with a page open."""
    return Desk


@pytest.fixture
def missed() -> Callable[[str], list[str]]:
    """The texts of a data file for which the calls are not the accepted ones."""

    def texts(name: str) -> list[str]:
        world, cases = load(name)
        return [c["text"] for c in cases if not passes(c, Desk(world, _page(c)).say(c["text"]))]

    return texts


def _page(case: Mapping[str, Any]) -> dict[str, Any] | None:
    page = case["page"]
    return {**page, "moduleSlug": page["module"]} if page else None
