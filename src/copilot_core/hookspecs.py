"""What a plugin may contribute. All hooks are synchronous, run once at start-up and only register.

Everything asynchronous is a method of what was registered. Hooks return values, so a plugin's test
needs no server, and the server knows which plugin said what. Mark implementations with `hookimpl`.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from copilot_core.actions import Action
from copilot_core.events import Event
from copilot_core.policies import Policy
from copilot_core.principal import Authenticator, Principal
from copilot_core.run import Readable
from copilot_core.services import Services

if TYPE_CHECKING:
    from copilot_core.protocols import Protocol

GROUP = "copilot_core"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)

ReadableSource = Callable[..., Awaitable[Iterable[Readable]]]
"""An async function that says what the model should know of this caller's data in this run.

Its parameters are services, found by their annotations; it runs before each model call.
"""

DemoData = Callable[..., Awaitable[None]]
"""An async function that fills an empty demo workspace; its parameters are services."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something the server does again and again while it runs; each process does it.

    Args:
        name: for the log.
        every: seconds between the end of one time and the next. The first is at the start.
        work: an async function whose parameters are services, those of a call or a user excepted. What it
            raises is logged. Several processes do it at one time, and any may die in it: claim in the
            database what must be done once.
    """

    name: str
    every: float
    work: Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Listener:
    """Told events after they were published; can neither change nor delay the stream.

    Args:
        wants: the event types to be told. Leave text deltas out unless you need each one.
        hear: called with the event and the run's principal; what it raises is logged.
    """

    wants: tuple[type[Event], ...]
    hear: Callable[[Event, Principal], None]


@hookspec
def copilot_actions() -> Iterable[Action]:  # type: ignore[empty-body]
    """Return the actions the model may call. Names are unique across plugins."""


@hookspec
def copilot_services(services: Services) -> None:
    """Register values and factories for the types that actions ask for with `Injected[...]`.

    Called before actions are checked: one whose service nobody provides stops the start-up.
    """


@hookspec
def copilot_readables() -> Iterable[ReadableSource]:  # type: ignore[empty-body]
    """Return sources of readables: what the model should know of the caller's data, such as its modules."""


@hookspec
def copilot_policies() -> Iterable[Policy]:  # type: ignore[empty-body]
    """Return policies, all asked before each action call; `Deny` beats `Confirm` beats `Allow`."""


@hookspec
def copilot_protocols() -> Iterable["Protocol"]:  # type: ignore[empty-body]
    """Return wire protocols; each gets one POST route at its `path`."""


@hookspec
def copilot_authenticators() -> Iterable[Authenticator]:  # type: ignore[empty-body]
    """Return authenticators, asked in order of registration.

    `None` means "not mine", `Unauthenticated` "mine and not valid".
    """


@hookspec
def copilot_listeners() -> Iterable[Listener]:  # type: ignore[empty-body]
    """Return listeners, told events after they were published."""


@hookspec
def copilot_jobs() -> Iterable[Job]:  # type: ignore[empty-body]
    """Return what the server is to do again and again, such as to deliver what is due."""


@hookspec
def copilot_migrations() -> Path:  # type: ignore[empty-body]
    """Return the folder of the plugin's Alembic revisions, run with our own at start and by `migrate`.

    They are a line of their own: the first has no `down_revision`.
    """


@hookspec
def copilot_demo() -> DemoData:  # type: ignore[empty-body]
    """Return what fills the workspace of `copilot-core demo`; called once for an empty database."""
