"""`/v1/copilot`: AG-UI for everyone, and a whole CopilotKit runtime on the same mount.

CopilotKit's client finds out by itself whether a runtime speaks REST or the single endpoint, and
different releases prefer different ones, so this mount answers both: `POST /v1/copilot` is a run
unless its body is an envelope ``{method, params, body}``.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qs, unquote, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from copilot_core import __version__
from copilot_core.copilot import Copilot
from copilot_core.errors import Invalid, NotFound
from copilot_core.events import RunFinished, RunStarted
from copilot_core.fastapi.requests import asked, body_of, last_event
from copilot_core.fastapi.runs import stopped
from copilot_core.fastapi.stream import EventStream
from copilot_core.fastapi.suggestions import suggestion_run
from copilot_core.fastapi.threads import MOST, page
from copilot_core.principal import Principal
from copilot_core.protocols.agui import AGUI, decode_object, suggestion_request
from copilot_core.protocols.body import identifier, json_object
from copilot_core.store.tables import Thread

MOUNT = "/v1/copilot"
AGENT = "default"
INFO = {
    "version": __version__,
    "mode": "sse",
    "agents": {AGENT: {"name": AGENT, "description": "The copilot of this application", "className": "LangGraphAgent"}},
    "audioFileTranscriptionEnabled": False,
    "suggestions": True,
    "threadEndpoints": {"list": True, "inspect": True, "mutations": True, "realtimeMetadata": False},
    "a2uiEnabled": False,
    "openGenerativeUIEnabled": False,
    "telemetryDisabled": True,
}
"""What the client asks before anything else. Without a `licenseStatus`, which is CopilotKit's own business."""


def add_copilotkit(routes: APIRouter, copilot: Copilot, caller: Any, limit: int) -> None:
    """The runtime, REST and single endpoint."""
    runtime = Runtime(copilot)
    tags: list[Any] = ["copilotkit"]

    async def run(request: Request, principal: Annotated[Principal, caller]) -> Response:
        return await runtime.post(json_object(await body_of(request, limit)), request, principal)

    for path in (MOUNT, f"{MOUNT}/"):
        routes.add_api_route(
            path, run, methods=["POST"], name="ag-ui", response_class=EventStream, status_code=200, tags=tags
        )

    @routes.get(f"{MOUNT}/info", tags=tags)
    async def info(principal: Annotated[Principal, caller]) -> dict[str, Any]:  # noqa: ARG001
        return INFO

    @routes.post(f"{MOUNT}/agent/{{agent}}/{{method}}", tags=tags, response_class=EventStream, status_code=200)
    async def agent(agent: str, method: str, request: Request, principal: Annotated[Principal, caller]) -> Response:
        given = json_object(await body_of(request, limit))
        return await runtime.agent(agent, method, given, request, principal)

    @routes.post(f"{MOUNT}/agent/{{agent}}/stop/{{thread_id:path}}", tags=tags)
    async def stop(
        agent: str, thread_id: str, request: Request, principal: Annotated[Principal, caller]
    ) -> dict[str, Any]:
        given = json_object(await body_of(request, limit) or b"{}")
        known(agent)
        return await runtime.stop(thread_id, given, principal)

    @routes.api_route(f"{MOUNT}/threads", methods=["GET"], tags=tags)
    @routes.api_route(
        f"{MOUNT}/threads/{{rest:path}}", methods=["GET", "POST", "PATCH", "DELETE"], include_in_schema=False
    )
    async def threads(request: Request, principal: Annotated[Principal, caller]) -> Response:
        given = json_object(await body_of(request, limit) or b"{}")
        path = request.scope["raw_path"].decode("ascii").partition(MOUNT)[2]
        return await runtime.threads(request.method, path, dict(request.query_params), given, principal)


def known(agent: str) -> None:
    """There is one agent; raises `NotFound` for any other."""
    if agent != AGENT:
        raise NotFound(f"Agent '{agent[:64]}' does not exist", details={"field": "agentId"})


class Runtime:
    """The runtime's methods, whichever way they are called."""

    def __init__(self, copilot: Copilot) -> None:
        self._copilot = copilot

    async def post(self, given: Mapping[str, Any], request: Request, principal: Principal) -> Response:
        """The base path: a run, an envelope, or a client too old to be understood."""
        if "messages" in given:
            return await self.run(given, request, principal)
        if "query" in given or "operationName" in given:
            told = {"error": "unsupported_client", "message": "CopilotKit 1.50 or newer is required"}
            return JSONResponse(told, status_code=400)
        if "method" in given:
            return await self._envelope(given, request, principal)
        return await self.run(given, request, principal)

    async def agent(
        self, agent: str, method: str, given: Mapping[str, Any], request: Request, principal: Principal
    ) -> Response:
        """`run`, `connect` or `suggest` of an agent."""
        known(agent)
        methods: dict[str, Callable[[Mapping[str, Any], Request, Principal], Awaitable[Response]]] = {
            "run": self.run,
            "connect": self.connect,
            "suggest": self.suggest,
        }
        if method not in methods:
            raise NotFound("Not found")
        return await methods[method](given, request, principal)

    async def run(self, given: Mapping[str, Any], request: Request, principal: Principal) -> Response:
        """Begin a run, or read one on. Clients before 1.60 send their suggestions here too."""
        if suggestion_request(given):
            return await self.suggest(given, request, principal)
        last = last_event(request)
        if last is not None:
            return EventStream(await self._copilot.follow(last[0], principal, after=last[1]), AGUI)
        return EventStream(await self._copilot.start(asked(request, decode_object(given)), principal), AGUI)

    async def suggest(self, given: Mapping[str, Any], request: Request, principal: Principal) -> Response:
        """What the user could say next."""
        return suggestion_run(self._copilot.suggestions, given, request, principal)

    async def connect(self, given: Mapping[str, Any], _request: Request, principal: Principal) -> Response:
        """What a page shows that opens a thread; a thread that nobody has begun is an empty one."""
        thread_id = identifier(given, "threadId") or ""
        try:
            joined = await self._copilot.join(thread_id, principal)
        except NotFound:
            run_id = identifier(given, "runId") or thread_id
            return EventStream(None, AGUI, [RunStarted(run_id, thread_id), RunFinished(run_id, thread_id)])
        return EventStream(joined.reader, AGUI, joined.before)

    async def stop(self, thread_id: str, given: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        """Stop the thread's run, or that of `runId` alone."""
        unknown = set(given) - {"runId"}
        if unknown:
            raise Invalid("A stop has one field, runId.", details={"field": min(unknown)})
        run_id = identifier(given, "runId")
        try:
            thread = await self._copilot.threads.find(principal, thread_id)
        except NotFound:
            return stopped(False)
        run = await self._copilot.runs.latest(thread.key, run_id)
        return stopped(run is not None and await self._copilot.stop(run))

    async def threads(
        self, method: str, path: str, query: Mapping[str, str], given: Mapping[str, Any], principal: Principal
    ) -> Response:
        """The thread endpoints of the stock `useThreads` hook and of the inspector."""
        _, _, *rest = path.split("/")
        match method, [unquote(part) for part in rest]:
            case "GET", []:
                return await self._list(query, principal)
            case "GET", [thread_id, "messages"]:
                return JSONResponse({"messages": (await self._copilot.conversation(thread_id, principal))["messages"]})
            case "GET", [thread_id, "state" | "events" as what]:
                await self._copilot.threads.find(principal, thread_id)
                return JSONResponse({what: [] if what == "events" else {}})
            case "PATCH", [thread_id]:
                return await self._change(thread_id, given, principal)
            case "POST", [thread_id, "archive"]:
                await self._copilot.threads.change(principal, thread_id, title=None, archived=True)
            case "DELETE", [thread_id]:
                await self._copilot.delete(thread_id, principal)
            case _:
                raise NotFound("Not found")
        return JSONResponse({"success": True})

    async def _list(self, query: Mapping[str, str], principal: Principal) -> Response:
        archived = None if query.get("includeArchived") == "true" else False
        limit = query.get("limit", "50")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST:
            raise Invalid(f"The 'limit' field must be 1 to {MOST}.", details={"field": "limit"})
        cursor = query.get("cursor")
        found, following = await page(
            self._copilot, principal, q=query.get("q"), archived=archived, limit=int(limit), cursor=cursor
        )
        return JSONResponse({"threads": [_thread(thread) for thread in found], "nextCursor": following})

    async def _change(self, thread_id: str, given: Mapping[str, Any], principal: Principal) -> Response:
        name, archived = given.get("name"), given.get("archived")
        if name is not None and not (isinstance(name, str) and 0 < len(name) <= 200):
            raise Invalid("The 'name' field must have 1 to 200 characters.", details={"field": "name"})
        if archived is not None and not isinstance(archived, bool):
            raise Invalid("The 'archived' field must be true or false.", details={"field": "archived"})
        changed = await self._copilot.threads.change(principal, thread_id, title=name, archived=archived)
        return JSONResponse(_thread(changed))

    async def _envelope(self, given: Mapping[str, Any], request: Request, principal: Principal) -> Response:
        """The single endpoint: the same methods by name."""
        method, params, body = given.get("method"), given.get("params") or {}, given.get("body") or {}
        if not isinstance(params, dict) or not isinstance(body, dict):
            raise Invalid("An envelope is {method, params?: {...}, body?: {...}}.", details={"field": "params"})
        agent = str(params.get("agentId", AGENT))
        match method:
            case "info":
                return JSONResponse(INFO)
            case "agent/run" | "agent/connect" | "agent/suggest":
                return await self.agent(agent, method.removeprefix("agent/"), body, request, principal)
            case "agent/stop":
                known(agent)
                return JSONResponse(await self.stop(str(params.get("threadId", "")), body, principal))
            case "resource/request":
                return await self._resource(params, body, principal)
        told = {"error": "invalid_request", "message": "The 'method' of the envelope is not one of this runtime."}
        return JSONResponse(told, status_code=400)

    async def _resource(self, params: Mapping[str, Any], body: Mapping[str, Any], principal: Principal) -> Response:
        """A REST request inside of an envelope."""
        parts = urlsplit(str(params.get("path", "")))
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if not parts.path.startswith("/threads"):
            raise NotFound("Not found")
        given = body or params.get("body") or {}
        given = json_object(given.encode()) if isinstance(given, str) else given
        if not isinstance(given, dict):
            raise Invalid("The body must be a JSON object.", details={"field": "params.body"})
        return await self.threads(str(params.get("httpMethod", "GET")), parts.path, query, given, principal)


def _thread(thread: Thread) -> dict[str, Any]:
    """A thread in the form of the client's `ThreadRecord`."""
    return {
        "id": thread.id,
        "organizationId": thread.workspace,
        "agentId": AGENT,
        "createdById": thread.owner,
        "name": thread.title,
        "archived": thread.archived_at is not None,
        "createdAt": thread.created_at.isoformat(),
        "updatedAt": thread.updated_at.isoformat(),
        "lastRunAt": thread.updated_at.isoformat(),
    }
