"""Request bodies: JSON objects of bounded depth."""

from collections.abc import Mapping
from typing import Any

import orjson

from copilot_core.errors import Invalid
from copilot_core.run import OnBusy

LONGEST_ID = 200


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, whatever its content type says; raises `Invalid`."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid("The body is not valid JSON.", details={"field": "body"}) from error
    if not isinstance(given, dict):
        raise Invalid("The body must be a JSON object.", details={"field": "body"})
    return given


def text(given: Mapping[str, Any], field: str) -> str | None:
    """A string or nothing; raises `Invalid`."""
    value = given.get(field)
    if value is not None and not isinstance(value, str):
        raise Invalid(f"The '{field}' field must be a string.", details={"field": field})
    return value


def identifier(given: Mapping[str, Any], field: str) -> str | None:
    """A client's id, of any form, or nothing; raises `Invalid`."""
    value = text(given, field)
    if value is not None and not (0 < len(value) <= LONGEST_ID and value.isprintable()):
        told = f"The '{field}' field must have 1 to {LONGEST_ID} printable characters."
        raise Invalid(told, details={"field": field})
    return value


def on_busy(given: Mapping[str, Any]) -> OnBusy:
    """What to do while the thread is busy; raises `Invalid`."""
    choices: dict[object, OnBusy] = {None: "reject", "reject": "reject", "queue": "queue", "interrupt": "interrupt"}
    chosen = given.get("onBusy")
    if chosen is None or (isinstance(chosen, str) and chosen in choices):
        return choices[chosen]
    raise Invalid("The 'onBusy' field must be one of: reject, queue, interrupt", details={"field": "onBusy"})
