"""What a caller may do here, for an action that tells it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from copilot_core.actions import Action
from copilot_core.run import Readable


class Capabilities(Protocol):
    """Asked for with ``Injected[Capabilities]``; everything in it is of this caller alone."""

    @property
    def limits(self) -> Mapping[str, Any]:
        """What one run may take, such as ``{"rounds": 10, "confirmRows": 10}``."""

    async def actions(self, about: str = "") -> Sequence[Action]:
        """The actions that the caller's role may call.

        Args:
            about: words of what is looked for; the actions that fit best come first.
        """

    async def readables(self) -> Sequence[Readable]:
        """What a model is told in this run: by plugins and by the page, which may narrow the modules."""
