"""Bytes become words: all of one read together, and split nowhere but at line feeds."""

import pytest

from copilot_core.models.calls import CallArguments, CallStarted
from copilot_core.models.wire import Answer, Text


def said(text: str) -> bytes:
    return b'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n' % text.encode()


CALL = (
    b'data: {"choices": [{"delta": {"tool_calls": '
    b'[{"index": 0, "id": "c1", "function": {"name": "find", "arguments": "{}"}}]}}]}\n\n'
)


def test_texts_of_one_read_are_told_as_one():
    answer = Answer()

    assert answer.feed(said("one ") + said("two ") + said("three")) == [Text("one two three")]
    assert answer.feed(said(" four")) == [Text(" four")]
    assert answer.text == "one two three four"


def test_a_call_between_texts_keeps_its_place():
    assert Answer().feed(said("a") + said("b") + CALL + said("c")) == [
        Text("ab"),
        CallStarted("c1", "find"),
        CallArguments("c1", "{}"),
        Text("c"),
    ]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\r", "\x0b", "\x1c"])
def test_only_a_line_feed_ends_a_line(separator):
    text = f"a{separator}b"

    assert Answer().feed(said(text) if separator > "\x20" else said(f"a\\u{ord(separator):04x}b")) == [Text(text)]


@pytest.mark.parametrize("cut", range(1, len(said("é\u2028"))))
def test_a_read_may_end_anywhere(cut):
    answer, data = Answer(), said("é\u2028")

    assert [*answer.feed(data[:cut]), *answer.feed(data[cut:])] == [Text("é\u2028")]


def test_what_came_before_garbage_is_told_and_what_comes_after_is_not():
    answer = Answer()

    assert answer.feed(said("a") + b"data: {\n\n" + said("b")) == [Text("a")]
    assert answer.ended
    assert str(answer.garbled).startswith("unexpected end of data")


def test_comments_event_names_and_empty_lines_say_nothing():
    answer = Answer()

    assert answer.feed(b": waiting\n\nevent: message\nid: 1\n" + said("a")) == [Text("a")]
    assert not answer.ended


def test_the_last_finish_reason_comes_with_what_the_provider_tells_of_itself():
    answer = Answer()
    answer.feed(
        b'data: {"model": "m-1", "service_tier": null, "system_fingerprint": "fp",'
        b' "choices": [{"delta": null, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    )

    assert answer.info == {"finish_reason": "stop", "model_name": "m-1", "system_fingerprint": "fp"}
    assert answer.ended
