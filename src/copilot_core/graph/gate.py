"""gate: ask every policy about every call of the round before anything runs.

Nothing here has an effect: the node starts again from its first line when a person has answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import Command, Send, interrupt

from copilot_core.actions import Action, as_text, failed
from copilot_core.engine import Engine
from copilot_core.errors import ActionError
from copilot_core.graph.running import Running, running
from copilot_core.graph.state import Context, State
from copilot_core.policies import Confirm, Deny, ProposedCall, decide
from copilot_core.schema import Json


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of one call: it runs (`result` is None), after a yes if `confirm`, or is answered now."""

    call_id: str
    name: str
    arguments: Mapping[str, Any]
    result: Json | None = None
    confirm: str | None = None
    refused: str | None = None


class Gate:
    """The node."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, state: State, *, runtime: Runtime[Context]) -> Command[Literal["act", "observe"]]:
        run = running(runtime)
        message = state["messages"][-1]
        assert isinstance(message, AIMessage)
        verdicts = [await self._judge(call, run) for call in message.tool_calls]
        verdicts += [_malformed(call) for call in message.invalid_tool_calls]
        refused = next((verdict.refused for verdict in verdicts if verdict.refused), None)
        if refused is not None:
            verdicts = [_answered(verdict, "not_run", "Nothing of this round was run.") for verdict in verdicts]
        else:
            verdicts = _confirmed(verdicts)
        return _command(verdicts, str(message.id), run, refused)

    async def _judge(self, call: Mapping[str, Any], run: Running) -> _Verdict:
        verdict = _Verdict(str(call["id"]), call["name"], call["args"])
        action = self._engine.action(verdict.name)
        if action is None:
            known = ", ".join(self._engine.registry.actions)
            return _answered(verdict, "unknown_action", f"There is no action '{verdict.name}'. Known: {known}")
        decision = await decide(self._engine.registry.policies, ProposedCall(action, verdict.arguments, run.principal))
        if isinstance(decision, Deny):
            answered = _answered(verdict, "forbidden", decision.reason)
            return replace(answered, refused=decision.reason) if decision.forbidden else answered
        return _checked(verdict, action, decision.reason if isinstance(decision, Confirm) else None)


def _checked(verdict: _Verdict, action: Action, confirm: str | None) -> _Verdict:
    """Arguments are checked here too: no person is asked about a call that cannot run."""
    try:
        action.validate(verdict.arguments)
    except ActionError as error:
        return replace(verdict, result=failed(error))
    return replace(verdict, confirm=confirm)


def _malformed(call: Mapping[str, Any]) -> _Verdict:
    verdict = _Verdict(str(call["id"]), call["name"] or "", {})
    why = call["error"] or "The arguments are not a JSON object."
    return _answered(verdict, "validation_error", f"{why} Nothing was run.")


def _confirmed(verdicts: list[_Verdict]) -> list[_Verdict]:
    """Wait for a person if any call needs one: one question for all; without a yes none of those runs."""
    asked = [verdict for verdict in verdicts if verdict.confirm]
    if not asked:
        return verdicts
    answer = interrupt({"question": _question(asked), "calls": [verdict.call_id for verdict in asked]})
    if answer == {"approved": True}:
        return verdicts
    declined = "The user did not approve this. It was not done."
    return [_answered(verdict, "declined", declined) if verdict.confirm else verdict for verdict in verdicts]


def _question(asked: list[_Verdict]) -> str:
    lines = [f"- {verdict.name} ({verdict.confirm}): {as_text(verdict.arguments)}" for verdict in asked]
    return "\n".join(["This needs your approval:", *lines, "Answer yes to go ahead, or no."])


def _answered(verdict: _Verdict, code: str, message: str) -> _Verdict:
    if verdict.result is not None:
        return verdict
    return replace(verdict, result={"success": False, "error": code, "message": message})


def _command(
    verdicts: list[_Verdict], message_id: str, run: Running, refused: str | None
) -> Command[Literal["act", "observe"]]:
    results: list[AnyMessage] = []
    for verdict in verdicts:
        if verdict.result is not None:
            run.stream.call(message_id, verdict.call_id, verdict.name, verdict.arguments)
            run.stream.result(verdict.call_id, verdict.name, verdict.result)
            results.append(tool_message(verdict.call_id, verdict.name, verdict.result))
    sends = [
        Send("act", {"message_id": message_id, "id": v.call_id, "name": v.name, "arguments": dict(v.arguments)})
        for v in verdicts
        if v.result is None
    ]
    update: State = {"messages": results, "refused": refused}
    return Command(update=update, goto=sends or "observe")


def tool_message(call_id: str, name: str, result: Mapping[str, Any]) -> ToolMessage:
    """A result as the thread keeps it and the model reads it."""
    status: Literal["success", "error"] = "error" if result.get("success") is False else "success"
    return ToolMessage(as_text(result), tool_call_id=call_id, name=name, status=status)
