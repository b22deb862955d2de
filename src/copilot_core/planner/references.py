"""What "this", "it", "the second one" and "Priya's" point at: the open page, or results told earlier."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from copilot_core.planner.words import stem, stems_of

_ORDINALS = {
    "first": 0,
    "1st": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
    "fifth": 4,
    "last": -1,
}
_ORDINAL = re.compile(
    r"\b(?:the\s+)?(?P<which>first|second|third|fourth|fifth|last|1st"
    r"|2nd|3rd|4th)(?:\s+(?P<count>two|three|\d))?"
    r"\s+(?:one|ones|of (?:them|those|these)|record|result|entry|item"
    r"|(?P<noun>[a-z]+))\b|#(?P<number>\d)\b(?!\d)",
    re.IGNORECASE,
)
_PLURAL = re.compile(r"\b(?:them|those|these|all of (?:them|those)|both|they)\b", re.IGNORECASE)
_SINGULAR = re.compile(
    r"\b(?:it|its|that one|that|this one|the same(?: one)?|him|her"
    r"|his|he|she)\b",
    re.IGNORECASE,
)
_THIS = re.compile(
    r"\b(?:this|the current|the open|that)\s*(?P<noun>[a-z]+)?\b|\bhere\b|\bthe (?:record|page)\b",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"\b(?:these|those|them|they|(?:this|the(?: (?:current|open|whole))?) (?:list|view|table|selection))\b",
    re.IGNORECASE,
)
PRONOUN = re.compile(r"\b(?:him|her|them|it|this|that)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reference:
    """A record someone spoke of. Without an id it is known by name only.

    Args:
        conditions: of a list that a planned step will tell, all of which its records fulfil.
        shown: the conditions under which it was listed.
    """

    id: str | None
    name: str | None
    module: str | None = None
    step: int | None = None
    conditions: tuple[Mapping[str, Any], ...] = ()
    several: bool = False
    shown: tuple[Mapping[str, Any], ...] = ()

    @property
    def handle(self) -> str | None:
        """What an action is given to find it."""
        return self.id or self.name


def result_references(arguments: Mapping[str, Any], result: Any, step: int | None = None) -> list[Reference]:
    """The records that a call told of, in the order it told them."""
    module = next((v for k, v in arguments.items() if "module" in k.lower() and isinstance(v, str)), None)
    if isinstance(result, Mapping) and result.get("success") is False:
        return []
    found = [_reference(row, module, step) for row in records_in(result)]
    own = _reference(result, module, step) if isinstance(result, Mapping) else None
    named = _named_in(arguments)
    if own is not None:
        return [Reference(own.id, own.name or named, module, step)]
    ids = result.get("recordIds") if isinstance(result, Mapping) else None
    if isinstance(ids, list):
        return [Reference(str(i), None, module, step) for i in ids]
    shown = _conditions_in(arguments)
    rows = [replace(r, shown=shown) for r in found if r is not None]
    return rows or ([Reference(None, named, module, step)] if named else [])


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


def _reference(row: Mapping[str, Any], module: str | None, step: int | None) -> Reference | None:
    data = row.get("data") if isinstance(row.get("data"), Mapping) else {}
    for source in (row, data or {}):
        for key in ("recordId", "id", "record_id", "uuid", "_id"):
            if isinstance(source.get(key), str | int) and source.get(key) != "":
                return Reference(
                    str(source[key]), title_of(source), str(row.get("module") or module or "") or None, step
                )
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


def pointed_at(text: str, earlier: Sequence[Sequence[Reference]]) -> list[Reference]:
    """The earlier records that `text` points at with a pronoun or an ordinal; `earlier` has the latest result last."""
    if not earlier:
        return []
    match = next(_ordinals(text), None)
    if match is not None:
        many = next((group for group in reversed(earlier) if len(group) > 1), earlier[-1])
        return _picked(match, many)
    if _PLURAL.search(text):
        return list(next((group for group in reversed(earlier) if len(group) > 1), earlier[-1]))
    single = len(earlier[-1]) == 1 and not earlier[-1][0].several
    return [earlier[-1][0]] if _SINGULAR.search(text) and single else []


def names_ordinal(text: str) -> bool:
    """Whether `text` speaks of the first, the second or the last of something."""
    return next(_ordinals(text), None) is not None


def _ordinals(text: str) -> Iterator[re.Match[str]]:
    for match in _ORDINAL.finditer(text):
        if (match["noun"] or "").lower() not in {"quarter", "week", "day", "month", "year", "time", "name", "half"}:
            yield match


def _picked(match: re.Match[str], group: Sequence[Reference]) -> list[Reference]:
    if match["number"]:
        index = int(match["number"]) - 1
        return [group[index]] if 0 <= index < len(group) else []
    index = _ORDINALS[match["which"].lower()]
    count = {"two": 2, "three": 3}.get((match["count"] or "1").lower()) or int(match["count"] or 1)
    if index == -1:
        return list(group[-count:])
    return list(group[index : index + count])


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
