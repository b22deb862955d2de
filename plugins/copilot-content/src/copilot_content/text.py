"""Text as a person reads it, and what of it was not read."""

import re
import unicodedata
from dataclasses import dataclass, field

from copilot_core import cut, plain

LONGEST_READ = 200_000
"""Characters of one text that are looked at."""
_WORD = re.compile(r"[^\W_]+")


@dataclass
class Cuts:
    """What was not used, to be reported."""

    notes: list[str] = field(default_factory=list)

    def text(self, name: str, raw: str, most: int) -> str:
        """`raw` as plain text of at most `most` characters; the rest is noted under `name`."""
        whole = plain(raw[:LONGEST_READ])
        if len(whole) <= most and len(raw) <= LONGEST_READ:
            return whole
        self.notes.append(f"{name} is long: only its first {min(most, len(whole)):,} characters were read.")
        return cut(whole, most)


def words(text: str) -> list[str]:
    """The words of `text` as they are compared: folded, without accents."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return _WORD.findall(bare)
