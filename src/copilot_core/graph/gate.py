"""gate: ask every policy about every call of the round before anything runs.

Calls that need a person become one plan and one approval (design, section 5). The node starts again
from its first line when a person has answered, so nothing here has an effect but to issue that
approval, once; and what was answered is read from the approvals, never from what woke the node.
"""

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import Command, Send, interrupt

from copilot_core.actions import Action, as_text, failed
from copilot_core.engine import Engine
from copilot_core.errors import ActionError, CreditsExhausted, Forbidden
from copilot_core.graph.history import call_ids, provenance_of, result_id, turns_of
from copilot_core.graph.running import Running, running
from copilot_core.graph.state import Context, State
from copilot_core.policies import Confirm, Deny, ProposedCall, decide
from copilot_core.provenance import Provenance
from copilot_core.run import CallDecision, Readables
from copilot_core.schema import Json
from copilot_core.settings import RULE_PLANNER
from copilot_core.store.approvals import Question, calls_of
from copilot_core.store.ledger import Standing, call_key
from copilot_core.toolcall import Call, Emit

log = logging.getLogger("copilot_core.graph")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of one call: it runs (`result` is None), after a yes if `confirm`, or is answered now.

    Args:
        client: the page runs it, after the run.
        action: the server's, where there is one.
        foreseen: what its action says that it would do, where that was asked already.
        approval: id of the plan in which a person approved it.
        credits: what it costs if it succeeds; as it was told to the person who approved it.
    """

    call_id: str
    name: str
    arguments: Mapping[str, Any]
    result: Json | None = None
    confirm: str | None = None
    refused: str | None = None
    client: bool = False
    action: Action | None = None
    foreseen: Json | None = None
    approval: str | None = None
    credits: int = 0

    @property
    def exact(self) -> Json:
        """The call as an approval is bound to it."""
        return {"callId": self.call_id, "action": self.name, "arguments": dict(self.arguments)}


class Gate:
    """The node."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, state: State, *, runtime: Runtime[Context]) -> Command[Literal["act", "observe"]]:
        run = running(runtime)
        message = state["messages"][-1]
        assert isinstance(message, AIMessage)
        context = runtime.context or Context()
        offered = {o["name"] for o in context.client_actions}
        provenance = self._provenance(state, context)
        told = context.told()
        verdicts = [await self._judge(call, run, offered, provenance, told) for call in message.tool_calls]
        standing = await self._standing(verdicts, state["messages"], run, runtime)
        verdicts = [_done_before(verdict, standing) for verdict in verdicts]
        verdicts += [_malformed(call) for call in message.invalid_tool_calls]
        forbidden = next((verdict.refused for verdict in verdicts if verdict.refused), None)
        refused: Json | None = None if forbidden is None else {"code": Forbidden.code, "message": forbidden}
        if refused is None:
            verdicts = await self._priced(verdicts, run)
            try:
                verdicts = await self._confirmed(verdicts, message, run, runtime)
                await self._cover(verdicts, message, run, runtime)
            except CreditsExhausted as error:
                refused = {"code": error.code, "message": error.message, "details": error.details}
        if refused is not None:
            verdicts = [_answered(verdict, "not_run", "Nothing of this round was run.") for verdict in verdicts]
        return _command(verdicts, state["messages"], run, refused, state.get("shared"))

    async def _priced(self, verdicts: Sequence[_Verdict], run: Running) -> list[_Verdict]:
        """The calls with what they cost; one model that stands in for another never costs more than that one."""
        prices = (await self._engine.credits.allowance(run.principal)).prices
        models = {run.model, run.stream.model}
        return [
            verdict
            if verdict.action is None or verdict.result is not None
            else replace(verdict, credits=min(prices.of(verdict.action, verdict.arguments, name) for name in models))
            for verdict in verdicts
        ]

    async def _cover(
        self, verdicts: Sequence[_Verdict], message: AIMessage, run: Running, runtime: Runtime[Context], asked: int = 0
    ) -> None:
        """Reserve what the round costs before any of it runs.

        Args:
            asked: what those calls cost that a person is asked about now.

        Raises:
            CreditsExhausted: there is not so much left.
        """
        runs = [verdict for verdict in verdicts if verdict.result is None and verdict.action is not None]
        if not run.run_key or not (runs or asked):
            return
        assert runtime.execution_info is not None
        place = (run.principal, str(runtime.execution_info.thread_id), str(message.id))
        prices = {call_key(*place, verdict.call_id): verdict.credits for verdict in runs}
        allowance = await self._engine.credits.allowance(run.principal)
        await self._engine.credits.cover(run.run_key, allowance, prices, asked=asked)

    async def _standing(
        self, verdicts: Sequence[_Verdict], messages: Sequence[AnyMessage], run: Running, runtime: Runtime[Context]
    ) -> Sequence[Standing]:
        """What was written already in answer to what the user said last; looked up if anything is to be written."""
        if not any(verdict.action is not None and verdict.action.writes for verdict in verdicts):
            return ()
        assert runtime.execution_info is not None
        calls = {(str(m.id), call_id) for m in messages if isinstance(m, AIMessage) for call_id in call_ids(m)}
        thread_key = str(runtime.execution_info.thread_id)
        return await self._engine.ledger.standing(run.principal, thread_key, turns_of(messages), calls)

    def _provenance(self, state: State, context: Context) -> Provenance | None:
        """What the user said, and what else the model has read. The rule planner obeys the user's words alone."""
        if self._engine.models.name(context.model) == RULE_PLANNER:
            return None
        told = [as_text(readable) for readable in context.readables]
        if state.get("shared"):
            told.append(as_text(state["shared"]))
        trusted = {action.name for action in self._engine.registry.actions.values() if action.trusted}
        return provenance_of(state["messages"], told, trusted)

    async def _judge(
        self,
        call: Mapping[str, Any],
        run: Running,
        offered: Set[str],
        provenance: Provenance | None,
        told: Readables,
    ) -> _Verdict:
        verdict = _Verdict(str(call["id"]), call["name"], call["args"])
        action = self._engine.action(verdict.name)
        if action is None and verdict.name in offered:
            return replace(verdict, client=True)
        if action is None:
            known = ", ".join([*self._engine.registry.actions, *sorted(offered)])
            return _answered(verdict, "unknown_action", f"There is no action '{verdict.name}'. Known: {known}")
        proposed = ProposedCall(action, verdict.arguments, run.principal, provenance)
        decision = await decide(self._engine.registry.policies, proposed)
        if isinstance(decision, Deny):
            answered = _answered(verdict, "forbidden", decision.reason)
            return replace(answered, refused=decision.reason) if decision.forbidden else answered
        verdict = replace(verdict, action=action)
        verdict = _checked(verdict, action, decision.reason if isinstance(decision, Confirm) else None)
        if not action.writes or action.preview is None or verdict.confirm or verdict.result is not None:
            return verdict
        foreseen = await self._foreseen(verdict, run, told)
        rows = 1 if foreseen is None else foreseen.get("rows", 1)
        if rows <= proposed.rows:
            return verdict
        decision = await decide(self._engine.registry.policies, replace(proposed, foreseen=rows))
        return (
            replace(verdict, confirm=decision.reason, foreseen=foreseen) if isinstance(decision, Confirm) else verdict
        )

    async def _confirmed(
        self, verdicts: list[_Verdict], message: AIMessage, run: Running, runtime: Runtime[Context]
    ) -> list[_Verdict]:
        """Wait for a person if any call needs one: one question for all; without a yes none of those runs.

        What was asked before the node began again stays asked, whatever policies and previews say by now: else
        a call could run that a person has rejected.
        """
        if not any(verdict.result is None and verdict.action is not None for verdict in verdicts):
            return verdicts
        assert runtime.execution_info is not None
        thread_key, message_id = str(runtime.execution_info.thread_id), str(message.id)
        approval = await self._engine.approvals.of_round(thread_key, message_id)
        planned = {} if approval is None else {call["callId"]: call["reason"] for call in calls_of(approval)}
        verdicts = [_as_planned(verdict, planned) for verdict in verdicts]
        asked = [verdict for verdict in verdicts if verdict.confirm]
        told = (runtime.context or Context()).told()
        if not asked:
            return verdicts
        if approval is None:
            await self._cover((), message, run, runtime, asked=sum(verdict.credits for verdict in asked))
            calls = [_told(verdict, verdict.foreseen or await self._foreseen(verdict, run, told)) for verdict in asked]
            plan = Question(thread_key, message_id, run.stream.run_id, _question(calls), calls)
            approval = await self._engine.approvals.ask(run.principal, plan)
        planned = {call["callId"]: call["reason"] for call in calls_of(approval)}
        question = {"approval": approval.id, "question": approval.question, "calls": calls_of(approval)}
        woken = interrupt({**question, "expiresAt": approval.expires_at.isoformat()})
        if not run.listens:  # LangGraph Studio, whose admin answers by resuming
            await self._engine.approvals.operate(run.principal, approval.id, approved=woken == {"approved": True})
        exact = [verdict.exact for verdict in verdicts if verdict.call_id in planned]
        decisions = await self._engine.approvals.decided(thread_key, message_id, exact) or {}
        quoted = {call["callId"]: call["credits"] for call in calls_of(approval)}
        verdicts = [replace(verdict, credits=quoted.get(verdict.call_id, verdict.credits)) for verdict in verdicts]
        verdicts = [await self._decided(_postponed(verdict), decisions, run, told) for verdict in verdicts]
        return [replace(verdict, approval=approval.id) if verdict.confirm else verdict for verdict in verdicts]

    async def _decided(
        self, verdict: _Verdict, decisions: Mapping[str, CallDecision], run: Running, told: Readables
    ) -> _Verdict:
        """The call after the person's word. What they edited passes every policy again, as their own call."""
        if not verdict.confirm:
            return verdict
        decision = decisions.get(verdict.call_id)
        if decision is None or decision.decision == "reject":
            return _answered(verdict, "declined", "The user did not approve this. It was not done.")
        if decision.decision == "approve":
            return verdict
        edited = {"id": verdict.call_id, "name": verdict.name, "args": dict(decision.arguments or {})}
        [judged] = await self._priced([await self._judge(edited, run, frozenset(), None, told)], run)
        return replace(judged, refused=None, confirm=verdict.confirm)

    async def _foreseen(self, verdict: _Verdict, run: Running, told: Readables) -> Json | None:
        """What the call would do, as its action foresees it on the page that it will run on."""
        action = verdict.action
        if action is None or action.preview is None:
            return None
        try:
            scope = self._engine.scope(run.principal, Call(), Emit(lambda _name, _value: None), told)
            return await action.foresee(verdict.arguments, scope)
        except Exception:
            log.exception("%s could not foresee what it would do", verdict.name)
            return None


def _checked(verdict: _Verdict, action: Action, confirm: str | None) -> _Verdict:
    """Arguments are checked here too: no person is asked about a call that cannot run."""
    try:
        action.validate(verdict.arguments)
    except ActionError as error:
        return replace(verdict, result=failed(error))
    return replace(verdict, confirm=confirm)


def _done_before(verdict: _Verdict, standing: Sequence[Standing]) -> _Verdict:
    """An answer that is given again writes nothing again: the same call has its result; another one needs a yes."""
    action = verdict.action
    if not standing or verdict.result is not None or action is None or not action.writes:
        return verdict
    for write in standing:
        if write.is_known and (write.action, write.arguments) == (action.name, verdict.arguments):
            return replace(verdict, result=write.result)
    first = standing[0]
    told = first.result.get("message") or f"{first.action} {as_text(first.arguments)}"
    return replace(verdict, confirm=f"the answer before this one wrote something already: {told}")


def _malformed(call: Mapping[str, Any]) -> _Verdict:
    verdict = _Verdict(str(call["id"]), call["name"] or "", {})
    why = call["error"] or "The arguments are not a JSON object."
    return _answered(verdict, "validation_error", f"{why} Nothing was run.")


def _as_planned(verdict: _Verdict, planned: Mapping[str, str]) -> _Verdict:
    """A call that a person was asked about, as such, unless it has a result already."""
    if verdict.result is not None or verdict.call_id not in planned:
        return verdict
    return replace(verdict, confirm=verdict.confirm or planned[verdict.call_id])


def _postponed(verdict: _Verdict) -> _Verdict:
    """The page cannot be asked to act while a person is asked; the model may call again."""
    if not verdict.client:
        return verdict
    return _answered(verdict, "not_run", "This waited for an approval and was not run. Call it again if it is needed.")


def _question(calls: Sequence[Json]) -> str:
    lines = [f"- {call['title']} ({call['reason']}): {_in_words(call)}" for call in calls]
    return "\n".join(["This needs your approval:", *lines, "Answer yes to go ahead, or no."])


def _in_words(call: Json) -> str:
    told = call["preview"]["summary"] if "preview" in call else as_text(call["arguments"])
    return f"{told}{'' if call['reversible'] else ' This cannot be undone.'}"


def _told(verdict: _Verdict, foreseen: Json | None) -> Json:
    """The call as the person sees it."""
    action = verdict.action
    assert action is not None
    told: Json = {
        **verdict.exact,
        "title": action.title,
        "reason": verdict.confirm,
        "reversible": action.undo is not None,
        "credits": verdict.credits,
    }
    return {**told, "preview": foreseen} if foreseen is not None else told


def _answered(verdict: _Verdict, code: str, message: str) -> _Verdict:
    if verdict.result is not None:
        return verdict
    return replace(verdict, result={"success": False, "error": code, "message": message})


def _command(
    verdicts: list[_Verdict],
    messages: Sequence[AnyMessage],
    run: Running,
    refused: Json | None,
    shared: Mapping[str, Any] | None,
) -> Command[Literal["act", "observe"]]:
    message = messages[-1]
    assert isinstance(message, AIMessage)
    results: list[AnyMessage] = _as_edited(verdicts, message)
    message_id = str(message.id)
    turn = next(reversed(turns_of(messages)), "")
    for verdict in verdicts:
        if verdict.result is not None:
            result = tool_message(message_id, verdict.call_id, verdict.name, verdict.result)
            run.stream.call(message_id, verdict.call_id, verdict.name, verdict.arguments)
            run.stream.result(verdict.call_id, verdict.name, verdict.result, str(result.id))
            results.append(result)
    sends = [
        Send("act", {"turn": turn, **_task(verdict, message_id, shared)})
        for verdict in verdicts
        if verdict.result is None and not verdict.client
    ]
    update: State = {"messages": results, "refused": refused}
    return Command(update=update, goto=sends or "observe")


def _task(verdict: _Verdict, message_id: str, shared: Mapping[str, Any] | None) -> Json:
    task: Json = {
        "message_id": message_id,
        "id": verdict.call_id,
        "name": verdict.name,
        "arguments": dict(verdict.arguments),
        "credits": verdict.credits,
    }
    if shared:
        task["shared"] = shared
    if verdict.approval:
        task["approval"] = verdict.approval
    return task


def _as_edited(verdicts: list[_Verdict], message: AIMessage) -> list[AnyMessage]:
    """The message with the arguments that a person put in place of the model's, so that history tells what ran."""
    arguments = {verdict.call_id: dict(verdict.arguments) for verdict in verdicts}
    calls = [{**call, "args": arguments.get(str(call["id"]), call["args"])} for call in message.tool_calls]
    if calls == message.tool_calls:
        return []
    return [message.model_copy(update={"tool_calls": calls, "additional_kwargs": {}})]


def tool_message(message_id: str, call_id: str, name: str, result: Mapping[str, Any]) -> ToolMessage:
    """A result as the thread keeps it and the model reads it; the same id whoever makes it, and when."""
    status: Literal["success", "error"] = "error" if result.get("success") is False else "success"
    own_id = result_id(message_id, call_id)
    return ToolMessage(as_text(result), tool_call_id=call_id, name=name, status=status, id=own_id)
