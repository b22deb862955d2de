"""The demo's workspace: one small company's tasks, deals, contacts, companies and projects.

The same records at every start (only ids differ), with dates around the clock's today.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Clock, Principal
from copilot_records.demo import words
from copilot_records.modules import Module
from copilot_records.own import OwnRecords
from copilot_records.standard import COMPANIES, CONTACTS, DEALS, PROJECTS, STANDARD, TASKS
from copilot_records.store import Record, Values

Row = dict[str, Any]


async def fill(session: AsyncSession, principal: Principal, clock: Clock) -> None:
    """Define the standard modules in the principal's workspace and fill them, unless it has modules already."""
    store = OwnRecords(session, principal, clock)
    if await store.is_defined():
        return
    await store.define(STANDARD)
    company = _Company(Random(7), clock.now().date())  # noqa: S311 - the same data every time
    await _insert(store, COMPANIES, company.companies())
    contacts = _ids(await _insert(store, CONTACTS, company.contacts()))
    projects = _ids(await _insert(store, PROJECTS, company.projects()))
    await _insert(store, DEALS, company.deals(contacts))
    await _insert(store, TASKS, company.tasks(projects))


async def _insert(store: OwnRecords, module: Module, rows: Sequence[Row]) -> Sequence[Record]:
    """Values are read as if a person had typed them, so that the demo cannot hold what the actions refuse."""
    read: list[Values] = [{name: module.field(name).read(value) for name, value in row.items()} for row in rows]
    return await store.insert(module, read)


def _ids(records: Sequence[Record]) -> Mapping[str, str]:
    return {record.title: record.id for record in records}


class _Company:
    """Makes the rows, in one order from one random source."""

    def __init__(self, random: Random, today: date) -> None:
        self._random = random
        self._today = today
        self._people: dict[str, list[str]] = {}

    def companies(self) -> list[Row]:
        columns = ("name", "industry", "employees", "city", "website")
        return [dict(zip(columns, company, strict=True)) for company in words.COMPANIES]

    def contacts(self) -> list[Row]:
        """Three or four at each company; nobody has the name of another."""
        names = [f"{first} {last}" for first, last in zip(words.FIRST_NAMES, words.LAST_NAMES, strict=True)]
        names += [
            f"{first} {last}"
            for first, last in zip(words.FIRST_NAMES, words.LAST_NAMES[7:] + words.LAST_NAMES[:7], strict=True)
        ]
        rows = []
        for place, name in enumerate(names):
            company, _, _, _, domain = words.COMPANIES[place % len(words.COMPANIES)]
            self._people.setdefault(company, []).append(name)
            rows.append(self._contact(name, company, domain))
        return rows

    def _contact(self, name: str, company: str, domain: str) -> Row:
        return {
            "name": name,
            "email": f"{name.lower().replace(' ', '.')}@{domain}",
            "phone": f"+1 555 {self._random.randrange(100, 1000)} {self._random.randrange(1000, 10000)}",
            "company": company,
            "jobTitle": self._random.choice(words.JOBS),
            "lifecycle": self._random.choices(("customer", "lead", "churned"), (6, 4, 1))[0],
        }

    def projects(self) -> list[Row]:
        rows = []
        for place, (name, company, tags, summary) in enumerate(words.PROJECTS):
            start = self._day(-150, 20)
            rows.append(
                {
                    "name": name,
                    "status": "planned" if start > str(self._today) else "paused" if place == 3 else "active",
                    "lead": words.TEAM[place % len(words.TEAM)],
                    "startDate": start,
                    "endDate": self._day(25, 200),
                    "company": company,
                    "tags": tags,
                    "summary": summary,
                }
            )
        return rows

    def deals(self, contacts: Mapping[str, str]) -> list[Row]:
        """Three different ones at each company, each with one of its people."""
        rows = []
        for company, *_ in words.COMPANIES:
            kinds = self._random.sample(words.DEALS, 3)
            if company in ("Acme", "Globex") and words.DEALS[0] not in kinds:
                kinds[0] = words.DEALS[0]
            for kind, least, most in kinds:
                row = self._deal(f"{company} {kind}", self._random.randrange(least, most) * 1000)
                person = self._random.choice(self._people[company])
                rows.append({**row, "company": company, "contact": contacts[person]})
        return rows

    def _deal(self, name: str, value: int) -> Row:
        stages = ("lead", "qualified", "proposal", "negotiation", "won", "lost")
        stage = self._random.choices(stages, (4, 4, 4, 3, 4, 2))[0]
        is_closed = stage in ("won", "lost")
        close = self._day(-120, -1) if is_closed else self._day(2, 30 if stage == "negotiation" else 110)
        owner = self._random.choice(words.SELLERS)
        return {"name": name, "stage": stage, "value": value, "closeDate": close, "owner": owner}

    def tasks(self, projects: Mapping[str, str]) -> list[Row]:
        rows = [
            {**self._task(title), "project": projects[project]}
            for project, titles in words.TASKS.items()
            for title in titles
        ]
        return rows + [{**self._task(title), "description": more} for title, more in words.LOOSE_TASKS]

    def _task(self, title: str) -> Row:
        """About one open task in six is overdue; one in eight belongs to nobody."""
        status = self._random.choices(("todo", "in_progress", "blocked", "done"), (5, 4, 1, 3))[0]
        late = status == "done" or self._random.random() < 1 / 6
        return {
            "title": title,
            "status": status,
            "priority": self._random.choices(("low", "medium", "high"), (3, 4, 3))[0],
            "dueDate": self._day(-40, -1) if late else self._day(0, 28),
            "assignee": self._random.choice(words.TEAM) if self._random.random() < 7 / 8 else None,
        }

    def _day(self, first: int, last: int) -> str:
        return str(self._today + timedelta(days=self._random.randint(first, last)))
