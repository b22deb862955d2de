"""Actions: typed async functions that a model may call."""

import asyncio
import dataclasses
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, get_type_hints, overload

from pydantic import BaseModel, TypeAdapter
from pydantic.alias_generators import to_camel

from copilot_core.errors import ActionDefinitionError, ActionError
from copilot_core.receipts import Receipt
from copilot_core.schema import (
    Json,
    from_parameters,
    json_schema,
    schema_model,
    signature_model,
    to_parameters,
    validated,
)
from copilot_core.services import Scope, injected_type

Function = Callable[..., Awaitable[Any]]
Settle = Callable[[Json], Awaitable[None]]
Credits = int | Callable[[Mapping[str, Any]], int]
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_JSON: TypeAdapter[Any] = TypeAdapter(Any)


@dataclass(frozen=True, slots=True)
class Render:
    """How a page may show a call of the action (checklist S55, S56).

    Args:
        component: the name under which the page knows the component.
        props: JSON Schema of what it takes, or the model that has it; usually of the result's `data`.
        events: name -> model of what the component tells back, such as ``onTaskClick``.
    """

    component: str
    props: Json | type[BaseModel] | None = None
    events: Mapping[str, type[BaseModel]] = dataclasses.field(default_factory=dict)

    @property
    def hint(self) -> Json:
        """As the wires tell it: ``{component, props?, events?}``."""
        told: Json = {"component": self.component}
        if self.props is not None:
            told["props"] = json_schema(self.props) if isinstance(self.props, type) else self.props
        if self.events:
            told["events"] = {name: json_schema(payload) for name, payload in self.events.items()}
        return told

    def check(self, event: str, payload: Mapping[str, Any]) -> Json:
        """What the component tells back; raises `ActionError` if it is not what was declared."""
        if event not in self.events:
            known = ", ".join(self.events) or "none"
            raise ActionError(f"{self.component} has no event '{event}'; known: {known}.", code="validation_error")
        return validated(self.events[event], payload, by_name=False)


@dataclass(frozen=True, slots=True)
class Beside:
    """An async function beside the action's own: its `preview`, or its `undo`.

    Args:
        names: its parameters that are not services.
        injected: its services.
    """

    function: Function
    names: Sequence[str]
    injected: Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """Something the copilot can do, with everything the server must know before it lets a model do it.

    Made by `@action` or `Action.from_parameters`. Calling an action calls the plain function, so a
    test needs no framework. See docs/reference/actions.md for what each option means.
    """

    name: str
    description: str
    json_schema: Json
    parameters: list[Json]
    function: Function
    model: type[BaseModel]
    injected: Mapping[str, object]
    by_name: bool
    writes: bool = False
    destructive: bool = False
    undo: Beside | None = None
    irreversible: bool = False
    credits: Credits = 1
    timeout: float = 60.0
    source: str | None = None
    examples: Sequence[str] = ()
    render: Render | None = None
    preview: Beside | None = None
    trusted: bool = False
    pinned: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> Awaitable[Any]:
        """Call the plain function."""
        return self.function(*args, **kwargs)

    @classmethod
    def from_parameters(cls, declaration: Mapping[str, Any], handler: Function, **options: Any) -> Self:
        """An action from the seed's JSON ``{name, description, parameters[]}`` (checklist S21).

        `handler` is an async function that takes the arguments as keywords, under the names of the
        declaration; an optional one that the model leaves out is not passed. `options` are those
        of `@action`.

        Raises:
            ActionDefinitionError: the declaration is not of that form.
        """
        name, description = declaration.get("name"), declaration.get("description")
        parameters = declaration.get("parameters", ())
        if not isinstance(name, str) or not isinstance(description, str) or not isinstance(parameters, list):
            raise ActionDefinitionError("a declaration is {name, description, parameters: [...]}")
        schema = from_parameters(parameters, owner=name)
        return cls(
            name=_checked_name(name),
            description=description,
            json_schema=schema,
            parameters=[dict(parameter) for parameter in parameters],
            function=_checked_function(handler, name),
            model=schema_model(schema, name),
            injected={},
            by_name=False,
            **_checked_options(name, options),
        )

    @property
    def title(self) -> str:
        """The name in words: ``listIncidents`` and ``list_incidents`` are both "List Incidents"."""
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]+", " ", self.name)
        return words.title()

    @property
    def tool(self) -> Json:
        """The declaration a chat model gets: OpenAI's form, examples told in the description."""
        told = self.description
        if self.examples:
            told += "\nExamples: " + " ".join(f'"{example}"' for example in self.examples)
        return {
            "type": "function",
            "function": {"name": self.name, "description": told, "parameters": self.json_schema},
        }

    def validate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function takes them; raises `ActionError` (`validation_error`)."""
        return validated(self.model, arguments, by_name=self.by_name)

    async def foresee(self, arguments: Mapping[str, Any], scope: Scope) -> Json:
        """What the call would do: ``{summary, rows?, changes?}``, for a person to decide on."""
        assert self.preview is not None
        checked = self.validate(arguments)
        async with scope:
            services = {name: await scope.get(of) for name, of in self.preview.injected.items()}
            given = {name: checked[name] for name in self.preview.names if name in checked}
            found: Json = _JSON.dump_python(await self.preview.function(**given, **services), mode="json")
            return found

    async def reverse(self, receipt: Receipt, scope: Scope) -> None:
        """Undo what the receipt tells, with services of an open scope; raises `UndoConflict`."""
        assert self.undo is not None
        services = {name: await scope.get(of) for name, of in self.undo.injected.items()}
        await self.undo.function(receipt, **services)

    async def run(self, arguments: Mapping[str, Any], scope: Scope, settle: Settle | None = None) -> Json:
        """Validate, open services, call, and give the result its structured form.

        Args:
            settle: told the result while the services are open: what it writes through the call's
                session commits with what the action wrote, or not at all.

        Raises:
            ActionError: the arguments are wrong, the action said so, or it took longer than `timeout`.
        """
        checked = self.validate(arguments)
        async with scope:
            services = {name: await scope.get(of) for name, of in self.injected.items()}
            try:
                async with asyncio.timeout(self.timeout):
                    value = await self.function(**checked, **services)
            except TimeoutError as error:
                late = f"{self.name} took longer than {self.timeout:g} seconds and was stopped"
                raise ActionError(late, code="timeout") from error
            result = succeeded(value)
            if settle is not None:
                await settle(result)
            return result


def succeeded(value: object) -> Json:
    """The structured form of what an action returned (checklist S50).

    A mapping that says `success` itself is taken as it is; anything else becomes `data`. The result is
    plain JSON: models, dataclasses, dates and decimals are dumped.
    """
    plain = _JSON.dump_python(value, mode="json", by_alias=True)
    if isinstance(plain, dict) and isinstance(plain.get("success"), bool):
        return plain
    return {"success": True} if plain is None else {"success": True, "data": plain}


def failed(error: ActionError) -> Json:
    """The structured form of a failure (checklist S51)."""
    result: Json = {"success": False, "error": error.code, "message": error.message}
    return {**result, "details": error.details} if error.details else result


@overload
def action(function: Function, /) -> Action: ...
@overload
def action(
    *,
    name: str | None = None,
    writes: bool = False,
    destructive: bool = False,
    undo: Function | None = None,
    irreversible: bool = False,
    credits: Credits = 1,
    timeout: float = 60.0,
    source: str | None = None,
    examples: Sequence[str] = (),
    render: Render | str | None = None,
    preview: Function | None = None,
    trusted: bool = False,
    pinned: bool = False,
) -> Callable[[Function], Action]: ...
def action(function: Function | None = None, /, **options: Any) -> Action | Callable[[Function], Action]:
    """Make a typed async function an action.

    The name becomes camelCase (`create_task` -> `createTask`) unless `name=` says otherwise; the
    docstring is the description the model reads, so begin it with a verb; parameters become the
    schema, with ``Annotated[T, Field(description=...)]`` for their texts; ``Injected[T]`` parameters
    are filled by the server and hidden.

    Raises:
        ActionDefinitionError: at import, if the function is not async, has no docstring or an
            untyped parameter.
    """
    if function is None:
        return lambda decorated: _from_function(decorated, **options)
    return _from_function(function)


def _from_function(function: Function, *, name: str | None = None, **options: Any) -> Action:
    own_name = _checked_name(name or to_camel(function.__name__))
    description = (function.__doc__ or "").strip()
    if not description:
        raise ActionDefinitionError(f"{function.__qualname__}: needs a docstring; the model reads it")
    model, injected = signature_model(_checked_function(function, own_name))
    schema = json_schema(model)
    return Action(
        name=own_name,
        description=re.sub(r"\s*\n\s*", " ", description),
        json_schema=schema,
        parameters=to_parameters(schema),
        function=function,
        model=model,
        injected=injected,
        by_name=True,
        **_checked_options(own_name, options),
    )


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ActionDefinitionError(f"'{name}' is no action name: use letters, digits, _ and -, at most 64")
    return name


def _checked_function(function: Function, name: str) -> Function:
    if not inspect.iscoroutinefunction(function):
        raise ActionDefinitionError(f"{name}: an action is an `async def` function")
    return function


def _checked_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that make sense together: what destroys also writes, what is undone also writes."""
    known = {field.name for field in dataclasses.fields(Action) if field.default is not dataclasses.MISSING}
    unknown = set(options) - known
    if unknown:
        raise ActionDefinitionError(f"{name}: unknown option {', '.join(sorted(unknown))}")
    chosen = dict(options)
    if isinstance(options.get("render"), str):
        chosen["render"] = Render(options["render"])
    if options.get("preview") is not None:
        chosen["preview"] = _beside(options["preview"], name)
    if options.get("undo") is not None:
        chosen["undo"] = _beside(options["undo"], name)
    chosen["writes"] = bool(options.get("writes") or options.get("destructive") or options.get("undo"))
    if options.get("undo") and options.get("irreversible"):
        raise ActionDefinitionError(f"{name}: either undo= or irreversible=True, not both")
    return chosen


def _beside(function: Function, name: str) -> Beside:
    hints = get_type_hints(_checked_function(function, name), include_extras=True)
    wanted = {key: injected_type(hint) for key, hint in hints.items()}
    injected = {key: of for key, of in wanted.items() if of is not None}
    names = [key for key in inspect.signature(function).parameters if key not in injected]
    return Beside(function, tuple(names), injected)


def as_text(result: Mapping[str, Any]) -> str:
    """A result as the model reads it: JSON on one line."""
    return json.dumps(result, ensure_ascii=False, separators=(", ", ": "))
