"""What holds for every record: highlights are fields as formatted, brief is shorter than detailed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from copilot_content.formatting import formatted, label
from copilot_content.sheets import sheet_of
from copilot_content.summaries import LONGEST_DETAILED, MOST_HIGHLIGHTS, Format, form, summarize
from copilot_content.text import Cuts
from copilot_core import plain
from copilot_records import Field, Module, Modules, Record

pytestmark = pytest.mark.proof

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=400) | st.just("<p>Bold &amp; <b>brave</b></p>")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "text": TEXT,
    "url": st.just("https://example.org/" + "x" * 90),
    "number": st.integers(-(10**15), 10**15) | st.floats(-1e6, 1e6).map(lambda x: round(x, 6)),
    "currency": st.integers(0, 10**9),
    "boolean": st.booleans(),
    "date": st.dates().map(str) | st.just("someday"),
    "datetime": st.datetimes().map(lambda at: f"{at.replace(tzinfo=UTC, microsecond=0).isoformat()}"),
    "enum": st.sampled_from(["in_progress", "done", "PG-13"]),
    "enum[]": st.lists(st.sampled_from(["internal", "growth"]), unique=True),
    "user": st.just("Sam Carter"),
    "relation": st.just("rec_other"),
}


@st.composite
def records(draw: st.DrawFn) -> tuple[Module, Record]:
    """A record of a module with any fields, some of them empty."""
    types = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=14))
    fields = [Field("name", required=True)]
    fields += [Field(f"{of.removesuffix('[]')}Field{i}", of, module="things" if of == "relation" else None)
               for i, of in enumerate(types)]  # fmt: skip
    values = {field.name: draw(st.none() | VALUES[field.type]) for field in fields[1:]}
    title = draw(TEXT.filter(lambda text: text.strip() != ""))
    values = {name: value for name, value in {"name": title, **values}.items() if value is not None}
    return Module("things", "Things", "thing", "name", tuple(fields)), Record("rec_1", "things", title, values)


class Store:
    """One record, and the other one that its relations lead to."""

    def __init__(self, module: Module, record: Record) -> None:
        self.module, self.record = module, record

    async def modules(self) -> Modules:
        return Modules([self.module])

    async def named(self, *_: Any) -> list[Record]:
        return [self.record]

    async def by_id(self, *_: Any) -> list[Record]:
        return [replace(self.record, id="rec_other", title="The other")]


async def nothing(*_: Any) -> None:
    """The rule planner."""


async def summary(module: Module, record: Record, format: Format, model: Any = nothing) -> dict[str, Any]:
    asked = {"module_slug": "things", "record_id": "rec_1", "format": format}
    result = await summarize(**asked, store=Store(module, record), generate=model, readables=())
    return result["data"]


@given(records(), st.sampled_from(["brief", "detailed"]), st.data())
async def test_every_highlight_is_a_field_as_it_is_formatted(
    drawn: tuple[Module, Record], format: Format, data: st.DataObject
) -> None:
    module, record = drawn

    async def model(_instructions: str, _facts: Any, form: Any) -> Any:
        names = form.model_json_schema()["properties"]["highlights"]["items"]
        known = names.get("enum") or [names["const"]]
        chosen = data.draw(st.lists(st.sampled_from(known), max_size=MOST_HIGHLIGHTS[format]))
        return form.model_construct(summary="It is worth $1.", highlights=chosen)

    whole = {label(f.name): formatted(f, record.values.get(f.name), {"rec_other": "The other"}) for f in module.fields}
    for one in (await summary(module, record, format), await summary(module, record, format, model)):
        for told in one["highlights"]:
            assert set(told) == {"label", "value"}
            assert told["value"] == plain(whole[told["label"]])


@given(records(), st.integers(1, LONGEST_DETAILED), st.integers(1, LONGEST_DETAILED))
async def test_a_brief_summary_is_shorter_than_a_detailed_one_whoever_writes_them(
    drawn: tuple[Module, Record], some: int, other: int
) -> None:
    module, record = drawn

    def saying(length: int) -> Any:
        async def model(_instructions: str, _facts: Any, form: Any) -> Any:
            try:
                return form(summary="x" * length, highlights=[])
            except ValidationError:
                return None

        return model

    for brief, detailed in ((nothing, saying(other)), (saying(some), nothing), (saying(some), saying(other))):
        short, long = await summary(module, record, "brief", brief), await summary(module, record, "detailed", detailed)
        assert 0 < len(short["summary"]) < len(long["summary"])


async def test_moments_are_told_in_the_users_zone() -> None:
    at = formatted(Field("at", "datetime"), "2026-07-01T10:00:00Z", {}, ZoneInfo("Europe/Berlin"))
    assert at == "Jul 1, 2026, 12:00 CEST"


@pytest.mark.parametrize(
    ("of", "value", "told"),
    [
        ("number", 2006, "2006"),
        ("number", 12345.5, "12,345.5"),
        ("currency", 950, "950"),
        ("currency", 1950, "1,950"),
        ("boolean", False, "No"),
        ("enum", "closed_won", "Closed Won"),
        ("enum[]", ["internal", "SOC2"], "Internal, SOC2"),
        ("date", "2026-02-05", "Feb 5, 2026"),
        ("date", "soon", "soon"),
        ("datetime", "2026-02-05T09:30:00Z", "Feb 5, 2026, 09:30 UTC"),
        ("relation", "rec_gone", ""),
        ("string", None, ""),
    ],
)
def test_a_value_is_written_for_a_person(of: str, value: object, told: str) -> None:
    assert formatted(Field("x", of), value, {}) == told


BOMBS = {
    "open": "<" * 1_000_000,
    "tags": "<p>" * 400_000,
    "comments": "<!--" * 300_000,
    "quotes": "<a href='" * 200_000,
    "entities": "&lt;" * 300_000,
    "scripts": "<script>" * 200_000,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
async def test_a_bomb_of_html_is_read_only_as_far_as_it_is_of_use(text: str) -> None:
    module = Module("things", "Things", "thing", "name", (Field("name"), Field("notes", "text")))
    record = Record("rec_1", "things", "A bomb", {"name": "A bomb", "notes": f"Harmless. {text}"})
    cuts = Cuts()
    began = datetime.now(UTC)
    sheet = await sheet_of(Store(module, record), Modules([module]), module, record, (), cuts)  # type: ignore[arg-type]

    assert (datetime.now(UTC) - began).total_seconds() < 2
    assert sheet.lines[1].text.startswith("Harmless.")
    assert len(sheet.lines[1].text) <= 2_000
    assert [note.partition(":")[0] for note in cuts.notes] == ["“Notes” is long"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<p>Bold &amp; <b>brave</b></p>\n <br/>new", "Bold & brave new"),
        ("<style>p { }</style>Seen<!-- <b>not</b> --> too<SCRIPT src='x'>steal()</SCRIPT>.", "Seen too ."),
        ("5 < 6 &amp; 7 > 6", "5 < 6 &amp; 7 > 6"),
        ("a <b and no end", "a <b and no end"),
        ("shown <!-- hidden", "shown"),
    ],
)
def test_html_is_dropped_and_other_text_is_left_as_it_is(text: str, told: str) -> None:
    assert plain(text) == told


async def test_a_record_without_any_value_has_nothing_to_highlight() -> None:
    module = Module("things", "Things", "thing", "name", (Field("name"),))
    told = await summary(module, Record("rec_1", "things", "rec_1", {}), "brief", form)

    assert (told["summary"], told["highlights"]) == ("rec_1 (thing).", [])
