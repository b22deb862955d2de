"""Where a write comes from: the user's own words, or text that somebody else put where the model reads it.

Records, tool results, readables and page context are data. A model may obey what stands in them, so
when a conversation has such text, a write must be traceable to what the user said: that they asked for
a change, which thing they named, and every value. What is not, a person confirms first, whatever their
role (docs/explanation/untrusted-text.md; OWASP LLM01). No word list finds an attack here: what the user
did not say is doubted, so an encoded order, or one in any language, is like a plain one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

RUN = 4
"""So many words in a row, found in untrusted text and not said by the user, are copied from it."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_ADDRESS = re.compile(r"\S*@\S*|\S*://\S*|\bwww\.\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b\S*", re.IGNORECASE)
"""What leads somewhere: every word of it said is not enough, it must be said as it is."""
_NUMBER = re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)*)\s?(k|m|thousand|million)?\b", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:.+Z-]*)?")
_LABELLED = re.compile(
    r'"(?:id|recordId)"\s*:\s*"(?P<id>[^"]{1,200})"[^{}]{0,200}?"(?:title|name|label|recordName)"\s*:\s*'
    r'"(?P<label>[^"]{1,300})"'
)
_OPEN_RECORD = re.compile(r'\\?"recordId\\?"\s*:\s*\\?"?([\w:.-]{1,200})')
_QUOTED = re.compile(
    r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|`[^`]*`|(?<!\w)['‘][^'’\n]*['’](?!\w)|^\s*>.*$", re.MULTILINE
)
_SENTENCE = re.compile(r"[^.!?;\n]+[.!?;\n]*")
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[,:]")


def _set(words: str) -> Set[str]:
    return frozenset(words.split())


_EMPTY_WORDS = (
    "a an and any are as at be by can could do for from have i in into is it its me my of on or our please so some "
    "that the their them then these this those to up us was we what when which with would you your"
)
_CHANGE_VERBS = _set(
    "add adjust append approve archive assign attach bump cancel change clear close convert copy correct create "
    "decrease delete demote downgrade drop duplicate edit enter escalate extend finish fix import increase insert "
    "invite link make mark merge modify move postpone promote put raise reassign register remove rename reopen "
    "replace reschedule reset resolve restore revert save schedule send set shift submit swap switch tag tick turn "
    "unassign undo update upgrade write "
    "erstelle ändere setze markiere verschiebe ergänze lösche crée ajoute modifie supprime crea añade agrega marca "
    "cambia actualiza"
)
_NOUNS_TOO = _set(
    "book complete draft file fill increment invite log lower note open order plan post push record remind share split "
    "start stop store"
)
"""Change verbs that are as often something else ("show open tasks"): they count before a word like "the" or "a"."""
_DETERMINERS = _set("a an the this that these those it them all every each both my our his her their another new down")
_QUESTIONS = _set(
    "what what's which who whom whose how why when where is are was were am does did do has had should shall can could "
    "would will may might if"
)
_READS = _set(
    "show list find search get give tell explain describe summarise summarize count read display look see view report "
    "compare analyse analyze check browse fetch query translate define print quote repeat zeig zeige liste fasse "
    "übersetze montre affiche résume explique muestra enseña resume explica"
)
_MODALS = _set("can could would will should must may")
_WISHES = _set("want like need you us have love going ready forget remember")
_NEGATIONS = _set("not don't dont don’t never no without nothing cannot can't won't shouldn't nicht kein pas sin")
_FILLERS = _set("please pls just also now kindly quickly simply hi hey hello copilot yes ok okay great thanks perfect")
_JOINTS = _set(", : and then let's lets")
_ANSWERS = _set(
    "yes yep yeah ok okay sure please do it go ahead right correct fine exactly that this the one first second third "
    "last both all of them and"
)
_ALL = _set("all every each any both those these them everything everyone whole entire")
_COMPARED = _set(
    "over above more greater higher larger after later than under below less fewer lower before earlier overdue older "
    "newer since until least most not except other but without empty missing no unassigned past between late"
)
_INVENT = _set(
    "sample samples example examples dummy test demo random some few several ideas draft suggest invent generate"
)
_TIMES = _set(
    "today tomorrow tonight week weeks month months day days year quarter next end eod monday tuesday wednesday "
    "thursday friday saturday sunday january february march april may june july august september october november "
    "december jan feb mar apr jun jul aug sep oct nov dec"
)
_POINTING = _set("it this that them these those one ones same here current the")
_EMPTIES = _set("clear empty remove unset unassign reset delete blank")
_KINDS = "task deal contact company project incident record item entry note ticket account module"
_NUMERALS = {
    word: float(i)
    for i, word in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"])
}
_STRUCTURE = _set("module field op sort direction atomic confirmed")
"""Arguments that name a place and carry nothing: a module, a field, a comparison."""
_PLACE = re.compile(r"[A-Za-z][\w.-]{0,40}")
_MEANS = {"don": _set("complet finish tick"), "complet": _set("don finish"), "won": _set("win"), "lost": _set("los")}


@dataclass(frozen=True)
class Provenance:
    """What was said by whom, up to a call.

    Args:
        said: the user's messages, in order.
        results: what calls brought: records, which anybody may have written. After these, every value of
            a write must be the user's.
        told: what the page tells: readables, shared state. Nothing may be taken from there alone.
    """

    said: Sequence[str]
    results: Sequence[str]
    told: Sequence[str]

    def doubt(self, arguments: Mapping[str, Any]) -> str | None:
        """Why a write with these arguments may not be what the user asked for; `None` if it is theirs."""
        if not self.results and not self.told:
            return None
        leaves = list(_leaves(arguments))
        request = self._request(set().union(*(_stems(f"{name} {value}") for name, value in leaves)))
        if request is None:
            return "you did not ask for a change"
        return _Asked(self, request, leaves).doubt(arguments)

    def _request(self, used: Set[str]) -> Sequence[str] | None:
        """The last message that asks for a change, and the answers that came after it; `None` if there is none.

        Args:
            used: the words of the call. A message that says nothing else is an answer, such as a title.
        """
        for index in range(len(self.said) - 1, -1, -1):
            if asks_for_a_change(self.said[index]):
                return self.said[index:]
            if not _answers(self.said[index], used):
                return None
        return None

    @cached_property
    def labels(self) -> Mapping[str, Set[str]]:
        """Id -> what the data calls the thing: ``"id": "rec_1", ..., "title": "Call Ada"``."""
        found: dict[str, set[str]] = {}
        for text in (*self.results, *self.told):
            for match in _LABELLED.finditer(text):
                found.setdefault(match["id"], set()).add(match["label"])
        return found

    @cached_property
    def untrusted(self) -> str:
        """The words of everything that others wrote."""
        return _joined([*self.results, *self.told])

    @cached_property
    def open_records(self) -> Set[str]:
        """The records that the page says are open."""
        return {match for text in self.told for match in _OPEN_RECORD.findall(text)}


class _Asked:
    """One request and the call that shall fulfil it."""

    def __init__(self, known: Provenance, request: Sequence[str], leaves: Sequence[tuple[str, str]]) -> None:
        self._known = known
        self._text = "\n".join(request)
        self._words = frozenset(_words(self._text))
        self._stems = _stems(self._text)
        self._earlier = known.said[: len(known.said) - len(request)]
        self._leaves = leaves
        self._joined = f" {_joined(request)} "
        given = _stems(" ".join(value for _, value in leaves if value not in known.labels))
        self._naming_nothing = _GENERIC | given

    def doubt(self, arguments: Mapping[str, Any]) -> str | None:
        """Why the call may be more than the request."""
        if not self._leaves and not self._words & _ALL:
            return "nothing in it shows what you meant"
        for name, value in self._leaves:
            if not self._is_theirs(value):
                return f"{name} does not come from what you said"
        for condition in _conditions(arguments):
            if not self._chose(condition, arguments):
                return "you did not say that it is for all of these"
        for name, value in _blanks(arguments):
            if not self._meant_blank(name, value):
                return f"{name} does not come from what you said"
        return None

    def _is_theirs(self, value: str) -> bool:
        """Whether the user said it, or what it names; or left it to the model, where that is harmless."""
        if not value.strip():
            return False  # a field made empty: see `_meant_blank`; one of spaces is no answer to anything
        if value in self._known.labels or value in self._known.open_records:
            return self._named(value)
        if self._number_said(value):
            return True
        if any(address.lower() not in self._text.lower() for address in _ADDRESS.findall(value)):
            return False
        if self._copied(value):
            return False
        return self._said(value) or (not self._known.results and self._left_open(value))

    def _said(self, value: str) -> bool:
        """Whether the user said every word of it that means something, or, without a word, just that."""
        if not _WORD.search(value):
            return value.strip() in self._text
        return all(word in self._stems or _MEANS.get(word, _NONE) & self._stems for word in _stems(value) - _EMPTY)

    def _number_said(self, value: str) -> bool:
        try:
            number = float(value)
        except ValueError:
            return False
        return number in {_NUMERALS[word] for word in self._words & _NUMERALS.keys()} | set(_numbers(self._text))

    def _left_open(self, value: str) -> bool:
        """Where only the page has told something: a date for the time they named, samples that they asked for."""
        squeezed = _squeezed(value)
        stands_there = squeezed in _squeezed(" ".join(self._known.told))
        if _DATE.fullmatch(value):
            near = bool(self._words & {"today", "tomorrow", "tonight"})
            return bool(self._words & _TIMES) and (near or not stands_there)
        meant = bool(self._words & _INVENT)
        return meant and not _ADDRESS.search(value) and not (stands_there and re.search(r"[\d_]", value))

    def _copied(self, value: str) -> bool:
        words = _words(value)
        runs = (" ".join(words[i : i + RUN]) for i in range(len(words) - RUN + 1))
        return any(run in self._known.untrusted and run not in self._joined for run in runs)

    def _named(self, thing: str) -> bool:
        """Whether the user named the thing with this id, and no other thing better; or has just it open."""
        if thing in {word.strip(".,;:!?\"'()") for word in self._text.split()}:
            return True
        opened = self._known.open_records
        if opened == {thing} and self._words & _POINTING:
            return True
        labels = self._known.labels.get(thing, _NONE)
        return bool(labels) and labels <= self._meant

    @cached_property
    def _meant(self) -> Set[str]:
        """The labels that the request names; where it names none but says "it", those that were named last."""
        meant = self._best(self._text)
        if meant or not self._words & _POINTING:
            return meant
        return next((found for text in reversed(self._earlier) if (found := self._best(_unquoted(text)))), _NONE)

    def _best(self, text: str) -> Set[str]:
        """Those said in full; else those of whose words the user said most, so that "Ada" is not "Bob"."""
        labels = set(chain.from_iterable(self._known.labels.values()))
        named = re.sub(r"\b(?:called|named|titled)\b", " ", text.lower())
        stems, joined = _stems(named) - self._naming_nothing, f" {_joined([text])} "
        overlaps = {label: _stems(label) & stems for label in labels}
        whole = {label for label in labels if overlaps[label] and f" {_joined([label])} " in joined}
        if whole:
            return whole
        found = [overlap for overlap in overlaps.values() if overlap]
        return {label for label, words in overlaps.items() if words and not any(words < other for other in found)}

    def _chose(self, condition: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
        """Whether the user spoke of many, and compared if the condition does."""
        many = self._words & (_ALL | {str(arguments.get("module", "")).lower()})
        plain = condition.get("op") in {"eq", "in", "contains"}
        return bool(many) and (plain or bool(self._words & _COMPARED))

    def _meant_blank(self, name: str, value: Any) -> bool:
        named = bool((_stems(name) - _EMPTY) & self._stems)
        return named and (isinstance(value, bool) or bool(self._words & _EMPTIES))


def asks_for_a_change(text: str) -> bool:
    """Whether a message tells to change something, outside of what it quotes.

    A change verb counts where an order has it: at the beginning of a sentence or after "please", "and", "can you",
    "I want to"; not in a question about changes, nor after "don't".
    """
    text = _unquoted(text)
    sentences = [tokens for found in _SENTENCE.findall(text) if (tokens := _tokens(found))]
    return any(_orders(tokens) for tokens in sentences)


def _orders(tokens: list[str]) -> bool:
    for index, verb in enumerate(tokens):
        rest = tokens[index + 1 :]
        if verb not in _CHANGE_VERBS | _NOUNS_TOO or (verb != "undo" and not set(rest) - {"?"}):
            continue
        if verb in _NOUNS_TOO and rest[0] not in _DETERMINERS:
            continue
        before = [word for word in tokens[:index] if word not in _FILLERS]
        if _NEGATIONS & set(before[-3:]) and "forget" not in before[-2:]:
            continue
        if _is_order(before, tokens):
            return True
    return False


def _is_order(before: list[str], tokens: list[str]) -> bool:
    """Whether a verb after these words is an order, in a sentence of these tokens."""
    polite = before[-1:] == ["you"] and before[-2:-1] and before[-2] in _MODALS
    first = next((word for word in tokens if word not in _FILLERS | {","}), "")
    if polite:
        return True
    joined = before[-1:] in (["and"], ["then"])
    if tokens[-1] == "?" or first in _QUESTIONS or first.split("'")[0] in _QUESTIONS:
        return joined and any(a in _MODALS and b == "you" for a, b in pairwise(before))
    if first in _READS:
        return joined
    if before[-1:] == ["to"]:
        return before[-2:-1] != [] and before[-2] in _WISHES
    return not before or before[-1] in _JOINTS


def _tokens(sentence: str) -> list[str]:
    tokens = [token.lower().replace("’", "'") for token in _TOKEN.findall(sentence)]
    return [*tokens, "?"] if "?" in sentence and tokens else tokens


def _unquoted(text: str) -> str:
    """Without what stands in quotes, or after the colon or on the next lines of "Summarise this: ..."."""
    text = _QUOTED.sub(" ", text)
    first = next((word for word in _tokens(text) if word not in _FILLERS | {","}), "")
    if first in _READS | _QUESTIONS:
        return re.split(r":\s|\n", text, maxsplit=1)[0]
    return text


def _answers(text: str, used: Set[str]) -> bool:
    """Whether a message is a plain yes, or says nothing but what the call uses."""
    words = _words(text)
    return "?" not in text and bool(words) and (set(words) <= _ANSWERS or _stems(text) - _EMPTY <= used)


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each text and number among the arguments, with its name. Yes, no and nothing say nothing by themselves."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, name)
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and not _is_place(name, value):
        yield name, str(value)


def _is_place(name: str, value: object) -> bool:
    return value == "" or (name in _STRUCTURE and bool(_PLACE.fullmatch(str(value))))


def _blanks(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Each yes, no and nothing, with its name; but for arguments that were left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _blanks(inner, str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _blanks(inner, name, depth + 1)
    elif (isinstance(value, bool) or value == "" or (value is None and depth > 1)) and name not in _STRUCTURE:
        yield name, value


def _conditions(value: Any) -> Iterator[Mapping[str, Any]]:
    """Each filter among the arguments: an object that has a field and a comparison."""
    if isinstance(value, Mapping):
        if "field" in value and "op" in value:
            yield value
        for inner in value.values():
            yield from _conditions(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _conditions(inner)


def _numbers(text: str) -> Iterator[float]:
    """Each number, read with a decimal point and with a decimal comma."""
    for digits, unit in _NUMBER.findall(text):
        times = {"": 1, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}[unit.lower()]
        for written in (digits.replace(",", ""), digits.replace(".", "").replace(",", ".")):
            if written.count(".") < 2:
                yield float(written) * times


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text))]


def _stems(text: str) -> set[str]:
    """Words without the endings that English gives them."""
    return {_stem(word) for word in _words(text)}


def _stem(word: str) -> str:
    word = re.sub(r"['’]s$", "", word)
    for ending in ("ing", "ed", "es", "s", "d"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word


def _joined(texts: Iterable[str]) -> str:
    return " ".join(word for text in texts for word in _words(text))


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


_NONE: Set[str] = frozenset()
_EMPTY = frozenset(_stem(word) for word in _EMPTY_WORDS.split())
_GENERIC = _EMPTY | frozenset(_stem(word) for word in (*_CHANGE_VERBS, *_NOUNS_TOO, *_KINDS.split()))
