"""The plugin's own tables. Every row belongs to a workspace and is only ever looked up with it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def _json() -> Any:
    return Column(JSON().with_variant(JSONB(), "postgresql"), nullable=False)


class StoredModule(SQLModel, table=True):
    """A module that a workspace has defined; `position` is its place among them."""

    __tablename__ = "copilot_module"
    workspace: str = Field(primary_key=True)
    slug: str = Field(primary_key=True)
    position: int
    name: str
    singular: str
    title_field: str
    fields: list[dict[str, Any]] = Field(sa_column=_json())


class StoredRecord(SQLModel, table=True):
    """A record of any module. `number` is the order of creation, and what the full-text index refers to.

    `shown` are the values as JSON; `keys` are the same in the form in which they are compared
    (`copilot_records.fields.key`), so that filters mean the same in every database. `search` are the words of all
    values and `title_words` those of the title, with a space between: triggers, or a generated column, keep the
    full-text index in step with them.
    """

    __tablename__ = "copilot_record"
    __table_args__ = (
        Index("copilot_record_title", "workspace", "module", "title_key"),
        Index("copilot_record_newest", "workspace", "module", "number"),
    )
    number: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True)
    workspace: str
    module: str
    title: str
    title_key: str
    shown: dict[str, Any] = Field(sa_column=_json())
    keys: dict[str, str] = Field(sa_column=_json())
    search: str
    title_words: str
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
