"""Who is calling. Made from a verified bearer and nothing else (docs/explanation/architecture.md)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a principal may do: viewers read, contributors and members also write, admins also delete."""

    ADMIN = "admin"
    MEMBER = "member"
    CONTRIBUTOR = "contributor"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified user in one workspace.

    Args:
        id: the user, unique within the workspace (a JWT's `sub`).
        workspace: the tenant; every query of ours is narrowed to it.
        role: decided by the token, never by a request body, a model or a record.
        name: how the user is called, for texts only.
        operator: administers the plans of all workspaces; beyond that it may read and write no more than its role.
    """

    id: str
    workspace: str = "default"
    role: Role = Role.MEMBER
    name: str | None = None
    operator: bool = False


Authenticator = Callable[[str], Awaitable[Principal | None]]
"""Turns a bearer into a principal; ``None`` means "not one of mine".

Raises `Unauthenticated` for a bearer that is one of its own and not valid.
"""
