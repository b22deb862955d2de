"""What tables and columns of others are called."""

import pytest

from copilot_records.connected.columns import Kind, checked_options, found
from copilot_records.connected.names import plural, singular, slug, spoken, title_columns, without_id


@pytest.mark.parametrize(
    ("table", "words", "one", "many"),
    [
        ("InvoiceLine", "invoice line", "invoice line", "invoice lines"),
        ("Order Details", "order details", "order detail", "order details"),
        ("companies", "companies", "company", "companies"),
        ("person", "person", "person", "people"),
        ("people", "people", "person", "people"),
        ("addresses", "addresses", "address", "addresses"),
        ("address", "address", "address", "addresses"),
        ("status", "status", "status", "statuses"),
        ("boxes", "boxes", "box", "boxes"),
        ("sales", "sales", "sale", "sales"),
        ("movies", "movies", "movie", "movies"),
        ("HTTPLog", "http log", "http log", "http logs"),
        ("daten_größe", "daten größe", "daten größe", "daten größes"),
    ],
)
def test_a_table_has_a_singular_and_a_plural(table: str, words: str, one: str, many: str) -> None:
    assert (spoken(table), singular(words), plural(words)) == (words, one, many)
    assert slug(table) == words.replace(" ", "_")


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("customer_id", "customer"),
        ("CustomerId", "Customer"),
        ("CustomerID", "Customer"),
        ("paid", "paid"),
        ("id", "id"),
    ],
)
def test_a_relation_is_called_like_what_it_leads_to(column: str, name: str) -> None:
    assert without_id(column) == name


@pytest.mark.parametrize(
    ("table", "texts", "title"),
    [
        ("customers", ["CompanyName", "ContactName"], ("CompanyName",)),
        ("customers", ["code", "customer_name"], ("customer_name",)),
        ("employees", ["last_name", "first_name", "title"], ("first_name", "last_name")),
        ("posts", ["body", "subject"], ("subject",)),
        ("users", ["email", "bio"], ("email",)),
        ("logs", ["line"], ("line",)),
        ("numbers", [], ()),
    ],
)
def test_a_row_is_called_by_its_most_telling_text(table: str, texts: list[str], title: tuple[str, ...]) -> None:
    assert title_columns(table, texts, dict.fromkeys(texts, 1.0)) == title


def test_a_text_that_repeats_is_no_title() -> None:
    assert title_columns("orders", ["ShipName"], {"ShipName": 0.2}) == ()


@pytest.mark.parametrize(
    ("sql", "options"),
    [
        ("status IN ('a', 'b')", ("status", ("a", "b"))),
        (
            "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
            ("status", ("a", "b")),
        ),
        ("status IN ('it''s')", ("status", ("it's",))),
        ("status NOT IN ('a')", None),
        ("status IN ('a') OR amount > 5", None),
        ("amount > 5", None),
        ("length(status) > 0", None),
    ],
)
def test_a_check_constraint_may_list_options(sql: str, options: object) -> None:
    assert checked_options(sql, ["status", "amount"]) == options


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        (["2024-01-02", "1999-12-31"], Kind("date", "date", written="%Y-%m-%d")),
        (["2024-01-02 00:00:00"], Kind("date", "date", written="%Y-%m-%d %H:%M:%S")),
        (["2024-01-02T03:04:05Z"], Kind("datetime", "datetime", written="%Y-%m-%dT%H:%M:%SZ", has_zone=True)),
        (["2024-01-02", "soon"], Kind("text", "string")),
        ([1, 2.5], Kind("number", "number")),
        ([1, "two"], Kind("text", "string")),
        (["x" * 121], Kind("text", "text")),
        (["a", "b"] * 5, Kind("text", "enum", ("a", "b"), is_open=True)),
        ([b"\0"], None),
        ([], Kind("text", "string")),
    ],
)
def test_values_say_what_a_column_of_sqlite_holds(sample: list[object], kind: Kind | None) -> None:
    assert found("column", Kind("text", "string"), sample, loose=True) == kind
