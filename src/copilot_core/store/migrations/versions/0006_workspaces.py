"""What the admins of a workspace have set."""

import sqlalchemy as sa
from alembic import op

revision = "core_0006"
down_revision = "core_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "copilot_workspace",
        sa.Column("workspace", sa.String, primary_key=True),
        sa.Column("confirm_rows", sa.Integer),
        sa.Column("confirm", sa.Text, nullable=False),
        sa.Column("deny", sa.Text, nullable=False),
        sa.Column("changed_by", sa.String, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
