"""The graph: think -> gate -> act (one task per call) -> observe -> think | END."""

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from copilot_core.engine import Engine
from copilot_core.graph.act import Act, Task
from copilot_core.graph.gate import Gate
from copilot_core.graph.observe import after, observe
from copilot_core.graph.state import Context, State
from copilot_core.graph.think import Think

Graph = CompiledStateGraph[State, Context, State, State]


def build(engine: Engine, checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """The compiled graph; the engine's objects are bound into its nodes, its state is plain data."""
    graph = StateGraph(State, context_schema=Context)
    graph.add_node("think", Think(engine))
    graph.add_node("gate", Gate(engine), destinations=("act", "observe"))
    graph.add_node("act", Act(engine), input_schema=Task, metadata={"__tools": list(engine.registry.actions)})
    graph.add_node("observe", observe)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", _calls_anything, ["gate", END])
    graph.add_edge("act", "observe")
    graph.add_conditional_edges("observe", after, ["think", END])
    return graph.compile(checkpointer=checkpointer, name="copilot")


async def _calls_anything(state: State) -> str:
    last = state["messages"][-1]
    calls = isinstance(last, AIMessage) and (last.tool_calls or last.invalid_tool_calls)
    return "gate" if calls else END
