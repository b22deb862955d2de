"""observe: the round is over; count it."""

from copilot_core.graph.state import State


async def observe(state: State) -> State:
    """One more round is done; `after` decides what follows."""
    return {"rounds": state.get("rounds", 0) + 1}


async def after(state: State) -> str:
    """Think about the results, or end where the caller was refused."""
    return "__end__" if state.get("refused") else "think"
