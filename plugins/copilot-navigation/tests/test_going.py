"""`goToModule` and `navigateTo`, as a page and other clients see them."""

from typing import Any

import pytest

from copilot_core import SetupError
from copilot_core.testing.openai_server import Call, Say

from .conftest import DANA, Open, result, results, sent

FOLLOWS = {"handlesNavigation": True}
ROUTES = {
    "routes": [{"path": "/reports"}, {"path": "/", "name": "Dashboard"}, {"path": "/deals/{id}", "name": "A deal"}]
}


@pytest.mark.seed("S36")
async def test_a_page_that_follows_is_told_where_to_go_and_the_result_says_handled(page: Open) -> None:
    async with page([Call("goToModule", {"module": "deals"}), Say("There.")]) as dana:
        events = await dana.ask("Go to deals", FOLLOWS)

    assert sent(events) == [{"link": "/modules/deals", "module": "deals"}]
    assert result(events) == {
        "success": True,
        "handled": True,
        "link": "/modules/deals",
        "message": "The page opens Deals.",
    }


@pytest.mark.seed("S36")
async def test_without_a_page_that_says_so_it_is_not_handled_and_the_link_is_given(page: Open) -> None:
    pages: list[Any] = [[], [{"handlesNavigation": "yes"}], [{"handlesNavigation": False}], [ROUTES]]
    async with page([Call("goToModule", {"module": "Deal"}), Say("Here it is.")] * len(pages)) as dana:
        for told in pages:
            events = await dana.ask("Go to deals", *told)

            assert sent(events) == [{"link": "/modules/deals", "module": "deals"}]
            assert result(events) == {
                "success": True,
                "handled": False,
                "link": "/modules/deals",
                "message": "Not opened, this page does not navigate. Link: Deals",
            }


@pytest.mark.seed("S36")
async def test_the_ai_sdk_gets_a_data_part_and_the_six_event_wire_nothing_but_the_link(page: Open) -> None:
    async with page() as dana:
        parts = await dana.ask("Go to deals", FOLLOWS, path="/v1/ai-sdk", id="chat1")
        events = await dana.ask("Go to deals", FOLLOWS, path="/api/copilot/chat")

    assert [part["data"] for part in parts if part["type"] == "data-navigate"] == [
        {"link": "/modules/deals", "module": "deals"}
    ]
    [output] = [part["output"] for part in parts if part["type"] == "tool-output-available"]
    assert output["handled"] is True

    assert {event["type"] for event in events} == {"start", "tool_use", "token", "done"}
    answer = "".join(event["content"] for event in events if event["type"] == "token")
    assert answer == "[Not opened, this page does not navigate. Link: Deals](/modules/deals)"


async def test_an_unknown_module_is_named_with_those_there_are_and_nothing_is_sent(page: Open) -> None:
    async with page([Call("goToModule", {"module": "xyz"}), Say("No.")]) as dana:
        events = await dana.ask("Go to xyz", FOLLOWS)

    told = "There is no module 'xyz'. Known are: tasks, deals, contacts, companies, projects"
    assert result(events) == {
        "success": False,
        "error": "validation_error",
        "message": told,
        "details": {"module": told},
    }
    assert sent(events) == []


GONE_TO = [
    ("/reports", "reports", {"link": "/reports", "route": "/reports", "parameters": {}}),
    ("/reports/", "reports", {"link": "/reports", "route": "/reports", "parameters": {}}),
    ("the dashboard page", "Dashboard", {"link": "/", "route": "/", "parameters": {}}),
    ("/deals/42", "/deals/42", {"link": "/deals/42", "route": "/deals/{id}", "parameters": {"id": "42"}}),
    (
        "/deals/caf%C3%A9:1",
        "/deals/caf%C3%A9:1",
        {"link": "/deals/caf%C3%A9:1", "route": "/deals/{id}", "parameters": {"id": "café:1"}},
    ),
]


@pytest.mark.seed("S37")
async def test_a_route_that_the_page_has_listed_is_gone_to(page: Open) -> None:
    script: list[Any] = [
        step for route, *_ in GONE_TO for step in (Call("navigateTo", {"route": route}), Say("There."))
    ]
    async with page(script) as dana:
        for _, name, where in GONE_TO:
            events = await dana.ask("Take me there", FOLLOWS | ROUTES)

            told = {"success": True, "handled": True, "link": where["link"], "message": f"The page opens {name}."}
            assert (sent(events), result(events)) == ([where], told)


@pytest.mark.seed("S37")
async def test_a_route_that_nobody_has_listed_is_refused_with_those_that_are(page: Open) -> None:
    script = [Call("navigateTo", {"route": "/settings"}), Call("navigateTo", {"route": "//evil.example"}), Say("No.")]
    async with page(script) as dana:
        events = await dana.ask("Take me there", FOLLOWS | ROUTES)

    first, second = results(events)
    told = "There is no route '/settings' here. Allowed are: /reports, /, /deals/{id}"
    assert second["error"] == "route_not_allowed"
    assert first == {
        "success": False,
        "error": "route_not_allowed",
        "message": told,
        "details": {"route": told, "allowed": ["/reports", "/", "/deals/{id}"]},
    }
    assert sent(events) == []


@pytest.mark.seed("S37")
async def test_the_settings_of_the_server_list_routes_for_every_page_and_the_model_is_told_them(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPILOT_NAVIGATION_ROUTES", "Billing=/settings/billing, /teams/{team}")
    script = [Call("navigateTo", {"route": "Billing"}), Say("Here."), Call("navigateTo", {"route": "/x"}), Say("No.")]
    async with page(script) as dana:
        billing = result(await dana.ask("Take me to billing"))
        unknown = result(await dana.ask("Take me to x"))
        told = [readable.value for readable in await dana.ready.copilot.engine.readables(DANA)]

    assert (billing["handled"], billing["link"]) == (False, "/settings/billing")
    assert unknown["details"]["allowed"] == ["/settings/billing", "/teams/{team}"]
    assert {
        "routes": [
            {"path": "/settings/billing", "name": "Billing"},
            {"path": "/teams/{team}", "name": "teams"},
        ]
    } in told


@pytest.mark.parametrize("routes", ["https://evil.example/", "//evil.example", "reports", "/a/../b", "/a?b"])
async def test_a_setting_that_is_no_route_stops_the_start(
    page: Open, monkeypatch: pytest.MonkeyPatch, routes: str
) -> None:
    monkeypatch.setenv("COPILOT_NAVIGATION_ROUTES", routes)
    with pytest.raises(SetupError, match=r"COPILOT_NAVIGATION_ROUTES: .* is no path within the application"):
        async with page():
            raise AssertionError
