"""Results that are too large for a model: what is shown of them, and how the rest is read."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot_core.shortening import NOTE, items, largest, part, shortened, size, text

MOST = 2000
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(), inner, max_size=12),
    max_leaves=25,
)
GROWN = st.integers(1, 4000)


def test_a_list_keeps_its_first_items_and_says_how_many_there_are() -> None:
    rows = [{"id": n, "title": "x" * 90} for n in range(500)]
    told = shortened({"success": True, "data": {"total": 500, "rows": rows}, "message": "500 rows."}, MOST, "res_1")

    kept = len(told["data"]["rows"])
    assert kept == 8
    assert told == {
        "success": True,
        "data": {"total": 500, "rows": rows[:kept]},
        "message": "500 rows.",
        "truncated": True,
        "note": NOTE,
        "handle": "res_1",
        "cut": [{"at": "/data/rows", "kept": kept, "of": 500}],
    }


def test_small_parts_stay_whole_beside_large_ones() -> None:
    whole = {"page": "p" * 5000, "title": "Small", "list": list(range(5000)), "deep": {"a/b": {"c": "y" * 5000}}}
    told = shortened(whole, MOST, "res_1")

    assert told["title"] == "Small"
    assert [cut["at"] for cut in told["cut"]] == ["/page", "/deep/a~1b/c", "/list"]
    assert [part(whole, cut["at"])[: cut["kept"]] == part(told, cut["at"])[: cut["kept"]] for cut in told["cut"]] == [
        True
    ] * 3


@settings(max_examples=60)
@given(ANY, GROWN, st.sampled_from(["long", "many", "wide", "deep"]))
def test_whatever_it_is_what_is_shown_is_json_and_fits(value: Any, times: int, how: str) -> None:
    grown: Any = {
        "long": f"{value}\x00\ud800" * times,
        "many": [value] * min(times, 100),
        "wide": {f"{n}{value}"[:5000]: value for n in range(min(times, 100))},
        "deep": value,
    }[how]
    for _ in range(times % 40 if how == "deep" else 0):
        grown = [{"a": grown, "b": "x" * 100}]
    told = shortened({"success": True, "data": grown, "more": value}, MOST, "res_1")

    assert size(told) <= MOST
    assert (told["truncated"], told["handle"]) == (True, "res_1")
    assert json.loads(json.dumps(told)) == told


@settings(max_examples=25)
@given(st.lists(st.text(max_size=300), min_size=1, max_size=60), st.integers(1, 20))
def test_page_by_page_every_item_and_every_character_is_read_once(rows: list[str], limit: int) -> None:
    read: list[str] = []
    while page := items(rows, len(read), limit, MOST):
        read += page
    whole, said = "".join(rows), ""
    while piece := text(whole, len(said), None, MOST):
        said += piece

    assert (read, said) == (rows, whole)


@pytest.mark.parametrize(
    ("result", "at"),
    [
        ({"data": {"records": [1] * 50, "note": "n"}, "message": "m"}, "/data/records"),
        ({"data": [{"body": "x" * 50}]}, "/data/0/body"),
        ({"data": "x" * 50, "success": True}, "/data"),
        ({"a/b~c": "x"}, "/a~1b~0c"),
        ({}, ""),
    ],
)
def test_the_largest_part_is_a_list_or_a_text(result: dict[str, Any], at: str) -> None:
    assert largest(result) == at


@pytest.mark.parametrize("at", ["/b", "/a/x", "/a/9", "/a/0/z", "/a/-1"])
def test_a_place_that_is_not_there_is_none(at: str) -> None:
    with pytest.raises(LookupError):
        part({"a": ["text"]}, at)
