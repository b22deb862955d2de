"""What the actions need of the place where records are: two places fulfil it, own tables and a database of yours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from copilot_records.fields import Field, Value
from copilot_records.filters import Condition
from copilot_records.modules import Module, Modules

Values = Mapping[str, Value]
LOST = "lost"
Image = Mapping[str, Any]
"""A record as it is stored: JSON, by names of the store's own. Those that begin with @ are no values of it.

A value that cannot be kept is ``{"lost": why}``.
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is kept: a relation is the id of the other record."""

    id: str
    module: str
    title: str
    values: Values


@dataclass(frozen=True, slots=True)
class Query:
    """Which records of a module, in which order. Without `sort` the newest come first."""

    conditions: Sequence[Condition] = ()
    sort: Field | None = None
    descending: bool = False
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the records that a query matches, and how many it matches."""

    total: int
    records: Sequence[Record] = field(default_factory=tuple)


class RecordStore(Protocol):
    """The records one caller may see, for the time of one call.

    Values are checked before they come here and are JSON; ids are ours. A method that is given a
    module returns records of that module only. `me` is how a user field names the caller.
    """

    me: str

    async def modules(self) -> Modules:
        """The modules of the caller's workspace, narrowed to those that the page works with."""

    async def find(self, module: Module, query: Query) -> Page:
        """The records that fulfil every condition."""

    async def named(self, modules: Iterable[Module], names: Sequence[str]) -> Sequence[Record]:
        """The records whose id or whole title (in any case) is one of `names`."""

    async def by_id(self, module: Module, ids: Sequence[str]) -> Sequence[Record]:
        """Those of the records that there are, in any order."""

    async def search(self, modules: Iterable[Module], words: Sequence[str], limit: int) -> Sequence[Record]:
        """The records that have words beginning with all of `words`, best first."""

    async def insert(self, module: Module, rows: Sequence[Values]) -> Sequence[Record]:
        """Create records, in that order."""

    async def update(self, module: Module, ids: Sequence[str], values: Values) -> Sequence[Record]:
        """Set `values` in each of the records."""

    async def delete(self, module: Module, ids: Sequence[str]) -> None:
        """Delete the records."""

    async def images(
        self, module: Module, ids: Sequence[str], fields: Iterable[str] | None = None
    ) -> Mapping[str, Image]:
        """Those of the records that there are, by id, with all that `restore` needs, or with some fields only.

        Nobody else changes them until the call ends.
        """

    async def restore(self, module: Module, images: Mapping[str, Image]) -> None:
        """Give records the values that are in their images; one that is not there is made again, with its id.

        Raises:
            ActionError: the store cannot make a record what it was.
        """

    async def dependents(self, module: Module, ids: Sequence[str]) -> Mapping[str, str]:
        """Those of the records with which the store would delete or change more than themselves, and where that is.

        `restore` could not bring it back.
        """
