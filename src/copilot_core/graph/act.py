"""act: run one call. Effects happen here and nowhere else, and only after the gate."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, NotRequired
from uuid import uuid4

from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime
from sqlmodel.ext.asyncio.session import AsyncSession
from typing_extensions import TypedDict

from copilot_core.actions import Action, Settle, failed
from copilot_core.engine import Engine
from copilot_core.errors import ActionError, RequestError
from copilot_core.events import Source
from copilot_core.graph.gate import tool_message
from copilot_core.graph.running import Running, running
from copilot_core.graph.state import Context, State
from copilot_core.receipts import Changes
from copilot_core.schema import Json
from copilot_core.services import Scope
from copilot_core.store.credits import Charge
from copilot_core.store.ledger import Intent, call_key
from copilot_core.toolcall import Call, Emit, SharedState

log = logging.getLogger("copilot_core.actions")


class Task(TypedDict):
    """One call that passed the gate, at the price that was found there; the approval that let it pass, and the shared
    state, if there are such."""

    turn: str
    message_id: str
    id: str
    name: str
    arguments: dict[str, Any]
    credits: int
    shared: NotRequired[dict[str, Any]]
    approval: NotRequired[str]


class Act:
    """The node: one task per call, side by side."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, state: Task, *, runtime: Runtime[Context]) -> State:
        task = state  # LangGraph's name for a node's input; here it is one call
        run = running(runtime)
        action = self._engine.registry.actions[task["name"]]
        run.stream.call(task["message_id"], task["id"], action.name, task["arguments"])
        call = Call(writes=action.writes, key=_key(task, run, runtime), thread=_thread_key(runtime))
        readables = (runtime.context or Context()).told()
        shared = SharedState(task.get("shared", {}), run.stream.state_delta)
        changes = Changes()
        model = (runtime.context or Context()).model
        scope = self._engine.scope(run.principal, call, Emit(run.stream.custom), readables, shared, changes, model)
        intent = self._intent(action, task, run, runtime, changes) if action.writes else None
        charge = self._charge(action, task, run, runtime)
        if intent is not None:
            result = await self._once(action, intent, charge, scope)
        else:
            outcome = await _outcome(action, task["arguments"], scope)
            result = await self._engine.results.keep(run.principal, call.thread, outcome)
            if charge is not None and result.get("success") is not False:
                await self._engine.credits.charge(charge)
        message = tool_message(task["message_id"], task["id"], action.name, result)
        cost = 0 if charge is None or result.get("success") is False else charge.credits
        run.stream.result(task["id"], action.name, result, str(message.id), _source(action), cost)
        if intent is not None and result.get("success") is not False:
            run.stream.receipt(intent, action, str(result.get("message", "")))
        update: State = {"messages": [message]}
        return update | {"shared": shared.changed} if shared.changed else update

    def _charge(self, action: Action, task: Task, run: Running, runtime: Runtime[Context]) -> Charge | None:
        """What the call costs, if it succeeds; nothing in LangGraph Studio."""
        if not run.run_key:
            return None
        key = _key(task, run, runtime)
        return Charge(key, run.principal, run.run_key, action.name, run.stream.model, task["credits"])

    def _intent(self, action: Action, task: Task, run: Running, runtime: Runtime[Context], changes: Changes) -> Intent:
        return Intent(
            _key(task, run, runtime),
            run.principal,
            _thread_key(runtime),
            task["turn"],
            run.stream.run_id,
            task["id"],
            action.name,
            task["arguments"],
            self._is_transactional(action),
            action.undo is not None,
            changes,
            task.get("approval"),
        )

    def _is_transactional(self, action: Action) -> bool:
        """Whether all it does is done in the call's session. Who asks for the call's key has more in mind."""
        wanted = action.injected.values()
        return Call not in wanted and self._engine.registry.services.reaches(wanted, AsyncSession)

    async def _once(self, action: Action, intent: Intent, charge: Charge | None, scope: Scope) -> Json:
        """Run a writing call, unless it ran already: before a crash, or in another process."""
        ledger, results, credits = self._engine.ledger, self._engine.results, self._engine.credits
        known = await ledger.begin(intent)
        if known is not None:
            return known

        async def settle(result: Json) -> None:
            session = await scope.get(AsyncSession)
            told = await results.keep_with(session, intent.principal, intent.thread_key, result)
            ledger.settle(intent, told, session)
            if charge is not None and result.get("success") is not False:
                session.add(await session.run_sync(credits.entry, charge))

        result = await _outcome(action, intent.arguments, scope, settle if intent.transactional else None)
        if intent.transactional and result.get("success") is not False:
            return results.fitted(intent.thread_key, result)
        result = await results.keep(intent.principal, intent.thread_key, result)
        beside = None if charge is None or result.get("success") is False else partial(credits.note, charge)
        return await ledger.record(intent, result, beside)  # of two processes that ran it, the first one's stands


def _key(task: Task, run: Running, runtime: Runtime[Context]) -> str:
    return call_key(run.principal, _thread_key(runtime), task["message_id"], task["id"])


def _thread_key(runtime: Runtime[Context]) -> str:
    assert runtime.execution_info is not None
    return str(runtime.execution_info.thread_id)


async def _outcome(action: Action, arguments: Mapping[str, Any], scope: Scope, settle: Settle | None = None) -> Json:
    """The structured result, whatever the action does short of being cancelled."""
    try:
        return await action.run(arguments, scope, settle)
    except (GraphBubbleUp, asyncio.CancelledError):
        raise
    except ActionError as error:
        return failed(error)
    except RequestError as error:  # such as a model that an action asked and that is not there
        return failed(ActionError(error.message, code=error.code, details=error.details))
    except (Exception, SystemExit) as error:  # an action must not take the server down with it
        number = uuid4().hex[:12]
        log.exception("action %s failed, error id %s", action.name, number, exc_info=error)
        told = f"{action.title} failed unexpectedly (error id {number})."
        return failed(ActionError(told, code="internal_error"))


def _source(action: Action) -> Source | None:
    """Where the answer comes from; an action with ``source=""`` is none."""
    label = action.title if action.source is None else action.source
    return Source(action.title, label) if label else None
