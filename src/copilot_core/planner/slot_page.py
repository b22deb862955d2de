"""Arguments that the open record is: "terminate this lease" -> leaseId."""

import re

from copilot_core.planner.modules import names_page, page_nouns, points_at_record
from copilot_core.planner.slot_base import Slots
from copilot_core.planner.tools import Param
from copilot_core.planner.values import overlaps
from copilot_core.planner.vocabulary import GENERIC, STOP, similar
from copilot_core.planner.words import stem_set, word_set

_NAMING = stem_set("id ids key ref reference identifier record current open item")
_MAKING = word_set("create log report comment schedule book order request remind send draft")
_IT = re.compile(r"\b(?:(?:for|of|on|to|about)\s+)?it\b", re.IGNORECASE)
_THIS = re.compile(
    r"\b(?:(?:for|of|on|to|about)\s+)?(?:here\b|(?:this|that|the (?:current|open))(?:\s+[a-z]+)?\b)", re.IGNORECASE
)


class PageSlots(Slots):
    """Steps for the id of the open record."""

    def _pointed_record(self) -> None:
        """“this lease”, “here”: before anything else can take the words."""
        if points_at_record(self.clause, self.world):
            self._put_pointed(_THIS.search(self.clause.text))

    def _it_record(self) -> None:
        """“seal it”, where nothing was spoken of before."""
        if not self.focus:
            self._put_pointed(_IT.search(self.clause.text))

    def _put_pointed(self, said: re.Match[str] | None) -> None:
        if said is not None and not self._in_body(said.span()):
            for param in self._fitting():
                self._put_record(param, said.span(), 1.0)

    def _open_record(self) -> None:
        """“schedule an inspection for friday”: the record that the action is about, where no other was spoken of."""
        for param in self._fitting():
            named = self._about(param)
            if param.required and not self._left():
                self._put_record(param, None, 0.5)
            elif named and not param.required and self.tool.classes & _MAKING and self._may_tie(named):
                self._put_record(param, None, 0.0)

    def _fitting(self) -> list[Param]:
        """Unfilled ids of a record of any kind, or of the kind that is open."""
        page = self.world.page
        if page is None or page.record_id is None:
            return []
        ids = [*self._open("id"), *(p for p in self._open("strings") if {"id", "ids"} & set(p.words))]
        nouns = page_nouns(self.world)
        return [p for p in ids if not (about := self._about(p)) or _alike(about, nouns)]

    def _about(self, param: Param) -> set[str]:
        return set(param.words) - _NAMING

    def _left(self) -> bool:
        """Whether words or values remain that may say which record is meant."""
        known = {*self.tool.nouns, self.tool.verb, *page_nouns(self.world), *GENERIC}
        known |= {w for p in self.params for w in p.words}
        spans = [*self.filling.spans, self.clause.head_span]
        left = [w for w in self.clause.words if w.lower not in STOP and not overlaps(w.start, w.end, spans)]
        stems = [w.stem.replace("-", "") for w in left]
        return any(s not in known and not any(similar(s, noun) >= 0.9 for noun in self.tool.nouns) for s in stems)

    def _may_tie(self, nouns: set[str]) -> bool:
        """Whether a new thing may be tied to the open record: nothing else of its kind is spoken of."""
        return names_page(self.clause, self.world) or not nouns & set(self.clause.stems)

    def _put_record(self, param: Param, span: tuple[int, int] | None, evidence: float) -> None:
        assert self.world.page is not None
        record = self.world.page.record_id
        self.filling.put(
            param, [record] if param.type == "array" else record, *([span] if span else []), evidence=evidence
        )


def _alike(about: set[str], nouns: set[str]) -> bool:
    return any(similar(a, n) >= 0.9 for a in about for n in nouns)
