"""Which action a clause asks for: verb, noun and the values that are there, weighed together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from copilot_core.planner.clauses import PAST, Clause, Span
from copilot_core.planner.modules import ModuleMention, chosen_module, field_mention, module_mentions, verb_option
from copilot_core.planner.objects import objects
from copilot_core.planner.options import find_options
from copilot_core.planner.pointing import Pointing, names_ordinal, pointings
from copilot_core.planner.records import RecordFiller, asks_schema, module_for, shape_of
from copilot_core.planner.references import Reference, is_of
from copilot_core.planner.slots import Filler
from copilot_core.planner.tools import Param, Tool, Toolbox
from copilot_core.planner.values import overlaps
from copilot_core.planner.vocabulary import GENERIC, LIGHT_CLASSES, STOP, circles_of, classes_of, similar
from copilot_core.planner.words import stem, stem_set, stems_of, word_set
from copilot_core.planner.world import Module, World

_CONSIDERED = 7
_STRONG_WRITES = frozenset({"delete", "cancel", "create", "update", "send", "navigate", "remind", "pay", "refund"})
_FILLERS = stem_set(
    "thing stuff currently now right moment today still please time"
    " way exist available there work works more less than between"
    " worth have lot much many total number kind new next upcoming"
)
_SEARCHING = re.compile(
    r"\b(?:search|look(?:ing)? (?:for|up)|lookup|grep|(?:anything|everything"
    r"|something|notes?|records?|stuff) (?:\w+ )?(?:about|on|mention\w*"
    r"|related|containing|with the|matching|regarding)|mention\w*|where"
    r" (?:did|do|have) (?:we|i)"
    r"|what (?:do|did|have) (?:we|i|you) (?:have |know |got )?(?:about|on|regarding)"
    r"|where (?:is|are|was|were) .*\b(?:notes?"
    r"|about|mention|records?|info|details?)\b|(?:did|have|has) (?:we"
    r"|i|anyone|somebody|someone) (?:\w+ )?(?:writ\w+|put|note\w*|sav\w+"
    r"|record\w*|mention\w*|log\w*|stor\w+)|did (?:we|i) (?:write|put"
    r"|note|save|record)|hunt|locate)\b",
    re.I,
)


_FRESH = re.compile(r"\b(?:an?|new|another|one more|fresh)\s+(?:[\w-]+\s+){0,3}$", re.I)
_DEFINITE = re.compile(r"\b(?:the|this|that|every|all|my|our|each|these|those)\s+(?:[\w'-]+\s+){0,4}$", re.I)
_POINTED = re.compile(r"\b(?:this|that|these|those|the current)\s+$", re.I)
_BEFORE_NOUN = word_set("a an the my our new quick short another me us out up")
_NOT_MAKING = word_set("delete update query search navigate summarize describe suggest remind send draft")
_LOOKING = word_set("show view see display browse list give")
_OPENING = word_set("open show view see display browse")
_SHOWS = stem_set("show view display")
_POSSIBLE = re.compile(
    r"\b(?:can|could|possible|available|allowed|valid|exist|are there"
    r"|permitted|supported|choices?|pick)\b",
    re.I,
)
_SORTS = re.compile(r"(?:sort|order|rank)\s+(?:\w+\s+){0,3}by\b", re.I)
_PLAIN_MAKING = stem_set("add create register enter insert save log record")
_PAGE = re.compile(r"(?:(?:the|my|our)\s+)?[\w-]+\s+(?:page|view|screen|tab|board|section)", re.I)
_PLACE = re.compile(r"\s*(?:list|page|view|module|section|screen|board|tab|area|overview|table)\b", re.I)


def mention_is_plural(mention: ModuleMention | None) -> bool:
    """Whether a module is named in the plural."""
    return mention is not None and mention.plural


@dataclass
class Candidate:
    """An action with the arguments it would be called with."""

    tool: Tool
    score: float
    verb: float = 0.0
    coverage: float = 0.0
    explained: float = 0.0
    evidence: float = 0.0
    arguments: dict[str, Any] = field(default_factory=dict)
    missing: list[Param] = field(default_factory=list)
    module: Module | None = None
    kind: str = ""
    references: list[Reference] = field(default_factory=list)
    reference_param: Param | None = None
    unclear: bool = False
    weak: frozenset[str] = frozenset()
    exemplary: bool = False
    partial: dict[str, Any] = field(default_factory=dict)
    named: bool = True
    unused: list[str] = field(default_factory=list)
    each: list[str] = field(default_factory=list)
    elsewhere: bool = False


def rank(
    clause: Clause, box: Toolbox, world: World, earlier: Sequence[Sequence[Reference]], carried: Module | None
) -> list[Candidate]:
    """The likeliest actions with their arguments, best first."""
    shown = [p for p in pointings(clause.text, earlier) if p.references]
    known = objects(box, world, earlier)
    first = [_cheap(tool, clause, box, world, carried) for tool in box.tools]
    for found in first:
        _pointed(found, shown, clause)
    first.sort(key=lambda c: -c.score)
    kept = [_filled(c, clause, box, world, earlier, carried) for c in first[:_CONSIDERED]]
    for found in kept:
        makes = found.kind in {"create", "create_many"} and _acts_on_place(clause)
        found.elsewhere = (
            found.elsewhere
            or makes
            or (
                known.outside(found.module, found.arguments)
                if found.kind
                else known.elsewhere(found.tool, clause, found.arguments)
            )
        )
    kept.sort(key=lambda c: -c.score)
    return kept


def _acts_on_place(clause: Clause) -> bool:
    """“open the ninth one”: right after the verb, and so nothing new."""
    start = clause.head_span[1]
    return any(p.ordinal and not clause.text[start : p.span[0]].strip() for p in pointings(clause.text, [])) and (
        re.match(r"\s*the\b", clause.text[start:], re.I) is not None
    )


def _pointed(found: Candidate, shown: Sequence[Pointing], clause: Clause) -> None:
    """An action on what the words point at is as good as named: "resolve the first one" after a list of incidents."""
    tool = found.tool
    references = [r for p in shown for r in p.references]
    opens = clause.head is not None and clause.head.lower in _OPENING and found.verb < 1.1
    if found.kind == "summarize" and opens and len(references) == 1 and references[0].module:
        found.score += 1.1 - found.verb
        found.verb = 1.1
    if found.kind or tool.handle is None or not any(r.things and is_of(r, tool.things) for r in references):
        return
    gained = max(0.0, 0.8 - found.coverage)
    found.coverage += gained
    found.score += 1.6 * gained
    if tool.reads and opens:
        found.score += 1.1 - found.verb
        found.verb = 1.1


def _cheap(tool: Tool, clause: Clause, box: Toolbox, world: World, carried: Module | None) -> Candidate:
    shape = shape_of(tool)
    found = Candidate(tool, 0.0, kind=shape.kind if shape else "")
    mention = module_for(tool, shape, clause, world, carried) if shape else None
    found.verb = verb_score(tool, clause, found.kind, mention)
    if found.kind == "update" and not clause.is_question:
        target = chosen_module(clause, world, carried)
        if target is not None and _sets_option(clause, target.module, world):
            found.verb = max(found.verb, 1.1)
    if shape is not None:
        found.coverage = _module_coverage(mention, shape.kind)
        if shape.kind == "create" and mention is not None and _announces(clause, mention):
            found.verb = max(found.verb, 1.1)
        found.explained = explained(clause, tool, box, mention)
        found.score = (
            found.verb + 1.5 * found.coverage + 0.8 * found.explained + _kind_bonus(shape.kind, clause, mention)
        )
    else:
        found.coverage = noun_coverage(tool, clause, box)
        found.explained = explained(clause, tool, box, None)
        found.score = found.verb + 1.6 * found.coverage + 1.0 * found.explained
    if not found.kind and "discover" in tool.classes and clause.intents.get("discover", 0.0) > 1:
        found.score += 1.6 * max(0.0, 1.0 - found.coverage)  # "what can you do ...?" needs no noun
        found.coverage = 1.0
    likeness = _example_likeness(tool, clause)
    if not tool.reads and found.verb < 0.5 and clause.head is not None:
        likeness = 0.0  # "list done tasks" is near to "delete all done tasks", but for what is to be done
    found.score += 1.5 * likeness
    if likeness >= 0.5:
        found.exemplary, found.coverage, found.verb = True, 1.0, max(found.verb, 1.0)
        found.score += 1.0
    return found


def _announces(clause: Clause, mention: ModuleMention) -> bool:
    """“schedule a task to ...”: whatever the verb, "a task" right after it is a new one."""
    if clause.head is None or clause.is_question or classes_of(clause.head.lower) & _NOT_MAKING:
        return False
    between = clause.text[clause.head_span[1] : max(clause.head_span[1], mention.span[0])]
    return re.fullmatch(r"\s+(?:an?|another|(?:a )?new)\s+(?:[\w-]+\s+){0,2}", between, re.I) is not None


def _sets_option(clause: Clause, module: Module, world: World) -> bool:
    """Whether the verb alone names a new value: "retire this vehicle", "we won the deal"; not "lost deals"."""
    near = module_mentions(clause, world)[:1]
    verbs = [clause.head] if clause.head else [*clause.words[:1], *(w for w in clause.words[1:3] if w.lower in PAST)]
    for word in verbs:
        beside = bool(near) and not clause.text[word.end : near[0].span[0]].strip()
        found = verb_option(word.stem, module)
        named = (
            found is not None and word is not clause.head and found[1].lower() == word.lower and word.lower not in PAST
        )
        if (
            found
            and not named
            and not beside
            and word.lower not in _LOOKING | {"open"}
            and not word.lower.endswith("s")
        ):
            return True
    return False


def _module_coverage(mention: ModuleMention | None, kind: str) -> float:
    if mention is None:
        return 0.3 if kind == "search" else 0.0
    return mention.strength


def _kind_bonus(kind: str, clause: Clause, mention: ModuleMention | None) -> float:
    lead = clause.text[: mention.span[0]] if mention and mention.span != (0, 0) else ""
    if kind in {"create", "create_many", "update", "delete"} and mention is not None:
        fresh = _FRESH.search(lead) is not None and not mention_is_plural(mention)
        definite = _DEFINITE.search(lead) is not None
        owned = (
            re.search(r"(?:\w['’]s|\b(?:his|her|its|their))\s+$", clause.text[: _first_field(clause, mention)])
            is not None
        )
        if kind == "create" and owned:
            return -1.0
        if kind == "update" and owned:
            return 0.6
        if kind == "create" and _POINTED.search(lead):
            return -1.5
        if kind == "create":
            return 0.6 * fresh - 0.5 * (definite and not _names_new(clause, mention))
        return -0.6 * fresh if kind != "create_many" else -0.4 * definite
    if kind == "navigate":
        return _place_bonus(clause, mention, lead)
    if kind == "describe" and mention is not None and clause.is_question and _POSSIBLE.search(clause.text):
        told = [f for f in mention.module.fields if f.options and field_mention(clause, f)]
        return 1.0 if told and not any(find_options(clause, f.options, 0.9) for f in told) else 0.3
    if kind == "describe":
        return 0.8 if asks_schema(clause, mention) else -0.3
    if kind == "suggest":
        return (
            0.6
            if (clause.is_question and clause.has("should"))
            or clause.has("recommend", "suggest", "propose", "advise", "best", "predict", "guess")
            else -0.8
        )
    if kind == "search":
        if (
            mention is not None
            and mention.strength == 1.0
            and not _SEARCHING.search(clause.text)
            and _narrows(clause, mention)
        ):
            return -0.9
        return 0.5 if _SEARCHING.search(clause.text) else -0.2
    return 0.0


def _place_bonus(clause: Clause, mention: ModuleMention | None, lead: str) -> float:
    tail = clause.text[mention.span[1] :] if mention else ""
    place = _PLACE.match(tail) is not None
    looks = clause.head is not None and clause.head.lower in _LOOKING
    made = _FRESH.search(lead) is not None and not mention_is_plural(mention)
    if mention is not None and (_opens_one(clause, mention) or names_ordinal(clause.text)):
        return -2.0
    return (
        (0.7 if place else 0.0)
        - ((0.8 if mention_is_plural(mention) else 2.0) if looks and not place else 0.0)
        - (1.0 if made else 0.0)
        + (0.3 if not looks and _DEFINITE.search(lead) and mention_is_plural(mention) else 0.0)
    )


def _opens_one(clause: Clause, mention: ModuleMention) -> bool:
    """“open the deal Acme renewal”: one record, by its name."""
    head = clause.head is not None and clause.head.lower == "open"
    one = not mention.plural and re.match(r"\s*(?:called\s+|named\s+)?[\"“A-Z]", clause.text[mention.span[1] :])
    return head and bool(one) and _DEFINITE.search(clause.text[: mention.span[0]]) is not None


def _names_new(clause: Clause, mention: ModuleMention) -> bool:
    """“add the company Blue Harbor”: a plain verb of making, and a name right after the noun."""
    making = clause.head is not None and "create" in classes_of(clause.head.lower)
    place = re.search(
        r"\S+\s+(?:on|to|in|into|onto|as)\s+(?:my|the|our|an?)\s+$", clause.text[clause.head_span[1] : mention.span[0]]
    )
    if making and place is not None and clause.head_span[1] <= mention.span[0]:
        return True
    return (
        making
        and clause.head is not None
        and clause.head.stem in _PLAIN_MAKING
        and re.match(r"\s*(?:called\s+|named\s+|titled\s+)?[\"“'A-Z]", clause.text[mention.span[1] :]) is not None
    )


def _first_field(clause: Clause, mention: ModuleMention | None) -> int:
    """Where the first field of the module is named."""
    spans = [s for f in (mention.module.fields if mention else ()) if (s := field_mention(clause, f)) is not None]
    return min((s[0] for s in spans), default=0)


def _narrows(clause: Clause, mention: ModuleMention) -> bool:
    """Whether options, dates or amounts narrow a module: then it is no search for words."""
    return bool(clause.dates or clause.numbers) or any(
        find_options(clause, f.options, 0.9, [mention.span]) for f in mention.module.fields
    )


def _example_likeness(tool: Tool, clause: Clause) -> float:
    """How near the clause is to what people say to this action, 1 for the same words."""
    told = {s for s in clause.stems if s not in STOP}
    best = 0.0
    for example in tool.examples:
        stems = stems_of(example)
        if stems == [word.stem for word in clause.words]:
            return 1.0
        words = {s for s in stems if s not in STOP}
        if words and told:
            best = max(best, len(words & told) / len(words | told))
    return best


def verb_score(tool: Tool, clause: Clause, kind: str = "", mention: ModuleMention | None = None) -> float:
    """How well what the clause wants done is what the action does."""
    intents = clause.intents
    exact = any(w.stem == tool.verb for w in ([clause.head] if clause.head else []) + clause.words[:1])
    exact = exact or (bool(clause.words) and not tool.reads and clause.words[0].stem in tool.nouns)
    if kind and kind != "one":
        return _record_verb(tool, clause, kind, mention) + (0.2 if exact else 0.0)
    score = max((intents.get(name, 0.0) for name in tool.classes), default=0.0)
    said = max((intents.get(name, 0.0) for name in tool.said_classes), default=0.0)
    named = max(
        (intents.get(c, 0.0) for w in tool.name_words[1:] for c in classes_of(w) if not tool.reads), default=0.0
    )
    score = max(score, 0.7 * said, 0.6 * named, 0.9 if exact else 0.0) + (0.3 if exact else 0.0)
    if clause.is_question and tool.reads:
        score = max(score, 0.6)
    if clause.is_question and not tool.reads:
        score -= 0.8
    elif score < 0.5 and clause.head is not None and classes_of(clause.head.lower) & _STRONG_WRITES and tool.reads:
        score -= 0.4
    return score


def _record_verb(tool: Tool, clause: Clause, kind: str, mention: ModuleMention | None) -> float:
    """The same for an action on records, whose kind says what it does better than its name."""
    name = {"create_many": "create"}.get(kind, kind)
    score = clause.intents.get(name, 0.0)
    if (
        kind == "search"
        and _SEARCHING.search(clause.text)
        and (clause.head is None or classes_of(clause.head.lower) & {"query", "search"})
    ):
        score = max(score, 1.0)
    if kind == "query" and clause.is_question and tool.verb in _SHOWS:
        score -= 0.5  # who asks wants an answer, and not a view
    if kind == "query" and clause.head is None and clause.intents.get("create", 0.0) < 1:
        score = max(score, 0.8)
    if kind == "navigate" and clause.head is None and _PAGE.fullmatch(clause.text.strip(" .!")):
        score = max(score, 1.2)
    if kind == "summarize" and mention is not None and _opens_one(clause, mention):
        score = max(score, 1.3)
    if _SORTS.match(clause.text):
        return 1.2 if kind == "query" else 0.0
    counts = clause.text.lower().startswith("how many")
    if kind == "describe" and not counts and (asks_schema(clause, mention) or _POSSIBLE.search(clause.text)):
        score = max(score, 0.2 + clause.intents.get("query", 0.0))
    if (
        kind == "create"
        and re.match(r"(?:\w+\s+){1,3}(?:an?\s+)?(?:new|another)\s", clause.text)
        and not clause.is_question
    ):
        score = max(score, 1.1)
    if kind == "suggest" and clause.is_question and clause.has("should", "ought"):
        score = max(score, 1.0)
    if clause.is_question and kind in {"create", "create_many", "update", "delete"}:
        score -= 0.8
    if kind == "create" and "query" in clause.intents and clause.intents["query"] >= 1 and not tool.reads:
        score -= 0.1
    return score


def noun_coverage(tool: Tool, clause: Clause, box: Toolbox) -> float:
    """Which share of the action's own nouns is in the clause, rare ones counting more."""
    nouns = tool.nouns
    if not nouns:
        named = bool(clause.words) and clause.words[0].stem == tool.verb
        return 0.5 if named or max((clause.intents.get(c, 0.0) for c in tool.classes), default=0.0) >= 1 else 0.0
    stems = _spoken(clause)
    total = sum(box.rarity(n) for n in nouns)
    return sum(box.rarity(n) * max([_done(n, clause), *(similar(n, s) for s in stems)]) for n in nouns) / total


def _done(noun: str, clause: Clause) -> float:
    """0.9 if the noun is what the verb brings about: "ping me" is a reminder, "block friday" a calendar entry."""
    if _foreign_object(noun, clause):
        return 0.0
    telling = classes_of(noun) - LIGHT_CLASSES - {"create", "book"}
    return 0.9 if any(clause.intents.get(name, 0.0) >= 1.0 for name in telling) else 0.0


def _foreign_object(noun: str, clause: Clause) -> bool:
    """Whether the verb's object is known to be something else: a flight is no calendar entry."""
    start = clause.head_span[1]
    for word in clause.words:
        if word.start >= start and word.lower in STOP - _BEFORE_NOUN:
            return False
        if word.start < start or word.lower in _BEFORE_NOUN or overlaps(word.start, word.end, clause.value_spans):
            continue
        circles = circles_of(word.stem)
        return (
            bool(circles)
            and not circles & circles_of(noun)
            and not word.is_name
            and not classes_of(word.lower) & classes_of(noun)
        )
    return False


def _spoken(clause: Clause) -> list[str]:
    body = clause.body[0] if clause.body else len(clause.text) + 1
    money = {stem(n.unit) for n in clause.numbers if n.is_money}
    words = [w.stem for w in clause.words if w.start < body and w.lower not in STOP and w.stem not in money]
    words += [stem(x.kind) for x in clause.literals if x.kind in {"email", "url", "phone"}]
    return words + [s for _, meaning in clause.phrases for s in stems_of(meaning)]


def explained(
    clause: Clause, tool: Tool, box: Toolbox, mention: ModuleMention | None, skip: Sequence[Span] = ()
) -> float:
    """Which share of the clause's meaningful words this action's texts account for."""
    body = clause.body[0] if clause.body else len(clause.text) + 1
    prefix = Clause(clause.text[:body].rstrip(), clause.now) if body < len(clause.text) else clause
    used = {w.stem for w in prefix.words if overlaps(w.start, w.end, skip)}
    content = [s for s in prefix.content if s not in _FILLERS]
    if not content:
        return 1.0 if used else 0.0
    known = vocabulary_of(mention.module) if mention else frozenset()
    total = sum(box.rarity(s) for s in content)
    return sum(box.rarity(s) * (1.0 if s in used else _best(s, tool, known)) for s in content) / total


def vocabulary_of(module: Module) -> frozenset[str]:
    """Every stem in a module's names, fields and options."""
    texts = [
        module.name,
        module.singular,
        module.slug,
        *(o.replace("_", " ") for f in module.fields for o in f.options),
    ]
    return frozenset([s for t in texts for s in stems_of(t)] + [w for f in module.fields for w in f.words])


def _best(term: str, tool: Tool, known: frozenset[str]) -> float:
    if term in tool.terms:
        return min(1.0, 0.5 + 0.2 * tool.terms[term])
    if term in known:
        return 1.0
    if classes_of(term) & tool.classes:
        return 0.7
    best = max((similar(term, t) * min(1.0, 0.4 + 0.2 * w) for t, w in tool.terms.items()), default=0.0)
    return max(best, max((0.7 * similar(term, t) for t in known if t not in GENERIC), default=0.0))


def _covered_by_values(found: Candidate, clause: Clause, box: Toolbox) -> float:
    """Coverage when a value stands for its noun: "reserve Orion" says room, "ship billing-api" says service."""
    nouns = found.tool.nouns
    if not nouns:
        return 0.0
    values = [p for p in found.tool.params if p.name in found.arguments and p.name not in found.weak]
    stands = {w for p in values if p.options or p.role in {"id", "email", "url", "string"} for w in p.words}
    stems = _spoken(clause)
    total = sum(box.rarity(n) for n in nouns)
    spoken = sum(
        box.rarity(n) * max([0.8 * (n in stands), _done(n, clause), *(similar(n, s) for s in stems)]) for n in nouns
    )
    return spoken / total


def _leftover(clause: Clause, spans: Sequence[Span]) -> int:
    """How many values of the clause the action has no use for."""
    body = clause.body[0] if clause.body else len(clause.text) + 1
    words = {(n.start, n.end) for n in clause.numbers if n.is_word}
    return sum(not overlaps(*span, spans) for span in clause.value_spans if span[0] < body and span not in words)


def _is_telling(found: Candidate, param: Param, box: Toolbox) -> bool:
    """Whether an option was said that hardly any other action has: "a follow-up" for an e-mail."""
    value = found.arguments.get(param.name)
    if param.role != "enum" or not isinstance(value, str):
        return False
    return all(box.frequency.get(s, 0) <= 1 for s in stems_of(value.replace("_", " ")) if s not in STOP)


def _filled(
    found: Candidate,
    clause: Clause,
    box: Toolbox,
    world: World,
    earlier: Sequence[Sequence[Reference]],
    carried: Module | None,
) -> Candidate:
    shape = shape_of(found.tool)
    if shape is not None:
        filled = RecordFiller(found.tool, shape, clause, world, earlier, carried).fill()
        found.arguments, found.missing, found.module = filled.arguments, filled.missing, filled.module
        found.references, found.reference_param, found.unclear = (
            filled.references,
            filled.reference_param,
            filled.unclear,
        )
        found.evidence, found.partial, found.named = filled.evidence, filled.partial, filled.named
        found.unused, found.elsewhere = filled.unused, filled.elsewhere
        if filled.spans or shape.kind in {"navigate", "describe"}:
            mention = ModuleMention(filled.module, (0, 0), 1.0) if filled.module else None
            better = explained(clause, found.tool, box, mention, filled.spans)
            found.score += 0.8 * (better - found.explained)
            found.explained = better
            found.score -= 0.35 * _leftover(clause, filled.spans)
        found.score += 0.4 * min(3.0, filled.evidence) - 0.5 * len(found.missing)
        if found.coverage < 0.5 and filled.module is not None:
            found.coverage = 0.5
        return found
    filler = Filler(found.tool, clause, world, earlier)
    filling = filler.fill()
    found.arguments, found.missing, found.weak = filling.arguments, filler.missing(), frozenset(filling.weak)
    found.unused, found.each, found.elsewhere = filling.unused, filling.each, filling.elsewhere
    if filling.opens:
        found.score += 1.6 * (1.0 - found.coverage) + 1.0
        found.coverage = 1.0
    found.evidence = filling.evidence
    if found.tool.reads and filling.spans:
        found.explained = max(found.explained, explained(clause, found.tool, box, None, filling.spans))
    gained = _covered_by_values(found, clause, box) - found.coverage
    if not found.tool.params and found.explained >= 0.5:
        gained = max(gained, 0.8 * found.explained - found.coverage)
    if gained > 0:
        found.coverage += gained
        found.score += 1.6 * gained
    found.score -= 0.35 * _leftover(clause, filling.spans)
    if any(_is_telling(found, p, box) for p in found.tool.params):
        found.coverage = max(found.coverage, 0.4)
    if sum(p.role == "enum" and p.required and p.name in found.arguments for p in found.tool.params) > 1:
        found.coverage = max(found.coverage, 0.5)
        found.score += 0.6
    required = [p for p in found.tool.params if p.required]
    found.score += (
        0.3 * min(2.0, filling.evidence) - 0.5 * len(found.missing) / max(1, len(required)) - 0.2 * len(found.missing)
    )
    return found
