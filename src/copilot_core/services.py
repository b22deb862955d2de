"""Services by type: what an action or another service asks for with ``Injected[Type]``.

Two lifetimes, two words. `Services` lives with the app and knows how each type is made; a `Scope`
lives for one action call, opens what that call asks for and closes it again in reverse order. Each
call has its own scope because calls run side by side and one database session cannot be shared.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Annotated, Any, Self, TypeVar, cast, get_args, get_origin, get_type_hints

from copilot_core.errors import SetupError

T = TypeVar("T")
Factory = Callable[..., AbstractAsyncContextManager[Any]]


class _InjectedMarker:
    def __repr__(self) -> str:
        return "Injected"


INJECTED = _InjectedMarker()
Injected = Annotated[T, INJECTED]
"""Marks a parameter that the server fills by its type; the model never sees it."""


def injected_type(hint: object) -> object | None:
    """The `T` of ``Injected[T]``, or ``None`` for any other annotation."""
    if get_origin(hint) is Annotated and INJECTED in get_args(hint)[1:]:
        return cast("object", get_args(hint)[0])
    return None


@dataclass(frozen=True, slots=True)
class _Recipe:
    factory: Factory
    needs: Mapping[str, object]


class Services:
    """Type -> how to get one. Filled once at start-up by the `copilot_services` hook."""

    def __init__(self) -> None:
        self._values: dict[object, object] = {}
        self._recipes: dict[object, _Recipe] = {}
        self._closers: list[Callable[[], Awaitable[None]]] = []

    def value(self, of: object, value: object, *, close: Callable[[], Awaitable[None]] | None = None) -> None:
        """Offer one object for the life of the app; `close` is awaited when the app stops."""
        self._claim(of)
        self._values[of] = value
        if close is not None:
            self._closers.append(close)

    async def close(self) -> None:
        """Close the values, last registered first. Called once, when the app stops."""
        for close in reversed(self._closers):
            await close()

    def factory(self, of: object, factory: Factory) -> None:
        """Offer a new object for each action call.

        `factory` returns an async context manager; its own parameters are services too, found by
        their annotations. It is left with the action's exception, so commit-or-roll-back is one
        ``async with session.begin()``.
        """
        self._claim(of)
        self._recipes[of] = _Recipe(factory, needs(factory))

    def missing(self, wanted: Iterable[object], given: Iterable[object]) -> list[object]:
        """Those of `wanted`, and of what their factories need, that nobody provides."""
        given = set(given)
        absent: list[object] = []
        todo = list(wanted)
        while todo:
            of = todo.pop()
            if of in given or of in self._values:
                continue
            given.add(of)
            if of in self._recipes:
                todo.extend(self._recipes[of].needs.values())
            else:
                absent.append(of)
        return absent

    def reaches(self, wanted: Iterable[object], target: object) -> bool:
        """Whether `target` is among `wanted`, or among what their factories need."""
        todo, seen = list(wanted), set[object]()
        while todo:
            of = todo.pop()
            if of == target:
                return True
            if of in self._recipes and of not in seen:
                seen.add(of)
                todo.extend(self._recipes[of].needs.values())
        return False

    def open(self, given: Mapping[object, object]) -> "Scope":
        """A scope for one call, in which the types in `given` have the values in `given`."""
        return Scope(self._recipes, {**self._values, **given})

    def _claim(self, of: object) -> None:
        if of in self._values or of in self._recipes:
            raise SetupError(f"the service {type_name(of)} is provided twice")


class Scope:
    """The services of one action call: opened on first use, closed in reverse."""

    def __init__(self, recipes: Mapping[object, _Recipe], values: dict[object, object]) -> None:
        self._recipes = recipes
        self._values = values
        self._stack = AsyncExitStack()
        self._opened: list[object] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    def give(self, of: object, value: object) -> None:
        """Offer one more value in this scope alone."""
        self._values[of] = value

    async def get(self, of: object) -> Any:
        """The service of type `of`, the same object throughout this scope."""
        if of not in self._values:
            recipe = self._recipes[of]
            needs = {name: await self.get(need) for name, need in recipe.needs.items()}
            self._values[of] = await self._stack.enter_async_context(recipe.factory(**needs))
            self._opened.append(of)
        return self._values[of]

    async def release(self) -> None:
        """Close what was opened so far, as the end of the call would; what is asked for next is opened anew."""
        await self._stack.aclose()
        while self._opened:
            del self._values[self._opened.pop()]

    async def call(self, function: Callable[..., Awaitable[T]]) -> T:
        """Call an async function all of whose parameters are services."""
        return await function(**{name: await self.get(of) for name, of in needs(function).items()})


@cache
def needs(function: Callable[..., object]) -> dict[str, object]:
    """Parameter -> the service type that it asks for."""
    hints = get_type_hints(inspect.unwrap(function))
    return {name: hints[name] for name in inspect.signature(function).parameters}


def type_name(of: object) -> str:
    """How a type is called in an error message."""
    return getattr(of, "__qualname__", None) or str(of)
