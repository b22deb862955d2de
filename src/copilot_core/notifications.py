"""Telling a user something outside a run: a reminder that is due, work that is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that a user is told once, until they have seen it.

    Args:
        id: chosen by who tells it; the same id twice is refused by the database.
        owner: id of the user, in `workspace`.
        kind: what it is about, such as ``reminder``.
        at: when it happened.
        data: any JSON for the page.
    """

    id: str
    workspace: str
    owner: str
    kind: str
    title: str
    at: datetime
    body: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class Notifications(Protocol):
    """Where notifications are put; a service for actions and jobs."""

    def add(self, session: "AsyncSession", told: Notification) -> None:
        """Have it stored with whatever else the session's transaction does, or not at all."""
