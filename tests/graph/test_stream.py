"""Whatever a run does and in whatever order, its events are well bracketed."""

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from copilot_core import events
from copilot_core.errors import Forbidden, ModelUnavailable
from copilot_core.events import ApprovalRequested, Event, Source
from copilot_core.graph.stream import Stream


def said(message_id: str, text: str, calls: list[str]) -> AIMessage:
    return AIMessage(text, id=message_id, tool_calls=[{"name": "list", "args": {}, "id": call} for call in calls])


IDS = st.sampled_from(["a", "b", "c"])
WORDS = st.text(min_size=1, max_size=3)
STEPS = st.one_of(
    st.tuples(st.just("text"), IDS, WORDS),
    st.tuples(st.just("call_started"), IDS, IDS, st.just("list")),
    st.tuples(st.just("call"), IDS, IDS, st.just("list"), st.just({"x": 1})),
    st.tuples(st.just("result"), IDS, st.just("list"), st.just({"success": False}), st.just("m")),
    st.tuples(
        st.just("result"),
        IDS,
        st.just("list"),
        st.just({"success": True}),
        st.just("m"),
        st.just(Source("List", "List")),
    ),
    st.tuples(st.just("custom"), st.just("progress"), st.integers()),
    st.tuples(st.just("message"), st.builds(said, IDS, st.text(max_size=3), st.lists(IDS, unique=True))),
)
ENDS = st.sampled_from(["finished", "waiting", "client", "failed"])


def perform(steps: list[tuple[object, ...]], end: str) -> list[Event]:
    told: list[Event] = []
    stream = Stream(told.append, run_id="r", thread_id="t")
    stream.started()
    for name, *arguments in steps:
        getattr(stream, str(name))(*arguments)
    match end:
        case "finished":
            last: Event = stream.finished()
        case "waiting":
            last = stream.finished(waiting=ApprovalRequested("q", "Sure?", [{"callId": "a"}]))
        case "client":
            last = stream.finished(client_calls=["a"])
        case _:
            last = stream.failed(ModelUnavailable("Gone."))
    return [*told, last]


@given(st.lists(STEPS, max_size=12), ENDS)
def test_started_first_one_terminal_event_last_and_everything_opened_is_closed(
    steps: list[tuple[object, ...]], end: str
) -> None:
    told = perform(steps, end)

    terminal = [e for e in told if isinstance(e, events.RunFinished | events.RunFailed)]
    assert (told[0], terminal) == (events.RunStarted("r", "t"), [told[-1]])
    text: str | None = None
    calls: set[str] = set()
    ready: set[str] = set()
    for event in told:
        match event:
            case events.TextStarted(message_id):
                assert text is None
                text = message_id
            case events.TextDelta(message_id, delta):
                assert text == message_id
                assert delta
            case events.TextEnded(message_id):
                assert text == message_id
                text = None
            case events.ToolCallStarted(message_id, call_id):
                assert text in {None, message_id}
                assert call_id not in calls
                calls.add(call_id)
                ready.discard(call_id)
            case events.ToolCallArguments(call_id):
                assert call_id in calls - ready
            case events.ToolCallReady(call_id):
                assert call_id in calls - ready
                ready.add(call_id)
            case events.ToolCallEnded(call_id=call_id):
                calls.discard(call_id)
    assert text is None
    assert calls <= {"waiting": ready, "client": {"a"}}.get(end, set())


def test_text_that_was_spoken_before_the_end_is_kept_for_the_thread() -> None:
    stream = Stream(lambda event: None, run_id="r", thread_id="t")
    stream.text("m1", "One. ")
    stream.text("m2", "Two ")
    stream.text("m2", "and")

    assert stream.unfinished == ("m2", "Two and")


def test_tokens_of_all_model_calls_of_a_run_are_summed() -> None:
    told: list[Event] = []
    stream = Stream(told.append, run_id="r", thread_id="t")
    usage = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
    for number in range(2):
        stream.message(AIMessage("x", id=str(number), usage_metadata=usage))
    total = {"input_tokens": 20, "output_tokens": 4, "total_tokens": 24}

    assert stream.finished() == events.RunFinished("r", "t", usage=total, rounds=2)
    assert stream.failed(Forbidden("No.")) == events.RunFailed("r", "t", "forbidden", "No.", usage=total, rounds=2)


def test_deltas_have_a_way_of_their_own() -> None:
    told: list[Event] = []
    deltas: list[Event] = []
    stream = Stream(told.append, deltas=deltas.append, run_id="r", thread_id="t")
    stream.text("m1", "Hi")
    stream.call("m1", "c1", "list", {"page": 1})

    assert deltas == [events.TextDelta("m1", "Hi"), events.ToolCallArguments("c1", '{"page": 1}')]
    assert told == [
        events.TextStarted("m1"),
        events.ToolCallStarted("m1", "c1", "list"),
        events.ToolCallReady("c1", "list", {"page": 1}),
    ]
