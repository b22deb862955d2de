"""Incidents, what happened to them, and the last number of each workspace."""

import sqlalchemy as sa
from alembic import op

revision = "incidents_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the three tables."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "copilot_incident",
        sa.Column("workspace", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("owner", sa.String),
        sa.Column("opened_at", instant, nullable=False),
        sa.Column("resolved_at", instant),
    )
    op.create_index("copilot_incident_by_status", "copilot_incident", ["workspace", "status", "severity"])
    op.create_table(
        "copilot_incident_entry",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("copilot_incident_timeline", "copilot_incident_entry", ["workspace", "number", "at"])
    op.create_table(
        "copilot_incident_counter",
        sa.Column("workspace", sa.String, primary_key=True),
        sa.Column("last", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Drop them, incidents included."""
    op.drop_table("copilot_incident_counter")
    op.drop_table("copilot_incident_entry")
    op.drop_table("copilot_incident")
