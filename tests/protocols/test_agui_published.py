"""What others publish about AG-UI agrees: the models of `ag-ui-protocol`, the rules of `ag-ui-validate`."""

import json
from typing import Any

import pytest
from hypothesis import given
from pydantic import TypeAdapter

from copilot_core.events import Event
from copilot_core.protocols.agui import decode, encode
from copilot_core.run import Answer, ClientAction, Message, Readable

from .runs import lines, runs

core = pytest.importorskip("ag_ui.core")
validator = pytest.importorskip("ag_ui_validate")
EVENT: TypeAdapter[Any] = TypeAdapter(core.Event)


def said_in(run: list[Event]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(b"".join(map(encode, run)))]


@given(runs())
def test_the_models_know_every_event_and_every_member_of_it(run: list[Event]) -> None:
    for told in said_in(run):
        assert EVENT.validate_python(told).model_dump(mode="json", by_alias=True, exclude_unset=True) == told
        assert not EVENT.validate_python(told).model_extra


@given(runs())
def test_the_rules_find_no_fault(run: list[Event]) -> None:
    validating = validator.create_validator()
    for told in said_in(run):
        validating.feed(told)
    validating.finalize()

    report = validating.report()
    assert [finding for finding in report.diagnostics if finding.severity != "info"] == []
    assert report.internal_errors == []


def test_an_input_of_the_models_is_understood() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    data = core.DataSource(value="aGk=", mime_type="image/png")
    call = core.ToolCall(id="c1", function=core.FunctionCall(name="add", arguments="{}"))
    told = core.RunAgentInput(
        thread_id="thread_1",
        run_id="run_1",
        messages=[
            core.AssistantMessage(id="m1", tool_calls=[call]),
            core.ToolMessage(id="m2", tool_call_id="c1", content="done"),
            core.UserMessage(id="m3", content=[core.TextPart(text="look"), core.ImagePart(source=data)]),
        ],
        tools=[core.Tool(name="add", description="Add", parameters=schema)],
        context=[core.Context(description="page", value='{"recordId": "7"}')],
        state={"step": 1},
        resume=[core.ResumeEntry(interrupt_id="i1", status="resolved", payload={"approved": True})],
    )

    given = decode(told.model_dump_json(by_alias=True).encode())
    assert (given.thread_id, given.run_id, given.state) == ("thread_1", "run_1", {"step": 1})
    assert given.messages == (
        Message("assistant", "", id="m1"),
        Message("tool", "done", id="m2", call_id="c1"),
        Message("user", "look", id="m3", images=({"base64": "aGk=", "mime_type": "image/png"},)),
    )
    assert given.client_actions == (ClientAction("add", "Add", schema),)
    assert given.readables == (Readable("page", {"recordId": "7"}),)
    assert given.answers == (Answer("i1", approved=True),)
