"""From a message history to the next decision: one call, or the final text.

Nothing is remembered: the turn is planned again in every round, and what the history shows as done
is skipped. A question of ours is recognised by planning the message that it answered once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from copilot_core.planner import answers
from copilot_core.planner.plan import Ask, Call, Planner, Step, Unknown
from copilot_core.planner.records import shape_of
from copilot_core.planner.references import Reference, loads, result_references
from copilot_core.planner.replies import answered
from copilot_core.planner.smalltalk import is_smalltalk
from copilot_core.planner.tools import Toolbox, toolbox
from copilot_core.planner.world import World, modules_of, read_world

_REPLAYED = 4


@dataclass(frozen=True)
class Decision:
    """What the planner does next: calls, or a text that ends the turn."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()


@dataclass
class Turn:
    """A person's message, with what was done about it."""

    text: str
    done: list[tuple[str, Mapping[str, Any], Any]] = field(default_factory=list)
    said: str = ""


def decide(messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]], *, may_call: bool = True) -> Decision:
    """The next step of the last turn in `messages`."""
    box = toolbox(tools)
    turns = turns_of(messages)
    if not turns:
        return Decision(answers.introduction(box))
    world = _informed(read_world("\n".join(_text(m) for m in messages if isinstance(m, SystemMessage))), turns)
    now = turns[-1]
    described = _schema_call(box, world, now) if may_call else None
    if described is not None:
        return Decision(calls=(described,))
    steps = plan_turn(Planner(box, world), turns)
    done = [d for d in now.done if not _is_schema(box, d[0], steps)]
    failed = any(_failed(result) for _, _, result in done)
    call = _next_call(steps, done) if may_call and not failed else None
    return Decision(calls=(call,)) if call is not None else Decision(_final(steps, done, box, failed))


def turns_of(messages: Sequence[BaseMessage]) -> list[Turn]:
    """The history as turns. Calls are paired with their results by id."""
    turns: list[Turn] = []
    calls: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for message in messages:
        if isinstance(message, HumanMessage):
            turns.append(Turn(_text(message)))
        elif isinstance(message, AIMessage) and turns:
            calls.update({str(c["id"]): (c["name"], c["args"]) for c in message.tool_calls})
            turns[-1].said = _text(message) or turns[-1].said
        elif isinstance(message, ToolMessage) and turns:
            name, arguments = calls.get(message.tool_call_id, (message.name or "", {}))
            result = loads(message.content)
            if message.status == "error" and not isinstance(result, Mapping):
                result = {"success": False, "message": str(result)}
            turns[-1].done.append((name, arguments, result))
    return turns


def plan_turn(planner: Planner, turns: Sequence[Turn], depth: int = 0) -> list[Step]:
    """The steps of the last turn, which may answer a question that we asked in the one before."""
    earlier = [
        r for turn in turns[:-1] for _, arguments, result in turn.done if (r := result_references(arguments, result))
    ]
    text = turns[-1].text
    if len(turns) > 1 and depth < _REPLAYED and turns[-2].said.rstrip().endswith(("?", ".")):
        pending = _pending(planner, turns[:-1], depth)
        step = answered(planner, pending, text, earlier) if pending is not None else None
        if step is not None:
            return [step]
    return planner.plan(text, earlier)


def _pending(planner: Planner, turns: Sequence[Turn], depth: int) -> Ask | None:
    """The question with which the turn before ended, if we asked one."""
    asks = [s for s in plan_turn(planner, turns, depth + 1) if isinstance(s, Ask)]
    return next((ask for ask in asks if answers.asked(ask) in turns[-1].said), None)


def _informed(world: World, turns: Sequence[Turn]) -> World:
    """`world` with the modules that results described, where the prompt left them out."""
    found = list(world.modules)
    for turn in turns:
        for _, _, result in turn.done:
            data = result.get("data", result) if isinstance(result, Mapping) else result
            for module in modules_of(data):
                known = next((m for m in found if m.slug == module.slug), None)
                if known is None or not known.fields:
                    found = [m for m in found if m is not known] + ([module] if module.fields or known is None else [])
    return World(world.now, world.user_name, world.user_email, world.page, tuple(found))


def _schema_call(box: Toolbox, world: World, turn: Turn) -> tuple[str, dict[str, Any]] | None:
    """A look at the schema of the module that is meant, if the prompt does not tell its fields."""
    if turn.done or is_smalltalk(turn.text) or all(m.fields for m in world.modules):
        return None
    describes = next((t for t in box.tools if (s := shape_of(t)) is not None and s.kind == "describe"), None)
    if describes is None:
        return None
    call = next((s for s in Planner(box, world).plan(turn.text) if isinstance(s, Call | Ask)), None)
    if (
        not isinstance(call, Call)
        or call.module is None
        or call.module.fields
        or call.kind not in {"query", "create", "create_many", "update", "suggest"}
    ):
        return None
    param = describes.module
    return (describes.name, {param.name: call.module.slug}) if param else None


def _is_schema(box: Toolbox, name: str, steps: Sequence[Step]) -> bool:
    """Whether a done call was our own look at a schema, and no step of the plan."""
    tool = box.named(name)
    shape = shape_of(tool) if tool else None
    planned = any(isinstance(s, Call) and s.tool.name == name for s in steps)
    return shape is not None and shape.kind == "describe" and not planned


def _next_call(
    steps: Sequence[Step], done: Sequence[tuple[str, Mapping[str, Any], Any]]
) -> tuple[str, dict[str, Any]] | None:
    calls = [s for s in steps if isinstance(s, Call)]
    if len(done) >= len(calls):
        return None
    call = calls[len(done)]
    if not call.references or call.reference_param is None or not done:
        return call.tool.name, call.arguments
    positions = [steps.index(c) for c in calls]
    handles = [h for r in call.references if (h := _handle(r, positions, done)) is not None]
    if not handles:
        return None
    value: Any = list(dict.fromkeys(handles)) if call.reference_param.type == "array" else handles[0]
    return call.tool.name, {**call.arguments, call.reference_param.name: value}


def _handle(
    reference: Reference, positions: Sequence[int], done: Sequence[tuple[str, Mapping[str, Any], Any]]
) -> str | None:
    """The id that an earlier step of this turn told, for a record known only by that step."""
    if reference.step is None:
        return reference.handle
    index = positions.index(reference.step) if reference.step in positions else len(done) - 1
    if index >= len(done):
        return reference.handle
    found = result_references(done[index][1], done[index][2])
    return found[0].handle if found else reference.handle


def _failed(result: Any) -> bool:
    return isinstance(result, Mapping) and (
        result.get("success") is False or ("error" in result and "success" not in result)
    )


def _final(
    steps: Sequence[Step], done: Sequence[tuple[str, Mapping[str, Any], Any]], box: Toolbox, failed: bool
) -> str:
    told = [answers.told(name, result) for name, _, result in done]
    calls = [s for s in steps if isinstance(s, Call)]
    if failed and len(calls) > len(done):
        told.append(f"I stopped there; not done: {'; '.join(f'“{c.text}”' for c in calls[len(done) :])}.")
    elif len(calls) > len(done):
        told.append(f"Not done: {'; '.join(f'“{c.text}”' for c in calls[len(done) :])}.")
    unknown = [s for s in steps if isinstance(s, Unknown)]
    asks = [answers.asked(s) for s in steps if isinstance(s, Ask)]
    understood = bool(calls or asks or done)
    if not understood and unknown and all(u.smalltalk for u in unknown):
        return answers.smalltalk(" ".join(u.text for u in unknown), box)
    told.extend(answers.not_understood(u) for u in unknown if not u.smalltalk)
    if not understood:
        told.append(answers.introduction(box))
    return "\n\n".join([*told, *dict.fromkeys(asks)])


def _text(message: BaseMessage) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)
