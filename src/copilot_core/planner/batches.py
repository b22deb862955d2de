"""Several new records in one command: named one by one, or so many samples."""

import re
from typing import Any

from copilot_core.planner.clauses import Clause
from copilot_core.planner.fields import Draft
from copilot_core.planner.modules import ModuleMention
from copilot_core.planner.page import link_of
from copilot_core.planner.prose import clean, tidy, without
from copilot_core.planner.words import words_of
from copilot_core.planner.world import World

_ONE_FOR = re.compile(
    r"\b(?:one|1|another|a second|the other)\s+(?:(?:is|called|named"
    r"|titled)\s+)?(?:for|to|about|with|at|on|named|called)?\s*",
    re.IGNORECASE,
)
_ITEM = re.compile(
    r"\s*,\s*(?:and\s+)?|\s*;\s*|\s+and\s+|\s*\n\s*(?:[-*•]|\d+[.)])?\s*"
    r"|\s*&\s*",
    re.IGNORECASE,
)
_OF_ALL = re.compile(r"^(?:both|all|each|every one)(?:\s+(?:of\s+(?:them|those)|three|two|four))?\s+", re.IGNORECASE)
_SAMPLE = re.compile(r"\b(?:sample|example|test|dummy|demo|fake|random|placeholder|mock)\b", re.IGNORECASE)


def rows_of(clause: Clause, mention: ModuleMention, world: World) -> list[dict[str, Any]]:
    """The field values of each record; empty if the clause does not speak of several."""
    title = mention.module.title
    names, shared = _names(clause, mention, world)
    shared = {**shared, **link_of(mention.module, clause, world, shared)}
    count = _count(clause, mention)
    if len(names) > 1 and (count is None or len(names) == count or count == 1):
        return [{title: name, **shared} for name in names]
    if count is not None and count > 1 and (not names or _SAMPLE.search(clause.text)):
        label = "Sample" if _SAMPLE.search(clause.text) else "New"
        return [{title: f"{label} {mention.module.singular} {n}", **shared} for n in range(1, min(count, 50) + 1)]
    return []


def _count(clause: Clause, mention: ModuleMention) -> int | None:
    for number in clause.numbers:
        if (
            number.end <= mention.span[0]
            and len(words_of(clause.text[number.end : mention.span[0]])) <= 4
            and not number.is_money
        ):
            return int(number.value)
    if mention.plural and re.search(r"\b(?:some|a few|several|a couple of|a bunch of)\b", clause.text, re.I):
        return 2 if "couple" in clause.text.lower() else 3
    return None


def _names(clause: Clause, mention: ModuleMention, world: World) -> tuple[list[str], dict[str, Any]]:
    quoted = clause.quoted()
    if len(quoted) > 1:
        return [q.value for q in quoted], _shared(clause, mention, world, (quoted[0].start, quoted[-1].end))
    if not mention.plural:
        return [], {}
    if any(x.kind in {"email", "phone"} for x in clause.literals):
        return [], {}
    listed = re.search(
        r"\s+(?:as|to|into|onto|in)\s+(?:my\s+|the\s+|our\s+)?(?:new\s+)?$", clause.text[: mention.span[0]]
    )
    if listed is not None and listed.start() > clause.head_span[1]:
        items = [clean(item) for item in _ITEM.split(clause.text[clause.head_span[1] : listed.start()])]
        return [i for i in items if i], _shared(clause, mention, world, (clause.head_span[1], listed.start()))
    start = mention.span[1] or clause.head_span[1]
    colon = re.search(r":\s*", clause.text[start:])
    if colon is not None:
        start += colon.end()
    tail = clause.text[start:]
    if len(_ONE_FOR.findall(tail)) > 1:
        tail = _ONE_FOR.sub("", tail)
    tail = re.sub(r"^\s*(?:for|called|named|titled|to|about|like|such as|namely|records?)\b\s*", "", tail, flags=re.I)
    dates = [(w.start - start, w.end - start) for w in clause.dates if w.start >= start]
    items = [clean(item) for item in _ITEM.split(without(tail, dates) if len(dates) <= 1 else tail)]
    kept = [
        tidy(item)
        for item in items
        if item and not re.fullmatch(r"(?:all |each |both )?(?:with|due|as|in)\b.*", item, re.I)
    ]
    shared = _shared(clause, mention, world, (start, len(clause.text)))
    for item in [i for i in kept if _OF_ALL.match(i)]:
        said = Clause(_OF_ALL.sub("", item), clause.now)
        values = Draft(said, ModuleMention(mention.module, (0, 0), 1.0), world).read(with_title=False)
        if values:
            kept.remove(item)
            shared = {**shared, **values}
    if len(kept) > 1:
        kept[-1], more = _split_tail(kept[-1], clause, mention, world)
        shared = {**shared, **more}
    return (kept if len(kept) > 1 else []), shared


def _split_tail(item: str, clause: Clause, mention: ModuleMention, world: World) -> tuple[str, dict[str, Any]]:
    """The last name without "in the software industry", which then is said of all."""
    match = re.search(r"\s+(?:in|with|as|at|all)\s+(?=\S)", item)
    if match is None:
        return item, {}
    tail = Clause(item[match.start() :].strip(), clause.now)
    values = Draft(tail, ModuleMention(mention.module, (0, 0), 1.0), world).read(with_title=False)
    return (item[: match.start()], values) if values else (item, {})


def _shared(clause: Clause, mention: ModuleMention, world: World, names: tuple[int, int]) -> dict[str, Any]:
    """Values that all the records get: "three high priority tasks due friday: ..."."""
    draft = Draft(clause, mention, world, [names])
    values = draft.read(with_title=False)
    values.pop(mention.module.title, None)
    return values
