"""The rules of each workspace as rows, set by its admins."""

import time
from datetime import datetime

import orjson
from sqlmodel import Session

from copilot_core.policies import WorkspaceRules
from copilot_core.principal import Principal
from copilot_core.store.database import Database
from copilot_core.store.tables import WorkspaceRow

FRESH_SECONDS = 1.0
"""How long rules are known without asking again: a change made at another process counts after that."""


class Workspaces:
    """The store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, WorkspaceRules]] = {}

    async def rules(self, workspace: str) -> WorkspaceRules:
        """The rules of the workspace; none if nobody has set any."""
        known = self._known.get(workspace)
        if known is None or known[0] < time.monotonic():
            row = await self._database.transact(lambda session: session.get(WorkspaceRow, workspace))
            found = WorkspaceRules() if row is None else _rules(row)
            self._known[workspace] = known = (time.monotonic() + FRESH_SECONDS, found)
        return known[1]

    async def set_rules(self, principal: Principal, rules: WorkspaceRules, now: datetime) -> None:
        """The rules of the principal's workspace from now on, in place of those before."""

        def write(session: Session) -> None:
            row = session.get(WorkspaceRow, principal.workspace) or WorkspaceRow(
                workspace=principal.workspace, changed_by=principal.id
            )
            row.confirm_rows = rules.confirm_rows
            row.confirm = orjson.dumps(sorted(rules.confirm)).decode()
            row.deny = orjson.dumps(sorted(rules.deny)).decode()
            row.changed_by, row.changed_at = principal.id, now
            session.add(row)

        await self._database.transact(write, write=True)
        self._known.pop(principal.workspace, None)


def _rules(row: WorkspaceRow) -> WorkspaceRules:
    return WorkspaceRules(row.confirm_rows, orjson.loads(row.confirm), orjson.loads(row.deny))
