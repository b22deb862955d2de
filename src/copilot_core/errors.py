"""The whole error tree. Every error has a stable `code` and, before a stream starts, an HTTP status.

* CopilotError
  x SetupError                      start-up: whoever installs or writes a plugin must act
    + ActionDefinitionError         an `@action` function that cannot become an action
    + DuplicateName                 two plugins offer the same name
  x RequestError                    a request that cannot be served: the client must act
    + Unauthenticated        401    unauthenticated
    + Forbidden              403    forbidden
    + NotFound               404    not_found
    + Invalid                422    validation_error
    + ThreadBusy             409    thread_busy
    + ApprovalConflict       409    approval_conflict
    + UndoConflict           409    undo_conflict
    + ModelNotAllowed        400    model_not_allowed
    + CreditsExhausted       402    credits_exhausted
    + PayloadTooLarge        413    payload_too_large
    + RateLimited            429    rate_limited
    + RunLimit               408    run_limit
    + ModelUnavailable       503    model_unavailable
    + InternalError          500    internal_error
  x ActionError                     an action that could not do its work: the model reads it and may try again

Each error carries up to three texts: `message` is for the client or the model, `details` are fields
of the same audience, and whatever else is known (`__cause__`) is for the log alone. The codes and
statuses are the contract of the HTTP interface; see docs/reference/errors.md.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class CopilotError(Exception):
    """Base of everything this package raises on purpose."""


class SetupError(CopilotError):
    """The server cannot start as configured. The message names the plugin and its distribution."""


class ActionDefinitionError(SetupError):
    """A function cannot become an action: no docstring, an untyped parameter, a plain `def`."""


class DuplicateName(SetupError):  # noqa: N818 - named for what is wrong, as its code is
    """Two plugins offer one name. The message names both plugins and their distributions."""


class RequestError(CopilotError):
    """A request that is answered with an error instead of a result.

    Args:
        message: one sentence for the client; never contains a secret, a path or a trace.
        details: machine-readable fields of the same audience, e.g. ``{"field": "message"}``.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})


class Unauthenticated(RequestError):  # noqa: N818
    """No bearer, or one that is not valid. The same text for every reason, so that nothing is learnt."""

    code, status = "unauthenticated", 401


class Forbidden(RequestError):  # noqa: N818
    """The caller's role does not allow this. Inside a run it ends the run."""

    code, status = "forbidden", 403


class NotFound(RequestError):  # noqa: N818
    """It does not exist, or belongs to someone else: the two are answered alike."""

    code, status = "not_found", 404


class Invalid(RequestError):  # noqa: N818
    """The request's form is wrong. `details["field"]` names the field, with its index where it is in a list."""

    code, status = "validation_error", 422


class ThreadBusy(RequestError):  # noqa: N818
    """A run of this thread is still going on; one thread runs one run at a time."""

    code, status = "thread_busy", 409


class ApprovalConflict(RequestError):  # noqa: N818
    """The answer is to a question that is not open: answered, replaced, another's, or never asked."""

    code, status = "approval_conflict", 409


class UndoConflict(RequestError):  # noqa: N818
    """It cannot be undone: what was written has changed since, or the action is irreversible.

    An action's `undo` raises it and says in `details` what has changed; nothing is undone then.
    """

    code, status = "undo_conflict", 409


class ModelNotAllowed(RequestError):  # noqa: N818
    """The chosen model is unknown here or not allowed; `details["allowed"]` lists those that are."""

    code, status = "model_not_allowed", 400


class CreditsExhausted(RequestError):  # noqa: N818
    """The plan's credits are used up; `details` has `plan`, `included` and `periodEnd`. Before a model is asked,
    or before a call that costs more than is left."""

    code, status = "credits_exhausted", 402


class PayloadTooLarge(RequestError):  # noqa: N818
    """The body exceeds `COPILOT_MAX_BODY_BYTES`."""

    code, status = "payload_too_large", 413


class RateLimited(RequestError):  # noqa: N818
    """Too many requests, here or at the model provider. `details["retryAfter"]` is in seconds where known.

    Here, `details` also has the `limit`, such as ``600/minute``, and `per`: key or workspace.
    """

    code, status = "rate_limited", 429


class RunLimit(RequestError):  # noqa: N818
    """A run took longer than `COPILOT_RUN_SECONDS`. What it wrote stays, with its receipts."""

    code, status = "run_limit", 408


class ModelUnavailable(RequestError):  # noqa: N818
    """The model provider refused, failed, timed out or broke off; the cause is in the log only."""

    code, status = "model_unavailable", 503


class InternalError(RequestError):
    """Anything else. The client gets an id that stands beside the trace in the log, and nothing more."""

    code, status = "internal_error", 500


class ActionError(CopilotError):
    """Raise this in an action when it cannot do its work and the model should know why.

    Becomes the structured failure ``{"success": false, "error": code, "message": ..., "details": ...}``
    (checklist S51), which the model reads in the next round and may correct (S53).

    Args:
        message: one sentence for the model and the user.
        code: `validation_error`, `not_found`, `conflict` or a word of the plugin's own.
        details: per field, what is wrong with it.
    """

    def __init__(self, message: str, *, code: str = "action_failed", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = dict(details or {})
