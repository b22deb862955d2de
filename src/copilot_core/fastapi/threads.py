"""Threads over HTTP: list and search, read, rename, archive, fork, delete."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from copilot_core.copilot import Copilot
from copilot_core.errors import Invalid
from copilot_core.fastapi.requests import body_of, form
from copilot_core.principal import Principal
from copilot_core.protocols.body import identifier, json_object
from copilot_core.store.tables import Thread
from copilot_core.store.threads import view

MOST = 200


class Change(BaseModel):
    """What may be changed of a thread."""

    model_config = ConfigDict(extra="forbid")
    title: str | None = Field(None, min_length=1, max_length=200)
    archived: bool | None = None


def add_threads(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    """`/v1/threads`. A client's id may have any form, so the longer of two paths comes first."""

    @routes.get("/v1/threads", tags=["threads"])
    async def threads(
        principal: Annotated[Principal, caller],
        q: str | None = None,
        archived: bool = False,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        found, following = await page(copilot, principal, q=q, archived=archived, limit=limit, cursor=cursor)
        return {"threads": [view(thread) for thread in found], "nextCursor": following}

    @routes.patch("/v1/threads/{thread_id:path}", tags=["threads"])
    async def change(thread_id: str, request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        given = form(Change, json_object(await body_of(request, limit)))
        changed = await copilot.threads.change(principal, thread_id, title=given.title, archived=given.archived)
        return view(changed)

    @routes.delete("/v1/threads/{thread_id:path}", status_code=204, tags=["threads"])
    async def delete(thread_id: str, principal: Annotated[Principal, caller]) -> None:
        await copilot.delete(thread_id, principal)

    @routes.get("/v1/threads/{thread_id:path}/messages", tags=["threads"])
    async def messages(thread_id: str, principal: Annotated[Principal, caller]) -> dict[str, Any]:
        return await copilot.conversation(thread_id, principal)

    @routes.get("/v1/threads/{thread_id:path}/results/{handle}", tags=["threads"])
    async def result(thread_id: str, handle: str, principal: Annotated[Principal, caller]) -> dict[str, Any]:
        return await copilot.kept_result(thread_id, principal, handle)

    @routes.get("/v1/threads/{thread_id:path}", tags=["threads"])
    async def thread(thread_id: str, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        return view(await copilot.threads.find(principal, thread_id))

    @routes.post("/v1/threads/{thread_id:path}/fork", status_code=201, tags=["threads"])
    async def fork(thread_id: str, request: Request, principal: Annotated[Principal, caller]) -> Mapping[str, Any]:
        given = json_object(await body_of(request, limit) or b"{}")
        return view(await copilot.fork(thread_id, principal, identifier(given, "messageId")))

    @routes.post("/v1/threads/{thread_id:path}/events", status_code=204, tags=["threads"])
    async def ui_event(thread_id: str, request: Request, principal: Annotated[Principal, caller]) -> None:
        given = json_object(await body_of(request, limit))
        call_id, name, payload = identifier(given, "toolCallId"), identifier(given, "name"), given.get("payload", {})
        if call_id is None or name is None or not isinstance(payload, dict):
            field = "toolCallId" if call_id is None else "name" if name is None else "payload"
            raise Invalid("An event is {toolCallId, name, payload: {...}}.", details={"field": field})
        await copilot.ui_event(thread_id, principal, call_id, name, payload)


async def page(
    copilot: Copilot, principal: Principal, *, q: str | None, archived: bool | None, limit: int, cursor: str | None
) -> tuple[list[Thread], str | None]:
    """Threads, the latest first, and the cursor of the page after; raises `Invalid`."""
    before = _position(cursor) if cursor else None
    found = await copilot.threads.list(principal, query=q, archived=archived, limit=limit + 1, before=before)
    return found[:limit], _cursor(found[limit - 1]) if len(found) > limit else None


def _cursor(thread: Thread) -> str:
    return base64.urlsafe_b64encode(f"{thread.updated_at.isoformat()} {thread.key}".encode()).decode()


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        at, _, key = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return datetime.fromisoformat(at), key
    except (binascii.Error, ValueError) as error:
        raise Invalid("The 'cursor' field is not one that this server gave.", details={"field": "cursor"}) from error
