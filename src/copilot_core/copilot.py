"""Copilot: start a run for a principal, follow it, stop it. The one door to the engine, whatever the wire."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from uuid import uuid4

from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from sqlalchemy.exc import NoResultFound
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.actions import Action, as_text
from copilot_core.clock import Clock
from copilot_core.engine import Engine
from copilot_core.errors import (
    ActionError,
    ApprovalConflict,
    Forbidden,
    InternalError,
    Invalid,
    NotFound,
    RequestError,
    RunLimit,
    UndoConflict,
)
from copilot_core.events import (
    Event,
    MessagesSnapshot,
    ReceiptIssued,
    RunFailed,
    RunFinished,
    RunStarted,
    StateSnapshot,
    TextDelta,
    ToolCallArguments,
    UiEvent,
)
from copilot_core.feed import Feed
from copilot_core.graph import Graph
from copilot_core.graph.history import open_calls, shown
from copilot_core.graph.running import Running, current
from copilot_core.graph.story import story
from copilot_core.graph.stream import Publish, Stream
from copilot_core.graph.turn import Rest, Turn, question, ui_event
from copilot_core.hookspecs import Job
from copilot_core.identity import ApiKeys
from copilot_core.metrics import Metrics
from copilot_core.policies import Deny, ProposedCall, decide
from copilot_core.principal import Principal
from copilot_core.run import Answer, CallDecision, RunInput
from copilot_core.schema import Json
from copilot_core.store.approvals import calls_of
from copilot_core.store.log import INTERVAL, LIVE, EventLog, Reader
from copilot_core.store.notifications import StoredNotifications
from copilot_core.store.receipts import receipt_of
from copilot_core.store.runs import BEAT, Begun, Runs
from copilot_core.store.tables import ReceiptRow, Run, Thread
from copilot_core.store.threads import Threads
from copilot_core.store.workspaces import Workspaces
from copilot_core.suggestions import Suggestions
from copilot_core.toolcall import Call, Emit

log = logging.getLogger("copilot_core.runs")
SKIPPED = 10_000
"""Sequence numbers that a take-over leaves out: some that the dead process gave away never reached the log."""
FORGET_EVERY = 3600.0
CLIENT_ACTION_CHARS = 65_536
"""How much a page's actions may have in all: names, descriptions and schemas."""
QUEUE_POLL = 0.1
"""Seconds between looks whether a queued run's turn has come."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A thread as a page finds it: `before` stands for all that was, `reader` brings what is still to come."""

    before: Sequence[Event]
    reader: Reader | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A thread at one moment.

    Args:
        run: its latest one.
        state: the checkpoint.
        messages: in AG-UI's form, what a live run has said to its end included.
        until: the sequence number of the last event of a live run that is in all this.
    """

    run: Run | None
    state: Any
    messages: Sequence[Mapping[str, Any]]
    shared: Mapping[str, Any]
    until: int = 0


class Copilot:
    """Starts runs and keeps them going, detached from whoever asked for them."""

    def __init__(
        self,
        engine: Engine,
        graph: Graph,
        threads: Threads,
        runs: Runs,
        events: EventLog,
        notifications: StoredNotifications,
        workspaces: Workspaces,
        keys: ApiKeys,
        *,
        max_rounds: int = 10,
        run_seconds: float = 600.0,
        client_actions: int = 64,
        retention: timedelta | None = None,
    ) -> None:
        self.engine = engine
        self.graph = graph
        self.threads = threads
        self.runs = runs
        self.events = events
        self.notifications = notifications
        self.workspaces = workspaces
        self.keys = keys
        self.suggestions = Suggestions(engine)
        self._max_rounds = max_rounds
        self._run_seconds = run_seconds
        self._client_actions = client_actions
        self._retention = retention
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[str] = set()
        self._stoppable: dict[str, bool] = {}
        self._background: list[asyncio.Task[None]] = []
        self._renders = {a.name: a.render.hint for a in engine.registry.actions.values() if a.render is not None}
        self.metrics = Metrics(engine.registry.actions, lambda: len(self._tasks))
        self._listeners: dict[type[Event], list[Any]] = {}
        for listener in engine.registry.listeners:
            for kind in listener.wants:
                self._listeners.setdefault(kind, []).append(listener.hear)

    async def start(self, given: RunInput, principal: Principal) -> Reader:
        """Begin a run; it is stored, and its first event published, when this returns.

        The run goes on whether or not anybody reads it. A run id that the thread has seen begins nothing:
        its run is read again from the first event.

        Raises:
            CreditsExhausted, Invalid, ModelNotAllowed, NotFound, ThreadBusy: nothing was begun.
        """
        self._check_client_actions(given)
        model = await self.engine.model_for(principal, given.model)
        begun = await self.runs.begin(principal, given, model)
        if not begun.attached:
            self._launch(begun, Feed(begun.run_key, begun.base + 1))
        if begun.queued and given.on_busy == "interrupt":
            await self._beat()  # what it interrupts may be here
        return Reader(self.events, begun.run_key, begun.run_id, after=begun.base)

    def _check_client_actions(self, given: RunInput) -> None:
        """They are told to the model in each round; raises `Invalid`."""
        offered, most = given.client_actions, self._client_actions
        if len(offered) > most:
            raise Invalid(f"A page may offer {most} actions at most.", details={"field": "tools", "limit": most})
        size = sum(len(a.name) + len(a.description) + len(as_text(a.json_schema)) for a in offered)
        if size > CLIENT_ACTION_CHARS:
            told = f"The actions of a page may have {CLIENT_ACTION_CHARS} characters in all."
            raise Invalid(told, details={"field": "tools", "limit": CLIENT_ACTION_CHARS})

    async def answer(
        self, approval_id: str, principal: Principal, decisions: Sequence[CallDecision]
    ) -> tuple[Reader, str]:
        """Decide about a plan: the run that carries the decision out, and its thread.

        Raises:
            NotFound: the principal has no such approval.
            ApprovalConflict: it is answered, expired, or the user went on without it.
            Invalid: the decisions do not fit its calls.
            Forbidden: the principal may not approve what they may not do; it stays open.
            ThreadBusy: a run of the thread goes on.
        """
        asked = await self.engine.approvals.find(principal, approval_id)
        if any(decision.decision != "reject" for decision in decisions):
            for action in filter(None, (self.engine.action(call["action"]) for call in calls_of(asked))):
                await self._check_allowed(action, principal)
        thread_id = await self.threads.id_of(asked.thread_key)
        last = await self.runs.latest(asked.thread_key, asked.run_id)
        page = RunInput(()) if last is None else self.runs.input_of(last)  # on which the plan was made
        answers = [Answer(approval_id, None, decisions)]
        given = RunInput((), thread_id=thread_id, answers=answers, readables=page.readables, timezone=page.timezone)
        model = last.model if last is not None else self.engine.models.default
        begun = await self.runs.begin(principal, given, model, strict=True)
        self._launch(begun, Feed(begun.run_key, begun.base + 1))
        return Reader(self.events, begun.run_key, begun.run_id, after=begun.base), thread_id

    async def follow(self, run_id: str, principal: Principal, *, after: int = 0) -> Reader:
        """A run from the event after the sequence number `after`; raises `NotFound`."""
        run = await self.runs.find(principal, run_id)
        return Reader(self.events, run.key, run.id, after=max(after, run.base))

    async def reread(self, thread_id: str, principal: Principal) -> Reader | None:
        """The thread's live run from its first event, if there is one; an unknown thread has none."""
        try:
            thread = await self.threads.find(principal, thread_id)
        except NotFound:
            return None
        run = await self.runs.latest(thread.key)
        return Reader(self.events, run.key, run.id, after=run.base) if run is not None and run.status in LIVE else None

    async def join(self, thread_id: str, principal: Principal) -> Joined:
        """The thread as it is, and the run that goes on in it; raises `NotFound`."""
        thread = await self.threads.find(principal, thread_id)
        seen = await self._see(thread)
        run_id = seen.run.id if seen.run is not None else thread.key
        before: list[Event] = [RunStarted(run_id, thread.id), MessagesSnapshot(seen.messages)]
        if seen.shared:
            before.append(StateSnapshot(seen.shared))
        written = await self.engine.receipts.list(principal, thread_key=thread.key)
        before += [self._issued(row) for row in reversed(written)]
        if seen.run is not None and seen.run.status in LIVE:
            return Joined(before, Reader(self.events, seen.run.key, run_id, after=seen.until))
        waiting = question(seen.state.interrupts[0]) if await self._asks(seen.state) else None
        if waiting is not None:
            before.append(waiting)
        stored = seen.state.values.get("messages", [])
        page = [call_id for call_id, name in open_calls(stored) if not self._is_ours(name)]
        credits = 0 if seen.run is None else seen.run.credits
        last = RunFinished(run_id, thread.id, waiting=waiting, client_calls=page, credits=credits)
        return Joined([*before, last], None)

    async def stop(self, run: Run) -> bool:
        """Stop a run, in whichever process it is; whether there was anything to stop."""
        if run.status not in LIVE:
            return False
        if run.key not in self._stoppable:
            await self.runs.ask_to_stop(run.key)
            return True
        return self._cancel(run.key)

    def _cancel(self, run_key: str) -> bool:
        """Stop a run of this process, unless it is ending by itself."""
        if not self._stoppable.get(run_key):
            return False
        self._stopping.add(run_key)
        return self._tasks[run_key].cancel()

    async def conversation(self, thread_id: str, principal: Principal) -> dict[str, Any]:
        """The thread as its owner sees it; raises `NotFound`.

        Returns:
            `messages`, each ``{id, role, content, toolCalls?, toolCallId?}``; `question`, what waits for a
            yes or no, or `None`; `run`, ``{id, status}`` of the latest run, or `None`.
        """
        thread = await self.threads.find(principal, thread_id)
        seen = await self._see(thread)
        asked = seen.state.interrupts[0].value["question"] if await self._asks(seen.state) else None
        latest = None if seen.run is None else {"id": seen.run.id, "status": seen.run.status}
        return {"messages": seen.messages, "question": asked, "run": latest}

    async def kept_result(self, thread_id: str, principal: Principal, handle: str) -> Json:
        """The whole of a result that was too large for the model; raises `NotFound`."""
        thread = await self.threads.find(principal, thread_id)
        result = await self.engine.results.read(principal, thread.key, handle)
        if result is None:
            raise NotFound("There is no such result in this conversation.", details={"field": "handle"})
        return result

    async def undo(self, rows: Sequence[ReceiptRow], principal: Principal) -> None:
        """Take back what these receipts tell, all of it or nothing; the latest must come first.

        Raises:
            UndoConflict: one is undone already or irreversible, or what it wrote has changed since.
            Forbidden: the principal's role does not allow the action any more.
        """
        for row in rows:
            await self._may_undo(row, principal)
        first = f"undo:{rows[0].id}" if rows else ""
        async with self.engine.scope(principal, Call(writes=True, key=first), Emit(_unseen)) as scope:
            session = await scope.get(AsyncSession)
            for row in rows:
                await self.engine.receipts.mark_undone(row, session)
                await self.engine.credits.refund(row, session)
                try:
                    await self.engine.registry.actions[row.action].reverse(receipt_of(row), scope)
                except ActionError as error:
                    raise UndoConflict(error.message, details=error.details) from error
        for row in rows:
            await self._tell_undone(row, principal)

    async def _may_undo(self, row: ReceiptRow, principal: Principal) -> None:
        action = self.engine.action(row.action)
        if row.undone_at is not None:
            raise UndoConflict("This was undone already.", details={"receiptId": row.id})
        if action is None or action.undo is None:
            raise UndoConflict("This cannot be undone.", details={"receiptId": row.id})
        await self._check_allowed(action, principal)

    async def _check_allowed(self, action: Action, principal: Principal) -> None:
        decision = await decide(self.engine.registry.policies, ProposedCall(action, {}, principal))
        if isinstance(decision, Deny) and decision.forbidden:
            raise Forbidden(decision.reason)

    async def _tell_undone(self, row: ReceiptRow, principal: Principal) -> None:
        """The thread's model should know; if it is busy or asks something, it finds out from the data."""
        try:
            thread_id = await self.threads.id_of(row.thread_key)
            told = UiEvent(row.call_id, row.action, "undone", {"message": row.message})
            await self._note(thread_id, row.thread_key, principal, told)
        except (RequestError, NoResultFound):
            log.info("the thread of receipt %s was not told that it is undone", row.id)

    async def fork(self, thread_id: str, principal: Principal, message_id: str | None) -> Thread:
        """A new thread with the messages up to `message_id`, or all of them.

        Raises:
            NotFound: the thread is not this principal's.
            Invalid: it has no such message.
        """
        thread = await self.threads.find(principal, thread_id)
        state = await self.graph.aget_state({"configurable": {"thread_id": thread.key}})
        messages = state.values.get("messages", [])
        if message_id is not None:
            index = next((i for i, m in enumerate(messages) if m.id == message_id), None)
            if index is None:
                raise Invalid("The conversation has no such message.", details={"field": "messageId"})
            end = index + 1
            while end < len(messages) and isinstance(messages[end], ToolMessage):
                end += 1  # a call stays with its results
            messages = messages[:end]
        made = await self.threads.new(principal, thread.title, fork_of=thread)
        if messages:
            values = {"messages": messages, "shared": state.values.get("shared") or {}}
            await self.graph.aupdate_state({"configurable": {"thread_id": made.key}}, values, as_node="observe")
        return made

    async def delete(self, thread_id: str, principal: Principal) -> None:
        """Forget a thread, checkpoints included; raises `NotFound`, `ThreadBusy`."""
        await self._checkpointer.adelete_thread(await self.threads.delete(principal, thread_id))

    async def ui_event(
        self, thread_id: str, principal: Principal, call_id: str, name: str, payload: Mapping[str, Any]
    ) -> None:
        """A component that a page rendered for a call tells something back; the model reads it in the next run.

        Raises:
            NotFound: no such thread, or no such call in it.
            Invalid: the call's action did not declare that event, or not with this payload.
            ThreadBusy: a run of the thread goes on.
        """
        thread = await self.threads.find(principal, thread_id)
        state = await self.graph.aget_state({"configurable": {"thread_id": thread.key}})
        calls = {c["id"]: c["name"] for m in state.values.get("messages", []) for c in getattr(m, "tool_calls", ())}
        action = self.engine.action(calls.get(call_id, ""))
        if action is None or action.render is None:
            raise NotFound("There is no such rendered call in this conversation.", details={"field": "toolCallId"})
        try:
            checked = action.render.check(name, payload)
        except ActionError as error:
            raise Invalid(error.message, details={"field": "payload", **error.details}) from error
        told = UiEvent(call_id, action.render.component, name, checked)
        await self._note(thread_id, thread.key, principal, told)

    async def _note(self, thread_id: str, thread_key: str, principal: Principal, told: UiEvent) -> None:
        """Put something that no person said into the thread, in a run of its own, for the model to read."""
        config: RunnableConfig = {"configurable": {"thread_id": thread_key}}
        if await self._asks(await self.graph.aget_state(config)):
            raise ApprovalConflict("Answer the open question first.")
        begun = await self.runs.begin(principal, RunInput((), thread_id=thread_id), "", free=True)
        feed = Feed(begun.run_key)
        self.events.open(feed)
        publish = self._publisher(feed, principal, _uncounted)
        publish(RunStarted(begun.run_id, thread_id))
        publish(told)
        last: RunFinished | RunFailed = RunFinished(begun.run_id, thread_id)
        try:
            await self.graph.aupdate_state(config, {"messages": [ui_event(told)]}, as_node="observe")
        except Exception:
            last = RunFailed(begun.run_id, thread_id, "internal_error", "This could not be stored.")
            raise
        finally:  # a run without an end would keep its thread busy for ever
            await self.runs.end(begun, feed, "failed" if isinstance(last, RunFailed) else "finished", last)
            publish(last)

    async def __aenter__(self) -> Self:
        self._background = [
            asyncio.create_task(self._keep_beating()),
            asyncio.create_task(self.events.keep_writing()),
            asyncio.create_task(self._keep_forgetting()),
            *(asyncio.create_task(self._keep_doing(job)) for job in self.engine.registry.jobs),
        ]
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def close(self, *, patience: float = 10.0) -> None:
        """Let running runs end for `patience` seconds, then leave the rest to whoever starts next."""
        await self.suggestions.close()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=patience)
            for run_key, task in self._tasks.items():
                if task in late and self._stoppable.get(run_key, True):
                    task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @property
    def _checkpointer(self) -> BaseCheckpointSaver[Any]:
        assert isinstance(self.graph.checkpointer, BaseCheckpointSaver)
        return self.graph.checkpointer

    def _issued(self, row: ReceiptRow) -> ReceiptIssued:
        action = self.engine.action(row.action)
        title = action.title if action is not None else row.action
        return ReceiptIssued(
            row.id, row.call_id, row.action, title, row.message, row.reversible, undone=row.undone_at is not None
        )

    async def _asks(self, state: Any) -> bool:
        """Whether the thread waits for an answer that can still be given."""
        return bool(state.interrupts) and await self.engine.approvals.is_open(state.interrupts[0].value["approval"])

    def _is_ours(self, name: str) -> bool:
        return self.engine.action(name) is not None

    async def _see(self, thread: Thread) -> "_Seen":
        """The thread now. Looks again where its run went on between one look and the other."""
        looks = 3
        while True:
            looks -= 1
            run = await self.runs.latest(thread.key)
            state = await self.graph.aget_state({"configurable": {"thread_id": thread.key}})
            stored, shared = state.values.get("messages", []), state.values.get("shared") or {}
            if run is None or run.status not in LIVE:
                return _Seen(run, state, self._shown(stored), shared)
            so_far = story(await self._told(run))
            if so_far.position is None and self.events.feed(run.key) is None:
                await asyncio.sleep(2 * INTERVAL)  # another process writes the log later than the checkpoints
                so_far = story(await self._told(run))
            if looks and (so_far.ended or (so_far.position or 0) > len(stored)):
                continue
            if so_far.position is None:
                given = self.runs.input_of(run)
                stored = Turn(self.engine, self.graph, thread.key, given, max_rounds=self._max_rounds).expected(state)
            before = [] if so_far.whole else self._shown(stored[: so_far.position])
            known = {message["id"] for message in before}  # a resumed run tells the calls again that it carries out
            news = [message for message in so_far.messages if message["id"] not in known]
            messages = self._with_hints([*before, *news])
            until = max(so_far.until, run.base + 1)  # whoever sees the thread needs no `RunStarted`
            return _Seen(run, state, messages, {**shared, **so_far.shared}, until)

    def _shown(self, stored: Sequence[Any]) -> list[dict[str, Any]]:
        return self._with_hints([shown(message) for message in stored if not message.additional_kwargs.get("hidden")])

    def _with_hints(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """With each call's `render`, as its action declares it now."""
        for message in messages:
            for call in message.get("toolCalls", ()):
                hint = self._renders.get(call["function"]["name"])
                if hint is not None:
                    call["render"] = hint
        return messages

    async def _told(self, run: Run) -> list[tuple[int, Event]]:
        """Every event of a live run so far."""
        feed = self.events.feed(run.key)
        if feed is not None and feed.first == run.base + 1:
            return list(enumerate(feed.events, feed.first))
        await self.events.write()
        return await self.events.story(run.key)

    def _launch(self, begun: Begun, feed: Feed) -> None:
        self.events.open(feed)
        publish = self._publisher(feed, begun.principal, self.metrics.run(begun.model, whole=not begun.resumed))
        offered = {a.name for a in begun.given.client_actions if not self._is_ours(a.name)}
        stream = Stream(
            publish,
            deltas=publish if self._listeners.keys() & {TextDelta, ToolCallArguments} else feed.publish,
            run_id=begun.run_id,
            thread_id=begun.thread_id,
            model=begun.model,
            client_actions=offered,
            renders=self._renders,
        )
        if not begun.resumed:
            stream.started()
        task = asyncio.create_task(
            self._drive(begun, feed, Running(begun.principal, stream, begun.run_key, begun.model), publish)
        )
        self._tasks[begun.run_key] = task
        task.add_done_callback(lambda _done: self._forget(begun.run_key))

    def _forget(self, run_key: str) -> None:
        self._tasks.pop(run_key, None)
        self._stoppable.pop(run_key, None)
        self._stopping.discard(run_key)

    def _publisher(self, feed: Feed, principal: Principal, counted: Callable[[Event], None]) -> Publish:
        listeners = self._listeners

        def publish(event: Event) -> None:
            feed.publish(event)
            counted(event)
            for hear in listeners.get(type(event), ()):
                try:
                    hear(event, principal)
                except Exception:
                    log.exception("a listener failed on %s", type(event).__name__)

        return publish

    async def _drive(self, begun: Begun, feed: Feed, run: Running, publish: Any) -> None:
        """Run the graph to where it rests, store the end, then publish the terminal event."""
        current.set(run)
        turn = Turn(self.engine, self.graph, begun.thread_key, begun.given, max_rounds=self._max_rounds)
        try:
            self._stoppable[begun.run_key] = True
            try:
                begun = await self._turn_come(begun)
                self.metrics.answered(begun.answered)
                if begun.refused is not None:
                    raise begun.refused
                async with asyncio.timeout(self._run_seconds) as clock:
                    if begun.resumed:
                        rest = await self._resume(begun, run, turn)
                    else:
                        rest = await turn.run(run, looks=begun.was_waiting or begun.looks)
            except TimeoutError as error:
                if not clock.expired():
                    raise
                await turn.stopped(run)
                raise RunLimit("This took too long, so it was stopped. Ask for less at once.") from error
            finally:
                self._stoppable[begun.run_key] = False  # its end is stored, whoever comes now
            last: RunFinished | RunFailed = run.stream.finished(waiting=rest.waiting, client_calls=rest.client_calls)
            status, code = ("waiting" if rest.waiting else "finished"), None
        except RequestError as error:
            log.warning("run %s: %s", begun.run_id, error, exc_info=error.__cause__)
            status, code, last = await self._failed(begun, run, turn, error)
        except asyncio.CancelledError:
            if begun.run_key not in self._stopping:
                await self._left(begun, feed)
                return
            status, code, last = await self._stopped(begun, run, turn)
        except Exception as error:
            number = uuid4().hex[:12]
            log.exception("run %s failed, error id %s", begun.run_id, number, exc_info=error)
            told = InternalError(f"Something went wrong (error id {number}).")
            status, code, last = await self._failed(begun, run, turn, told)
        try:
            spent = run.stream.usage
            ended = await self.runs.end(begun, feed, status, last, code, tokens=spent, model=run.stream.model)
        except Exception:
            log.exception("the end of run %s could not be stored", begun.run_id)
            ended = last
        if ended is None:
            feed.lose()
            return
        publish(ended)

    async def _turn_come(self, begun: Begun) -> Begun:
        """Wait until no other run of the thread comes first."""
        while begun.queued:
            begun = await self.runs.promote(begun) or begun
            if begun.queued:
                await asyncio.sleep(QUEUE_POLL)
        return begun

    async def _resume(self, begun: Begun, run: Running, turn: Turn) -> Rest:
        told = await self.events.story(begun.run_key)
        state = await self.graph.aget_state({"configurable": {"thread_id": begun.thread_key}})
        opened = {call_id for call_id, _ in open_calls(state.values.get("messages", []))}
        if not told:
            run.stream.started()
        run.stream.resumed([event for _, event in told], self._shown(turn.expected(state)), opened)
        return await turn.resume(run, was_waiting=begun.was_waiting)

    async def _failed(self, begun: Begun, run: Running, turn: Turn, error: RequestError) -> tuple[str, str, RunFailed]:
        """Keep what was said. A question that a bad answer did not answer stays open."""
        try:
            await turn.keep_partial(run)
        except Exception:
            log.exception("what run %s had said could not be stored", begun.run_id)
        open_still = begun.was_waiting and not run.stream.begun and isinstance(error, ApprovalConflict | Invalid)
        return ("waiting" if open_still else "failed"), error.code, run.stream.failed(error)

    async def _stopped(self, begun: Begun, run: Running, turn: Turn) -> tuple[str, None, RunFinished]:
        try:
            await turn.stopped(run)
        except Exception:
            log.exception("what run %s had said could not be stored", begun.run_id)
        return "stopped", None, run.stream.finished(stopped=True)

    async def _left(self, begun: Begun, feed: Feed) -> None:
        """This process ends, or another one has the run already: it goes on elsewhere."""
        if feed.lost:
            self.events.close(feed)
            return
        try:
            await self.events.write()
            self.events.close(feed)
            await self.runs.release(begun)
        except Exception:
            log.exception("run %s is taken up by another process when its lease ends", begun.run_id)
        feed.leave()

    async def _keep_beating(self) -> None:
        """Renew our leases, stop what somebody asked to stop, take up what other processes left."""
        while True:
            await asyncio.sleep(BEAT.total_seconds())
            try:
                await self._beat()
            except Exception:
                log.exception("the leases could not be renewed; trying again")

    async def _keep_forgetting(self) -> None:
        """Forget threads older than the retention, if there is one."""
        while self._retention is not None:
            try:
                while keys := await self.threads.forget_older(self._retention):
                    for key in keys:
                        await self._checkpointer.adelete_thread(key)
            except Exception:
                log.exception("old threads could not be forgotten; trying again")
            await asyncio.sleep(FORGET_EVERY)

    async def _keep_doing(self, job: Job) -> None:
        """Do a plugin's job, with services of its own each time."""
        while True:
            try:
                given: dict[object, object] = {Clock: self.engine.clock, Call: Call(writes=True)}
                async with self.engine.registry.services.open(given) as scope:
                    await scope.call(job.work)
            except Exception:
                log.exception("the job '%s' failed; trying again", job.name)
            await asyncio.sleep(job.every)

    async def _beat(self) -> None:
        beat = await self.runs.beat()
        for run_key in beat.stop:
            self._cancel(run_key)
        for run_key in beat.lost:
            feed = self.events.feed(run_key)
            if feed is not None and self._stoppable.get(run_key):
                log.warning("another process has taken over run %s", run_key)
                feed.lose()
                self._tasks[run_key].cancel()
        for begun in beat.claimed:
            log.warning("taking over run %s, whose process is gone", begun.run_id)
            self._launch(begun, Feed(begun.run_key, begun.base + SKIPPED + 1))


def _uncounted(_event: Event) -> None:
    """What a page tells of itself is no run that anybody asked for."""


def _unseen(_name: str, _value: object) -> None:
    """No page watches an undo as it happens."""
