"""What this caller may do: actions, plugins, modules."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from copilot_core.actions import Action
from copilot_core.copilot import Copilot
from copilot_core.errors import Forbidden, NotFound
from copilot_core.fastapi.requests import body_of
from copilot_core.policies import Allow, ProposedCall, decide
from copilot_core.principal import Principal
from copilot_core.protocols.body import json_object
from copilot_core.run import MODULES
from copilot_core.toolcall import Call, Emit


def add_catalogue(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    engine = copilot.engine

    @routes.get("/v1/actions", tags=["catalogue"])
    async def actions(principal: Annotated[Principal, caller]) -> dict[str, Any]:
        return {"actions": [_action(action) for action in await engine.permitted(principal)]}

    @routes.post("/v1/actions/{name}", tags=["catalogue"])
    async def read(name: str, request: Request, principal: Annotated[Principal, caller]) -> JSONResponse:
        arguments = json_object(await body_of(request, limit))
        action = engine.action(name)
        if action is None:
            raise NotFound(f"There is no action '{name[:64]}'.", details={"field": "name"})
        if action.writes:
            raise Forbidden("Actions that write run in a conversation only.")
        decision = await decide(engine.registry.policies, ProposedCall(action, arguments, principal))
        if not isinstance(decision, Allow):
            raise Forbidden(decision.reason)
        scope = engine.scope(principal, Call(), Emit(lambda _name, _value: None))
        return JSONResponse(await action.run(arguments, scope))

    @routes.get("/v1/me", tags=["catalogue"])
    async def me(principal: Annotated[Principal, caller]) -> dict[str, Any]:
        name = principal.name or principal.id
        return {"userId": principal.id, "name": name, "role": principal.role, "workspace": principal.workspace}

    @routes.get("/v1/plugins", tags=["catalogue"])
    async def plugins(principal: Annotated[Principal, caller]) -> dict[str, Any]:  # noqa: ARG001
        return {"plugins": [{"name": p.name, "version": p.version} for p in engine.registry.plugins]}

    @routes.get("/v1/modules", tags=["catalogue"])
    async def modules(principal: Annotated[Principal, caller]) -> dict[str, Any]:
        told = [r.value for r in await engine.readables(principal) if r.description == MODULES]
        return {"modules": [module for modules in told for module in modules]}


def _action(action: Action) -> dict[str, Any]:
    return {
        "name": action.name,
        "description": action.description,
        "parameters": action.parameters,
        "jsonSchema": action.json_schema,
        "writes": action.writes,
        "destructive": action.destructive,
    }
