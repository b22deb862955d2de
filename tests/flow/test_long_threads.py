"""Through HTTP: a long conversation costs no more than a short one, and nothing of it is lost."""

import json
from typing import Any

from copilot_core.chat_models import ChatModels
from copilot_core.settings import Settings
from copilot_core.testing.openai_server import Say, ScriptedOpenAI, Status

from .conftest import Client, Talk, said

LONG = "Tell me about it. " * 20
SUMMARIES = 6
SUMMARY = "The user wants to know about it; Ada decides."


def models_of(server: ScriptedOpenAI) -> ChatModels:
    return ChatModels(
        "openai:test", settings=Settings(_env_file=None, OPENAI_API_KEY="sk-secret", OPENAI_BASE_URL=server.base_url)
    )


def is_summary(request: Any) -> bool:
    return "Sum up" in request.body["messages"][0]["content"]


async def converse(client: Client, turns: int) -> tuple[str, list[str]]:
    """The conversation's id and the answers."""
    thread, answers = None, []
    for _ in range(turns):
        stream = await client.ask(LONG, conversation=thread)
        thread = stream[0]["conversationId"]
        answers.append(said(stream))
    return str(thread), answers


async def test_the_beginning_of_a_long_thread_is_summed_up_for_the_model_and_kept_for_the_user(talk: Talk) -> None:
    def answer(body: Any) -> Say:
        return Say(SUMMARY if "Sum up" in body["messages"][0]["content"] else "I have told you all of it.")

    async with ScriptedOpenAI([answer] * (20 + SUMMARIES)) as server:
        async with talk(models=models_of(server), settings={"history_tokens": 500}) as client:
            thread, answers = await converse(client, 20)
            messages = (await client.http.get(f"/v1/threads/{thread}/messages")).json()["messages"]

        assert answers == ["I have told you all of it."] * 20
        assert [message["content"] for message in messages] == [LONG, "I have told you all of it."] * 20
        asked = [request for request in server.requests if not is_summary(request)]
        assert max(len(json.dumps(request.body)) for request in asked) <= 2 * len(json.dumps(asked[3].body))
        assert SUMMARY in asked[-1].body["messages"][0]["content"]
        assert sum(map(is_summary, server.requests)) == SUMMARIES


async def test_where_no_summary_can_be_had_the_beginning_is_quoted(talk: Talk) -> None:
    script: list[Any] = [*[Say("So it is.")] * 4, Status(400), Say("So it is.")]
    async with ScriptedOpenAI(script) as server:
        async with talk(models=models_of(server), settings={"history_tokens": 500}) as client:
            _, answers = await converse(client, 5)

        assert answers == ["So it is."] * 5
        assert "user: Tell me about it." in server.requests[5].body["messages"][0]["content"]
