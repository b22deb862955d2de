"""What a model is shown of a result that is too large for it: valid JSON with the head of the data, and page by page.

Places in a result are JSON Pointers (RFC 6901), such as ``/data/records``.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from copilot_core.schema import Json

ROOM = 900
"""Characters that are left for what is said about what was cut."""
DEEPEST = 6
"""Levels that are cut each by itself; what is below is cut as text, so that deep nesting costs no more than size."""
TOLD = 10
LEAST = 20
NOTE = "Only a part of the result. Call readResult with this handle for the rest."
NOT_KEPT = "Only a part of the result. It was too large to be kept: ask for less."


def shortened(result: Json, most: int, handle: str | None) -> Json:
    """`result` in at most `most` characters: the first items of its lists, the beginnings of its texts.

    `cut` tells where something is missing, and how much: ``{at, kept, of}``, of items or of characters.
    """
    cuts: list[Json] = []
    head = _cut(result, most - ROOM, "", cuts)
    shown = head if isinstance(head, dict) else {}
    about: Json = {"truncated": True, "note": NOTE if handle else NOT_KEPT, **({"handle": handle} if handle else {})}
    told = {**about, **shown, **about, "cut": [cut for cut in cuts if len(cut["at"]) <= most // 40][:TOLD]}
    if size(told) <= most:
        return told
    return {**({"success": result["success"]} if isinstance(result.get("success"), bool) else {}), **about}


def largest(result: Json) -> str:
    """Where most of `result` is: a list of several items, or a text."""
    at, value = "", _as_any(result)
    for _ in range(DEEPEST):
        if isinstance(value, dict) and value:
            name = max(value, key=lambda key: size(value[key]))
            at, value = f"{at}/{_escaped(name)}", value[name]
        elif isinstance(value, list) and len(value) == 1:
            at, value = f"{at}/0", value[0]
    return at


def part(result: Json, at: str) -> Any:
    """What is at that place; raises `LookupError`."""
    value: Any = result
    for step in at.split("/")[1:]:
        if isinstance(value, list):
            value = value[int(step)] if step.isdecimal() else _nothing(step)
        elif isinstance(value, dict):
            value = value[step.replace("~1", "/").replace("~0", "~")]
        else:
            _nothing(step)
    return value


def items(value: Sequence[Any], offset: int, limit: int | None, most: int) -> list[Any]:
    """As many of the items from `offset` on as fit; at least one, cut where it does not fit by itself."""
    wanted = value[offset:] if limit is None else value[offset : offset + limit]
    kept, left = [], most - ROOM
    for item in wanted:
        left -= size(item) + len(", ")
        if left < 0:
            break
        kept.append(item)
    return kept or [_cut(item, most - ROOM, "", []) for item in wanted[:1]]


def text(value: str, offset: int, limit: int | None, most: int) -> str:
    """As much of the text from `offset` on as fits."""
    wanted = most if limit is None else min(limit, most)
    return _head(value[offset : offset + wanted], most - ROOM)


def as_json(value: Any) -> str:
    """As the model reads it."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def size(value: Any) -> int:
    """Characters that a model reads."""
    return len(as_json(value))


def _as_any(value: Any) -> Any:
    return value


def _nothing(step: str) -> Any:
    raise LookupError(step)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _cut(value: Any, most: int, at: str, cuts: list[Json]) -> Any:
    if size(value) <= most:
        return value
    if most < LEAST:
        return "…"
    deep = at.count("/") >= DEEPEST
    if isinstance(value, list) and not deep:
        return _cut_list(value, most, at, cuts)
    if isinstance(value, Mapping) and not deep:
        return _cut_object(value, most, at, cuts)
    whole = value if isinstance(value, str) else as_json(value)
    kept = _head(whole, most - len("…"))
    cuts.append({"at": at, "kept": len(kept), "of": len(whole)})
    return f"{kept}…"


def _cut_list(value: list[Any], most: int, at: str, cuts: list[Json]) -> list[Any]:
    kept: list[Any] = []
    left = most - len("[]")
    for item in value:
        left -= size(item) + len(", ")
        if left < 0:
            break
        kept.append(item)
    inner: list[Json] = []
    if not kept:
        kept = [_cut(value[0], most - len("[]"), f"{at}/0", inner)]
    if len(kept) < len(value):
        cuts.append({"at": at, "kept": len(kept), "of": len(value)})
    cuts += inner
    return kept


def _cut_object(value: Mapping[str, Any], most: int, at: str, cuts: list[Json]) -> Json:
    """Small entries whole; the large ones share the rest."""
    names = list(value)[: max(1, most // (2 * LEAST))]
    sizes = {name: size({name: value[name]}) for name in names}
    kept: Json = {}
    left = most - len("{}")
    for place, name in enumerate(sorted(names, key=lambda one: sizes[one])):
        share = left // (len(names) - place)
        fits = sizes[name] <= share
        kept[name] = value[name] if fits else _cut(value[name], share - size(name) - 6, f"{at}/{_escaped(name)}", cuts)
        left -= size({name: kept[name]})
    if len(names) < len(value):
        cuts.append({"at": at, "kept": len(names), "of": len(value)})
    return {name: kept[name] for name in names}


def _head(whole: str, most: int) -> str:
    """The beginning that takes at most `most` characters in JSON, where some take up to six."""
    head = whole[: max(0, most - len('""'))]
    while head and size(head) > most:
        head = head[: len(head) * most // size(head) - 1]
    return head
