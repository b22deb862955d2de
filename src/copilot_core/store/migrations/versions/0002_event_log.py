"""The event log, the ledger, runs that wait, stop and are taken over, archived threads."""

import sqlalchemy as sa
from alembic import op

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("copilot_thread", sa.Column("archived_at", sa.DateTime(timezone=True)))
    for column in (
        sa.Column("input", sa.Text, nullable=False, server_default="{}"),
        sa.Column("base", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="1"),
        sa.Column("stop_asked", sa.Boolean, nullable=False, server_default=sa.false()),
    ):
        op.add_column("copilot_run", column)
    op.create_index("copilot_run_by_id", "copilot_run", ["workspace", "owner", "id"])
    op.create_index("copilot_run_by_lease", "copilot_run", ["status", "lease_until"])
    op.create_table(
        "copilot_event",
        sa.Column("run_key", sa.String, sa.ForeignKey("copilot_run.key"), primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "copilot_ledger",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("copilot_ledger_of_owner", "copilot_ledger", ["workspace", "owner", "at"])
