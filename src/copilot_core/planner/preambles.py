"""A story and then a command about it: "I met Ada Fox from Globex, add her as a contact"."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from copilot_core.planner.clauses import PAST, Clause, polished
from copilot_core.planner.vocabulary import STOP, is_imperative
from copilot_core.planner.words import words_of

_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
_BREAK = re.compile(
    r"\s*(?:[,;:.!]|\s[–—-])\s+(?:(?:so|and|then)\s+)?|\s+(?:so|and)\s+(?=please|can you|could you)", re.I
)
_ON_PERSON = re.compile(r"(?P<verb>\w+)\s+(?:him|her|them)\b(?P<rest>.*)", re.I | re.S)
_ON_THING = re.compile(
    r"(?P<verb>\w+)\s+(?:(?:up|down)\s+)?(?:it|that|this)\b(?:\s+(?:up|down))?(?P<rest>.*)", re.I | re.S
)
_ROLE = re.compile(r"^\s*(?:as|to|into|in|on|onto|for)\s+", re.I)
_BESIDES = re.compile(r"\b(?:for|about|on)\s+(?:it|that|this)\b\W*$", re.I)


def commands(text: str, clause: Clause) -> Iterator[str]:
    """The command after a story, with what its pronoun stands for; likeliest first. `clause` is `text` as it is."""
    for match in _BREAK.finditer(text):
        said, command = text[: match.start()], polished(text[match.end() :])
        first = words_of(command)[:1]
        if not said or not first or not is_imperative(first[0].lower):
            continue
        command = command[:1].lower() + command[1:]
        if not is_story(Clause(said, clause.now)):
            continue
        yield from _put_together(said, command, clause)


def is_story(said: Clause) -> bool:
    """Whether `said` tells something and wants nothing."""
    if said.is_question or len(said.words) < 3:
        return False
    return said.is_statement or Clause(polished(said.text), said.now).head is None or said.words[0].lower in PAST


def _put_together(said: str, command: str, clause: Clause) -> Iterator[str]:
    person = _ON_PERSON.match(command)
    thing = _ON_THING.match(command)
    if person is not None:
        who = _from_name(said, clause)
        if who:
            yield f"{person['verb']} {who}{person['rest']}"
    elif thing is not None:
        role = _ROLE.sub("", thing["rest"])
        if role.strip(" .,!?"):
            yield f"{thing['verb']} {role.strip(' .,!?')}: {polished(said)}"
            yield f"{thing['verb']} {role.strip(' .,!?')} for {polished(said)}"
        named = _thing(said)
        if named:
            yield f"{thing['verb']} {named}{thing['rest']}"
    elif _BESIDES.search(command):
        yield f"{_BESIDES.sub('', command).strip()}: {said}"
    else:
        yield command
        yield f"{command.strip(' .!')}: {said}"


def _from_name(said: str, clause: Clause) -> str:
    """The part of a story that begins with a name, without when it happened."""
    words = words_of(said)
    names = (w for w in words if w.text[0].isupper() and w.lower not in STOP)
    name = next((w for w in names if w.start or w.lower not in PAST), None)
    if name is None:
        return ""
    part = Clause(said[name.start :], clause.now)
    ends = [w.start for w in part.dates if w.start] + [
        w.start for w in part.words[1:] if w.text.islower() and (w.lower in PAST or w.lower.endswith("ed"))
    ]
    told = part.text[: min(ends, default=len(part.text))].strip(" ,;.")
    told = re.sub(r"\s+(?:at|in|on|during|over)\s+(?:the|a|an|our|my)\s.*$", "", told)
    return re.sub(r"\s+(?:is|was)\s+(?:an?\s+)?(?:new\s+|our\s+)?", ", ", told, count=1)


def _thing(said: str) -> str:
    """What a story is about: an id, or the first thing that it names with an article."""
    literal = next((x for x in Clause(said, _NEVER).literals if x.kind in {"id", "quoted"}), None)
    if literal is not None:
        return said[literal.start : literal.end]
    match = re.search(r"\b(?:the|my|our|an?)\s+(?:[\w'-]+\s*){1,5}", said, re.I)
    return match.group().strip() if match else ""
