"""What a page tells is found by its shape, whatever it is called and however it is sent."""

import json
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_core import PageContext, Readable, module_slugs, timezone_of
from copilot_core.context import decoded, page_context, tells_date, tells_user

RECORD = {"pageType": "moduleRecord", "moduleSlug": "tasks", "recordId": "rec_abc123", "recordName": "Review Q4 Report"}
LIST = {"pageType": "moduleList", "moduleSlug": "deals", "moduleName": "Deals", "filters": {"status": "open"}}


def told(*values: Any) -> list[Readable]:
    return [Readable(f"Readable {number}", value) for number, value in enumerate(values)]


@pytest.mark.seed("S12")
@pytest.mark.parametrize("description", ["Current page context", "Current page and navigation context", "x"])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_page_is_typed_whatever_it_is_called_and_also_as_json_text(description: str, as_text: bool) -> None:
    values = [json.dumps(value) if as_text else value for value in (RECORD, LIST, {"pageType": "dashboard"})]

    assert [page_context([Readable(description, value)]) for value in values] == [
        PageContext("moduleRecord", "tasks", None, "rec_abc123", "Review Q4 Report"),
        PageContext("moduleList", "deals", "Deals", filters={"status": "open"}),
        PageContext("dashboard"),
    ]


@pytest.mark.seed("S20")
def test_the_last_page_given_is_the_page() -> None:
    assert page_context(told(RECORD, LIST)).page_type == "moduleList"
    assert page_context(told(LIST, RECORD)).record_id == "rec_abc123"


@pytest.mark.seed("S12")
@pytest.mark.parametrize(
    ("values", "page"),
    [
        ([], PageContext()),
        (["a note", 5, None, [], {"dealId": "d1"}], PageContext()),
        ([{"recordId": "r1"}], PageContext("moduleRecord", record_id="r1")),
        ([{"recordId": 17, "moduleSlug": "orders"}], PageContext("moduleRecord", "orders", record_id="17")),
        ([{"pageType": "settings", "recordId": "r1"}], PageContext(None, record_id="r1")),
        ([RECORD, {"success": True, "recordId": "r9"}], page_context(told(RECORD))),
        (
            [{"pageType": "moduleRecord", "moduleSlug": "deals"}, {"recordId": "d1", "recordName": "Acme"}],
            PageContext("moduleRecord", "deals", None, "d1", "Acme"),
        ),
        ([{"pageType": ["moduleList"], "moduleSlug": {}, "recordId": True, "filters": []}], PageContext()),
    ],
)
def test_what_is_no_page_or_only_part_of_one(values: list[Any], page: PageContext) -> None:
    assert page_context(told(*values)) == page


@given(st.recursive(st.none() | st.text(), lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(), c)))
def test_any_object_or_list_survives_being_sent_as_text(value: Any) -> None:
    sent = json.dumps(value) if isinstance(value, dict | list) else value

    assert [r.value for r in decoded(told(value, sent))] == [r.value for r in decoded(told(value, value))]


@pytest.mark.parametrize("text", ["", "[", "{a: 1}", '{"a": NaN}', "[" * 5000, "42", "true", '"[]"', "[link](/x)"])
def test_text_that_is_no_json_object_or_list_stays_text(text: str) -> None:
    assert decoded(told(text)) == told(text)


@pytest.mark.seed("S14")
@pytest.mark.parametrize(
    ("readables", "slugs"),
    [
        ([Readable("Modules available", [{"slug": "tasks", "name": "Tasks"}])], ("tasks",)),
        ([Readable("x", '[{"slug": "a", "name": "A", "pluralName": "As"}]')], ("a",)),
        ([Readable("Modules", [{"slug": "a", "name": "A"}]), Readable("modules now", [{"slug": "b"}])], ("b",)),
        ([Readable("Blog categories", [{"slug": "news", "name": "News"}])], None),
        ([Readable("Modules", []), Readable("Modules", ["tasks"]), Readable("Modules", {"slug": "tasks"})], None),
        ([], None),
    ],
)
def test_the_pages_modules_are_a_list_of_modules(readables: list[Readable], slugs: tuple[str, ...] | None) -> None:
    assert module_slugs(readables) == slugs


@pytest.mark.seed("S19")
@pytest.mark.parametrize(
    ("values", "zone"),
    [
        ([{"timezone": "Europe/Berlin"}], "Europe/Berlin"),
        ([{"timeZone": "Asia/Kolkata", "locale": "en-IN"}], "Asia/Kolkata"),
        ([{"currentDate": "10.2.2026", "timezone": "Asia/Tokyo", "week": 7}], "Asia/Tokyo"),
        (['{"tomorrow": "2026-02-11", "timezone": "Asia/Tokyo"}'], "Asia/Tokyo"),
        ([{"timezone": "Asia/Tokyo"}, {"timezone": "Mars/Olympus"}], "Asia/Tokyo"),
        ([{"timezone": "Asia/Tokyo"}, {"userId": "u", "name": "Dana", "timezone": "Europe/Rome"}], "Asia/Tokyo"),
        ([{"userId": "u", "name": "Dana", "timezone": "Europe/Rome"}], "Europe/Rome"),
        ([{"title": "Board meeting", "timezone": "Europe/Rome"}], None),
        ([{"today": ["Call Ada"], "tomorrow": [], "timezone": "Europe/Rome"}], None),
        ([{"timezone": bad} for bad in ("", "Europe", "../../etc/passwd", "a\0b", "x" * 9999, None, 5, [])], None),
    ],
)
def test_the_users_zone_is_that_of_a_date_context_or_of_the_user(values: list[Any], zone: str | None) -> None:
    assert timezone_of(told(*values)) == zone


@given(st.sampled_from(sorted(available_timezones())))
def test_every_zone_of_iana_counts(zone: str) -> None:
    assert timezone_of(told({"timezone": zone})) == zone


@pytest.mark.seed("S13")
@pytest.mark.parametrize(
    ("readable", "is_user"),
    [
        (Readable("Current user information", {"userId": "u1", "name": "Dana", "email": "d@x.example"}), True),
        (Readable("The user", {"name": "Dana", "role": "Member"}), True),
        (Readable("Selected contact", {"name": "Priya", "email": "p@x.example", "role": "Buyer"}), False),
        (Readable("Current user", {"recordId": "c1", "name": "Priya"}), False),
        (Readable("User preferences", {"theme": "dark"}), False),
        (Readable("User", "Dana"), False),
    ],
)
def test_a_contact_is_not_taken_for_the_user(readable: Readable, is_user: bool) -> None:
    assert tells_user(readable) is is_user


def test_a_plan_of_the_day_is_no_date_context() -> None:
    assert not tells_date({"today": ["Call Ada"], "tomorrow": ["Rest"]})
    assert tells_date({"today": "2026-02-10"})
