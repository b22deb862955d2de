"""A listener that writes down what it hears, and models that talk to a scripted server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from langchain_core.messages import AIMessage

from copilot_core.models.relay import RelayChatOpenAI, http_client, openai_model
from copilot_core.speech import listener
from copilot_core.testing.openai_server import ScriptedOpenAI


class Heard:
    """What a model told, without the message ids, which are in `message_ids`."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.message_ids: set[str] = set()
        self.something = asyncio.Event()

    def text(self, message_id: str, delta: str) -> None:
        self._note(message_id, "text", delta)

    def call_started(self, message_id: str, call_id: str, name: str) -> None:
        self._note(message_id, "call", call_id, name)

    def call_arguments(self, call_id: str, delta: str) -> None:
        self.told.append(("arguments", call_id, delta))

    def _note(self, message_id: str, *told: str) -> None:
        self.message_ids.add(message_id)
        self.told.append(told)
        self.something.set()

    async def ask(self, model: Any, prompt: Any = "Hello?") -> AIMessage:
        """Invoke the model as the engine does, listening."""
        token = listener.set(self)
        try:
            return await model.ainvoke(prompt)
        finally:
            listener.reset(token)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client() as client:
        yield client


@pytest.fixture
def model(client: httpx2.AsyncClient) -> Callable[..., RelayChatOpenAI]:
    def make(server: ScriptedOpenAI, **options: Any) -> RelayChatOpenAI:
        return openai_model("m", api_key="k", base_url=server.base_url, http_client=client, **options)

    return make
