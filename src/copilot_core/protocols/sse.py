"""Server-sent events: framing only (WHATWG HTML 9.2). One line of JSON an event, LF endings."""

import json
from collections.abc import Mapping
from typing import Any

KEEP_ALIVE = b": keep-alive\n\n"


def frame(payload: Mapping[str, Any]) -> bytes:
    """One event.

    Non-ASCII is escaped: a reader that decodes each network read by itself, as the seed's samples
    do, then never meets half a character.
    """
    return b"data: " + json.dumps(payload, separators=(", ", ": ")).encode("ascii") + b"\n\n"
