"""Arguments that results told earlier are: "resolve the first one" -> the id of the first that was listed."""

import re

from copilot_core.planner.pointing import Pointing, pointings
from copilot_core.planner.references import is_of
from copilot_core.planner.slot_base import Slots
from copilot_core.planner.tools import Tool
from copilot_core.planner.vocabulary import similar
from copilot_core.planner.words import stem, stem_set

_PLACES = stem_set("route path url link href page location destination")
_PERSON = re.compile(r"(?:him|her|his|he|she|its)", re.IGNORECASE)
_THE_ONE = re.compile(r"\b(?:the|that)\s+(?P<noun>[a-z]+)(?=\W*$|\s+(?:to|as|for|from|until|now|and)\b)", re.IGNORECASE)


class ShownSlots(Slots):
    """The step for the thing that an action acts on."""

    def _shown(self) -> None:
        """An ordinal or a pronoun, or the noun of the only thing that was told last."""
        if "navigate" in self.tool.classes:
            self._shown_place()
            return
        param = self.tool.handle
        if param is None or param.name in self.filling.arguments:
            return
        for pointing in [*pointings(self.clause.text, self.focus), *self._the_one()]:
            ids = [r.id for r in pointing.references if r.id and is_of(r, self.tool.things)]
            said = self.clause.text[slice(*pointing.span)]
            if _PERSON.fullmatch(said) or self._in_body(pointing.span) or not self.filling.is_free(pointing.span):
                continue
            if not ids or len(ids) < len(pointing.references):
                self.filling.elsewhere = self.filling.elsewhere or (pointing.ordinal or bool(pointing.references))
                continue
            self.filling.put(param, ids if param.type == "array" else ids[0], pointing.span, evidence=1.5)
            self.filling.each = ids if param.type != "array" and len(ids) > 1 else []
            return

    def _shown_place(self) -> None:
        """“open the second one”: where it can be seen, if that is a route that is known."""
        params = [p for p in self._open("url", "string", "prose", "id") if p.required and _PLACES & set(p.words)]
        for pointing in pointings(self.clause.text, self.focus) if params else ():
            link = pointing.references[0].link if len(pointing.references) == 1 else None
            if link is not None and self.world.leads_to(link):
                self.filling.put(params[0], link, pointing.span, evidence=1.5)
                self.filling.opens = True
            elif pointing.ordinal or pointing.references:
                self.filling.elsewhere = True
            return

    def _the_one(self) -> list[Pointing]:
        """“what happened to INC-12?”, then “resolve the incident”."""
        last = self.focus[-1] if self.focus else []
        return [
            Pointing(m.span(), (last[0],))
            for m in _THE_ONE.finditer(self.clause.text)
            if len(last) == 1 and last[0].things and points_to(self.tool, stem(m["noun"]))
        ]


def points_to(tool: Tool, noun: str) -> bool:
    """Whether `noun` is what the action acts on."""
    return any(similar(noun, thing) >= 0.6 for thing in tool.things)
