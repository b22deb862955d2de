"""Terms of a workspace's own, limits of its users, holds, and who changed what."""

import sqlalchemy as sa
from alembic import op

revision = "core_0009"
down_revision = "core_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("copilot_workspace", sa.Column("limits", sa.String, nullable=False, server_default="{}"))
    op.add_column("copilot_subscription", sa.Column("prices", sa.String, nullable=False, server_default="{}"))
    op.add_column("copilot_subscription", sa.Column("models", sa.String, nullable=False, server_default="[]"))
    op.add_column("copilot_subscription", sa.Column("most", sa.Integer, nullable=True))
    op.add_column("copilot_run", sa.Column("most", sa.Integer, nullable=False, server_default="0"))
    op.add_column("copilot_api_key", sa.Column("operator", sa.Boolean, nullable=False, server_default=sa.false()))
    for name in ("input_tokens", "output_tokens"):
        op.add_column("copilot_credit", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "copilot_credit_hold",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("credits", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_copilot_credit_hold_workspace", "copilot_credit_hold", ["workspace"])
    op.create_table(
        "copilot_audit",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("did", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("copilot_audit_of_workspace", "copilot_audit", ["workspace", "at"])
