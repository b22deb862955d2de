"""Signature -> JSON Schema -> parameter list, and back."""

from datetime import date
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from copilot_core import Action, ActionError, Injected, Principal, action
from copilot_core.errors import ActionDefinitionError
from copilot_core.schema import from_parameters, to_parameters

SEED = {
    "name": "create_task",
    "description": "Create a follow-up task for the current record",
    "parameters": [
        {"name": "title", "type": "string", "description": "The task title", "required": True},
        {
            "name": "dueDate",
            "type": "string",
            "description": "Due date in ISO format (YYYY-MM-DD)",
            "required": False,
        },
        {
            "name": "priority",
            "type": "string",
            "description": "Priority level",
            "enum": ["low", "medium", "high"],
            "required": False,
        },
    ],
}


class Line(BaseModel):
    product: str
    count: int = 1


@action(writes=True)
async def create_order(
    customer: Annotated[str, Field(description="Who buys")],
    principal: Injected[Principal],
    lines: list[Line],
    priority: Literal["low", "high"] = "low",
    due_date: date | None = None,
    tags: list[str] | None = None,
    express: bool = False,
    discount: float = 0,
) -> dict[str, object]:
    """Create an order."""
    return {"by": principal.id, "due": due_date, "lines": lines, "priority": priority}


async def accept(**arguments: object) -> dict[str, object]:
    return arguments


def test_a_signature_gives_json_schema_without_injected_parameters_titles_and_nulls() -> None:
    assert create_order.json_schema == {
        "type": "object",
        "properties": {
            "customer": {"type": "string", "description": "Who buys"},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "product": {"type": "string"},
                        "count": {"type": "integer", "default": 1},
                    },
                    "required": ["product"],
                },
            },
            "priority": {"type": "string", "enum": ["low", "high"], "default": "low"},
            "dueDate": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "express": {"type": "boolean", "default": False},
            "discount": {"type": "number", "default": 0},
        },
        "required": ["customer", "lines"],
        "additionalProperties": False,
    }


@pytest.mark.seed("S22")
def test_a_signature_gives_the_seeds_parameter_list() -> None:
    assert create_order.parameters == [
        {"name": "customer", "type": "string", "description": "Who buys", "required": True},
        {
            "name": "lines",
            "type": "object[]",
            "attributes": [
                {"name": "product", "type": "string", "required": True},
                {"name": "count", "type": "number", "required": False},
            ],
            "required": True,
        },
        {"name": "priority", "type": "string", "enum": ["low", "high"], "required": False},
        {"name": "dueDate", "type": "string", "required": False},
        {"name": "tags", "type": "string[]", "required": False},
        {"name": "express", "type": "boolean", "required": False},
        {"name": "discount", "type": "number", "required": False},
    ]


@pytest.mark.seed("S21")
async def test_the_seeds_own_declaration_loads_unchanged_and_runs() -> None:
    loaded = Action.from_parameters(SEED, accept, writes=True)

    assert (loaded.name, loaded.parameters) == ("create_task", SEED["parameters"])
    assert await loaded(**loaded.validate({"title": "Call Ada", "dueDate": "2026-02-13"})) == {
        "title": "Call Ada",
        "dueDate": "2026-02-13",
    }


@pytest.mark.seed("S23")
@pytest.mark.parametrize("loaded", [create_order, Action.from_parameters(SEED, accept)])
def test_an_unknown_option_is_told_in_the_seeds_words_before_the_handler_runs(loaded: Action) -> None:
    with pytest.raises(ActionError) as error:
        loaded.validate({"title": "x", "customer": "x", "lines": [], "priority": "urgent"})

    assert error.value.code == "validation_error"
    options = "low, high" if loaded is create_order else "low, medium, high"
    assert error.value.details["priority"] == f"The 'priority' field must be one of: {options}"


@pytest.mark.seed("S24")
def test_a_missing_argument_is_named_and_required_left_out_means_required() -> None:
    loaded = Action.from_parameters(
        {"name": "a", "description": "b", "parameters": [{"name": "x", "type": "string"}]}, accept
    )

    with pytest.raises(ActionError) as error:
        loaded.validate({})

    assert error.value.details == {"x": "The 'x' field is required"}


@pytest.mark.seed("S25")
@pytest.mark.parametrize("wrong", ["tomorrow", "13.02.2026", "2026-02-13T10:00:00", 1770940800, "2026-2-13"])
@pytest.mark.parametrize("loaded", [create_order, Action.from_parameters(SEED, accept)])
def test_a_date_is_taken_in_iso_form_only(loaded: Action, wrong: object) -> None:
    with pytest.raises(ActionError) as error:
        loaded.validate({"title": "x", "customer": "x", "lines": [], "dueDate": wrong})

    assert error.value.details["dueDate"] == "The 'dueDate' field must be a date (YYYY-MM-DD)"


def test_a_wrong_nested_value_is_named_with_its_place() -> None:
    with pytest.raises(ActionError) as error:
        create_order.validate({"customer": "x", "lines": [{"product": "p"}, {"count": 2}]})

    assert error.value.details == {"lines[1].product": "The 'lines[1].product' field is required"}


@pytest.mark.seed("S27")
def test_snake_case_functions_are_offered_in_camel_case_and_declared_names_are_kept() -> None:
    assert (create_order.name, create_order.title) == ("createOrder", "Create Order")
    assert Action.from_parameters(SEED, accept).title == "Create Task"


def test_an_action_is_still_its_function() -> None:
    assert create_order.function.__name__ == "create_order"


async def _untyped(title, other: str) -> None:  # type: ignore[no-untyped-def]
    """Do it."""


async def _undocumented(title: str) -> None: ...


def _synchronous(title: str) -> None:
    """Do it."""


async def _open_ended(**rest: str) -> None:
    """Do it."""


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (_untyped, "parameter 'title' needs a type annotation"),
        (_undocumented, "needs a docstring"),
        (_synchronous, "an action is an `async def` function"),
        (_open_ended, "has no schema"),
    ],
)
def test_a_function_that_cannot_be_an_action_is_refused_at_import(function: object, told: str) -> None:
    with pytest.raises(ActionDefinitionError, match=told):
        action(function)  # type: ignore[call-overload]


NAMES = st.from_regex(r"[a-z][a-zA-Z0-9_]{0,8}", fullmatch=True)
SCALARS = st.sampled_from(["string", "number", "boolean"])


def _parameter(children: st.SearchStrategy[list[dict[str, object]]]) -> st.SearchStrategy[dict[str, object]]:
    common = {"name": NAMES, "required": st.booleans()}
    texts = st.text(st.characters(codec="utf-8", exclude_characters="Y"), min_size=1)
    described = {"description": texts}
    options = st.lists(st.text(min_size=1), min_size=1, max_size=4, unique=True)
    lists = st.sampled_from(["", "[]"])
    scalar = st.tuples(SCALARS, lists).map("".join)
    return st.one_of(
        st.fixed_dictionaries({**common, "type": scalar}, optional=described),
        st.fixed_dictionaries(
            {**common, "type": st.sampled_from(["string", "string[]"]), "enum": options}, optional=described
        ),
        st.fixed_dictionaries({**common, "type": st.sampled_from(["object", "object[]"])}, optional=described),
        st.fixed_dictionaries(
            {**common, "type": st.sampled_from(["object", "object[]"]), "attributes": children}, optional=described
        ),
    )


def _unique(parameters: list[dict[str, object]]) -> list[dict[str, object]]:
    return list({parameter["name"]: parameter for parameter in parameters}.values())


PARAMETERS = st.recursive(
    st.just([]), lambda children: st.lists(_parameter(children), max_size=4).map(_unique), max_leaves=8
)


@pytest.mark.seed("S26")
@given(PARAMETERS)
def test_parameter_list_to_json_schema_to_parameter_list_loses_nothing(parameters: list[dict[str, object]]) -> None:
    assert to_parameters(from_parameters(parameters, owner="a")) == parameters


@given(PARAMETERS)
def test_json_schema_to_parameter_list_to_json_schema_loses_nothing(parameters: list[dict[str, object]]) -> None:
    schema = from_parameters(parameters, owner="a")

    assert from_parameters(to_parameters(schema), owner="a") == schema
