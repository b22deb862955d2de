"""What this caller may do: actions, plugins, modules; and calling what only reads, without a conversation."""

from collections.abc import Mapping
from time import perf_counter
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from copilot_core.actions import Action
from copilot_core.copilot import Copilot
from copilot_core.errors import Forbidden, NotFound
from copilot_core.fastapi.requests import body_of
from copilot_core.generate import Generate
from copilot_core.policies import Allow, ProposedCall, decide
from copilot_core.principal import Principal
from copilot_core.protocols.agui import decode_object
from copilot_core.protocols.body import json_object
from copilot_core.run import MODULES, Readables
from copilot_core.schema import Json
from copilot_core.store.credits import Charge
from copilot_core.toolcall import Call, Emit

CONTENT = {
    "/v1/summarize": "summarize",
    "/v1/suggest-field-value": "suggestFieldValue",
    "/v1/draft-email": "draftEmail",
}
"""Routes that call the action of this name, whichever plugin has it, and answer with its `data`."""


def add_catalogue(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    engine = copilot.engine

    @routes.get("/v1/actions", tags=["catalogue"])
    async def actions(principal: Annotated[Principal, caller]) -> dict[str, Any]:
        return {"actions": [_action(action) for action in await engine.permitted(principal)]}

    @routes.post("/v1/actions/{name}", tags=["catalogue"])
    async def read(name: str, request: Request, principal: Annotated[Principal, caller]) -> JSONResponse:
        arguments = json_object(await body_of(request, limit))
        return JSONResponse(await _called(copilot, name, arguments, principal, request))

    def add_content(path: str, name: str) -> None:
        async def content(request: Request, principal: Annotated[Principal, caller]) -> JSONResponse:
            given = json_object(await body_of(request, limit))
            page = decode_object({"messages": [], "readables": given.pop("readables", None)})
            result = await _called(copilot, name, given, principal, request, page.readables)
            return JSONResponse(result.get("data"))

        routes.add_api_route(path, content, methods=["POST"], name=name, tags=["content"])

    for path, name in CONTENT.items():
        add_content(path, name)

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


async def _called(
    copilot: Copilot,
    name: str,
    arguments: Mapping[str, Any],
    principal: Principal,
    request: Request,
    readables: Readables = (),
) -> Json:
    """The result of an action that only reads. It costs credits if it may ask a model.

    Raises:
        NotFound: there is no such action.
        Forbidden: it writes, or a policy says more than `Allow`.
        CreditsExhausted: it costs more than is left.
        ActionError: what the action says.
    """
    engine = copilot.engine
    action = engine.action(name)
    if action is None:
        raise NotFound(f"There is no action '{name[:64]}'.", details={"field": "name"})
    if action.writes:
        raise Forbidden("Actions that write run in a conversation only.")
    decision = await decide(engine.registry.policies, ProposedCall(action, arguments, principal))
    if not isinstance(decision, Allow):
        raise Forbidden(decision.reason)
    model = await engine.model_for(principal, request.headers.get("x-copilot-model"))
    scope = engine.scope(principal, Call(), Emit(lambda _name, _value: None), readables, model=model)
    charged = engine.registry.services.reaches(action.injected.values(), Generate)
    allowance = await engine.credits.allowance(principal)
    price = allowance.prices.of(action, arguments, model) if charged else 0  # a page may read its own data
    charge = Charge(f"direct:{uuid4()}", principal, "", name, model, price)
    if charged:
        await engine.credits.hold(charge, allowance)
    begun, ok = perf_counter(), False
    try:
        result = await action.run(arguments, scope)
        ok = result.get("success") is not False
    finally:
        seconds, cost = perf_counter() - begun, price if ok else 0
        copilot.metrics.call(name, model, "ok" if ok else "failed", credits=cost, seconds=seconds)
        if charged:
            await engine.credits.settle(charge, succeeded=ok)
    return result


def _action(action: Action) -> dict[str, Any]:
    return {
        "name": action.name,
        "description": action.description,
        "parameters": action.parameters,
        "jsonSchema": action.json_schema,
        "writes": action.writes,
        "destructive": action.destructive,
    }
