"""Values of a new record that are names: "for Sam", "at Globex", "CTO"."""

import re

from copilot_core.planner.clauses import Clause
from copilot_core.planner.field_base import VALUE_STOP, DraftValues
from copilot_core.planner.modules import field_mention, option_fields
from copilot_core.planner.options import find_options
from copilot_core.planner.prose import clean, tidy, without
from copilot_core.planner.values import overlaps
from copilot_core.planner.words import Word, stem_set

_AT_ORGANISATION = re.compile(
    r"(?:,\s*)?\b(?:(?:who\s+)?(?:works|working|employed|is|who is"
    r"|he['’]s|she['’]s)\s+(?:at|for|with)|at|from|of|for|with)\s+(?:company\s+)?(?=[A-Z0-9])",
    re.I,
)

_TO_PERSON = re.compile(
    r"(?:,\s*)?(?:\band\s+)?\b(?:(?:assign(?:ed)?|give|hand)\s+(?:it\s+"
    r"|that\s+|them\s+)?(?:over\s+)?to|owned by|owner(?: is)?|assignee(?:"
    r" is)?|for|responsible:?)\s+(?P<name>(?-i:[A-Z][\w'-]*(?:\s+[A-Z][\w'-]*)*)"
    r"|me\b)",
    re.I,
)
_NAME = r"(?-i:[A-Z][\w'-]*(?:\s+[A-Z][\w'-]*)*)|me\b|i\b"
_ON_IT = re.compile(
    rf"(?:,\s*)?(?:\band\s+)?\b(?:put\s+(?P<name>{_NAME})\s+on\s+(?:it|that|this)"
    rf"|have\s+(?P<who>{_NAME})\s+(?:do|handle|own|take|look)(?:\s+(?:it|care of it|that|into it))?)\b"
    rf"|[,;]\s*(?:and\s+)?(?P<one>{_NAME})\s+(?:owns|handles|takes|does|leads|runs"
    r"|is\s+(?:the\s+)?(?:owner|assignee|on it|responsible|in charge)|will\s+(?:do|handle|own|take)(?:\s+care of)?)"
    r"(?:\s+(?:it|that|this))?\b",
    re.I,
)

_ROLE_WORDS = re.compile(
    r"\b(?:C[A-Z]{1,2}O|[SE]?VP|head|manager|director|engineer|lead|sales|marketing|analyst|designer|developer|consultant"
    r"|officer|president|founder|owner|buyer|assistant|accountant|architect|specialist|chief|intern|partner|agent|recruiter"
    r"|support|scientist|administrator|nurse|lawyer|editor|product|finance|operations)\b",
    re.IGNORECASE,
)
_ROLE = stem_set("job role position occupation")


class NamedValues(DraftValues):
    """Steps for people, companies, places and whatever follows the title."""

    def _people(self) -> None:
        people = [f for f in self.module.fields if f.is_person and f.name not in self.values]
        given = _ON_IT.search(self.clause.text)
        if given and people and self.free(*given.span()):
            name = given["name"] or given["who"] or given["one"]
            self.put(people[0], (self.world.user_name or "me") if name.lower() in {"me", "i"} else name, given.span())
        for match in _TO_PERSON.finditer(self.clause.text):
            organised = any(f.is_organisation for f in self.module.fields) and match.group().strip(
                " ,"
            ).lower().startswith("for")
            people = [
                f
                for f in self.module.fields
                if not organised
                and f.is_person
                and f.name not in self.values
                and (f.kind == "user" or match.group().split()[0].lower() != "for")
            ]
            name = match["name"]
            if (
                not people
                or not self.free(*match.span())
                or (match.group().lower().startswith("for") and not self._is_person_for(match))
            ):
                continue
            value = (self.world.user_name or "me") if name.lower() == "me" else name
            told = [f for f in people if field_mention(self.clause, f)]
            self.put((told or people)[0], value, match.span())

    def _is_person_for(self, match: re.Match[str]) -> bool:
        """“a task for Sam”: right after the noun, and Sam is a single word."""
        return (
            self.mention.span[1] > 0
            and match.start() - self.mention.span[1] <= 1
            and " " not in match["name"]
            and self.mention.module.of_kind("user") != []
        )

    def _organisation(self) -> None:
        fields = [
            f for f in self.module.fields if f.is_organisation and f.name not in self.values and f is not self.title
        ]
        if not fields:
            return
        for match in _AT_ORGANISATION.finditer(self.clause.text):
            strong = re.search(r"\b(?:at|from|works|working|employed)\b", match.group(), re.I)
            if not self.free(match.end(), match.end() + 1) or (
                not strong and self._title_would_be_empty(match.start())
            ):
                continue
            stop = VALUE_STOP.search(self.clause.text, match.end())
            names = self._names_from(match.end(), stop.start() if stop else len(self.clause.text))
            known = self.title is not None and self.title.name in self.values
            lead = match.group().strip(" ,").lower()
            if names and (strong or lead.startswith("for") or (known and lead.startswith("with"))):
                self.put(fields[0], self.clause.text[names[0].start : names[-1].end], (match.start(), names[-1].end))
                return

    def _title_would_be_empty(self, before: int) -> bool:
        """Nothing but the noun stands before: "a deal for Initech" is named by what follows."""
        if self.title is None or self.title.name in self.values or self.clause.body is not None:
            return False
        lead = self.clause.text[max(self.mention.span[1], self.clause.head_span[1]) : before]
        return not clean(
            without(
                lead,
                [(a - before + len(lead), b - before + len(lead)) for a, b in self.taken if a >= before - len(lead)],
            )
        )

    def _names_from(self, start: int, end: int) -> list[Word]:
        found: list[Word] = []
        for word in self.clause.words:
            if word.start < start or word.end > end:
                continue
            if not word.is_name or overlaps(
                word.start, word.end, [*self.taken, *((w.start, w.end) for w in self.clause.dates)]
            ):
                break
            found.append(word)
        return found

    def _place(self) -> None:
        fields = [f for f in self.module.fields if f.is_place and f.name not in self.values]
        match = re.search(r"(?:,\s*)?\b(?:based in|located in|in)\s+(?=[A-Z])", self.clause.text)
        if fields and match and self.free(match.end(), match.end() + 1):
            stop = VALUE_STOP.search(self.clause.text, match.end())
            names = self._names_from(match.end(), stop.start() if stop else len(self.clause.text))
            if names:
                self.put(fields[0], self.clause.text[names[0].start : names[-1].end], (match.start(), names[-1].end))

    def _more_segments(self) -> None:
        """``Jonas Weber, CFO``, ``'Ada' (Head of Sales, Hooli)``: what follows the title goes to text fields."""
        if (
            self.title is None
            or self.title.name not in self.values
            or not isinstance(self.values[self.title.name], str)
        ):
            return
        title = self.values[self.title.name]
        named = self.clause.text.find(title)
        segments = (
            [tidy(s) for s in re.split(r"\s*[,;]\s*|\s+[-–|]\s+|\s*\(\s*|\s*\)\s*", title) if tidy(s)]
            if not self.clause.quoted()
            else [title]
        )
        bracket = re.search(r"\(([^)]+)\)", self.clause.text[max(named, 0) :]) if self.clause.quoted() else None
        segments += [tidy(s) for s in bracket[1].split(",")] if bracket else []
        rest = [s for s in segments[1:] if not self._takes(s)]
        if len(rest) < len(segments) - 1 or bracket:
            self.values[self.title.name] = ", ".join([segments[0], *(rest if not bracket else [])])

    def _takes(self, segment: str) -> bool:
        """Whether some text field is there for `segment`."""
        said = re.sub(
            r"^(?:(?:he|she|they|who)\s*(?:['’]s|['’]re|is|are)\s+)?(?:(?:an?|the|our|their)\s+)?", "", segment
        )
        part = Clause(said, self.clause.now)
        for field in option_fields(self.module):
            found = find_options(part, field.options, 0.8) if field.name not in self.values else []
            if found:
                self.values[field.name] = found[0].value
                left = clean(without(part.text, [found[0].span]))
                return not left or self._takes(left)
        if not part.text[:1].isupper() or len(part.words) > 4:
            return False
        fields = [f for f in self.module.of_kind("string") if f.name not in self.values and f is not self.title]
        telling = _ROLE_WORDS.search(part.text) is not None
        both = re.match(r"(?P<role>.+?)\s+(?:of|at|with)\s+(?P<where>(?-i:[A-Z]).*)$", part.text)
        roles = [f for f in fields if _ROLE & set(f.words)]
        places = [f for f in fields if f.is_organisation]
        if both and roles and places and _ROLE_WORDS.search(both["role"]) and not _ROLE_WORDS.search(both["where"]):
            self.values[roles[0].name], self.values[places[0].name] = both["role"], both["where"]
            return True
        roles = roles if telling or not places else []
        chosen = next(
            (
                f
                for f in (
                    *roles,
                    *(f for f in fields if f.is_organisation),
                    *(f for f in fields if not f.is_place),
                    *fields,
                )
            ),
            None,
        )
        if chosen is not None:
            self.values[chosen.name] = part.text
        return chosen is not None

    def _noun_before_field(self) -> None:
        """“for the search service, results are empty”: a value before the name of its field."""
        end = self.clause.body[0] if self.clause.body else len(self.clause.text)
        for field in self.module.of_kind("string"):
            name = re.escape(field.name.lower())
            match = re.search(
                rf"\b(?:for|on|in|with|at|of)\s+(?:the|our)\s+(?P<what>[\w-]+)\s+{name}\b,?",
                self.clause.text[:end],
                re.I,
            )
            if match and field is not self.title and field.name not in self.values and self.free(*match.span()):
                self.put(field, match["what"], match.span())

    def _subject_of_body(self, begin: int) -> None:
        """``incident on checkout: card payments fail``: what the text after the colon is about."""
        match = re.search(
            r"\b(?:for|on|in|about)\s+(?:the\s+)?(?!(?:this|that|these|those|it)\b)(?P<what>[\w-]+)(?:\s+\w+)?\s*:\s*$",
            self.clause.text[:begin],
        )
        fields = [f for f in self.module.of_kind("string") if f is not self.title and f.name not in self.values]
        others = [f for f in fields if not (f.is_organisation or f.is_place or f.is_person or _ROLE & set(f.words))]
        if match and others and self.free(*match.span("what")) and self.mention.span[1] <= match.start():
            self.values[others[0].name] = match["what"]
