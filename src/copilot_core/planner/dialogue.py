"""From a message history to the next decision: one call, or the final text.

Nothing is remembered: the turn is planned again in every round, and what the history shows as done
is skipped. A question of ours is recognised by planning the message that it answered once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile, zip_longest
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from copilot_core.planner import answers
from copilot_core.planner.clauses import Clause
from copilot_core.planner.plan import Ask, Call, Planner, Refused, Said, Step, Unknown
from copilot_core.planner.records import as_filters, filters_by_id, shape_of
from copilot_core.planner.references import Reference, loads, records_in, result_references
from copilot_core.planner.related import conditions
from copilot_core.planner.replies import answered
from copilot_core.planner.smalltalk import is_smalltalk
from copilot_core.planner.tools import Tool, Toolbox, toolbox
from copilot_core.planner.vocabulary import STOP
from copilot_core.planner.world import World, modules_of, read_world

_REPLAYED = 4
_NEED_FIELDS = frozenset({"query", "create", "create_many", "update", "delete", "suggest"})


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
    prompt = "\n".join(_text(m) for m in messages if isinstance(m, SystemMessage))
    world = _informed(_named(read_world(prompt), box, turns[-1].text), turns, box)
    now = turns[-1]
    described = _schema_call(box, world, now) if may_call else None
    if described is not None:
        return Decision(calls=(described,))
    steps = plan_turn(Planner(box, world), turns)
    done = [d for d in now.done if not _is_schema(box, d[0], steps)]
    failed = any(_failed(result) for _, _, result in done)
    calls = _next_calls(steps, done, world) if may_call and not failed else ()
    return Decision(calls=calls) if calls else Decision(_final(steps, done, box, world, failed=failed))


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
    done = [call for turn in turns[:-1] for call in turn.done]
    earlier = [r for name, arguments, result in done if (r := result_references(arguments, result, action=name))]
    text = turns[-1].text
    if len(turns) > 1 and depth < _REPLAYED and turns[-2].said.rstrip().endswith(("?", ".")):
        pending = _pending(planner, turns[:-1], depth)
        step = answered(planner, pending, text, earlier) if pending is not None else None
        if step is not None:
            return [step]
    return planner.plan(text, earlier, turns[-2].done[-1] if len(turns) > 1 and turns[-2].done else None)


def _pending(planner: Planner, turns: Sequence[Turn], depth: int) -> Ask | None:
    """The question with which the turn before ended, if we asked one."""
    asks = [s for s in plan_turn(planner, turns, depth + 1) if isinstance(s, Ask)]
    return next((ask for ask in asks if answers.asked(ask) in turns[-1].said), None)


def _named(world: World, box: Toolbox, text: str) -> World:
    """`world` with the modules that the actions or else the words name, if the prompt tells of none."""
    if world.modules or _describer(box) is None:
        return world
    slugs = list(dict.fromkeys(str(o) for t in box.tools if t.module for o in t.module.options))
    words = [w.lower for w in Clause(text, world.now).words if not w.is_name and w.lower not in STOP]
    slugs = slugs or [w for w in words if len(w) > 3 and w.endswith("s") and not w.endswith("ss")]
    return replace(world, modules=modules_of([{"slug": slug} for slug in slugs]))


def _describer(box: Toolbox) -> Tool | None:
    """The action that tells the fields of a module."""
    return next((t for t in box.tools if (s := shape_of(t)) is not None and s.kind == "describe"), None)


def _informed(world: World, turns: Sequence[Turn], box: Toolbox) -> World:
    """`world` with the modules that results described, where the prompt left them out."""
    found = list(world.modules)
    describes = _describer(box)
    for turn in turns:
        for name, arguments, result in turn.done:
            data = result.get("data", result) if isinstance(result, Mapping) else result
            asked = arguments.get(describes.module.name) if describes and describes.module else None
            if describes and name == describes.name and isinstance(data, Mapping) and asked and "fields" in data:
                data = {"slug": asked, **data}
            for module in modules_of(data):
                known = next((m for m in found if m.slug == module.slug), None)
                if known is None or not known.fields:
                    found = [m for m in found if m is not known] + ([module] if module.fields or known is None else [])
    return replace(world, modules=tuple(found))


def _schema_call(box: Toolbox, world: World, turn: Turn) -> tuple[str, dict[str, Any]] | None:
    """A look at the schema of the module that is meant, if the prompt does not tell its fields."""
    describes = _describer(box)
    if describes is None or describes.module is None or is_smalltalk(turn.text) or all(m.fields for m in world.modules):
        return None
    seen = {str(a.get(describes.module.name)) for name, a, _ in turn.done if name == describes.name}
    for step in Planner(box, world).plan(turn.text):
        found = step if isinstance(step, Call) else step.candidate if isinstance(step, Ask) else None
        module = found.module if found is not None else None
        if found is None or module is None or module.fields or module.slug in seen or found.kind not in _NEED_FIELDS:
            continue
        return describes.name, {describes.module.name: module.slug}
    return None


def _is_schema(box: Toolbox, name: str, steps: Sequence[Step]) -> bool:
    """Whether a done call was our own look at a schema, and no step of the plan."""
    tool = box.named(name)
    shape = shape_of(tool) if tool else None
    planned = any(isinstance(s, Call) and s.tool.name == name for s in steps)
    return shape is not None and shape.kind == "describe" and not planned


def _next_calls(
    steps: Sequence[Step], done: Sequence[tuple[str, Mapping[str, Any], Any]], world: World
) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The next call, with those that join it."""
    first = _next_call(steps, done, world)
    if first is None:
        return ()
    later = [s for s in steps if isinstance(s, Call)][len(done) + 1 :]
    return (first, *((call.tool.name, call.arguments) for call in takewhile(lambda call: call.joins, later)))


def _next_call(
    steps: Sequence[Step], done: Sequence[tuple[str, Mapping[str, Any], Any]], world: World
) -> tuple[str, dict[str, Any]] | None:
    calls = [s for s in steps if isinstance(s, Call)]
    if len(done) >= len(calls):
        return None
    call = calls[len(done)]
    if call.located:
        place = _place_of(call, done[-1][2])
        return (call.tool.name, {**call.arguments, **place}) if place else None
    if call.ties:
        param, told = filters_by_id(call.tool), conditions(call.ties, world, call.module, done[-1][2])
        return (call.tool.name, {**call.arguments, param.name: as_filters(param, told)}) if param and told else None
    if not call.references or call.reference_param is None or not done:
        return call.tool.name, call.arguments
    positions = [steps.index(c) for c in calls]
    handles = [h for r in call.references for h in _handles(r, positions, done)]
    if not handles:
        return None
    value: Any = list(dict.fromkeys(handles)) if call.reference_param.type == "array" else handles[0]
    return call.tool.name, {**call.arguments, call.reference_param.name: value}


def _place_of(call: Call, result: Any) -> dict[str, str]:
    """The module and the id of the first record that was found."""
    shape, row = shape_of(call.tool), next(iter(records_in(result)), {})
    if shape is None or shape.module is None or shape.ref is None or not {"module", "id"} <= set(row):
        return {}
    return {shape.module.name: str(row["module"]), shape.ref.name: str(row["id"])}


def _handles(
    reference: Reference, positions: Sequence[int], done: Sequence[tuple[str, Mapping[str, Any], Any]]
) -> list[str]:
    """The id that an earlier step of this turn told, or all ids, for records known only by that step."""
    known = [reference.handle] if reference.handle else []
    if reference.step is None:
        return known
    index = positions.index(reference.step) if reference.step in positions else len(done) - 1
    if index >= len(done):
        return known
    found = [r.handle for r in result_references(done[index][1], done[index][2]) if r.handle]
    return found if reference.several else found[:1] or known


def _failed(result: Any) -> bool:
    return isinstance(result, Mapping) and (
        result.get("success") is False or ("error" in result and "success" not in result)
    )


def _final(
    steps: Sequence[Step],
    done: Sequence[tuple[str, Mapping[str, Any], Any]],
    box: Toolbox,
    world: World,
    *,
    failed: bool,
) -> str:
    calls = [s for s in steps if isinstance(s, Call)]
    told = [
        answers.told(name, result, answers.interest(call.text, arguments, call.module) if call else answers.Interest())
        for (name, arguments, result), call in zip_longest(done, calls[: len(done)])
    ]
    unused = [phrase for call in calls[: len(done)] for phrase in call.unused]
    if unused:
        told.append(answers.unused(unused))
    if failed and len(calls) > len(done):
        told.append(f"I stopped there; not done: {'; '.join(f'“{c.text}”' for c in calls[len(done) :])}.")
    elif len(calls) > len(done):
        told.append(f"Not done: {'; '.join(f'“{c.text}”' for c in calls[len(done) :])}.")
    unknown = [s for s in steps if isinstance(s, Unknown)]
    asks = [answers.asked(s) for s in steps if isinstance(s, Ask)]
    refusals = [answers.refused(s, world.modules) for s in steps if isinstance(s, Refused)]
    facts = [answers.said(s) for s in steps if isinstance(s, Said)]
    understood = bool(calls or asks or done or refusals or facts)
    if not understood and unknown and all(u.smalltalk for u in unknown):
        return answers.smalltalk(" ".join(u.text for u in unknown), box)
    told.extend([*facts, *refusals])
    told.extend(answers.not_understood(u) for u in unknown if not u.smalltalk)
    if not understood and not any(u.fitting for u in unknown):
        told.append(answers.introduction(box))
    return "\n\n".join([*told, *dict.fromkeys(asks)])


def _text(message: BaseMessage) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)
