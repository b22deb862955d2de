"""Tables as modules: what they and their fields are called, which field is the title, and where relations lead."""

from collections.abc import Collection, Mapping, Sequence

from copilot_records.connected import names
from copilot_records.connected.catalog import Catalog, ColumnPlan, FoundColumn, FoundTable, TablePlan
from copilot_records.connected.columns import Kind
from copilot_records.connected.reflection import bare_table
from copilot_records.fields import Field
from copilot_records.modules import RESERVED, Module

Place = tuple[str | None, str]
Slugs = Mapping[Place, str]
_FULL_NAME = "name"


def catalog(tables: Sequence[FoundTable], left_out: Sequence[str], *, writable: bool, loose: bool) -> Catalog:
    """The modules of the tables that were found."""
    slugs: dict[Place, str] = {}
    spoken: dict[Place, str] = {}
    for table in tables:
        place = (table.schema, table.name)
        spoken[place] = _spoken(table, slugs.values())
        slugs[place] = names.free(names.slug(spoken[place]), slugs.values())
    keys = {(table.schema, table.name): table.key for table in tables}
    plans = {}
    for table in tables:
        place = (table.schema, table.name)
        plan = _Plan(table, spoken[place], slugs, keys, loose=loose)
        plans[slugs[place]] = plan.made(writable=writable)
    return Catalog(plans, left_out)


def _spoken(table: FoundTable, taken: Collection[str]) -> str:
    """With its schema only where another table has the name already."""
    is_taken = table.schema is not None and names.slug(table.name) in taken
    return names.spoken(f"{table.schema} {table.name}" if is_taken else table.name)


class _Plan:
    """Makes one module of one table."""

    def __init__(self, table: FoundTable, spoken: str, slugs: Slugs, keys: Mapping[Place, str], *, loose: bool) -> None:
        self._table = table
        self._slugs = slugs
        self._keys = keys
        self._source = bare_table(table, loose=loose)
        self._spoken = spoken
        self._singular = names.singular(self._spoken)
        self._fields: dict[str, Field] = {}
        self._plans: dict[str, ColumnPlan] = {}
        self._called: dict[str, str] = {}

    def made(self, *, writable: bool) -> TablePlan:
        """The module with a plan for each of its fields."""
        titles = self._titles()
        if len(titles) == 2:
            self._add(_FULL_NAME, Field(_FULL_NAME, fixed=True), titles)
        for column in self._table.columns:
            self._column(column, is_title=titles == (column.name,))
        title = _FULL_NAME if len(titles) == 2 else self._called[titles[0] if titles else self._table.key]
        slug = self._slugs[self._table.schema, self._table.name]
        name = names.plural(self._spoken).capitalize()
        fields = tuple(self._fields.values())
        module = Module(slug, name, self._singular, title, fields, writable and self._table.writable)
        computed = frozenset(column.name for column in [*self._table.columns, *self._table.hidden] if column.computed)
        key = self._called[self._table.key]
        return TablePlan(module, self._source, key, self._plans, computed, self._table.dependents)

    def _titles(self) -> tuple[str, ...]:
        texts = [c for c in self._table.columns if c.kind and c.kind.type != "enum" and c.kind.form == "text"]
        texts = [c for c in texts if c.name not in self._table.links]
        variety = {c.name: len(set(c.sample)) / max(self._table.rows, 1) for c in texts}
        return names.title_columns(self._table.name, [c.name for c in texts], variety)

    def _column(self, column: FoundColumn, *, is_title: bool) -> None:
        assert column.kind is not None
        target = self._target(column)
        wanted = names.without_id(column.name) if target else column.name
        if wanted in RESERVED and not (is_title and wanted == "title"):
            wanted = f"{self._singular.replace(' ', '_')}_{wanted}"
        name = names.free(wanted, self._fields)
        if name != wanted and target:
            name = names.free(column.name, self._fields)
        kind = column.kind
        options, is_open = (kind.options, kind.is_open) if not target and not is_title else ((), False)
        kind_name = "relation" if target else "string" if is_title and kind.type == "enum" else kind.type
        fixed = column.fixed or (kind.shown_only and not target)
        field = Field(name, kind_name, column.required and not fixed, options, target, fixed, is_open)
        self._add(name, field, (column.name,), kind)
        self._called[column.name] = name

    def _add(self, name: str, field: Field, columns: Sequence[str], kind: Kind | None = None) -> None:
        self._fields[name] = field
        plan = ColumnPlan(tuple(self._source.c[column] for column in columns), kind or Kind("text", "string"))
        self._plans[name] = plan

    def _target(self, column: FoundColumn) -> str | None:
        """The module that a foreign key leads to, if it leads to the key by which that module's records go."""
        link = self._table.links.get(column.name)
        if link is None or (link.schema, link.table) not in self._slugs:
            return None
        place = (link.schema, link.table)
        return self._slugs[place] if link.column in ("", self._keys[place]) else None
