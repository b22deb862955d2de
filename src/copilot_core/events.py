"""The closed union of domain events: what a run tells every wire, in one order.

The order is decided in one place (`graph/stream.py`): `RunStarted` first, exactly one `RunFinished`
or `RunFailed` last, everything opened is closed before it. Wires are pure encoders of these values
and hold no state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run is accepted and stored; the first event of every run."""

    run_id: str
    thread_id: str


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
    """The model began to call an action. `call_id` is unique within the thread."""

    message_id: str
    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallArguments:
    """More of the JSON text of an open call's arguments; `delta` is never empty."""

    call_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class ToolCallReady:
    """The call's arguments are complete; its `ToolCallEnded` follows unless the run waits for a person."""

    call_id: str


@dataclass(frozen=True, slots=True)
class ToolCallEnded:
    """The call has its result, as the model will read it (checklist S50, S51)."""

    call_id: str
    name: str
    ok: bool
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Custom:
    """A plugin's own event, such as progress: `name` is its type, `value` any JSON."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """Nothing of this round runs before a person answers `question` about the calls `call_ids`."""

    question: str
    call_ids: Sequence[str]


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
        usage: the model's tokens by kind, summed over the run; empty where the model counts none.
    """

    run_id: str
    thread_id: str
    waiting: bool = False
    usage: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run ended with an error; last event, instead of `RunFinished`. The thread stays usable.

    Args:
        code: one of the stable codes in `errors`.
        message: for the client; for `internal_error` it holds only the id that the log has too.
    """

    run_id: str
    thread_id: str
    code: str
    message: str


Event: TypeAlias = (
    RunStarted
    | TextStarted
    | TextDelta
    | TextEnded
    | ToolCallStarted
    | ToolCallArguments
    | ToolCallReady
    | ToolCallEnded
    | Custom
    | ApprovalRequested
    | SourcesUsed
    | RunFinished
    | RunFailed
)
"""Everything a wire must know how to say, or to leave out."""
