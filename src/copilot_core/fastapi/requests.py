"""What every route reads of a request: who, how much, from where on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import unquote

from fastapi import Request
from pydantic import BaseModel, ValidationError

from copilot_core.errors import Invalid, NotFound, PayloadTooLarge, Unauthenticated
from copilot_core.principal import Authenticator, Principal
from copilot_core.run import RunInput

Authenticate = Callable[[Request], Awaitable[Principal]]
Count = Callable[[Principal], Awaitable[None]]
Form = TypeVar("Form", bound=BaseModel)
MOST_CREDITS = "x-copilot-max-credits"


def authenticate(authenticators: Sequence[Authenticator], count: Count | None = None) -> Authenticate:
    """Who is calling, from ``Authorization: Bearer`` alone; raises `Unauthenticated`.

    Args:
        count: told each request of a principal before anything else is done; raises `RateLimited`.
    """

    async def principal(request: Request) -> Principal:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and bearer.strip():
            for authenticator in authenticators:
                found = await authenticator(bearer.strip())
                if found is not None:
                    _check_text(request)
                    if count is not None:
                        await count(found)
                    return found
        raise Unauthenticated("A valid bearer token is required.")

    return principal


def _check_text(request: Request) -> None:
    """Nothing is named with a NUL, and not every database would even look; raises `NotFound`."""
    if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        raise NotFound("There is nothing of that name.")


async def body_of(request: Request, limit: int) -> bytes:
    """The request's body; raises `PayloadTooLarge` as soon as it is over the limit."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise PayloadTooLarge(f"The body is larger than {limit} bytes.", details={"limit": limit})
    return body


def form(kind: type[Form], given: Mapping[str, Any]) -> Form:
    """The request's body in its form; raises `Invalid`, which names the first field that is wrong."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise Invalid(f"The '{field}' field is wrong: {problem['msg']}", details={"field": field}) from error


def asked(request: Request, given: RunInput) -> RunInput:
    """`given` with what the request's headers say.

    A new thread is called like its run, where the client names the run alone: a client that heard nothing
    posts both again, and finds what it began.
    """
    given = replace(given, model=request.headers.get("x-copilot-model"), most_credits=_most_credits(request))
    if given.run_id is None or given.thread_id is not None:
        return given
    return replace(given, thread_id=given.run_id, opens_thread=True)


def _most_credits(request: Request) -> int | None:
    told = request.headers.get(MOST_CREDITS)
    if told is None:
        return None
    if not is_number(told) or int(told) < 1:
        raise Invalid(f"The '{MOST_CREDITS}' header is a whole number of credits.", details={"field": MOST_CREDITS})
    return int(told)


def last_event(request: Request) -> tuple[str, int] | None:
    """Run id and sequence number of the last event that the client has, if it says so.

    Raises:
        Invalid: it says so in another form than ``<runId>:<seq>``.
    """
    told = request.headers.get("last-event-id") or request.query_params.get("after")
    if not told:
        return None
    run_id, _, number = told.rpartition(":")
    if not run_id or not is_number(number):
        raise Invalid("The last event id has the form <runId>:<seq>.", details={"field": "Last-Event-ID"})
    return unquote(run_id), int(number)


def is_number(told: str) -> bool:
    """Whether it may be the sequence number of an event; more digits than these no database counts."""
    return told.isdecimal() and len(told) <= 15
