"""Context stays lean: fields are sanitized, the whole has a cap, and what was cut is told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_core import MODULES, Readable
from copilot_core.budget import LEFT_OUT, WHOLE, Budget, thin, told_cuts

DEAL = {
    "id": "rec_7",
    "name": "Acme renewal",
    "notes": "They like it. " * 40,
    "htmlContent": "<div><p>Hello</p></div>",
    "contacts": [{"name": "Ada", "bio": "b" * 300}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=30,
)
PAGE = {"pageType": "moduleRecord", "moduleSlug": "deals", "recordId": "rec_7"}


def sanitized(value: Any, **options: Any) -> tuple[Any, list[str]]:
    notes: list[str] = []
    (only,) = Budget(**options).sanitized([Readable("Deal", value)], notes)
    return only.value, notes


def fitted(*told: Readable, tokens: int) -> tuple[dict[str, Any], list[str]]:
    notes: list[str] = []
    return {r.description: r.value for r in Budget(tokens).fitted(told, notes)}, notes


@pytest.mark.seed("S84")
def test_html_is_dropped_and_long_text_is_cut_at_200_characters() -> None:
    value, notes = sanitized(DEAL)

    assert value == {
        "id": "rec_7",
        "name": "Acme renewal",
        "notes": ("They like it. " * 40)[:199].rstrip() + "…",
        "contacts": [{"name": "Ada", "bio": "b" * 199 + "…"}],
    }
    assert notes == [
        "Deal: notes has 560 characters; the first 200 are told",
        "Deal: htmlContent is left out",
        "Deal: contacts.bio has 300 characters; the first 200 are told",
    ]


@pytest.mark.seed("S84")
def test_each_field_may_have_its_own_rule() -> None:
    value, notes = sanitized(DEAL, fields={"notes": WHOLE, "htmlContent": WHOLE, "contacts": 0}, text=50)

    assert value == {key: DEAL[key] for key in ("id", "name", "notes", "htmlContent")}
    assert notes == ["Deal: contacts is left out"]


@pytest.mark.parametrize(
    "text", ["a < b and c > d", "Ada <ada@acme.example>", "x<y>z", "if (a<b) return c</a", "1 </ 2 >"]
)
def test_signs_that_look_like_html_are_none(text: str) -> None:
    assert sanitized({"notes": text}) == ({"notes": text}, [])


@pytest.mark.parametrize("value", ["plain text " * 100, 7, None, ["a", 1], {"a": {"b": [True]}}])
def test_what_is_no_long_field_stays_as_it_is(value: Any) -> None:
    assert sanitized(value) == (value, [])


@given(JSON)
def test_sanitizing_twice_is_sanitizing_once(value: Any) -> None:
    once, _ = sanitized(value)
    assert sanitized(once) == (once, [])


@pytest.mark.seed("S85")
def test_the_page_stays_and_long_lists_lose_their_ends() -> None:
    rows = Readable("Rows", [{"row": number} for number in range(10_000)])
    note = Readable("Note", "Call Ada")
    told, notes = fitted(rows, Readable("Text", "word " * 50_000), note, Readable("Page", PAGE), tokens=500)

    assert (told["Page"], told["Note"]) == (PAGE, "Call Ada")
    assert told["Rows"] == [{"row": number} for number in range(len(told["Rows"]))]
    assert notes == [
        f"Rows: the first {len(told['Rows'])} of 10,000 entries are told",
        f"Text: the first {len(told['Text'])} of 250,000 characters are told",
    ]


@pytest.mark.seed("S85")
def test_of_modules_the_fields_go_first() -> None:
    fields = [{"name": f"field{number}", "type": "string"} for number in range(50)]
    modules = Readable(MODULES, [{"slug": f"m{number}", "fields": fields} for number in range(20)])
    told, notes = fitted(modules, tokens=500)

    assert told[MODULES] == [{"slug": f"m{number}"} for number in range(20)]
    assert notes == [f"{MODULES}: the fields of the modules are left out"]


@pytest.mark.seed("S85")
@given(st.lists(st.builds(Readable, st.text(max_size=20), JSON), max_size=6), st.integers(60, 400))
def test_the_whole_is_never_longer_than_its_cap_and_every_cut_is_told(told: list[Readable], tokens: int) -> None:
    notes: list[str] = []
    kept = Budget(tokens).fitted(told, notes)

    assert sum(len(json.dumps(r.value, ensure_ascii=False, separators=(",", ":")).encode()) for r in kept) <= tokens * 4
    assert (kept == told) == (not notes)


def test_the_model_is_told_a_dozen_cuts_and_how_many_more_there_are() -> None:
    assert told_cuts([f"cut {number}" for number in range(30)]) == Readable(
        LEFT_OUT, [*(f"cut {number}" for number in range(12)), "and 18 more"]
    )


@pytest.mark.seed("S83")
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("deal_8f3", "it is a bare value; tell an object with the fields that matter, such as name and status"),
        (42, "it is a bare value; tell an object with the fields that matter, such as name and status"),
        ({"dealId": "d1"}, "it has nothing but dealId; tell what it is called, and the fields that matter"),
        ([], "it is empty"),
        ({"dealId": "d1", "dealName": "Acme", "stage": "won"}, None),
        ("The user is editing the introduction", None),
        (PAGE, None),
    ],
)
def test_a_readable_with_a_bare_id_is_flagged(value: Any, why: str | None) -> None:
    assert thin(Readable("Deal", value)) == why
