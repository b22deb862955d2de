"""What the engine tells an action about the call it is answering."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """What services are opened for; an action asks for its own with ``Injected[Call]``.

    Args:
        writes: whether the action declared that it writes; a transaction begins accordingly.
        key: names this call for ever, the same after a crash and a retry: pass it on as an
            idempotency key where the target takes one. Empty outside an action call.
    """

    writes: bool = False
    key: str = ""


class Emit:
    """Tells the user's screen something while an action works; ask for it with ``Injected[Emit]``.

    ``emit("progress", {"done": 3, "of": 10})`` becomes a `Custom` event of the run.
    """

    def __init__(self, publish: Callable[[str, Any], None]) -> None:
        self._publish = publish

    def __call__(self, name: str, value: Any) -> None:
        """Send `value`, any JSON, under the event name `name`."""
        self._publish(name, value)
