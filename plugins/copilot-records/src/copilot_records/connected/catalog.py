"""A database that exists already, described as modules: what reflection found, and how each part is asked for."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Table, types

from copilot_records.connected.columns import Kind
from copilot_records.modules import Module, Modules


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """The columns behind one field: one, or the two that make a person's name."""

    columns: tuple[Column[Any], ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class TablePlan:
    """The table or view behind one module.

    Args:
        table: with all its columns, also those that cannot be shown.
        key: the field of its primary key.
        plans: by field name.
        computed: the columns that the database fills from the others.
        dependents: what the database deletes or changes when it deletes a row of this table.
    """

    module: Module
    table: Table
    key: str
    plans: Mapping[str, ColumnPlan]
    computed: Set[str] = frozenset()
    dependents: Sequence["Dependent"] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that reflection found, and what it left out and why."""

    plans: Mapping[str, TablePlan]
    left_out: Sequence[str] = ()
    modules: Modules = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "modules", Modules(plan.module for plan in self.plans.values()))


@dataclass(slots=True)
class FoundColumn:
    """One column as reflection sees it."""

    name: str
    type: types.TypeEngine[Any]
    kind: Kind | None
    required: bool
    fixed: bool
    computed: bool = False
    sample: Sequence[Any] = ()


@dataclass(slots=True)
class FoundTable:
    """One table or view as reflection sees it.

    Args:
        links: its single-column foreign keys.
        hidden: the columns that cannot be shown.
    """

    name: str
    schema: str | None
    key: str
    writable: bool
    columns: list[FoundColumn]
    links: Mapping[str, "Link"]
    hidden: list[FoundColumn] = field(default_factory=list)
    dependents: list["Dependent"] = field(default_factory=list)
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Dependent:
    """A table whose rows go, or lose their reference, with the row they refer to: ``ON DELETE CASCADE``, ``SET NULL``.

    Args:
        pairs: its columns, and those of the other table that they refer to.
    """

    table: Table
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Link:
    """Where a foreign key leads; `schema` is `None` for the default one."""

    schema: str | None
    table: str
    column: str
