"""Search ranks by where a word is and how often: words of titles by themselves, places of words."""

import sqlalchemy as sa
from alembic import op

from copilot_records.text import words

revision = "records_0002"
down_revision = "records_0001"
branch_labels = None
depends_on = None

_RECORD = sa.table("copilot_record", sa.column("number"), sa.column("title"), sa.column("title_words"))
_AT_A_TIME = 1000
_OLD_SQLITE = (
    "DROP TRIGGER copilot_record_words_insert",
    "DROP TRIGGER copilot_record_words_delete",
    "DROP TRIGGER copilot_record_words_update",
    "DROP TABLE copilot_record_words",
)
_GONE = """INSERT INTO copilot_record_words(copilot_record_words, rowid, title_words, search)
    VALUES ('delete', old.number, old.title_words, old.search);"""
_CAME = """INSERT INTO copilot_record_words(rowid, title_words, search)
    VALUES (new.number, new.title_words, new.search);"""
_SQLITE = (
    """CREATE VIRTUAL TABLE copilot_record_words USING fts5(title_words, search,
        content='copilot_record', content_rowid='number', tokenize='unicode61 remove_diacritics 0')""",
    "INSERT INTO copilot_record_words(copilot_record_words) VALUES ('rebuild')",
    f"CREATE TRIGGER copilot_record_words_insert AFTER INSERT ON copilot_record BEGIN {_CAME} END",
    f"CREATE TRIGGER copilot_record_words_delete AFTER DELETE ON copilot_record BEGIN {_GONE} END",
    f"""CREATE TRIGGER copilot_record_words_update AFTER UPDATE OF title_words, search ON copilot_record
        BEGIN {_GONE} {_CAME} END""",
)
_OLD_POSTGRESQL = ("DROP INDEX copilot_record_search", "ALTER TABLE copilot_record DROP COLUMN search_words")
_POSTGRESQL = (
    # the columns are words already (copilot_records.text.words): letters and digits, so quotes are enough, and no
    # parser of the server's decides what one is. 16383 is the last place that PostgreSQL knows.
    """CREATE FUNCTION copilot_record_places(words text, weight "char") RETURNS tsvector
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT setweight(coalesce(string_agg(
                '''' || word || ''':' || least(place, 16383), ' '), '')::tsvector, weight)
            FROM unnest(string_to_array(words, ' ')) WITH ORDINALITY AS every(word, place) WHERE word <> ''
        $$""",
    """ALTER TABLE copilot_record ADD COLUMN search_words tsvector GENERATED ALWAYS AS
        (copilot_record_places(title_words, 'A') || copilot_record_places(search, 'D')) STORED""",
    "CREATE INDEX copilot_record_search ON copilot_record USING gin (search_words)",
)


def upgrade() -> None:
    """Take the words out of the titles that there are, and make the index anew over all records."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _OLD_POSTGRESQL if is_postgresql else _OLD_SQLITE:
        op.execute(statement)
    op.add_column("copilot_record", sa.Column("title_words", sa.String(), nullable=False, server_default=""))
    _fill()
    for statement in _POSTGRESQL if is_postgresql else _SQLITE:
        op.execute(statement)


def _fill() -> None:
    bind, last = op.get_bind(), 0
    filled = sa.update(_RECORD).where(_RECORD.c.number == sa.bindparam("row"))
    filled = filled.values(title_words=sa.bindparam("found"))
    while True:
        wanted = sa.select(_RECORD.c.number, _RECORD.c.title).where(_RECORD.c.number > last).order_by(_RECORD.c.number)
        rows = bind.execute(wanted.limit(_AT_A_TIME)).all()
        if not rows:
            return
        bind.execute(filled, [{"row": number, "found": " ".join(words(title))} for number, title in rows])
        last = rows[-1][0]
