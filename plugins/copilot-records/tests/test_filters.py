"""A filter means in SQL what it means in Python, and no value of it becomes SQL."""

import re
import unicodedata
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_records import Field, Module, OwnRecords
from copilot_records.checks import Checks
from copilot_records.fields import Value
from copilot_records.filters import Filter, checked, where
from copilot_records.store import Query, Values

pytestmark = pytest.mark.proof

FIELDS = (
    Field("name", required=True),
    Field("text", "text"),
    Field("number", "number"),
    Field("day", "date"),
    Field("moment", "datetime"),
    Field("flag", "boolean"),
    Field("state", "enum", options=("new", "in_progress", "done")),
    Field("tags", "enum[]", options=("red", "green", "blue")),
    Field("owner", "user"),
)
THINGS = Module("things", "Things", "thing", "name", FIELDS)
ODD = (
    "",
    "%",
    "_",
    "a_b",
    "50%",
    "O'Hara",
    '"x"',
    "\\",
    "[1]",
    "Größe",
    "STRASSE",
    "straße",
    "İ",
    "a\tb",
    "'; --",
    "$.name",
)

texts = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
numbers = st.integers(-(10**15), 10**15) | st.floats(-1e6, 1e6).map(lambda n: round(n, 3))
days = st.dates(date(1999, 12, 30), date(2000, 1, 3)).map(str)
moments = st.datetimes(datetime(1999, 12, 30), datetime(2000, 1, 3)).map(lambda d: d.isoformat(timespec="seconds"))  # noqa: DTZ001
people = st.sampled_from(["Sam Carter", "sam", "Samantha Lee", "Lee", "Carter Lee", "Zoë O'Neill", "!"])
states, tags = st.sampled_from(FIELDS[6].options), st.sampled_from(FIELDS[7].options)
values = {
    "name": texts.filter(bool),
    "text": texts,
    "number": numbers,
    "day": days,
    "moment": moments,
    "flag": st.booleans(),
    "state": states,
    "tags": st.lists(tags, unique=True),
    "owner": people,
}
rows = st.lists(
    st.fixed_dictionaries({"name": values["name"]}, optional={k: v for k, v in values.items() if k != "name"}),
    max_size=6,
)


def filters() -> st.SearchStrategy[Filter]:
    """Every operator that a field takes, with values of the same kind as the records have."""

    def of(field: str, ops: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
        return st.builds(Filter, field=st.just(field), op=st.sampled_from(ops.split()), value=value)

    single = [
        of("name", "eq ne contains", texts.filter(bool)),
        of("text", "eq ne contains", texts.filter(bool)),
        of("number", "eq ne gt gte lt lte", numbers),
        of("day", "eq ne gt gte lt lte", days),
        of("moment", "eq ne gt gte lt lte", moments | days),
        of("flag", "eq ne", st.booleans()),
        of("state", "eq ne", states),
        of("tags", "eq ne contains", tags),
        of("owner", "eq ne", people.filter(lambda name: name != "!")),
    ]
    several = [of(name, "in", st.lists(values[name], max_size=3)) for name in ("number", "day", "flag", "state")]
    empty = of("", "empty", st.booleans()).flatmap(
        lambda f: st.sampled_from(list(values)).map(lambda name: f.model_copy(update={"field": name}))
    )
    return st.one_of(*single, *several, empty)


def said(value: object) -> list[str]:
    plain = unicodedata.normalize("NFKD", str(value).casefold())
    return re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)))


def is_within(part: list[str], whole: list[str]) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))


def is_equal(field: str, held: Any, value: Any) -> bool:
    match field:
        case "name" | "text":
            return held.casefold().strip() == value.casefold().strip()
        case "owner":
            return is_within(said(value), said(held))
        case "tags":
            return value in held
        case "moment":
            return held == value + "Z" or held[:10] == value
        case _:
            return bool(held == value)


def is_ordered(op: str, held: Any, value: Any) -> bool:
    """A day as the bound of a moment is the whole day."""
    first = last = value
    if isinstance(held, str) and "T" in held:
        first, last = (f"{value}T00:00:00Z", f"{value}T23:59:59Z") if len(value) == 10 else (value + "Z", value + "Z")
    return {"gt": held > last, "gte": held >= first, "lt": held < first, "lte": held <= last}[op]


def fulfils(values: Values, asked: Filter) -> bool:
    """What a filter means, said again in plain Python."""
    held, value = values.get(asked.field), asked.value
    match asked.op:
        case "empty":
            return (held is None) == bool(value)
        case "ne":
            return held is None or not is_equal(asked.field, held, value)
        case _ if held is None:
            return False
        case "eq":
            return is_equal(asked.field, held, value)
        case "in":
            return any(is_equal(asked.field, held, one) for one in value)  # type: ignore[union-attr]
        case "contains" if asked.field == "tags":
            return value in held  # type: ignore[operator]
        case "contains":
            return str(value).casefold().strip() in str(held).casefold().strip()
        case _:
            return is_ordered(asked.op, held, value)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows, asked=st.lists(filters(), min_size=1, max_size=8))
async def test_a_query_finds_what_the_same_filter_in_python_finds(
    store: OwnRecords, session: AsyncSession, rows: list[dict[str, Any]], asked: list[Filter]
) -> None:
    async with session.begin_nested() as savepoint:
        read: list[Values] = [{n: THINGS.field(n).read(v) for n, v in row.items()} for row in rows]
        made = await store.insert(THINGS, [row for row in read if row["name"] is not None])
        checks = Checks(store, await store.modules())
        for one in asked:
            page = await store.find(THINGS, Query(await checks.conditions(THINGS, [one]), limit=100))
            expected = {record.id for record in made if fulfils(record.values, one)}
            assert {record.id for record in page.records} == expected, one
        await savepoint.rollback()


@settings(deadline=None)
@given(
    value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    op=st.sampled_from(["eq", "ne", "contains", "in"]),
)
def test_no_value_becomes_part_of_the_statement(value: str, op: Any) -> None:
    terms = _Terms()
    told = {
        str(where(checked(THINGS.field("text"), Filter(field="text", op=op, value=v)), terms))
        for v in (value + "x", "x")
    }
    assert len(told) == 1


class _Terms(OwnRecords):
    def __init__(self) -> None:
        self._postgres = False


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("number", "many", "must be a number, not 'many'"),
        ("number", float("nan"), "must be a number, not nan"),
        ("number", 1e300, "must be between"),
        ("number", True, "must be a number, not True"),
        ("day", "2026-02-30", "must be a date"),
        ("day", "2026-2-3", "must be a date"),
        ("moment", "noon", "must be a date and time"),
        ("flag", "perhaps", "must be true or false"),
        ("state", "old", "must be one of: new, in_progress, done"),
        ("tags", ["red", "pink"], "must be one of: red, green, blue"),
        ("name", "a\0b", "characters that cannot be kept"),
        ("name", "\ud800", "characters that cannot be kept"),
        ("name", {"a": 1}, "must be a text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(field: str, value: object, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        THINGS.field(field).read(value)


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("number", "1,250.50", 1250.5),
        ("number", 3.0, 3),
        ("moment", "2026-02-10T09:00:00+02:00", "2026-02-10T07:00:00Z"),
        ("moment", "2026-02-10", "2026-02-10T00:00:00Z"),
        ("flag", "Yes", True),
        ("state", "In progress", "in_progress"),
        ("tags", ["blue", "RED", "blue"], ["red", "blue"]),
        ("tags", "red", ["red"]),
        ("text", "", None),
        ("text", 5, "5"),
    ],
)
def test_a_value_is_read_as_a_person_writes_it(field: str, given: object, kept: Value) -> None:
    assert THINGS.field(field).read(given) == kept


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("email", "maria@lopez.example", "maria"),
        ("phone", "+44 20 7946 0018", "call me"),
        ("url", "https://acme.example/a?b=c", "not a url"),
    ],
)
def test_addresses_are_checked(kind: str, good: str, bad: str) -> None:
    assert Field("address", kind).read(good) == good
    with pytest.raises(ValueError, match="must be a"):
        Field("address", kind).read(bad)


def test_a_bare_domain_becomes_a_web_address() -> None:
    assert Field("site", "url").read("acme.example") == "https://acme.example"


def test_an_operator_is_one_of_the_known() -> None:
    with pytest.raises(ValidationError, match="Input should be"):
        Filter(field="name", op="like", value="x")  # type: ignore[arg-type]


async def test_a_field_called_like_what_every_record_shows_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be called 'link'"):
        Module.from_json(
            {**THINGS.as_json(), "fields": [{"name": "name", "type": "string"}, {"name": "link", "type": "url"}]}
        )


def test_a_module_survives_json() -> None:
    assert Module.from_json(THINGS.as_json()) == THINGS
