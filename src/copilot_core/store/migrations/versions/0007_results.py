"""Results that were too large for the model."""

import sqlalchemy as sa
from alembic import op

revision = "core_0007"
down_revision = "core_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "copilot_result",
        sa.Column("handle", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("thread_key", sa.String, nullable=False, index=True),
        sa.Column("body", sa.Text, nullable=False),
    )
