"""Arguments of an action with parameters of its own, filled from what stands in a clause.

Values are looked for from the surest evidence to the weakest: literals and enum options, then
dates and amounts, then names by their prepositions; at most one prose parameter takes the rest.
"""

from copilot_core.planner.slot_base import Filling
from copilot_core.planner.slot_literals import LiteralSlots
from copilot_core.planner.slot_names import NameSlots
from copilot_core.planner.slot_numbers import NumberSlots
from copilot_core.planner.slot_page import PageSlots
from copilot_core.planner.slot_prose import ProseSlots
from copilot_core.planner.slot_recurrence import RecurrenceSlots
from copilot_core.planner.slot_shown import ShownSlots
from copilot_core.planner.slot_times import TimeSlots
from copilot_core.planner.tools import Tool, params_of


class Filler(LiteralSlots, RecurrenceSlots, TimeSlots, NumberSlots, PageSlots, ShownSlots, NameSlots, ProseSlots):
    """One attempt to fill `params` from `clause`."""

    def fill(self) -> Filling:
        """All steps, surest first."""
        for step in (
            self._keyed,
            self._pointed_record,
            self._shown,
            self._samples,
            self._literals,
            self._recurrences,
            self._enums,
            self._dates,
            self._recurring_days,
            self._numbers,
            self._flags,
            self._it_record,
            self._pronouns,
            self._myself,
            self._doers,
            self._asked_about,
            self._people,
            self._lists,
            self._nested,
            self._marked_prose,
            self._names,
            self._rest,
            self._open_record,
        ):
            step()
        return self.filling

    def _nested(self) -> None:
        """An object parameter with described properties is filled like an action of its own."""
        for param in self._open("object"):
            if not param.properties:
                continue
            inner = Tool(self.tool.name, self.tool.description, (), params_of(param.schema))
            filler = Filler(inner, self.clause, self.world, self.focus)
            filler.filling.spans = list(self.filling.spans)
            found = filler.fill()
            if found.arguments and not filler.missing():
                self.filling.put(param, found.arguments, *found.spans, evidence=found.evidence)
