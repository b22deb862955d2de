"""What the engine tells an action about the call it is answering."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """What services are opened for; an action asks for its own with ``Injected[Call]``.

    Args:
        writes: whether the action declared that it writes; a transaction begins accordingly.
        key: names this call for ever, the same after a crash and a retry: pass it on as an
            idempotency key where the target takes one. Empty outside an action call.
        thread: names the conversation, for the server's own tables. Empty outside one.
    """

    writes: bool = False
    key: str = ""
    thread: str = ""


class Emit:
    """Tells the user's screen something while an action works; ask for it with ``Injected[Emit]``.

    ``emit("progress", {"done": 3, "of": 10})`` becomes a `Custom` event of the run.
    """

    def __init__(self, publish: Callable[[str, Any], None]) -> None:
        self._publish = publish

    def __call__(self, name: str, value: Any) -> None:
        """Send `value`, any JSON, under the event name `name`."""
        self._publish(name, value)


class SharedState:
    """What page and copilot both see of a thread beside its messages; ask for it with ``Injected[SharedState]``.

    The page sends its copy with every run and may have changed it, so nothing in it grants anything.
    """

    def __init__(self, values: Mapping[str, Any], publish: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
        self._values = dict(values)
        self._publish = publish
        self.changed: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        """The value under `key`."""
        return self._values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Change a value, any JSON; the page is told at once, and the thread keeps it."""
        self._values[key] = self.changed[key] = value
        path = "/" + key.replace("~", "~0").replace("/", "~1")
        self._publish([{"op": "add", "path": path, "value": value}])
