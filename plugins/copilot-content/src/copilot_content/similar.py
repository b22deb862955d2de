"""What records like this one have in a field: counted, so that it can be told as it is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from copilot_content.formatting import formatted, label
from copilot_content.text import words
from copilot_core import plain
from copilot_records import Field, Module, Modules, Query, Record, RecordStore

LOOKED_AT = 500
"""The newest records of the module, which are compared."""
ENOUGH = 10
"""How many of the most similar are counted, and all that are as similar as the last of them."""
SHARED = frozenset({"enum", "enum[]", "boolean", "user", "relation"})
LONGEST_COMPARED = 5_000
MOST_SHARED = 4
LEAST_WORD = 4
_TELLS_NOTHING = frozenset(
    words(
        "about after also and before been being between could does doing done during each every from have here into"
        " just like more most much need needs next only other over same should some such than that their them then"
        " there these they this those through under until very want were what when where which while will with would"
    )
)


@dataclass(frozen=True, slots=True)
class Likeness:
    """The values that similar records have.

    Args:
        values: each value with how often it occurs, most often first; a text for values that are lists.
        total: how many records were counted.
        shared: what they have in common with this one, in words; empty where nothing, and all were counted.
        titles: of the records that a relation's values lead to.
    """

    values: Sequence[tuple[str | int | float | bool, int]]
    total: int
    shared: Sequence[str]
    titles: Mapping[str, str]


async def likeness(
    store: RecordStore, modules: Modules, module: Module, field: Field, record: Record, told: Mapping[str, object]
) -> Likeness:
    """What records similar to `record`, of which `told` says more, have in `field`."""
    page = await store.find(module, Query(limit=LOOKED_AT))
    others = [one for one in page.records if one.id != record.id and one.values.get(field.name) not in (None, "", [])]
    wanted = _traits(module, field, {**record.values, **told})
    common = {one.id: wanted & _traits(module, field, one.values) for one in others}
    ranked = sorted((one for one in others if common[one.id]), key=lambda one: -len(common[one.id]))
    least = len(common[ranked[:ENOUGH][-1].id]) if ranked else 0
    similar = [one for one in ranked if len(common[one.id]) >= least]
    seen = Counter(trait for one in similar for trait in common[one.id])
    counts = Counter(value for one in similar or others for value in _values(one.values[field.name]))
    titles: dict[str, str] = {}
    if field.module and counts:
        targets = await store.by_id(modules.of(field.module), [str(value) for value in counts])
        titles = {target.id: target.title for target in targets}
        counts = Counter({value: n for value, n in counts.items() if value in titles})
    most = sorted(seen, key=lambda trait: (-seen[trait], not trait[0], trait))[:MOST_SHARED]
    shared = [_in_words(module, *trait) for trait in most]
    return Likeness(counts.most_common(), len(similar or others), shared, titles)


def _values(value: object) -> Sequence[str | int | float | bool]:
    return value if isinstance(value, list) else [value]  # type: ignore[list-item]


def _traits(module: Module, field: Field, values: Mapping[str, object]) -> set[tuple[str, str]]:
    """``(field, value)`` of every choice in it, and ``("", word)`` of every word."""
    known = {one.name: one for one in module.fields if one.name != field.name}
    found = set[tuple[str, str]]()
    for name, value in values.items():
        if name == field.name or value is None:
            continue
        if name in known and known[name].type in SHARED:
            found |= {(name, str(one)) for one in _values(value)}
        elif isinstance(value, str) and (name not in known or known[name].type in ("string", "text")):
            told = words(plain(value[:LONGEST_COMPARED]))
            found |= {("", word) for word in told if len(word) >= LEAST_WORD and word not in _TELLS_NOTHING}
    return found


def _in_words(module: Module, name: str, value: str) -> str:
    if not name:
        return f"the word “{value}”"
    field = module.field(name)
    shown = formatted(field, value, {})
    return f"{label(name)} {shown}" if shown and field.type != "boolean" else label(name)
