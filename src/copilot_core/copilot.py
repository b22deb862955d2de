"""Copilot: start a run for a principal, and follow it. The one door to the engine, whatever the wire."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Self
from uuid import uuid4

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from copilot_core.actions import as_text
from copilot_core.engine import Engine
from copilot_core.errors import Forbidden, InternalError, RequestError
from copilot_core.events import Event
from copilot_core.feed import Feed
from copilot_core.graph import Graph
from copilot_core.graph.history import open_calls, shown
from copilot_core.graph.running import Running, current
from copilot_core.graph.state import Context, State
from copilot_core.graph.stream import Stream
from copilot_core.principal import Principal
from copilot_core.run import RunInput
from copilot_core.store.threads import Begun, Threads

log = logging.getLogger("copilot_core.runs")
YES = frozenset({"yes", "y", "yes please", "ok", "okay", "approve", "approved", "confirm", "go ahead", "do it"})
NO = frozenset({"no", "n", "no thanks", "cancel", "reject", "stop", "don't", "do not"})


class Copilot:
    """Starts runs and keeps them going, detached from whoever asked for them."""

    def __init__(self, engine: Engine, graph: Graph, threads: Threads, *, max_rounds: int = 10) -> None:
        self.engine = engine
        self.graph = graph
        self.threads = threads
        self._max_rounds = max_rounds
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: dict[type[Event], list[Any]] = {}
        for listener in engine.registry.listeners:
            for kind in listener.wants:
                self._listeners.setdefault(kind, []).append(listener.hear)

    async def start(self, given: RunInput, principal: Principal) -> Feed:
        """Begin a run; it is stored, and its first event published, when this returns.

        The run goes on whether or not anybody reads the feed.

        Raises:
            ModelNotAllowed, NotFound, ThreadBusy: nothing was begun.
        """
        model = self.engine.models.name(given.model)
        begun = await self.threads.begin(
            principal, thread_id=given.thread_id, run_id=given.run_id, message=given.message, model=model
        )
        feed = Feed()
        stream = Stream(self._publisher(feed, principal), run_id=begun.run_id, thread_id=begun.thread_id)
        stream.started()
        task = asyncio.create_task(self._drive(begun, given, Running(principal, stream)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return feed

    async def conversation(self, thread_id: str, principal: Principal) -> dict[str, Any]:
        """The thread as its owner sees it; raises `NotFound`.

        Returns:
            `messages`, each ``{id, role, content, toolCalls?, toolCallId?}``, and `question`: what waits
            for a yes or no, or `None`.
        """
        thread = await self.threads.find(principal, thread_id)
        state = await self.graph.aget_state({"configurable": {"thread_id": thread.key}})
        question = state.interrupts[0].value["question"] if state.interrupts else None
        return {"messages": [shown(message) for message in state.values.get("messages", [])], "question": question}

    async def __aenter__(self) -> Self:
        self._beating = asyncio.create_task(self.threads.beat())
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()
        self._beating.cancel()

    async def close(self, *, patience: float = 10.0) -> None:
        """Let running runs end for `patience` seconds, then stop them; each still ends with its event."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _publisher(self, feed: Feed, principal: Principal) -> Any:
        listeners = self._listeners
        if not listeners:
            return feed.publish

        def publish(event: Event) -> None:
            feed.publish(event)
            for hear in listeners.get(type(event), ()):
                try:
                    hear(event, principal)
                except Exception:
                    log.exception("a listener failed on %s", type(event).__name__)

        return publish

    async def _drive(self, begun: Begun, given: RunInput, run: Running) -> None:
        """Run the graph to its end, store that it ended, then publish the terminal event."""
        current.set(run)
        config: RunnableConfig = {"configurable": {"thread_id": begun.thread_key}}
        try:
            question = await self._turn(begun, given, config)
        except RequestError as error:
            log.warning("run %s: %s", begun.run_id, error, exc_info=error.__cause__)
            await self._failed(begun, config, run, error)
        except asyncio.CancelledError:
            await self._failed(begun, config, run, InternalError("The server stopped before the answer was complete."))
        except Exception as error:
            number = uuid4().hex[:12]
            log.exception("run %s failed, error id %s", begun.run_id, number, exc_info=error)
            await self._failed(begun, config, run, InternalError(f"Something went wrong (error id {number})."))
        else:
            await self.threads.end(begun, "waiting" if question else "finished")
            if question:
                run.stream.waiting(question["question"], question["calls"])
            else:
                run.stream.finished()

    async def _turn(self, begun: Begun, given: RunInput, config: RunnableConfig) -> Mapping[str, Any] | None:
        """One invocation of the graph; the question that it stopped at, if it did.

        Raises:
            Forbidden: the caller was refused.
        """
        context = Context(
            model=given.model,
            timezone=given.timezone,
            max_rounds=self._max_rounds,
            readables=[{"description": r.description, "value": r.value} for r in given.readables],
        )
        start = await self._resumption(given, config) if begun.was_waiting else _input(given.message)
        updates = self.graph.astream(start, config, context=context, stream_mode="updates", durability="sync")
        question: Mapping[str, Any] | None = None
        refused: str | None = None
        async for update in updates:
            if "__interrupt__" in update:
                question = update["__interrupt__"][0].value
            refused = (update.get("gate") or {}).get("refused") or refused
        if refused:
            raise Forbidden(refused)
        return question

    async def _resumption(self, given: RunInput, config: RunnableConfig) -> Command[Any] | State:
        """What a message means while a question is open: yes, no, or no and a new message.

        Matched here, on the whole text, and never by a model (design, section 5).
        """
        state = await self.graph.aget_state(config)
        answer = given.message.strip().strip(".!").lower()
        if state.interrupts and answer in YES | NO:
            return Command(resume={state.interrupts[0].id: {"approved": answer in YES}})
        told = as_text({"success": False, "error": "declined", "message": "The user did not approve this."})
        declined = [
            ToolMessage(told, tool_call_id=call_id, name=name, status="error")
            for call_id, name in open_calls(state.values.get("messages", []))
        ]
        return _input(given.message, *declined)

    async def _failed(self, begun: Begun, config: RunnableConfig, run: Running, error: RequestError) -> None:
        """Keep what was said, store the end, tell it."""
        try:
            if run.stream.unfinished is not None:
                message_id, text = run.stream.unfinished
                partial: State = {"messages": [AIMessage(text, id=message_id)]}
                await self.graph.aupdate_state(config, partial, as_node="think")
            await self.threads.end(begun, "failed", error.code)
        except Exception:
            log.exception("the end of run %s could not be stored", begun.run_id)
        finally:
            run.stream.failed(error)


def _input(message: str, *before: ToolMessage) -> State:
    human = HumanMessage(message, id=f"msg_{uuid4().hex}")
    return {"messages": [*before, human], "rounds": 0, "refused": None}
