"""Plans, and what was used of them."""

import sqlalchemy as sa
from alembic import op

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "copilot_subscription",
        sa.Column("workspace", sa.String, primary_key=True),
        sa.Column("plan", sa.String, nullable=False),
        sa.Column("included", sa.Integer, nullable=False),
        sa.Column("billing_mode", sa.String, nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("reserved", sa.Integer, nullable=False),
    )
    op.create_table(
        "copilot_credit",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("run_key", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("credits", sa.Integer, nullable=False),
        sa.Column("period", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("copilot_credit_of_period", "copilot_credit", ["workspace", "period"])
    op.create_index("copilot_credit_of_run", "copilot_credit", ["run_key"])
    for name in ("reserved", "credits"):
        op.add_column("copilot_run", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
