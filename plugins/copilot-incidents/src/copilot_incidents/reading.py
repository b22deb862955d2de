"""The actions that only read."""

from datetime import date, datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlmodel import col

from copilot_core import Injected, action, timezone_of
from copilot_incidents.incidents import URGENCY, Incidents, Json, Severity, Status, has_words
from copilot_incidents.tables import IncidentRow

NEWEST = col(IncidentRow.opened_at).desc()
ORDERS = {"severity": (URGENCY, NEWEST), "newest": (NEWEST,), "oldest": (col(IncidentRow.opened_at),)}


@action(
    name="list_incidents",
    examples=["what are the most critical open incidents?", "which incidents of this week are unresolved?"],
)
async def list_incidents(
    incidents: Injected[Incidents],
    severity: Annotated[list[Severity] | None, Field(description="Only of these severities")] = None,
    status: Annotated[
        list[Status] | None, Field(description="Only with one of these; unresolved are open and acknowledged")
    ] = None,
    asset: Annotated[
        str | None, Field(description="Words of the data asset, of its source or of the title", max_length=200)
    ] = None,
    owner: Annotated[str | None, Field(description="Only of this person; 'me' is the user", max_length=200)] = None,
    opened_from: Annotated[date | None, Field(description="Opened on this day or later, as YYYY-MM-DD")] = None,
    opened_to: Annotated[date | None, Field(description="Opened on this day or before, as YYYY-MM-DD")] = None,
    sort: Annotated[
        Literal["severity", "newest", "oldest"], Field(description="The most severe first, if left out")
    ] = "severity",
    limit: Annotated[int, Field(description="Maximum number of incidents", ge=1, le=100)] = 20,
) -> Json:
    """List data incidents by severity, status, asset, owner or when they were opened."""
    zone = ZoneInfo(timezone_of(incidents.readables) or "UTC")
    conditions = [
        *([col(IncidentRow.severity).in_(severity)] if severity else []),
        *([col(IncidentRow.status).in_(status)] if status else []),
        *has_words(asset or "", col(IncidentRow.asset), col(IncidentRow.source), col(IncidentRow.title)),
        *([col(IncidentRow.owner) == incidents.person(owner)] if owner else []),
        *([col(IncidentRow.opened_at) >= datetime.combine(opened_from, time.min, zone)] if opened_from else []),
        *([col(IncidentRow.opened_at) <= datetime.combine(opened_to, time.max, zone)] if opened_to else []),
    ]
    total, rows = await incidents.find(conditions, ORDERS[sort], limit)
    kinds = [" or ".join(told) for told in (severity, status) if told]
    what = " ".join([str(total or "No"), *kinds, "incident" if total == 1 else "incidents"])
    more = f" The first {len(rows)} are shown." if total > len(rows) else ""
    shown = [incidents.shown(row) for row in rows]
    return {"success": True, "data": {"total": total, "incidents": shown}, "message": f"{what}.{more}"}


@action(name="get_incident", examples=["what happened to INC-12?"])
async def get_incident(
    incident: Annotated[str, Field(description="Id of the incident, such as INC-12, or words of its title")],
    incidents: Injected[Incidents],
) -> Json:
    """Get one incident with its timeline: who did what, and when."""
    row = await incidents.named(incident)
    entries = await incidents.timeline(row)
    timeline = [
        {"at": incidents.local(entry.at), "by": entry.actor, "what": entry.kind, "text": entry.text}
        for entry in entries
    ]
    data = {**incidents.shown(row), "timeline": timeline}
    return {"success": True, "recordId": row.id, "data": data, "message": f"{row.id} “{row.title}” is {row.status}."}
