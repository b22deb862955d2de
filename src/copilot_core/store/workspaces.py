"""What the admins of each workspace have set, as rows: its rules, and limits of its users' credits."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlmodel import Session

from copilot_core.clock import Clock
from copilot_core.policies import WorkspaceRules
from copilot_core.principal import Principal
from copilot_core.store.audit import audit, audited
from copilot_core.store.database import Database
from copilot_core.store.tables import WorkspaceRow

FRESH_SECONDS = 1.0
"""How long rules are known without asking again: a change made at another process counts after that."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Credits that each user may use in a month; a limit by name goes before that of the role."""

    roles: Mapping[str, int] = field(default_factory=dict)
    users: Mapping[str, int] = field(default_factory=dict)

    def of(self, principal: Principal) -> int | None:
        """The principal's; `None` if there is none."""
        return self.users.get(principal.id, self.roles.get(principal.role))


_Set = tuple[WorkspaceRules, Limits]


class Workspaces:
    """The store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[float, _Set]] = {}

    async def rules(self, workspace: str) -> WorkspaceRules:
        """The rules of the workspace; none if nobody has set any."""
        return (await self._set(workspace))[0]

    async def limits(self, workspace: str) -> Limits:
        """The limits of its users; none if nobody has set any."""
        return (await self._set(workspace))[1]

    async def set_rules(self, principal: Principal, rules: WorkspaceRules) -> None:
        """The rules of the principal's workspace from now on, in place of those before."""
        told = {"confirmRows": rules.confirm_rows, "confirm": sorted(rules.confirm), "deny": sorted(rules.deny)}
        columns = {"confirm": orjson.dumps(told["confirm"]).decode(), "deny": orjson.dumps(told["deny"]).decode()}
        await self._write(principal, "set the policies", told, confirm_rows=rules.confirm_rows, **columns)

    async def set_limits(self, principal: Principal, limits: Limits) -> None:
        """The limits of the principal's workspace from now on, in place of those before."""
        told = {"roles": limits.roles, "users": limits.users}
        await self._write(principal, "set the limits", told, limits=orjson.dumps(told).decode())

    async def changes(self, workspace: str) -> list[dict[str, Any]]:
        """Who changed what in how it is set up, the latest first: ``{at, by, did, detail}``."""
        return await self._database.transact(lambda session: audited(session, workspace))

    async def _set(self, workspace: str) -> _Set:
        known = self._known.get(workspace)
        if known is None or known[0] < time.monotonic():
            row = await self._database.transact(lambda session: session.get(WorkspaceRow, workspace))
            found = (WorkspaceRules(), Limits()) if row is None else (_rules(row), Limits(**orjson.loads(row.limits)))
            self._known[workspace] = known = (time.monotonic() + FRESH_SECONDS, found)
        return known[1]

    async def _write(self, principal: Principal, did: str, told: Mapping[str, Any], **columns: Any) -> None:
        workspace, now = principal.workspace, self._clock.now()

        def write(session: Session) -> None:
            row = session.get(WorkspaceRow, workspace) or WorkspaceRow(workspace=workspace, changed_by=principal.id)
            for name, value in columns.items():
                setattr(row, name, value)
            row.changed_by, row.changed_at = principal.id, now
            session.add(row)
            audit(session, self._clock, workspace, principal.id, did, told)

        await self._database.transact(write, write=True)
        self._known.pop(workspace, None)


def _rules(row: WorkspaceRow) -> WorkspaceRules:
    return WorkspaceRules(row.confirm_rows, orjson.loads(row.confirm), orjson.loads(row.deny))
