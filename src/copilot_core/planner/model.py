"""The rule planner as a LangChain chat model."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from copilot_core.planner.dialogue import Decision, decide
from copilot_core.planner.words import pieces
from copilot_core.speech import Listener, listener


class RulePlanner(BaseChatModel):
    """Turns commands into calls of the bound actions, without a language model.

    It sees what a language model sees, keeps nothing between calls, and makes one step per round, so
    that a later step can use an earlier one's result and a failed step stops the rest.
    """

    @property
    def _llm_type(self) -> str:
        return "rule-planner"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        declared = [tool if _is_declared(tool) else convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=declared, tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(_message(messages, kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = _message(messages, kwargs)
        hears = listener.get()
        if hears is not None:
            _tell(hears, message)
        return _result(message)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _chunks(_message(messages, kwargs)):
            if run_manager:
                run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(_message(messages, kwargs)):
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk


def _is_declared(tool: object) -> bool:
    return isinstance(tool, dict) and tool.get("type") == "function" and "function" in tool


def _message(messages: list[BaseMessage], options: Mapping[str, Any]) -> AIMessage:
    tools = options.get("tools") or []
    decision = decide(messages, tools, may_call=options.get("tool_choice") != "none")
    identity = f"msg_{uuid4().hex}"
    return AIMessage(id=identity, content=decision.text, tool_calls=_calls(identity, decision))


def _calls(identity: str, decision: Decision) -> list[ToolCall]:
    return [
        ToolCall(
            name=name, args=arguments, id=f"call_{uuid5(NAMESPACE_OID, f'{identity}:{index}').hex}", type="tool_call"
        )
        for index, (name, arguments) in enumerate(decision.calls)
    ]


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])


def _tell(hears: Listener, message: AIMessage) -> None:
    identity = str(message.id)
    for piece in pieces(str(message.content)):
        hears.text(identity, piece)
    for call in message.tool_calls:
        hears.call_started(identity, str(call["id"]), call["name"])
        hears.call_arguments(str(call["id"]), json.dumps(call["args"], ensure_ascii=False))


def _chunks(message: AIMessage) -> Iterator[ChatGenerationChunk]:
    for piece in pieces(str(message.content)):
        yield ChatGenerationChunk(message=AIMessageChunk(id=message.id, content=piece))
    for index, call in enumerate(message.tool_calls):
        part = tool_call_chunk(
            name=call["name"], args=json.dumps(call["args"], ensure_ascii=False), id=call["id"], index=index
        )
        yield ChatGenerationChunk(message=AIMessageChunk(id=message.id, content="", tool_call_chunks=[part]))
    yield ChatGenerationChunk(message=AIMessageChunk(id=message.id, content="", chunk_position="last"))
