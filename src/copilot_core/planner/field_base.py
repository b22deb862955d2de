"""What the steps of reading the values of a new record share."""

import re
from collections.abc import Sequence
from typing import Any

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.modules import ModuleMention
from copilot_core.planner.values import overlaps
from copilot_core.planner.world import RecordField, World

VALUE_STOP = re.compile(
    r",|;|\s+(?:and|with|due|for|by|in the|at|who|priority|severity|status|assigned|\()\b|\s*\(|\.(?:\s|$)",
    re.IGNORECASE,
)


class DraftValues:
    """The values found so far, and where in the text they came from."""

    def __init__(self, clause: Clause, mention: ModuleMention, world: World, skip: Sequence[Span] = ()) -> None:
        self.clause, self.module, self.mention, self.world = clause, mention.module, mention, world
        self.values: dict[str, Any] = {}
        self.taken: list[Span] = list(skip)
        known = mention.module.field_named(mention.module.title)
        self.title = known if known or mention.module.fields else RecordField(mention.module.title, "string")

    def put(self, field: RecordField, value: Any, *spans: Span) -> None:
        """Keep a value, once per field."""
        if field.name not in self.values:
            self.values[field.name] = value
            self.taken.extend(spans)

    def free(self, start: int, end: int) -> bool:
        """Whether nothing was read from there yet."""
        return not overlaps(start, end, self.taken)

    def _open(self, *kinds: str) -> list[RecordField]:
        return [f for f in self.module.of_kind(*kinds) if f.name not in self.values]

    def _lead(self, start: int) -> int:
        match = re.search(
            r"(?:[,\s]*\b(?:due|by|on|at|for|before|until|closes?|closing|in"
            r"|opened|starting|from|is|the|deadline|expected)\s+)+$",
            self.clause.text[:start],
            re.I,
        )
        return match.start() if match else start
