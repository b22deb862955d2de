"""A client that holds on: an answer that breaks off is read on where it was, and nothing is asked twice.

    async with CopilotClient("http://127.0.0.1:8000", key) as copilot:
        async for event in copilot.ask("Which invoices are open?"):
            ...

It names each run itself, so that it can ask again where it cannot know whether it was heard, and follows
the run's domain events (docs/reference/events.md) over as many connections as that takes.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypedDict, Unpack, get_args
from urllib.parse import quote
from uuid import uuid4

import httpx2
import orjson

from copilot_core.errors import CopilotError
from copilot_core.events import (
    ApprovalRequested,
    Event,
    MessagesSnapshot,
    RunFailed,
    TextDelta,
    TextStarted,
    ends,
    loaded,
)
from copilot_core.run import OnBusy

__all__ = ["ClientError", "CopilotClient", "Thread", "Wishes", "final_text"]

SHORTEST, LONGEST = 0.25, 10.0
"""Seconds before the first new attempt, which double up to the longest."""
MOST_PATIENCE = 60.0
"""Seconds that a server may ask for; more is an error."""
HELD = 10.0
"""A connection that held for as many seconds was none that failed, however little it brought."""
SILENCE = 60.0
"""Seconds without a byte after which a connection is given up; the server says something each 15."""
PASSING = {429, 502, 503, 504}
PAGE = 200
_KINDS = {kind.__name__ for kind in get_args(Event)}


class ClientError(CopilotError):
    """The server refused, nothing answers, or a run failed.

    Args:
        code: the server's own (docs/reference/errors.md); `unreachable` where nothing answers, and
            `unexpected_answer` where something does that is no copilot.
        status: of HTTP; `None` where there was no answer, or where a run failed.
        retry_after: seconds after which it may go better, as far as the server says so.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} ({code})" if status else message)
        self.code = code
        self.message = message
        self.status = status
        self.details = dict(details or {})
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same request may be answered a little later."""
        return self.code == "unreachable" or (self.status in PASSING and (self.retry_after or 0) <= MOST_PATIENCE)


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
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._owned = None if http is not None else httpx2.AsyncClient(timeout=httpx2.Timeout(10, read=SILENCE))
        self._http = http or self._owned or httpx2.AsyncClient()
        self._tries = tries
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._owned is not None:
            await self._owned.aclose()

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
        body |= {to: wishes[name] for name, to in (("timezone", "timezone"), ("on_busy", "onBusy")) if name in wishes}
        body["readables"] = [{"description": d, "value": v} for d, v in wishes.get("readables", {}).items()]
        headers = {"x-copilot-model": wishes["model"]} if "model" in wishes else {}
        return self._events(run_id, 0, body, headers)

    async def _events(
        self, run_id: str, after: int, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> AsyncGenerator[Event, None]:
        """Begin the run that `body` describes, unless it was begun already, and tell its events after `after`."""
        patience = _Patience(self._tries, self._sleep)
        url, again = f"{self.url}/v1/runs/{_part(run_id)}", False
        while True:
            try:
                with self._told(), patience:
                    if body is not None and not (again and await self._has(url)):
                        again = True
                        await self._begin(body, headers)
                    body = None
                    async with self._sse("GET", f"{url}/events", params={"after": after}) as source:
                        await _checked(source.response)
                        async for told in source:
                            number = _number(told.id)
                            if number <= after:  # known, or the server's word that it restarts, which has no number
                                continue
                            after = number
                            patience.heard()
                            event = _loaded(told.data)
                            if event is not None:
                                yield event
                                if ends(event):
                                    return
                    raise ClientError("unreachable", "the answer broke off before it was complete")  # noqa: TRY301
            except ClientError as error:
                await patience.wait(error)

    async def _begin(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """Have the run stored; it goes on without this connection."""
        async with self._sse("POST", f"{self.url}/v1/copilot", json=body, headers=headers) as source:
            await _checked(source.response)

    async def _has(self, url: str) -> bool:
        """Whether the server knows a run."""
        answer = await self._http.get(url, headers=self._headers)
        if answer.status_code != 404:
            await _checked(answer)
        return answer.status_code == 200

    def _sse(self, method: str, url: str, **request: Any) -> contextlib.AbstractAsyncContextManager[httpx2.EventSource]:
        headers = {**self._headers, **request.pop("headers", {})}
        return self._http.sse(url, method=method, headers=headers, max_event_size=None, **request)

    async def _call(
        self, method: str, path: str, body: Any = None, *, params: Mapping[str, str] | None = None
    ) -> Any:
        """One request, tried once; the JSON of its answer."""
        with self._told():
            answer = await self._http.request(
                method, self.url + path, json=body, params=params, headers=self._headers
            )
            await _checked(answer)
            return _json(answer) if answer.content else None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """A connection that fails is told with the address that was tried."""
        try:
            yield
        except httpx2.SSEError as error:
            raise ClientError("unexpected_answer", f"{self.url} answered, and not as a copilot does: {error}") from error
        except httpx2.TransportError as error:
            why = str(error) or type(error).__name__
            raise ClientError("unreachable", f"{self.url} does not answer: {why}") from error
