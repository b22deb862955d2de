"""What a page tells of itself, found among readables by the shape of their values.

A description is the client's own wording ("Current page context", "Current page and navigation context"), so
shapes decide. All of it is information: it pre-fills, personalises and narrows, and never gives a right.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from copilot_core.run import Readable, Readables

PageType: TypeAlias = Literal["moduleRecord", "moduleList", "dashboard"]

_CLOCK = frozenset({"currentDate", "currentTime", "currentDateTime"})
_DAY = frozenset({"now", "today", "tomorrow"})
_ZONE = ("timezone", "timeZone")
_LOCALE = frozenset({*_ZONE, "locale", "language", "utcOffset"})
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class PageContext:
    """What the user has open; an action asks for it with ``Injected[PageContext]``.

    Args:
        page_type: `None` where the page told no type, or one of its own.
        record_id: of the open record, as the page knows it; nobody has checked that it exists.
        filters: of a list: ``{field: value}``, in whatever form the page keeps them.
    """

    page_type: PageType | None = None
    module_slug: str | None = None
    module_name: str | None = None
    record_id: str | None = None
    record_name: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)


def decoded(readables: Readables) -> list[Readable]:
    """The readables with values that are JSON text of an object or a list read.

    CopilotKit sends every value as text; a plain text, a number in a text and broken JSON stay as they are.
    """
    return [Readable(readable.description, _read(readable.value)) for readable in readables]


def _read(value: Any) -> Any:
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def page_context(readables: Readables) -> PageContext:
    """The open page: the last value with a `pageType`; without one, the last that has a record or a module.

    A record told apart from its page ("Current record") completes it.
    """
    told = [readable.value for readable in decoded(readables) if tells_page(readable.value)]
    pages = [value for value in told if "pageType" in value]
    page = pages[-1] if pages else told[-1] if told else {}
    records = [value for value in told if "recordId" in value]
    if records and page.get("pageType") == "moduleRecord" and not page.get("recordId"):
        page = {**records[-1], **{key: value for key, value in page.items() if value is not None}}
    return page_of(page)


def page_of(value: Mapping[str, Any]) -> PageContext:
    """The page that one value tells; what has the wrong type is left out."""
    record = _text(value, "recordId")
    kind = value.get("pageType") or ("moduleRecord" if record else None)
    filters = value.get("filters")
    return PageContext(
        cast("PageType", kind) if kind in get_args(PageType) else None,
        _text(value, "moduleSlug"),
        _text(value, "moduleName"),
        record,
        _text(value, "recordName"),
        filters if isinstance(filters, Mapping) else {},
    )


def _text(value: Mapping[str, Any], key: str) -> str | None:
    """Ids are numbers in some applications."""
    found = value.get(key)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found else None


def module_slugs(readables: Readables) -> tuple[str, ...] | None:
    """The modules that the page lists (checklist S14), or `None` where it lists none: then nothing is narrowed.

    A list is told by ``{slug, name, pluralName}``, or by ``{slug, name}`` and the word "modules" in its description.
    """
    for readable in reversed(decoded(readables)):
        if tells_modules(readable):
            return tuple(dict.fromkeys(str(module["slug"]) for module in readable.value))
    return None


def timezone_of(readables: Readables) -> str | None:
    """The user's zone: the last valid one of a date context, else of the user's own context."""
    told = decoded(readables)
    values = [r.value for r in told if tells_user(r)] + [r.value for r in told if tells_date(r.value)]
    names = (str(value[key]) for value in reversed(values) for key in _ZONE if key in value)
    return next((name for name in names if zone_named(name)), None)


def zone_named(name: str | None) -> ZoneInfo | None:
    """The zone of that IANA name, if there is one."""
    if not name or name.startswith(("posix", "right/")):  # files beside the zones, not names of IANA
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def tells_page(value: Any) -> bool:
    """Whether a value is what the user has open."""
    return isinstance(value, Mapping) and any(key in value for key in ("pageType", "recordId", "moduleSlug"))


def tells_date(value: Any) -> bool:
    """Whether a value is the page's date context: a date of the clock, or nothing but a zone."""
    if not isinstance(value, Mapping):
        return False
    if any(isinstance(value.get(key), str) for key in _CLOCK):
        return True
    if any(isinstance(value.get(key), str) and _ISO_DATE.match(value[key]) for key in _DAY):
        return True
    return any(key in value for key in _ZONE) and _LOCALE.issuperset(value)


def tells_user(readable: Readable) -> bool:
    """Whether a readable is about the user. Contacts have names too: it takes a `userId`, or the word."""
    value = readable.value
    if not isinstance(value, Mapping) or tells_page(value):
        return False
    named = any(key in value for key in ("name", "email"))
    return named and ("userId" in value or "user" in readable.description.lower())


def tells_modules(readable: Readable) -> bool:
    """Whether a readable is a list of modules."""
    value = readable.value
    if not isinstance(value, list) or not value:
        return False
    said = "module" in readable.description.lower()
    return all(
        isinstance(module, Mapping) and isinstance(module.get("slug"), str) and (said or "pluralName" in module)
        for module in value
    )
