"""The HTTP adapter: the only module that knows FastAPI. Mount `router` in any application."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from copilot_core.actions import Action, failed
from copilot_core.copilot import Copilot
from copilot_core.errors import (
    ActionError,
    Forbidden,
    InternalError,
    Invalid,
    NotFound,
    PayloadTooLarge,
    RequestError,
    Unauthenticated,
)
from copilot_core.feed import Feed
from copilot_core.policies import Allow, Deny, ProposedCall, decide
from copilot_core.principal import Authenticator, Principal
from copilot_core.protocols import Protocol
from copilot_core.protocols.body import json_object
from copilot_core.run import MODULES
from copilot_core.store.tables import Thread
from copilot_core.toolcall import Call, Emit

log = logging.getLogger("copilot_core.http")
KEEP_ALIVE_SECONDS = 15.0
LARGEST_WRITE = 16 * 1024
"""Bytes sent at once: a frame is not split over network reads, as far as that is in our hands."""
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

Authenticate = Callable[[Request], Awaitable[Principal]]


def authenticate(authenticators: Sequence[Authenticator]) -> Authenticate:
    """Who is calling, from ``Authorization: Bearer`` alone; raises `Unauthenticated`."""

    async def principal(request: Request) -> Principal:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and bearer.strip():
            for authenticator in authenticators:
                found = await authenticator(bearer.strip())
                if found is not None:
                    return found
        raise Unauthenticated("A valid bearer token is required.")

    return principal


class EventStream(Response):
    """A run's feed on one wire: headers and first event at once, then each event as it comes.

    One task watches for the client's leaving and one timer for silence; nothing is made per token.
    The client's leaving ends this response, not the run.
    """

    def __init__(self, feed: Feed, protocol: Protocol) -> None:
        super().__init__(headers=HEADERS, media_type=protocol.content_type)
        del self.headers["content-length"]
        self._feed = feed
        self._protocol = protocol
        self._gone = False
        self._silent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the feed to its end."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        watchers = [asyncio.create_task(self._watch(receive)), asyncio.create_task(self._tick())]
        try:
            await self._send_all(send)
        finally:
            for watcher in watchers:
                watcher.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> None:
        position, events = 0, self._feed.events
        while not self._gone:
            body, position = self._encoded(position)
            if not body and self._silent:
                body = self._protocol.keep_alive
            if body:
                self._silent = False
                await send({"type": "http.response.body", "body": body, "more_body": True})
            elif position == len(events):
                if self._feed.ended:
                    return
                await self._feed.change()

    def _encoded(self, position: int) -> tuple[bytes, int]:
        """What has come since `position`, up to about `LARGEST_WRITE` bytes, and the new position."""
        body, events = b"", self._feed.events
        while position < len(events) and len(body) < LARGEST_WRITE:
            body += self._protocol.encode(events[position])
            position += 1
        return body, position

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._feed.wake()

    async def _tick(self) -> None:
        """Send a comment when a whole interval passed without a byte."""
        while True:
            self._silent = True
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            if self._silent:
                self._feed.wake()


async def _body(request: Request, limit: int) -> bytes:
    """The request's body; raises `PayloadTooLarge` as soon as it is over the limit."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise PayloadTooLarge(f"The body is larger than {limit} bytes.", details={"limit": limit})
    return body


def router(copilot: Copilot, authenticate: Authenticate, *, max_body_bytes: int = 1_000_000) -> APIRouter:
    """Every route of the copilot: one POST per wire, and what goes with it (docs/reference/http.md)."""
    routes = APIRouter()
    caller = Depends(authenticate)
    for protocol in copilot.engine.registry.protocols:
        _add_wire(routes, copilot, protocol, caller, max_body_bytes)
    _add_threads(routes, copilot, caller)
    _add_catalogue(routes, copilot, caller, max_body_bytes)
    return routes


def _add_wire(
    routes: APIRouter,
    copilot: Copilot,
    protocol: Protocol,
    caller: Any,
    limit: int,
) -> None:
    async def wire(request: Request, principal: Annotated[Principal, caller]) -> Response:
        given = protocol.decode(await _body(request, limit))
        model = request.headers.get("x-copilot-model")
        return EventStream(await copilot.start(replace(given, model=model), principal), protocol)

    routes.add_api_route(
        protocol.path, wire, methods=["POST"], name=protocol.name, response_class=EventStream, tags=["wires"]
    )


def _add_threads(routes: APIRouter, copilot: Copilot, caller: Any) -> None:
    @routes.get("/v1/threads", tags=["threads"])
    async def threads(principal: Annotated[Principal, caller]) -> dict[str, Any]:
        return {"threads": [_thread(thread) for thread in await copilot.threads.list(principal)]}

    @routes.get("/v1/threads/{thread_id}/messages", tags=["threads"])
    async def messages(thread_id: str, principal: Annotated[Principal, caller]) -> dict[str, Any]:
        return await copilot.conversation(thread_id, principal)


def _thread(thread: Thread) -> dict[str, Any]:
    times = {"createdAt": thread.created_at.isoformat(), "updatedAt": thread.updated_at.isoformat()}
    return {"id": thread.id, "title": thread.title, **times}


def _add_catalogue(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    engine = copilot.engine

    @routes.get("/v1/actions", tags=["catalogue"])
    async def actions(principal: Annotated[Principal, caller]) -> dict[str, Any]:
        found = engine.registry.actions.values()
        return {"actions": [_action(action) for action in found if await _may(action, principal)]}

    @routes.post("/v1/actions/{name}", tags=["catalogue"])
    async def read(name: str, request: Request, principal: Annotated[Principal, caller]) -> JSONResponse:
        arguments = json_object(await _body(request, limit))
        action = engine.action(name)
        if action is None:
            raise NotFound(f"There is no action '{name[:64]}'.", details={"field": "name"})
        if action.writes:
            raise Forbidden("Actions that write run in a conversation only.")
        decision = await decide(engine.registry.policies, ProposedCall(action, arguments, principal))
        if not isinstance(decision, Allow):
            raise Forbidden(decision.reason)
        try:
            scope = engine.scope(principal, Call(), Emit(lambda _name, _value: None))
            return JSONResponse(await action.run(arguments, scope))
        except ActionError as error:
            return JSONResponse(failed(error), status_code=422)

    @routes.get("/v1/plugins", tags=["catalogue"])
    async def plugins(principal: Annotated[Principal, caller]) -> dict[str, Any]:  # noqa: ARG001
        return {"plugins": [{"name": p.name, "version": p.version} for p in engine.registry.plugins]}

    @routes.get("/v1/modules", tags=["catalogue"])
    async def modules(principal: Annotated[Principal, caller]) -> dict[str, Any]:
        told = [r.value for r in await engine.readables(principal) if r.description == MODULES]
        return {"modules": [module for modules in told for module in modules]}

    async def _may(action: Action, principal: Principal) -> bool:
        decision = await decide(engine.registry.policies, ProposedCall(action, {}, principal))
        return not (isinstance(decision, Deny) and decision.forbidden)


def _action(action: Action) -> dict[str, Any]:
    return {
        "name": action.name,
        "description": action.description,
        "parameters": action.parameters,
        "jsonSchema": action.json_schema,
        "writes": action.writes,
        "destructive": action.destructive,
    }


def add_error_handlers(app: FastAPI) -> None:
    """Every error as ``{"error": {code, message, details?}, "requestId"}``; an unexpected one is logged by id."""

    async def known(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestError)
        return error_response(error)

    async def malformed(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"] if part != "body") or "body"
        return error_response(Invalid(f"The '{field}' field is wrong: {problem['msg']}", details={"field": field}))

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = "not_found" if error.status_code == 404 else "validation_error"
        return _json(error.status_code, code, str(error.detail), {}, error.headers)

    async def unexpected(_request: Request, error: Exception) -> Response:
        number = uuid4().hex
        log.error("request failed, id %s", number, exc_info=error)
        return error_response(InternalError("Something went wrong on the server."), number)

    app.add_exception_handler(RequestError, known)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def error_response(error: RequestError, number: str | None = None) -> Response:
    """The JSON answer of an error, with `Retry-After` and `WWW-Authenticate` where they belong."""
    headers = {}
    if "retryAfter" in error.details:
        headers["Retry-After"] = str(error.details["retryAfter"])
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _json(error.status, error.code, error.message, error.details, headers, number)


def _json(
    status: int,
    code: str,
    message: str,
    details: Any,
    headers: Any = None,
    number: str | None = None,
) -> Response:
    error = {"code": code, "message": message, **({"details": details} if details else {})}
    return JSONResponse({"error": error, "requestId": number or uuid4().hex}, status, headers)
