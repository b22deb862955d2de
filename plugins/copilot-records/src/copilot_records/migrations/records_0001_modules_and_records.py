"""Modules, records and their full-text index."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "records_0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE = (
    """CREATE VIRTUAL TABLE copilot_record_words USING fts5(
        search, content='copilot_record', content_rowid='number', tokenize='unicode61 remove_diacritics 0')""",
    """CREATE TRIGGER copilot_record_words_insert AFTER INSERT ON copilot_record BEGIN
        INSERT INTO copilot_record_words(rowid, search) VALUES (new.number, new.search);
    END""",
    """CREATE TRIGGER copilot_record_words_delete AFTER DELETE ON copilot_record BEGIN
        INSERT INTO copilot_record_words(copilot_record_words, rowid, search)
        VALUES ('delete', old.number, old.search);
    END""",
    """CREATE TRIGGER copilot_record_words_update AFTER UPDATE OF search ON copilot_record BEGIN
        INSERT INTO copilot_record_words(copilot_record_words, rowid, search)
        VALUES ('delete', old.number, old.search);
        INSERT INTO copilot_record_words(rowid, search) VALUES (new.number, new.search);
    END""",
)
_POSTGRESQL = (
    # `search` is words already (copilot_records.text.words), so no parser of the server's decides what one is
    """ALTER TABLE copilot_record ADD COLUMN search_words tsvector
        GENERATED ALWAYS AS (array_to_tsvector(string_to_array(search, ' '))) STORED""",
    "CREATE INDEX copilot_record_search ON copilot_record USING gin (search_words)",
)


def upgrade() -> None:
    """Create both tables, and the index that the dialect offers."""
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    op.create_table(
        "copilot_module",
        sa.Column("workspace", sa.String(), primary_key=True),
        sa.Column("slug", sa.String(), primary_key=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("singular", sa.String(), nullable=False),
        sa.Column("title_field", sa.String(), nullable=False),
        sa.Column("fields", json, nullable=False),
    )
    op.create_table(
        "copilot_record",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("id", sa.String(), nullable=False, unique=True),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("title_key", sa.String(), nullable=False),
        sa.Column("shown", json, nullable=False),
        sa.Column("keys", json, nullable=False),
        sa.Column("search", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("copilot_record_title", "copilot_record", ["workspace", "module", "title_key"])
    op.create_index("copilot_record_newest", "copilot_record", ["workspace", "module", "number"])
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Drop everything, records included."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE copilot_record_words")
    op.drop_table("copilot_record")
    op.drop_table("copilot_module")
