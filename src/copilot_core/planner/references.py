"""Records that results told of, and whether words speak of what the page has open."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from copilot_core.planner.vocabulary import GENERIC, classes_of, similar
from copilot_core.planner.words import identifier_words, stem, stems_of

_THIS = re.compile(
    r"\b(?:this|the current|the open|that)\s*(?P<noun>[a-z]+)?\b|\bhere\b|\bthe (?:record|page)\b",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"\b(?:these|those|them|they|(?:this|the(?: (?:current|open|whole))?) (?:list|view|table|selection))\b",
    re.IGNORECASE,
)
_OWN = frozenset({"recordid", "record_id"})
PRONOUN = re.compile(r"\b(?:him|her|them|it|this|that)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reference:
    """A record someone spoke of. Without an id it is known by name only.

    Args:
        things: the stems of what kind of thing it is, by the name of the list or of the action that told it.
        conditions: of a list that a planned step will tell, all of which its records fulfil.
        shown: the conditions under which it was listed.
        link: where it can be seen.
    """

    id: str | None
    name: str | None
    module: str | None = None
    step: int | None = None
    conditions: tuple[Mapping[str, Any], ...] = ()
    several: bool = False
    shown: tuple[Mapping[str, Any], ...] = ()
    things: frozenset[str] = frozenset()
    link: str | None = None

    @property
    def handle(self) -> str | None:
        """What an action is given to find it."""
        return self.id or self.name


def result_references(
    arguments: Mapping[str, Any], result: Any, step: int | None = None, action: str = ""
) -> list[Reference]:
    """The records that a call told of, in the order it told them."""
    if isinstance(result, Mapping) and result.get("success") is False:
        return []
    module = next((v for k, v in arguments.items() if "module" in k.lower() and isinstance(v, str)), None)
    data = result.get("data") if isinstance(result, Mapping) else None
    if module is None and isinstance(data, Mapping) and isinstance(data.get("module"), str):
        module = data["module"]
    own = _reference(result, module, step, _things(None, action)) if isinstance(result, Mapping) else None
    named = _named_in(arguments)
    if own is not None:
        return [replace(own, name=own.name or named)]
    things = _things(data, action)
    ids = result.get("recordIds") if isinstance(result, Mapping) else None
    if isinstance(ids, list):
        return [Reference(str(i), None, module, step, things=_nouns(module) if module else things) for i in ids]
    shown = _conditions_in(arguments)
    found = [_reference(row, module, step, things) for row in records_in(result)]
    rows = [replace(r, shown=shown) for r in found if r is not None]
    given = next((v for k, v in arguments.items() if k.lower() in _OWN and isinstance(v, str)), None)
    if not rows and given and module:
        return [Reference(given, named, module, step, things=_nouns(module))]
    return rows or ([Reference(None, named, module, step)] if named else [])


def _things(data: Any, action: str) -> frozenset[str]:
    """What kind of thing a result tells of, where no module says it: by the name of its list, else of the action."""
    lists = [str(k) for k, v in data.items() if isinstance(v, list) and v] if isinstance(data, Mapping) else []
    listed = _nouns("".join(lists[:1]))
    words = identifier_words(action)
    return listed or _nouns(" ".join(words[1:] if words and classes_of(words[0]) else words))


def _nouns(name: str) -> frozenset[str]:
    return frozenset({stem(word) for word in identifier_words(name)} - GENERIC)


def _conditions_in(arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    lists = (v for v in arguments.values() if isinstance(v, list))
    told = next((v for v in lists if v and all(isinstance(c, Mapping) and "field" in c for c in v)), [])
    return tuple({"field": c["field"], "op": c.get("op", c.get("operator")), "value": c.get("value")} for c in told)


def records_in(result: Any) -> list[Mapping[str, Any]]:
    """The list of records in a result, wherever the action put it."""
    data = result.get("data", result) if isinstance(result, Mapping) else result
    if isinstance(data, Mapping):
        lists = [v for v in data.values() if isinstance(v, list) and v and isinstance(v[0], Mapping)]
        data = lists[0] if lists else []
    return [row for row in data if isinstance(row, Mapping)] if isinstance(data, list) else []


def title_of(row: Mapping[str, Any]) -> str | None:
    """What a record is called."""
    inner = row.get("fields") if isinstance(row.get("fields"), Mapping) else row
    for key in ("title", "name", "recordName", "subject", "label", "displayName", "key", "text", "summary"):
        value = (inner or {}).get(key, row.get(key))
        if isinstance(value, str) and value:
            return value
    return None


def _reference(
    row: Mapping[str, Any], module: str | None, step: int | None, things: frozenset[str]
) -> Reference | None:
    data = row.get("data") if isinstance(row.get("data"), Mapping) else {}
    for source in (row, data or {}):
        for key in ("recordId", "id", "record_id", "uuid", "_id"):
            if isinstance(source.get(key), str | int) and source.get(key) != "":
                kind = str(row.get("module") or module or "") or None
                link = next(
                    (str(x) for part in (source, data or {}) if (x := part.get("link") or part.get("url"))), None
                )
                name = title_of(source) or title_of(data or {})
                kinds = _nouns(kind) if kind else things
                return Reference(str(source[key]), name, kind, step, things=kinds, link=link)
    return None


def _named_in(arguments: Mapping[str, Any]) -> str | None:
    values = arguments.get("fields") if isinstance(arguments.get("fields"), Mapping) else arguments
    return title_of(values) if isinstance(values, Mapping) else None


def loads(content: Any) -> Any:
    """A tool message's content; text that is no JSON stays text."""
    if not isinstance(content, str):
        return content
    try:
        return json.loads(content)
    except ValueError:
        return content


def is_of(reference: Reference, nouns: Collection[str]) -> bool:
    """Whether a record is of the kind that these stems name; one of unknown kind may be of any."""
    return not reference.things or any(similar(thing, noun) >= 0.6 for thing in reference.things for noun in nouns)


def points_at_list(text: str) -> bool:
    """Whether `text` says "these" or "this list" of several records that are in view."""
    return _LISTED.search(text) is not None


def points_at_other(text: str, foreign: Collection[str]) -> bool:
    """Whether `text` says "this deal" where what is open is no deal."""
    return any(stem(match["noun"] or "") in foreign for match in _THIS.finditer(text))


def points_at_page(text: str, noun_stems: set[str], foreign: Collection[str] = ()) -> bool:
    """Whether `text` says "this task" or "here" of the open record, whose kind is called `noun_stems`.

    "This deal" is not the open record where deals are of the `foreign` kinds.
    """
    for match in _THIS.finditer(text):
        noun = stem(match["noun"] or "")
        after = stems_of(text[match.end() :])[:2]
        lead = match.group().lower().split()[0]
        if noun in {
            "week",
            "month",
            "year",
            "quarter",
            "friday",
            "morning",
            "afternoon",
            "evening",
            "weekend",
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
        }:
            continue
        if noun in foreign:
            continue
        if lead == "that" and noun not in noun_stems:
            continue
        if lead != "the" or not noun or noun in {"record", "page"} | noun_stems or noun_stems & set(after):
            return True
    return False
