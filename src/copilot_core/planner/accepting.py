"""Whether the evidence for an action is enough to act on, or to ask about."""

import re

from copilot_core.planner.clauses import Clause
from copilot_core.planner.objects import does, ends, unasked
from copilot_core.planner.ranking import Candidate
from copilot_core.planner.tools import Tool
from copilot_core.planner.vocabulary import STOP
from copilot_core.planner.words import stem

_CLEAR_SCORE = 1.7
_WRITES = frozenset({"create", "create_many", "update", "delete"})


def accepts(found: Candidate, clause: Clause) -> bool:
    """Whether the evidence is enough to act on, or to ask about."""
    tool = found.tool
    if _is_of_other_kind(found, clause):
        return False
    if found.exemplary and found.score >= _CLEAR_SCORE and not (found.kind and found.unused):
        return True
    if found.score < _CLEAR_SCORE or (clause.is_question and not tool.reads and found.verb < 0.6):
        return False
    if clause.is_statement and not found.kind and not tool.reads:
        return False
    if not found.kind and clause.head is None and clause.has_copula and not clause.text.rstrip().endswith("?"):
        return False
    if found.kind:
        return _accepts_record(found, clause)
    sure = found.evidence >= 1 and not found.missing and not found.weak
    told = not tool.reads and any(p.role in {"prose", "name"} and p.name in found.arguments for p in tool.params)
    plain = not tool.params and found.coverage >= 0.5
    vague = "query" in tool.classes and not tool.nouns and any(p.required for p in tool.params)
    if vague and not {stem(w) for w in tool.name_words[1:]} & set(clause.stems):
        return False
    known = sure and found.coverage >= 0.5 and bool(tool.nouns)
    if tool.reads and not plain and found.explained < 0.25 and not known:
        return False
    if found.explained < (0.5 if tool.reads else 0.4) and not (sure or told or plain) and found.verb < 1.2:
        return False
    if found.coverage >= (0.25 if sure else 0.34):
        return (
            found.verb >= 0.25
            or (found.explained >= 0.5 and not found.missing)
            or (found.coverage >= 0.6 and found.evidence >= 1)
        )
    return not tool.is_light and found.verb >= 0.9 and found.explained >= 0.35 and not found.missing


def _is_of_other_kind(found: Candidate, clause: Clause) -> bool:
    """Whether it acts on something else than is spoken of, or does something else than is asked for."""
    if found.elsewhere or (found.kind not in _WRITES and ends(clause) and not does(found.tool, clause)):
        return True
    own = not found.kind and not found.tool.reads
    return own and (unasked(found.tool, clause, found.arguments) or _lists(clause, found.tool))


def _lists(clause: Clause, tool: Tool) -> bool:
    """“incidents regarding orders”: without a verb, and in the plural, a thing is asked for and not made."""
    first = next((w for w in clause.words if w.lower not in STOP), None)
    return (
        clause.head is None
        and first is not None
        and first.stem in tool.nouns
        and first.lower.endswith("s")
        and stem(first.lower.removesuffix("s")) == first.stem
    )


def _accepts_record(found: Candidate, clause: Clause) -> bool:
    if found.unclear and found.kind in {"update", "delete"}:
        return found.verb >= 0.7 and found.coverage >= 0.5
    if found.kind == "search":
        return found.verb >= 0.7
    if found.kind == "query":
        told = clause.head is None and not clause.text.rstrip().endswith("?") and clause.has_copula
        about_us = found.coverage < 0.8 and re.search(r"\byou(?:r|rself)?\b", clause.text, re.IGNORECASE) is not None
        told = told or about_us or (clause.is_statement and not clause.text.rstrip().endswith("?"))
        done = clause.head is not None and not clause.is_question and found.verb < 0.5
        return found.coverage >= 0.5 and found.explained >= 0.35 and not told and not done
    if not found.named and found.kind in {"create", "create_many", "navigate"}:
        return False
    if found.kind in {"create", "create_many"} and clause.is_statement:
        return False
    if found.kind in {"update", "delete"} and not found.missing and not found.unused and not has_subject(found):
        return False
    if found.kind == "update" and clause.is_statement and any(w.last < clause.now.date() for w in clause.dates):
        return False
    if found.kind == "update" and found.missing:
        return False
    return found.verb >= 0.5 and found.coverage >= 0.5


def has_subject(found: Candidate) -> bool:
    """Whether a write on records says which ones; "all" is an empty list of conditions."""
    names = {p.name for p in found.tool.params if not p.is_module and p.type in {"array", "string"}}
    return bool(names & set(found.arguments))
