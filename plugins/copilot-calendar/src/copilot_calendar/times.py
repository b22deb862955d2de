"""Local times and instants: whose clock it is, and what a time on it means where clocks are changed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from copilot_core import ActionError, Readables, timezone_of

ZoneName = Annotated[
    str | None,
    Field(
        description="IANA time zone of the times; leave out for the user's own",
        max_length=100,
        json_schema_extra={"pattern": "^(UTC|[A-Za-z_]+/[A-Za-z0-9_/+-]+)$"},  # told; what is wrong says `zone_of`
    ),
]
FAR = timedelta(days=3653)
"""How far ahead anything may be: ten years."""


def wrong(field: str, told: str, **more: object) -> ActionError:
    """A value that cannot be taken, named by its field."""
    return ActionError(f"The '{field}' field {told}.", code="validation_error", details={field: told, **more})


def zone_of(readables: Readables, named: str | None = None) -> ZoneInfo:
    """The zone that the call names, else the user's, else UTC.

    Raises:
        ActionError: there is no such zone. One that the request names is not passed over either: a reminder
            would come at the wrong hour.
    """
    known = named or timezone_of(readables)
    if known is None:
        values = [r.value for r in readables if isinstance(r.value, Mapping)]
        known = next((str(value["timezone"]) for value in reversed(values) if value.get("timezone")), "UTC")
    try:
        return ZoneInfo(known)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise wrong("timezone", f"'{known}' is no time zone; use an IANA name such as Europe/Berlin") from error


def instant(given: datetime, zone: ZoneInfo, now: datetime, field: str) -> datetime:
    """The instant, in UTC, that `given` means to somebody in `zone`.

    With an offset it is exact, and chooses where a local time comes twice. One exception: the offset that the zone
    has today, on a day when it has another, was copied from today's date, and the time is meant as on the clock.

    Raises:
        ActionError: the clocks skip that local time, or show it twice; or it is further away than `FAR`.
    """
    if abs(given.replace(tzinfo=UTC) - now) > FAR:
        raise wrong(field, "must be within ten years")
    if given.tzinfo is not None:
        today, then = now.astimezone(zone).utcoffset(), given.astimezone(zone).utcoffset()
        if given.utcoffset() == then or given.utcoffset() != today:
            return given.astimezone(UTC)
    first = given.replace(tzinfo=zone, fold=0)
    second = given.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    choices = sorted({moment.astimezone(UTC).astimezone(zone).isoformat() for moment in (first, second)})
    is_gap = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != given.replace(tzinfo=None)
    how = "does not exist" if is_gap else "comes twice"
    told = f"{how} in {zone.key}: the clocks are changed; say {' or '.join(choices)}"
    raise wrong(field, told, choices=choices)


def future(given: datetime, zone: ZoneInfo, now: datetime, field: str) -> datetime:
    """The same, and it is yet to come."""
    found = instant(given, zone, now, field)
    if found <= now:
        told = f"must be in the future; {shown(found, zone)} is past, it is {shown(now, zone)} ({zone.key})"
        raise wrong(field, told)
    return found


def shown(moment: datetime, zone: ZoneInfo) -> str:
    """For a person: ``Wednesday, 11 February 2026 at 09:00``."""
    local = moment.astimezone(zone)
    return f"{local:%A}, {local.day} {local:%B} {local.year} at {local:%H:%M}"
