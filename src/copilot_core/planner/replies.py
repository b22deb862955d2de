"""The answer to a question of ours, put together with the request that it was about."""

from collections.abc import Sequence
from typing import Any

from copilot_core.planner.clauses import Clause, polished
from copilot_core.planner.options import find_options
from copilot_core.planner.plan import Ask, Call, Planner, Step
from copilot_core.planner.prose import clean, tidy
from copilot_core.planner.references import PRONOUN, Reference
from copilot_core.planner.slot_times import date_value
from copilot_core.planner.tools import Param
from copilot_core.planner.vocabulary import STOP
from copilot_core.planner.words import words_of

_LONGEST = 12
_SURE = 2.6


def answered(planner: Planner, ask: Ask, text: str, earlier: Sequence[Sequence[Reference]]) -> Step | None:
    """The request of `ask` completed with `text`; None if `text` is no answer but something new."""
    reply = polished(text)
    if ask.param is None:
        return _which(planner, ask, reply, earlier)
    if _is_command(planner, reply, earlier) and not _fits_exactly(ask.param, reply):
        return None
    value = _title(ask, reply) if ask.candidate.kind == "create" else _value(planner, ask.param, reply)
    if value is None:
        return None
    found = ask.candidate
    arguments = {**found.arguments, ask.param.name: value}
    missing = [p for p in found.missing if p.name not in arguments]
    found.arguments, found.missing = arguments, missing
    if missing:
        return Ask(found, missing[0], ask.text)
    return Call(found.tool, arguments, found.module, found.references, found.reference_param, found.kind, ask.text)


def _which(planner: Planner, ask: Ask, reply: str, earlier: Sequence[Sequence[Reference]]) -> Step | None:
    """The request of `ask` with the record that the reply names in the place of its pronoun."""
    pointing = PRONOUN.search(ask.text)
    if pointing is None or len(words_of(reply)) > _LONGEST or _is_command(planner, reply, earlier):
        return None
    text = f"{ask.text[: pointing.start()]}{reply.strip(' .!?')}{ask.text[pointing.end() :]}"
    steps = planner.plan(text, earlier)
    return steps[0] if len(steps) == 1 and isinstance(steps[0], Call) else None


def _title(ask: Ask, text: str) -> dict[str, Any] | None:
    """The values of a new record whose name was asked for."""
    module = ask.candidate.module
    name = clean(text)
    if module is None or not name or len(words_of(name)) > _LONGEST:
        return None
    return {**ask.candidate.partial, module.title: name}


def _is_command(planner: Planner, text: str, earlier: Sequence[Sequence[Reference]]) -> bool:
    clause = Clause(text, planner.world.now)
    if clause.head is None:
        return False
    steps = planner.plan(text, earlier)
    asks = [s for s in steps if isinstance(s, Ask) and s.candidate.score > _SURE and clause.head.start == 0]
    return bool(asks) or any(isinstance(s, Call) for s in steps)


def _fits_exactly(param: Param, text: str) -> bool:
    return any(str(o).lower() == text.strip(" .!").lower() for o in param.options)


def _value(planner: Planner, param: Param, text: str) -> Any:
    clause = Clause(text, planner.world.now)
    if param.options:
        found = find_options(clause, param.options, 0.6)
        if not found:
            return None
        return [m.value for m in found] if param.type == "array" else found[0].value
    if param.role in {"date", "datetime", "time"}:
        when = next(iter(clause.dates), None)
        return date_value(param.role, when, when.first, planner.world) if when else None
    if param.role in {"number", "limit"}:
        number = next(iter(clause.numbers), None)
        return None if number is None else int(number.value) if param.type == "integer" else number.plain
    if param.type == "boolean":
        return None
    return _words(param, clause, text)


def _words(param: Param, clause: Clause, text: str) -> Any:
    literal = next((x for x in clause.literals if x.kind == param.role or x.kind == "quoted"), None)
    if param.type == "object" or param.role in {"objects", "numbers"}:
        return None
    value = literal.value if literal else tidy(text.strip(" .!")) if param.role == "prose" else clean(text)
    if not value or (param.role != "prose" and len(words_of(value)) > _LONGEST) or value.lower() in STOP:
        return None
    return [v.strip() for v in value.replace(" and ", ",").split(",") if v.strip()] if param.type == "array" else value
