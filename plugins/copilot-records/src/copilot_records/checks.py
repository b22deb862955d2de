"""What a model asks for, checked against the modules before anything is read or written."""

from collections.abc import Mapping, Sequence
from typing import Any

from copilot_core import ActionError
from copilot_records.fields import Field, Value
from copilot_records.filters import ID, Condition, Filter, checked
from copilot_records.modules import Module, Modules
from copilot_records.store import Query, Record, RecordStore, Values
from copilot_records.text import fold

MOST_WRITTEN = 1000
"""How many records one call may change."""


class Problems:
    """What is wrong, field by field: told all at once, so that one more try can be enough."""

    def __init__(self) -> None:
        self.details: dict[str, str] = {}

    def add(self, name: str, error: ValueError | ActionError) -> None:
        """`error` was raised about the field `name`."""
        told = error.message if isinstance(error, ActionError) else f"The '{name}' field {error}"
        self.details[name] = told

    def check(self) -> None:
        """Raise `validation_error` if there was anything."""
        if self.details:
            told = "; ".join(dict.fromkeys(self.details.values()))
            raise ActionError(told, code="validation_error", details=self.details)


class Checks:
    """Checks for one call. Remembers which records relations were found to mean."""

    def __init__(self, store: RecordStore, modules: Modules) -> None:
        self._store = store
        self._modules = modules
        self._related: dict[tuple[str, str], Sequence[Record]] = {}

    async def values(self, module: Module, given: Mapping[str, Any], *, creating: bool) -> Values:
        """`given` as values of `module`'s fields.

        Raises:
            ActionError: `validation_error` with a text per field: unknown, wrong or missing.
        """
        problems = Problems()
        values: dict[str, Value] = {}
        for name, value in given.items():
            try:
                field = module.field(name)
                values[field.name] = await self._value(field, value)
            except (ValueError, ActionError) as error:
                problems.add(name, error)
        for field in module.fields if creating else [module.field(name) for name in values]:
            if field.required and values.get(field.name) is None and field.name not in problems.details:
                problems.add(field.name, ValueError("is required"))
        problems.check()
        return values

    async def conditions(self, module: Module, filters: Sequence[Filter]) -> list[Condition]:
        """`filters` as conditions on `module`'s fields.

        Raises:
            ActionError: `validation_error` with a text per field.
        """
        problems = Problems()
        conditions = []
        for asked in filters:
            try:
                field = ID if asked.field == ID.name else module.field(asked.field)
                conditions.append(await self._condition(field, asked))
            except (ValueError, ActionError) as error:
                problems.add(asked.field, error)
        problems.check()
        return conditions

    async def _value(self, field: Field, given: object) -> Value:
        if field.fixed:
            raise ValueError("cannot be set")
        value = field.read(given)
        if value is None or field.type not in ("user", "relation"):
            return value
        if field.type == "user":
            return self._person(str(value))
        found = await self._meant(field, str(value))
        if len(found) > 1:
            ids = ", ".join(record.id for record in found)
            raise ValueError(f"is not clear: {len(found)} are called '{value}'; give one of the ids {ids}")
        return found[0].id

    async def _condition(self, field: Field, asked: Filter) -> Condition:
        condition = checked(field, asked)
        if field.type == "user":
            people = tuple(value and self._person(str(value)) for value in condition.values)
            return Condition(field, condition.op, people, condition.negated)
        if field.type != "relation" or condition.op == "empty":
            return condition
        ids: list[Value] = []
        for value in condition.values:
            ids += await self._ids(field, condition.op, value)
        return Condition(field, "in", tuple(ids), condition.negated)

    async def _ids(self, field: Field, op: str, value: Value) -> list[Value]:
        if value is None:
            return [None]
        if op == "in":
            return [record.id for record in await self._meant(field, str(value))]
        target = self._modules.of(field.module or "")
        title = Condition(target.field(target.title_field), "contains", (value,))
        page = await self._store.find(target, Query([title], limit=MOST_WRITTEN))
        return [record.id for record in page.records]

    async def _meant(self, field: Field, name: str) -> Sequence[Record]:
        target = self._modules.of(field.module or "")
        known = (target.slug, fold(name))
        if known not in self._related:
            self._related[known] = await self._store.named([target], [name])
        if not self._related[known]:
            raise ValueError(f"names no {target.singular}: there is none called '{name}'")
        return self._related[known]

    def _person(self, name: str) -> str:
        return self._store.me if fold(name) in ("me", "myself", "i") else name


def writable(module: Module) -> Module:
    """`module`, if it can be written.

    Raises:
        ActionError: `read_only`.
    """
    if not module.writable:
        told = f"{module.name} can only be read"
        raise ActionError(told, code="read_only", details={"module": told})
    return module


async def checked_rows(
    store: RecordStore, modules: Modules, module: Module, records: Sequence[dict[str, Any]], *, atomic: bool
) -> list[Values | ActionError]:
    """Of each new record the values, or what is wrong with it.

    Raises:
        ActionError: nothing can be created: all are wrong, or one is and `atomic`.
    """
    checks = Checks(store, modules)
    rows: list[Values | ActionError] = []
    for record in records:
        try:
            rows.append(await checks.values(module, record, creating=True))
        except ActionError as error:
            rows.append(error)
    wrong = {number: row for number, row in enumerate(rows) if isinstance(row, ActionError)}
    if wrong and (atomic or len(wrong) == len(rows)):
        raise _none_created(wrong)
    return rows


def _none_created(wrong: dict[int, ActionError]) -> ActionError:
    details = {
        f"records[{number}].{name}": text for number, error in wrong.items() for name, text in error.details.items()
    }
    told = "; ".join(f"record {number + 1}: {error.message}" for number, error in wrong.items())
    return ActionError(f"Nothing was created. {told}", code="validation_error", details=details)


async def doomed(
    store: RecordStore, modules: Modules, module: str | None, names: Sequence[str], filters: Sequence[Filter]
) -> Sequence[Record]:
    """The records that a deletion is about; without a module they are named among all modules.

    Raises:
        ActionError: as `chosen` does.
    """
    if module is not None:
        return await chosen(store, modules.named(module), modules, names, filters)
    if not names:
        told = "Say which records to delete: give 'recordIds', or a 'module' with 'records' or 'filters'"
        raise ActionError(told, code="validation_error", details={"recordIds": told})
    return await picked(store, list(modules), names)


async def chosen(
    store: RecordStore, module: Module, modules: Modules, names: Sequence[str], filters: Sequence[Filter]
) -> Sequence[Record]:
    """The records a call is about: named one by one, or all that fulfil `filters`.

    Raises:
        ActionError: neither or both were given, a name fits none or several, a filter is wrong, or
            there are more records than one call may change.
    """
    if bool(names) == bool(filters):
        told = "Say which records: give either 'records' (ids or exact names) or 'filters'"
        raise ActionError(told, code="validation_error", details={"records": told})
    if names:
        return await picked(store, [module], names)
    conditions = await Checks(store, modules).conditions(module, filters)
    page = await store.find(module, Query(conditions, limit=MOST_WRITTEN))
    if page.total > MOST_WRITTEN:
        told = f"{module.count(page.total)} match, and one call changes at most {MOST_WRITTEN}"
        raise ActionError(told, code="validation_error", details={"filters": told})
    return page.records


async def picked(store: RecordStore, modules: Sequence[Module], names: Sequence[str]) -> Sequence[Record]:
    """The one record that each of `names` means, by id or whole title.

    Raises:
        ActionError: `not_found` or `validation_error`, naming what fits none or several.
    """
    found = await store.named(modules, names)
    records: dict[str, Record] = {}
    for name in names:
        meant = [record for record in found if record.id in (name, f"{record.module}:{name}")]
        meant = meant or [record for record in found if fold(record.title) == fold(name)]
        if not meant:
            raise await _unknown(store, modules, name)
        if len(meant) > 1:
            told = f"{len(meant)} records are called '{name}': {', '.join(r.id for r in meant)}; give the id"
            raise ActionError(told, code="validation_error", details={"records": told})
        records[meant[0].id] = meant[0]
    return list(records.values())


async def _unknown(store: RecordStore, modules: Sequence[Module], name: str) -> ActionError:
    kind = modules[0].singular if len(modules) == 1 else "record"
    told = f"There is no {kind} '{name}'"
    for module in modules:
        title = Condition(module.field(module.title_field), "contains", (name,))
        near = (await store.find(module, Query([title], limit=3))).records
        if near:
            told += f". Near: {', '.join(f'{record.title} ({record.id})' for record in near)}"
            break
    return ActionError(told, code="not_found", details={"records": told})
