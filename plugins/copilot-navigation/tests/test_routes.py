"""What a text may lead to: a listed route or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot_core import Readable
from copilot_navigation.routes import Route, place_of, told_routes

LISTED = [Route.of("/"), Route.of("/deals"), Route.of("/deals/{id}"), Route.of("/deals/new"), Route.of("/a/{b}/{c}")]


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/deals",
        "HTTPS://evil.example",
        "http:deals",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/javascript:alert(1)",
        "/deals/..",
        "/deals/.",
        "/deals/../deals",
        "/deals/%2e%2e",
        "/deals/%2E.",
        "/deals/a%2Fb",
        "/deals/a%5Cb",
        "/deals/a%252Fb",
        "/deals/%2f%2fevil.example",
        "/deals/a%00b",
        "/deals/a%0d%0ab",
        "/deals/%ff",
        "/deals//",
        "/deals/1?next=https://evil.example",
        "/deals/1#x",
        "/deals/{id}",
        "/deals/1/2",
        "/Deals",
        "",
    ],
)
def test_a_text_that_is_no_listed_route_leads_nowhere(text: str) -> None:
    assert place_of(text, LISTED) is None


@pytest.mark.parametrize(
    ("text", "link", "parameters"),
    [
        ("/", "/", {}),
        ("/deals", "/deals", {}),
        ("/deals/new", "/deals/new", {}),
        ("/deals/javascript:alert(1)", "/deals/javascript:alert%281%29", {"id": "javascript:alert(1)"}),
        ("/deals/a b", "/deals/a%20b", {"id": "a b"}),
        ("/a/1/x%3Dy", "/a/1/x%3Dy", {"b": "1", "c": "x=y"}),
    ],
)
def test_a_path_is_put_together_from_the_listed_route(text: str, link: str, parameters: dict[str, str]) -> None:
    place = place_of(text, LISTED)

    assert place is not None
    assert (place.link, place.parameters) == (link, parameters)


@given(st.text(alphabet="/\\.%2eEfF5cC?#:@{}aé\t\n \u2028", max_size=20).map("/deals/".__add__))
def test_whatever_is_asked_for_a_link_stays_below_its_route(text: str) -> None:
    place = place_of(text, LISTED)

    assert place is None or place.link == "/deals" or (
        place.link.startswith("/deals/") and place.link.count("/") == 2 and place.link.isascii()
        and place.link.isprintable() and not {"\\", "?", "#", " "} & set(place.link) and place.link[7:] != ".."
    )  # fmt: skip


def test_what_a_page_lists_wrongly_is_not_listed() -> None:
    paths = ["/a", "//evil.example", "https://evil.example", "/b/../c", 4]
    value = {"routes": [*({"path": path} for path in paths), {"path": "/b", "name": 3}, {"name": "c"}, "/d"]}

    told = told_routes([Readable("Page", value), Readable("Text", "routes"), Readable("None", {"routes": "/x"})])

    assert [(route.path, route.name) for route in told] == [("/a", "a"), ("/b", "b")]


def test_a_list_is_one_of_routes_if_it_is_called_so() -> None:
    listed = [{"path": "/a"}]

    told = told_routes([Readable("Routes of the page", listed), Readable("Files", [{"path": "/etc"}])])

    assert [route.path for route in told] == ["/a"]


@pytest.mark.parametrize("name", ["Sales report", "the sales-report page", "my Sales Report view", "SALES REPORT"])
def test_a_route_without_parameters_goes_by_its_name(name: str) -> None:
    routes = [Route.of("/reports/{sales}", "Sales report"), Route.of("/reports/sales", "Sales report")]
    place = place_of(name, routes)

    assert place is not None
    assert place.link == "/reports/sales"
