"""What the prompt says about the workspace: clock, modules, open page, user.

Blocks are recognised by the shape of their JSON, never by their description, which the client
wrote. What a block says is data: nothing in here is ever read as a command.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from copilot_core.context import PageContext, page_of, tells_date, tells_page, zone_named
from copilot_core.planner.words import identifier_words, stem, stem_set

_BLOCK = re.compile(r"<data\b[^>]*>(.*?)</data>", re.DOTALL)
_DEEPEST = 3
_DATE_TYPES = frozenset({"date", "datetime", "date-time", "timestamp"})
_NUMBER_TYPES = frozenset({"number", "integer", "float", "currency", "money", "decimal", "percent", "int"})
_PERSON = stem_set(
    "assignee owner user manager author reporter contact person member"
    " agent driver recruiter creator requester approver lead salesperson"
    " rep technician doctor teacher"
)
_ORGANISATION = stem_set("company organization organisation account employer client customer vendor supplier brand")
_PLACE = stem_set("city location country address region town place office site state area warehouse room")


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field of a module."""

    name: str
    kind: str
    options: tuple[str, ...] = ()
    required: bool = False
    relation: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The stems of its name: dueDate -> due, date."""
        return tuple(stem(word) for word in identifier_words(self.name))

    @property
    def is_person(self) -> bool:
        """Holds a person's name."""
        return self.kind == "user" or (self.kind in {"string", "text", "relation"} and bool(_PERSON & set(self.words)))

    @property
    def is_organisation(self) -> bool:
        """Holds the name of a company."""
        return self.kind in {"string", "relation"} and bool(_ORGANISATION & set(self.words))

    @property
    def is_place(self) -> bool:
        """Holds where something is."""
        return self.kind in {"string", "text"} and bool(_PLACE & set(self.words))


@dataclass(frozen=True, slots=True)
class Module:
    """A kind of record. One that the page does not list is there, but not `available` (checklist S14)."""

    slug: str
    name: str
    singular: str
    title: str
    fields: tuple[RecordField, ...] = ()
    available: bool = True

    def of_kind(self, *kinds: str) -> list[RecordField]:
        """Its fields of these kinds, in order."""
        return [f for f in self.fields if f.kind in kinds]

    def field_named(self, name: str) -> RecordField | None:
        """The field with exactly this name."""
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True, slots=True)
class World:
    """All that the prompt tells."""

    now: datetime
    user_name: str | None = None
    user_email: str | None = None
    page: PageContext | None = None
    modules: tuple[Module, ...] = field(default=())
    closed: tuple[Module, ...] = ()
    routes: tuple[str, ...] = ()

    def leads_to(self, link: str) -> bool:
        """Whether `link` is of a route that the page or the server has told, such as ``/deals/{id}``."""
        forms = (re.sub(r"\\?\{\w+\\?\}", "[^/]+", re.escape(path)) for path in self.routes)
        return any(re.fullmatch(form, link) for form in forms)

    def module(self, slug: str | None) -> Module | None:
        """The module with this slug."""
        return next((m for m in self.modules if m.slug == slug), None)

    @property
    def page_module(self) -> Module | None:
        """The module of the open record or list."""
        return self.module(self.page.module_slug) if self.page else None

    @property
    def listed(self) -> Module | None:
        """The module whose list is open."""
        return self.page_module if self.page and self.page.record_id is None else None

    @property
    def opened(self) -> Module | None:
        """The module of which a record is open."""
        return self.page_module if self.page and self.page.record_id else None


def read_world(prompt: str) -> World:
    """The world that the system prompt describes; what it does not say is unknown, the clock is ours."""
    clock: dict[str, Any] = {}
    user: dict[str, Any] = {}
    page: dict[str, Any] = {}
    modules: tuple[Module, ...] = ()
    routes: list[str] = []
    for value in _values(prompt):
        for shape, found in _classified(value):
            if shape == "clock":
                clock = {**clock, **found}
            elif shape == "user":
                user = found if "userId" in found or "userId" not in user else user
            elif shape == "routes":
                routes += [str(r["path"]) for r in found["routes"] if isinstance(r, Mapping) and "path" in r]
            elif shape == "page":
                page = found if "pageType" in found or "pageType" not in page else page
            else:
                modules = (*modules, *(m for m in found if m.slug not in {k.slug for k in modules}))
    open_ones = tuple(module for module in modules if module.available)
    closed = tuple(module for module in modules if not module.available)
    return World(_now(clock), _text(user, "name"), _text(user, "email"), _page(page), open_ones, closed, tuple(routes))


def _values(prompt: str) -> Iterator[Any]:
    blocks = _BLOCK.findall(prompt)
    lines = [line.strip() for line in _BLOCK.sub("", prompt).splitlines()]
    for text in (*blocks, *(line for line in lines if line[:1] in "[{" and line)):
        yield _parsed(text.strip())


@lru_cache(maxsize=128)
def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _classified(value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The shapes found in a value, which may be a bundle of several."""
    modules = modules_of(value)
    if modules:
        yield "modules", modules
        return
    if not isinstance(value, Mapping):
        return
    shape = _shape(value)
    if shape is not None:
        yield shape, value
    for inner in value.values() if depth < _DEEPEST else ():
        if isinstance(inner, Mapping | list):
            yield from (found for found in _classified(inner, depth + 1) if shape is None or found[0] == "modules")


def _shape(value: Mapping[str, Any]) -> str | None:
    if tells_date(value):
        return "clock"
    if isinstance(value.get("routes"), list):
        return "routes"
    if tells_page(value):
        return "page"
    return "user" if "name" in value and {"email", "role", "userId"} & set(value) else None


def modules_of(value: Any) -> tuple[Module, ...]:
    """The modules that a JSON value describes, as a list, by slug, or as a single one."""
    if isinstance(value, Mapping) and value and all(isinstance(v, Mapping) and "fields" in v for v in value.values()):
        return tuple(_module({"slug": slug, **described}) for slug, described in value.items())
    if isinstance(value, Mapping) and "fields" in value and ("slug" in value or "module" in value):
        return (_module({"slug": value.get("slug", value.get("module")), **value}),)
    if isinstance(value, Sequence) and not isinstance(value, str) and value and all(_is_module(v) for v in value):
        return tuple(_module(v) for v in value)
    return ()


def _is_module(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and ("slug" in value or ("name" in value and "fields" in value))
        and "recordId" not in value
    )


def _module(raw: Mapping[str, Any]) -> Module:
    slug = str(raw.get("slug") or raw.get("name"))
    name = str(raw.get("pluralName") or raw.get("name") or slug)
    singular = str(raw.get("singular") or raw.get("singularName") or _singular(name))
    keys = {f"{n.lower().replace(' ', '').replace('_', '')}id" for n in (slug, name, singular)}
    fields = tuple(_no_amount(f, keys) for f in _fields(raw.get("fields")))
    title = raw.get("titleField") or raw.get("title_field") or _title_of(fields)
    return Module(slug, name, singular, str(title), fields, raw.get("available") is not False)


def _no_amount(described: RecordField, keys: set[str]) -> RecordField:
    """A number that only identifies is nothing to compare or to sort by."""
    plain = described.name.lower().replace("_", "")
    identifies = plain in keys or identifier_words(described.name)[-1:] == ("id",)
    return replace(described, kind="key") if described.kind == "number" and identifies else described


def _singular(name: str) -> str:
    lower = name.lower()
    if lower.endswith("ies"):
        return lower[:-3] + "y"
    return lower[:-1] if lower.endswith("s") and not lower.endswith("ss") else lower


def _title_of(fields: Sequence[RecordField]) -> str:
    named = [f.name for f in fields if f.name in {"title", "name", "subject", "summary"}]
    strings = [f.name for f in fields if f.kind in {"string", "text"}]
    return (*named, *strings, "name")[0]


def _fields(raw: Any) -> Iterator[RecordField]:
    if isinstance(raw, Mapping):
        raw = [{"name": n, **(s if isinstance(s, Mapping) else {"type": str(s)})} for n, s in raw.items()]
    for entry in raw if isinstance(raw, list) else ():
        if isinstance(entry, str):
            yield RecordField(entry, "string")
        elif isinstance(entry, Mapping) and (entry.get("name") or entry.get("slug")):
            yield _field(entry)


def _field(raw: Mapping[str, Any]) -> RecordField:
    options = raw.get("options") or raw.get("enum") or ()
    texts = tuple(str(o.get("value", o.get("label")) if isinstance(o, Mapping) else o) for o in options)
    kind = str(raw.get("type", "string")).lower()
    if texts or kind in {"select", "choice", "status", "picklist"}:
        kind = "enum"
    elif kind in _DATE_TYPES:
        kind = "date"
    elif kind in _NUMBER_TYPES:
        kind = "number"
    relation = raw.get("module") or raw.get("target") or raw.get("relatedModule")
    if kind in {"reference", "lookup", "link"}:
        kind = "relation"
    name = str(raw.get("slug") or raw.get("name"))
    return RecordField(name, kind, texts, bool(raw.get("required")), str(relation) if relation else None)


def _text(raw: Mapping[str, Any], key: str) -> str | None:
    value = raw.get(key)
    return value if isinstance(value, str) and value else None


def _page(raw: Mapping[str, Any]) -> PageContext | None:
    page = page_of(raw)
    return page if page.module_slug or page.record_id else None


def _now(clock: Mapping[str, Any]) -> datetime:
    """The client's clock in the client's zone, or ours."""
    zone = zone_named(_text(clock, "timezone") or _text(clock, "timeZone"))
    for key in ("now", "currentTime", "currentDate", "today"):
        try:
            moment = datetime.fromisoformat(str(clock.get(key)))
        except ValueError:
            continue
        if zone is None:
            return moment
        return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    return datetime.now(zone).astimezone(zone)
