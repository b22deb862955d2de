"""What an action can do, read from its name, its description and its JSON Schema."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from copilot_core.planner.vocabulary import GENERIC, LIGHT_CLASSES, READING_CLASSES, STOP, classes_of
from copilot_core.planner.words import identifier_words, stem, stem_set, stems_of

Schema = Mapping[str, Any]
_EXAMPLES = re.compile(r"\n?\s*Examples?:\s*(?P<list>[\"“].*)$", re.DOTALL)
_QUOTE = re.compile(r"[\"“]([^\"”]+)[\"”]")

# (role, words of which one is in the parameter's name), first match wins; see `Param.role`.
_STRING_ROLES: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (role, frozenset(map(stem, words.split())))
    for role, words in (
        ("email", "email mail"),
        ("phone", "phone mobile msisdn"),
        ("url", "url link website uri webhook domain"),
        ("id",
            "id ids sku code key ref reference identifier uuid isbn vin iban"
            " plate serial tracking hash sha"),
        ("time", "time hour"),
        ("name", "title name subject headline caption label heading"),
        ("prose",
            "text message body content query description note notes reason"
            " comment context summary topic "
                  "question prompt caption instructions details keyword keywords"
                      " term phrase search feedback review "
                  "memo announcement remark purpose words sentence"),
        ("person",
            "recipient attendee assignee employee user person customer guest"
            " owner manager author client "
                   "contact patient member candidate invitee agent participant sender"
                       " requester who driver doctor "
                   "passenger approver colleague teammate payee buyer host supplier vendor"),
        ("place",
            "city location place address country origin destination airport"
            " room warehouse site area region "
                  "zone office building floor street venue town state station restaurant"
                      " hotel where departure arrival"),
    )
)  # fmt: skip
_DATE_WORDS = stem_set("date day deadline due when datetime checkin checkout until since")
_TIME_WORDS = stem_set("at start end begin from to starts ends time timestamp until datetime")
_PERSON_WORDS = _STRING_ROLES[7][1]
_PLACE_WORDS = _STRING_ROLES[8][1]
_MODULE_WORDS = stem_set("module entity table collection resource")
_QUANTITY_UNITS = stem_set("minutes minute hours hour days day nights seconds weeks months years")


@dataclass(frozen=True, eq=False)
class Param:
    """One parameter. `path` of a nested one is reached through its parents' names."""

    name: str
    schema: Schema
    required: bool

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The stems of its name."""
        return tuple(stem(word) for word in identifier_words(self.name))

    @cached_property
    def description(self) -> str:
        """What the schema says about it."""
        return str(self.schema.get("description", ""))

    @cached_property
    def type(self) -> str:
        """Its JSON type; the first that is not null where several are allowed."""
        kind = self.schema.get("type")
        for option in self.schema.get("anyOf", ()) if kind is None else ():
            if isinstance(option, Mapping) and option.get("type") != "null":
                kind = option.get("type")
                break
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "string")
        kind = kind or ("object" if "properties" in self.schema else "array" if "items" in self.schema else "string")
        return {"dict": "object", "float": "number", "double": "number", "list": "array", "tuple": "array"}.get(
            kind, str(kind)
        )

    @cached_property
    def options(self) -> tuple[Any, ...]:
        """The values that the schema allows, if it lists them."""
        source = self.items if self.type == "array" else self.schema
        found = source.get("enum")
        for option in source.get("anyOf", ()) if found is None else ():
            found = found or (option.get("enum") if isinstance(option, Mapping) else None)
        if found is None and "const" in source:
            found = [source["const"]]
        return tuple(o for o in found if o is not None) if isinstance(found, list) else ()

    @cached_property
    def items(self) -> Schema:
        """The schema of an array's items."""
        items = self.schema.get("items")
        return items if isinstance(items, Mapping) else {}

    @cached_property
    def properties(self) -> Mapping[str, Schema]:
        """The properties of an object, or of an array's items."""
        source = self.items if self.type == "array" else self.schema
        found = source.get("properties")
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def format(self) -> str:
        """The declared string format, or the one that name and description make plain."""
        declared = self.schema.get("format")
        if isinstance(declared, str):
            return {"datetime": "date-time"}.get(declared, declared)
        if self.type != "string" or self.options:
            return ""
        said = self.description.lower()
        if "date and time" in said or "date-time" in said or "datetime" in said or "timestamp" in said:
            return "date-time"
        if "yyyy-mm-dd" in said or (re.search(r"\b(?:date|day)\b", said) and _DATE_WORDS & set(self.words)):
            return "date"
        if (self.words and self.words[-1] in {"date", "deadlin", "due"}) or self.name in {"day", "when"}:
            return "date"
        if re.search(r"hh:mm|\btime\b", said) and _TIME_WORDS & set(self.words):
            return "time"
        return ""

    @cached_property
    def role(self) -> str:
        """What kind of value belongs here."""
        if self.type == "boolean":
            return "flag"
        if self.type in {"integer", "number"}:
            return (
                "limit"
                if {"limit", "top", "count", "max"} & set(self.words) and "max" in self.description.lower()
                else "number"
            )
        if self.type == "object":
            return "object"
        if self.type == "array":
            return self._array_role()
        if self.options:
            return "enum"
        if (self.words and self.words[-1] == "month") or re.search(r"\byyyy-mm\b(?!-)", self.description.lower()):
            return "month"
        if self.format in {"date", "date-time", "time", "email"}:
            return {"date-time": "datetime"}.get(self.format, self.format)
        return self._string_role()

    def _array_role(self) -> str:
        if self.options:
            return "enums"
        if self.properties:
            return "objects"
        kind = self.items.get("type")
        return (
            "numbers"
            if kind in {"number", "integer", "float"}
            else "objects"
            if kind in {"object", "dict"}
            else "strings"
        )

    def _string_role(self) -> str:
        words = self.words
        roles = dict(_STRING_ROLES)
        if (words and words[-1] in roles["id"]) or re.search(r"\b(?:id|sku|identifier)\b", self.description.lower()):
            return "id"
        if set(words) & roles["person"] and not set(words) & roles["prose"]:
            return "person"
        if set(words) & roles["place"] and not set(words) & roles["prose"]:
            return "place"
        for role, names in _STRING_ROLES:
            if names & set(words):
                return role
        if words and words[-1] == "number":
            return "id"
        said = set(stems_of(self.description))
        return "person" if said & {"person", "recipient", "employe", "custom"} else "string"

    def takes(self, text: str) -> bool:
        """Whether the schema's pattern, if it has one, is one of this text."""
        pattern = self.schema.get("pattern")
        return not isinstance(pattern, str) or re.search(pattern, text) is not None

    @cached_property
    def unit(self) -> str | None:
        """The unit that name or description gives a number, as a stem."""
        for word in (*self.words, *stems_of(self.description)):
            if word in _QUANTITY_UNITS:
                return word
        return None

    @cached_property
    def is_module(self) -> bool:
        """Names a kind of record."""
        return self.type == "string" and bool(
            _MODULE_WORDS & set(self.words) or self.words in {("record", stem("type")), ("object", stem("type"))}
        )


@dataclass(frozen=True, eq=False)
class Tool:
    """An action as the planner sees it."""

    name: str
    description: str
    examples: tuple[str, ...]
    params: tuple[Param, ...]

    @cached_property
    def name_words(self) -> tuple[str, ...]:
        """The words of its name."""
        return identifier_words(self.name)

    @cached_property
    def verb(self) -> str:
        """The stem of the verb it is named after."""
        words = [word for word in self.name_words if classes_of(word)]
        first = self.name_words[0] if self.name_words else ""
        said = stems_of(self.description)
        return (
            stem(first)
            if classes_of(first)
            else said[0]
            if said and classes_of(said[0])
            else stem((words or [first])[0])
        )

    @cached_property
    def classes(self) -> frozenset[str]:
        """What it does: by the first verb of its name, else of its description."""
        found = set(classes_of(self.verb))
        named = {self.verb} & _CLASS_NAMES
        return frozenset(named or found)

    @cached_property
    def said_classes(self) -> frozenset[str]:
        """What its description's first verb says it does."""
        said = stems_of(self.description)
        return classes_of(said[0]) if said else frozenset()

    @cached_property
    def reads(self) -> bool:
        """Changes nothing, as far as its name tells."""
        return bool(self.classes & READING_CLASSES)

    @cached_property
    def is_light(self) -> bool:
        """Named by a verb that fits anything, so that its noun must be in the sentence."""
        return bool(self.classes & LIGHT_CLASSES) or not self.classes

    @cached_property
    def nouns(self) -> tuple[str, ...]:
        """The stems in its name that say what it is about."""
        stems = [stem(word) for word in self.name_words if len(word) > 1]
        return tuple(s for s in dict.fromkeys(stems) if s != self.verb and s not in GENERIC)

    @cached_property
    def handle(self) -> Param | None:
        """The parameter that says which thing it acts on, by id or by words of its name; None where it makes one."""
        ids = [
            p for p in self.params if p.role == "id" or (p.role == "strings" and p.words[-1:] in {("id",), ("ids",)})
        ]
        named = [p for p in self.params if p.role in {"id", "string"} and set(p.words) <= set(self.nouns)]
        return next((p for p in (*named, *ids) if p.required and not p.is_module), None)

    @property
    def handle_words(self) -> list[str]:
        """What it acts on, as a person would call it."""
        return [w for w in identifier_words(self.handle.name) if stem(w) not in _HANDLES] if self.handle else []

    @cached_property
    def things(self) -> frozenset[str]:
        """The stems of what kind of thing it acts on: those in the name of its handle, else its own nouns."""
        named = set(self.handle.words) - _HANDLES - {self.verb} if self.handle else set()
        return frozenset(named or self.nouns)

    @cached_property
    def terms(self) -> Mapping[str, float]:
        """Every stem that it is known by, with the weight of the place it stands in."""
        weights: dict[str, float] = {}
        for term, weight in self._weighted():
            if term not in STOP and (term not in GENERIC or weight == 3.0):
                weights[term] = max(weight, weights.get(term, 0.0))
        return weights

    def _weighted(self) -> Iterator[tuple[str, float]]:
        yield from ((stem(word), 3.0) for word in self.name_words)
        yield from ((term, 2.0) for text in self.examples for term in stems_of(text))
        yield from ((term, 1.5) for term in stems_of(self.description))
        for param in self.params:
            yield from ((word, 1.0) for word in param.words)
            yield from ((term, 0.6) for term in stems_of(param.description))
            yield from ((term, 1.2) for option in param.options for term in stems_of(str(option).replace("_", " ")))

    def first(self, test: str) -> Param | None:
        """The first parameter with this role."""
        return next((p for p in self.params if p.role == test), None)

    @cached_property
    def module(self) -> Param | None:
        """The parameter that names the kind of record, for actions on any kind."""
        return next((p for p in self.params if p.is_module), None)

    def param(self, name: str) -> Param | None:
        """The parameter of this name."""
        return next((p for p in self.params if p.name == name), None)


_HANDLES = stem_set("id ids key ref reference identifier code number record handle name slug uuid")
_CLASS_NAMES = frozenset({"search", "remind", "query", "update", "delete", "summar", "suggest", "describ", "discov"})


@dataclass(frozen=True, eq=False)
class Toolbox:
    """The actions of one request, with how telling each word is among them."""

    tools: tuple[Tool, ...]

    @cached_property
    def frequency(self) -> Mapping[str, int]:
        """In how many actions a stem occurs."""
        counts: dict[str, int] = {}
        for tool in self.tools:
            for term in tool.terms:
                counts[term] = counts.get(term, 0) + 1
        return counts

    def rarity(self, term: str) -> float:
        """Inverse document frequency."""
        return math.log(1.0 + (len(self.tools) + 1.0) / (self.frequency.get(term, 0) + 0.5))

    def named(self, name: str) -> Tool | None:
        """The action of this name."""
        return next((tool for tool in self.tools if tool.name == name), None)


def toolbox(tools: Sequence[Mapping[str, Any]]) -> Toolbox:
    """The index of OpenAI-style tool declarations; equal declarations are read once."""
    return _toolbox(json.dumps(tools, sort_keys=False, default=str))


@lru_cache(maxsize=32)
def _toolbox(declared: str) -> Toolbox:
    return Toolbox(tuple(_tool(raw.get("function", raw)) for raw in json.loads(declared)))


def _tool(raw: Mapping[str, Any]) -> Tool:
    description = str(raw.get("description") or "")
    match = _EXAMPLES.search(description)
    examples = tuple(_QUOTE.findall(match["list"])) if match else ()
    plain = description[: match.start()] if match else description
    return Tool(str(raw["name"]), plain.strip(), examples, params_of(raw.get("parameters") or {}))


def params_of(schema: Schema) -> tuple[Param, ...]:
    """The parameters of an object schema."""
    required = set(schema.get("required") or ())
    properties = schema.get("properties") or {}
    return tuple(
        Param(name, node if isinstance(node, Mapping) else {}, name in required) for name, node in properties.items()
    )
