"""One run's events, framed: the only place that decides their order.

`RunStarted` first, exactly one `RunFinished` or `RunFailed` last, every text and call that was opened
is closed before it. Nodes and models say what happens as it happens, in any order that occurs to
them; encoders downstream may rely on the brackets and keep no state (the rule h11 keeps in
`_state.py`). Everything here is synchronous: the token path has no queue, task or database write.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage

from copilot_core import events
from copilot_core.actions import Action
from copilot_core.errors import RequestError
from copilot_core.events import ApprovalRequested, Event, RunFailed, RunFinished, Source
from copilot_core.graph.history import result_id
from copilot_core.schema import Json
from copilot_core.store.ledger import Intent

Publish = Callable[[Event], None]


class Stream:
    """What happens in a run; a `speech.Listener` for the model and the same for the nodes.

    Args:
        model: the one that thinks; `model` changes when another one stands in for it.
        deltas: who is told of each piece of text and arguments, in place of `publish`.
    """

    def __init__(
        self,
        publish: Publish,
        *,
        deltas: Publish | None = None,
        run_id: str,
        thread_id: str,
        model: str = "",
        client_actions: Set[str] = frozenset(),
        renders: Mapping[str, Json] | None = None,
    ) -> None:
        self._publish = publish
        self._deltas = deltas or publish
        self.run_id = run_id
        self._thread_id = thread_id
        self._client_actions = client_actions
        self._renders = renders or {}
        self._stored = False
        self._open_text: str | None = None
        self._speaking: str | None = None
        self._spoken: list[str] = []
        self.results: dict[str, Mapping[str, Any]] = {}
        self._calls: dict[str, _OpenCall] = {}
        self._announced: set[str] = set()
        self._told_before: set[str] = set()
        self._taken: Set[str] = frozenset()
        self._renamed: dict[str, str] = {}
        self._sources: dict[Source, None] = {}
        self.usage: dict[str, int] = {}
        self.model = model
        self._rounds = 0

    def started(self) -> None:
        """The run is stored; nothing was said before this."""
        self._publish(events.RunStarted(self.run_id, self._thread_id))

    def stored(self, position: int) -> None:
        """The run's input is in the thread, which has `position` messages now. Only the first word counts."""
        if not self._stored:
            self._stored = True
            self._publish(events.InputStored(position))

    def calls_so_far(self, taken: Set[str]) -> None:
        """The thread has calls of these ids: clients find a call by its id alone, and models use one again."""
        self._taken = taken
        self._renamed.clear()

    def renamed(self, message: AIMessage) -> AIMessage:
        """The model's message, each call under an id that the thread does not have yet."""
        for call in (*message.tool_calls, *message.invalid_tool_calls):
            call["id"] = self._own_id(str(message.id), str(call["id"]))
        return message

    def told_before(self, call_ids: Iterable[str]) -> None:
        """These calls were told in an earlier run, with their arguments, and have their results in this one."""
        self._told_before.update(call_ids)

    def text(self, message_id: str, delta: str) -> None:
        """The model says `delta`."""
        if self._open_text != message_id:
            self._close_text()
            self._open_text = self._speaking = message_id
            self._spoken.clear()
            self._publish(events.TextStarted(message_id))
        self._spoken.append(delta)
        self._deltas(events.TextDelta(message_id, delta))

    def call_started(self, message_id: str, call_id: str, name: str) -> None:
        """The model begins a call."""
        self._announce(message_id, self._own_id(message_id, call_id), name)

    def call_arguments(self, call_id: str, delta: str) -> None:
        """The model continues the arguments of an open call."""
        call_id = self._renamed.get(call_id, call_id)
        self._calls[call_id].has_arguments = True
        self._deltas(events.ToolCallArguments(call_id, delta))

    def message(self, message: AIMessage) -> None:
        """The model's message is complete: whatever of it was not streamed is published now."""
        self.spent(message)
        self._rounds += 1
        message_id = str(message.id)
        if self._open_text != message_id and message.text and message_id not in self._announced:
            self.text(message_id, message.text)
        self._close_text()
        self._speaking = None
        self._announced.add(message_id)
        for call in message.tool_calls:
            self.call(message_id, str(call["id"]), call["name"], call["args"])
        for invalid in message.invalid_tool_calls:
            self.call(message_id, str(invalid["id"]), invalid["name"] or "", invalid["args"] or "")

    def spent(self, message: AIMessage) -> None:
        """A model has said something, whether or not anybody hears it: its tokens are of this run."""
        for kind in ("input_tokens", "output_tokens", "total_tokens"):
            if message.usage_metadata:
                self.usage[kind] = self.usage.get(kind, 0) + int(message.usage_metadata[kind])

    def call(self, message_id: str, call_id: str, name: str, arguments: Mapping[str, Any] | str) -> None:
        """The call is complete; its start and arguments are published if they were not."""
        self._announce(message_id, call_id, name)
        open_call = self._calls.get(call_id)
        if open_call is None or open_call.ready:
            return
        told = arguments if isinstance(arguments, str) else json.dumps(arguments)
        if told and not open_call.has_arguments and call_id not in self._told_before:
            self._deltas(events.ToolCallArguments(call_id, told))
        self._close_arguments(call_id, open_call, {} if isinstance(arguments, str) else arguments)

    def result(
        self,
        call_id: str,
        name: str,
        result: Mapping[str, Any],
        message_id: str,
        source: Source | None = None,
        credits: int = 0,
    ) -> None:
        """The call has its result, kept as `message_id`; a successful one's `source` is remembered for the end."""
        ok = result.get("success") is not False
        open_call = self._calls.pop(call_id, None)
        if open_call is not None and not open_call.ready:
            self._close_arguments(call_id, open_call, {})
        if ok and source is not None:
            self._sources[source] = None
        self.results[call_id] = result
        self._publish(events.ToolCallEnded(call_id, name, ok, result, message_id, credits))

    def receipt(self, intent: Intent, action: Action, message: str) -> None:
        """The call has written something."""
        told = events.ReceiptIssued(
            intent.receipt_id, intent.call_id, action.name, action.title, message, reversible=intent.reversible
        )
        self._publish(told)

    def custom(self, name: str, value: Any) -> None:
        """An action tells the user's screen something."""
        self._publish(events.Custom(name, value))

    def state_delta(self, patch: Sequence[Mapping[str, Any]]) -> None:
        """An action changed the shared state."""
        self._publish(events.StateDelta(tuple(patch)))

    def finished(
        self,
        *,
        waiting: ApprovalRequested | None = None,
        client_calls: Sequence[str] = (),
        stopped: bool = False,
    ) -> RunFinished:
        """Close what is open, and give the terminal event, to be published when the end is stored.

        `client_calls`, and the whole round of `waiting`, stay open for the run that brings the answers.
        """
        if waiting:
            asked = {str(call["callId"]) for call in waiting.calls}
            ready = [call_id for call_id, open_call in self._calls.items() if open_call.ready]
            self._close("cancelled", set(ready))
            waiting = replace(waiting, held=tuple(call_id for call_id in ready if call_id not in asked))
            self._publish(waiting)
        else:
            self._close("cancelled", set(client_calls))
        if self._sources:
            self._publish(events.SourcesUsed(tuple(self._sources)))
        return RunFinished(
            self.run_id,
            self._thread_id,
            waiting=waiting,
            client_calls=tuple(client_calls),
            stopped=stopped,
            model=self.model,
            usage=dict(self.usage),
            rounds=self._rounds,
        )

    def failed(self, error: RequestError) -> RunFailed:
        """Close what is open, and give the terminal event, to be published when the end is stored."""
        self._close(error.code, frozenset())
        usage = dict(self.usage)
        return RunFailed(self.run_id, self._thread_id, error.code, error.message, usage=usage, rounds=self._rounds)

    def resumed(self, story: Iterable[Event], messages: Sequence[Mapping[str, Any]], open_calls: Set[str]) -> None:
        """Go on where a process that died had stopped.

        Args:
            story: what it had told, as far as the log knows.
            messages: the thread as it is stored, which is what counts.
            open_calls: those of them that will be run now.
        """
        for event in story:
            self._remember(event)
        self._close_text()
        for call_id, open_call in list(self._calls.items()):
            if call_id not in open_calls:
                self._cancel(call_id, open_call, "interrupted")
        self._publish(events.MessagesSnapshot(tuple(messages)))

    @property
    def unfinished(self) -> tuple[str, str] | None:
        """Message id and text of a message that broke off while the model spoke."""
        return (self._speaking, "".join(self._spoken)) if self._speaking else None

    @property
    def begun(self) -> bool:
        """Whether the run's input is in the thread."""
        return self._stored

    def _own_id(self, message_id: str, call_id: str) -> str:
        if call_id not in self._taken:
            return call_id
        return self._renamed.setdefault(call_id, f"{call_id}.{message_id}")

    def _announce(self, message_id: str, call_id: str, name: str) -> None:
        if call_id in self._announced:
            return
        if self._open_text != message_id:
            self._close_text()
        self._announced.add(call_id)
        self._calls[call_id] = _OpenCall(message_id, name)
        client, render = name in self._client_actions, self._renders.get(name)
        self._publish(events.ToolCallStarted(message_id, call_id, name, client=client, render=render))

    def _remember(self, event: Event) -> None:
        match event:
            case events.InputStored():
                self._stored = True
            case events.TextStarted():
                self._open_text = event.message_id
            case events.TextEnded():
                self._open_text = None
            case events.ToolCallStarted():
                self._announced.add(event.call_id)
                self._calls[event.call_id] = _OpenCall(event.message_id, event.name)
            case events.ToolCallArguments():
                self._calls[event.call_id].has_arguments = True
            case events.ToolCallReady():
                self._calls[event.call_id].ready = True
            case events.ToolCallEnded():
                self._calls.pop(event.call_id, None)

    def _close(self, why: str, kept: Set[str]) -> None:
        self._close_text()
        for call_id, open_call in list(self._calls.items()):
            if call_id not in kept:
                self._cancel(call_id, open_call, why)

    def _cancel(self, call_id: str, open_call: "_OpenCall", why: str) -> None:
        told = {"success": False, "error": why, "message": "The call was not carried out."}
        self.result(call_id, open_call.name, told, result_id(open_call.message_id, call_id))

    def _close_text(self) -> None:
        if self._open_text is not None:
            self._announced.add(self._open_text)
            self._publish(events.TextEnded(self._open_text))
            self._open_text = None

    def _close_arguments(self, call_id: str, open_call: "_OpenCall", arguments: Mapping[str, Any]) -> None:
        open_call.ready = True
        client = open_call.name in self._client_actions
        self._publish(events.ToolCallReady(call_id, open_call.name, arguments, client=client))


class _OpenCall:
    """A call without result: has the model sent arguments, and all of them?"""

    __slots__ = ("has_arguments", "message_id", "name", "ready")

    def __init__(self, message_id: str, name: str) -> None:
        self.message_id = message_id
        self.name = name
        self.has_arguments = False
        self.ready = False
