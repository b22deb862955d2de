"""Undoing what the writing actions did, by images of the records before and after."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from copilot_core import ActionError, Change, Changes, Injected, Receipt, UndoConflict
from copilot_records.checks import MOST_WRITTEN
from copilot_records.filters import Condition
from copilot_records.modules import Module, Modules
from copilot_records.results import Json, several
from copilot_records.store import LOST, Image, Query, Record, RecordStore

DEPENDENTS = "@dependents"
"""Under which the image of a deleted record names what was deleted or changed with it."""
_NONE: Mapping[str, Image] = {}


def note(
    changes: Changes, records: Iterable[Record], before: Mapping[str, Image] = _NONE, after: Mapping[str, Image] = _NONE
) -> None:
    """Note what became of each of the records: made (not in `before`), changed, or deleted (not in `after`)."""
    for record in records:
        subject = f"{record.module}/{record.id}"
        changes.add(Change(subject, record.title, before.get(record.id), after.get(record.id)))


async def put_back(receipt: Receipt, store: Injected[RecordStore]) -> None:
    """Delete what the call made, give back what it changed or deleted.

    Raises:
        UndoConflict: something is not as the call left it, or cannot be brought back; nothing was written,
            unless it is the database that refused: then the transaction must not be committed.
    """
    modules = await store.modules()
    todo, differing = [], []
    for slug, changes in _by_module(receipt).items():
        if not modules.has(slug):
            raise UndoConflict(f"This cannot be undone: there is no module '{slug}' any more.")
        module = modules.of(slug)
        part = _Part(module, changes, await store.images(module, list(changes)))
        part.check()
        differing += part.differing() + await _users(store, modules, part)
        todo.append(part)
    if differing:
        labels = list(dict.fromkeys(str(one["label"]) for one in differing))
        told = f"{several(labels)} {'has' if len(labels) == 1 else 'have'} changed since"
        raise UndoConflict(f"This cannot be undone: {told}.", details={"changed": differing})
    try:
        for part in todo:
            if part.made:
                await store.delete(part.module, part.made)
            if images := part.images():
                await store.restore(part.module, images)
    except ActionError as error:
        raise UndoConflict(f"This cannot be undone. {error.message}.", details=error.details) from error


@dataclass(frozen=True, slots=True)
class _Part:
    """The changes of one module by record id, and the records as they are now."""

    module: Module
    changes: Mapping[str, Change]
    found: Mapping[str, Image]

    @property
    def made(self) -> list[str]:
        """The records that the call made."""
        return [id_ for id_, change in self.changes.items() if change.before is None]

    def check(self) -> None:
        """Raise `UndoConflict` where something could not be kept when the call wrote over it."""
        for change in self.changes.values():
            before = change.before or {}
            told = [f"its '{name}' was {before[name][LOST]}" for name in _written(change) if _is_lost(before.get(name))]
            if DEPENDENTS in before:
                told.append(f"what depended on it in {before[DEPENDENTS]} was deleted or changed with it")
            if told:
                details = {"subject": change.subject, "label": change.label}
                raise UndoConflict(f"{change.label} cannot be brought back: {told[0]}.", details=details)

    def differing(self) -> list[Json]:
        """Where a record is not as the call left it."""
        return [one for id_, change in self.changes.items() for one in _differing(change, self.found.get(id_))]

    def images(self) -> dict[str, Image]:
        """What is to be restored: deleted records whole, of changed ones what the call changed."""
        images: dict[str, Image] = {}
        for id_, change in self.changes.items():
            before, after = change.before or {}, change.after
            names = _written(change)
            wanted = {n: before[n] for n in names if after is None or after[n] == self.found[id_].get(n)}
            if change.before is not None and wanted:
                images[id_] = wanted
        return images


def _by_module(receipt: Receipt) -> Mapping[str, Mapping[str, Change]]:
    """Module slug -> record id -> change; the last first."""
    found: dict[str, dict[str, Change]] = {}
    for change in reversed(receipt.changes):
        slug, _, id_ = change.subject.partition("/")
        found.setdefault(slug, {})[id_] = change
    return found


def _written(change: Change) -> list[str]:
    """The names of the values that the call took from the record."""
    before, after = change.before or {}, change.after
    return [name for name in before if after is None or before[name] != after[name]]


def _is_lost(value: Any) -> bool:
    return isinstance(value, dict) and LOST in value


def _differing(change: Change, found: Image | None) -> list[Json]:
    """What nobody could keep is not known to be the same."""
    told: Json = {"subject": change.subject, "label": change.label}
    if change.after is None or found is None:
        same = change.after is None and found is None
        return [] if same else [{**told, "expected": change.after, "found": found}]
    names = [*change.after, *(name for name in found if name not in change.after)]
    names = [name for name in (names if change.before is None else _written(change)) if not name.startswith("@")]
    pairs = [(name, change.after.get(name), found.get(name)) for name in names]
    return [{**told, "field": n, "expected": a, "found": f} for n, a, f in pairs if a != f or _is_lost(f)]


async def _users(store: RecordStore, modules: Modules, part: _Part) -> list[Json]:
    """What has come to depend on records that the call made, and would be left without them."""
    found: list[Json] = []
    if not part.made:
        return found
    for id_, place in (await store.dependents(part.module, part.made)).items():
        told = {"subject": part.changes[id_].subject, "label": part.changes[id_].label}
        found.append({**told, "field": DEPENDENTS, "expected": None, "found": place})
    for module in modules:
        for field in module.fields:
            if field.module == part.module.slug:
                refers = Condition(field, "in", tuple(part.made))
                for record in (await store.find(module, Query([refers], limit=MOST_WRITTEN))).records:
                    if record.id not in part.made:
                        told = {"subject": f"{record.module}/{record.id}", "label": record.title, "field": field.name}
                        found.append({**told, "expected": None, "found": record.values[field.name]})
    return found
