"""The demo's company."""

from collections import Counter
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Principal
from copilot_core.clock import FixedClock
from copilot_records import OwnRecords
from copilot_records.demo import fill
from copilot_records.filters import Filter
from copilot_records.reading import query_records
from copilot_records.store import Query, Record, RecordStore


async def everything(store: RecordStore) -> dict[str, Sequence[Record]]:
    return {m.slug: (await store.find(m, Query(limit=1000))).records for m in await store.modules()}


async def test_there_are_some_hundred_records_that_belong_together(filled: RecordStore) -> None:
    records = await everything(filled)
    assert Counter({slug: len(found) for slug, found in records.items()}) == {
        "tasks": 84,
        "deals": 72,
        "contacts": 80,
        "companies": 24,
        "projects": 12,
    }
    companies = {record.title for record in records["companies"]}
    contacts = {record.id: record for record in records["contacts"]}
    assert {contact.values["company"] for contact in contacts.values()} == companies
    for deal in records["deals"]:
        assert contacts[str(deal.values["contact"])].values["company"] == deal.values["company"]
    assert len({contact.title for contact in contacts.values()}) == 80


async def test_today_has_something_to_do(filled: RecordStore) -> None:
    async def count(module: str, *filters: tuple[str, str, object]) -> int:
        asked = [Filter(field=field, op=op, value=value) for field, op, value in filters]
        result = await query_records(module=module, store=filled, filters=asked)
        return int(result["data"]["total"])

    assert await count("tasks", ("dueDate", "lt", "2026-02-10"), ("status", "ne", "done")) > 5
    assert await count("tasks", ("assignee", "eq", "Dana Reyes"), ("status", "ne", "done")) > 2
    assert await count("deals", ("stage", "eq", "negotiation"), ("closeDate", "lte", "2026-03-12")) > 5
    assert await count("deals", ("stage", "in", ["won", "lost"]), ("closeDate", "gte", "2026-02-10")) == 0


async def test_the_same_records_at_every_start_and_only_once(
    session: AsyncSession, fixed_clock: FixedClock, filled: RecordStore
) -> None:
    other = Principal("dana", "other")
    await fill(session, other, fixed_clock)
    await fill(session, other, fixed_clock)
    again = await everything(OwnRecords(session, other, fixed_clock))
    first = await everything(filled)
    assert {s: [r.title for r in found] for s, found in again.items()} == {
        s: [r.title for r in found] for s, found in first.items()
    }
