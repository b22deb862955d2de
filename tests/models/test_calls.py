"""Tool calls are put together from whatever fragments servers send, and taken as they are or refused."""

import re

import pytest

from copilot_core.models.calls import CallArguments, CallStarted, Drafts, parsed


def drafts(*fragments: dict[str, object]) -> Drafts:
    made = Drafts()
    for fragment in fragments:
        list(made.add(fragment))
    return made


def fragment(arguments: str = "", **fields: object) -> dict[str, object]:
    return {"function": {"arguments": arguments, "name": fields.pop("name", None)}, **fields}


@pytest.mark.parametrize(
    "raw",
    [
        '{"title": "cut-0e5a',
        '{"title": "cut"',
        '{"a": 1}}',
        '{"a": 1,}',
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": "two\nlines"}',
        '{"a": "\\ud800"}',
        '{"a":' * 2000,
        "[1]",
        '"a"',
        "null",
        " ",
    ],
)
def test_arguments_that_are_no_json_object_make_the_call_invalid(raw):
    valid, (invalid,) = parsed(drafts(fragment(raw, index=0, id="c1", name="create")), "tool_calls")

    assert valid == []
    assert (invalid["name"], invalid["args"], invalid["id"]) == ("create", raw, "c1")
    assert invalid["error"].startswith("The arguments are not ")


def test_a_good_call_beside_a_bad_one_stays_good():
    valid, invalid = parsed(
        drafts(fragment('{"a": 1}', index=0, id="c1", name="create"), fragment("{", index=1, id="c2", name="create")),
        "tool_calls",
    )

    assert valid == [{"name": "create", "args": {"a": 1}, "id": "c1", "type": "tool_call"}]
    assert [call["id"] for call in invalid] == ["c2"]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_no_call_of_an_answer_that_was_broken_off_is_valid(reason):
    calls = drafts(fragment('{"a": 1}', index=0, id="c1", name="a"), fragment("", index=1, id="c2", name="b"))

    error = f"The answer was broken off ({reason}), so its calls may be incomplete."
    assert parsed(calls, reason) == (
        [],
        [
            {"name": "a", "args": '{"a": 1}', "id": "c1", "error": error, "type": "invalid_tool_call"},
            {"name": "b", "args": "", "id": "c2", "error": error, "type": "invalid_tool_call"},
        ],
    )


def test_no_arguments_are_an_empty_object():
    assert parsed(drafts(fragment(index=0, id="c1", name="list")), "tool_calls") == (
        [{"name": "list", "args": {}, "id": "c1", "type": "tool_call"}],
        [],
    )


A, B = '{"x": "a"}', '{"x": "b"}'
SHAPES = {
    "numbered fragments": [
        fragment("", index=0, id="c1", name="a"),
        fragment("", index=1, id="c2", name="b"),
        fragment(A[:5], index=0),
        fragment(B[:5], index=1),
        fragment(A[5:], index=0),
        fragment(B[5:], index=1),
    ],
    "whole calls": [fragment(A, index=0, id="c1", name="a"), fragment(B, index=1, id="c2", name="b")],
    "whole calls without an index": [fragment(A, id="c1", name="a"), fragment(B, id="c2", name="b")],
    "whole calls of one index": [fragment(A, index=0, id="c1", name="a"), fragment(B, index=0, id="c2", name="b")],
    "fragments of one index after another": [
        fragment("", index=0, id="c1", name="a"),
        fragment(A, index=0),
        fragment("", index=0, id="c2", name="b"),
        fragment(B, index=0),
    ],
    "ids and names repeated in each fragment": [
        fragment(A[:5], index=0, id="c1", name="a"),
        fragment(B[:5], index=1, id="c2", name="b"),
        fragment(A[5:], index=0, id="c1", name="a"),
        fragment(B[5:], index=1, id="c2", name="b"),
        fragment("", index=1, id="c2", name="b"),
    ],
    "fragments without an index": [
        fragment("", id="c1", name="a"),
        fragment(A[:5]),
        fragment(A[5:]),
        fragment("", id="c2", name="b"),
        fragment(B),
    ],
    "interleaved by id alone": [
        fragment(A[:5], id="c1", name="a"),
        fragment(B[:5], id="c2", name="b"),
        fragment(A[5:], id="c1"),
        fragment(B[5:], id="c2"),
    ],
}


@pytest.mark.parametrize("fragments", SHAPES.values(), ids=SHAPES.keys())
def test_calls_are_put_together_from_what_servers_send(fragments):
    assert parsed(drafts(*fragments), "tool_calls") == (
        [
            {"name": "a", "args": {"x": "a"}, "id": "c1", "type": "tool_call"},
            {"name": "b", "args": {"x": "b"}, "id": "c2", "type": "tool_call"},
        ],
        [],
    )


NAMELESS = {
    "the same id": [fragment(A, index=0, id="c1", name="a"), fragment(B, index=1, id="c1", name="b")],
    "the same id without an index": [fragment(A, id="c1", name="a"), fragment(B, id="c1", name="b")],
    "no ids": [fragment(A, index=0, id="c1", name="a"), fragment(B, index=1, name="b")],
    "empty ids and one index": [fragment(A, index=0, id="c1", name="a"), fragment(B, index=0, id="", name="b")],
    "neither id nor index": [fragment(A, id="c1", name="a"), fragment(B, name="b")],
}


@pytest.mark.parametrize("fragments", NAMELESS.values(), ids=NAMELESS.keys())
def test_a_missing_or_repeated_id_is_replaced_by_a_fresh_one(fragments):
    (first, second), invalid = parsed(drafts(*fragments), "tool_calls")

    assert (first["id"], second["name"], second["args"], invalid) == ("c1", "b", {"x": "b"}, [])
    assert re.fullmatch("call_[0-9a-f]{32}", second["id"])


def test_what_is_told_of_a_call_bears_the_id_it_ends_with():
    made = Drafts()
    told = [*made.add(fragment(A[:5], index=0, name="a")), *made.add(fragment(A[5:], index=0))]
    call_id = made.all[0].id

    assert told == [CallStarted(call_id, "a"), CallArguments(call_id, A[:5]), CallArguments(call_id, A[5:])]
