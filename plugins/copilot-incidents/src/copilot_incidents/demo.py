"""The demo's incidents: those of a data platform, around the clock's today."""

from datetime import timedelta

from copilot_core import Changes
from copilot_incidents.incidents import Incidents

SAMPLES = (
    # title, severity, status, source, asset, hours ago, owner
    ("Duplicate customer ids after the merge", "medium", "resolved", "Postgres", "crm.customers", 1730, "Lena Fischer"),
    ("Currency codes in lower case", "low", "resolved", "S3", "landing/payments.csv", 1490, "Kofi Mensah"),
    ("Orders table loaded twice", "high", "resolved", "Snowflake", "warehouse.orders", 1205, "Amara Okafor"),
    ("Schema change: column email was renamed", "high", "resolved", "Kafka", "events.signups", 980, "Sam Carter"),
    ("Negative amounts in refunds", "medium", "resolved", "Snowflake", "warehouse.refunds", 760, "Amara Okafor"),
    ("Nightly export is empty", "critical", "resolved", "S3", "exports/finance.parquet", 610, "Lena Fischer"),
    ("Row count of sessions drops by 18 %", "medium", "resolved", "BigQuery", "web.sessions", 505, "Sam Carter"),
    ("Phone numbers without country code", "low", "resolved", "Postgres", "crm.contacts", 420, None),
    ("Late partitions of clicks", "high", "resolved", "BigQuery", "web.clicks", 330, "Kofi Mensah"),
    ("Postal codes fail validation", "low", "open", "Postgres", "crm.addresses", 212, None),
    ("Discount is null too often", "medium", "acknowledged", "Snowflake", "warehouse.order_lines", 121, "Amara Okafor"),
    ("Customer e-mails are missing", "high", "open", "Kafka", "events.signups", 74, None),
    ("Distribution of basket size has shifted", "medium", "open", "Snowflake", "warehouse.orders", 51, None),
    ("Inventory is two days old", "high", "acknowledged", "Databricks", "supply.inventory", 47, "Sam Carter"),
    ("Invoices without a tax number", "medium", "acknowledged", "Postgres", "billing.invoices", 33, "Lena Fischer"),
    ("Exchange rates are stale", "critical", "open", "S3", "landing/rates.json", 20, "Kofi Mensah"),
    ("Free text in a status column", "low", "acknowledged", "Databricks", "supply.shipments", 16, "Sam Carter"),
    ("Orders are missing since midnight", "critical", "open", "Snowflake", "warehouse.orders", 7, "Amara Okafor"),
    ("Duplicate payment events", "high", "open", "Kafka", "events.payments", 5, None),
    ("Payments do not add up with the ledger", "critical", "open", "Snowflake", "warehouse.payments", 2, None),
)


async def fill(incidents: Incidents) -> None:
    """Report them all, unless the workspace has incidents already."""
    if (await incidents.find([], [], 0))[0]:
        return
    now = incidents.clock.now()
    for title, severity, status, source, asset, hours, owner in SAMPLES:
        row = await incidents.add(
            Changes(),
            title=title,
            severity=severity,
            status=status,
            source=source,
            asset=asset,
            owner=owner,
            opened_at=now - timedelta(hours=hours),
            resolved_at=now - timedelta(hours=hours / 2) if status == "resolved" else None,
        )
        if row.resolved_at is not None:
            incidents.tell(row, "resolved", "", row.resolved_at)
