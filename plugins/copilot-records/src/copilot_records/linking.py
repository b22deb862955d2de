"""A new record on the page of another one is related to it, where the module has one place for that (checklist S16)."""

from collections.abc import Mapping, Sequence
from typing import Any

from copilot_core import ActionError, PageContext
from copilot_records.fields import Field
from copilot_records.modules import Module, Modules
from copilot_records.store import Record, RecordStore


class Link:
    """The relation to the open record that new records get which are given none.

    Args:
        field: `None` where there is nothing to link.
    """

    def __init__(self, field: Field | None = None, record: Record | None = None, kind: str = "") -> None:
        self._field = field
        self._record = record
        self._kind = kind
        self._is_used = False

    def fill(self, module: Module, given: Mapping[str, Any]) -> dict[str, Any]:
        """`given` with the relation, unless it says something of it: an empty value is no relation, on purpose."""
        if self._field is None or self._record is None or self._field.name in _named(module, given):
            return dict(given)
        self._is_used = True
        return {**given, self._field.name: self._record.id}

    def said(self, message: str) -> str:
        """`message`, and that there is a relation which nobody asked for."""
        if not self._is_used or self._record is None:
            return message
        return f"{message.removesuffix('.')}, linked to the open {self._kind} “{self._record.title}”."


async def link_to_page(store: RecordStore, modules: Modules, target: Module, page: PageContext) -> Link:
    """To the record that is open, if it is there and exactly one field of `target` leads to its module.

    Not within one module: whether a task made on a task's page is a part of it or the next one, nobody said.
    """
    opened = next((module for module in modules if module.slug == page.module_slug), None)
    if page.page_type != "moduleRecord" or opened is None or opened.slug == target.slug or not page.record_id:
        return Link()
    places = [field for field in target.fields if field.module == opened.slug and not field.fixed]
    found = await store.by_id(opened, [page.record_id]) if len(places) == 1 else ()
    return Link(places[0], found[0], opened.singular) if found else Link()


def pointing_at(modules: Modules, module: Module) -> list[dict[str, Any]]:
    """The relations of all modules that lead to `module`: which records may belong to one of its own."""
    return [{"module": other.slug, "field": field.name} for other in modules for field in _leading(other, module)]


def _leading(module: Module, target: Module) -> Sequence[Field]:
    return [field for field in module.fields if field.module == target.slug]


def _named(module: Module, given: Mapping[str, Any]) -> set[str]:
    """The fields that `given` names; what is unknown is told when it is checked."""
    found = set()
    for name in given:
        try:
            found.add(module.field(name).name)
        except ActionError:
            continue
    return found
