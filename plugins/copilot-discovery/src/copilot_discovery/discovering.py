"""discoverSystem: what there is, the most fitting first, as much as fits."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from copilot_core import MODULES, Action, Capabilities, Injected, Principal, Readable, action

LONGEST = 6_000
"""Characters of the whole answer as JSON."""
LONGEST_TEXT = 160
Part = Literal["actions", "modules", "routes", "limits"]
Json = dict[str, Any]


@action(
    source="",
    trusted=True,
    pinned=True,
    examples=["what can you do?", "what can you do here?", "what can I do?", "discover the system"],
)
async def discover_system(
    capabilities: Injected[Capabilities],
    principal: Injected[Principal],
    about: Annotated[str, Field(description="Words of what is looked for; the best fitting actions come first")] = "",
    part: Annotated[Part | None, Field(description="Only this part; else all of them")] = None,
) -> Json:
    """Discover what this application can do: actions, modules, routes and limits of the user.

    Call it before you say that something cannot be done. Actions that it names can be called from then on.
    """
    told = await capabilities.readables()
    limits = {"role": principal.role.value, **capabilities.limits}
    found: dict[str, Sequence[Json]] = {
        "actions": [described(one, fully=bool(about)) for one in await capabilities.actions(about)],
        "modules": [_brief(module, ("slug", "name")) for module in modules(told)],
        "routes": routes(told),
    }
    if part is not None:
        found = {name: things for name, things in found.items() if name == part}
    data, left_out = fitting(found, LONGEST - len(json.dumps(limits)))
    if part in (None, "limits"):
        data["limits"] = limits
    counted = ", ".join(f"{len(things)} {name}" for name, things in found.items() if things)
    told_left = "".join(f" {number} {name} are left out: say what they are about." for name, number in left_out.items())
    return {"success": True, "data": data, "message": f"{counted or 'Limits'} here.{told_left}"}


def fitting(found: Mapping[str, Sequence[Json]], most: int) -> tuple[dict[str, Any], dict[str, int]]:
    """As much of each list as fits into `most` characters of JSON, one of each in turn; how much of which does not."""
    data: dict[str, Any] = {name: [] for name in found}
    most -= len(json.dumps(data))
    waiting = {name: iter(things) for name, things in found.items()}
    while waiting:
        for name, things in list(waiting.items()):
            thing = next(things, None)
            most -= 0 if thing is None else len(json.dumps(thing)) + 2
            if thing is None or most < 0:
                del waiting[name]
            else:
                data[name].append(thing)
    left_out = {name: len(things) - len(data[name]) for name, things in found.items()}
    return data, {name: number for name, number in left_out.items() if number}


def modules(told: Iterable[Readable]) -> Iterator[Mapping[str, Any]]:
    """The modules that the user may work with."""
    for readable in told:
        if readable.description == MODULES:
            yield from (module for module in readable.value if module.get("available", True))


def routes(told: Iterable[Readable]) -> list[Json]:
    """Where the page says that it can go: every ``{path, ...}`` in a list of them, or under ``routes``."""
    lists = [r.value.get("routes") if isinstance(r.value, Mapping) else r.value for r in told]
    found = [route for listed in lists if isinstance(listed, list) for route in listed]
    return [
        _brief(route, ("path", "name", "title", "description"))
        for route in found
        if isinstance(route, Mapping) and isinstance(route.get("path"), str)
    ]


def described(one: Action, *, fully: bool) -> Json:
    """An action in a line or, `fully`, with its parameters."""
    first = one.description.split(". ")[0]
    told: Json = {"name": one.name, "does": _cut(first)}
    if one.writes:
        told["writes"] = True
    if fully:
        told["parameters"] = {p["name"]: p["type"] for p in one.parameters}
    return told


def _brief(thing: Mapping[str, Any], keys: Iterable[str]) -> Json:
    return {key: _cut(str(thing[key])) for key in keys if thing.get(key)}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
