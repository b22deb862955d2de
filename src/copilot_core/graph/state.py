"""What is checkpointed (State) and what a caller sets per run (Context): plain data only."""

from collections.abc import Mapping
from typing import Annotated, Any

from langchain_core.messages import AnyMessage
from langgraph.graph import add_messages
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from copilot_core.run import Readable


def _changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Shared state after an action changed some of its keys."""
    return {**values, **changes}


class Summary(TypedDict):
    """Of the beginning of a thread, up to and with the message `until`."""

    text: str
    until: str


class State(TypedDict, total=False):
    """The thread. `rounds` and `refused` are of the current run and reset by its input.

    `refused`, ``{code, message, details?}``, is why what the model tried may not be done; it ends the run. `shared` is
    what page and copilot both see beside the messages; `summary` stands in prompts for the beginning of a long thread.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    rounds: int
    refused: Mapping[str, Any] | None
    shared: Annotated[Mapping[str, Any], _changed]
    summary: Summary


class Context(BaseModel):
    """One run's settings, never checkpointed, shown as a form in LangGraph Studio.

    Who is asking is not among them: see `graph/running.py`.
    """

    model: str | None = Field(None, description="Which of the allowed models thinks; empty for the default")
    timezone: str | None = Field(None, description="IANA name of the user's time zone; empty for UTC")
    max_rounds: int = Field(10, ge=1, le=50, description="Rounds of tool calls before a final answer is due")
    readables: list[dict[str, Any]] = Field(
        default_factory=list, description="What the user's page tells: {description, value} each"
    )
    client_actions: list[dict[str, Any]] = Field(
        default_factory=list, description="What the user's page can do: {name, description, parameters} each"
    )

    def told(self) -> list[Readable]:
        """What an action may read of the request: the page's readables, then its time zone, which so wins."""
        page = [Readable(str(r["description"]), r["value"]) for r in self.readables]
        return page if self.timezone is None else [*page, Readable("Time zone", {"timezone": self.timezone})]
