"""A workspace's own rules over HTTP, for its admins."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request

from copilot_core.copilot import Copilot
from copilot_core.errors import Forbidden, Invalid
from copilot_core.fastapi.requests import body_of
from copilot_core.policies import WorkspaceRules
from copilot_core.principal import Principal, Role
from copilot_core.protocols.body import json_object


def add_workspaces(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    """`/v1/workspace/policies`."""

    @routes.get("/v1/workspace/policies", tags=["workspace"])
    async def rules(principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        return _view(await copilot.workspaces.rules(principal.workspace))

    @routes.put("/v1/workspace/policies", tags=["workspace"])
    async def set_rules(request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        given = json_object(await body_of(request, limit))
        known = set(copilot.engine.registry.actions)
        told = WorkspaceRules(_rows(given), _names(given, "confirm", known), _names(given, "deny", known))
        await copilot.workspaces.set_rules(principal, told, copilot.engine.clock.now())
        return _view(told)


def _check_admin(principal: Principal) -> None:
    if principal.role is not Role.ADMIN:
        raise Forbidden(f"The policies of a workspace are for its admins; your role is {principal.role}.")


def _rows(given: Mapping[str, Any]) -> int | None:
    rows = given.get("confirmRows")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 0):
        raise Invalid("The 'confirmRows' field must be a whole number or null.", details={"field": "confirmRows"})
    return rows


def _names(given: Mapping[str, Any], field: str, known: set[str]) -> list[str]:
    names = given.get(field) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Invalid(f"The '{field}' field must be a list of names of actions.", details={"field": field})
    for index, name in enumerate(names):
        if name not in known:
            raise Invalid(f"There is no action '{name[:64]}'.", details={"field": f"{field}[{index}]"})
    return sorted(set(names))


def _view(rules: WorkspaceRules) -> Mapping[str, Any]:
    return {"confirmRows": rules.confirm_rows, "confirm": list(rules.confirm), "deny": list(rules.deny)}
