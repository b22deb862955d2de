"""Records in the plugin's own two tables, for workspaces whose data lives here."""

import base64
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, cast, collate, delete, func, literal_column, or_
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from copilot_core import Clock, Principal
from copilot_records.fields import Field, Value, key
from copilot_records.filters import order, where
from copilot_records.modules import Module, Modules
from copilot_records.standard import STANDARD
from copilot_records.store import Image, Page, Query, Record, Values
from copilot_records.tables import StoredModule, StoredRecord
from copilot_records.text import fold, words

LONGEST_SEARCH = 100_000
_BM25 = """SELECT rowid, bm25(copilot_record_words, 8.0, 1.0) AS score
    FROM copilot_record_words WHERE copilot_record_words MATCH :wanted"""
"""The smaller the score, the better; a word in the title counts eight times."""


class OwnRecords:
    """A `RecordStore` on one session, narrowed to the principal's workspace.

    A workspace that has defined no modules has the standard ones.

    Args:
        allowed: slugs of the modules that the page works with; `None` is all.
    """

    def __init__(
        self, session: AsyncSession, principal: Principal, clock: Clock, allowed: Collection[str] | None = None
    ) -> None:
        self._session = session
        self._allowed = allowed
        self._workspace = principal.workspace
        self.me = principal.name or principal.id
        self._clock = clock
        self._postgres = session.get_bind().dialect.name == "postgresql"

    async def modules(self) -> Modules:
        """The workspace's own, in the order they were defined, or the standard ones."""
        return Modules([_module(row) for row in await self._defined()] or STANDARD, self._allowed)

    async def is_defined(self) -> bool:
        """Whether the workspace has modules of its own."""
        return bool(await self._defined())

    async def define(self, modules: Iterable[Module]) -> None:
        """Make these the workspace's modules, for one that has not defined any."""
        for position, module in enumerate(modules):
            told = module.as_json()
            self._session.add(
                StoredModule(
                    workspace=self._workspace,
                    slug=module.slug,
                    position=position,
                    name=module.name,
                    singular=module.singular,
                    title_field=module.title_field,
                    fields=told["fields"],
                )
            )
        await self._session.flush()

    async def find(self, module: Module, query: Query) -> Page:
        """The records that fulfil every condition; sorted ones without a value come last."""
        wanted = [self._within(module), *(where(condition, self) for condition in query.conditions)]
        total = (await self._session.exec(select(func.count()).select_from(StoredRecord).where(*wanted))).one()
        asked = select(StoredRecord).where(*wanted).order_by(*self._order(query))
        rows = (await self._session.exec(asked.limit(query.limit).offset(query.offset))).all()
        return Page(total, [_record(row) for row in rows])

    async def named(self, modules: Iterable[Module], names: Sequence[str]) -> Sequence[Record]:
        """The records whose id or whole title (in any case) is one of `names`."""
        titles = [fold(name) for name in names]
        asked = select(StoredRecord).where(
            self._within(*modules),
            or_(col(StoredRecord.id).in_(names), col(StoredRecord.title_key).in_(titles)),
        )
        return [_record(row) for row in (await self._session.exec(asked)).all()]

    async def by_id(self, module: Module, ids: Sequence[str]) -> Sequence[Record]:
        """Those of the records that there are, in any order."""
        asked = select(StoredRecord).where(self._within(module), col(StoredRecord.id).in_(ids))
        return [_record(row) for row in (await self._session.exec(asked)).all()]

    async def search(self, modules: Iterable[Module], wanted: Sequence[str], limit: int) -> Sequence[Record]:
        """The records that have words beginning with all of `wanted`, best first.

        A word in the title counts for more, as does one that is there more often or is rarer.
        """
        asked = self._ranked(wanted).where(self._within(*modules)).limit(limit)
        return [_record(row) for row in (await self._session.exec(asked)).all()]

    async def insert(self, module: Module, rows: Sequence[Values]) -> Sequence[Record]:
        """Create records, in that order."""
        now = self._clock.now()
        made = [
            StoredRecord(
                id=_new_id(),
                workspace=self._workspace,
                module=module.slug,
                created_at=now,
                updated_at=now,
                **_derived(module, values),
            )
            for values in rows
        ]
        self._session.add_all(made)
        await self._session.flush()
        return [_record(row) for row in made]

    async def update(self, module: Module, ids: Sequence[str], values: Values) -> Sequence[Record]:
        """Set `values` in each of the records."""
        asked = select(StoredRecord).where(self._within(module), col(StoredRecord.id).in_(ids))
        rows = (await self._session.exec(asked.order_by(col(StoredRecord.number)))).all()
        for row in rows:
            _set(row, module, values, self._clock.now())
        await self._session.flush()
        return [_record(row) for row in rows]

    async def delete(self, module: Module, ids: Sequence[str]) -> None:
        """Delete the records; relations to them become empty."""
        await self._session.exec(delete(StoredRecord).where(self._within(module), col(StoredRecord.id).in_(ids)))

    async def images(
        self, module: Module, ids: Sequence[str], fields: Iterable[str] | None = None
    ) -> Mapping[str, Image]:
        """The values by field name, and the rest of the row as `@number`, `@createdAt` and `@updatedAt`."""
        names = None if fields is None else list(fields)
        return {row.id: _image(row, names) for row in await self._locked(module, ids)}

    async def restore(self, module: Module, images: Mapping[str, Image]) -> None:
        """Records that are gone get their old place among the others, unless it was given away."""
        there = await self._locked(module, list(images))
        for row in there:
            updated_at = images[row.id].get("@updatedAt")
            now = datetime.fromisoformat(updated_at) if updated_at else self._clock.now()
            _set(row, module, _values(images[row.id]), now)
        gone = {id_: image for id_, image in images.items() if id_ not in {row.id for row in there}}
        numbers = [image["@number"] for image in gone.values()]
        asked = select(StoredRecord.number).where(col(StoredRecord.number).in_(numbers))
        taken = (await self._session.exec(asked)).all() if gone else ()
        # those that keep their place go first: one that gets a new place must not get one of theirs
        for id_, image in sorted(gone.items(), key=lambda item: item[1]["@number"] in taken):
            row = StoredRecord(
                number=None if image["@number"] in taken else image["@number"],
                id=id_,
                workspace=self._workspace,
                module=module.slug,
                created_at=datetime.fromisoformat(image["@createdAt"]),
                updated_at=datetime.fromisoformat(image["@updatedAt"]),
                **_derived(module, _values(image)),
            )
            self._session.add(row)
            await self._session.flush()

    async def dependents(self, module: Module, ids: Sequence[str]) -> Mapping[str, str]:  # noqa: ARG002
        """None: a relation to a deleted record stays as it is, and is right again when the record is."""
        return {}

    def has_id(self, ids: Sequence[str]) -> ColumnElement[bool]:
        """One of the ids."""
        return col(StoredRecord.id).in_(ids)

    def column(self, field: Field) -> ColumnElement[Any]:
        """The field's key, compared code point by code point in either database."""
        return self._key(field)

    def text(self, field: Field) -> ColumnElement[Any]:
        """Keys of texts are folded."""
        return self._key(field)

    def operand(self, field: Field, value: Value) -> str | None:
        """The key of the value."""
        return key(field, value)

    def same(self, field: Field, value: Value) -> ColumnElement[bool]:
        """Equal keys; a person is named by some of their words, an ``enum[]`` has the option among others."""
        wanted = key(field, value)
        if field.type in ("user", "enum[]"):
            return self._key(field).contains(wanted, autoescape=True)
        return self._key(field) == wanted

    async def _locked(self, module: Module, ids: Sequence[str]) -> Sequence[StoredRecord]:
        asked = select(StoredRecord).where(self._within(module), col(StoredRecord.id).in_(ids))
        asked = asked.order_by(col(StoredRecord.number)).with_for_update()
        return (await self._session.exec(asked.execution_options(populate_existing=True))).all()

    async def _defined(self) -> Sequence[StoredModule]:
        asked = select(StoredModule).where(col(StoredModule.workspace) == self._workspace)
        return (await self._session.exec(asked.order_by(col(StoredModule.position)))).all()

    def _key(self, field: Field) -> ColumnElement[Any]:
        found = col(StoredRecord.keys)[field.name].as_string()
        return collate(found, "C") if self._postgres else found

    def _within(self, *modules: Module) -> ColumnElement[bool]:
        slugs = [module.slug for module in modules]
        is_in = col(StoredRecord.module) == slugs[0] if len(slugs) == 1 else col(StoredRecord.module).in_(slugs)
        return (col(StoredRecord.workspace) == self._workspace) & is_in

    def _order(self, query: Query) -> list[ColumnElement[Any]]:
        sorted_by = order(query.sort, self, descending=query.descending) if query.sort else []
        return [*sorted_by, col(StoredRecord.number).desc()]

    def _ranked(self, wanted: Sequence[str]) -> SelectOfScalar[StoredRecord]:
        """`wanted` are words (letters and digits only), so they cannot be operators of either query language."""
        asked = select(StoredRecord)
        newest = col(StoredRecord.number).desc()
        if self._postgres:
            query = cast(" & ".join(f"'{word}':*" for word in wanted), TSQUERY)
            has: ColumnElement[Any] = literal_column("copilot_record.search_words")
            return asked.where(has.bool_op("@@")(query)).order_by(func.ts_rank(has, query).desc(), newest)
        match = sql(_BM25).bindparams(wanted=" AND ".join(f'"{word}"*' for word in wanted))
        found = match.columns(literal_column("rowid"), literal_column("score")).subquery("found")
        return asked.join(found, found.c.rowid == StoredRecord.number).order_by(found.c.score, newest)


def _new_id() -> str:
    return "rec_" + base64.b32encode(secrets.token_bytes(10)).decode().lower()


def _derived(module: Module, values: Values) -> dict[str, Any]:
    """The columns that follow from the values, and from nothing else: not from the order they came in."""
    keys = {field.name: key(field, values.get(field.name)) for field in module.fields}
    title = str(values[module.title_field])
    ordered = {field.name: values.get(field.name) for field in module.fields} | dict(sorted(values.items()))
    held = {name: value for name, value in ordered.items() if value is not None}
    told = (value for value in held.values() if not isinstance(value, bool))
    spoken = words(" ".join(" ".join(v) if isinstance(v, list) else str(v) for v in told))
    return {
        "title": title,
        "title_key": fold(title),
        "shown": held,
        "keys": {name: text for name, text in keys.items() if text is not None},
        "title_words": " ".join(words(title))[:LONGEST_SEARCH].rstrip(),
        "search": " ".join(spoken)[:LONGEST_SEARCH].rstrip(),
    }


def _set(row: StoredRecord, module: Module, values: Values, updated_at: datetime) -> None:
    for name, value in _derived(module, {**row.shown, **values}).items():
        setattr(row, name, value)
    row.updated_at = updated_at


def _image(row: StoredRecord, names: Sequence[str] | None) -> Image:
    if names is not None:
        return {**{name: row.shown.get(name) for name in names}, "@updatedAt": _moment(row.updated_at)}
    moments = {"@createdAt": _moment(row.created_at), "@updatedAt": _moment(row.updated_at)}
    return {**row.shown, "@number": row.number, **moments}


def _values(image: Image) -> Values:
    return {name: value for name, value in image.items() if not name.startswith("@")}


def _moment(at: datetime) -> str:
    """SQLite forgets the zone, which is UTC; PostgreSQL tells it in that of the session."""
    return (at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _record(row: StoredRecord) -> Record:
    return Record(row.id, row.module, row.title, row.shown)


def _module(row: StoredModule) -> Module:
    told = {"slug": row.slug, "name": row.name, "singular": row.singular}
    return Module.from_json({**told, "titleField": row.title_field, "fields": row.fields})
