"""Arguments of actions on records of any kind: query, create, update, delete, describe and the like.

Which parameter is the module, the filters, the new values or the record is read from names and
schemas, so that ``updateRecord(recordId, fields)`` works as ``updateRecords(module, records, fields)`` does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from copilot_core.planner.batches import rows_of
from copilot_core.planner.changes import Change
from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.fields import Draft
from copilot_core.planner.filter_base import Filter
from copilot_core.planner.filter_values import sorting
from copilot_core.planner.filters import Conditions
from copilot_core.planner.modules import ModuleMention, chosen_module, field_mention
from copilot_core.planner.options import find_options
from copilot_core.planner.page import conditions_of_list, conditions_of_record, link_of
from copilot_core.planner.pointing import PLACES, pointed_at
from copilot_core.planner.prose import clean, tidy, without
from copilot_core.planner.references import Reference, points_at_list
from copilot_core.planner.subjects import Subject, read_subject, without_field
from copilot_core.planner.tools import Param, Tool
from copilot_core.planner.values import overlaps
from copilot_core.planner.vocabulary import STOP
from copilot_core.planner.words import identifier_words, phrase_of, stem, stem_set, stems_of, words_of
from copilot_core.planner.world import Module, World

_VALUES = stem_set("fields values data attributes properties changes updates patch input record")
_FILTERS = stem_set("filters conditions where criteria")
_COUNTS = stem_set("limit top count size max take")
SCHEMA_WORDS = stem_set(
    "schema field fields column columns option options structure attribute"
    " attributes property properties definition metadata"
)
_POINTING = re.compile(r"\b(?:th(?:is|at|ese|ose|em|ey|ere)|it|its|here|current|ones?|list|records?)\b", re.IGNORECASE)
_SEVERAL = re.compile(r"\b(?:bulk|batch|several|multiple|a few|a couple of|some|both|mass)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Shape:
    """How an action on records takes its arguments."""

    kind: str
    module: Param | None = None
    filters: Param | None = None
    values: Param | None = None
    rows: Param | None = None
    refs: Param | None = None
    ref: Param | None = None
    sort_by: Param | None = None
    sort_order: Param | None = None
    limit: Param | None = None
    field_name: Param | None = None
    text: Param | None = None
    of_one: bool = False
    """Of the records of one module only: the one in its name."""


@dataclass
class Filled:
    """Arguments for an action on records, and how sure they are."""

    arguments: dict[str, Any] = field(default_factory=dict)
    missing: list[Param] = field(default_factory=list)
    evidence: float = 0.0
    module: Module | None = None
    references: list[Reference] = field(default_factory=list)
    reference_param: Param | None = None
    unclear: bool = False
    elsewhere: bool = False
    partial: dict[str, Any] = field(default_factory=dict)
    named: bool = True
    spans: list[Span] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


@lru_cache(maxsize=512)
def shape_of(tool: Tool) -> Shape | None:
    """The shape of an action on records, of any kind or of one; None for an action with parameters of its own."""
    parts: dict[str, Param] = {}
    for param in tool.params:
        part = _part_of(param)
        if part is not None:
            parts.setdefault(part, param)
    of_one = "module" not in parts and "filters" in parts and _are_conditions(parts["filters"])
    if not (of_one or "module" in parts) and not (
        {"ref", "refs"} & set(parts) and ("record" in tool.name_words or "records" in tool.name_words)
    ):
        return None
    kind = _kind(tool, set(parts))
    return Shape(kind, **parts, of_one=of_one)


def _are_conditions(param: Param) -> bool:
    """``[{field, op, value}]``: conditions on fields that the schema does not name."""
    return "field" in param.properties and bool({"op", "operator"} & set(param.properties))


def module_for(tool: Tool, shape: Shape, clause: Clause, world: World, carried: Module | None) -> ModuleMention | None:
    """The module that `clause` is about, unless the action is for another one: ``showTasks(filter)`` is for tasks."""
    found = chosen_module(clause, world, carried, creating=shape.kind in {"create", "create_many"})
    if found is None or not shape.of_one:
        return found
    names = (found.module.slug, found.module.name, found.module.singular)
    own = {stem(word) for word in tool.name_words}
    return found if any(set(stems_of(name)) <= own for name in names) else None


def _part_of(param: Param) -> str | None:
    words = set(param.words)
    if param.is_module:
        return "module"
    if param.type == "array":
        if words & _FILTERS:
            return "filters"
        if param.role == "objects" or param.items.get("type") == "object":
            return "rows"
        return "refs" if words & {"record", "id", "ids"} else None
    if param.type == "object":
        return "filters" if words & _FILTERS else "values" if words & _VALUES else None
    if param.options and {"asc", "desc"} <= {str(o).lower() for o in param.options}:
        return "sort_order"
    if words & {"sort", "order"} and param.type == "string":
        return "sort_by"
    if param.type in {"integer", "number"} and words & _COUNTS:
        return "limit"
    if param.type == "string" and words & {"field", "column", "attribut", "property"}:
        return "field_name"
    if param.type == "string" and words & {"record", "id"}:
        return "ref"
    return "text" if param.type == "string" and param.role == "prose" else None


def _kind(tool: Tool, parts: set[str]) -> str:
    classes = tool.classes
    told = set(identifier_words(tool.name)) | set(tool.description.lower().split())
    if "rows" in parts:
        return "create_many"
    if "values" in parts:
        return "update" if {"ref", "refs"} & parts else "create"
    if "delete" in classes and {"ref", "refs", "filters"} & parts:
        return "delete"
    if "field_name" in parts:
        return "suggest"
    if {"ref", "refs"} & parts:
        return "summarize" if "summarize" in classes | tool.said_classes or "summary" in told else "one"
    if "filters" in parts:
        return "query"
    if "text" in parts:
        return "search"
    if "navigate" in classes:
        return "navigate"
    return "describe" if {stem(w) for w in told} & SCHEMA_WORDS else "query"


def asks_schema(clause: Clause, mention: ModuleMention | None) -> bool:
    """Whether fields or options are asked for; the name of a module ("properties") does not say so."""
    own = [mention.span] if mention is not None else []
    return any(w.stem in SCHEMA_WORDS and not overlaps(w.start, w.end, own) for w in clause.words)


class RecordFiller:
    """One attempt to fill the arguments of an action on records."""

    def __init__(
        self,
        tool: Tool,
        shape: Shape,
        clause: Clause,
        world: World,
        earlier: Sequence[Sequence[Reference]],
        carried: Module | None,
    ) -> None:
        self.tool, self.shape, self.clause, self.world, self.earlier, self.carried = (
            tool,
            shape,
            clause,
            world,
            earlier,
            carried,
        )
        self.filled = Filled()
        self.mention = module_for(tool, shape, clause, world, carried)

    def fill(self) -> Filled:
        """The arguments by the kind of action; what is required and was not found is missing."""
        getattr(self, f"_{self.shape.kind}")()
        if self.mention is not None:
            self.filled.module = self.mention.module
            self.filled.named = self._is_named(self.mention)
            self.filled.evidence += self.mention.strength
            if self.shape.module is not None and "missing_module" not in self.filled.arguments:
                self._put(self.shape.module, self._slug(self.mention.module))
        self.filled.missing = [p for p in self.tool.params if p.required and p.name not in self.filled.arguments]
        return self.filled

    def _is_named(self, mention: ModuleMention) -> bool:
        """Whether the module was said, carried over by "another", or told by one of its options."""
        if mention.span != (0, 0) or (self.carried is not None and self.clause.has("one", "another", "ones")):
            return True
        fields = mention.module.fields
        return any(find_options(self.clause, f.options, 1.0, [self.clause.head_span]) for f in fields if f.options)

    def _slug(self, module: Module) -> str | None:
        allowed = self.shape.module.options if self.shape.module else ()
        return module.slug if not allowed or module.slug in allowed else None

    def _put(self, param: Param | None, value: Any) -> None:
        if param is not None and value is not None and value != [] and value != {}:
            self.filled.arguments[param.name] = value

    def _query(self) -> None:
        if self.mention is None:
            return
        order = sorting(self.clause, self.mention)
        skip = [order.span] if order else []
        if self.clause.head_span != (0, 0) and not self.clause.is_question:
            skip.append(self.clause.head_span)
        conditions = Conditions(self.clause, self.mention, self.world, skip)
        limit = conditions.limit()
        filters = conditions.read()
        self.filled.spans = [s for s in conditions.taken if s != self.clause.head_span]
        filters = [*self._given(filters), *filters]
        self._put_filters(filters)
        self.filled.unused += conditions.unused([self.mention.span])
        if order is not None and self.shape.of_one and self.shape.sort_by is None:
            self.filled.unused.append(self.clause.text[slice(*order.span)])
            self.filled.evidence -= 0.7
            order = None
        if order is not None:
            self._put(self.shape.sort_by, order.field)
            self._put(self.shape.sort_order, order.order)
        if limit is not None:
            self._put(self.shape.limit, limit[0])
        elif (
            order is not None
            and re.search(r"\bthe (?:single )?\w+est\b", self.clause.text)
            and not self.mention.plural
            and self.mention.span != (0, 0)
        ):
            self._put(self.shape.limit, 1)
        self.filled.evidence += 0.3 * len(filters) + (0.7 if order or limit else 0.0)

    def _given(self, said: Sequence[Filter]) -> list[Filter]:
        """The conditions of what is in view and pointed at: results told earlier, the open record, the open list."""
        assert self.mention is not None
        module, told = self.mention.module, {f["field"] for f in said}
        points = points_at_list(self.clause.text) or self.clause.has("ones")
        last = next((group[0] for group in reversed(self.earlier) if group), None)
        if last is not None and points:
            known = [dict(c) for c in last.shown] if last.module == module.slug else []
        elif (of_shown := self._of_shown()) is not None:
            known = of_shown
        elif (record := conditions_of_record(module, self.clause, self.world)) is not None:
            known = record
        elif last is None and module is self.world.listed and (points or self.mention.span == (0, 0)):
            known, unfit = conditions_of_list(self.world)
            self.filled.unused += unfit
        else:
            return []
        self.filled.spans += _pointing(self.clause)
        return [f for f in known if f["field"] not in told]

    def _of_shown(self) -> list[Filter] | None:
        """“what tasks does it have?”, after one record of another module was told: those whose relation leads to it."""
        assert self.mention is not None
        told = pointed_at(self.clause.text, self.earlier)
        slug = told[0].module if len(told) == 1 else None
        if slug is None or slug == self.mention.module.slug or self.world.opened is not None:
            return None
        field = next((f for f in self.mention.module.fields if f.relation == slug), None)
        return [{"field": field.name, "op": "eq", "value": told[0].id}] if field and told[0].id else None

    def _put_filters(self, filters: Sequence[Filter]) -> None:
        """The conditions that the action can take; the others are not used."""
        param = self.shape.filters
        kept = [f for f in filters if _knows(param, f["op"])]
        if param is not None and kept:
            self._put(param, as_filters(param, kept))
        self.filled.unused += [_said(f) for f in filters if f not in kept]

    def _search(self) -> None:
        text = search_text(self.clause, self.mention)
        if self.mention is not None and self.mention.strength < 1.0:
            self.mention = None
        self._put(self.shape.text, text or None)
        if text:
            self.filled.evidence += 0.5

    def _describe(self) -> None:
        told = set(self.clause.stems)
        self.filled.evidence += 0.8 if asks_schema(self.clause, self.mention) else -0.6
        if self.mention is not None and any(field_mention(self.clause, f) for f in self.mention.module.fields):
            self.filled.evidence += (
                0.3 if told & (SCHEMA_WORDS | {"valu", "possibl", "allow", "choos", "exist"}) else 0.0
            )

    def _navigate(self) -> None:
        self.filled.evidence += 0.1

    def _create(self) -> None:
        if self.mention is None:
            return
        values = Draft(self.clause, self.mention, self.world).read()
        values |= link_of(self.mention.module, self.clause, self.world, values)
        title = self.mention.module.title
        self._put(self.shape.values, values if title in values else None)
        self.filled.partial = values
        self.filled.evidence += 0.2 * len(values)
        if len(rows_of(self.clause, self.mention, self.world)) > 1:
            self.filled.evidence -= 1.5

    def _create_many(self) -> None:
        if self.mention is None:
            return
        rows = rows_of(self.clause, self.mention, self.world)
        self._put(self.shape.rows, rows)
        several = len(rows) > 1 or _SEVERAL.search(self.clause.text) is not None
        self.filled.evidence += 1.2 if several and rows else -1.5

    def _update(self) -> None:
        if self.mention is None:
            return
        subject, fields = Change(self.clause, self.mention, self.world, self.earlier).read()
        self._put(self.shape.values, fields)
        self._put_subject(subject)
        self.filled.evidence += 0.4 * len(fields)

    def _delete(self) -> None:
        text = self.clause.text[self.clause.head_span[1] :]
        self._put_subject(read_subject(self.clause, text, self.mention, self.world, self.earlier))

    def _summarize(self) -> None:
        self._one()

    def _one(self) -> None:
        """An action on one record, with options of its own."""
        self._record_from(self.clause.text[self.clause.head_span[1] :])
        self._own_options()

    def _suggest(self) -> None:
        if self.mention is None:
            return
        module = self.mention.module
        named = [(f, s) for f in module.fields if (s := field_mention(self.clause, f)) is not None]
        chosen = max(named, key=lambda t: (t[1][1] - t[1][0], bool(t[0].options)), default=None)
        if chosen is None:
            return
        self._put(self.shape.field_name, chosen[0].name)
        start = self.clause.head_span[1]
        rest = without_field(self.clause, self.clause.text[start:], self.mention)
        rest = re.sub(
            r"\b(?:should|would|could|good|best|right|suitable|appropriate"
            r"|be|have|has|set|what|which|for|value|new|a|an|is|suggest\w*"
            r"|recommend\w*|next|use|get|i|we|give|put|choose|pick)\b",
            " ",
            rest,
            flags=re.I,
        )
        self._record_from(rest)
        self.filled.evidence += 0.6

    def _own_options(self) -> None:
        for param in self.tool.params:
            if param.role == "enum" and param.name not in self.filled.arguments and not param.is_module:
                found = find_options(self.clause, param.options, 0.62)
                if found:
                    self._put(param, found[0].value)

    def _record_from(self, text: str) -> None:
        if self.mention is None and re.search(r"\b[A-Z]\w+ [A-Z]\w+\b", text):
            people = [m for m in self.world.modules if m.of_kind("email") and m.of_kind("phone")]
            self.mention = ModuleMention(people[0], (0, 0), 0.6) if len(people) == 1 else None
        text = re.sub(
            rf"^\s*(?:me\s+)?(?:up\s+)?(?:with\s+)?(?:(?:a|the(?!\s+(?:current|open|{PLACES})\b)|an)\s+)?(?:(?:short"
            r"|quick|brief|detailed|full|long|thorough|concise)\s+)?(?:(?:summary"
            r"|overview|recap|digest|rundown|gist|lowdown)\b)?\s*(?:of|on|about"
            r"|for|with)?\s*",
            "",
            text,
            flags=re.I,
        )
        self._put_subject(read_subject(self.clause, text, self.mention, self.world, self.earlier))

    def _put_subject(self, subject: Subject) -> None:
        self.filled.unclear, self.filled.elsewhere = subject.unclear, subject.elsewhere
        self.filled.unused += subject.unused
        page = self.world.page
        if (
            subject.records
            and page
            and subject.records == [page.record_id]
            and self.world.page_module
            and self.mention is None
        ):
            self.mention = ModuleMention(self.world.page_module, (0, 0), 0.8)
        several = max(len(subject.references), len(subject.records)) > 1
        if several and self.shape.refs is None:
            self.filled.elsewhere = True
        if subject.references:
            self.filled.references = subject.references
            self.filled.reference_param = self.shape.refs or self.shape.ref
            handles = [r.handle for r in subject.references if r.handle]
            if self.mention is None or self.mention.span == (0, 0):
                known = self.world.module(subject.references[0].module)
                self.mention = ModuleMention(known, (0, 0), 0.8) if known else self.mention
            subject.records = handles
            if not handles and self.filled.reference_param is not None and subject.references[0].several:
                self.filled.arguments[self.filled.reference_param.name] = []
        if page and subject.records == [page.record_id] and self.shape.kind == "summarize":
            self.filled.spans += _pointing(self.clause)
        if subject.records:
            self._put(self.shape.refs, subject.records)
            self._put(self.shape.ref, subject.records[0] if self.shape.refs is None else None)
            self.filled.evidence += 0.5
        elif subject.filters:
            self._put_filters(subject.filters)
            self.filled.evidence += 0.5
        elif subject.everything and self.shape.filters is not None:
            self.filled.arguments[self.shape.filters.name] = [] if self.shape.filters.type == "array" else {}
            self.filled.evidence += 0.3


def _pointing(clause: Clause) -> list[Span]:
    return [m.span() for m in _POINTING.finditer(clause.text)]


def _knows(param: Param | None, op: str) -> bool:
    """Whether conditions with this operator can be given; "in" only where the schema tells of it."""
    if param is None or param.type == "object":
        return param is not None and op == "eq"
    node = param.properties.get("op") or param.properties.get("operator") or {}
    options = node.get("enum") if isinstance(node, Mapping) else None
    if isinstance(options, list):
        return op in options
    said = f"{node.get('description', '')} {param.description}" if isinstance(node, Mapping) else param.description
    return (
        op not in {"in", "empty"}
        or re.search(rf"['\"`|/]{op}\b|\b{op}['\"`|/]|,\s*{op}\b(?=[,.)]|$)", said) is not None
    )


def as_filters(param: Param, filters: Sequence[Filter]) -> Any:
    """Conditions in the form the schema wants: a list, or an object of equal values."""
    if param.type == "object":
        return {f["field"]: f["value"] for f in filters}
    if "op" not in param.properties and "operator" in param.properties:
        return [{"field": f["field"], "operator": f["op"], "value": f["value"]} for f in filters]
    return list(filters)


def filters_by_id(tool: Tool) -> Param | None:
    """The conditions of an action that lists the records of a module, if they may be on a record's id."""
    shape = shape_of(tool)
    if shape is None or shape.kind != "query" or shape.filters is None or shape.filters.type == "object":
        return None
    named = shape.filters.properties.get("field", {})
    return shape.filters if "id" in stems_of(str(named.get("description", ""))) else None


def _said(condition: Filter) -> str:
    value = condition["value"]
    if condition["op"] == "empty":
        return f"no {phrase_of(condition['field'])}"
    told = " or ".join(map(str, value)) if isinstance(value, list) else str(value)
    signs = {"ne": "not ", "gt": "over ", "gte": "from ", "lt": "under ", "lte": "up to "}
    return f"{phrase_of(condition['field'])} {signs.get(condition['op'], '')}{told}"


def search_text(clause: Clause, mention: ModuleMention | None) -> str:
    """What to look for: quoted, or the words after the verb without those that say where."""
    if clause.quoted():
        return clause.quoted()[0].value
    start = clause.head_span[1]
    text = clause.text[start:]
    if mention is not None and mention.span != (0, 0) and mention.strength == 1.0:
        lead = re.search(
            r"(?:\b(?:in|through|across|within|all|the|our|my|any|among)\s+)*$", clause.text[: mention.span[0]]
        )
        text = without(text, [((lead.start() if lead else mention.span[0]) - start, mention.span[1] - start)])
    marker = re.search(
        r"\b(?:mention(?:s|ing|ed)?|contain(?:s|ing)?|about|related to"
        r"|relating to|regarding|matching|with the words?|that says?|for"
        r"|called|named|on)\s+",
        text,
        re.I,
    )
    if marker is not None:
        text = text[marker.end() :]
    words = list(words_of(text))
    while words and (
        words[0].lower
        in STOP
        | {
            "find",
            "search",
            "look",
            "looking",
            "write",
            "wrote",
            "put",
            "note",
            "noted",
            "record",
            "recorded",
            "anything",
            "something",
            "everything",
            "records",
        }
        and not words[0].is_name
    ):
        words.pop(0)
    return tidy(clean(text[words[0].start :].rstrip(" ?.!"))) if words else ""
