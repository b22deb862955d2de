"""`summarize`: a record in a few sentences, and the fields that matter."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints, create_model
from pydantic import Field as Told

from copilot_content.sheets import TEXTS, Json, Line, ModuleSlug, RecordId, Sheet, answer, record_named, sheet_of
from copilot_content.text import Cuts
from copilot_core import Generate, Injected, Readables, action, cut
from copilot_records import RecordStore

Format: TypeAlias = Literal["brief", "detailed"]
LONGEST_BRIEF = 300
LONGEST_DETAILED = 4_000
LONGEST_FACT = 60
MOST_HIGHLIGHTS = {"brief": 3, "detailed": 10}
PATIENCE = 240.0
"""Seconds for an action that asks a model: its timeouts and retries, twice, come first."""
NOT_WRITTEN = "Put together from the record's fields; not written by a language model."
INSTRUCTIONS = {
    "brief": "Summarize the record for a colleague in one or two sentences: what it is, where it stands, what is next.",
    "detailed": "Summarize the record for a colleague in a paragraph: what it is, every field that matters and what "
    "it means for the others, what is missing, what is next.",
}
_TELLING = ("currency", "number", "enum", "date", "datetime", "user", "relation", "enum[]", "boolean", "string")
"""Types by how much they tell of a record in a word."""


def _credits(arguments: Mapping[str, Any]) -> int:
    return 10 if arguments.get("format") == "detailed" else 5


@action(
    credits=_credits,
    timeout=PATIENCE,
    source="Records",
    examples=["summarize the Acme deal", "give me a detailed summary of this record"],
)
async def summarize(
    module_slug: ModuleSlug,
    record_id: RecordId,
    store: Injected[RecordStore],
    generate: Injected[Generate],
    readables: Injected[Readables],
    format: Annotated[Format, Told(description="How much to tell")] = "brief",  # noqa: A002 - the seed's name
) -> Json:
    """Summarize one record in words, with its most important fields as highlights."""
    cuts = Cuts()
    modules = await store.modules()
    module = modules.named(module_slug)
    record = await record_named(store, modules, module, record_id)
    sheet = await sheet_of(store, modules, module, record, readables, cuts)
    summary, chosen = assembled(sheet, format), telling(sheet, MOST_HIGHLIGHTS[format])
    made = await generate(INSTRUCTIONS[format], [sheet.facts], form(sheet, format)) if sheet.lines else None
    if made is None:
        cuts.notes.append(NOT_WRITTEN)
    else:
        told = made.model_dump()
        summary, chosen = told["summary"], picked(sheet, told["highlights"])
    data = {"summary": summary, "highlights": [{"label": line.label, "value": line.text} for line in chosen]}
    return answer(data, summary, cuts)


def form(sheet: Sheet, format: Format) -> type[BaseModel]:  # noqa: A002
    """What a model may answer. It names the fields to highlight; their values are ours."""
    least = bound(sheet)
    brief = format == "brief"
    text: Any = StringConstraints(
        strip_whitespace=True,
        min_length=1 if brief else least,
        max_length=least - 1 if brief else LONGEST_DETAILED,
    )
    length = f"at most {least // 8} words" if brief else f"at least {least // 4} words"
    labels: Any = Literal[tuple(line.label for line in sheet.lines)]
    most = MOST_HIGHLIGHTS[format]
    return create_model(
        "Summary",
        __config__=ConfigDict(extra="forbid"),
        summary=(Annotated[str, text], Told(description=f"Plain text, {length}")),
        highlights=(list[labels], Told(max_length=most, description="Names of the fields that matter most")),
    )


def bound(sheet: Sheet) -> int:
    """Every brief summary of this record is shorter than this, and no detailed one is, whoever writes them."""
    return min(len(assembled(sheet, "detailed")), LONGEST_BRIEF)


def assembled(sheet: Sheet, format: Format) -> str:  # noqa: A002
    """The summary without a model: nothing but the fields."""
    head = f"{sheet.title} ({sheet.module.singular})"
    if format == "brief":
        told = _sentences([head, *(f"{one.label}: {cut(one.text, LONGEST_FACT)}" for one in telling(sheet, 3))])
        return cut(told, LONGEST_BRIEF - 1)
    rest = f"Not filled in: {', '.join(sheet.empty)}" if sheet.empty else "Every field is filled in"
    return _sentences([head, *(f"{one.label}: {one.text}" for one in sheet.lines), rest])


def telling(sheet: Sheet, most: int) -> Sequence[Line]:
    """The fields that tell most in a word, in the order of the module; else the title."""
    title = sheet.module.title_field
    short = [
        line
        for line in sheet.lines
        if line.field.type in _TELLING
        and line.field.name != title
        and (line.field.type not in TEXTS or len(line.text) <= LONGEST_FACT)
    ]
    best = sorted(short, key=lambda line: _TELLING.index(line.field.type))[:most]
    return [line for line in sheet.lines if line in best] or list(sheet.lines[:1])


def picked(sheet: Sheet, labels: Iterable[str]) -> Sequence[Line]:
    """The lines of that name, each once."""
    by_label = {line.label: line for line in sheet.lines}
    return [by_label[name] for name in dict.fromkeys(labels)]


def _sentences(told: Iterable[str]) -> str:
    return " ".join(f"{one.rstrip('.')}." for one in told)
