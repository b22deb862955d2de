"""discoverSystem, and a prompt that stays small however many actions are installed."""

import json
from typing import Any

import pytest

from copilot_core import Role
from copilot_core.testing.openai_server import Call, Say

from .conftest import Open

ROUTES = {"description": "Routes of the application", "value": [{"path": "/deals", "name": "Deals"}, {"path": 7}, "x"]}


@pytest.mark.seed("S45")
async def test_it_tells_the_modules_actions_and_limits_of_this_caller(office: Open) -> None:
    async with office(things=["invoice"]) as here:
        await here.as_role(Role.VIEWER)
        found = await here.discover()

        assert found["data"]["limits"] == {"role": "viewer", "rounds": 10, "rowsWithoutConfirmation": 10}
        assert {"slug": "tasks", "name": "Tasks"} in found["data"]["modules"]
        assert {one["name"] for one in found["data"]["actions"]} == {
            "listInvoice", "getInvoice", "exportInvoice", "discoverSystem", "readResult",
            "queryRecords", "searchRecords", "getModuleInfo",
        }  # fmt: skip
        assert not any(one.get("writes") for one in found["data"]["actions"])
        await here.as_role(Role.ADMIN)
        assert {"name": "deleteRecords", "writes": True}.items() <= next(
            one.items() for one in (await here.discover())["data"]["actions"] if one["name"] == "deleteRecords"
        )


@pytest.mark.seed("S45")
async def test_it_stays_within_its_size_and_says_what_is_left_out(office: Open) -> None:
    async with office() as here:
        found = await here.discover()

        assert len(json.dumps(found["data"])) <= 6_000
        named = len(found["data"]["actions"])
        assert 20 < named < len(here.ready.registry.actions)
        permitted = len((await here.http.get("/v1/actions")).json()["actions"])
        assert found["message"].endswith(f" {permitted - named} actions are left out: say what they are about.")


async def test_words_bring_the_actions_that_fit_to_the_front_with_their_parameters(office: Open) -> None:
    async with office() as here:
        found = await here.discover(about="put an old recipe into the archive", part="actions")

        assert found["data"]["actions"][0] == {
            "name": "archiveRecipe",
            "does": "Archive a recipe of the company.",
            "writes": True,
            "parameters": {"recipeId": "string", "title": "string"},
        }
        assert list(found["data"]) == ["actions"]


async def test_it_tells_the_routes_of_the_page_and_only_its_modules(office: Open) -> None:
    modules = {"description": "Modules", "value": [{"slug": "deals", "name": "Deal", "pluralName": "Deals"}]}
    async with office([Call("discoverSystem", {}), Say("That is all.")], things=[]) as here:
        body = {"messages": [{"role": "user", "content": "What is there?"}], "readables": [ROUTES, modules]}
        await here.http.post("/v1/copilot", json=body)

        assert here.model is not None
        data = json.loads(here.model.requests[1].body["messages"][-1]["content"])["data"]
        assert data["routes"] == [{"path": "/deals", "name": "Deals"}]
        assert [module["slug"] for module in data["modules"]] == ["deals"]


async def test_a_part_that_there_is_not_is_refused_by_name(office: Open) -> None:
    async with office(things=[]) as here:
        refused = await here.discover(part="secrets")
    assert refused == {
        "success": False,
        "error": "validation_error",
        "message": "The 'part' field must be one of: actions, modules, routes, limits",
        "details": {"part": "The 'part' field must be one of: actions, modules, routes, limits"},
    }


@pytest.mark.seed("S86")
@pytest.mark.parametrize(
    ("said", "action", "arguments"),
    [
        ("Archive the recipe r_7", "archiveRecipe", {"recipeId": "r_7"}),
        ("Create a task called Call Ada", "createRecord", {"module": "tasks", "fields": {"title": "Call Ada"}}),
        ("I need a todo for an invoice to Globex", "createRecord", {"module": "tasks", "fields": {"title": "x"}}),
        ("how many contacts do we have", "queryRecords", {"module": "contacts"}),
    ],
)  # fmt: skip
async def test_of_three_hundred_actions_a_prompt_holds_the_right_ones(
    office: Open, said: str, action: str, arguments: dict[str, Any]
) -> None:
    async with office([Call(action, arguments), Say("Done.")]) as here:
        stream = await here.say(said)

        assert f'"tool": "{action}", "toolStatus": "done"' in stream
        assert len(here.ready.registry.actions) >= 299
        assert len(here.offered(0)) == len(here.offered(1)) == 40
        assert {action, "discoverSystem"} <= set(here.offered(0))


@pytest.mark.seed("S86")
async def test_a_prompt_grows_no_more_with_the_actions_that_are_installed(office: Open) -> None:
    sizes = []
    for things in (4, 29):
        words = [f"thing{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(things)]
        async with office([Say("Hello.")], things=words) as here:
            await here.say("Good morning")
            assert here.model is not None
            sizes.append(len(json.dumps(here.model.requests[0].body)))
    assert sizes[1] <= sizes[0] * 1.02


async def test_what_was_discovered_can_be_called(office: Open) -> None:
    script = [Call("discoverSystem", {"about": "badges of people"}), Call("shareBadge", {}), Say("Shared.")]
    async with office(script) as here:
        stream = await here.say("Zeig Maria den Ausweis")

        assert ("shareBadge" in here.offered(0), "shareBadge" in here.offered(1)) == (False, True)
        assert '"tool": "shareBadge", "toolStatus": "done"' in stream
        assert (here.crowd.called, len(here.offered(1))) == (["shareBadge"], 40)


async def test_what_was_called_is_offered_on(office: Open) -> None:
    async with office([Call("shareBadge", {}), Say("Shared."), Say("You are welcome.")]) as here:
        body = {"message": "Share the badge", "conversationId": None}
        started = (await here.http.post("/api/copilot/chat", json=body)).text.split('"conversationId": "')[1]
        again = {"message": "Und noch einmal", "conversationId": started.partition('"')[0]}
        await here.http.post("/api/copilot/chat", json=again)
        assert "shareBadge" in here.offered(2)


@pytest.mark.seed("S86")
async def test_the_rule_planner_finds_the_right_one_of_three_hundred(office: Open) -> None:
    async with office() as here:
        assert '"tool": "archiveRecipe", "toolStatus": "done"' in await here.say("Archive the recipe r_7")
        assert '"tool": "createRecord", "toolStatus": "done"' in await here.say("Create a task called Call Ada")
        assert here.crowd.called == ["archiveRecipe"]
