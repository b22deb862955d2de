"""Request bodies: JSON objects of bounded depth."""

from collections.abc import Mapping
from typing import Any

import orjson

from copilot_core.errors import Invalid
from copilot_core.run import CallDecision, OnBusy

LONGEST_ID = 200
MOST_DECISIONS = 500


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


def decisions(given: Mapping[str, Any]) -> list[CallDecision]:
    """``{"decision": "approve" | "reject"}`` for all calls, or ``{"decisions": [{callId, decision, arguments?}]}``.

    Raises:
        Invalid: neither, naming the field.
    """
    listed = given.get("decisions")
    if listed is None:
        return [_decision(given, "decision", "")]
    if not isinstance(listed, list) or not listed or len(listed) > MOST_DECISIONS:
        told = f"The 'decisions' field must be a list of 1 to {MOST_DECISIONS} decisions."
        raise Invalid(told, details={"field": "decisions"})
    found = []
    for index, one in enumerate(listed):
        field = f"decisions[{index}]"
        if not isinstance(one, dict) or not isinstance(one.get("callId"), str) or not one["callId"]:
            raise Invalid(f"The '{field}.callId' field must name a call.", details={"field": f"{field}.callId"})
        found.append(_decision(one, f"{field}.decision", one["callId"]))
    if len({decision.call_id for decision in found}) != len(found):
        raise Invalid("Each call can be decided once.", details={"field": "decisions"})
    return found


def _decision(given: Mapping[str, Any], field: str, call_id: str) -> CallDecision:
    match given.get("decision"), given.get("arguments"):
        case "approve", _:
            return CallDecision(call_id, "approve")
        case "reject", _:
            return CallDecision(call_id, "reject")
        case "edit", dict(arguments) if call_id:
            return CallDecision(call_id, "edit", arguments)
        case "edit", _:
            told = "An edit needs the call's new 'arguments', an object."
            raise Invalid(told, details={"field": field.removesuffix("decision") + "arguments"})
    choices = "approve, reject, edit" if call_id else "approve, reject"
    raise Invalid(f"The '{field}' field must be one of: {choices}", details={"field": field})
