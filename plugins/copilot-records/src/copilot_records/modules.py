"""Modules: what kinds of records there are, and finding one by any of its names."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from copilot_core import ActionError
from copilot_records.fields import TYPES, Field
from copilot_records.text import did_you_mean, squeeze

RESERVED = frozenset({"id", "title", "link"})
"""What every record shows beside its fields; only the title field may be called `title`."""


@dataclass(frozen=True, slots=True)
class Module:
    """A kind of record. `slug` is its name in addresses and calls, `name` its plural, `singular` one of them."""

    slug: str
    name: str
    singular: str
    title_field: str
    fields: tuple[Field, ...]
    writable: bool = True

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Module":
        """The module that `as_json` describes.

        Raises:
            ValueError: a field has an unknown type or a name that every record already has.
        """
        fields = tuple(Field.from_json(field) for field in told["fields"])
        for field in fields:
            if field.type not in TYPES:
                raise ValueError(f"{told['slug']}.{field.name}: there is no type '{field.type}'")
            if field.name in RESERVED and field.name != told["titleField"]:
                raise ValueError(f"{told['slug']}: a field cannot be called '{field.name}'")
        return cls(told["slug"], told["name"], told["singular"], told["titleField"], fields)

    def as_json(self) -> dict[str, Any]:
        """The module as a model or a client is told of it."""
        told = {
            "slug": self.slug,
            "name": self.name,
            "singular": self.singular,
            "titleField": self.title_field,
            "fields": [field.as_json() for field in self.fields],
        }
        return told if self.writable else {**told, "readOnly": True}

    def field(self, name: str) -> Field:
        """The field of that name, spelt this way or nearly so ("due date" is `dueDate`).

        Raises:
            ActionError: `validation_error` that names the known fields.
        """
        by_name = {field.name: field for field in self.fields}
        found = by_name.get(name) or self._by_key().get(squeeze(name))
        if found is None:
            told = f"The '{name}' field is unknown in {self.slug}.{did_you_mean(name, by_name)}"
            told += f" Known are: {', '.join(by_name)}"
            raise ActionError(told, code="validation_error", details={name: told})
        return found

    def _by_key(self) -> dict[str, Field]:
        """Records show the id behind a relation `project` as `projectId`, so it may be asked for by that."""
        ids = {squeeze(f"{field.name}Id"): field for field in self.fields if field.type == "relation"}
        return ids | {squeeze(field.name): field for field in self.fields}

    def count(self, number: int) -> str:
        """``1 task``, ``3 tasks``, ``No tasks``."""
        return f"{number or 'No'} {self.singular if number == 1 else self.name.lower()}"


class Modules:
    """The modules of one caller.

    Args:
        allowed: slugs of those that the page works with, where it says so (checklist S14). The others can
            neither be named nor are they among these; what a relation leads to is still shown by its title.
    """

    def __init__(self, modules: Iterable[Module], allowed: Collection[str] | None = None) -> None:
        self._modules = {module.slug: module for module in modules}
        self._allowed = [slug for slug in self._modules if allowed is None or slug in allowed]

    def only(self, allowed: Collection[str] | None) -> "Modules":
        """The same, for a page that works with the `allowed` ones."""
        return self if allowed is None else Modules(self._modules.values(), allowed)

    def __iter__(self) -> Iterator[Module]:
        return (self._modules[slug] for slug in self._allowed)

    def named(self, name: str) -> Module:
        """The module with that slug, name or singular, in any case.

        Raises:
            ActionError: `validation_error` or `module_not_allowed`, naming the modules that can be used.
        """
        found = self._modules.get(name) or self._like(squeeze(name))
        if found is not None and found.slug in self._allowed:
            return found
        known = ", ".join(self._allowed) or "none"
        if found is not None:
            told = f"This page does not work with {found.name.lower()}. Allowed are: {known}"
            raise ActionError(told, code="module_not_allowed", details={"module": told, "allowed": self._allowed})
        told = f"There is no module '{name}'.{did_you_mean(name, self._allowed)} Known are: {known}"
        raise ActionError(told, code="validation_error", details={"module": told})

    def _like(self, wanted: str) -> Module | None:
        for module in self._modules.values():
            if wanted in {squeeze(module.slug), squeeze(module.name), squeeze(module.singular)}:
                return module
        return None

    def of(self, slug: str) -> Module:
        """The module with exactly that slug, which came from us."""
        return self._modules[slug]

    def has(self, slug: str) -> bool:
        """Whether there is, still, the module with exactly that slug."""
        return slug in self._modules
