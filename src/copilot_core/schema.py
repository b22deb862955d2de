"""Signature -> pydantic model -> JSON Schema -> the seed's parameter list, and back.

The parameter list is CopilotKit's: ``{name, type, description?, required?, enum?, attributes?}``
with types ``string``, ``number``, ``boolean``, ``object`` and ``[]`` of each; `required` left out
means required (checklist S22, S24, S26). Python says ``due_date``, every wire says ``dueDate``.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic.alias_generators import to_camel

from copilot_core.errors import ActionDefinitionError, ActionError
from copilot_core.services import injected_type

Json = dict[str, Any]
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SCALARS: Mapping[str, object] = {"string": str, "number": int | float, "boolean": bool}
_ARGUMENTS = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


def _iso_date(value: object) -> object:
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        date.fromisoformat(value)
        return value
    if isinstance(value, date):
        return value
    raise ValueError("must be a date (YYYY-MM-DD)")


def _dates_are_iso(hint: Any) -> Any:
    """`hint` with every `date` in it read from YYYY-MM-DD only; pydantic alone also takes timestamps."""
    if hint is date:
        return Annotated[date, BeforeValidator(_iso_date)]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[(_dates_are_iso(arguments[0]), *arguments[1:])]
    if origin in (Union, UnionType):
        return Union[tuple(_dates_are_iso(a) for a in arguments)]  # noqa: UP007 - built at run time
    if origin is list:
        return list[_dates_are_iso(arguments[0])]  # type: ignore[misc]
    return hint


def signature_model(function: Callable[..., Awaitable[Any]]) -> tuple[type[BaseModel], dict[str, object]]:
    """What a call of `function` must look like, and the services it wants.

    Returns:
        the pydantic model of the parameters a model fills, and parameter name -> injected type.

    Raises:
        ActionDefinitionError: a parameter has no annotation, or is ``*args``/``**kwargs``.
    """
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    injected: dict[str, object] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ActionDefinitionError(f"{function.__qualname__}: '*{name}' has no schema; name each parameter")
        if name not in hints:
            raise ActionDefinitionError(f"{function.__qualname__}: parameter '{name}' needs a type annotation")
        wanted = injected_type(hints[name])
        if wanted is not None:
            injected[name] = wanted
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (_dates_are_iso(hints[name]), default)
    return create_model(function.__name__, __config__=_ARGUMENTS, **fields), injected


def json_schema(model: type[BaseModel]) -> Json:
    """The JSON Schema a chat model is given: references inlined, no titles, optional instead of nullable."""
    raw = model.model_json_schema(by_alias=True)
    schema: Json = _plain(raw, raw.get("$defs", {}))
    schema.setdefault("properties", {})
    return schema


def _plain(node: Any, definitions: Json) -> Any:
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        return _plain({**target, **{k: v for k, v in node.items() if k != "$ref"}}, definitions)
    options = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
    if "anyOf" in node and len(options) == 1:
        rest = {k: v for k, v in node.items() if k not in {"anyOf", "default"} or (k == "default" and v is not None)}
        return _plain({**options[0], **rest}, definitions)
    return {key: _member(key, value, definitions) for key, value in node.items() if _is_kept(key, value)}


def _is_kept(key: str, value: object) -> bool:
    """Pydantic titles are noise; a *property* called title is a dict and stays."""
    return key != "$defs" and not (key == "title" and isinstance(value, str))


def _member(key: str, value: Any, definitions: Json) -> Any:
    if key == "properties":
        return {name: _plain(item, definitions) for name, item in value.items()}
    return value if key in {"enum", "required", "default", "const"} else _plain(value, definitions)


def to_parameters(schema: Mapping[str, Any]) -> list[Json]:
    """The seed's parameter list of an object schema. Integers are numbers there, formats are not said."""
    required = set(schema.get("required", ()))
    return [_parameter(name, node, name in required) for name, node in schema.get("properties", {}).items()]


def _parameter(name: str, node: Mapping[str, Any], required: bool) -> Json:
    is_list = node.get("type") == "array"
    item = node.get("items", {}) if is_list else node
    kind = _seed_type(item)
    parameter: Json = {"name": name, "type": kind + "[]" * is_list}
    if "description" in node:
        parameter["description"] = node["description"]
    if "enum" in item:
        parameter["enum"] = list(item["enum"])
    if kind == "object" and "properties" in item:
        parameter["attributes"] = to_parameters(item)
    return {**parameter, "required": required}


def _seed_type(node: Mapping[str, Any]) -> str:
    kind = node.get("type", "object" if "properties" in node else "string")
    return "number" if kind == "integer" else str(kind) if kind in {*_SCALARS, "object"} else "string"


def from_parameters(parameters: Sequence[Mapping[str, Any]], *, owner: str) -> Json:
    """The JSON Schema of the seed's parameter list; `to_parameters` gives the list back.

    A string whose description says ``YYYY-MM-DD`` gets ``format: date`` (checklist S25).

    Raises:
        ActionDefinitionError: an entry without a name, with an unknown type or a name that is taken.
    """
    properties: Json = {}
    for parameter in parameters:
        name = parameter.get("name")
        if not isinstance(name, str) or not name or name in properties:
            raise ActionDefinitionError(f"{owner}: each parameter needs a name of its own, got {name!r}")
        properties[name] = _node(parameter, owner=f"{owner}.{name}")
    required = [p["name"] for p in parameters if p.get("required", True)]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _node(parameter: Mapping[str, Any], *, owner: str) -> Json:
    declared = str(parameter.get("type", "string"))
    kind, is_list = declared.removesuffix("[]"), declared.endswith("[]")
    if kind not in {*_SCALARS, "object"}:
        known = ", ".join([*_SCALARS, "object"])
        raise ActionDefinitionError(f"{owner}: unknown type '{declared}'; known are {known} and [] of each")
    item: Json = {"type": kind}
    if "enum" in parameter:
        item["enum"] = list(parameter["enum"])
    if kind == "object" and "attributes" in parameter:
        item = from_parameters(parameter["attributes"], owner=owner)
    if kind == "string" and not is_list and "YYYY-MM-DD" in parameter.get("description", ""):
        item["format"] = "date"
    node: Json = {"type": "array", "items": item} if is_list else item
    return {**node, "description": parameter["description"]} if "description" in parameter else node


def schema_model(schema: Mapping[str, Any], name: str) -> type[BaseModel]:
    """A pydantic model that accepts what `schema` (of `from_parameters`) describes, names kept as they are."""
    required = set(schema["required"])
    fields: dict[str, Any] = {}
    for number, (key, node) in enumerate(schema["properties"].items()):
        hint = _hint(node, f"{name}_{key}")
        optional = key not in required
        default = Field(None if optional else ..., alias=key)
        fields[f"field_{number}"] = (hint | None if optional else hint, default)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def _hint(node: Mapping[str, Any], name: str) -> Any:
    if node["type"] == "array":
        return list[_hint(node["items"], name)]  # type: ignore[misc]
    if "enum" in node:
        return Literal[tuple(node["enum"])]
    if node["type"] == "object":
        return schema_model(node, name) if "properties" in node else dict[str, Any]
    if node.get("format") == "date":
        return Annotated[str, BeforeValidator(_iso_date)]
    return _SCALARS[node["type"]]


def validated(model: type[BaseModel], arguments: Mapping[str, Any], *, by_name: bool) -> dict[str, Any]:
    """The arguments a function is called with.

    Args:
        by_name: keyed by Python names (an `@action` function); else by the schema's own names.

    Raises:
        ActionError: `validation_error` with one text per field (checklist S23-S25, S51).
    """
    try:
        checked = model.model_validate(dict(arguments))
    except ValidationError as error:
        problems = cast("list[Json]", error.errors())
        details = {_where(problem["loc"]): _sentence(problem, model) for problem in problems}
        raise ActionError("; ".join(details.values()), code="validation_error", details=details) from error
    if by_name:
        return {name: getattr(checked, name) for name in model.model_fields}
    return checked.model_dump(by_alias=True, exclude_unset=True)


def _where(location: Sequence[str | int]) -> str:
    """``("lines", 0, "price")`` -> ``lines[0].price``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _sentence(problem: Json, model: type[BaseModel]) -> str:
    field, kind, context = _where(problem["loc"]), problem["type"], problem.get("ctx", {})
    match kind:
        case "literal_error" | "enum":
            options = context["expected"].replace("'", "").replace(" or ", ", ")
            return f"The '{field}' field must be one of: {options}"
        case "missing":
            return f"The '{field}' field is required"
        case "extra_forbidden":
            known = ", ".join(f.alias or name for name, f in model.model_fields.items())
            return f"The '{field}' field is unknown; known are: {known}"
        case "value_error":
            return f"The '{field}' field {context['error']}"
        case _:
            return f"The '{field}' field is wrong: {problem['msg']}"
