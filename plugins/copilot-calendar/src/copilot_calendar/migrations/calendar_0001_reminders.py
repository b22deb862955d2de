"""Reminders and their deliveries to the webhook."""

import sqlalchemy as sa
from alembic import op

revision = "calendar_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "copilot_reminder",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("link", sa.Text),
        sa.Column("timezone", sa.String, nullable=False),
        sa.Column("start", instant, nullable=False),
        sa.Column("rule", sa.String),
        sa.Column("next_at", instant),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("created_at", instant, nullable=False),
    )
    op.create_index("copilot_reminder_due", "copilot_reminder", ["status", "next_at"])
    op.create_index("copilot_reminder_of_owner", "copilot_reminder", ["workspace", "owner", "next_at"])
    op.create_table(
        "copilot_reminder_webhook",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try_at", instant, nullable=False),
    )
    op.create_index("copilot_reminder_webhook_due", "copilot_reminder_webhook", ["status", "next_try_at"])


def downgrade() -> None:
    """Drop both, reminders included."""
    op.drop_table("copilot_reminder_webhook")
    op.drop_table("copilot_reminder")
