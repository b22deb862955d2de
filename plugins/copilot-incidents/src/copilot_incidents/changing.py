"""The actions that write, and what takes them back. Each is one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from sqlmodel import col, delete

from copilot_core import ActionError, Change, Changes, Injected, Receipt, UndoConflict, action
from copilot_incidents.incidents import ENTRY, Incidents, Json, Severity, Status, image
from copilot_incidents.tables import EntryRow, IncidentRow

Named = Annotated[str, Field(description="Id of the incident, such as INC-12, or words of its title", min_length=1)]


async def put_back(receipt: Receipt, incidents: Injected[Incidents]) -> None:
    """What the call changed as it was before, without its line in the timeline; what it reported is gone."""
    for change in reversed(receipt.changes):
        row = await incidents.named(change.subject, change=True)
        after = change.after or {}
        if change.before is None:
            kept = len(await incidents.timeline(row)) > 1
            written: Mapping[str, Any] = {name: value for name, value in after.items() if name != ENTRY}
        else:
            kept, written = False, {name: after[name] for name, was in change.before.items() if was != after[name]}
        now = image(row)
        if kept or any(now[name] != value for name, value in written.items()):
            told = f"This cannot be undone: {row.id} “{change.label}” has changed since."
            raise UndoConflict(told, details={"subject": change.subject, "label": change.label})
        await _restore(incidents, row, change, written)


async def _restore(incidents: Incidents, row: IncidentRow, change: Change, written: Mapping[str, Any]) -> None:
    await incidents.session.exec(delete(EntryRow).where(col(EntryRow.id) == (change.after or {})[ENTRY]))
    if change.before is None:
        await incidents.session.delete(row)
        return
    for name in written:
        was = change.before[name]
        setattr(row, name, datetime.fromisoformat(was) if was and name == "resolved_at" else was)


async def foresee(incident: str, incidents: Injected[Incidents]) -> Json:
    """Which incident it is about, as it is now."""
    row = await incidents.named(incident)
    return {"summary": f"{row.id} “{row.title}” is {row.severity} and {row.status}.", "rows": 1}


@action(
    name="create_incident",
    writes=True,
    undo=put_back,
    examples=["report a critical incident: orders are missing since Monday"],
)
async def create_incident(
    title: Annotated[str, Field(description="What is wrong, in a few words", min_length=1, max_length=200)],
    incidents: Injected[Incidents],
    changes: Injected[Changes],
    severity: Severity = "medium",
    asset: Annotated[str, Field(description="The table, file or topic, such as warehouse.orders", max_length=200)] = "",
    source: Annotated[str, Field(description="The system that it is in, such as Snowflake", max_length=200)] = "",
    description: Annotated[str, Field(description="More about it", max_length=4000)] = "",
) -> Json:
    """Create, report or log an incident: something is wrong with data."""
    row = await incidents.add(
        changes,
        title=" ".join(title.split()),
        severity=severity,
        asset=asset,
        source=source,
        description=description,
        opened_at=incidents.clock.now(),
    )
    return _done(incidents, row, f"Reported {row.id}: “{row.title}” ({row.severity}).")


@action(
    name="acknowledge_incident",
    writes=True,
    undo=put_back,
    preview=foresee,
    examples=["acknowledge INC-12", "ack the incident about late orders"],
)
async def acknowledge_incident(incident: Named, incidents: Injected[Incidents], changes: Injected[Changes]) -> Json:
    """Acknowledge an open incident: somebody looks after it. It is the user's if it was nobody's."""
    row = await incidents.named(incident, change=True)
    if row.status != "open":
        raise _conflict(row, f"{row.id} is {row.status} already")
    incidents.change(changes, row, "acknowledged", "", status="acknowledged", owner=row.owner or incidents.me)
    return _done(incidents, row, f"Acknowledged {row.id}: “{row.title}”. It is looked after by {row.owner}.")


@action(
    name="resolve_incident",
    writes=True,
    undo=put_back,
    preview=foresee,
    examples=["resolve incident INC-12", "close INC-7, the pipeline was restarted"],
)
async def resolve_incident(
    incident: Named,
    incidents: Injected[Incidents],
    changes: Injected[Changes],
    note: Annotated[str, Field(description="What was done about it", max_length=4000)] = "",
) -> Json:
    """Resolve or close an incident that is over."""
    row = await incidents.named(incident, change=True)
    if row.status == "resolved":
        raise _conflict(row, f"{row.id} is resolved already")
    incidents.change(changes, row, "resolved", note, status="resolved", resolved_at=incidents.clock.now())
    return _done(incidents, row, f"Resolved {row.id}: “{row.title}”.")


@action(
    name="update_incident",
    writes=True,
    undo=put_back,
    preview=foresee,
    examples=["set the severity of INC-12 to high", "assign INC-12 to Lena", "reopen INC-9"],
)
async def update_incident(
    incident: Named,
    incidents: Injected[Incidents],
    changes: Injected[Changes],
    severity: Severity | None = None,
    status: Annotated[Status | None, Field(description="A resolved one is reopened with 'open'")] = None,
    owner: Annotated[
        str | None, Field(description="Who looks after it; 'me' is the user", min_length=1, max_length=200)
    ] = None,
) -> Json:
    """Update an incident: its severity, its status, or who owns it."""
    wanted: Json = {"severity": severity, "status": status, "owner": owner and incidents.person(owner)}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if not wanted:
        told = "must be given, or severity, or status: else nothing changes"
        raise ActionError(f"The 'owner' field {told}.", code="validation_error", details={"owner": told})
    row = await incidents.named(incident, change=True)
    differing = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    if not differing:
        raise _conflict(row, f"{row.id} has {_listed(wanted)} already")
    if "status" in differing:
        differing["resolved_at"] = incidents.clock.now() if status == "resolved" else None
    told = _listed({name: value for name, value in differing.items() if name in wanted})
    incidents.change(changes, row, "changed", told, **differing)
    return _done(incidents, row, f"Updated {row.id} “{row.title}”: {told}.")


@action(name="comment_on_incident", writes=True, undo=put_back, examples=["comment on INC-12: the vendor is informed"])
async def comment_on_incident(
    incident: Named,
    comment: Annotated[str, Field(description="What to write", min_length=1, max_length=4000)],
    incidents: Injected[Incidents],
    changes: Injected[Changes],
) -> Json:
    """Comment on an incident, in its timeline."""
    row = await incidents.named(incident, change=True)
    incidents.change(changes, row, "comment", comment)
    return _done(incidents, row, f"Commented on {row.id} “{row.title}”: {comment}")


def _done(incidents: Incidents, row: IncidentRow, message: str) -> Json:
    return {"success": True, "recordId": row.id, "data": incidents.shown(row), "message": message}


def _conflict(row: IncidentRow, told: str) -> ActionError:
    return ActionError(f"{told}.", code="conflict", details={"incident": row.id, "status": row.status})


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
