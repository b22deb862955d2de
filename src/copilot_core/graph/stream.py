"""One run's events, framed: the only place that decides their order.

`RunStarted` first, exactly one `RunFinished` or `RunFailed` last, every text and call that was opened
is closed before it. Nodes and models say what happens as it happens, in any order that occurs to
them; encoders downstream may rely on the brackets and keep no state (the rule h11 keeps in
`_state.py`). Everything here is synchronous: the token path has no queue, task or database write.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from copilot_core import events
from copilot_core.errors import RequestError
from copilot_core.events import Event, Source

Publish = Callable[[Event], None]


class Stream:
    """What happens in a run; a `speech.Listener` for the model and the same for the nodes."""

    def __init__(self, publish: Publish, *, run_id: str, thread_id: str) -> None:
        self._publish = publish
        self._run_id = run_id
        self._thread_id = thread_id
        self._open_text: str | None = None
        self._spoken: list[str] = []
        self._calls: dict[str, _OpenCall] = {}
        self._announced: set[str] = set()
        self._sources: dict[Source, None] = {}
        self._usage: dict[str, int] = {}

    def started(self) -> None:
        """The run is stored; nothing was said before this."""
        self._publish(events.RunStarted(self._run_id, self._thread_id))

    def text(self, message_id: str, delta: str) -> None:
        """The model says `delta`."""
        if self._open_text != message_id:
            self._close_text()
            self._open_text = message_id
            self._spoken.clear()
            self._publish(events.TextStarted(message_id))
        self._spoken.append(delta)
        self._publish(events.TextDelta(message_id, delta))

    def call_started(self, message_id: str, call_id: str, name: str) -> None:
        """The model begins a call. Told twice, it is published once."""
        if call_id in self._announced:
            return
        self._close_text()
        self._announced.add(call_id)
        self._calls[call_id] = _OpenCall(name)
        self._publish(events.ToolCallStarted(message_id, call_id, name))

    def call_arguments(self, call_id: str, delta: str) -> None:
        """The model continues the arguments of an open call."""
        self._calls[call_id].has_arguments = True
        self._publish(events.ToolCallArguments(call_id, delta))

    def message(self, message: AIMessage) -> None:
        """The model's message is complete: whatever of it was not streamed is published now."""
        self._count(message)
        message_id = str(message.id)
        if self._open_text != message_id and message.text and message_id not in self._announced:
            self.text(message_id, message.text)
        self._close_text()
        self._announced.add(message_id)
        for call in message.tool_calls:
            self.call(message_id, str(call["id"]), call["name"], call["args"])
        for invalid in message.invalid_tool_calls:
            self.call(message_id, str(invalid["id"]), invalid["name"] or "", invalid["args"] or "")

    def call(self, message_id: str, call_id: str, name: str, arguments: Mapping[str, Any] | str) -> None:
        """The call is complete; its start and arguments are published if they were not."""
        self.call_started(message_id, call_id, name)
        open_call = self._calls.get(call_id)
        if open_call is None or open_call.ready:
            return
        told = arguments if isinstance(arguments, str) else json.dumps(arguments)
        if told and not open_call.has_arguments:
            self.call_arguments(call_id, told)
        self._close_arguments(call_id, open_call)

    def result(self, call_id: str, name: str, result: Mapping[str, Any], source: Source | None = None) -> None:
        """The call has its result; a successful one's `source` is remembered for the end."""
        ok = result.get("success") is not False
        open_call = self._calls.pop(call_id, None)
        if open_call is not None and not open_call.ready:
            self._close_arguments(call_id, open_call)
        self._announced.discard(call_id)  # a model may use the id again in its next message
        if ok and source is not None:
            self._sources[source] = None
        self._publish(events.ToolCallEnded(call_id, name, ok, result))

    def custom(self, name: str, value: Any) -> None:
        """An action tells the user's screen something."""
        self._publish(events.Custom(name, value))

    def finished(self) -> None:
        """The run is over."""
        self._close("cancelled")
        self._finish(waiting=False)

    def waiting(self, question: str, calls: Sequence[str]) -> None:
        """The run waits for a person; `calls` stay open for the run that follows the answer."""
        for call_id in calls:
            self._calls.pop(call_id, None)
        self._close("cancelled")
        self._publish(events.ApprovalRequested(question, tuple(calls)))
        self._finish(waiting=True)

    def failed(self, error: RequestError) -> None:
        """The run ended with an error."""
        self._close(error.code)
        self._publish(events.RunFailed(self._run_id, self._thread_id, error.code, error.message))

    @property
    def unfinished(self) -> tuple[str, str] | None:
        """Message id and text of a message that broke off while the model spoke."""
        return (self._open_text, "".join(self._spoken)) if self._open_text else None

    def _finish(self, *, waiting: bool) -> None:
        if self._sources:
            self._publish(events.SourcesUsed(tuple(self._sources)))
        self._publish(events.RunFinished(self._run_id, self._thread_id, waiting=waiting, usage=dict(self._usage)))

    def _count(self, message: AIMessage) -> None:
        for kind in ("input_tokens", "output_tokens", "total_tokens"):
            if message.usage_metadata:
                self._usage[kind] = self._usage.get(kind, 0) + int(message.usage_metadata[kind])

    def _close(self, why: str) -> None:
        self._close_text()
        for call_id, open_call in list(self._calls.items()):
            told = {"success": False, "error": why, "message": "The call was not carried out."}
            self.result(call_id, open_call.name, told)

    def _close_text(self) -> None:
        if self._open_text is not None:
            self._announced.add(self._open_text)
            self._publish(events.TextEnded(self._open_text))
            self._open_text = None

    def _close_arguments(self, call_id: str, open_call: "_OpenCall") -> None:
        open_call.ready = True
        self._publish(events.ToolCallReady(call_id))


class _OpenCall:
    """A call without result: has the model sent arguments, and all of them?"""

    __slots__ = ("has_arguments", "name", "ready")

    def __init__(self, name: str) -> None:
        self.name = name
        self.has_arguments = False
        self.ready = False
