"""What the planner says: results as they came, questions with their options, and what it is.

It never invents prose. Every sentence is either an action's own message or one of the fixed ones here.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from copilot_core.planner.clauses import Clause
from copilot_core.planner.followups import MANY
from copilot_core.planner.modules import field_mention
from copilot_core.planner.plan import Ask, Refused, Said, Unknown
from copilot_core.planner.ranking import Candidate
from copilot_core.planner.references import records_in, title_of
from copilot_core.planner.smalltalk import FAREWELL, THANKS
from copilot_core.planner.tools import Param, Tool, Toolbox
from copilot_core.planner.words import identifier_words, phrase_of
from copilot_core.planner.world import Module

SHOWN = 4
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_COUNTS = re.compile(r"\bhow many\b|\b(?:number|count) of\b|^count\b", re.IGNORECASE)
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
_KEY = re.compile(r"[A-Z]{2,8}-\d{1,9}")
"""An id that people say, such as INC-12."""


def question(candidate: Candidate, param: Param | None, text: str) -> str:
    """The question for what is missing; it names the options that the schema allows."""
    if param is not None and param.is_module and not param.options:
        return f"Which record do you mean in “{text}”? I need it to {phrase_of(candidate.tool.name)}."
    action = phrase_of(candidate.tool.name)
    if param is None and candidate.unused:
        return f"{unused(candidate.unused)} Which records do you mean?"
    if param is None:
        return f"Which record do you mean in “{text}”?"
    if candidate.kind == "create" and candidate.module is not None and param.type == "object":
        return f"What is the {phrase_of(candidate.module.title)} of the new {candidate.module.singular}?"
    name = phrase_of(param.name)
    if param is candidate.tool.handle and name.split()[0] in candidate.tool.name_words:
        return f"Which {' '.join(candidate.tool.handle_words)} do you mean? I need it to {action}."
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


@dataclass(frozen=True, slots=True)
class Interest:
    """What a person asked about: fields to show first, or only a number."""

    fields: tuple[str, ...] = ()
    counts: bool = False


def interest(text: str, arguments: Mapping[str, Any], module: Module | None) -> Interest:
    """What matters in the result of a call: the fields that the words name, and those in its arguments."""
    clause = Clause(text, _ANY_TIME)
    named = [f.name for f in (module.fields if module else ()) if field_mention(clause, f) is not None]
    given = [name for value in arguments.values() for name in _names_in(value)]
    known = {f.name for f in (module.fields if module else ())}
    sorted_by = [v for v in arguments.values() if isinstance(v, str) and v in known]
    return Interest(tuple(dict.fromkeys([*named, *given, *sorted_by])), _COUNTS.search(text) is not None)


def _names_in(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    return (
        [str(v["field"]) for v in value if isinstance(v, Mapping) and "field" in v] if isinstance(value, list) else []
    )


def told(tool: str, result: Any, asked: Interest = Interest()) -> str:
    """One result for a person: the action's message, then what it does not say yet."""
    if not isinstance(result, Mapping):
        return _value(result) if result not in (None, "") else f"{phrase_of(tool).capitalize()}: done."
    if result.get("success") is False or ("error" in result and "success" not in result):
        return _failure(tool, result)
    message = str(result.get("message") or "")
    data = result.get("data", None if "success" in result else result)
    if asked.counts and message and any(c.isdigit() for c in message):
        return message
    body = _data(data, asked, message)
    linked = _linked(message, result, data)
    link = result.get("link") or result.get("url")
    if link and not body and linked == message:
        linked = f"[{message or 'Open'}]({link})"
    return "\n".join(line for line in (linked, body) if line) or f"{phrase_of(tool).capitalize()}: done."


def _linked(message: str, result: Mapping[str, Any], data: Any) -> str:
    """The message, in which the quoted titles of records are links to them."""
    one = [data] if isinstance(data, Mapping) and title_of(data) else []
    for row in (*one, *records_in(data)):
        title, link = title_of(row), row.get("link") or row.get("url") or (result.get("link") if one else None)
        if title and link:
            message = message.replace(f"“{title}”", f"“[{title}]({link})”", 1)
    return message


def _failure(tool: str, result: Mapping[str, Any]) -> str:
    reason = result.get("message") or result.get("error") or "no reason given"
    details = result.get("details")
    extra = (
        f" ({'; '.join(f'{k}: {v}' for k, v in details.items())})"
        if isinstance(details, Mapping) and details and not result.get("message")
        else ""
    )
    return f"{tool} failed: {reason}{extra}"


def _data(data: Any, asked: Interest, message: str) -> str:
    if data is None or data in ({}, []):
        return "Nothing found." if data == [] and not message else ""
    rows = records_in(data)
    if rows:
        total = data.get("total", data.get("count")) if isinstance(data, Mapping) else None
        return _rows(rows, total if isinstance(total, int) else len(rows), asked, message)
    if isinstance(data, Mapping):
        if "records" in data or [] in data.values():
            return "" if message else "Nothing found."
        return "\n".join(f"- {k}: {v}" for k, v in _details(data, asked, title_of(data), limit=None))
    return _value(data)


def _rows(rows: Sequence[Mapping[str, Any]], total: int, asked: Interest, message: str) -> str:
    if len(rows) == 1 and f"“{title_of(rows[0])}”" in message:
        return "\n".join(f"- {k}: {v}" for k, v in _details(rows[0], asked, title_of(rows[0]), limit=SHOWN))
    told = [row for row in rows if len(rows) > 3 or f"“{title_of(row)}”" not in message]
    lines = [_row(row, asked) for row in told[:MANY]]
    more = max(total, len(rows)) - len(rows[:MANY])
    return "\n".join([*lines, f"… and {more} more."] if more > 0 else lines)


def _row(row: Mapping[str, Any], asked: Interest) -> str:
    title = title_of(row)
    link = row.get("link") or row.get("url")
    head = f"[{title}]({link})" if title and link else f"**{title}**" if title else ""
    details = [f"{k}: {v}" for k, v in _details(row, asked, title, limit=SHOWN)]
    return f"- {' · '.join([head, *details] if head else details)}"


def _details(row: Mapping[str, Any], asked: Interest, title: str | None, *, limit: int | None) -> list[tuple[str, str]]:
    """What informs a person: what was asked for first; no ids, no empties, no title once more."""
    fields = row["fields"] if isinstance(row.get("fields"), Mapping) else row
    shown = {
        str(k): v
        for k, v in fields.items()
        if v not in (None, "", [], {}) and v != title and (str(k) in asked.fields or not _identifies(str(k), fields))
    }
    first = [k for k in asked.fields if k in shown]
    names = [*first, *(k for k in shown if k not in first)]
    kept = names if limit is None else names[: max(limit, len(first))]
    return [(phrase_of(name), _value(shown[name])) for name in kept]


def _identifies(name: str, row: Mapping[str, Any]) -> bool:
    """Whether an entry is for machines: an id (not ``INC-12``), a link, or the id beside a name (``projectId``)."""
    words = identifier_words(name)
    if _KEY.fullmatch(str(row[name])):
        return False
    return (
        name.lower() in _IDS or (len(words) > 1 and words[-1] in {"id", "ids"}) or (name == "title" and "name" in row)
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def refused(step: Refused, modules: Sequence[Module]) -> str:
    """Says which kinds of records the page works with."""
    names = [module.name for module in modules]
    known = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names) or "no records"
    return f"{step.module.name} cannot be used here. This page works with {known}."


def not_understood(unknown: Unknown) -> str:
    """Names the words that no action accounts for, and what can be done with the thing that they name."""
    told = f"I did not understand: “{unknown.text}”."
    if not unknown.fitting:
        return told
    thing = " ".join(w for w in unknown.fitting[0].handle_words)
    return f"{told} With {_an(thing)} I can: {listed([phrase_of(tool.name) for tool in unknown.fitting])}."


def _an(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def said(step: Said) -> str:
    """What needs no action: a sentence, or the rest of a list that was told in part."""
    rows = "\n".join(_row(row, Interest()) for row in step.rows)
    return "\n".join(line for line in (step.sentence, rows) if line)


def unused(phrases: Sequence[str]) -> str:
    """Names the conditions that no field could take."""
    return f"I could not use: {', '.join(f'“{phrase}”' for phrase in phrases)}."


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
