"""A clause cut at its prepositions, so that "from Berlin" and "to Paris" can find their parameters."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from copilot_core.planner.clauses import Clause, Span
from copilot_core.planner.values import overlaps
from copilot_core.planner.vocabulary import STOP, classes_of
from copilot_core.planner.words import Word, word_set

PREPOSITIONS = word_set(
    "to for from in at on with about by of as into via using against"
    " between near around under over because regarding "
    "without towards within per invite concerning onto inside called named titled"
)
_DETERMINERS = word_set("the a an my our your this that these those some any all every me us please")
_JOINERS = frozenset({"and", "or", "&"})


@dataclass(frozen=True)
class Chunk:
    """Words after one preposition; the first chunk, after the verb, has none."""

    preposition: str
    words: tuple[Word, ...]
    text: str

    @property
    def span(self) -> Span:
        """Where its words stand."""
        return self.words[0].start, self.words[-1].end

    def listed(self, *, names_only: bool) -> list[tuple[str, Span]]:
        """The items of "Jonas, Lena and Tom"; with `names_only` as far as they are names."""
        runs: list[list[Word]] = [[]]
        for word in self.words:
            joined = runs[-1] and "," in self.text[runs[-1][-1].end : word.start]
            if word.lower in _JOINERS or joined:
                runs.append([])
            if word.lower in _JOINERS or word.lower in _DETERMINERS:
                continue
            runs[-1].append(word)
        kept = [run for run in runs if run]
        if names_only:
            kept = [[w for w in run if w.is_name] for run in kept if any(w.is_name for w in run)] or kept
        return [(self.text[run[0].start : run[-1].end], (run[0].start, run[-1].end)) for run in kept]


def chunks_of(clause: Clause, blocked: Iterable[Span]) -> list[Chunk]:
    """The chunks of `clause` outside of `blocked` and of its verb."""
    spans = [*blocked, clause.head_span]
    spans += [(w.start, w.end) for w in clause.dates]
    found: list[Chunk] = []
    preposition, run = "", list[Word]()

    def close() -> None:
        if run:
            found.append(Chunk(preposition, tuple(run), clause.text))

    last_end = 0
    for word in clause.words:
        gap = clause.text[last_end : word.start]
        broken = bool(run) and (re.search(r"[;:()!?]|\.\s", gap) is not None or ("," in gap and not word.is_name))
        last_end = word.end
        if word.lower in PREPOSITIONS or overlaps(word.start, word.end, spans) or broken:
            close()
            run = []
            if word.lower in PREPOSITIONS and not overlaps(word.start, word.end, spans):
                preposition = word.lower
                continue
            if overlaps(word.start, word.end, spans):
                kept = preposition if word.lower in _DETERMINERS else ""
                preposition = word.lower if word is clause.head and word.lower in PREPOSITIONS else kept
                continue
            preposition = ""
        run.append(word)
    close()
    return found


def trimmed(clause: Clause, chunk: Chunk, nouns: set[str], *, by_name: bool) -> tuple[str, Span]:
    """A chunk without articles and without the nouns that only say what kind of thing follows.

    With `by_name` the capitalised run in it, if there is one, stands for the whole.
    """
    words = list(chunk.words)
    while words and (words[0].lower in _DETERMINERS or (words[0].lower in STOP and not words[0].is_name)):
        words.pop(0)
    while len(words) > 1 and words[0].stem in nouns and not words[0].is_name:
        words.pop(0)
    while len(words) > 1 and ((words[-1].stem in nouns and not words[-1].is_name) or words[-1].lower in STOP):
        words.pop()
    if words and all((w.stem in nouns and not w.is_name) or (classes_of(w.lower) and w is clause.head) for w in words):
        return "", (0, 0)
    names = _name_run(words) if by_name else []
    words = names or words
    if not words:
        return "", (0, 0)
    span = (words[0].start, words[-1].end)
    return clause.text[slice(*span)].removesuffix("'s").removesuffix("’s"), span


def _name_run(words: list[Word]) -> list[Word]:
    run: list[Word] = []
    for word in words:
        if word.is_name and not word.text[0].isdigit():
            run.append(word)
        elif run:
            break
    return run
