"""Which message of the user a write answers, and where a thread was forked from."""

import sqlalchemy as sa
from alembic import op

revision = "core_0004"
down_revision = "core_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("copilot_thread", sa.Column("forked_from", sa.Text, nullable=False, server_default=""))
    op.add_column("copilot_ledger", sa.Column("thread_key", sa.String))
    op.add_column("copilot_ledger", sa.Column("turn", sa.String))
    op.create_index("copilot_ledger_of_turn", "copilot_ledger", ["thread_key", "turn"])
