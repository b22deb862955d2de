"""What can go wrong between a client and its server, as one kind of exception."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import orjson

from copilot_core.errors import CopilotError

MOST_PATIENCE = 60.0
"""Seconds that a server may ask for before the next attempt."""
PASSING = {429, 502, 503, 504}


class ClientError(CopilotError):
    """The server refused, nothing answers, or a run failed.

    Args:
        code: the server's own (docs/reference/errors.md); `unreachable` where nothing answers, and
            `unexpected_answer` where something does that is no copilot.
        status: of HTTP; `None` where there was no answer, or where a run failed.
        retry_after: seconds after which it may go better, as far as the server says so.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} ({code})" if status else message)
        self.code = code
        self.message = message
        self.status = status
        self.details = dict(details or {})
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same request may be answered a little later."""
        return self.code == "unreachable" or (self.status in PASSING and (self.retry_after or 0) <= MOST_PATIENCE)


@contextlib.contextmanager
def reaching(url: str) -> Iterator[None]:
    """A connection that fails is told with the address that was tried."""
    try:
        yield
    except httpx2.SSEError as error:
        raise ClientError("unexpected_answer", f"{url} answered, and not as a copilot does: {error}") from error
    except httpx2.TransportError as error:
        raise ClientError("unreachable", f"{url} does not answer: {error or type(error).__name__}") from error


async def checked(answer: httpx2.Response) -> None:
    """Raise what the server refuses."""
    if answer.is_success:
        return
    await answer.aread()
    given = json_of(answer)
    after = answer.headers.get("retry-after", "")
    try:
        error = given["error"]
        raise ClientError(
            error["code"],
            error["message"],
            status=answer.status_code,
            details=error.get("details"),
            retry_after=float(after) if after.isdecimal() else None,
        )
    except (LookupError, TypeError) as cause:
        raise _stranger(answer) from cause


def json_of(answer: httpx2.Response) -> Any:
    """The answer's JSON."""
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise _stranger(answer) from error


def _stranger(answer: httpx2.Response) -> ClientError:
    told = f"{answer.url} answered {answer.status_code}, and not as a copilot does"
    return ClientError("unexpected_answer", told, status=answer.status_code)
