"""The plugin's own tables. Every row belongs to a workspace and is only ever looked up with it."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from copilot_core.tables import instant


class IncidentRow(SQLModel, table=True):
    """An incident. `status` is open, acknowledged or resolved; `severity` critical, high, medium or low.

    `source` is the system that the data is in, `asset` the table, file or topic there.
    """

    __tablename__ = "copilot_incident"
    __table_args__ = (Index("copilot_incident_by_status", "workspace", "status", "severity"),)
    workspace: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    title: str
    severity: str
    status: str = "open"
    source: str = ""
    asset: str = ""
    description: str = ""
    owner: str | None = None
    opened_at: datetime = instant()
    resolved_at: datetime | None = instant(nullable=True)

    @property
    def id(self) -> str:
        """How people name it: ``INC-12``."""
        return f"INC-{self.number}"


class EntryRow(SQLModel, table=True):
    """What happened to an incident: `kind` is reported, acknowledged, resolved, changed or comment."""

    __tablename__ = "copilot_incident_entry"
    __table_args__ = (Index("copilot_incident_timeline", "workspace", "number", "at"),)
    id: str = Field(primary_key=True)
    workspace: str
    number: int
    at: datetime = instant()
    actor: str
    kind: str
    text: str = ""


class CounterRow(SQLModel, table=True):
    """The last number that a workspace has given; none is given twice, also not after an undo."""

    __tablename__ = "copilot_incident_counter"
    workspace: str = Field(primary_key=True)
    last: int
