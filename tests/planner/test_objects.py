"""What an action acts on: what was listed before, the form of an id, a noun. Parcels, vans and notices of a depot."""

from collections.abc import Callable
from typing import Any

import pytest

WHICH = {"type": "string", "description": "Id of the parcel, such as PCL-12, or words of its label"}
STATES = {"type": "array", "items": {"enum": ["held", "moving", "delivered"]}}


def action(name: str, description: str, *examples: str, required: str = "", **properties: Any) -> dict[str, Any]:
    """One action as a plugin declares it."""
    said = "\nExamples: " + " ".join(f'"{example}"' for example in examples) if examples else ""
    parameters = {"type": "object", "properties": properties, "required": required.split()}
    return {"name": name, "description": description + said, "parameters": parameters}


DEPOT = {
    "now": "2026-02-10T09:00:00",
    "user": {"name": "Dana Reyes", "email": "dana@acme.example"},
    "modules": {},
    "actions": [
        action(
            "list_parcels",
            "List parcels by state, shelf or words",
            "which parcels are moving?",
            state={**STATES, "description": "Only with one of these; stuck are held and moving"},
            shelf={"type": "string", "description": "The shelf, such as hall.north"},
            words={"type": "string", "description": "Words of the label"},
            keeper={"type": "string", "description": "Only of this person"},
            offset={"type": "integer", "description": "How many to skip"},
        ),
        action("get_parcel", "Get one parcel with its journey", "where is PCL-12?", required="parcel", parcel=WHICH),
        action("hold_parcel", "Hold a parcel", "hold PCL-12", required="parcel", parcel=WHICH),
        action(
            "note_on_parcel",
            "Comment on a parcel",
            "comment on PCL-12: the label is wet",
            required="parcel comment",
            parcel=WHICH,
            comment={"type": "string", "description": "What to write"},
        ),
        action(
            "cancelNotice",
            "Cancel or remove a notice",
            "cancel the notice to Ada",
            required="notice",
            notice={"type": "string", "description": "Id of the notice, or words of its title"},
        ),
        action("listNotices", "List the user's notices", "which notices do I have?"),
    ],
}
PARCELS = [{"id": f"PCL-{n}", "label": f"Box {n}"} for n in range(1, 4)]
LISTED = {"success": True, "data": {"total": 3, "parcels": PARCELS}}
NOTICES = {
    "success": True,
    "data": {"total": 2, "notices": [{"id": "a1", "title": "Gate"}, {"id": "b2", "title": "Key"}]},
}


@pytest.fixture
def depot(desk_in: Callable[..., Any]) -> Any:
    """Someone who has just been shown three parcels."""
    desk = desk_in(DEPOT)
    desk.results = [LISTED]
    assert desk.say("list parcels") == [("list_parcels", {})]
    return desk


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("hold the first one", [("hold_parcel", {"parcel": "PCL-1"})]),
        ("hold the second", [("hold_parcel", {"parcel": "PCL-2"})]),
        ("hold the third parcel", [("hold_parcel", {"parcel": "PCL-3"})]),
        ("hold the last one", [("hold_parcel", {"parcel": "PCL-3"})]),
        ("open the second one", [("get_parcel", {"parcel": "PCL-2"})]),
        ("comment on the third: it is wet", [("note_on_parcel", {"parcel": "PCL-3", "comment": "it is wet"})]),
        ("hold the first two", [("hold_parcel", {"parcel": "PCL-1"}), ("hold_parcel", {"parcel": "PCL-2"})]),
        ("hold all of them", [("hold_parcel", {"parcel": parcel["id"]}) for parcel in PARCELS]),
    ],
)
def test_ordinals_and_pronouns_are_the_things_that_were_listed_last(
    depot: Any, text: str, made: list[tuple[str, dict[str, Any]]]
) -> None:
    assert depot.say(text) == made


@pytest.mark.parametrize("text", ["open it", "hold it", "hold this", "hold the parcel"])
def test_it_is_the_only_one_that_was_told_last(depot: Any, text: str) -> None:
    depot.results = [{"success": True, "recordId": "PCL-2", "data": PARCELS[1]}]
    depot.say("open the second one")

    assert [arguments for _, arguments in depot.say(text)] == [{"parcel": "PCL-2"}]


def test_two_of_them_in_one_message(depot: Any) -> None:
    assert depot.say("hold the first one and comment on the second: it is wet") == [
        ("hold_parcel", {"parcel": "PCL-1"}),
        ("note_on_parcel", {"parcel": "PCL-2", "comment": "it is wet"}),
    ]


@pytest.mark.parametrize("text", ["hold the ninth one", "hold the second notice", "cancel the second one", "delete it"])
def test_what_was_not_listed_is_not_acted_on(depot: Any, text: str) -> None:
    assert depot.say(text) == []


def test_the_latest_list_of_the_kind_that_is_named_is_meant(depot: Any) -> None:
    depot.results = [NOTICES]
    depot.say("which notices do I have?")

    assert depot.say("cancel the second one") == [("cancelNotice", {"notice": "b2"})]
    assert depot.say("hold the second parcel") == [("hold_parcel", {"parcel": "PCL-2"})]


@pytest.mark.parametrize("text", ["delete PCL-7", "cancel PCL-7", "remove the parcel PCL-7", "cancel my flight"])
def test_a_verb_that_fits_is_not_enough_where_the_thing_is_of_another_kind(
    desk_in: Callable[..., Any], text: str
) -> None:
    desk = desk_in(DEPOT)

    assert desk.say(text) == []
    assert desk.answer.startswith(f"I did not understand: “{text}”.")


def test_it_says_what_can_be_done_with_the_thing_that_was_named(desk_in: Callable[..., Any]) -> None:
    desk = desk_in(DEPOT)
    desk.say("delete PCL-7")

    told = "With a parcel I can: get parcel, hold parcel or note on parcel."
    assert desk.answer == f"I did not understand: “delete PCL-7”. {told}"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("parcel PCL-7", ("get_parcel", {"parcel": "PCL-7"})),
        ("cancel the notice about the gate", ("cancelNotice", {"notice": "gate"})),
        ("which parcels are about wet labels", ("list_parcels", {"words": "wet labels"})),
        ("what parcels mention the gate", ("list_parcels", {"words": "gate"})),
        ("parcels regarding refunds", ("list_parcels", {"words": "refunds"})),
        ("show the stuck parcels", ("list_parcels", {"state": ["held", "moving"]})),
        ("parcels on hall.south", ("list_parcels", {"shelf": "hall.south"})),
        ("which parcels is Amara looking after?", ("list_parcels", {"keeper": "Amara"})),
    ],
)
def test_schemas_say_what_words_are_for(
    desk_in: Callable[..., Any], text: str, made: tuple[str, dict[str, Any]]
) -> None:
    assert desk_in(DEPOT).say(text) == [made]


def test_more_is_what_comes_after_the_part_that_was_told(desk_in: Callable[..., Any]) -> None:
    desk = desk_in(DEPOT)
    many = [{"id": f"PCL-{n}", "label": f"Box {n}"} for n in range(20)]
    desk.results = [{"success": True, "data": {"total": 25, "parcels": many}}, LISTED]
    desk.say("list moving parcels")

    assert desk.say("show more") == [("list_parcels", {"state": ["moving"], "offset": 10})]
    assert desk.say("next page") == []
    assert desk.answer == "There is no more that I can show."


def test_more_of_a_list_that_no_action_goes_on_with_is_the_rest_of_it(desk_in: Callable[..., Any]) -> None:
    desk = desk_in(DEPOT)
    desk.results = [{"success": True, "data": {"notices": [{"id": str(n), "title": f"N{n}"} for n in range(12)]}}]
    desk.say("which notices do I have?")

    assert desk.say("show more") == []
    assert desk.answer == "- **N10**\n- **N11**"


def test_nothing_is_taken_back_by_an_action_that_does_something_else(desk_in: Callable[..., Any]) -> None:
    desk = desk_in(DEPOT)
    desk.results = [{"success": True, "recordId": "a1"}]
    desk.say("cancel the notice about the gate")

    assert desk.say("undo that") == []
    assert desk.answer.startswith("I cannot take it back myself.")
