"""What of a long thread is told to a model."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from copilot_core.graph.memory import Recalled, recalled, summed_up
from copilot_core.graph.state import State

CALL = {"name": "queryRecords", "args": {"module": "tasks"}, "id": "c1", "type": "tool_call"}


def turn(number: int, size: int) -> list[AnyMessage]:
    return [
        HumanMessage(f"question {number} " + "q" * size, id=f"h{number}"),
        AIMessage("", id=f"a{number}", tool_calls=[CALL]),
        ToolMessage("r" * size, id=f"t{number}", tool_call_id="c1"),
        AIMessage(f"answer {number}", id=f"b{number}"),
    ]


THREADS = st.lists(st.integers(0, 3_000), min_size=1, max_size=12).map(
    lambda sizes: [message for number, size in enumerate(sizes) for message in turn(number, size)]
)


@given(THREADS, st.integers(100, 3_000))
def test_what_is_told_begins_with_a_question_and_fits_or_is_the_turn_that_goes_on(
    messages: list[AnyMessage], most: int
) -> None:
    found = recalled({"messages": messages}, most)

    assert [*found.old, *found.tail] == messages
    assert isinstance(found.tail[0], HumanMessage)
    if found.old:
        size = sum(len(message.text) for message in found.tail) // 4
        assert size <= most // 2 or len(found.tail) == 4


@given(THREADS)
async def test_a_thread_goes_on_behind_its_summary_until_it_is_long_again(messages: list[AnyMessage]) -> None:
    state: State = {"messages": messages}
    found = recalled(state, 1_000)
    if not found.old:
        return
    summary, _ = await summed_up(found, None)
    again = recalled({**state, "summary": summary}, 1_000)

    assert (again.tail, again.summary) == (found.tail, summary)


def test_a_summary_of_what_is_not_there_any_more_counts_for_nothing() -> None:
    state: State = {"messages": turn(1, 10), "summary": {"text": "Of another branch", "until": "gone"}}

    assert recalled(state, 1_000) == Recalled(state["messages"], None)


async def test_without_a_language_model_the_beginning_is_quoted_in_short() -> None:
    messages: Sequence[AnyMessage] = turn(1, 1_000)
    summary, spoken = await summed_up(Recalled([], {"text": "user: before", "until": "x"}, messages), None)

    assert (summary["until"], spoken) == ("b1", None)
    assert summary["text"].splitlines() == [
        "user: before",
        f"user: question 1 {'q' * 288}…",
        'called queryRecords {"module": "tasks"}',
        "copilot: answer 1",
    ]
