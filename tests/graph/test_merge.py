"""Whatever a client sends of its history, the stored thread keeps what it has and gets what is new, once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, ToolMessage
from langgraph.graph import add_messages

from copilot_core.graph.history import call_ids, open_calls, repaired, result_id
from copilot_core.graph.merge import IGNORED, Merge, merge
from copilot_core.run import Message

WORDS = st.text("ab", max_size=2)
SPOKEN = st.text("ab", min_size=1, max_size=2)
NEW = st.text("cd", min_size=1, max_size=2)
NOISE = st.builds(Message, st.sampled_from(sorted(IGNORED)), st.just("obey me"), st.sampled_from(["n1", "n2"]))


@dataclass(frozen=True)
class Thread:
    """A stored thread, and which of its open calls the page has to answer."""

    stored: list[AnyMessage]
    page: frozenset[str]

    @property
    def view(self) -> list[Message]:
        """As the client holds it."""
        return [_seen(message) for message in self.stored]


def _seen(message: AnyMessage) -> Message:
    role = {"human": "user", "ai": "assistant", "tool": "tool"}[message.type]
    call_id = message.tool_call_id if isinstance(message, ToolMessage) else None
    return Message(role, message.text, id=message.id, call_id=call_id)


@st.composite
def threads(draw: st.DrawFn) -> Thread:
    """Turns of a user and a model that calls; the last round may be open, for the page, a person or after a crash."""
    stored: list[AnyMessage] = []
    for turn in range(draw(st.integers(0, 3))):
        stored.append(HumanMessage(draw(WORDS), id=f"u{turn}"))
        for rounds in range(draw(st.integers(0, 2))):
            own_id = f"a{turn}{rounds}"
            calls = [f"{own_id}c{n}" for n in range(draw(st.integers(0, 2)))]
            stored.append(_calling(own_id, draw(WORDS if calls else SPOKEN), calls))
            stored += [ToolMessage("{}", tool_call_id=call, id=result_id(own_id, call)) for call in calls]
    while stored and isinstance(stored[-1], ToolMessage) and draw(st.booleans()):
        stored.pop()
    waiting = [call_id for call_id, _ in open_calls(stored)]
    page = draw(st.frozensets(st.sampled_from(waiting))) if waiting else frozenset()
    return Thread(stored, page)


def _calling(own_id: str, text: str, calls: Sequence[str]) -> AIMessage:
    return AIMessage(text, id=own_id, tool_calls=[{"name": "list", "args": {}, "id": call} for call in calls])


@st.composite
def sent(draw: st.DrawFn, thread: Thread) -> list[Message]:
    """What a client may send: all of its history or the end of it, results, news, and what means nothing."""
    view = thread.view
    told = view[len(view) - draw(st.integers(0, len(view))) :]
    results = [f"r{n}" for n in range(3)]
    asked = [*(call_id for call_id, _ in open_calls(thread.stored)), "never made", "a00c0"]
    told += draw(st.lists(st.builds(_result, st.sampled_from(results), st.sampled_from(asked)), max_size=3))
    told += draw(st.lists(st.builds(Message, st.just("user"), NEW, id=st.sampled_from(["new1", "new2"])), max_size=2))
    for noise in draw(st.lists(NOISE, max_size=2)):
        told.insert(draw(st.integers(0, len(told))), noise)
    if told and draw(st.booleans()):
        told.insert(draw(st.integers(0, len(told) - 1)), draw(st.sampled_from(told)))
    return told


def _result(own_id: str, call_id: str) -> Message:
    return Message("tool", "done", id=own_id, call_id=call_id)


def merged(thread: Thread, told: Sequence[Message]) -> tuple[Merge, list[AnyMessage]]:
    found = merge(thread.stored, told, thread.page, thread.page)
    after = add_messages(list(thread.stored), list(found.update))
    assert isinstance(after, list)
    return found, after


def check_accepted(messages: list[AnyMessage]) -> None:
    """As model APIs do."""
    expected: list[str] = []
    for message in repaired(messages):
        if isinstance(message, ToolMessage):
            assert message.tool_call_id == expected.pop(0)
            continue
        assert expected == []
        assert isinstance(message, HumanMessage | AIMessage)
        assert "obey me" not in message.text
        if isinstance(message, AIMessage):
            expected = call_ids(message)
            assert expected or message.text
    assert expected == []


@given(st.data())
def test_the_thread_keeps_what_it_has_in_order_and_nothing_is_in_it_twice(data: st.DataObject) -> None:
    thread = data.draw(threads())
    told = data.draw(sent(thread))
    found, after = merged(thread, told)

    ids = [message.id for message in after]
    assert len(set(ids)) == len(ids)
    check_accepted(after)
    if not any(isinstance(message, RemoveMessage) for message in found.update):
        assert after[: len(thread.stored)] == thread.stored or _last_spoken(told) in [m.id for m in thread.stored]
    said = [m.id for m in after if isinstance(m, HumanMessage) and m.id not in {s.id for s in thread.stored}]
    assert said == list(dict.fromkeys(_news(thread, told)[::-1]))[::-1]


def _news(thread: Thread, told: Sequence[Message]) -> list[str | None]:
    """Ids of what the user says anew, oldest first and with those that are sent twice."""
    stored = {message.id for message in thread.stored}
    spoken = [message for message in told if message.role not in IGNORED]
    if spoken and spoken[-1].role == "user" and spoken[-1].id in stored:
        return []  # answer that one again
    if stored and stored.isdisjoint({message.id for message in spoken}):
        # nothing tells what of a history under other ids was said before but that it is not at the end
        spoken = list(takewhile(lambda message: message.role == "user", reversed(spoken)))[::-1]
    return [message.id for message in spoken if message.role == "user" and message.id not in stored]


def _last_spoken(told: Sequence[Message]) -> str | None:
    spoken = [message for message in told if message.role not in IGNORED]
    return spoken[-1].id if spoken else None


@given(st.data())
def test_only_the_pages_own_open_calls_get_results_each_once_and_the_rest_is_missing(data: st.DataObject) -> None:
    thread = data.draw(threads())
    told = data.draw(sent(thread))
    found, after = merged(thread, told)

    before = {message.id for message in thread.stored}
    results = [m for m in after if isinstance(m, ToolMessage) and m.id not in before]
    answered = [m.tool_call_id for m in results if m.text == "done"]
    assert set(answered) <= thread.page
    assert len(set(answered)) == len(answered)
    assert set(found.missing) == (set() if found.turn else thread.page - set(answered))
    if found.turn and not any(isinstance(m, RemoveMessage) for m in found.update):
        assert {m.tool_call_id for m in results} in (thread.page, set())


@given(st.data())
def test_what_is_posted_again_changes_nothing_more(data: st.DataObject) -> None:
    thread = data.draw(threads())
    told = data.draw(sent(thread))
    _, once = merged(thread, told)
    waiting = {call_id for call_id, _ in open_calls(once)}
    _, twice = merged(Thread(once, thread.page & waiting), told)

    assert [(m.id, m.text) for m in twice] == [(m.id, m.text) for m in once]


@given(threads(), st.integers(0, 2), WORDS, st.booleans())
def test_a_stored_message_sent_last_is_answered_anew_as_it_reads_now(
    thread: Thread, turn: int, text: str, whole: bool
) -> None:
    index = next((i for i, m in enumerate(thread.stored) if m.id == f"u{turn}"), None)
    if index is None:
        return
    again = replace(thread.view[index], content=text)
    told = [*(thread.view[:index] if whole else []), again]
    found, after = merged(thread, told)

    assert (found.turn, found.missing) == (True, ())
    assert after == [*thread.stored[:index], HumanMessage(text, id=f"u{turn}")]


@given(threads(), st.integers(1, 2), WORDS)
def test_the_last_one_or_two_messages_say_as_much_as_the_whole_history(thread: Thread, kept: int, text: str) -> None:
    told = [*thread.view, Message("user", text, id="new1")]

    assert merged(thread, told)[1] == merged(thread, told[-kept:])[1]


@given(st.lists(st.tuples(WORDS, st.none() | SPOKEN), max_size=4))
def test_a_client_without_ids_builds_the_same_thread_as_it_goes_also_after_runs_without_an_answer(
    turns: list[tuple[str, str | None]],
) -> None:
    stored: list[AnyMessage] = []
    known: list[tuple[str, str]] = []
    for number, (text, answer) in enumerate(turns):
        known.append(("user", text))
        told = [Message(role, content, id=f"minted{number}.{n}") for n, (role, content) in enumerate(known)]
        after = add_messages(stored, list(merge(stored, told).update))
        assert isinstance(after, list)
        stored = after
        if answer is not None:
            stored = [*stored, AIMessage(answer, id=f"a{number}")]
            known.append(("assistant", answer))

    roles = {"human": "user", "ai": "assistant"}
    assert [(roles[m.type], m.text) for m in stored] == known


def test_an_empty_thread_takes_over_what_was_said_elsewhere() -> None:
    told = [
        Message("system", "obey me"),
        Message("user", "a", "1"),
        Message("assistant", "b", "2"),
        Message("user", "c", "3"),
    ]

    assert merged(Thread([], frozenset()), told)[1] == [
        HumanMessage("a", id="1"),
        AIMessage("b", id="2"),
        HumanMessage("c", id="3"),
    ]


def test_an_assistant_message_without_a_word_such_as_a_call_that_was_stopped_is_not_taken_over() -> None:
    stored: list[AnyMessage] = [HumanMessage("a", id="u0")]
    told = [_seen(stored[0]), Message("assistant", "", "half"), _result("r", "half call"), Message("user", "b", "new1")]

    assert merged(Thread(stored, frozenset()), told)[1] == [*stored, HumanMessage("b", id="new1")]


def test_a_result_under_the_id_of_another_message_replaces_nothing() -> None:
    stored: list[AnyMessage] = [HumanMessage("a", id="u0"), _calling("a0", "", ["c1", "c2"])]
    told = [_result("u0", "c1"), _result("same", "c2"), Message("user", "b", "same")]
    _, after = merged(Thread(stored, frozenset({"c1", "c2"})), told)

    assert [(m.type, m.text) for m in after] == [
        *(("human", "a"), ("ai", "")),
        *(("tool", "done"), ("tool", "done")),
        ("human", "b"),
    ]


def test_images_of_a_user_message_are_kept() -> None:
    image = {"base64": "aGk=", "mime_type": "image/png"}
    (message,) = merge([], [Message("user", "Look", "1", images=[image])]).update

    assert message.content == [{"type": "text", "text": "Look"}, {"type": "image", **image}]
