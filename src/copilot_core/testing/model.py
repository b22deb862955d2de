"""A chat model that follows a script: it fails on an unexpected call and on an unused step."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import Field, PrivateAttr

from copilot_core import speech
from copilot_core.chat_models import ChatModels

NAME = "scripted"


class UnexpectedModelCall(AssertionError):  # noqa: N818 - named for what happened
    """The model was asked once more than the script has steps."""


class UnusedSteps(AssertionError):  # noqa: N818 - named for what happened
    """The script has steps that no model call used."""


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A tool call that the scripted model makes."""

    name: str
    arguments: dict[str, Any]
    id: str | None = None


Step: TypeAlias = "str | ScriptedCall | Sequence[ScriptedCall] | Exception"
"""What the model does when it is asked: say this text, make these calls, or fail like this."""


def call(name: str, /, **arguments: Any) -> ScriptedCall:
    """The step or part of a step in which the model calls `name` with `arguments`."""
    return ScriptedCall(name, arguments)


class ScriptedModel(BaseChatModel):
    """Does one step of `script` each time it is asked, and keeps what it was asked in `asked`."""

    script: list[Any]
    asked: list[list[BaseMessage]] = Field(default_factory=list)
    tools: list[Any] = Field(default_factory=list)
    _next: int = PrivateAttr(0)

    @property
    def _llm_type(self) -> str:
        return NAME

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The same model; what it was offered is kept in `tools`."""
        self.tools = list(tools)
        return self.bind(tool_choice=tool_choice, **kwargs)

    def finish(self) -> None:
        """Raise `UnusedSteps` unless every step was used."""
        left = self.script[self._next :]
        if left:
            raise UnusedSteps(f"the model was never asked for {left!r}")

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("this model is asked asynchronously")

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = self._step(messages)
        listener = speech.listener.get()
        if listener is not None and message.text:
            for word in _words(message.text):
                listener.text(str(message.id), word)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        message = self._step(messages)
        for word in _words(message.text):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word, id=message.id))
        calls = [
            {"name": c["name"], "args": json.dumps(c["args"]), "id": c["id"], "index": i, "type": "tool_call_chunk"}
            for i, c in enumerate(message.tool_calls)
        ]
        yield ChatGenerationChunk(message=AIMessageChunk(content="", id=message.id, tool_call_chunks=calls))

    def _step(self, messages: list[BaseMessage]) -> AIMessage:
        self.asked.append(messages)
        if self._next == len(self.script):
            raise UnexpectedModelCall(f"the script has {len(self.script)} steps; asked again with {messages[-1]!r}")
        step = self.script[self._next]
        self._next += 1
        if isinstance(step, Exception):
            raise step
        return _message(step)


def _message(step: "str | ScriptedCall | Sequence[ScriptedCall]") -> AIMessage:
    if isinstance(step, str):
        return AIMessage(step, id=f"msg_{uuid4().hex}")
    calls = [step] if isinstance(step, ScriptedCall) else step
    made = [{"name": c.name, "args": c.arguments, "id": c.id or f"call_{uuid4().hex}"} for c in calls]
    return AIMessage("", id=f"msg_{uuid4().hex}", tool_calls=made)


def _words(text: str) -> list[str]:
    return [word + " " for word in text.split(" ")[:-1]] + [text.split(" ")[-1]] if text else []


def only(model: BaseChatModel) -> ChatModels:
    """Just this model, whatever a request asks for."""
    return ChatModels(NAME, made={NAME: model})
