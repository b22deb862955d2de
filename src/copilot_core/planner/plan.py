"""A turn as steps: calls to make, questions to ask, words not understood."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from copilot_core.planner.accepting import accepts, has_subject
from copilot_core.planner.clauses import Clause, polished, sentences, soft_breaks
from copilot_core.planner.followups import HELP, Done, asks_more, asks_undo, next_page, untold
from copilot_core.planner.modules import closed_module
from copilot_core.planner.objects import objects
from copilot_core.planner.pointing import pointed_at
from copilot_core.planner.preambles import commands, is_story
from copilot_core.planner.ranking import Candidate, rank
from copilot_core.planner.records import as_filters, filters_by_id, shape_of
from copilot_core.planner.references import PRONOUN, Reference
from copilot_core.planner.related import Related, Tie, itself, related, tied
from copilot_core.planner.smalltalk import is_smalltalk
from copilot_core.planner.tools import Param, Tool, Toolbox
from copilot_core.planner.vocabulary import GENERIC
from copilot_core.planner.words import stem, stems_of
from copilot_core.planner.world import Module, World

_ASK_SCORE = 2.0
_COVERED = 0.8
_ON_ONE = frozenset({"summarize", "suggest"})
_ABILITIES = "what can you do?"
_NO_UNDO = "I cannot take it back myself. Each change that can be undone has its own undo, beside its answer."


@dataclass
class Call:
    """An action to call.

    Args:
        reference_param: takes what an earlier step of this turn will have told.
        each: the ids that it is to be called with, one after the other.
        joins: whether it is called in one round with the step before it.
        ties: what its records have in common with the record that the step before it tells.
        located: whether it is about the first record that the step before it finds.
    """

    tool: Tool
    arguments: dict[str, Any]
    module: Module | None = None
    references: list[Reference] = field(default_factory=list)
    reference_param: Param | None = None
    kind: str = ""
    text: str = ""
    unused: list[str] = field(default_factory=list)
    each: list[str] = field(default_factory=list)
    joins: bool = False
    ties: tuple[Tie, ...] = ()
    located: bool = False


@dataclass(frozen=True)
class Ask:
    """A required argument that the words do not give."""

    candidate: Candidate
    param: Param | None
    text: str


@dataclass(frozen=True)
class Unknown:
    """Words that no action accounts for; `fitting` are the actions on what they speak of."""

    text: str
    smalltalk: bool = False
    fitting: tuple[Tool, ...] = ()


@dataclass(frozen=True)
class Said:
    """Words that an answer from what is known is enough for."""

    text: str
    sentence: str = ""
    rows: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Refused:
    """Words about a kind of record that the page does not work with."""

    text: str
    module: Module


Step = Call | Ask | Unknown | Refused | Said


class Planner:
    """Plans the turns of one request against its actions and its world."""

    def __init__(self, box: Toolbox, world: World) -> None:
        self.box, self.world = box, world

    def plan(self, text: str, earlier: Sequence[Sequence[Reference]] = (), last: Done | None = None) -> list[Step]:
        """The steps of one message.

        Args:
            earlier: the records that previous results told of.
            last: the call that the previous answer told the result of.
        """
        if asks_more(text) and (last is not None or earlier):
            return [self._more(text, last)]
        if asks_undo(polished(text), self.box):
            return [Said(text, _NO_UNDO)]
        steps: list[Step] = []
        known = [list(group) for group in earlier]
        carried = self._module_of(earlier)
        for sentence in self._with_stories(_joined(sentences(text)), known, carried):
            for step in self._sentence(sentence, known, carried):
                added = self._merged(steps, step)
                if added is None:
                    continue
                steps.extend(_one_by_one(added))
                if isinstance(added, Call):
                    carried = added.module or carried
                    promised = _promised(added, len(steps) - 1)
                    if promised:
                        known.append(promised)
        return steps

    def _more(self, text: str, last: Done | None) -> Step:
        page = next_page(self.box, last) if last else None
        if page is not None:
            return Call(*page, text=text, kind="query")
        rest = untold(last) if last else ()
        return Said(text, "" if rest else "There is no more that I can show.", rest)

    def _with_stories(self, parts: list[str], known: list[list[Reference]], carried: Module | None) -> list[str]:
        """Sentences, a story joined to the command about it that follows."""
        found: list[str] = []
        for part in parts:
            both = f"{found[-1].rstrip(' .!')}, {part}" if found else ""
            pointing = PRONOUN.search(part) is not None
            if both and pointing and is_story(Clause(found[-1], self.world.now)):
                both = both if self._after_story(both, known, carried) else ""
            else:
                both = ""
            if both:
                found[-1] = both
            else:
                found.append(part)
        return found

    def _module_of(self, earlier: Sequence[Sequence[Reference]]) -> Module | None:
        return self.world.module(earlier[-1][0].module) if earlier and earlier[-1] else None

    def _sentence(self, sentence: str, known: list[list[Reference]], carried: Module | None) -> Iterator[Step]:
        """The steps of one sentence: cut where both halves make sense on their own."""
        if is_smalltalk(sentence):
            yield Unknown(sentence, smalltalk=True)
            return
        known = list(known)
        told = self._after_story(sentence, known, carried)
        if told:
            yield from told
            return
        text = polished(sentence)
        asked = related(Clause(text, self.world.now), self.world)
        if asked is not None and not asked.direct:
            yield from self._related(asked, text)
            return
        for left, right in soft_breaks(text):
            head = self._clause(left, known, carried)
            if not isinstance(head, Call) or _continues(right, head):
                continue
            promised = _promised(head, -1)
            after = [*known, promised] if promised else known
            tail = list(self._sentence(right, after, head.module or carried))
            if tail and self._stands_alone(tail[0], head):
                yield head
                yield from tail
                return
        step = self._clause(text, known, carried)
        yield from (self._located(text, known, carried) if _lacks_module(step) else []) or [step]

    def _located(self, text: str, known: Sequence[Sequence[Reference]], carried: Module | None) -> list[Step]:
        """“summarize the SOC2 audit”: a record of a kind that the words do not tell is looked for first."""
        clause = Clause(text, self.world.now)
        for found in rank(clause, self.box, self.world, known, carried):
            shape = shape_of(found.tool)
            name = found.arguments.get(shape.ref.name) if shape and shape.ref else None
            alone = shape is not None and found.kind in _ON_ONE and found.missing == [shape.module]
            if alone and isinstance(name, str) and found.verb >= 0.9 and self.world.page is None:
                searched = self._clause(f'search for "{name}"', [], None)
                call = self._call(found, clause, known)
                if isinstance(searched, Call) and isinstance(call, Call) and name in searched.arguments.values():
                    return [replace(searched, text=text), replace(call, located=True)]
        return []

    def _related(self, asked: Related, text: str) -> list[Step]:
        """Related records that no field of their own ties to the open one: by its values, else by its name."""
        assert self.world.page is not None
        listed, opened = self._query(asked.noun), self._query(self.world.opened.name if self.world.opened else "")
        if asked.ties and listed is not None and opened is not None:
            param, own = filters_by_id(listed.tool), filters_by_id(opened.tool)
            if param is not None and own is not None:
                opened.arguments[own.name] = as_filters(own, itself(self.world))
                return [opened, replace(listed, text=text, ties=asked.ties)]
        name = self.world.page.record_name
        plain = stem(asked.noun) in GENERIC
        said = f'search {asked.noun} for "{name}"' if asked.module or plain else f"list {asked.noun} about {name}"
        found = self._clause(said, [], None) if name and asked.module is not self.world.opened else None
        if isinstance(found, Call) and name in found.arguments.values():
            return [replace(found, text=text)]
        step = listed or self._clause(text, [], None)
        return [replace(step, text=text, unused=[*step.unused, "related"]) if isinstance(step, Call) else step]

    def _query(self, noun: str) -> Call | None:
        step = self._clause(f"list {noun}", [], None)
        return step if isinstance(step, Call) and step.kind == "query" else None

    def _after_story(self, sentence: str, known: list[list[Reference]], carried: Module | None) -> list[Step]:
        """The calls of a command that follows a story, if all of it makes sense."""
        for text in commands(sentence, Clause(sentence, self.world.now)):
            steps = list(self._sentence(text, known, carried))
            if steps and all(isinstance(s, Call) for s in steps):
                return steps
        return []

    def _stands_alone(self, step: Step, head: Call) -> bool:
        """Whether what follows an "and" is a command of its own and no part of the first one's text."""
        if isinstance(step, Call):
            free_text = head.kind == "" and any(
                p.role == "prose" and p.name in head.arguments for p in head.tool.params
            )
            if not free_text and head.kind != "create":
                return True
            if step.kind == "" and step.tool.handle is not None and step.tool.handle.name in step.arguments:
                return True
            said = " ".join(str(v) for v in step.arguments.values() if isinstance(v, str))
            bare = PRONOUN.search(said) is not None and not step.references and step.kind == ""
            return not bare
        return isinstance(step, Ask) and step.param is not None and step.candidate.score > 2.6

    def _clause(self, text: str, known: Sequence[Sequence[Reference]], carried: Module | None) -> Step:
        if is_smalltalk(text):
            return Unknown(text, smalltalk=True)
        if HELP.fullmatch(text.strip(" .!?")):
            found = self._clause(_ABILITIES, known, carried)
            return found if isinstance(found, Call) else Unknown(text, smalltalk=True)
        clause = Clause(text, self.world.now)
        asked = related(clause, self.world)
        clause = tied(clause, asked, self.world) if asked else clause
        ranked = rank(clause, self.box, self.world, known, carried)
        accepted = [c for c in ranked if accepts(c, clause)]
        closed = closed_module(clause, self.world)
        if closed is not None and (not accepted or accepted[0].kind):
            return Refused(text, closed)
        if not accepted:
            pointed = pointed_at(text, known)
            return Unknown(text, fitting=tuple(objects(self.box, self.world, known).meant(clause, pointed)))
        best = accepted[0]
        if best.kind in {"update", "delete"} and not best.missing and (best.unused or not has_subject(best)):
            return Ask(best, None, text)
        if not best.missing:
            return self._call(best, clause, known)
        ready = next((c for c in accepted if not c.missing and c.score > best.score - 0.35), None)
        if ready is not None:
            return self._call(ready, clause, known)
        sure = best.score >= _ASK_SCORE or (best.coverage >= _COVERED and clause.head is not None)
        return Ask(best, best.missing[0], text) if sure else Unknown(text)

    def _call(self, found: Candidate, clause: Clause, known: Sequence[Sequence[Reference]]) -> Step:
        if not found.tool.reads:
            arguments, unresolved = _resolved(found.arguments, known)
            if unresolved is not None:
                return Ask(found, found.tool.param(unresolved), clause.text)
            found.arguments = arguments
        return Call(
            found.tool,
            found.arguments,
            found.module,
            found.references,
            found.reference_param,
            found.kind,
            clause.text,
            found.unused,
            found.each,
        )

    def _merged(self, steps: list[Step], step: Step) -> Step | None:
        """One call for "ack this and give it to Sam": a change of the record just changed or made joins that step."""
        last = steps[-1] if steps else None
        if not (isinstance(step, Call) and step.kind == "update" and isinstance(last, Call)):
            return step
        values = next((p.name for p in step.tool.params if p.type == "object" and p.name in step.arguments), None)
        if values is None:
            return step
        same = last.tool is step.tool and (
            {k: v for k, v in last.arguments.items() if k != values}
            == {k: v for k, v in step.arguments.items() if k != values}
            or (step.references and step.references[0].step == -1)
        )
        made = last.kind == "create" and step.references and step.references[0].step in {-1, len(steps) - 1}
        target = next((p.name for p in last.tool.params if p.type == "object" and p.name in last.arguments), None)
        if (same or made) and target is not None and last.module is step.module:
            last.arguments = {**last.arguments, target: {**last.arguments[target], **step.arguments[values]}}
            return None
        return step


def _lacks_module(step: Step) -> bool:
    """Whether nothing was understood, or only the kind of record is missing."""
    return isinstance(step, Unknown) or (isinstance(step, Ask) and step.param is not None and step.param.is_module)


def _one_by_one(step: Step) -> list[Step]:
    """A call for each of several things: "resolve all of them"."""
    if not isinstance(step, Call) or not step.each or step.tool.handle is None:
        return [step]
    name = step.tool.handle.name
    return [
        replace(step, arguments={**step.arguments, name: value}, each=[], joins=place > 0)
        for place, value in enumerate(step.each)
    ]


def _continues(right: str, head: Call) -> bool:
    """ "and email ada@hooli.io": a field of the record at hand with its value, and no command."""
    match = re.match(r"(\w+)\s+(?:is\s+)?(?=[\w.+-]+@|\+?\d|www\.|https?:)", right)
    fields = head.module.fields if head.module else ()
    words = {w for f in fields for w in f.words}
    opening = tuple(stems_of(right))
    if head.kind == "create" and any(len(f.words) > 1 and opening[: len(f.words)] == f.words for f in fields):
        return True
    return match is not None and head.kind in {"create", "update"} and stem(match[1].lower()) in words


def _promised(call: Call, step: int) -> list[Reference]:
    """The record that a planned call will tell of; its id is known only when it has run."""
    handle = call.tool.handle if call.kind == "" else None
    if handle is not None and isinstance(call.arguments.get(handle.name), str):
        return [Reference(call.arguments[handle.name], None, None, step, things=call.tool.things)]
    if call.kind == "create" or (call.kind == "" and not call.tool.reads):
        values = next((v for v in call.arguments.values() if isinstance(v, dict)), call.arguments)
        name = next((str(values[k]) for k in ("name", "title", *values) if isinstance(values.get(k), str)), None)
        return [Reference(None, name, call.module.slug if call.module else None, step)]
    if call.kind == "query" and call.module is not None:
        told = next((v for v in call.arguments.values() if isinstance(v, list) and v and isinstance(v[0], dict)), [])
        narrowed = any(isinstance(v, int) for v in call.arguments.values()) or bool(call.unused)
        conditions = () if narrowed or not all("op" in c for c in told) else tuple(told)
        return [Reference(None, None, call.module.slug, step, conditions, several=True)]
    if call.kind in {"search", "query"}:
        named = next((v for v in call.arguments.values() if isinstance(v, str) and v[:1].isupper()), None)
        return [Reference(None, named, call.module.slug if call.module else None, step)] if named else []
    if call.kind in {"update", "summarize", "one", "suggest"}:
        handles = next(
            (v for k, v in call.arguments.items() if call.tool.param(k) and k.lower().startswith("record")), None
        )
        handles = handles if isinstance(handles, list) else [handles] if isinstance(handles, str) else []
        return [Reference(h, None if "_" in h else h, call.module.slug if call.module else None, step) for h in handles]
    return []


_BARE = re.compile(r"\b(?:him|her|them|it)\b", re.IGNORECASE)


def _resolved(arguments: dict[str, Any], known: Sequence[Sequence[Reference]]) -> tuple[dict[str, Any], str | None]:
    """`arguments` with pronouns in texts replaced by whom they mean, or the argument where that is unknown."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, str) and re.fullmatch(r"(?:him|her|them|it|that|this)\W*", value, re.IGNORECASE):
            who = next((group[0].name for group in reversed(known) if group and group[0].name), None)
            if who is None:
                return arguments, name
            value = _BARE.sub(_literally(who), value, count=1)
        elif (
            isinstance(value, str)
            and known
            and known[-1]
            and known[-1][0].name
            and len(value) < 80
            and re.search(
                r"\b(?:him|her)\b(?=\W*$|\s+(?:about|to|for|at|on|in|with|by|back"
                r"|and)\b)|\b(?:with|to|for) them\b",
                value,
            )
        ):
            value = _BARE.sub(_literally(str(known[-1][0].name)), value, count=1)
        found[name] = value
    return found, None


def _literally(text: str) -> str:
    """`text` as a replacement in which a backslash means itself."""
    return text.replace("\\", r"\\")


def _joined(parts: list[str]) -> list[str]:
    """Sentences, those without words of their own ("bring me there") joined to the one before."""
    found: list[str] = []
    for part in parts:
        pointing = re.fullmatch(r"(?:please\s+)?(?:\w+\s+){1,3}(?:there|here)\W*(?:please\W*)?", part, re.IGNORECASE)
        if found and pointing:
            found[-1] = f"{part.strip(' .!')}: {found[-1]}"
        elif part:
            found.append(part)
    return found
