"""Words of a request on records that no condition took: they are named, never dropped in silence."""

import re
from collections.abc import Iterable, Sequence

from copilot_core.planner.chunks import PREPOSITIONS
from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.modules import field_mention, module_names
from copilot_core.planner.values import overlaps
from copilot_core.planner.vocabulary import STOP, classes_of, similar
from copilot_core.planner.words import Word, stem_set, word_set
from copilot_core.planner.world import Module

_SAYS_NOTHING = stem_set(
    "thing stuff currently now right moment today still please time way exist available there total many number kind"
    " record item entry entries result one ones everything anything something data system crm database workspace app"
    " more less plus"
    " list overview table together first top sort sorted order ordered rank by ascending descending"
    " yet whole entire existing much lot also only just bulk mass batch several multiple both database"
    " quickly again really actually across different various set value field"
)
_OPENING = word_set("in at from with for by over under on about near of to without before after since until than")


def leftovers(
    clause: Clause, module: Module, taken: Sequence[Span], used: Iterable[Span] = (), *, strict: bool = False
) -> list[str]:
    """The phrases of `clause` that say something about the records and stand in no span of `taken`.

    `used` are further places that are accounted for, such as the verb and the name of the module.
    With `strict`, for writes, verbs of asking ("find", "show") count as well.
    """
    spans = [*taken, *used, clause.head_span]
    spans += [s for f in module.fields if (s := field_mention(clause, f)) is not None]
    values = [s for s in clause.value_spans if not overlaps(*s, spans)]
    nouns = {s for name in module_names(module) for s in name}
    left: list[Word] = []
    for index, word in enumerate(clause.words):
        if overlaps(word.start, word.end, spans):
            continue
        if overlaps(word.start, word.end, values) or not (
            _is_empty(word, module, nouns, strict=strict) or _leads(clause, index, taken)
        ):
            left.append(word)
    return _phrases(clause, left, spans)


def _is_empty(word: Word, module: Module, nouns: set[str], *, strict: bool) -> bool:
    if word.lower in STOP | PREPOSITIONS or word.stem in _SAYS_NOTHING or word.stem in nouns:
        return True
    if word.is_name and word.start:
        return False
    if not strict and classes_of(word.lower) & {"query", "search"}:
        return True
    field_words = {w for f in module.fields for w in f.words}
    if any(w in {f"{word.stem}er", f"{word.stem}or", f"{word.stem}ee"} for w in field_words):
        return True  # who owns it: its owner
    return any(similar(word.stem, n) >= 0.6 for n in nouns) or any(similar(word.stem, w) >= 0.6 for w in field_words)


def _leads(clause: Clause, index: int, spans: Sequence[Span]) -> bool:
    """“working at Hooli”, “created this week”: a verb right before a value that was used."""
    word = clause.words[index]
    after = next((w for w in clause.words[index + 1 :] if w.lower not in STOP | PREPOSITIONS), None)
    verbal = (len(word.lower) > 4 and word.lower.endswith(("ed", "ing"))) or bool(classes_of(word.lower))
    return after is not None and verbal and not word.is_name and overlaps(after.start, after.end, spans)


def _phrases(clause: Clause, left: Sequence[Word], spans: Sequence[Span]) -> list[str]:
    found: list[Span] = []
    for word in left:
        between = clause.text[found[-1][1] : word.start] if found else ""
        joined = re.fullmatch(r"\W*(?:\w+\W+){0,2}", between) and all(
            w.lower() in STOP | PREPOSITIONS for w in re.findall(r"\w+", between)
        )
        if found and joined and not overlaps(found[-1][1], word.start, spans) and "," not in between:
            found[-1] = (found[-1][0], word.end)
        else:
            found.append((_opening(clause, word), word.end))
    return [clause.text[start:end].strip(" ,") for start, end in found]


def _opening(clause: Clause, word: Word) -> int:
    """Where the phrase of `word` begins: with its preposition, if it has one."""
    lead = re.search(r"(?P<preposition>[a-z]+)\s+(?:(?:the|a|an|my|our)\s+)?[$€£¥]?$", clause.text[: word.start], re.I)
    return lead.start() if lead and lead["preposition"].lower() in _OPENING else word.start
