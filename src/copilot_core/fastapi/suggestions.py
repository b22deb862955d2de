"""Suggestions over HTTP: the seed's list, and the run that CopilotKit's clients expect them in."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from copilot_core.errors import Invalid, RequestError
from copilot_core.events import (
    Event,
    RunFailed,
    RunFinished,
    RunStarted,
    ToolCallArguments,
    ToolCallReady,
    ToolCallStarted,
)
from copilot_core.fastapi.requests import body_of
from copilot_core.fastapi.stream import HEADERS
from copilot_core.principal import Principal
from copilot_core.protocols.agui import AGUI, decode_object
from copilot_core.protocols.body import json_object, text
from copilot_core.suggestions import TOOL, Suggestion, Suggestions, fixed


def add_suggestions(routes: APIRouter, suggestions: Suggestions, caller: Any, limit: int) -> None:
    """`POST /v1/suggestions`."""

    @routes.post("/v1/suggestions", tags=["suggestions"])
    async def suggest(request: Request, principal: Annotated[Principal, caller]) -> dict[str, Any]:
        given = json_object(await body_of(request, limit))
        prompts = given.get("suggestions")
        if prompts is not None:
            if not (isinstance(prompts, list) and all(isinstance(prompt, str) for prompt in prompts)):
                raise Invalid("The 'suggestions' field must be a list of strings.", details={"field": "suggestions"})
            return {"suggestions": [_told(one) for one in fixed(prompts)]}
        decoded = decode_object({"messages": [], **given})
        found = await suggestions.suggest(
            principal,
            messages=decoded.messages,
            instructions=text(given, "instructions"),
            readables=decoded.readables,
            model=request.headers.get("x-copilot-model"),
        )
        return {"suggestions": [_told(one) for one in found]}


def suggestion_run(
    suggestions: Suggestions, given: Mapping[str, Any], request: Request, principal: Principal
) -> StreamingResponse:
    """The suggestions as one call of the client's own tool. Nothing is stored, and no thread is begun (S60)."""
    decoded = decode_object(given)
    run_id, thread_id = decoded.run_id or str(uuid4()), decoded.thread_id or str(uuid4())
    chat = list(decoded.messages)
    asked = chat.pop() if chat else None

    async def told() -> AsyncIterator[Event]:
        yield RunStarted(run_id, thread_id)
        try:
            found = await suggestions.suggest(
                principal,
                messages=chat,
                instructions=asked.content if asked is not None else None,
                readables=decoded.readables,
                model=request.headers.get("x-copilot-model"),
            )
        except RequestError as error:
            yield RunFailed(run_id, thread_id, error.code, error.message)
            return
        call_id, message_id = f"call_{uuid4().hex}", f"msg_{uuid4().hex}"
        arguments = {"suggestions": [_told(one) for one in found]}
        yield ToolCallStarted(message_id, call_id, TOOL, client=True)
        yield ToolCallArguments(call_id, json.dumps(arguments))
        yield ToolCallReady(call_id, TOOL, arguments, client=True)
        yield RunFinished(run_id, thread_id, client_calls=(call_id,))

    async def encoded() -> AsyncIterator[bytes]:
        async for event in told():
            yield AGUI.encode(event)

    return StreamingResponse(encoded(), headers=HEADERS, media_type=AGUI.content_type)


def _told(suggestion: Suggestion) -> dict[str, str]:
    return {"title": suggestion.title, "message": suggestion.message}
