"""Policies: may this principal make this call? `Deny` beats `Confirm` beats `Allow`."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from copilot_core.actions import Action
from copilot_core.principal import Principal, Role
from copilot_core.provenance import Provenance


@dataclass(frozen=True, slots=True)
class Allow:
    """Nothing against it."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """A person must say yes first; `reason` is shown to them."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deny:
    """Not to be done. `reason` is told to the model and the user.

    Args:
        forbidden: the caller has no right to it, whatever the arguments: the run ends with the
            `forbidden` error instead of letting the model try again (checklist S100).
    """

    reason: str
    forbidden: bool = False


Decision: TypeAlias = Allow | Confirm | Deny


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """A call as a policy sees it: before anything ran, arguments as the model wrote them.

    Args:
        provenance: what the user said and what else the model has read; `None` where no language model
            wrote the call.
        foreseen: how many rows the action's preview says that it would change.
    """

    action: Action
    arguments: Mapping[str, Any]
    principal: Principal
    provenance: Provenance | None = None
    foreseen: int = 1

    @property
    def rows(self) -> int:
        """How many things the call is about: as foreseen, or the length of its longest list argument."""
        named = (len(value) for value in self.arguments.values() if isinstance(value, list))
        return max(self.foreseen, *named, 1)


class Policy(Protocol):
    """Decides about each call before any call of the round runs. Quick and without effects."""

    async def decide(self, call: ProposedCall) -> Decision:
        """Allow, ask a person, or refuse."""


class RolePolicy:
    """Viewers read; contributors and members also write; only admins delete (checklist S99, S100)."""

    async def decide(self, call: ProposedCall) -> Decision:
        """Deny what the role does not allow; such a denial ends the run."""
        role = call.principal.role
        if call.action.writes and role is Role.VIEWER:
            return Deny(f"Your role (viewer) is read-only; {call.action.title} needs write access.", forbidden=True)
        if call.action.destructive and role is not Role.ADMIN:
            return Deny(f"{call.action.title} is for admins; your role is {role}.", forbidden=True)
        return Allow()


class ConfirmPolicy:
    """A person confirms what destroys, and writes to more than `confirm_rows` things at once."""

    def __init__(self, confirm_rows: int) -> None:
        self._confirm_rows = confirm_rows

    async def decide(self, call: ProposedCall) -> Decision:
        """Confirm destructive and large writes, allow the rest."""
        if call.action.destructive:
            return Confirm("it deletes data")
        if call.action.writes and call.rows > self._confirm_rows:
            return Confirm(f"it changes {call.rows} records at once")
        return Allow()


@dataclass(frozen=True, slots=True)
class WorkspaceRules:
    """What the admins of a workspace ask for beyond the deployment's policies; never less than those.

    Args:
        confirm_rows: a person confirms writes to more rows than this; `None` leaves it to the deployment.
        confirm: names of actions that always need a person.
        deny: names of actions that nobody in the workspace may use.
    """

    confirm_rows: int | None = None
    confirm: Collection[str] = ()
    deny: Collection[str] = ()


class WorkspacePolicy:
    """Asks the rules of the caller's workspace.

    Args:
        rules_of: the rules of the workspace of that name.
    """

    def __init__(self, rules_of: Callable[[str], Awaitable[WorkspaceRules]]) -> None:
        self._rules_of = rules_of

    async def decide(self, call: ProposedCall) -> Decision:
        """Deny and confirm what the workspace says."""
        rules = await self._rules_of(call.principal.workspace)
        if call.action.name in rules.deny:
            return Deny(f"{call.action.title} is switched off in this workspace.", forbidden=True)
        if call.action.name in rules.confirm:
            return Confirm("this workspace asks a person first")
        if call.action.writes and rules.confirm_rows is not None and call.rows > rules.confirm_rows:
            return Confirm(f"it changes {call.rows} records at once")
        return Allow()


class ProvenancePolicy:
    """A person confirms a write that cannot be traced to what the user said (`provenance.py`)."""

    async def decide(self, call: ProposedCall) -> Decision:
        """Confirm doubtful writes, allow the rest."""
        if not call.action.writes or call.provenance is None:
            return Allow()
        doubt = call.provenance.doubt(call.arguments)
        return Confirm(f"it may come from text that the copilot has read: {doubt}") if doubt else Allow()


async def decide(policies: Iterable[Policy], call: ProposedCall) -> Decision:
    """What all policies together say."""
    verdict: Decision = Allow()
    for policy in policies:
        decision = await policy.decide(call)
        if isinstance(decision, Deny):
            return decision
        if isinstance(decision, Confirm):
            verdict = decision
    return verdict
