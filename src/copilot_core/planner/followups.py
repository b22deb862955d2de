"""Words about the answer before: more of it, or to take it back."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from copilot_core.planner.references import records_in
from copilot_core.planner.tools import Param, Tool, Toolbox
from copilot_core.planner.words import stem_set

Done = tuple[str, Mapping[str, Any], Any]

MANY = 10
"""How many records of a list an answer tells."""
_MORE = re.compile(
    r"(?:(?:show|give|list|get|load|see|tell)\s+(?:me\s+)?)?(?:(?:some\s+|the\s+)?more|(?:the\s+)?next(?:\s+(?:page|ones))?"
    r"|the\s+(?:rest|others)|what else)(?:\s+(?:of\s+(?:them|those|these|it)|results|records|rows|entries))?",
    re.IGNORECASE,
)
_UNDO = re.compile(
    r"(?:undo|revert|(?:take|roll|put)\s+(?:it|that|this)\s+back)"
    r"(?:\s+(?:it|that|this|(?:the|my)\s+last\s+(?:change|action|one|thing|step)|what\s+you\s+(?:just\s+)?did))?",
    re.IGNORECASE,
)
HELP = re.compile(r"help(?:\s+me)?", re.IGNORECASE)
_UNDOING = stem_set("undo revert rollback restore")
_SKIPPED = stem_set("offset skip")


def asks_more(text: str) -> bool:
    """Whether `text` asks for the next part of what was listed."""
    return (
        _MORE.fullmatch(re.sub(r"^please\s+|[\s,]*please\W*$", "", text.strip(), flags=re.I).strip(" .!?")) is not None
    )


def asks_undo(text: str, box: Toolbox) -> bool:
    """Whether `text` asks to take something back, and no action does."""
    return _UNDO.fullmatch(text.strip(" .!?")) is not None and not any(tool.verb in _UNDOING for tool in box.tools)


def next_page(box: Toolbox, last: Done) -> tuple[Tool, dict[str, Any]] | None:
    """The call that tells what comes after the part that was told; None if that was all, or no call can."""
    name, arguments, result = last
    tool, data = box.named(name), result.get("data") if isinstance(result, Mapping) else None
    skipped: Param | None = next((p for p in tool.params if set(p.words) & _SKIPPED), None) if tool else None
    total = data.get("total") if isinstance(data, Mapping) else None
    if tool is None or skipped is None or not isinstance(total, int):
        return None
    told = int(arguments.get(skipped.name) or 0) + min(MANY, len(records_in(result)))
    return (tool, {**arguments, skipped.name: told}) if 0 < told < total else None


def untold(last: Done) -> Sequence[Mapping[str, Any]]:
    """The records of a result that were too many for its answer."""
    return records_in(last[2])[MANY:]
