"""The planner as a chat model: streaming, the listener, tool declarations, and any text at all."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.tools import tool

from copilot_core.planner import RulePlanner
from copilot_core.planner.world import read_world
from copilot_core.speech import listener

pytestmark = pytest.mark.proof


class Ear:
    """Writes down what a model says."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.calls: list[tuple[str, str]] = []
        self.arguments: dict[str, str] = {}

    def text(self, message_id: str, delta: str) -> None:
        self.texts.append((message_id, delta))

    def call_started(self, message_id: str, call_id: str, name: str) -> None:
        self.calls.append((call_id, name))

    def call_arguments(self, call_id: str, delta: str) -> None:
        self.arguments[call_id] = self.arguments.get(call_id, "") + delta


@tool
async def greet(name: str) -> str:
    """Greet a person by name."""
    return f"Hello {name}"


async def test_the_listener_hears_exactly_the_message_word_by_word() -> None:
    ear = Ear()
    token = listener.set(ear)
    try:
        reply = await RulePlanner().ainvoke([HumanMessage("hello")])
    finally:
        listener.reset(token)
    assert "".join(delta for _, delta in ear.texts) == reply.content
    assert {identity for identity, _ in ear.texts} == {reply.id}
    assert len(ear.texts) > 5


async def test_the_listener_hears_calls() -> None:
    ear = Ear()
    token = listener.set(ear)
    try:
        reply = await RulePlanner().bind_tools([greet]).ainvoke([HumanMessage("greet Maria")])
    finally:
        listener.reset(token)
    [call] = reply.tool_calls
    assert ear.calls == [(call["id"], "greet")]
    assert json.loads(ear.arguments[str(call["id"])]) == call["args"] == {"name": "Maria"}


async def test_the_stream_joins_to_the_message() -> None:
    chunks = [chunk async for chunk in RulePlanner().astream([HumanMessage("hello")])]
    whole = RulePlanner().invoke([HumanMessage("hello")])
    assert "".join(str(chunk.content) for chunk in chunks) == whole.content
    assert len({chunk.id for chunk in chunks}) == 1


def test_calls_are_streamed_as_chunks_that_join_to_a_call() -> None:
    whole: Any = None
    for chunk in RulePlanner().bind_tools([greet]).stream([HumanMessage("greet Maria")]):
        whole = chunk if whole is None else whole + chunk
    assert isinstance(whole, AIMessageChunk)
    assert [(c["name"], c["args"]) for c in whole.tool_calls] == [("greet", {"name": "Maria"})]


def test_it_has_an_honest_name_and_counts_no_tokens() -> None:
    assert RulePlanner()._llm_type == "rule-planner"
    assert RulePlanner().invoke([HumanMessage("hello")]).usage_metadata is None


@pytest.mark.parametrize(
    "modules",
    [
        [{"slug": "tasks", "name": "Tasks", "fields": [{"slug": "status", "options": [{"value": "a", "label": "A"}]}]}],
        {"tasks": {"name": "Tasks", "fields": {"status": {"type": "enum", "options": ["a"]}}}},
        {"modules": [{"name": "tasks", "pluralName": "Tasks", "fields": [{"name": "status", "enum": ["a"]}]}]},
    ],
)
def test_modules_are_recognised_by_shape(modules: Any) -> None:
    [module] = read_world(f'<data description="whatever">{json.dumps(modules)}</data>').modules
    [field] = module.fields
    assert (module.slug, field.name, field.kind, field.options) == ("tasks", "status", "enum", ("a",))


def test_the_clock_is_read_in_the_users_zone() -> None:
    clock = {"now": "2026-02-10T08:00:00+00:00", "timezone": "Europe/Berlin"}
    assert (
        read_world(f'<data description="x">{json.dumps(clock)}</data>').now.isoformat() == "2026-02-10T09:00:00+01:00"
    )


def test_broken_blocks_are_ignored() -> None:
    world = read_world('<data description="x">{"now": </data>\n<data description="y">[1, 2]</data>')
    assert world.modules == ()


WORDS = """create delete update show me all tasks deals the this it them these current here sort by
first one to as done high priority 50k 'x' "y"
and then , . : ? remind email Sam set status in Berlin over not id rec_1 a@b.io +49 2026-99-99 # % ( ) €"""
IDS = (
    st.none() | st.sampled_from(["tasks", "deals", "wikis", "rec_1", "Buy milk"]) | st.integers() | st.lists(st.text())
)
PAGES = st.none() | st.fixed_dictionaries(
    {"pageType": st.sampled_from(["moduleRecord", "moduleList", "dashboard", "other"])},
    optional={
        "moduleSlug": IDS,
        "recordId": IDS,
        "recordName": IDS,
        "filters": st.dictionaries(st.sampled_from(["status", "dueDate", "due_date", "x"]), IDS | st.booleans()),
    },
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, page=PAGES)
def test_any_text_is_answered_within_the_schemas(crm: dict[str, Any], text: str, page: Any) -> None:
    """It never raises, calls only what there is, and keeps to types, options and required parameters."""
    tools = [{"type": "function", "function": action} for action in crm["actions"]]
    prompt = f'<data description="m">{json.dumps([{"slug": s, **m} for s, m in crm["modules"].items()])}</data>'
    prompt += f'\n<data description="p">{json.dumps(page)}</data>'
    reply = RulePlanner().bind_tools(tools).invoke([SystemMessage(prompt), HumanMessage(text)])
    schemas = {action["name"]: action["parameters"] for action in crm["actions"]}
    assert reply.content or reply.tool_calls
    for call in reply.tool_calls:
        _check(call["args"], schemas[call["name"]])


KINDS = {"object": dict, "array": list, "string": str, "integer": int, "number": int | float, "boolean": bool}


def _check(value: Any, schema: dict[str, Any]) -> None:
    names = schema.get("type", [])
    kinds = [KINDS[name] for name in (names if isinstance(names, list) else [names])]
    assert not kinds or any(isinstance(value, kind) for kind in kinds)
    assert "enum" not in schema or value in schema["enum"]
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", ())) <= set(value) <= set(schema["properties"])
        for key, inner in value.items():
            _check(inner, schema["properties"][key])
    if isinstance(value, list):
        for inner in value:
            _check(inner, schema.get("items", {}))
