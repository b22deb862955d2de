"""What the nodes of a run need that is not the graph's to store: who is asking, and who listens.

Kept in a context variable of the run's own task, never in the graph's state, configuration or context
form: those are checkpointed, or filled in by a client, and could then grant a right.
"""

import dataclasses
from contextvars import ContextVar
from dataclasses import dataclass

from langgraph.config import get_config
from langgraph.runtime import Runtime

from copilot_core.errors import Forbidden
from copilot_core.events import Event
from copilot_core.graph.state import Context
from copilot_core.graph.stream import Stream
from copilot_core.principal import Principal


@dataclass(frozen=True, slots=True)
class Running:
    """The run that this task is part of.

    Args:
        run_key: of the run's row, on which credits are reserved; empty in LangGraph Studio, where nothing is charged.
        model: its full name.
        listens: whether models tell the stream each token. Not so in LangGraph Studio, which takes
            tokens from LangGraph's own stream modes.
    """

    principal: Principal
    stream: Stream
    run_key: str = ""
    model: str = ""
    listens: bool = True


current: ContextVar[Running | None] = ContextVar("copilot_running", default=None)


def running(runtime: Runtime[Context]) -> Running:
    """The current run: the server's, or one that the LangGraph development server started.

    Raises:
        Forbidden: there is neither; a graph invoked by anyone else has no principal.
    """
    found = current.get()
    if found is not None:
        return found
    user = (get_config().get("configurable") or {}).get("langgraph_auth_user")
    principal = getattr(user, "principal", None)  # of studio.Caller
    if not isinstance(principal, Principal):  # JSON that a client sent never is one
        raise Forbidden("This run has no principal.")

    def publish(event: Event) -> None:
        runtime.stream_writer({"type": type(event).__name__, **dataclasses.asdict(event)})

    return Running(principal, Stream(publish, run_id="studio", thread_id="studio"), listens=False)
