"""`suggestFieldValue`: what a field of a record could be, from the record, what is told of it, and records like it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, create_model
from pydantic import Field as Told

from copilot_content.formatting import formatted, label
from copilot_content.sheets import Json, ModuleSlug, RecordId, Sheet, answer, record_named, sheet_of
from copilot_content.similar import Likeness, likeness
from copilot_content.summaries import PATIENCE
from copilot_content.text import Cuts
from copilot_core import ActionError, Generate, Injected, Readable, Readables, action, cut
from copilot_records import Field, Module, RecordStore

LONGEST_TOLD = 2_000
MOST_TOLD = 50
LONGEST_REASONING = 500
MOST_CHOICES = 50
"""Users or related records that a model may choose from: those that similar records have."""
COUNTED = "Counted from the workspace's records, not written by a language model."
INSTRUCTIONS = """\
Suggest a value for the field, for this one record. Go by what the record and its context say; what similar records
have is only a hint. The confidence is the chance that a careful colleague would choose the same."""


@action(
    credits=5,
    timeout=PATIENCE,
    source="Records",
    examples=["suggest a priority for this task", "what stage should the Acme deal have?"],
)
async def suggest_field_value(
    module_slug: ModuleSlug,
    record_id: RecordId,
    field_slug: Annotated[str, Told(description="Field name, such as priority")],
    store: Injected[RecordStore],
    generate: Injected[Generate],
    readables: Injected[Readables],
    context: Annotated[
        dict[str, Any] | None, Told(description="What else is known of the record, by field, such as unsaved changes")
    ] = None,
) -> Json:
    """Suggest a value for one field of one record, with a confidence and the reason. Writes nothing."""
    cuts = Cuts()
    modules = await store.modules()
    module = modules.named(module_slug)
    field = _writable(module, field_slug)
    record = await record_named(store, modules, module, record_id)
    sheet = await sheet_of(store, modules, module, record, readables, cuts)
    known = _told(module, context or {}, cuts)
    like = await likeness(store, modules, module, field, record, known)
    made = await _made(generate, sheet, field, known, like)
    data = _counted(module, field, like) if made is None else made
    shown = formatted(field, data["suggested"], like.titles)
    what = f"{label(field.name)} of “{sheet.title}”"
    return answer(data, f"{what}: {shown} is suggested." if shown else f"There is no suggestion for {what}.", cuts)


def _writable(module: Module, name: str) -> Field:
    try:
        field = module.field(name)
    except ActionError as error:
        raise ActionError(error.message, code=error.code, details={"fieldSlug": error.message}) from error
    if field.fixed or not module.writable:
        told = f"The '{field.name}' field of {module.slug} cannot be set"
        raise ActionError(told, code="read_only", details={"fieldSlug": told})
    return field


def _told(module: Module, context: Mapping[str, Any], cuts: Cuts) -> Mapping[str, object]:
    """The context by field names of ours where it has such, with plain and bounded texts; no lists, no objects."""
    names = {one.name.casefold(): one.name for one in module.fields}
    taken = {names.get(name.casefold(), name): value for name, value in list(context.items())[:MOST_TOLD]}
    if len(context) > MOST_TOLD:
        cuts.notes.append(f"The context is large: only the first {MOST_TOLD} of its entries were read.")
    texts = {name: cuts.text(f"“{cut(name, 50)}”", v, LONGEST_TOLD) for name, v in taken.items() if isinstance(v, str)}
    return {**{name: value for name, value in taken.items() if isinstance(value, int | float)}, **texts}


async def _made(
    generate: Generate, sheet: Sheet, field: Field, known: Mapping[str, object], like: Likeness
) -> Json | None:
    form = form_of(field, like)
    if form is None:
        return None
    told: Json = {"field": label(field.name), "type": field.type}
    counted = {formatted(field, value, like.titles): n for value, n in like.values[:MOST_CHOICES]}
    facts = [
        sheet.facts,
        Readable("Field to suggest a value for", {**told, "options": list(field.options)} if field.options else told),
        Readable("What else is known of the record", dict(known)),
        Readable("What similar records have in the field", {"of": like.total, "have": counted}),
    ]
    made = await generate(INSTRUCTIONS, facts, form)
    return None if made is None else made.model_dump()


def form_of(field: Field, like: Likeness) -> type[BaseModel] | None:
    """What a model may answer; `None` where it would have to choose from nothing."""
    kind: Any
    match field.type:
        case "enum" | "enum[]":
            kind = Literal[field.options]
            kind = kind if field.type == "enum" else Annotated[list[kind], Told(min_length=1)]
        case "user" | "relation":
            by_name = {like.titles.get(str(value), str(value)): value for value, _ in like.values[:MOST_CHOICES]}
            if not by_name:
                return None
            kind = Annotated[Literal[tuple(by_name)], AfterValidator(by_name.__getitem__)]
        case "boolean":
            kind = bool
        case "number" | "currency":
            kind = Annotated[float, AfterValidator(field.read)]
        case _:
            kind = Annotated[str, Told(min_length=1, max_length=LONGEST_TOLD), AfterValidator(field.read)]
    return create_model(
        "Suggestion",
        __config__=ConfigDict(extra="forbid"),
        suggested=(kind, Told(description="The value")),
        confidence=(float, Told(ge=0, le=1, description="From 0, a guess, to 1, certain")),
        reasoning=(str, Told(min_length=1, max_length=LONGEST_REASONING, description="Why, in one sentence")),
    )


def _counted(module: Module, field: Field, like: Likeness) -> Json:
    """What similar records have most often. One more record is counted against it: few never make it sure."""
    options = field.options if field.type in ("enum", "enum[]") else ()
    values = [(value, n) for value, n in like.values if not options or value in options]
    name, kind = label(field.name), module.name.lower()
    if options and not values:
        first = formatted(field, options[0], {})
        told = f"There is nothing to go by: no other of the {kind} has a {name}. {first} is only the first option."
        return _suggestion(field, options[0], 0.0, told)
    if not values or (not options and values[0][1] == 1 and like.total > 1):
        told = f"There is nothing to go by: no {name} occurs twice in {like.total} {kind}."
        return _suggestion(field, None, 0.0, told)
    value, number = values[0]
    shown = formatted(field, value, like.titles)
    if like.shared:
        told = f"{number} of {like.total} similar {kind} have {name} {shown}. They share {_either(like.shared)}."
    else:
        told = f"None of the {kind} is like it; {number} of all {like.total} have {name} {shown}."
    return _suggestion(field, value, round(number / (like.total + 1), 2), told)


def _suggestion(field: Field, value: object, confidence: float, told: str) -> Json:
    suggested = [value] if field.type == "enum[]" and value is not None else value
    return {"suggested": suggested, "confidence": confidence, "reasoning": f"{told} {COUNTED}"}


def _either(shared: list[str] | Any) -> str:
    *most, last = shared
    return f"{', '.join(most)} or {last}" if most else str(last)
