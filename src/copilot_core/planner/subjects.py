"""Which records a write is about: by id, by name, or by conditions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from copilot_core.planner.chunks import PREPOSITIONS
from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.filter_base import Filter
from copilot_core.planner.filters import Conditions
from copilot_core.planner.modules import ModuleMention, field_mention, foreign_nouns, module_names
from copilot_core.planner.page import conditions_of_list
from copilot_core.planner.pointing import names_ordinal, pointed_at
from copilot_core.planner.prose import tidy, without
from copilot_core.planner.references import (
    Reference,
    is_of,
    points_at_list,
    points_at_other,
    points_at_page,
)
from copilot_core.planner.vocabulary import STOP
from copilot_core.planner.words import stem, stems_of, word_set, words_of
from copilot_core.planner.world import World

_ALL = re.compile(r"\b(?:all|every|each|everything|any|entire)\b", re.IGNORECASE)
_THEM = re.compile(r"\b(?:them|those|these|all|both|they|each)\b", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:\s*\b(?:the|current|a|an|my|our|that|this|of|for|on|in|from|to|status"
    r"|record|records|item|called|named|titled|all|every|each|as|is"
    r"|new|his|her|its|their)\b(?!['’]))+\s*",
    re.I,
)
_TAIL = re.compile(r"(?:[\s,;:.!?–—-]+|\b(?:to|that|for|of|with|and|as|the|a|an|from|due|is|my|please)\s*)+$", re.I)
_NOTHING = word_set("current open record entry item one it this that them thing value field the of")


@dataclass
class Subject:
    """The records meant.

    Args:
        unclear: a pronoun has nothing to point at.
        elsewhere: what it points at is no record of the module.
    """

    records: list[str] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    everything: bool = False
    unclear: bool = False
    elsewhere: bool = False
    by_name: bool = False
    unused: list[str] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        """Whether there is anything to act on."""
        return bool(self.records or self.references or self.filters or self.everything)


def read_subject(
    clause: Clause, text: str, mention: ModuleMention | None, world: World, earlier: Sequence[Sequence[Reference]]
) -> Subject:
    """The records that `text`, a part of `clause`, speaks of."""
    part = Clause(text, clause.now)
    ids = [x.value for x in part.of_kind("id") if "_" in x.value or len(x.value) > 30]
    if ids:
        return Subject(records=ids)
    quoted = [x.value for x in part.quoted()]
    if quoted:
        return Subject(records=quoted, by_name=True)
    nouns = {s for name in module_names(mention.module) for s in name} if mention else set()
    pointed = pointed_at(text, earlier)
    if any(not _may_be(reference, mention, nouns) for reference in pointed):
        return Subject(unclear=True, elsewhere=True)
    world = world if _can_be_open(mention, world) else replace(world, page=None)
    page = world.page
    foreign = foreign_nouns(part, world)
    ordinal = re.search(r"\bfirst|second|third\b", text, re.I)
    if page and page.record_id and not ordinal and points_at_page(text, nouns, foreign):
        return Subject(records=[page.record_id])
    if pointed and pointed[0].conditions and _THEM.search(text):
        return Subject(filters=[dict(c) for c in pointed[0].conditions])
    if pointed:
        return Subject(references=pointed)
    if names_ordinal(text):
        return Subject(unclear=True)
    if mention is not None and mention.module is world.listed and not earlier and points_at_list(text):
        return _of_list(part, text, mention, world)
    filtered = _filtered(part, text, mention, world)
    if filtered is not None:
        return filtered
    if points_at_other(text, foreign):
        return Subject(unclear=True)
    return _named(text, nouns, world)


def _may_be(reference: Reference, mention: ModuleMention | None, nouns: set[str]) -> bool:
    """Whether what was told can be a record of the module that was named or implied."""
    if mention is None or reference.module == mention.module.slug:
        return True
    named = mention.span != (0, 0) and mention.strength == 1.0
    return not named if reference.module else is_of(reference, nouns)


def _can_be_open(mention: ModuleMention | None, world: World) -> bool:
    """Whether what is open can be of the module that was named or implied."""
    kind = world.page.module_slug if world.page else None
    return mention is None or kind is None or kind == mention.module.slug


def _filtered(part: Clause, text: str, mention: ModuleMention | None, world: World) -> Subject | None:
    """Many records: "every low priority task", "all done tasks", "tasks due today"."""
    if mention is None:
        return None
    inner = next(iter(_mention_in(part, mention)), None)
    plural = (
        inner is not None
        and stem(part.text[inner[0] : inner[1]]) != part.text[inner[0] : inner[1]].lower()
        and inner is not None
    )
    many = _ALL.search(text) is not None or (
        inner is not None and part.text[inner[0] : inner[1]].lower() != mention.module.singular.lower() and plural
    )
    if not many:
        return None
    here = ModuleMention(mention.module, inner or (0, 0), 1.0)
    conditions = Conditions(part, here, world)
    filters = conditions.read()
    unused = conditions.unused([inner] if inner else [], strict=True)
    if not filters and _ALL.search(text) is None:
        narrowed = bool(unused) and (bool(part.dates) or unused[0].split()[0].lower() in PREPOSITIONS)
        return Subject(unclear=True, unused=unused) if narrowed else None
    return Subject(filters=filters, everything=not filters and _ALL.search(text) is not None, unused=unused)


def _of_list(part: Clause, text: str, mention: ModuleMention, world: World) -> Subject:
    """The records of the open list, narrowed further by the words; unclear where not all of it can be told.

    A list without filters is everything there is: that is said with "all tasks", not with "these".
    """
    filters, unfit = conditions_of_list(world)
    inner = _mention_in(part, mention)
    more = Conditions(Clause(_THEM.sub(" ", text), part.now), mention, world)
    told = more.read()
    unused = [*unfit, *more.unused(inner, strict=True)]
    if unused or not filters:
        return Subject(unclear=True, unused=unused)
    return Subject(filters=[*filters, *(c for c in told if c not in filters)])


def _mention_in(part: Clause, mention: ModuleMention) -> list[Span]:
    stems = [w.stem for w in part.words]
    for name in module_names(mention.module):
        for index in range(len(stems) - len(name) + 1):
            if tuple(stems[index : index + len(name)]) == name:
                return [(part.words[index].start, part.words[index + len(name) - 1].end)]
    return []


def _named(text: str, nouns: set[str], world: World) -> Subject:
    """One record by what it is called; the open page if that is what the name says, or if nothing is said."""
    text = re.sub(r"\b(?:called|named|titled)\s+", "", text)
    spans = [(w.start, w.end) for w in words_of(text) if w.stem in nouns]
    name = tidy(_TAIL.sub("", _LEAD.sub("", without(text, spans))))
    name = re.sub(r"['’]s?$", "", name).strip()
    page = world.page
    told = [w for w in stems_of(name) if w not in STOP]
    if page and page.record_id and told and page.record_name and set(told) <= set(stems_of(page.record_name)):
        return Subject(records=[page.record_id])
    if not told or all(w in _NOTHING or w in nouns for w in told):
        if page and page.record_id and not re.search(r"\b(?:them|those)\b", text, re.I):
            return Subject(records=[page.record_id])
        return Subject(unclear=True)
    names = [tidy(n) for n in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", name)]
    several = len(names) > 1 and all(n and n[0].isupper() for n in names)
    return Subject(records=names if several else [name], by_name=True)


def without_field(clause: Clause, text: str, mention: ModuleMention) -> str:
    """`text` without the names of fields of the module."""
    part = Clause(text, clause.now)
    spans = [
        s for f in mention.module.fields if (s := field_mention(part, f)) is not None and f.name != mention.module.title
    ]
    return without(text, spans)
