"""Records in the tables of a database that exists."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Insert,
    Row,
    Select,
    Update,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from copilot_core import ActionError
from copilot_records.connected.catalog import Catalog, TablePlan
from copilot_records.connected.images import Restore, held, image, stored
from copilot_records.connected.terms import TableTerms
from copilot_records.fields import TEXTS, Field
from copilot_records.filters import order, where
from copilot_records.modules import Module, Modules
from copilot_records.store import Image, Page, Query, Record, Values
from copilot_records.text import fold

MOST_SEARCHED = 12
"""How many text columns of a table a search looks at."""


class ConnectedRecords:
    """A `RecordStore` on one connection. The id of a record is its module and its primary key: ``orders:5``."""

    def __init__(
        self, connection: AsyncConnection, catalog: Catalog, me: str, allowed: Collection[str] | None = None
    ) -> None:
        self.me = me
        self._allowed = allowed
        self._connection = connection
        self._catalog = catalog
        self._is_sqlite = connection.dialect.name == "sqlite"

    async def modules(self) -> Modules:
        """The tables, as they were when the server started."""
        return self._catalog.modules.only(self._allowed)

    async def find(self, module: Module, query: Query) -> Page:
        """The records that fulfil every condition; else the highest primary keys come first."""
        plan, terms = self._plan(module), self._terms(module)
        wanted = and_(True, *(where(condition, terms) for condition in query.conditions))
        counted = await self._connection.execute(select(func.count()).select_from(plan.table).where(wanted))
        sorted_by = order(query.sort, terms, descending=query.descending) if query.sort else []
        asked = self._select(module).where(wanted).order_by(*sorted_by, terms.key().desc())
        rows = await self._connection.execute(asked.limit(query.limit).offset(query.offset))
        return Page(counted.scalar_one(), [self._record(module, row) for row in rows])

    async def named(self, modules: Iterable[Module], names: Sequence[str]) -> Sequence[Record]:
        """The records whose id or whole title (in any case) is one of `names`.

        With one module its primary keys will do for ids.
        """
        places = list(modules)
        prefixes = {module.slug for module in self._catalog.modules}
        ids = {name for name in names if name.partition(":")[0] in prefixes}
        found: list[Record] = []
        for module in places:
            own = [i for i in names if i.startswith(f"{module.slug}:") or (len(places) == 1 and i not in ids)]
            title = self._terms(module).text(module.field(module.title_field))
            meant = or_(self._has_id(module, own), title.in_([fold(name) for name in names if name not in ids]))
            rows = await self._connection.execute(self._select(module).where(meant))
            found += [self._record(module, row) for row in rows]
        return found

    async def by_id(self, module: Module, ids: Sequence[str]) -> Sequence[Record]:
        """Those of the records that there are, in any order."""
        rows = await self._connection.execute(self._select(module).where(self._has_id(module, ids)))
        return [self._record(module, row) for row in rows]

    async def search(self, modules: Iterable[Module], words: Sequence[str], limit: int) -> Sequence[Record]:
        """The records that have all of `words` somewhere in their texts: those with them in the title first."""
        found: list[tuple[int, Record]] = []
        for module in modules:
            has = self._terms(module).has_word
            title = module.field(module.title_field)
            rank = case((and_(*(has(title, word) for word in words)), 0), else_=1)
            fits = and_(*(or_(*(has(field, word) for field in _searched(module))) for word in words))
            asked = self._select(module).add_columns(rank).where(fits).order_by(rank).limit(limit)
            rows = (await self._connection.execute(asked)).all()
            found += [(row[-1], self._record(module, row)) for row in rows]
        return [record for _, record in sorted(found, key=lambda one: one[0])][:limit]

    async def insert(self, module: Module, rows: Sequence[Values]) -> Sequence[Record]:
        """Create records, in that order; none of them if the database refuses one."""
        plan = self._plan(module)
        made: list[Record] = []
        async with _refusals(self._connection):
            for values in rows:
                asked = insert(plan.table).values(self._kept(module, values)).returning(self._terms(module).key())
                key = (await self._connection.execute(asked)).scalar_one()
                made += await self.by_id(module, [f"{module.slug}:{key}"])
        return made

    async def update(self, module: Module, ids: Sequence[str], values: Values) -> Sequence[Record]:
        """Set `values` in each of the records; their ids cannot be changed."""
        plan = self._plan(module)
        if plan.key in values:
            told = f"The '{plan.key}' field cannot be changed: records are known by it"
            raise ActionError(told, code="validation_error", details={plan.key: told})
        changed = update(plan.table).where(self._has_id(module, ids)).values(self._kept(module, values))
        async with _refusals(self._connection):
            await self._connection.execute(changed)
        return await self.by_id(module, ids)

    async def delete(self, module: Module, ids: Sequence[str]) -> None:
        """Delete the records; the database refuses where others depend on them."""
        async with _refusals(self._connection):
            await self._connection.execute(delete(self._plan(module).table).where(self._has_id(module, ids)))

    async def images(
        self, module: Module, ids: Sequence[str], fields: Iterable[str] | None = None
    ) -> Mapping[str, Image]:
        """The columns by their names, as they are in the table."""
        plan, terms = self._plan(module), self._terms(module)
        columns = self._stored(module, fields)
        shown = {column.name for one in plan.plans.values() for column in one.columns}
        told = [stored(c, hidden=c.name not in shown, is_sqlite=self._is_sqlite) for c in columns]
        asked = select(terms.shown(module.field(plan.key)), *told).where(self._has_id(module, ids)).with_for_update()
        rows = await self._connection.execute(asked)
        names = [column.name for column in columns]
        return {f"{module.slug}:{row[0]}": image(names, row[1:], is_sqlite=self._is_sqlite) for row in rows}

    async def restore(self, module: Module, images: Mapping[str, Image]) -> None:
        """The rows with all their columns. Those that refer to rows which are not there yet are tried again."""
        plan = self._plan(module)
        names = {name for one in images.values() for name in one if not name.startswith("@")}
        if not names <= set(plan.table.c.keys()):
            raise ActionError(f"{module.name} have not got the same columns any more", code="conflict")
        there = await self.images(module, list(images), ())
        left = images
        while left:
            refused: dict[str, Image] = {}
            for id_, one in left.items():
                try:
                    async with _refusals(self._connection):
                        await self._connection.execute(self._restoring(module, id_, one, there=id_ in there))
                except ActionError as error:
                    refused[id_], reason = one, error
            if len(refused) == len(left):
                raise reason
            left = refused
        again = await self.images(module, list(images))
        for id_, one in images.items():
            if any(again[id_][name] != value for name, value in one.items() if not name.startswith("@")):
                raise ActionError(f"The database does not keep {id_} as it was", code="conflict")

    async def dependents(self, module: Module, ids: Sequence[str]) -> Mapping[str, str]:
        """Those that a foreign key with ``ON DELETE CASCADE`` or the like refers to, and the table it is in."""
        plan, found = self._plan(module), {}
        for dependent in plan.dependents:
            other = dependent.table.alias()
            refers = and_(*(other.c[theirs] == plan.table.c[ours] for theirs, ours in dependent.pairs))
            key = self._terms(module).shown(module.field(plan.key))
            asked = select(key).where(self._has_id(module, ids), exists().where(refers))
            for row in await self._connection.execute(asked):
                found[f"{module.slug}:{row[0]}"] = dependent.table.name
        return found

    def _plan(self, module: Module) -> TablePlan:
        return self._catalog.plans[module.slug]

    def _terms(self, module: Module) -> TableTerms:
        return TableTerms(self._plan(module), self._catalog.plans, is_sqlite=self._is_sqlite)

    def _select(self, module: Module) -> Select[Any]:
        terms = self._terms(module)
        return select(*(terms.shown(field) for field in module.fields)).select_from(self._plan(module).table)

    def _has_id(self, module: Module, ids: Sequence[str]) -> ColumnElement[bool]:
        return self._terms(module).has_id(ids)

    def _stored(self, module: Module, fields: Iterable[str] | None) -> list[Column[Any]]:
        """The columns behind the fields; those that cannot be shown are among all of them."""
        plan = self._plan(module)
        if fields is None:
            return list(plan.table.columns)
        return [plan.plans[name].columns[0] for name in fields]

    def _restoring(self, module: Module, id_: str, image: Image, *, there: bool) -> Insert | Update:
        plan = self._plan(module)
        values = {name: held(value) for name, value in image.items() if not name.startswith("@")}
        if there:
            return update(plan.table).where(self._has_id(module, [id_])).values(values)
        return Restore(plan.table).values({n: value for n, value in values.items() if n not in plan.computed})

    def _record(self, module: Module, row: Row[Any]) -> Record:
        terms, plan = self._terms(module), self._plan(module)
        values = {field.name: terms.value(field, row[place]) for place, field in enumerate(module.fields)}
        key = row[[field.name for field in module.fields].index(plan.key)]
        title = values[module.title_field]
        return Record(f"{module.slug}:{key}", module.slug, str(key if title is None else title), values)

    def _kept(self, module: Module, values: Values) -> dict[str, Any]:
        """By the names of the columns."""
        terms, plans = self._terms(module), self._plan(module).plans
        return {plans[name].columns[0].name: terms.kept(module.field(name), value) for name, value in values.items()}


def _searched(module: Module) -> list[Field]:
    """The title and the first texts after it."""
    texts = [field for field in module.fields if field.type in TEXTS and field.name != module.title_field]
    return [module.field(module.title_field), *texts][:MOST_SEARCHED]


@asynccontextmanager
async def _refusals(connection: AsyncConnection) -> AsyncIterator[None]:
    """What the database refuses is told, and undone back to here: the rest of the call may go on."""
    try:
        async with connection.begin_nested():
            yield
    except (IntegrityError, DataError) as error:
        told = f"The database refuses this: {str(error.orig).splitlines()[0]}"
        raise ActionError(told, code="validation_error") from error
