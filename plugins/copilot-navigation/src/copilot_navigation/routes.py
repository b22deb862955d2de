"""Routes of the host application: which there are, and whether a text means one of them.

What a text means is taken apart and put together anew from the listed route, so that no part of a model's text
decides where a link leads to, except the values of the route's parameters.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from copilot_core import Readables

_PARAMETER = re.compile(r"\{(\w+)\}")
_NO_STEP = frozenset({"", ".", ".."})
_FORBIDDEN = frozenset("/\\%")
"""In a decoded step: what a browser or a router might take for another step, or decode once more."""
_NO_NAME = frozenset("/\\%?#:")
"""In a text that is a path, or an address, and then is not taken for a name."""
_ARTICLES = re.compile(r"^(?:the|my|our)\s+|\s+(?:page|view|screen)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the application, such as ``/deals/{id}``; `steps` are its parts, decoded."""

    path: str
    name: str
    steps: tuple[str, ...]

    @classmethod
    def of(cls, path: str, name: str = "") -> "Route":
        """Raises `ValueError` for what is no path within the application."""
        steps = steps_of(path)
        if steps is None:
            raise ValueError(f"'{path[:100]}' is no path within the application, such as /deals/{{id}}")
        return cls(path, name or " ".join(step for step in steps if not _PARAMETER.fullmatch(step)), tuple(steps))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(found[1] for step in self.steps if (found := _PARAMETER.fullmatch(step)))

    def match(self, steps: list[str]) -> Mapping[str, str] | None:
        """The values of the parameters, if these are steps of this route."""
        if len(steps) != len(self.steps):
            return None
        values: dict[str, str] = {}
        for own, step in zip(self.steps, steps, strict=True):
            found = _PARAMETER.fullmatch(own)
            if found and not _PARAMETER.fullmatch(step):
                values[found[1]] = step
            elif own != step or found:
                return None
        return values

    def link(self, values: Mapping[str, str]) -> str:
        """The path with these values."""
        return "/" + "/".join(
            quote(_PARAMETER.sub(lambda found: values[found[1]], step), safe=":@") for step in self.steps
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A route with the values of its parameters."""

    route: Route
    parameters: Mapping[str, str]

    @property
    def link(self) -> str:
        """Where it is."""
        return self.route.link(self.parameters)

    @property
    def name(self) -> str:
        """What a person calls it; the path where the name would not tell one from another."""
        return self.link if self.parameters or not self.route.name else self.route.name


def steps_of(path: str) -> list[str] | None:
    """The decoded steps of a path; `None` for any other text, and for one that might be read as another path."""
    if not path.startswith("/") or "?" in path or "#" in path:
        return None
    try:
        steps = [unquote(step, errors="strict") for step in path.removesuffix("/").split("/")[1:]]
    except UnicodeDecodeError:
        return None
    return (
        None if any(step in _NO_STEP or _FORBIDDEN & set(step) or not step.isprintable() for step in steps) else steps
    )


def place_of(wanted: str, routes: Iterable[Route]) -> Place | None:
    """The listed route that a path leads to, or that has this name; of several, the one with fewest parameters."""
    routes, steps = sorted(routes, key=lambda route: len(route.parameters)), steps_of(wanted)
    for route in routes:
        values = route.match(steps) if steps is not None else None
        if values is not None:
            return Place(route, values)
    if _NO_NAME & set(wanted):
        return None
    return next((Place(route, {}) for route in routes if not route.parameters and _called(route, wanted)), None)


def _called(route: Route, wanted: str) -> bool:
    last = route.steps[-1] if route.steps else ""
    return _plain(wanted) in {_plain(route.name), _plain(last)} - {""}


def _plain(name: str) -> str:
    """``the Sales-report page`` -> ``salesreport``"""
    while (shorter := _ARTICLES.sub("", name.strip())) != name:
        name = shorter
    return re.sub(r"[\W_]", "", name).lower()


def told_routes(readables: Readables) -> Iterator[Route]:
    """Those that the page lists: ``{"routes": [{"path": "/deals/{id}", "name"?}]}``, or the list, called routes.

    An entry that is no path within the application is none.
    """
    for readable in readables:
        said = "route" in readable.description.lower()
        listed = readable.value.get("routes") if isinstance(readable.value, Mapping) else readable.value if said else ()
        for entry in listed if isinstance(listed, list) else ():
            path, name = (entry.get("path"), entry.get("name")) if isinstance(entry, Mapping) else (None, None)
            if isinstance(path, str) and steps_of(path) is not None:
                yield Route.of(path, name if isinstance(name, str) else "")


def follows(readables: Readables) -> bool:
    """Whether the page said that it goes where the event `navigate` leads."""
    values = (readable.value for readable in readables)
    return any(isinstance(value, Mapping) and value.get("handlesNavigation") is True for value in values)
