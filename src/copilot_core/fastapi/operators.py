"""All workspaces, for whoever sells them: made, given plans and terms, and what they use. Needs an operator's key."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from copilot_core.copilot import Copilot
from copilot_core.errors import Forbidden, Invalid, NotFound
from copilot_core.fastapi.requests import body_of, form
from copilot_core.fastapi.usage import By, as_period, as_rows
from copilot_core.fastapi.workspaces import Name, NewKey, make_key
from copilot_core.plans import PLANS, BillingMode
from copilot_core.principal import Principal, Role
from copilot_core.protocols.body import json_object
from copilot_core.store.subscriptions import Terms

PlanName = Literal["free", "starter", "growth", "enterprise"]


class Sold(BaseModel):
    """A plan for a workspace; what is left out is the plan's own."""

    model_config = ConfigDict(extra="forbid")
    plan: PlanName
    included: NonNegativeInt | None = None
    billingMode: BillingMode | None = None  # noqa: N815 - as clients write it


class Agreed(BaseModel):
    """Terms of a workspace's own; what is left out is as the server has it."""

    model_config = ConfigDict(extra="forbid")
    prices: dict[str, NonNegativeInt] = Field(default_factory=dict)
    models: list[str] = Field(default_factory=list)
    runCredits: PositiveInt | None = None  # noqa: N815 - as clients write it


class NewWorkspace(Sold):
    """A workspace to be made, and its first admin, who gets a key."""

    workspace: Name
    admin: Name


def add_operators(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    """`/v1/admin/*`."""
    found = _Workspaces(copilot)
    _add_all(routes, found, caller, limit)
    _add_one(routes, found, caller, limit)


class _Workspaces:
    """What the routes share."""

    def __init__(self, copilot: Copilot) -> None:
        self.copilot = copilot
        self.credits = copilot.engine.credits
        self.subscriptions = copilot.engine.credits.subscriptions

    async def exists(self, workspace: str) -> bool:
        """Whether anybody has made it: it has a plan, or a key, or has used a credit."""
        return await self.subscriptions.exists(workspace) or bool(await self.copilot.keys.list(workspace))

    async def check(self, principal: Principal, workspace: str) -> None:
        """Raise `Forbidden`, or `NotFound`."""
        _check_operator(principal)
        if not await self.exists(workspace):
            raise NotFound("There is no such workspace.", details={"field": "workspace"})

    async def sell(self, workspace: str, given: Sold, by: str) -> None:
        """Give it a plan."""
        terms = self.subscriptions.subscribe
        await terms(workspace, given.plan, by=by, included=given.included, billing_mode=given.billingMode)

    async def told(self, workspace: str) -> dict[str, Any]:
        """Its plan, month and terms."""
        terms = await self.subscriptions.terms(workspace)
        own = {"prices": terms.prices, "models": terms.models, "runCredits": terms.most}
        return {"workspace": workspace, **as_period(await self.credits.usage(workspace)), **own}


def _add_all(routes: APIRouter, found: _Workspaces, caller: Any, limit: int) -> None:
    @routes.get("/v1/admin/plans", tags=["operators"])
    async def plans(principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_operator(principal)
        return {"plans": plan_rows()}

    @routes.get("/v1/admin/workspaces", tags=["operators"])
    async def workspaces(principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_operator(principal)
        keyed = {key.workspace for key in await found.copilot.keys.list()}
        named = sorted({*await found.subscriptions.workspaces(), *keyed})
        return {"workspaces": [await found.told(name) for name in named]}

    @routes.post("/v1/admin/workspaces", status_code=201, tags=["operators"])
    async def create(request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        _check_operator(principal)
        given = form(NewWorkspace, json_object(await body_of(request, limit)))
        if await found.exists(given.workspace):
            raise Invalid("There is such a workspace already.", details={"field": "workspace"})
        await found.sell(given.workspace, given, principal.id)
        first = NewKey(user=given.admin, role=Role.ADMIN)
        key = await make_key(found.copilot, given.workspace, first, by=principal.id)
        return {**await found.told(given.workspace), "key": key}


def _add_one(routes: APIRouter, found: _Workspaces, caller: Any, limit: int) -> None:
    path = "/v1/admin/workspaces/{workspace}"

    @routes.get(path, tags=["operators"])
    async def one(workspace: str, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        await found.check(principal, workspace)
        return await found.told(workspace)

    @routes.put(f"{path}/plan", tags=["operators"])
    async def sell(workspace: str, request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        await found.check(principal, workspace)
        await found.sell(workspace, form(Sold, json_object(await body_of(request, limit))), principal.id)
        return await found.told(workspace)

    @routes.put(f"{path}/terms", tags=["operators"])
    async def agree(workspace: str, request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        await found.check(principal, workspace)
        given = form(Agreed, json_object(await body_of(request, limit)))
        engine = found.copilot.engine
        _check_known(given.prices, engine.registry.actions, "prices", "action")
        _check_known(given.models, engine.models.allowed, "models", "model")
        terms = Terms(given.prices, given.models, given.runCredits)
        await found.subscriptions.agree(workspace, terms, by=principal.id)
        return await found.told(workspace)

    @routes.get(f"{path}/usage", tags=["operators"])
    async def usage(workspace: str, principal: Annotated[Principal, caller], by: By = "action") -> Mapping[str, Any]:
        await found.check(principal, workspace)
        return {"usage": as_rows(by, await found.credits.by(by, workspace))}

    @routes.get(f"{path}/audit", tags=["operators"])
    async def changes(workspace: str, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        await found.check(principal, workspace)
        return {"changes": await found.copilot.workspaces.changes(workspace)}

    @routes.post(f"{path}/keys", status_code=201, tags=["operators"])
    async def key(workspace: str, request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        await found.check(principal, workspace)
        given = form(NewKey, json_object(await body_of(request, limit)))
        return await make_key(found.copilot, workspace, given, by=principal.id)


def plan_rows() -> list[dict[str, Any]]:
    """The plans as they are sold."""
    return [
        {
            "plan": name,
            "included": plan.included,
            "billingMode": plan.billing_mode,
            "overageRate": None if plan.overage_rate is None else float(plan.overage_rate),
        }
        for name, plan in PLANS.items()
    ]


def _check_operator(principal: Principal) -> None:
    if not principal.operator:
        raise Forbidden("This needs an operator's key.")


def _check_known(named: Any, known: Any, field: str, what: str) -> None:
    for name in named:
        if name not in known:
            raise Invalid(f"There is no {what} '{name[:64]}'.", details={"field": f"{field}.{name[:64]}"})
