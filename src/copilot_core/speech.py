"""How a chat model's words reach whoever listens, one token at a time, without a queue or a task between.

A model that streams looks up `listener` once per call and tells it what it says as it says it. The
engine sets `listener` around each model call; outside a run there is none and a model just returns
its message. LangGraph's own stream modes cost a task per chunk (docs/decisions/0003-token-path.md),
so they are for LangGraph Studio, and this is for the wires.
"""

from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """Told what a model says. Plain synchronous calls: the token path has no await of ours."""

    def text(self, message_id: str, delta: str) -> None:
        """`delta`, never empty, continues the text of the assistant message `message_id`.

        `message_id` is the id of the message that the model returns in the end.
        """

    def call_started(self, message_id: str, call_id: str, name: str) -> None:
        """The model began a tool call; its arguments follow."""

    def call_arguments(self, call_id: str, delta: str) -> None:
        """`delta`, never empty, continues the JSON text of the call's arguments."""


listener: ContextVar[Listener | None] = ContextVar("copilot_listener", default=None)
