"""What a writing call did, so that it can be shown and undone (design, section 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a writing call made, changed or removed.

    Args:
        subject: names it to the action's `undo`: a record's id, an event's UID.
        label: names it to a person.
        before: what it was, JSON; `None` if it was not there.
        after: what it is now; `None` if it is gone.
    """

    subject: str
    label: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class Changes:
    """What a writing call did, as it does it; ask for it with ``Injected[Changes]``.

    It becomes the call's receipt, by which the call can be undone.
    """

    def __init__(self) -> None:
        self.made: list[Change] = []

    def add(self, change: Change) -> None:
        """Note a change, in the order in which they are made."""
        self.made.append(change)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a writing call did; an action's `undo` function gets it and puts `before` back.

    Args:
        id: of the receipt.
        arguments: what the action was called with.
    """

    id: str
    action: str
    arguments: Mapping[str, Any]
    changes: Sequence[Change]
