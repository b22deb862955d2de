"""The server as one of its users: ask, answer, follow, stop, and look after conversations."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypedDict, Unpack, get_args
from urllib.parse import quote
from uuid import uuid4

import httpx2
import orjson

from copilot_core.client.answer import final_text
from copilot_core.client.errors import ClientError, checked, json_of, reaching
from copilot_core.client.patience import Patience
from copilot_core.events import Event, ends, loaded
from copilot_core.run import OnBusy

SILENCE = 60.0
"""Seconds without a byte after which a connection is given up; the server says something each 15."""
PAGE = 200
_KINDS = {kind.__name__ for kind in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation, as lists show it."""

    id: str
    title: str | None
    created_at: datetime
    updated_at: datetime
    archived: bool


class Wishes(TypedDict, total=False):
    """What else a question may say.

    Args:
        model: one of the server's models.
        timezone: IANA name of the user's zone.
        readables: description -> value of what the model may read, for this run only.
        on_busy: while the thread answers another message: refuse (the default), wait, or stop that first.
    """

    model: str
    timezone: str
    readables: Mapping[str, Any]
    on_busy: OnBusy


class CopilotClient:
    """A server, as one of its users.

    Args:
        url: of the server, with any path that a proxy puts before its routes.
        key: an API key or a JWT.
        http: a client of your own, for proxies, certificates or tests; it is not closed here.
        tries: new attempts, without anything heard in between, after which an answer is given up.
        sleep: how to wait between them.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        http: httpx2.AsyncClient | None = None,
        tries: int = 10,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ClientError("unreachable", f"'{url}' is no http or https address")
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._http = http or httpx2.AsyncClient(timeout=httpx2.Timeout(10, read=SILENCE))
        self._owns_http = http is None
        self._tries = tries
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._owns_http:
            await self._http.aclose()

    def ask(
        self, message: str, *, thread_id: str | None = None, run_id: str | None = None, **wishes: Unpack[Wishes]
    ) -> AsyncGenerator[Event, None]:
        """The events of the run that answers `message`; the last is `RunFinished` or `RunFailed`.

        Whoever stops reading does not stop the run.

        Args:
            thread_id: the conversation to go on with; one that you do not have yet begins under that id.
            run_id: a name of your own, such as that of the e-mail that asks. Asking again under one name,
                from wherever, is answered with the first run's events.

        Raises:
            ClientError: nothing was begun, or the rest cannot be had.
        """
        body = {"messages": [{"role": "user", "content": message}]}
        return self._begun(body, thread_id, run_id, wishes)

    async def text(
        self, message: str, *, thread_id: str | None = None, run_id: str | None = None, **wishes: Unpack[Wishes]
    ) -> str:
        """The answer to `message`, whole: see `ask` and `final_text`."""
        return await final_text(self.ask(message, thread_id=thread_id, run_id=run_id, **wishes))

    def approve(self, thread_id: str, question_id: str, **wishes: Unpack[Wishes]) -> AsyncGenerator[Event, None]:
        """Say yes to the `ApprovalRequested` of that id; the events of the run that then goes on."""
        return self._answer(thread_id, question_id, wishes, approved=True)

    def decline(self, thread_id: str, question_id: str, **wishes: Unpack[Wishes]) -> AsyncGenerator[Event, None]:
        """Say no to it."""
        return self._answer(thread_id, question_id, wishes, approved=False)

    def follow(self, run_id: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """The events of a run after the sequence number `after`, and those still to come."""
        return self._events(run_id, after, None, {})

    async def stop(self, run_id: str) -> bool:
        """Stop a run; whether there was anything to stop. What it said is kept."""
        return bool((await self._call("POST", f"/v1/runs/{_part(run_id)}/stop"))["stopped"])

    async def threads(self, *, q: str = "", archived: bool = False, limit: int = 50) -> list[Thread]:
        """Your conversations, the latest first.

        Args:
            q: only those with each of these words in their titles.
            archived: those that are, instead of those that are not.
        """
        found: list[Thread] = []
        asked: dict[str, str] = {"archived": str(archived).lower(), **({"q": q} if q else {})}
        while len(found) < limit:
            asked["limit"] = str(min(limit - len(found), PAGE))
            told = await self._call("GET", "/v1/threads", params=asked)
            found.extend(map(_thread, told["threads"]))
            if not told["nextCursor"]:
                break
            asked["cursor"] = told["nextCursor"]
        return found

    async def messages(self, thread_id: str) -> Sequence[Mapping[str, Any]]:
        """What was said, each ``{id, role, content, toolCalls?, toolCallId?}``."""
        messages: list[Mapping[str, Any]] = (await self.conversation(thread_id))["messages"]
        return messages

    async def conversation(self, thread_id: str) -> Mapping[str, Any]:
        """``{messages, question, run}``: what was said, what waits for a yes or no, the latest run's id and status."""
        told: Mapping[str, Any] = await self._call("GET", f"/v1/threads/{_part(thread_id)}/messages")
        return told

    async def rename(self, thread_id: str, title: str) -> Thread:
        """Give the conversation another title."""
        return await self._change(thread_id, title=title)

    async def archive(self, thread_id: str, *, archived: bool = True) -> Thread:
        """Put the conversation away, or take it back."""
        return await self._change(thread_id, archived=archived)

    async def delete(self, thread_id: str) -> None:
        """Forget the conversation, its runs and events."""
        await self._call("DELETE", f"/v1/threads/{_part(thread_id)}")

    async def fork(self, thread_id: str, message_id: str | None = None) -> Thread:
        """A new conversation with the messages up to `message_id`, or all of them."""
        body = {"messageId": message_id} if message_id else {}
        return _thread(await self._call("POST", f"/v1/threads/{_part(thread_id)}/fork", body))

    async def actions(self) -> Sequence[Mapping[str, Any]]:
        """What the copilot may do for you: name, description and JSON Schema of each action."""
        actions: list[Mapping[str, Any]] = (await self._call("GET", "/v1/actions"))["actions"]
        return actions

    async def _change(self, thread_id: str, **change: Any) -> Thread:
        return _thread(await self._call("PATCH", f"/v1/threads/{_part(thread_id)}", change))

    def _answer(
        self, thread_id: str, question_id: str, wishes: Wishes, *, approved: bool
    ) -> AsyncGenerator[Event, None]:
        answer = {"interruptId": question_id, "status": "resolved", "payload": {"approved": approved}}
        return self._begun({"messages": [], "resume": [answer]}, thread_id, None, wishes)

    def _begun(
        self, body: dict[str, Any], thread_id: str | None, run_id: str | None, wishes: Wishes
    ) -> AsyncGenerator[Event, None]:
        """A run whose thread, too, has a name before the server hears of it."""
        run_id = run_id or str(uuid4())
        body |= {"threadId": thread_id or run_id, "runId": run_id}
        body |= {"timezone": wishes.get("timezone"), "onBusy": wishes.get("on_busy")}
        body["readables"] = [{"description": d, "value": v} for d, v in wishes.get("readables", {}).items()]
        headers = {"x-copilot-model": wishes["model"]} if "model" in wishes else {}
        return self._events(run_id, 0, body, headers)

    async def _events(
        self, run_id: str, after: int, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> AsyncGenerator[Event, None]:
        """Begin the run that `body` describes, unless it was begun already, and tell its events after `after`."""
        patience = Patience(self._tries, self._sleep)
        url, again = f"{self.url}/v1/runs/{_part(run_id)}", False
        while True:
            try:
                with reaching(self.url):
                    if body is not None and not (again and await self._has(url)):
                        again = True
                        await self._begin(body, headers)
                    body = None
                    async with self._sse("GET", f"{url}/events", params={"after": after}) as source:
                        await checked(source.response)
                        patience.watch(source.response)
                        async for frame in source:
                            number = _number(frame.id)
                            if number <= after:  # known, or the server's word that it restarts, which has no number
                                continue
                            after = number
                            patience.heard()
                            event = _loaded(frame.data)
                            if event is not None:
                                yield event
                                if ends(event):
                                    return
                    raise ClientError("unreachable", "the answer broke off before it was complete")
            except ClientError as error:
                await patience.wait(error)

    async def _begin(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Have the run stored; it goes on without this connection."""
        async with self._sse("POST", f"{self.url}/v1/copilot", json=body, headers=headers) as source:
            await checked(source.response)

    async def _has(self, url: str) -> bool:
        """Whether the server knows a run."""
        answer = await self._http.get(url, headers=self._headers)
        if answer.status_code != 404:
            await checked(answer)
        return answer.status_code == 200

    def _sse(self, method: str, url: str, **request: Any) -> AbstractAsyncContextManager[httpx2.EventSource]:
        headers = {**self._headers, **request.pop("headers", {})}
        return self._http.sse(url, method=method, headers=headers, max_event_size=None, **request)

    async def _call(self, method: str, path: str, body: Any = None, *, params: Mapping[str, str] | None = None) -> Any:
        """One request, tried once; the JSON of its answer."""
        with reaching(self.url):
            answer = await self._http.request(method, self.url + path, json=body, params=params, headers=self._headers)
            await checked(answer)
            return json_of(answer) if answer.content else None


def _loaded(data: str) -> Event | None:
    """The event; `None` for a kind that only a newer server knows."""
    event = orjson.loads(data)
    return loaded(event) if event["type"] in _KINDS else None


def _number(event_id: str) -> int:
    """The sequence number in ``<runId>:<seq>``; 0 where there is none."""
    number = event_id.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def _part(identifier: str) -> str:
    """An id as a part of a path."""
    return quote(identifier, safe="")


def _thread(told: Mapping[str, Any]) -> Thread:
    created, updated = datetime.fromisoformat(told["createdAt"]), datetime.fromisoformat(told["updatedAt"])
    return Thread(told["id"], told["title"], created, updated, told["archived"])
