"""The incidents of one workspace, for the time of one call: found, numbered, changed and shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import case, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import ActionError, Change, Changes, Clock, Principal, Readables, timezone_of
from copilot_incidents.tables import CounterRow, EntryRow, IncidentRow

Json = dict[str, Any]
Severity: TypeAlias = Literal["critical", "high", "medium", "low"]
Status: TypeAlias = Literal["open", "acknowledged", "resolved"]
URGENCY = case({"critical": 0, "high": 1, "medium": 2, "low": 3}, value=IncidentRow.severity)
"""The most severe first."""
ENTRY = "@entry"
"""Under which the image of a change names its line in the timeline."""


@dataclass(frozen=True, slots=True)
class Incidents:
    """A service: what the caller's workspace has. Rows that are changed are written when the call ends."""

    session: AsyncSession
    principal: Principal
    clock: Clock
    readables: Readables

    @property
    def me(self) -> str:
        """How the caller is named in incidents."""
        return self.principal.name or self.principal.id

    def person(self, named: str) -> str:
        """Somebody as incidents name them; "me" is the caller."""
        return self.me if named.strip().casefold() in {"me", "myself", self.principal.id} else named.strip()

    async def find(
        self, conditions: Sequence[Any], order: Sequence[Any], limit: int
    ) -> tuple[int, Sequence[IncidentRow]]:
        """How many fulfil every condition, and the first of them."""
        wanted = [IncidentRow.workspace == self.principal.workspace, *conditions]
        total = (await self.session.exec(select(func.count()).select_from(IncidentRow).where(*wanted))).one()
        found = await self.session.exec(select(IncidentRow).where(*wanted).order_by(*order).limit(limit))
        return total, found.all()

    async def named(self, told: str, *, change: bool = False) -> IncidentRow:
        """The one of that number, or with those words in its title; with `change` nobody else changes it meanwhile.

        Raises:
            ActionError: ``not_found``, or ``ambiguous`` with those that it may be.
        """
        number = re.fullmatch(r"(?:INC)?[\s#-]*(\d{1,9})", told.strip(), re.IGNORECASE)
        fits = [IncidentRow.number == int(number[1])] if number else has_words(told, col(IncidentRow.title))
        asked = select(IncidentRow).where(IncidentRow.workspace == self.principal.workspace, *fits)
        asked = asked.order_by(col(IncidentRow.number).desc()).limit(6)
        rows = (await self.session.exec(asked.with_for_update() if change else asked)).all()
        exact = [row for row in rows if row.title.casefold() == told.strip().casefold()]
        match exact or rows:
            case [row]:
                return row
            case []:
                details: Json = {"incident": f"there is no incident “{told}”"}
                raise ActionError(f"There is no incident “{told}”.", code="not_found", details=details)
        several = [{"id": row.id, "title": row.title, "status": row.status} for row in rows]
        named = ", ".join(f"{row.id} “{row.title}”" for row in rows)
        raise ActionError(f"Which one? {named}.", code="ambiguous", details={"found": several})

    async def add(self, changes: Changes, **values: Any) -> IncidentRow:
        """A new one, under the next number."""
        row = IncidentRow(workspace=self.principal.workspace, number=await self._next_number(), **values)
        self.session.add(row)
        entry = self.tell(row, "reported", row.description, row.opened_at)
        changes.add(Change(row.id, row.title, None, {**image(row), ENTRY: entry.id}))
        return row

    def change(self, changes: Changes, row: IncidentRow, kind: str, text: str, **values: object) -> None:
        """Set values, with a line in the timeline."""
        before = image(row)
        for name, value in values.items():
            setattr(row, name, value)
        entry = self.tell(row, kind, text, self.clock.now())
        changes.add(Change(row.id, row.title, before, {**image(row), ENTRY: entry.id}))

    def tell(self, row: IncidentRow, kind: str, text: str, at: datetime) -> EntryRow:
        """A line in its timeline."""
        entry = EntryRow(
            id=f"ent_{uuid4().hex}",
            workspace=row.workspace,
            number=row.number,
            at=at,
            actor=self.me,
            kind=kind,
            text=text,
        )
        self.session.add(entry)
        return entry

    async def timeline(self, row: IncidentRow) -> Sequence[EntryRow]:
        """All its lines, the first one first."""
        asked = select(EntryRow).where(EntryRow.workspace == row.workspace, EntryRow.number == row.number)
        return (await self.session.exec(asked.order_by(col(EntryRow.at)))).all()

    def shown(self, row: IncidentRow) -> Json:
        """As results show it, without what it has not."""
        told = {
            "id": row.id,
            "title": row.title,
            "severity": row.severity,
            "status": row.status,
            "asset": row.asset,
            "source": row.source,
            "owner": row.owner,
            "openedAt": self.local(row.opened_at),
            "resolvedAt": row.resolved_at and self.local(row.resolved_at),
            "description": row.description,
        }
        return {name: value for name, value in told.items() if value}

    def local(self, at: datetime) -> str:
        """On the user's clock."""
        return at.astimezone(ZoneInfo(timezone_of(self.readables) or "UTC")).isoformat(timespec="minutes")

    async def _next_number(self) -> int:
        """One statement, so that two who report at one time get two numbers."""
        insert = postgresql.insert if self.session.get_bind().dialect.name == "postgresql" else sqlite.insert
        asked = insert(CounterRow).values(workspace=self.principal.workspace, last=1)
        later = asked.on_conflict_do_update(index_elements=["workspace"], set_={"last": col(CounterRow.last) + 1})
        return int((await self.session.exec(later.returning(col(CounterRow.last)))).scalar_one())


def has_words(told: str, *columns: Any) -> list[Any]:
    """The conditions that each word of a text is in one of the columns, in any case."""
    return [
        or_(*(column.icontains(word, autoescape=True) for column in columns)) for word in re.findall(r"[\w.-]+", told)
    ]


def image(row: IncidentRow) -> Mapping[str, Any]:
    """All that can be changed, as a receipt keeps it."""
    return {
        "title": row.title,
        "severity": row.severity,
        "status": row.status,
        "owner": row.owner,
        "resolved_at": row.resolved_at and row.resolved_at.astimezone(UTC).isoformat(),
    }
