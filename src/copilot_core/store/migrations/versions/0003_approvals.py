"""Approvals and receipts."""

import sqlalchemy as sa
from alembic import op

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "copilot_approval",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("thread_key", sa.String, nullable=False),
        sa.Column("message_id", sa.String, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("calls", sa.Text, nullable=False),
        sa.Column("decisions", sa.Text),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("answered_at", instant),
        sa.UniqueConstraint("thread_key", "message_id"),
    )
    op.create_index("copilot_approval_of_owner", "copilot_approval", ["workspace", "owner", "status"])
    op.create_table(
        "copilot_receipt",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("thread_key", sa.String, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("call_id", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("reversible", sa.Boolean, nullable=False),
        sa.Column("approval_id", sa.String),
        sa.Column("undone_at", instant),
        sa.Column("at", instant, nullable=False),
    )
    op.create_index("copilot_receipt_of_run", "copilot_receipt", ["workspace", "owner", "run_id"])
