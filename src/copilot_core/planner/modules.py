"""Which kind of record a clause is about, and which of its fields."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.options import find_options, option_stems
from copilot_core.planner.pointing import names_ordinal
from copilot_core.planner.references import points_at_list, points_at_page
from copilot_core.planner.values import overlaps
from copilot_core.planner.vocabulary import STOP, classes_of, similar
from copilot_core.planner.words import Word, contains_phrase, stem, stems_of, word_set, words_of
from copilot_core.planner.world import Module, RecordField, World

_WEAK_FIELD_WORDS = frozenset(
    {"date", "at", "nam", "name", "type", "kind", "id", "is", "to", "of", "on", "by", "text", "titl", "title"}
)
_OF_PAGE = re.compile(r"\b(?:it|its|him|her|his)\b", re.IGNORECASE)
_THESE = frozenset({"this", "that", "current", "open"})
_ANY_KIND = word_set("record page one item entry thing row now asap instead too again here already early late")
_AFTER_NOUN = r"(?:to|as|from|with|for|by|until|till|on|in|at|is|and|into|because)\b"
_SORTING = re.compile(r"(?:sort(?:ed)?|order(?:ed)?|rank(?:ed)?)\s+by\b", re.IGNORECASE)
_COUNTING = re.compile(r"how many (?:are|is|do we have|have we got)\b", re.IGNORECASE)
_CONTACT_WORDS = frozenset({"who", "person", "someon", "anyon", "someone", "anyone"})


@dataclass(frozen=True, slots=True)
class ModuleMention:
    """A module with the place that names it; an empty place if it was only implied."""

    module: Module
    span: Span
    strength: float
    plural: bool = False


@lru_cache(maxsize=512)
def module_names(module: Module) -> tuple[tuple[str, ...], ...]:
    """The stems by which a module is called."""
    names = (module.singular, module.name, module.slug.replace("_", " ").replace("-", " "))
    return tuple(dict.fromkeys(tuple(stems_of(name)) for name in names))


def nouns_of(module: Module) -> set[str]:
    """The stems by which a module is called."""
    return {part for name in module_names(module) for part in name}


def page_nouns(world: World) -> set[str]:
    """The stems by which the kind of the open record is called, also where no module describes it."""
    if world.page_module is not None:
        return nouns_of(world.page_module)
    names = (world.page.module_slug, world.page.module_name) if world.page else ()
    return {s for name in names if name for s in stems_of(name.replace("_", " ").replace("-", " "))}


def foreign_nouns(clause: Clause, world: World) -> set[str]:
    """The stems that, after "this", are kinds of records other than the open one's: of other modules, or of none."""
    own = page_nouns(world)
    if not own:
        return set()
    after = zip(clause.words, [*clause.words[1:], None], strict=False)
    told = {w.stem for before, w in after if w is not None and before.lower in _THESE and _is_kind(w, clause, world)}
    return (told | {noun for module in world.modules for noun in nouns_of(module)}) - own


def _is_kind(word: Word, clause: Clause, world: World) -> bool:
    """Whether a word can only be a noun that this page has nothing of: "invoice" where a task is open."""
    module = world.page_module
    fields = module.fields if module else ()
    options = {part for f in fields for option in f.options for part in option_stems(option)}
    known = {*page_nouns(world), *options, *(part for f in fields for part in f.words)}
    rest = clause.text[word.end :].lstrip()
    return (
        (not rest or not rest[0].isalpha() or re.match(_AFTER_NOUN, rest) is not None)
        and word.lower not in STOP | _ANY_KIND
        and not word.lower.endswith(("ly", "ed"))
        and not classes_of(word.lower)
        and not overlaps(word.start, word.end, clause.value_spans)
        and not any(similar(word.stem, k) for k in known)
    )


def points_at_record(clause: Clause, world: World) -> bool:
    """Whether `clause` speaks of the open record: "this unit", "here"."""
    opened = world.page is not None and world.page.record_id is not None
    return opened and points_at_page(clause.text, page_nouns(world), foreign_nouns(clause, world))


def module_mentions(clause: Clause, world: World) -> list[ModuleMention]:
    """Where `clause` names modules, in order of place. Quotes, names and bodies of messages do not count."""
    spans = [(x.start, x.end) for x in clause.literals]
    if clause.body is not None:
        spans.append(clause.body)
    words = [w for w in clause.words if not overlaps(w.start, w.end, spans)]
    found = [m for module in world.modules for m in _mentions(words, module, clause)]
    exact = [m.span for m in found if m.strength == 1.0]
    return sorted(
        (m for m in found if m.strength == 1.0 or not overlaps(*m.span, exact)), key=lambda m: (m.span, -m.strength)
    )


def closed_module(clause: Clause, world: World) -> Module | None:
    """The module that `clause` names, where the page does not list it and no listed one is named."""
    named = [m for m in module_mentions(clause, replace(world, modules=world.closed)) if m.strength == 1.0]
    others = [m for m in module_mentions(clause, world) if m.strength == 1.0]
    return named[0].module if named and not others else None


def _mentions(words: Sequence[Word], module: Module, clause: Clause) -> Iterable[ModuleMention]:
    stems = [w.stem for w in words]
    for name in module_names(module):
        index = contains_phrase(stems, name)
        if index >= 0:
            last = words[index + len(name) - 1]
            plural = last.lower != module.singular.lower().split()[-1] and last.lower.endswith("s")
            yield ModuleMention(module, (words[index].start, last.end), 1.0, plural)
            return
    own = module_names(module)[0][-1:]
    for word in words:
        particle = word.lower == "down" and clause.head is not None and word.start - clause.head.end == 1
        if (
            word.lower in STOP
            or particle
            or (word is clause.head and word.start == 0)
            or (word.is_name and word.start > 0)
        ):
            continue
        if any(similar(word.stem, name) == 0.6 for name in own):
            yield ModuleMention(module, (word.start, word.end), 0.6, word.lower.endswith("s"))
            return


def chosen_module(
    clause: Clause, world: World, carried: Module | None, *, creating: bool = False
) -> ModuleMention | None:
    """The module that `clause` is about: named, implied by its fields, open on the page, or carried over."""
    mentions = module_mentions(clause, world)
    own = _page_field(clause, world, mentions)
    if own is not None and not creating:
        return own
    if mentions:
        order = {id(m): i for i, m in enumerate(mentions)}
        support = {m.module.slug: implied(clause, m.module) for m in mentions}

        def weight(mention: ModuleMention) -> tuple[float, int]:
            place = order[id(mention)] * (0.4 if creating else 0.1)
            return (
                mention.strength
                + (0.15 * min(3.0, support[mention.module.slug]) if mention.strength < 1 or not creating else 0.0)
                - place,
                -order[id(mention)],
            )

        return max(mentions, key=weight)
    page = world.page_module
    if page is not None and (points_at_page(clause.text, set()) or names_page(clause, world)):
        return ModuleMention(page, (0, 0), 0.8)
    if page is not None and page is world.listed and not creating and _is_about_list(clause, page, carried):
        return ModuleMention(page, (0, 0), 0.8, plural=True)
    if (
        page is not None
        and carried is None
        and not creating
        and (
            _OF_PAGE.search(clause.text)
            or (clause.head is not None and len(clause.words) <= 2 and verb_option(clause.head.stem, page))
        )
    ):
        return ModuleMention(page, (0, 0), 0.8)
    scores = {m.slug: implied(clause, m) for m in world.modules}
    best = max(world.modules, key=lambda m: (scores[m.slug], m is page, m is carried), default=None)
    if creating and not clause.has("one", "ones", "another"):
        carried = None
    pointing = clause.has("one", "ones", "it", "them", "those", "that", "these", "both") or names_ordinal(clause.text)
    if carried is not None and (
        pointing or best is None or scores[best.slug] < 0.8 or scores[carried.slug] >= scores[best.slug]
    ):
        return ModuleMention(carried, (0, 0), 0.7 if pointing else 0.5)
    if page is not None and scores[page.slug] > 0:
        return ModuleMention(page, (0, 0), 0.6)
    if (
        best is not None
        and scores[best.slug] >= 0.8
        and sum(scores[m.slug] == scores[best.slug] for m in world.modules) == 1
    ):
        return ModuleMention(best, (0, 0), 0.5)
    return None


def _page_field(clause: Clause, world: World, mentions: Sequence[ModuleMention]) -> ModuleMention | None:
    """“change company to Hooli” on a contact: the word is a field of the open record, and no module."""
    page = world.opened
    if page is None or len(mentions) != 1 or mentions[0].module is page:
        return None
    span = mentions[0].span
    told = clause.text[span[0] : span[1]].lower()
    if re.search(r"\b(?:this|that|these|those)\s+$", clause.text[: span[0]], re.IGNORECASE):
        return None
    if re.match(r"\s+(?:to|as|is|=|:)\s", clause.text[span[1] :]) and any(stem(told) in f.words for f in page.fields):
        return ModuleMention(page, (0, 0), 0.8)
    return None


def _is_about_list(clause: Clause, page: Module, carried: Module | None) -> bool:
    """“sort these by rent”, “how many are there”: nothing but the open list can be meant."""
    if carried is not None and carried is not page:
        return False
    if points_at_list(clause.text):
        return True
    return carried is None and (_SORTING.match(clause.text) is not None or _COUNTING.match(clause.text) is not None)


def names_page(clause: Clause, world: World) -> bool:
    """Whether `clause` has a word of the open record's name."""
    name = world.page.record_name if world.page else None
    told = set(clause.stems)
    return bool(name) and any(s in told for s in stems_of(name or "") if s not in STOP)


def implied(clause: Clause, module: Module) -> float:
    """How much `clause` speaks of this module's fields and options without naming it."""
    score = 0.0
    for field in module.fields:
        if field.kind == "enum" and field_mention(clause, field) is not None:
            score += 0.8
        if field.kind == "enum" and find_options(
            clause, field.options, 0.78, [clause.head_span] if clause.head and not clause.is_question else ()
        ):
            score += 1.0
        elif field.kind != "enum" and field_mention(clause, field) is not None:
            span = field_mention(clause, field) or (0, 0)
            score += 0.8 + 0.2 * (len(words_of(clause.text[slice(*span)])) - 1)
    if "overdu" in clause.stems and any("due" in f.words for f in module.of_kind("date")):
        score += 1.0
    kinds = {f.kind for f in module.fields}
    if {"email", "phone"} <= kinds and _CONTACT_WORDS & set(clause.stems):
        score += 0.8
    return score


def field_mention(clause: Clause, field: RecordField, skip: Iterable[Span] = ()) -> Span | None:
    """Where a field is spoken of: its whole name, or the telling word of it ("due" for dueDate)."""
    spans = list(skip)
    words = [w for w in clause.words if not overlaps(w.start, w.end, spans)]
    stems = [w.stem for w in words]
    index = contains_phrase(stems, field.words)
    if index >= 0:
        return words[index].start, words[index + len(field.words) - 1].end
    telling = [w for w in field.words if w not in _WEAK_FIELD_WORDS] if field.kind != "key" else []
    for word in words:
        if word.lower in STOP:
            continue
        if any(_same_word(word.stem, part) for part in telling):
            return word.start, word.end
    return None


def _same_word(said: str, part: str) -> bool:
    if said == part:
        return True
    short, long = sorted((said, part), key=len)
    return len(short) >= 4 and long.startswith(short) and len(long) - len(short) <= 3


def option_fields(module: Module) -> list[RecordField]:
    """Fields with a closed list of values."""
    return [f for f in module.fields if f.options]


def done_option(module: Module) -> tuple[RecordField, str] | None:
    """The option that says that a record of this module is over and done."""
    for wanted in ("don", "complet", "finish", "resolv", "clos", "paid", "pay"):
        for field in option_fields(module):
            for option in field.options:
                if wanted in option_stems(option):
                    return field, option
    return None


def names_option(verb: str, option: str) -> bool:
    """Whether a verb is the doing of an option: ack, acknowledge -> acknowledged; win, won -> won."""
    wanted = option_stems(option)
    if len(wanted) != 1:
        return False
    past = {"solv": "resolv", "fix": "resolv"}
    if past.get(verb) == wanted[0] or verb == f"re{wanted[0]}":
        return True
    short, long = sorted((verb, wanted[0]), key=len)
    return (
        len(verb) >= 3 and long.startswith(short) and len(short) >= 3 and similar(verb, "open") == 0.0
    ) or verb == wanted[0]


def verb_option(verb: str, module: Module) -> tuple[RecordField, str] | None:
    """The field and option that a verb alone sets: retire -> retired, ack -> acknowledged."""
    return next(((f, o) for f in option_fields(module) for o in f.options if names_option(verb, o)), None)
