"""observe: the round is over; count it."""

from copilot_core.graph.history import open_calls
from copilot_core.graph.state import State


async def observe(state: State) -> State:
    """One more round is done; `after` decides what follows."""
    return {"rounds": state.get("rounds", 0) + 1}


async def after(state: State) -> str:
    """Think about the results, or end: the caller was refused, or the page has to answer its own calls."""
    return "__end__" if state.get("refused") or open_calls(state["messages"]) else "think"
