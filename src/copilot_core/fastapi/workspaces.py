"""How a workspace is set up, over HTTP, for its admins: policies, limits, keys, members, and who changed what."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from copilot_core.copilot import Copilot
from copilot_core.errors import Forbidden, Invalid, NotFound
from copilot_core.fastapi.requests import body_of, form
from copilot_core.policies import WorkspaceRules
from copilot_core.principal import Principal, Role
from copilot_core.protocols.body import LONGEST_ID, json_object
from copilot_core.store.tables import ApiKey
from copilot_core.store.workspaces import Limits

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_ID, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Rules(BaseModel):
    """`/v1/workspace/policies`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    confirmRows: NonNegativeInt | None = None  # noqa: N815 - as clients write it
    confirm: list[str] = Field(default_factory=list)
    deny: list[str] = Field(default_factory=list)


class UserLimits(BaseModel):
    """`/v1/workspace/limits`: credits of each user and month, by role and by user."""

    model_config = ConfigDict(extra="forbid")
    roles: dict[Role, NonNegativeInt] = Field(default_factory=dict)
    users: dict[Name, NonNegativeInt] = Field(default_factory=dict, max_length=1000)


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")
    user: Name
    role: Role
    name: Name | None = None
    days: Annotated[int, Field(ge=1, le=3650)] | None = None


class NewRole(BaseModel):
    """What a member may do from now on."""

    model_config = ConfigDict(extra="forbid")
    role: Role


def add_workspaces(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    """`/v1/workspace/*`, which admins alone may read and write."""
    _add_rules(routes, copilot, caller, limit)
    _add_members(routes, copilot, caller, limit)

    @routes.get("/v1/workspace/audit", tags=["workspace"])
    async def changes(principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        return {"changes": await copilot.workspaces.changes(principal.workspace)}


def _add_rules(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    @routes.get("/v1/workspace/policies", tags=["workspace"])
    async def rules(principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        return _rules(await copilot.workspaces.rules(principal.workspace))

    @routes.put("/v1/workspace/policies", tags=["workspace"])
    async def set_rules(request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        given = form(Rules, json_object(await body_of(request, limit)))
        known = set(copilot.engine.registry.actions)
        told = WorkspaceRules(given.confirmRows, _names(given, "confirm", known), _names(given, "deny", known))
        await copilot.workspaces.set_rules(principal, told)
        return _rules(told)

    @routes.get("/v1/workspace/limits", tags=["workspace"])
    async def limits(principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        found = await copilot.workspaces.limits(principal.workspace)
        return {"roles": found.roles, "users": found.users}

    @routes.put("/v1/workspace/limits", tags=["workspace"])
    async def set_limits(request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        given = form(UserLimits, json_object(await body_of(request, limit)))
        await copilot.workspaces.set_limits(
            principal, Limits({str(role): most for role, most in given.roles.items()}, given.users)
        )
        return given.model_dump()


def _add_members(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    keys = copilot.keys

    @routes.get("/v1/workspace/keys", tags=["workspace"])
    async def listed(principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        return {"keys": [as_key(key) for key in await keys.list(principal.workspace)]}

    @routes.post("/v1/workspace/keys", status_code=201, tags=["workspace"])
    async def create(request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        given = form(NewKey, json_object(await body_of(request, limit)))
        return await make_key(copilot, principal.workspace, given, by=principal.id)

    @routes.delete("/v1/workspace/keys/{key_id}", status_code=204, tags=["workspace"])
    async def revoke(key_id: str, principal: Annotated[Principal, caller]) -> None:
        _check_admin(principal)
        if not await keys.revoke(key_id, workspace=principal.workspace, by=principal.id):
            raise NotFound("There is no such key.", details={"field": "id"})

    @routes.get("/v1/workspace/members", tags=["workspace"])
    async def members(principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_admin(principal)
        found: dict[str, dict[str, Any]] = {}
        for key in filter(keys.is_valid, await keys.list(principal.workspace)):
            member = found.setdefault(key.user, {"user": key.user, "name": None, "keys": 0})
            member |= {"role": key.role, "name": key.name or member["name"], "keys": member["keys"] + 1}
        return {"members": list(found.values())}

    @routes.patch("/v1/workspace/members/{user:path}", tags=["workspace"])
    async def change(user: str, request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_other(principal, user)
        given = form(NewRole, json_object(await body_of(request, limit)))
        if not await keys.set_role(principal.workspace, user, given.role, by=principal.id):
            raise NotFound("There is no such member.", details={"field": "user"})
        return {"user": user, "role": given.role}

    @routes.delete("/v1/workspace/members/{user:path}", status_code=204, tags=["workspace"])
    async def remove(user: str, principal: Annotated[Principal, caller]) -> None:
        _check_other(principal, user)
        if not await keys.remove(principal.workspace, user, by=principal.id):
            raise NotFound("There is no such member.", details={"field": "user"})


async def make_key(copilot: Copilot, workspace: str, given: NewKey, *, by: str) -> Mapping[str, Any]:
    """A new key, told whole this once."""
    end = None if given.days is None else copilot.engine.clock.now() + timedelta(days=given.days)
    key = await copilot.keys.create(
        workspace=workspace, user=given.user, role=given.role, name=given.name, expires_at=end, by=by
    )
    who = {"workspace": workspace, "user": given.user, "role": given.role}
    return {"key": key, "id": key.split("_")[1], **who, "expiresAt": _told(end)}


def as_key(key: ApiKey) -> Mapping[str, Any]:
    """A key without its secret."""
    return {
        "id": key.id,
        "user": key.user,
        "role": key.role,
        "name": key.name,
        "createdAt": _told(key.created_at),
        "expiresAt": _told(key.expires_at),
        "revokedAt": _told(key.revoked_at),
    }


def _told(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _check_admin(principal: Principal) -> None:
    if principal.role is not Role.ADMIN:
        raise Forbidden(f"How a workspace is set up is for its admins; your role is {principal.role}.")


def _check_other(principal: Principal, user: str) -> None:
    """An admin who could take their own role away could leave a workspace without any."""
    _check_admin(principal)
    if user == principal.id:
        raise Forbidden("Your own role is for another admin to change.")


def _names(given: Rules, field: str, known: set[str]) -> list[str]:
    names = getattr(given, field)
    for index, name in enumerate(names):
        if name not in known:
            raise Invalid(f"There is no action '{name[:64]}'.", details={"field": f"{field}[{index}]"})
    return sorted(set(names))


def _rules(rules: WorkspaceRules) -> Mapping[str, Any]:
    return {"confirmRows": rules.confirm_rows, "confirm": list(rules.confirm), "deny": list(rules.deny)}
