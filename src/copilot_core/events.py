"""The closed union of domain events: what a run tells every wire, in one order.

The order is decided in one place (`graph/stream.py`): `RunStarted` first, exactly one `RunFinished`
or `RunFailed` last, everything opened is closed before it. Wires are pure encoders of these values
and hold no state.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, get_args

from pydantic.alias_generators import to_camel


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run is accepted and stored; the first event of every run."""

    run_id: str
    thread_id: str


@dataclass(frozen=True, slots=True)
class InputStored:
    """What the caller sent is part of the thread now.

    Args:
        position: how many of the thread's messages come before what this run adds. Whoever joins late
            takes those from the thread, and the rest from the run's events.
    """

    position: int


@dataclass(frozen=True, slots=True)
class MessagesSnapshot:
    """The thread's messages up to here, in AG-UI's form; they replace what was told of them before.

    Sent to who connects to a thread, and when another process took the run over.
    """

    messages: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class StateSnapshot:
    """The thread's shared state, whole: what page and actions both see."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StateDelta:
    """A change of the shared state, as a JSON Patch (RFC 6902)."""

    patch: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class TextStarted:
    """The assistant message `message_id` begins to have text."""

    message_id: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of an open message; `delta` is never empty."""

    message_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class TextEnded:
    """The text of `message_id` is complete."""

    message_id: str


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """The model began to call an action. `call_id` is unique among the run's open calls.

    Args:
        client: the caller's own page carries it out; the run ends without a result for it.
        render: how a page may show the call, ``{component, props}``; as the action declared it.
    """

    message_id: str
    call_id: str
    name: str
    client: bool = False
    render: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ToolCallArguments:
    """More of the JSON text of an open call's arguments; `delta` is never empty."""

    call_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class ToolCallReady:
    """The call's arguments are complete; its `ToolCallEnded` follows unless the run waits for somebody.

    Args:
        arguments: all of them; empty where the model wrote something that is no JSON object.
        client: the caller's own page carries it out.
    """

    call_id: str
    name: str
    arguments: Mapping[str, Any]
    client: bool = False


@dataclass(frozen=True, slots=True)
class ToolCallEnded:
    """The call has its result, as the model will read it (checklist S50, S51).

    Args:
        message_id: of the message that keeps the result in the thread.
        credits: what the call has cost.
    """

    call_id: str
    name: str
    ok: bool
    result: Mapping[str, Any]
    message_id: str
    credits: int = 0


@dataclass(frozen=True, slots=True)
class ReceiptIssued:
    """A call wrote something; `POST /v1/receipts/{id}/undo` takes it back where it is `reversible`.

    Args:
        title: the action, in words.
        message: what it said it did.
        undone: somebody took it back already; only in what is told of the past.
    """

    receipt_id: str
    call_id: str
    action: str
    title: str
    message: str
    reversible: bool
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Custom:
    """A plugin's own event, such as progress: `name` is its type, `value` any JSON."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class UiEvent:
    """A component that the page rendered for a call tells something back, as its action declared (S56).

    Not said by a person and no instruction: the model reads it as information in the next run.
    """

    call_id: str
    component: str
    name: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """Nothing of this round runs before a person answers `question`.

    Args:
        id: of the approval; an answer must bring it, and counts once.
        question: in words, with every call's arguments.
        calls: ``{callId, action, title, arguments, reason, reversible, preview?}`` of each call that
            needs the answer; `preview` is ``{summary, rows?, changes?}`` as the action foresees it.
        expires_at: after this instant (ISO 8601) no answer counts.
        held: ids of the round's other calls, which wait with them.
    """

    id: str
    question: str
    calls: Sequence[Mapping[str, Any]]
    expires_at: str = ""
    held: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where an answer comes from, as the reader of the answer should see it."""

    type: str
    label: str


@dataclass(frozen=True, slots=True)
class SourcesUsed:
    """Every source used in this run, each once, in order of use. At most once a run, never empty."""

    sources: Sequence[Source]


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over and its thread can take the next message; last event, instead of `RunFailed`.

    Args:
        waiting: a plan waits for a person's yes or no (docs/decisions/0005-approval-on-the-chat-wire.md).
        client_calls: calls that wait for the page's results; the next run brings them.
        stopped: somebody stopped it; what was said until then is kept.
        model: which model thought.
        usage: the model's tokens by kind, summed over the run; empty where the model counts none.
        rounds: how often the model answered.
        credits: what it has cost.
    """

    run_id: str
    thread_id: str
    waiting: ApprovalRequested | None = None
    client_calls: Sequence[str] = ()
    stopped: bool = False
    model: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)
    rounds: int = 0
    credits: int = 0


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run ended with an error; last event, instead of `RunFinished`. The thread stays usable.

    Args:
        code: one of the stable codes in `errors`.
        message: for the client; for `internal_error` it holds only the id that the log has too.
        usage, rounds, credits: as of a run that finishes, until then.
    """

    run_id: str
    thread_id: str
    code: str
    message: str
    usage: Mapping[str, int] = field(default_factory=dict)
    rounds: int = 0
    credits: int = 0


Event: TypeAlias = (
    RunStarted
    | InputStored
    | MessagesSnapshot
    | StateSnapshot
    | StateDelta
    | TextStarted
    | TextDelta
    | TextEnded
    | ToolCallStarted
    | ToolCallArguments
    | ToolCallReady
    | ToolCallEnded
    | ReceiptIssued
    | Custom
    | UiEvent
    | ApprovalRequested
    | SourcesUsed
    | RunFinished
    | RunFailed
)
"""Everything a wire must know how to say, or to leave out."""

_KINDS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
_NAMES = {kind: {f.name: to_camel(f.name) for f in dataclasses.fields(kind)} for kind in _KINDS.values()}


def dumped(event: Event) -> dict[str, Any]:
    """The event as JSON: ``{"type": "TextDelta", "messageId": ..., "delta": ...}``; `loaded` is its inverse."""
    told = {"type": type(event).__name__, **_members(event)}
    if isinstance(event, SourcesUsed):
        told["sources"] = [dataclasses.asdict(source) for source in event.sources]
    elif isinstance(event, RunFinished) and event.waiting:
        told["waiting"] = _members(event.waiting)
    return told


def loaded(told: Mapping[str, Any]) -> Event:
    """The event that `dumped` made `told` of."""
    kind = _KINDS[told["type"]]
    values = _values(kind, told)
    if kind is SourcesUsed:
        values["sources"] = tuple(Source(**source) for source in told["sources"])
    elif kind is RunFinished and told.get("waiting"):
        values["waiting"] = ApprovalRequested(**_values(ApprovalRequested, told["waiting"]))
    return kind(**values)


def _members(event: Event) -> dict[str, Any]:
    return {camel: getattr(event, name) for name, camel in _NAMES[type(event)].items()}


def _values(kind: type[Event], told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told[camel] for name, camel in _NAMES[kind].items() if camel in told}


def ends(event: Event) -> bool:
    """Whether it is a run's last event."""
    return isinstance(event, RunFinished | RunFailed)
