"""The clients that the other tests ask do refuse what is wrong: a check that always agrees proves nothing."""

import json
from typing import Any

import pytest

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("browser")]

STARTED = {"type": "RUN_STARTED", "threadId": "t", "runId": "r"}
FINISHED = {"type": "RUN_FINISHED", "threadId": "t", "runId": "r"}
SAID = {"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"}
WORD = {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "Hi"}
OVER = {"type": "TEXT_MESSAGE_END", "messageId": "m"}
SNAPSHOT = {"type": "STATE_SNAPSHOT", "snapshot": {"a": 1}}
VERSIONS = ("0.0.59", "1.0.0")


def body(*events: dict[str, Any]) -> str:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events)


def test_a_good_stream_is_accepted_by_both_and_its_messages_are_known(verify: Any) -> None:
    held = {"id": "u", "role": "user", "content": "Hello"}
    stream = body(STARTED, SNAPSHOT, SAID, WORD, OVER, FINISHED)
    for result in verify({"good": {"body": stream, "messages": [held]}})["good"].values():
        assert (result["ok"], result["ended"], result["warnings"]) == (True, "RUN_FINISHED", [])
        assert result["messages"] == [held, {"id": "m", "role": "assistant", "content": "Hi"}]
        assert result["state"] == {"a": 1}


def test_what_a_version_does_not_know_is_refused_by_that_version(verify: Any) -> None:
    streams = {
        "unclosed": body(STARTED, SAID, WORD, FINISHED),
        "null": body(STARTED, {**FINISHED, "usage": None}),
        "cut off": body(STARTED, SAID, WORD, OVER),
        "cancelled": body(STARTED, {**FINISHED, "outcome": {"type": "cancelled"}}),
        "half a millisecond": body({**STARTED, "timestamp": 1.5}, FINISHED),
    }
    results = verify(streams)
    assert {name: tuple(results[name][version]["ok"] for version in VERSIONS) for name in streams} == {
        "unclosed": (False, False),
        "null": (False, False),
        "cut off": (False, False),
        "cancelled": (False, True),
        "half a millisecond": (True, False),
    }
