"""Databases that somebody else has designed, as modules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copilot_core import ActionError, Principal
from copilot_core.errors import SetupError
from copilot_records import RecordStore
from copilot_records.connected import Connected, ConnectSettings, connect
from copilot_records.filters import Filter
from copilot_records.reading import query_records, search_records

from .conftest import (
    create_multiple_records,
    create_record,
    delete_records,
    update_record,
    update_records,
)

pytestmark = pytest.mark.proof

Connect = Callable[..., Connected]
ANN = Principal("ann", "any")


def told(opened: Connected, slug: str) -> dict[str, Any]:
    """A module's fields by name, as a model is told of them."""
    fields = opened.catalog.modules.of(slug).as_json()["fields"]
    return {field.pop("name"): field for field in fields}


async def shown(store: RecordStore, module: str, **options: Any) -> list[dict[str, Any]]:
    """The records of a query, without links."""
    result = await query_records(module=module, store=store, **options)
    return [{k: v for k, v in record.items() if k != "link"} for record in result["data"]["records"]]


def test_tables_and_views_with_a_key_become_modules_and_the_rest_is_said(connected: Connect) -> None:
    opened = connected("chinook")
    assert [(m.slug, m.name, m.singular, m.title_field) for m in opened.catalog.modules] == [
        ("album", "Albums", "album", "Title"),
        ("artist", "Artists", "artist", "Name"),
        ("customer", "Customers", "customer", "name"),
        ("employee", "Employees", "employee", "name"),
        ("invoice", "Invoices", "invoice", "InvoiceId"),
        ("customer_totals", "Customer totals", "customer total", "Name"),
    ]
    assert opened.catalog.left_out == [
        "PlaylistTrack: its primary key has 2 columns",
        "Totals: it is a view without a column that tells its rows apart",
    ]


def test_columns_become_typed_fields(connected: Connect) -> None:
    opened = connected("chinook", connect_writable=True)
    assert told(opened, "customer") == {
        "name": {"type": "string", "readOnly": True},
        "CustomerId": {"type": "number", "readOnly": True},
        "FirstName": {"type": "string", "required": True},
        "LastName": {"type": "string", "required": True},
        "Country": {"type": "enum", "options": ["Brazil", "Canada", "Germany", "Norway"]},
        "Email": {"type": "email", "required": True},
        "SupportRep": {"type": "relation", "module": "employee"},
    }
    assert told(opened, "employee")["ReportsTo"] == {"type": "relation", "module": "employee"}
    assert told(opened, "invoice")["InvoiceDate"] == {"type": "date", "required": True}


async def test_records_of_tables_are_queried_like_any_other(connected: Connect) -> None:
    async with connected("chinook").records(ANN) as store:
        found = await shown(
            store,
            "invoices",
            filters=[
                Filter(field="Customer", op="eq", value="luís gonçalves"),
                Filter(field="invoice date", op="gte", value="2009-01-03"),
            ],
            sort_by="total",
            sort_order="desc",
            fields=["Customer", "InvoiceDate", "Total"],
        )
    person = {"Customer": "Luís Gonçalves", "CustomerId": "customer:1"}
    assert found == [
        {"id": "invoice:4", "title": "4", **person, "InvoiceDate": "2009-02-01", "Total": 8.91},
        {"id": "invoice:3", "title": "3", **person, "InvoiceDate": "2009-01-03", "Total": 5.94},
    ]


async def test_rows_are_asked_for_by_their_ids(connected: Connect) -> None:
    async with connected("chinook").records(ANN) as store:
        for asked, found in (
            ({"op": "eq", "value": "album:2"}, ["album:2"]),
            ({"op": "in", "value": ["album:1", "artist:2", "album:99"]}, ["album:1"]),
            ({"op": "eq", "value": 3}, ["album:3"]),
            ({"op": "eq", "value": "x"}, []),
        ):
            records = await shown(store, "album", filters=[Filter(field="id", **asked)])
            assert [record["id"] for record in records] == found


async def test_names_with_spaces_reserved_words_and_binary_columns_do_no_harm(connected: Connect) -> None:
    opened = connected("northwind")
    assert "Picture" not in told(opened, "categories")
    async with opened.records(ANN) as store:
        cheap = [Filter(field="unit price", op="lt", value=19)]
        assert [r["title"] for r in await shown(store, "Products", filters=cheap, sort_by="Unit Price")] == [
            "Aniseed Syrup",
            "Chai",
        ]
        notes = await shown(store, "order notes", filters=[Filter(field="Order", op="eq", value="orders:1")])
        assert [note["id"] for note in notes] == ["order_notes:2", "order_notes:1"]


def test_odd_schemas_are_read_or_left_out_with_a_reason(connected: Connect) -> None:
    opened = connected("odd")
    assert {one.split(":")[0] for one in opened.catalog.left_out} == {'weird "name"', "broken", "hashes", "nothing"}
    assert told(opened, "select") == {
        "from": {"type": "number", "readOnly": True},
        "where": {"type": "string"},
        "group": {"type": "enum", "options": ["it's", "that"]},
    }
    assert told(opened, "person")["person_title"] == {"type": "string"}
    assert told(opened, "dangling")["gone_id"] == {"type": "number"}
    assert told(opened, "empty_one")["when"] == {"type": "date"}
    assert [m.title_field for m in opened.catalog.modules if m.singular == "twin"] == ["full_name", "customer"]


async def every_question(store: RecordStore) -> None:
    """Sort by each field, filter by each value that is shown, look up each title."""
    for module in await store.modules():
        for field in module.fields:
            await query_records(module=module.slug, store=store, sort_by=field.name)
            for record in await shown(store, module.slug):
                value = record.get(f"{field.name}Id", record.get(field.name))
                if value is None:
                    continue
                given = {"field": field.name, "op": "eq", "value": value}
                try:
                    same = await shown(store, module.slug, filters=[Filter(**given)], limit=100)
                except ActionError:
                    continue  # the value is none that we would write, such as 'infinity'
                assert record["id"] in [one["id"] for one in same], given
        for record in await shown(store, module.slug):
            assert record["id"] in [one.id for one in await store.named([module], [record["title"]])]
            assert record["id"] in [one.id for one in await store.named(await store.modules(), [record["id"]])]
    await search_records(query="a", store=store)


@pytest.mark.parametrize("schema", ["chinook", "northwind", "odd"])
async def test_every_question_about_such_a_database_has_an_answer(connected: Connect, schema: str) -> None:
    async with connected(schema).records(ANN) as store:
        await every_question(store)


@pytest.mark.postgres
async def test_every_question_about_a_postgresql_database_has_an_answer(pagila: Connect) -> None:
    async with pagila().records(ANN) as store:
        await every_question(store)


async def test_an_empty_text_is_no_value(connected: Connect) -> None:
    async with connected("odd").records(ANN) as store:
        for where, ids in ((True, ["select:2"]), (False, ["select:1"])):
            found = await shown(store, "select", filters=[Filter(field="where", op="empty", value=where)])
            assert [record["id"] for record in found] == ids


@pytest.mark.postgres
def test_postgresql_types_become_fields(pagila: Connect) -> None:
    opened = pagila()
    assert told(opened, "film") == {
        "film_id": {"type": "number", "readOnly": True},
        "title": {"type": "string", "required": True},
        "description": {"type": "string"},
        "release_year": {"type": "number"},
        "language": {"type": "relation", "required": True, "module": "language"},
        "original_language": {"type": "relation", "module": "language"},
        "rental_rate": {"type": "number"},
        "rating": {"type": "enum", "options": ["G", "PG", "PG-13", "R", "NC-17"]},
        "special_features": {"type": "string", "readOnly": True},
        "slug": {"type": "string", "readOnly": True},
    }
    assert told(opened, "rental")["status"] == {"type": "enum", "required": True, "options": ["out", "back"]}
    assert "photo" not in told(opened, "rental")
    assert [m.slug for m in opened.catalog.modules if m.singular.endswith("actor")] == ["actor", "audit_actor"]


@pytest.mark.postgres
async def test_options_of_an_enum_type_sort_in_their_own_order(pagila: Connect) -> None:
    async with pagila().records(ANN) as store:
        found = await shown(store, "film", sort_by="rating", sort_order="desc", fields=["rating"])
    assert [record["rating"] for record in found] == ["NC-17", "PG", "G"]


async def test_search_looks_into_the_texts_of_all_tables(connected: Connect) -> None:
    async with connected("chinook").records(ANN) as store:
        result = await search_records(query="goncalves luis", store=store)
        assert [record["id"] for record in result["data"]["records"]] == ["customer:1", "customer_totals:1"]
        assert (await search_records(query="100% _", store=store))["data"]["records"] == []


@pytest.mark.seed("S32", "S33", "S34", "S43")
async def test_a_writable_database_is_written(connected: Connect) -> None:
    opened = connected("chinook", connect_writable=True)
    async with opened.records(ANN) as store:
        made = await create_record(module="album", fields={"Title": "Back in Black", "Artist": "ac/dc"}, store=store)
        assert (made["recordId"], made["data"]["ArtistId"]) == ("album:5", "artist:1")
        await update_record(record_id="album:5", fields={"title": "Back in Black (2003)"}, store=store)
        date = {"InvoiceDate": "2010-05-06"}
        await update_records(module="invoice", records=["1"], fields=date, store=store)
        await delete_records(module="album", records=["Wave"], store=store)
    async with opened.records(ANN) as store:
        assert [r["title"] for r in await shown(store, "album")][:2] == ["Back in Black (2003)", "Let There Be Rock"]
        assert (await shown(store, "invoice", sort_by="InvoiceDate", sort_order="desc"))[0][
            "InvoiceDate"
        ] == "2010-05-06"


@pytest.mark.seed("S33", "S51")
async def test_what_the_database_refuses_is_told_and_the_other_rows_are_written(connected: Connect) -> None:
    opened = connected("northwind", connect_writable=True)
    rows = [{"ProductName": "Tofu"}, {"ProductName": "Debt", "Unit Price": -1}, {"ProductName": "Konbu"}]
    async with opened.records(ANN) as store:
        result = await create_multiple_records(module="products", records=rows, store=store)
        with pytest.raises(ActionError, match="refuses this: FOREIGN KEY"):
            await delete_records(module="customers", records=["ALFKI"], store=store)
    assert [row["success"] for row in result["data"]["results"]] == [True, False, True]
    assert result["data"]["results"][1]["error"] == "validation_error"
    async with opened.records(ANN) as store:
        assert len(await shown(store, "products")) == 5


@pytest.mark.postgres
async def test_postgresql_is_written_and_keeps_to_its_types(pagila: Connect) -> None:
    opened = pagila(connect_writable=True)
    fields = {
        "rental_id": "6f1d3b0e-6d0c-4a54-9a2e-0d3d1c1a0003",
        "rental_date": "2026-02-10T09:00:00",
        "returned": "2026-02-11",
        "film": "African Egg",
        "status": "out",
        "paid": True,
    }
    async with opened.records(ANN) as store:
        made = await create_record(module="rental", fields=fields, store=store)
        assert {name: made["data"][name] for name in fields} == {**fields, "film": "AFRICAN EGG"}
        with pytest.raises(ActionError, match="refuses this"):
            await create_record(module="rental", fields={**fields, "rental_id": "no uuid"}, store=store)
        film = await create_record(module="film", fields={"title": "NEW", "language": "Italian"}, store=store)
        assert (film["data"]["rating"], film["data"]["rental_rate"]) == ("G", 4.99)


async def test_a_database_is_read_only_unless_said_otherwise(connected: Connect) -> None:
    async with connected("chinook").records(ANN) as store:
        with pytest.raises(ActionError) as caught:
            await create_record(module="artist", fields={"Name": "x"}, store=store)
        assert caught.value.code == "read_only"
        with pytest.raises(Exception, match="readonly database"):
            await store.insert((await store.modules()).of("artist"), [{"Name": "x"}])


@pytest.mark.postgres
async def test_so_is_postgresql(pagila: Connect) -> None:
    with pytest.raises(Exception, match="read-only transaction"):
        async with pagila().records(ANN) as store:
            await store.insert((await store.modules()).of("language"), [{"name": "x"}])


async def test_a_view_is_never_written(connected: Connect) -> None:
    async with connected("chinook", connect_writable=True).records(ANN) as store:
        with pytest.raises(ActionError, match="Customer totals can only be read"):
            await create_record(module="customer_totals", fields={"Name": "x"}, store=store)


async def test_one_workspace_can_have_the_database_for_itself(connected: Connect) -> None:
    opened = connected("chinook", connect_workspace="music")
    assert list(opened.modules(Principal("ann", "music"))) == list(opened.catalog.modules)
    async with opened.records(Principal("eve", "other")) as store:
        assert list(await store.modules()) == []
        assert await store.named(await store.modules(), ["album:1"]) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///nowhere.db", "there is no file nowhere.db"),
        ("sqlite://", "takes sqlite:///"),
        ("mysql://root:secret@host/x", "takes sqlite:///"),
        ("music", "is no database URL"),
        ("postgresql://ann:secret@127.0.0.1:1/x", r"ann:\*\*\*@127.0.0.1:1/x cannot be opened"),
        (f"sqlite:///{Path(__file__)}", "cannot be opened: file is not a database"),
    ],
)
def test_a_wrong_address_stops_the_start_and_names_the_setting(url: str, reason: str) -> None:
    with pytest.raises(SetupError, match=f"COPILOT_CONNECT.*{reason}") as caught:
        connect(ConnectSettings(connect=url))
    assert "secret" not in str(caught.value)


async def test_the_tables_of_a_copilot_server_are_never_shown(migrated_url: str) -> None:
    opened = connect(ConnectSettings(connect=migrated_url))
    assert list(opened.catalog.modules) == []
    await opened.close()
