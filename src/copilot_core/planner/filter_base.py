"""What the steps of reading conditions share."""

import re
from collections.abc import Sequence
from typing import Any

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.modules import ModuleMention, option_fields
from copilot_core.planner.options import find_options
from copilot_core.planner.values import overlaps
from copilot_core.planner.world import RecordField, World

Filter = dict[str, Any]
NOT = re.compile(
    r"\b(?:not|isn['’]?t|aren['’]?t|except(?: for)?|excluding|without"
    r"|non|never|other than|haven['’]?t been|hasn['’]?t been|but not"
    r"|no longer|anything but)[\s-]+(?:\w+\s+){0,2}$|(?:n['’]t)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)


class ConditionList:
    """The conditions found so far, and where in the text they came from."""

    def __init__(self, clause: Clause, mention: ModuleMention, world: World, skip: Sequence[Span] = ()) -> None:
        self.clause, self.module, self.world = clause, mention.module, world
        self.mention = mention
        named = mention.span != (0, 0) and (mention.strength == 1.0 or _other_option(clause, mention))
        self.taken: list[Span] = [*skip, *([mention.span] if named else [])]
        self.filters: list[Filter] = []
        self.undecided: list[Span] = []

    def put(self, field: RecordField, op: str, value: Any, *spans: Span) -> None:
        """Add a condition once."""
        entry = {"field": field.name, "op": op, "value": value}
        if entry not in self.filters:
            self.filters.append(entry)
        self.taken.extend(spans)

    def has(self, field: RecordField) -> bool:
        """Whether there is a condition on `field` already."""
        return any(f["field"] == field.name for f in self.filters)

    def denied(self, start: int) -> bool:
        """Whether a "not" stands before what begins at `start`, and belongs to nothing read before."""
        match = NOT.search(self.clause.text[:start])
        return match is not None and not overlaps(match.start(), start, self.taken)

    def free(self, start: int, end: int) -> bool:
        """Whether nothing was read from there yet."""
        return not overlaps(start, end, self.taken)


def _other_option(clause: Clause, mention: ModuleMention) -> bool:
    """Whether options are named besides the word that stands for the module ("churned customers")."""
    return any(find_options(clause, f.options, 0.62, [mention.span]) for f in option_fields(mention.module))
