"""Bad input: a clear error that names the thing, nothing half done, the conversation still usable."""

from typing import Any

import httpx2
import pytest

from copilot_core import Allow, Decision, Deny, ProposedCall, Role, hookimpl
from copilot_core.testing import call, opened, served

from .conftest import Talk, Tasks, said

CHAT = "/api/copilot/chat"
BEARER = {"code": "unauthenticated", "message": "A valid bearer token is required."}


@pytest.mark.seed("S2")
@pytest.mark.parametrize("bearer", [None, "", "Bearer", "Bearer ck_x_y", "Bearer eyJhbGciOi", "Basic ck_x_y"])
@pytest.mark.parametrize(
    ("verb", "path"),
    [("POST", CHAT), ("GET", "/v1/threads"), ("GET", "/v1/actions"), ("GET", "/v1/modules"), ("GET", "/v1/plugins")],
)
async def test_without_a_valid_bearer_nothing_answers(talk: Talk, bearer: str | None, verb: str, path: str) -> None:
    async with talk() as client:
        del client.http.headers["Authorization"]
        headers = {} if bearer is None else {"Authorization": bearer}
        answer = await client.http.request(verb, path, content=b"not even json", headers=headers)

        assert (answer.status_code, answer.json()["error"]) == (401, BEARER)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b"{", "body", "The body is not valid JSON."),
        (b"\xff", "body", "The body is not valid JSON."),
        (b"[]", "body", "The body must be a JSON object."),
        (b"{}", "message", "The 'message' field must be a non-empty string."),
        (b'{"message": 5}', "message", "The 'message' field must be a non-empty string."),
        (b'{"message": " "}', "message", "The 'message' field must be a non-empty string."),
        (
            b'{"message": "x", "conversationId": 5}',
            "conversationId",
            "The 'conversationId' field must be null or the id of a conversation.",
        ),
    ],
)
async def test_a_body_of_the_wrong_form_is_422_and_names_the_field(
    talk: Talk, body: bytes, field: str, message: str
) -> None:
    async with talk() as client:
        answer = await client.http.post(CHAT, content=body)

        assert answer.status_code == 422
        assert answer.json()["error"] == {"code": "validation_error", "message": message, "details": {"field": field}}
        assert (await client.http.get("/v1/threads")).json() == {"threads": [], "nextCursor": None}


async def test_a_body_over_the_limit_is_413(talk: Talk) -> None:
    async with talk() as client:
        answer = await client.http.post(CHAT, json={"message": "x" * 1_000_001, "conversationId": None})

        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "payload_too_large")


async def test_a_message_nested_too_deep_for_the_parser_is_422(talk: Talk) -> None:
    async with talk() as client:
        answer = await client.http.post(CHAT, content=b'{"message":' + b"[" * 200_000)

        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error")


@pytest.mark.seed("S82")
async def test_an_unknown_model_is_400_and_lists_the_allowed(talk: Talk) -> None:
    async with talk() as client:
        answer = await client.http.post(
            CHAT, json={"message": "x", "conversationId": None}, headers={"x-copilot-model": "gpt-9"}
        )

        assert (answer.status_code, answer.json()["error"]) == (
            400,
            {
                "code": "model_not_allowed",
                "message": "The model 'gpt-9' is not allowed here.",
                "details": {"allowed": ["scripted"]},
            },
        )


@pytest.mark.seed("S89")
async def test_anothers_conversation_and_an_unknown_one_are_answered_alike(talk: Talk) -> None:
    async with talk(script=["Hello."]) as client:
        conversation = (await client.ask("secret"))[0]["conversationId"]
        strangers = [
            await client.as_user("sam"),
            await client.as_user("dana", workspace="globex"),
            await client.as_user("sam", role=Role.ADMIN),
        ]
        answers: list[tuple[int, Any]] = []
        for stranger in strangers:
            for wanted in (conversation, "unknown"):
                answer = await stranger.http.post(CHAT, json={"message": "x", "conversationId": wanted})
                answers.append((answer.status_code, answer.json()["error"]))
                answer = await stranger.http.get(f"/v1/threads/{wanted}/messages")
                answers.append((answer.status_code, answer.json()["error"]))
            assert (await stranger.http.get("/v1/threads")).json() == {"threads": [], "nextCursor": None}
            await stranger.http.aclose()

        refusal = {
            "code": "not_found",
            "message": "There is no such conversation.",
            "details": {"field": "conversationId"},
        }
        assert answers == [(404, refusal)] * 12


async def test_an_unknown_route_and_a_wrong_verb_have_the_same_form(talk: Talk) -> None:
    async with talk() as client:
        unknown, wrong = await client.http.get("/v1/nothing"), await client.http.get(CHAT)

        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert set(wrong.json()) == {"error", "requestId"}


async def test_a_model_that_breaks_ends_in_one_error_event_and_the_conversation_goes_on(talk: Talk) -> None:
    async with talk(script=[RuntimeError("api key sk-123 refused"), "Back again."]) as client:
        failed = await client.ask("hi")
        stream = await client.ask("and now?", failed[0]["conversationId"])

        assert [e["type"] for e in failed] == ["start", "error"]
        assert failed[1]["error"].startswith("Something went wrong (error id ")
        assert said(stream) == "Back again."


async def test_an_unknown_action_is_told_to_the_model(talk: Talk) -> None:
    async with talk(script=[call("launchRocket"), "I cannot."]) as client:
        stream = await client.ask("Launch the rocket")

        assert [e["toolStatus"] for e in stream if e["type"] == "tool_use"] == ["calling", "error"]
        assert said(stream) == "I cannot."


async def test_actions_that_read_can_be_called_alone_and_those_that_write_cannot(talk: Talk) -> None:
    async with talk() as client:
        read = await client.http.post("/v1/actions/listIncidents", json={"severity": "high"})
        wrong = await client.http.post("/v1/actions/listIncidents", json={"severity": 5})
        write = await client.http.post("/v1/actions/createTask", json={"title": "x"})
        unknown = await client.http.post("/v1/actions/nothing", json={})

        assert read.json() == {"success": True, "data": [{"title": "Payments are down", "severity": "high"}]}
        assert (wrong.status_code, wrong.json()["error"]) == (422, "validation_error")
        assert [r.json()["error"]["code"] for r in (write, unknown)] == ["forbidden", "not_found"]
        assert await client.tasks() == []


class NobodyLists:
    """A policy plugin that refuses one reading action."""

    @hookimpl
    def copilot_policies(self) -> list["NobodyLists"]:
        return [self]

    async def decide(self, call: ProposedCall) -> Decision:
        return Deny("Not today.") if call.action.name == "listIncidents" else Allow()


async def test_a_policy_refuses_an_action_called_alone_as_it_does_in_a_conversation() -> None:
    async with opened(Tasks(), NobodyLists()) as ready, served(ready) as url:
        key = await ready.keys.create(workspace="acme", user="dana", role=Role.ADMIN)
        async with httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}) as http:
            refused = await http.post("/v1/actions/listIncidents", json={})
            allowed = await http.post("/v1/actions/watch", json={})

    assert (refused.status_code, refused.json()["error"]) == (403, {"code": "forbidden", "message": "Not today."})
    assert allowed.status_code == 200


async def test_a_viewer_is_shown_only_what_a_viewer_may_do(talk: Talk) -> None:
    async with talk(role=Role.VIEWER) as client:
        shown = (await client.http.get("/v1/actions")).json()["actions"]

        assert [a["name"] for a in shown] == ["listIncidents", "readResult", "watch"]
