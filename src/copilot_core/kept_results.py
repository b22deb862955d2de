"""The action by which a model reads on in a result that was too large for it."""

from typing import Annotated, Any

from pydantic import Field

from copilot_core.actions import action
from copilot_core.errors import ActionError
from copilot_core.principal import Principal
from copilot_core.schema import Json
from copilot_core.services import Injected
from copilot_core.shortening import as_json, items, largest, part, text
from copilot_core.store.results import Results
from copilot_core.toolcall import Call


@action(source="", credits=0, pinned=True)
async def read_result(
    handle: Annotated[str, Field(description="The handle that a truncated result has")],
    results: Injected[Results],
    principal: Injected[Principal],
    call: Injected[Call],
    offset: Annotated[int, Field(description="How many items, or characters of a text, to skip", ge=0)] = 0,
    limit: Annotated[
        int | None, Field(description="Items, or characters of a text, at most; else what fits", ge=1)
    ] = None,
    at: Annotated[
        str | None, Field(description="Which part, such as /data/records/3; else the largest list or text")
    ] = None,
) -> Json:
    """Page through the rest of an earlier result that says it is truncated and has a handle."""
    whole = await results.read(principal, call.thread, handle)
    if whole is None:
        told = f"This conversation keeps no result with the handle '{handle[:64]}'"
        raise ActionError(told, code="not_found", details={"handle": told})
    place = largest(whole) if at is None else at
    try:
        value = part(whole, place)
    except LookupError as error:
        told = f"The 'at' field names no part of this result; most of it is at {largest(whole)}"
        raise ActionError(told, code="validation_error", details={"at": told}) from error
    return _page(place, value, offset, limit, results.most)


def _page(at: str, value: Any, offset: int, limit: int | None, most: int) -> Json:
    whole = value if isinstance(value, list | str) else as_json(value)
    if isinstance(whole, list):
        shown: Any = items(whole, offset, limit, most)
        data: Json = {"at": at, "offset": offset, "total": len(whole), "items": shown}
    else:
        shown = text(whole, offset, limit, most)
        data = {"at": at, "offset": offset, "total": len(whole), "text": shown}
    unit = "items" if isinstance(whole, list) else "characters"
    following = offset + len(shown)
    if not shown:
        return {"success": True, "data": data, "message": f"There are no more: it has {len(whole)} {unit}."}
    told = f"{unit.capitalize()} {offset + 1} to {following} of {len(whole)}."
    if following < len(whole):
        data["nextOffset"] = following
        told += f" There are more: go on with offset {following}."
    return {"success": True, "data": data, "message": told}
