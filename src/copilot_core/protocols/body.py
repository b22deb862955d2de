"""Request bodies: JSON objects of bounded depth."""

from typing import Any

import orjson

from copilot_core.errors import Invalid


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, whatever its content type says; raises `Invalid`."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid("The body is not valid JSON.", details={"field": "body"}) from error
    if not isinstance(given, dict):
        raise Invalid("The body must be a JSON object.", details={"field": "body"})
    return given
