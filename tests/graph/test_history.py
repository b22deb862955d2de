"""Any history becomes one that model APIs accept."""

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from copilot_core.graph.history import open_calls, repaired

IDS = st.sampled_from(["c1", "c2", "c3"])


def calling(ids: list[str], broken: list[str]) -> AIMessage:
    return AIMessage(
        "",
        tool_calls=[{"name": "list", "args": {}, "id": i} for i in ids],
        invalid_tool_calls=[
            {"name": "list", "args": "{", "id": i, "error": None, "type": "invalid_tool_call"}
            for i in broken
            if i not in ids
        ],
    )


MESSAGES: st.SearchStrategy[list[AnyMessage]] = st.lists(
    st.one_of(
        st.builds(HumanMessage, st.text(max_size=3)),
        st.builds(calling, st.lists(IDS, unique=True), st.lists(IDS, unique=True)),
        IDS.map(lambda i: ToolMessage("{}", tool_call_id=i)),
    ),
    max_size=10,
)


@given(MESSAGES)
def test_each_call_is_followed_by_its_one_result_in_call_order(messages: list[AnyMessage]) -> None:
    expected: list[str] = []
    for message in repaired(messages):
        if isinstance(message, ToolMessage):
            assert message.tool_call_id == expected.pop(0)
        else:
            assert expected == []
        if isinstance(message, AIMessage):
            expected = [str(c["id"]) for c in (*message.tool_calls, *message.invalid_tool_calls)]
    assert expected == []


@given(MESSAGES)
def test_repairing_keeps_everything_that_was_said_and_is_done_once(messages: list[AnyMessage]) -> None:
    whole = repaired(messages)

    assert [m for m in whole if m.type != "tool"] == [m for m in messages if m.type != "tool"]
    assert repaired(whole) == whole
    assert open_calls(whole) == []


def test_a_result_belongs_to_the_message_before_it_even_if_a_model_uses_one_id_again() -> None:
    first, second = ToolMessage("first", tool_call_id="c1"), ToolMessage("second", tool_call_id="c1")
    messages = [calling(["c1"], []), first, calling(["c1"], []), second]

    assert repaired(messages) == messages


def test_the_calls_that_wait_are_those_of_the_last_assistant_message() -> None:
    messages = [calling(["c1", "c2"], []), ToolMessage("{}", tool_call_id="c2")]

    assert open_calls(messages) == [("c1", "list")]
