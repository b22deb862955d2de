"""Who joins a run, whenever that is, knows in the end what those know who heard it from its beginning."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from copilot_core import events
from copilot_core.events import Event
from copilot_core.graph.story import Story, story
from copilot_core.protocols.agui import encode

from ..flow.page import Page, frames, plain
from ..protocols.runs import runs

BEFORE = [{"id": "u0", "role": "user", "content": "Hi"}, {"id": "a0", "role": "assistant", "content": "Hello."}]
STARTED = events.RunStarted("run", "thread")


def heard(told: Sequence[Event]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Messages and shared state of a page that was told all this."""
    page = Page(None, "thread")
    page.apply([event for _, event in frames(b"".join(map(encode, told)))])
    return plain(page.messages), page.state


def joining(found: Story) -> list[Event]:
    """What stands for the part of the run that is settled."""
    messages = [*([] if found.whole else BEFORE), *found.messages]
    return [STARTED, events.MessagesSnapshot(messages), events.StateSnapshot(found.shared)]


@given(runs(), st.lists(st.integers(0), min_size=1, max_size=4))
def test_the_settled_part_and_what_comes_after_it_are_the_whole(run: list[Event], cuts: list[int]) -> None:
    told = [event for event in run if not isinstance(event, events.StateSnapshot)]
    numbered = list(enumerate(told, 1))
    expected = heard([STARTED, events.MessagesSnapshot(BEFORE), *told[1:]])

    for cut in cuts:
        found = story(numbered[: 1 + cut % (len(told) - 1)])
        assert not found.ended
        assert heard([*joining(found), *told[found.until :]]) == expected
    assert story(numbered).ended
    assert heard([*joining(story(numbered)), told[-1]])[0] == expected[0]


def test_a_text_and_a_call_that_are_still_open_are_left_to_the_events() -> None:
    told = [
        STARTED,
        events.InputStored(4),
        events.TextStarted("a1"),
        events.TextDelta("a1", "One"),
        events.TextEnded("a1"),
        events.ToolCallStarted("a1", "c1", "list"),
        events.ToolCallReady("c1", "list", {"x": 1}),
        events.StateDelta([{"op": "add", "path": "/a~1b~0c", "value": 1}]),
        events.TextStarted("a2"),
        events.TextDelta("a2", "Two"),
    ]
    call = {"id": "c1", "type": "function", "function": {"name": "list", "arguments": '{"x": 1}'}}

    assert story(list(enumerate(told, 11))) == Story(
        position=4,
        messages=[{"id": "a1", "role": "assistant", "content": "One", "toolCalls": [call]}],
        until=18,
        shared={"a/b~c": 1},
    )
    assert story([]) == Story(position=None, messages=[], until=0)


def test_what_another_process_told_when_it_took_over_replaces_what_was_said_before() -> None:
    told = [
        STARTED,
        events.TextStarted("a1"),
        events.TextDelta("a1", "lost"),
        events.TextEnded("a1"),
        events.MessagesSnapshot(BEFORE),
        events.ToolCallEnded("c1", "list", True, {"success": True}, "a0.c1"),
    ]
    result = {"id": "a0.c1", "role": "tool", "content": '{"success": true}', "toolCallId": "c1"}

    assert story(list(enumerate(told, 1))) == Story(None, [*BEFORE, result], 6, whole=True)
