"""How words are compared: the same for the filters, for names a model half remembers, and for search."""

import difflib
import re
import unicodedata
from collections.abc import Iterable

WORD = re.compile(r"[^\W_]+")
LONGEST_WORD = 100


def fold(text: str) -> str:
    """`text` as it is compared: without regard to case and to space around it."""
    return text.casefold().strip()


def words(text: str) -> list[str]:
    """The words of `text` as search knows them: folded, without accents."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return [word[:LONGEST_WORD] for word in WORD.findall(bare)]


def phrase(text: str) -> str:
    """The words with a space around each: one phrase holds another exactly if it holds its whole words."""
    return f" {' '.join(words(text))} "


def squeeze(name: str) -> str:
    """ "Due date", ``due_date`` and ``dueDate`` are one name."""
    return "".join(words(name))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, as the end of a sentence; nothing if none is near."""
    by_key = {squeeze(option): option for option in known}
    near = difflib.get_close_matches(squeeze(name), by_key, n=1, cutoff=0.6)
    return f" Did you mean '{by_key[near[0]]}'?" if near else ""


def and_list(items: Iterable[object]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = [str(item) for item in items]
    return f"{', '.join(most)} and {last}" if most else last
