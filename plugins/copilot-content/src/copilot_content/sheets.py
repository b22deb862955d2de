"""A record as a person reads it: found, formatted, and cut to what is of use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field as Told

from copilot_content.formatting import UTC, formatted, label
from copilot_content.text import Cuts, words
from copilot_core import ActionError, Readable, Readables, cut, timezone_of
from copilot_records import Field, Module, Modules, Record, RecordStore

Json = dict[str, Any]
LONGEST_TITLE = 80
LONGEST_VALUE = 2_000
LONGEST_SHEET = 12_000
"""Characters of one value, and of all values of a record, that are read."""
TEXTS = frozenset({"string", "text", "email", "phone", "url"})

ModuleSlug = Annotated[str, Told(description="Module slug, such as deals")]
RecordId = Annotated[str, Told(description="Id or exact name of the record")]


@dataclass(frozen=True, slots=True)
class Line:
    """A field that has a value."""

    field: Field
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A record for a person.

    Args:
        lines: the fields that have a value, the title's own among them.
        empty: the labels of the others.
    """

    module: Module
    record: Record
    title: str
    lines: Sequence[Line]
    empty: Sequence[str]

    @property
    def facts(self) -> Readable:
        """The record for a language model, as data."""
        fields = {line.label: line.text for line in self.lines}
        told = {"kind": self.module.singular, "title": self.title, "fields": fields, "empty": list(self.empty)}
        return Readable("Record", told)


async def sheet_of(
    store: RecordStore, modules: Modules, module: Module, record: Record, readables: Readables, cuts: Cuts
) -> Sheet:
    """The sheet of a record; what is left out of it is noted in `cuts`."""
    titles = await _related(store, modules, module, record)
    name = timezone_of(readables)
    zone = ZoneInfo(name) if name else UTC
    left, lines, empty = LONGEST_SHEET, list[Line](), list[str]()
    dropped = 0
    for field in module.fields:
        told = formatted(field, record.values.get(field.name), titles, zone)
        shown = cuts.text(f"“{label(field.name)}”", told, LONGEST_VALUE) if told else ""
        if not shown:
            empty.append(label(field.name))
        elif len(shown) > left:
            dropped += 1
        else:
            left -= len(shown)
            lines.append(Line(field, label(field.name), shown))
    if dropped:
        cuts.notes.append(f"The record is large: {dropped} of its fields were not read.")
    title = cut(cuts.text("The title", record.title, LONGEST_VALUE), LONGEST_TITLE) or record.id
    return Sheet(module, record, title, lines, empty)


async def record_named(store: RecordStore, modules: Modules, module: Module, name: str) -> Record:
    """The record with that id or whole title, or the only one whose title has all of its words.

    Raises:
        ActionError: `not_found`, or `validation_error` where several are called so; names them.
    """
    found = await store.named([module], [name])
    found = [record for record in found if name in (record.id, record.id.partition(":")[2])] or found
    if not found:
        wanted = words(name)
        near = await store.search([module], wanted, 6) if wanted else []
        found = [record for record in near if set(wanted) <= set(words(record.title))]
        if len(found) != 1:
            near = found or near or await store.named(modules, [name])
            told = f"There is no {module.singular} '{name[:100]}'{_listed(near, '. Near: ')}"
            raise ActionError(told, code="not_found", details={"recordId": told})
    if len(found) > 1:
        told = f"{len(found)} {module.name.lower()} are called '{name[:100]}'; give the id{_listed(found, ': ')}"
        raise ActionError(told, code="validation_error", details={"recordId": told})
    return found[0]


def _listed(records: Sequence[Record], lead: str) -> str:
    told = ", ".join(f"{cut(one.title, LONGEST_TITLE)} ({one.id} in {one.module})" for one in records[:5])
    return f"{lead}{told}" if told else ""


async def _related(store: RecordStore, modules: Modules, module: Module, record: Record) -> dict[str, str]:
    titles: dict[str, str] = {}
    for field in module.fields:
        other = record.values.get(field.name)
        if field.module and isinstance(other, str):
            titles |= {one.id: one.title for one in await store.by_id(modules.of(field.module), [other])}
    return titles


def answer(data: Json, message: str, cuts: Cuts) -> Json:
    """A result: `data` in the documented form, with `notes` where there is something to say of it."""
    notes = list(dict.fromkeys(cuts.notes))
    return {"success": True, "data": {**data, "notes": notes} if notes else data, "message": message}
