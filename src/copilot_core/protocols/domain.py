"""`GET /v1/runs/{id}/events`: the domain events themselves, as JSON. A wire to follow a run, not to begin one."""

from json.encoder import encode_basestring_ascii
from typing import NoReturn

from copilot_core.events import Event, TextDelta, dumped
from copilot_core.protocols import Protocol
from copilot_core.protocols.sse import KEEP_ALIVE, frame


def decode(_body: bytes) -> NoReturn:
    """Nothing begins here."""
    raise NotImplementedError


def encode(event: Event) -> bytes:
    """Every event, under its own name (docs/reference/events.md)."""
    if type(event) is TextDelta:  # first, because most events are this one
        told = f'{{"type": "TextDelta", "messageId": {_string(event.message_id)}, "delta": {_string(event.delta)}}}'
        return b"data: " + told.encode("ascii") + b"\n\n"
    return frame(dumped(event))


_string = encode_basestring_ascii
DOMAIN = Protocol("events", "/v1/runs/{id}/events", decode, encode, keep_alive=KEEP_ALIVE)
