"""What went wrong at the model provider, in our own words.

The client learns a reason it can act on. What the provider said may name accounts, hosts or parts
of the prompt; it stays in `__cause__`, for the log.
"""

import httpx2
import openai

from copilot_core.errors import ModelUnavailable, RateLimited, RequestError

SENTENCES = {
    "credentials": "The model provider refused the server's credentials.",
    "unknown_model": "The model provider does not know this model.",
    "rejected": "The model provider rejected the request.",
    "provider_error": "The model provider failed.",
    "timeout": "The model provider did not answer in time.",
    "unreachable": "The model provider cannot be reached.",
    "cut": "The model provider broke off its answer.",
}
"""`details["reason"]` of every `ModelUnavailable` raised here, and its message."""

_STATUSES = {401: "credentials", 403: "credentials", 404: "unknown_model", 408: "timeout", 409: "provider_error"}


def unavailable(reason: str) -> ModelUnavailable:
    """Make the error for one of the reasons in `SENTENCES`."""
    return ModelUnavailable(SENTENCES[reason], details={"reason": reason})


def translated(error: openai.APIError | httpx2.RequestError) -> RequestError:
    """Make our error of one that the SDK raised before the answer began, or httpx2 while it was read."""
    match error:
        case openai.RateLimitError():
            return _rate_limited(error.response)
        case openai.APIStatusError(status_code=status):
            return unavailable(_STATUSES.get(status, "provider_error" if status >= 500 else "rejected"))
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return unavailable("timeout")
        case openai.APIConnectionError(__cause__=httpx2.ConnectError()):
            return unavailable("unreachable")
        case openai.APIConnectionError() | httpx2.RequestError():
            return unavailable("cut")
        case _:
            return unavailable("provider_error")


def _rate_limited(response: httpx2.Response) -> RateLimited:
    try:
        details = {"retryAfter": float(response.headers["retry-after"])}
    except (KeyError, ValueError):  # a date is allowed too, and told to nobody
        details = {}
    return RateLimited("The model provider allows no more requests for now.", details=details)
