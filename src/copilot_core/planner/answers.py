"""What the planner says: results as they came, questions with their options, and what it is.

It never invents prose. Every sentence is either an action's own message or one of the fixed ones here.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from copilot_core.planner.plan import Ask, Unknown
from copilot_core.planner.ranking import Candidate
from copilot_core.planner.references import records_in, title_of
from copilot_core.planner.smalltalk import FAREWELL, THANKS
from copilot_core.planner.tools import Param, Tool, Toolbox
from copilot_core.planner.words import phrase_of

MANY = 10
_IDS = frozenset(
    {
        "id",
        "recordid",
        "_id",
        "uuid",
        "record_id",
        "link",
        "url",
        "href",
        "module",
        "createdat",
        "updatedat",
        "created_at",
        "updated_at",
        "version",
    }
)


def question(candidate: Candidate, param: Param | None, text: str) -> str:
    """The question for what is missing; it names the options that the schema allows."""
    action = phrase_of(candidate.tool.name)
    if param is None:
        return f"Which record do you mean in “{text}”?"
    if candidate.kind == "create" and candidate.module is not None and param.type == "object":
        return f"What is the {phrase_of(candidate.module.title)} of the new {candidate.module.singular}?"
    name = phrase_of(param.name)
    if param.options:
        return f"Which {name}? {listed([str(o) for o in param.options])}."
    if param.role in {"date", "datetime", "time"}:
        return f"When? I need the {name} to {action}."
    if param.role in {"number", "limit"}:
        return f"What {name}? I need a number to {action}."
    return f"What is the {name}? I need it to {action}."


def listed(options: Sequence[str]) -> str:
    """``a, b or c``."""
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def told(tool: str, result: Any) -> str:
    """One result for a person: the action's message, then its data."""
    if not isinstance(result, Mapping):
        return _value(result) if result not in (None, "") else f"{phrase_of(tool).capitalize()}: done."
    if result.get("success") is False or ("error" in result and "success" not in result):
        return _failure(tool, result)
    message = result.get("message")
    data = result.get("data", None if "success" in result else result)
    body = _data(data)
    lines = [str(message)] if message else []
    link = result.get("link") or result.get("url")
    if link and not body:
        lines = [f"[{lines[0] if lines else 'Open'}]({link})"]
    if body:
        lines.append(body)
    return "\n".join(lines) or f"{phrase_of(tool).capitalize()}: done."


def _failure(tool: str, result: Mapping[str, Any]) -> str:
    reason = result.get("message") or result.get("error") or "no reason given"
    details = result.get("details")
    extra = (
        f" ({'; '.join(f'{k}: {v}' for k, v in details.items())})"
        if isinstance(details, Mapping) and details and not result.get("message")
        else ""
    )
    return f"{tool} failed: {reason}{extra}"


def _data(data: Any) -> str:
    if data is None or data in ({}, []):
        return "Nothing found." if data == [] else ""
    rows = records_in(data)
    if rows:
        total = data.get("total", data.get("count")) if isinstance(data, Mapping) else None
        return _rows(rows, total if isinstance(total, int) else len(rows))
    if isinstance(data, Mapping):
        if "records" in data and not data["records"]:
            return "Nothing found."
        return "\n".join(f"- {phrase_of(str(k))}: {_value(v)}" for k, v in _fields(data).items())
    return _value(data)


def _rows(rows: Sequence[Mapping[str, Any]], total: int) -> str:
    lines = [_row(row) for row in rows[:MANY]]
    more = max(total, len(rows)) - len(lines)
    return "\n".join([*lines, f"… and {more} more."] if more > 0 else lines)


def _row(row: Mapping[str, Any]) -> str:
    title = title_of(row)
    link = row.get("link") or row.get("url")
    head = f"[{title}]({link})" if title and link else f"**{title}**" if title else ""
    fields = row.get("fields") if isinstance(row.get("fields"), Mapping) else row
    details = [f"{phrase_of(str(k))}: {_value(v)}" for k, v in _fields(fields or {}).items() if v != title][:4]
    return f"- {' · '.join([head, *details] if head else details)}"


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that inform a person: no ids, no empties, nothing nested deep."""
    return {k: v for k, v in row.items() if str(k).lower() not in _IDS and v not in (None, "", [], {})}


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def not_understood(unknown: Unknown) -> str:
    """Names the words that no action accounts for."""
    return f"I did not understand: “{unknown.text}”."


def introduction(box: Toolbox) -> str:
    """What the planner is, and a few things that it can do here."""
    abilities = [_ability(tool) for tool in box.tools[:3]]
    can = (
        f" I can {', '.join(abilities[:-1])} or {abilities[-1]}."
        if len(abilities) > 1
        else f" I can {abilities[0]}."
        if abilities
        else ""
    )
    return f"I am the built-in rule planner, not a language model.{can}"


def _ability(tool: Tool) -> str:
    first = tool.description.split(". ")[0].split("\n")[0].rstrip(".")
    return first[:1].lower() + first[1:] if first else phrase_of(tool.name)


def smalltalk(text: str, box: Toolbox) -> str:
    """A short, honest reply to pleasantries."""
    if THANKS.search(text):
        return "You are welcome."
    if FAREWELL.search(text):
        return "All right."
    return introduction(box)


def asked(ask: Ask) -> str:
    """The question of a step."""
    return question(ask.candidate, ask.param, ask.text)
