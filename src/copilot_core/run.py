"""What arrives, whatever the wire: the input of one run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Readable:
    """Something the model may read: information, never an instruction.

    Args:
        description: what it is, in the client's or plugin's words. A later readable of the same
            description replaces an earlier one (checklist S20).
        value: any JSON value.
    """

    description: str
    value: Any


MODULES = "Modules in this workspace"
"""The description under which a plugin tells the workspace's modules; `GET /v1/modules` answers the same.

Its value is a list of ``{slug, name, singular, titleField, fields: [{name, type, required?, options?}]}``.
"""

Readables = Sequence[Readable]
"""All readables of the current run; an action asks for them with ``Injected[Readables]``."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a client sent it. The stored thread is the truth, and this a hint (`graph/merge.py`).

    Args:
        role: user, assistant, system, developer, tool, reasoning or activity.
        content: its text.
        id: the client's; `None` where the wire has none.
        images: of a user message, each ``{"base64": ..., "mime_type": ...}``; never fetched from a URL.
        call_id: of a tool message: the call that it answers.
    """

    role: str
    content: str
    id: str | None = None
    images: Sequence[Mapping[str, str]] = ()
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClientAction:
    """Something that the caller's page can do, offered to the model for this run only (checklist S28)."""

    name: str
    description: str
    json_schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallDecision:
    """What a person decided about one call of a plan.

    Args:
        call_id: the call; empty for every call that is not named.
        arguments: with `edit`: what it is to be run with instead. They pass every policy again.
    """

    call_id: str
    decision: Literal["approve", "reject", "edit"]
    arguments: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person answered to an `ApprovalRequested` of that id.

    Args:
        approved: yes or no to all of it; `None` where the payload says neither, which is refused.
        decisions: call by call, instead.
    """

    id: str
    approved: bool | None
    decisions: Sequence[CallDecision] = ()


YES = frozenset({"yes", "y", "yes please", "ok", "okay", "approve", "approved", "confirm", "go ahead", "do it"})
NO = frozenset({"no", "n", "no thanks", "cancel", "reject", "stop", "don't", "do not"})


def plain_answer(said: str) -> bool | None:
    """Whether a message is, as a whole, a plain yes or no. Matched here and never by a model (design, section 5)."""
    told = said.strip().strip(".!").lower()
    return told in YES if told in YES | NO else None


OnBusy = Literal["reject", "queue", "interrupt"]


@dataclass(frozen=True, slots=True)
class RunInput:
    """One request to think about a message, decoded from any wire.

    Args:
        messages: what the user says, last; clients may send the history before it.
        thread_id: the conversation to continue; ``None`` starts a new one.
        run_id: the client's id of this run; ``None`` lets the server mint one.
        opens_thread: a `thread_id` that the caller does not have yet begins a thread of that id.
        readables: context sent by the client for this run only.
        client_actions: what the page can do.
        answers: to open questions; then the messages are not a new turn.
        state: the page's copy of the shared state, which replaces the thread's; ``None`` leaves it.
        model: the model the client asks for; ``None`` means the default.
        most_credits: what the client lets the run cost; ``None`` leaves it to the workspace's terms.
        timezone: IANA name of the user's zone; ``None`` means UTC.
        on_busy: while another run of the thread goes on: refuse, wait for its end, or stop it first.
    """

    messages: Sequence[Message]
    thread_id: str | None = None
    run_id: str | None = None
    opens_thread: bool = False
    readables: Sequence[Readable] = field(default_factory=tuple)
    client_actions: Sequence[ClientAction] = ()
    answers: Sequence[Answer] = ()
    state: Mapping[str, Any] | None = None
    model: str | None = None
    most_credits: int | None = None
    timezone: str | None = None
    on_busy: OnBusy = "reject"

    @property
    def said(self) -> str:
        """The user's last message; empty if there is none."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")
