"""What a model is told of the context, kept lean: sanitized field by field, and cut to a number of tokens (S84, S85).

Only the prompt is trimmed. Actions that ask for ``Injected[Readables]`` get what the page told, whole.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from copilot_core.context import decoded, tells_date, tells_modules, tells_page, tells_user
from copilot_core.run import MODULES, Readable, Readables
from copilot_core.text import cut, is_html

BYTES_A_TOKEN = 4
"""Of UTF-8, as common tokenizers take for English; for other scripts it is on the safe side."""
WHOLE = 1_000_000_000
TOO_DEEP = "(nested too deeply to show)"
LEFT_OUT = "Left out of this context for want of room"
BLOCK = 28
"""Bytes of what stands around a readable in the prompt."""
MOST_NOTES = 12


@dataclass(frozen=True, slots=True)
class Budget:
    """How much context a prompt holds.

    Args:
        tokens: of all readables together.
        text: characters of a text in an object or a list.
        fields: name of a field -> its own number of characters; 0 leaves it out, `WHOLE` keeps it and its HTML.
    """

    tokens: int = 8_000
    text: int = 200
    fields: Mapping[str, int] = field(default_factory=dict)

    def sanitized(self, told: Readables, notes: list[str]) -> list[Readable]:
        """What the page told, texts in it cut and HTML left out; what was cut is added to `notes`."""
        return [replace(r, value=self._clean(r.value, r.description, "", notes)) for r in decoded(told)]

    def fitted(self, readables: Sequence[Readable], notes: list[str]) -> list[Readable]:
        """As much of each as there is room for; what the page has open, the date and the user come first,
        then the modules, then the rest, the shortest first.

        Of modules the fields go first: an action describes them. Of a list or an object that is too long the
        beginning stays. What is cut is added to `notes`.
        """
        if sum(map(_tokens, readables)) <= self.tokens:
            return list(readables)
        left, kept = self.tokens, dict[int, Readable]()
        for index in sorted(range(len(readables)), key=lambda i: (_rank(readables[i]), _tokens(readables[i]))):
            shorter = _shortened(readables[index], left, notes)
            if shorter is not None:
                left -= _tokens(shorter)
                kept[index] = shorter
        return [kept[index] for index in sorted(kept)]

    def _clean(self, value: Any, name: str, path: str, notes: list[str]) -> Any:
        """`value` without HTML and long texts. `path` is where in the readable `name` it is."""
        match value:
            case str() if path:
                most = self.fields.get(path.rpartition(".")[2], self.text)
                if len(value) > most:
                    notes.append(f"{name}: {path} has {len(value):,} characters; the first {most} are told")
                    return cut(value, most)
            case Mapping():
                kept = {}
                for key, inner in value.items():
                    if self._is_left_out(str(key), inner):
                        notes.append(f"{name}: {path}{'.' if path else ''}{key} is left out")
                    else:
                        kept[key] = self._clean(inner, name, f"{path}.{key}" if path else str(key), notes)
                return kept
            case list():
                return [self._clean(inner, name, path or "item", notes) for inner in value]
        return value

    def _is_left_out(self, key: str, value: Any) -> bool:
        most = self.fields.get(key)
        return most == 0 or (most != WHOLE and isinstance(value, str) and is_html(value[:100_000]))


def told_cuts(notes: Sequence[str]) -> Readable:
    """What was cut, for the model to know that there is more."""
    more = [f"and {len(notes) - MOST_NOTES} more"] if len(notes) > MOST_NOTES else []
    return Readable(LEFT_OUT, [*notes[:MOST_NOTES], *more])


def thin(readable: Readable) -> str | None:
    """Why a readable tells a model next to nothing, if so (checklist S83): an id without the fields behind it."""
    value = readable.value
    if value is None or value in ("", [], {}):
        return "it is empty"
    if isinstance(value, int | float) or (isinstance(value, str) and _is_id(value)):
        return "it is a bare value; tell an object with the fields that matter, such as name and status"
    if isinstance(value, Mapping) and not (tells_page(value) or tells_date(value) or tells_user(readable)):
        names = [str(key) for key in value]
        if all(name.lower().endswith("id") or name == "ids" for name in names):
            return f"it has nothing but {', '.join(names[:5])}; tell what it is called, and the fields that matter"
    return None


def _is_id(text: str) -> bool:
    return len(text) <= 64 and " " not in text.strip() and any(c.isdigit() for c in text)


def _tokens(readable: Readable) -> int:
    return -(-(_size(readable.description) + BLOCK + _size(readable.value)) // BYTES_A_TOKEN)


def _size(value: Any) -> int:
    return len(as_json(value).encode(errors="surrogatepass"))


def as_json(value: Any) -> str:
    """A value as the prompt has it."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except RecursionError:
        return json.dumps(TOO_DEEP)


def _rank(readable: Readable) -> int:
    if tells_page(readable.value) or tells_date(readable.value) or tells_user(readable):
        return 0
    return 1 if readable.description == MODULES or tells_modules(readable) else 2


def _shortened(readable: Readable, tokens: int, notes: list[str]) -> Readable | None:
    """As much of it as fits into `tokens`."""
    if _tokens(readable) <= tokens:
        return readable
    value, name = readable.value, readable.description
    if name == MODULES:
        value = [{key: told for key, told in module.items() if key != "fields"} for module in value]
        notes.append(f"{name}: the fields of the modules are left out")
        if _tokens(replace(readable, value=value)) <= tokens:
            return replace(readable, value=value)
    room = (tokens - _tokens(replace(readable, value=None))) * BYTES_A_TOKEN
    shorter = _beginning(value, room)
    if shorter in (None, "", [], {}):
        notes.append(f"{name}: left out")
        return None
    of = (
        f"the first {len(shorter):,} of {len(value):,} {'characters' if isinstance(value, str) else 'entries'} are told"
    )
    notes.append(f"{name}: {of}")
    return replace(readable, value=shorter)


def _beginning(value: Any, room: int) -> Any:
    """What of a text, list or object comes first and has at most `room` bytes."""
    if isinstance(value, str):
        return cut(value, max(room // 4, 0)) if room > 4 else None  # a character has up to four bytes
    if isinstance(value, Mapping):
        return dict(_taken(value.items(), room))
    return list(_taken(value, room)) if isinstance(value, list) else None


def _taken(things: Iterable[Any], room: int) -> Iterable[Any]:
    for thing in things:
        room -= _size(thing) + 2
        if room < 0:
            return
        yield thing
