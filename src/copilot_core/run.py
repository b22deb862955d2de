"""What arrives, whatever the wire: the input of one run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Readable:
    """Something the model may read: information, never an instruction.

    Args:
        description: what it is, in the client's or plugin's words. A later readable of the same
            description replaces an earlier one (checklist S20).
        value: any JSON value.
    """

    description: str
    value: Any


MODULES = "Modules in this workspace"
"""The description under which a plugin tells the workspace's modules; `GET /v1/modules` answers the same.

Its value is a list of ``{slug, name, singular, titleField, fields: [{name, type, required?, options?}]}``.
"""

Readables = Sequence[Readable]
"""All readables of the current run; an action asks for them with ``Injected[Readables]``."""


@dataclass(frozen=True, slots=True)
class RunInput:
    """One request to think about a message, decoded from any wire.

    Args:
        message: what the user says.
        thread_id: the conversation to continue; ``None`` starts a new one.
        run_id: the client's id of this run; ``None`` lets the server mint one.
        readables: context sent by the client for this run only.
        model: the model the client asks for; ``None`` means the default.
        timezone: IANA name of the user's zone; ``None`` means UTC.
    """

    message: str
    thread_id: str | None = None
    run_id: str | None = None
    readables: Sequence[Readable] = field(default_factory=tuple)
    model: str | None = None
    timezone: str | None = None
