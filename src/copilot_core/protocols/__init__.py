"""Wire protocols: pure functions between bytes and what the engine speaks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from copilot_core.events import Event
from copilot_core.run import RunInput


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way to talk to the copilot over HTTP.

    Args:
        name: how it is called in lists and logs.
        path: where its POST route is.
        decode: request body -> run input; raises `Invalid` naming the field. Leaves ids out that
            the client did not send: the engine mints them.
        encode: event -> bytes of the stream, ``b""`` for nothing on this wire. Stateless. Server-sent
            events get their `id:` line from the adapter.
        keep_alive: bytes that mean nothing, sent when the stream has been silent for long.
        content_type: of the answer.
    """

    name: str
    path: str
    decode: Callable[[bytes], RunInput]
    encode: Callable[[Event], bytes]
    keep_alive: bytes = b": keep-alive\n\n"
    content_type: str = "text/event-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
