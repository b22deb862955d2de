"""One run of the graph: what the caller's input means to the thread, and where the run comes to rest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import add_messages
from langgraph.types import Command, Interrupt, Overwrite, StateSnapshot

from copilot_core.actions import as_text
from copilot_core.engine import Engine
from copilot_core.errors import ApprovalConflict, CreditsExhausted, Forbidden
from copilot_core.events import ApprovalRequested, UiEvent
from copilot_core.graph import Graph
from copilot_core.graph.gate import tool_message
from copilot_core.graph.history import open_calls
from copilot_core.graph.merge import IGNORED, Merge, merge
from copilot_core.graph.running import Running
from copilot_core.graph.state import Context
from copilot_core.run import RunInput, plain_answer
from copilot_core.schema import Json
from copilot_core.store.results import loaded

_Said = AnyMessage | RemoveMessage

ANSWERED = {"answered": True}
"""Wakes the gate, which looks for itself what was answered."""
CANCELLED = {"success": False, "error": "cancelled", "message": "The run was stopped. Check before you repeat this."}


@dataclass(frozen=True, slots=True)
class Rest:
    """Where a run ended well: nothing is left to do, or somebody has to answer.

    Args:
        waiting: the question that a person has to answer.
        client_calls: ids of the calls that the page has to answer.
    """

    waiting: ApprovalRequested | None = None
    client_calls: Sequence[str] = ()


class Turn:
    """One thread's graph, for one run.

    Args:
        reads: whether the thread is looked at first. A message of a client that knows no message ids
            needs that only where somebody waits for an answer.
    """

    def __init__(self, engine: Engine, graph: Graph, thread_key: str, given: RunInput, *, max_rounds: int) -> None:
        self._engine = engine
        self._graph = graph
        self._thread_key = thread_key
        self._config: RunnableConfig = {"configurable": {"thread_id": thread_key}}
        self._given = given
        self._context = Context(
            model=given.model,
            timezone=given.timezone,
            max_rounds=max_rounds,
            readables=[{"description": r.description, "value": r.value} for r in given.readables],
            client_actions=[
                {"name": a.name, "description": a.description, "parameters": a.json_schema}
                for a in given.client_actions
            ],
        )

    async def run(self, run: Running, *, looks: bool) -> Rest:
        """From the input to where the graph rests.

        Args:
            looks: somebody may have to answer something in the thread.

        Raises:
            ApprovalConflict, Invalid: the answers fit no open question; it stays as it was.
            Forbidden, CreditsExhausted: the caller was refused.
        """
        if looks or self._given.opens_thread or self._given.answers:
            return await self._begin(await self._state(), run)
        return await self._invoke(self._input(merge((), self._given.messages).update, turn=True))

    async def resume(self, run: Running, *, was_waiting: bool) -> Rest:
        """Go on with a run whose process died.

        Never asks LangGraph whether there is something left to do: it may say no although there is.
        """
        state = await self._state()
        known = {message.id for message in state.values.get("messages", [])}
        said = [message.id for message in self._given.messages if message.role not in IGNORED]
        if said and said[-1] in known:
            if state.interrupts:
                return Rest(waiting=question(state.interrupts[0]))
            return await self._invoke(None)
        if (self._given.answers or (was_waiting and self._answers)) and not state.interrupts:
            return await self._invoke(None)
        return await self._begin(state, run)

    def expected(self, state: StateSnapshot) -> Sequence[AnyMessage]:
        """The thread's messages with what the caller says to it, whether that is stored already or not yet."""
        messages: list[Any] = state.values.get("messages", [])
        if self._given.answers or (state.interrupts and self._answers):
            return messages
        update: Any = [self._fitted(message) for message in self._merged(state).update]
        return cast("list[AnyMessage]", add_messages(list(messages), update))

    async def stopped(self, run: Running) -> None:
        """Keep what was said, and answer what was asked: the thread is whole, whenever the run was stopped."""
        if not run.stream.begun:
            return
        if run.stream.unfinished is not None:
            await self.keep_partial(run)
            return
        state = await self._state()
        messages = state.values.get("messages", [])
        opened = open_calls(messages)
        if not opened and "act" not in state.next:
            return
        last = max(index for index, message in enumerate(messages) if isinstance(message, AIMessage))
        message_id, results = str(messages[last].id), run.stream.results
        told = [tool_message(message_id, call_id, name, results.get(call_id, CANCELLED)) for call_id, name in opened]
        # what the round's other calls have brought is not in the thread either: an update drops it
        update = {"messages": [*messages[last + 1 :], *told], "shared": state.values.get("shared") or {}}
        await self._graph.aupdate_state(self._config, update, as_node="think")

    async def keep_partial(self, run: Running) -> None:
        """Store a message that broke off while the model spoke."""
        if run.stream.unfinished is not None:
            message_id, text = run.stream.unfinished
            await self._graph.aupdate_state(
                self._config, {"messages": [AIMessage(text, id=message_id)]}, as_node="think"
            )

    async def _state(self) -> StateSnapshot:
        return await self._graph.aget_state(self._config)

    @property
    def _answers(self) -> bool:
        """Whether the caller answers a question instead of saying something new, if there is one."""
        return bool(self._given.answers) or plain_answer(self._given.said) is not None

    async def _begin(self, state: StateSnapshot, run: Running) -> Rest:
        """Invoke the graph with what the caller says to the thread as it stands, if that asks for anything."""
        messages = state.values.get("messages", [])
        if state.interrupts and self._answers:
            asked = state.interrupts[0]
            if await self._engine.approvals.is_answered(asked.value["approval"]):
                run.stream.stored(len(messages))
                run.stream.told_before(call_id for call_id, _ in open_calls(messages))
                return await self._invoke(Command(resume={asked.id: ANSWERED}))
        if self._given.answers:
            raise ApprovalConflict("This question is not open any more.")
        merged = self._merged(state)
        merged = replace(merged, update=[await self._kept(message, run) for message in merged.update])
        if merged.turn or (merged.update and not merged.missing and not state.interrupts):
            return await self._invoke(self._input(merged.update, turn=merged.turn))
        run.stream.stored(len(messages))
        if state.interrupts:
            return Rest(waiting=question(state.interrupts[0]))
        if merged.update:
            await self._graph.aupdate_state(self._config, {"messages": list(merged.update)}, as_node="observe")
        return Rest(client_calls=merged.missing)

    def _merged(self, state: StateSnapshot) -> Merge:
        messages = state.values.get("messages", [])
        opened = open_calls(messages)
        page = {call_id for call_id, name in opened if self._engine.action(name) is None}
        unrun = {call_id for call_id, _ in opened} if state.interrupts else page
        return merge(messages, self._given.messages, page, unrun)

    async def _kept(self, message: _Said, run: Running) -> _Said:
        """The message as the thread keeps it: a page's result that is too large for the model is kept aside."""
        result = self._too_large(message)
        if result is not None:
            await self._engine.results.keep(run.principal, self._thread_key, result)
        return self._fitted(message)

    def _fitted(self, message: _Said) -> _Said:
        result = self._too_large(message)
        if result is None:
            return message
        shown = as_text(self._engine.results.fitted(self._thread_key, result))
        return message.model_copy(update={"content": shown})

    def _too_large(self, message: _Said) -> Json | None:
        if isinstance(message, ToolMessage) and len(message.text) > self._engine.results.most:
            return loaded(message.text)
        return None

    def _input(self, update: Sequence[AnyMessage | RemoveMessage], *, turn: bool) -> Mapping[str, Any]:
        """A page's result goes on with the same rounds; what the user says begins to count anew."""
        given: dict[str, Any] = {"messages": list(update), "refused": None}
        if turn:
            given["rounds"] = 0
        if self._given.state is not None:
            given["shared"] = Overwrite(dict(self._given.state))
        return given

    async def _invoke(self, start: Any) -> Rest:
        updates = self._graph.astream(
            start, self._config, context=self._context, stream_mode="updates", durability="sync"
        )
        waiting: ApprovalRequested | None = None
        refused: Mapping[str, Any] | None = None
        async for update in updates:
            if "__interrupt__" in update:
                waiting = question(update["__interrupt__"][0])
            refused = (update.get("gate") or {}).get("refused") or refused
        if refused:
            kind = CreditsExhausted if refused["code"] == CreditsExhausted.code else Forbidden
            raise kind(refused["message"], details=refused.get("details"))
        if waiting is None and self._context.client_actions:
            opened = open_calls((await self._state()).values.get("messages", []))
            return Rest(client_calls=[call_id for call_id, _ in opened])
        return Rest(waiting=waiting)


def ui_event(event: UiEvent) -> HumanMessage:
    """As the model reads it; pages do not show it."""
    told = json.dumps({"component": event.component, "event": event.name, "payload": event.payload})
    return HumanMessage(f"[The page reports what the user did in it: {told}]", additional_kwargs={"hidden": True})


def question(interrupt: Interrupt) -> ApprovalRequested:
    """What the gate asks."""
    asked = interrupt.value
    return ApprovalRequested(asked["approval"], asked["question"], asked["calls"], asked["expiresAt"])
