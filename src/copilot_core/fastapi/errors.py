"""Errors as answers: ``{"error": {code, message, details?}, "requestId"}`` (docs/reference/errors.md)."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from copilot_core.actions import failed
from copilot_core.errors import ActionError, InternalError, Invalid, RequestError

log = logging.getLogger("copilot_core.http")
MESSAGE_BESIDE = "/v1/copilot"
"""Clients of this mount show the member `message` of an error's body, so there it stands beside `error`."""


def add_error_handlers(app: FastAPI, count: Callable[[str], None] | None = None) -> None:
    """Every error in its form; an unexpected one is logged by id.

    Args:
        count: told the code of each.
    """
    count = count or _uncounted

    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestError)
        count(error.code)
        return error_response(error, path=request.url.path)

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ActionError)
        count(error.code)
        return JSONResponse(failed(error), status_code=422)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"] if part not in {"body", "query"}) or "body"
        told = Invalid(f"The '{field}' field is wrong: {problem['msg']}", details={"field": field})
        return await known(request, told)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = "not_found" if error.status_code == 404 else "validation_error"
        count(code)
        return _json(error.status_code, code, str(error.detail), {}, error.headers, path=request.url.path)

    app.add_exception_handler(RequestError, known)
    app.add_exception_handler(ActionError, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_middleware(Unexpected, count=count)


def _uncounted(_code: str) -> None:
    """An application of one's own has metrics of its own."""


class Unexpected:
    """Answers what nothing else has caught, inside of CORS: a page must be able to read that answer too."""

    def __init__(self, app: ASGIApp, count: Callable[[str], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer 500 if nothing has been sent yet."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            number = uuid4().hex
            log.exception("request failed, id %s", number, exc_info=error)
            if begun:
                raise
            told = InternalError("Something went wrong on the server.")
            self._count(told.code)
            await error_response(told, number, path=scope.get("path", ""))(scope, receive, send)


def error_response(error: RequestError, number: str | None = None, *, path: str = "") -> Response:
    """The JSON answer of an error, with `Retry-After` and `WWW-Authenticate` where they belong."""
    headers = {}
    if "retryAfter" in error.details:
        headers["Retry-After"] = str(error.details["retryAfter"])
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _json(error.status, error.code, error.message, error.details, headers, number, path=path)


def _json(
    status: int,
    code: str,
    message: str,
    details: Any,
    headers: Any = None,
    number: str | None = None,
    *,
    path: str,
) -> Response:
    error = {"code": code, "message": message, **({"details": details} if details else {})}
    beside = {"message": message} if path.startswith(MESSAGE_BESIDE) else {}
    return JSONResponse({"error": error, **beside, "requestId": number or uuid4().hex}, status, headers)
