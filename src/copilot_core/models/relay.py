"""The OpenAI-compatible chat model whose words reach a listener at the price of reading them.

`RelayChatOpenAI` is LangChain's `ChatOpenAI`, and the message it returns is the same field by field.
But where `speech.listener` is set it reads the provider's bytes itself: no pydantic object, no task
and no timer per token. Without a listener nothing differs from the stock class.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, cast
from uuid import uuid4

import httpx2
import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.utils import LC_ID_PREFIX
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from copilot_core.models.calls import CallArguments, CallStarted, parsed
from copilot_core.models.failures import translated, unavailable
from copilot_core.models.transport import http_client, tls
from copilot_core.models.wire import Answer, Delta, Text
from copilot_core.speech import Listener, listener

__all__ = ["RelayChatOpenAI", "http_client", "openai_model"]

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0
"""The longest silence between two bytes of an answer, and before its first."""

LINGER_SECONDS = 0.1
"""How long to wait, after the last word, for the end of the HTTP body: the connection is then reused."""

_STOCK = frozenset({"response_format", "logprobs", "functions", "audio", "n"})
"""Request fields whose answers are more than text and calls; the stock class reads those."""


def openai_model(
    name: str,
    *,
    api_key: str,
    base_url: str | None,
    http_client: httpx2.AsyncClient,
    timeout: float = IDLE_SECONDS,
) -> "RelayChatOpenAI":
    """Make the model `name` of an OpenAI-compatible server; ``base_url=None`` is OpenAI itself.

    Args:
        http_client: the running event loop's client, from `http_client()`.
        timeout: seconds of silence after which the provider counts as failed.
    """
    return RelayChatOpenAI(
        model=name,
        api_key=SecretStr(api_key),
        base_url=base_url,
        http_client=httpx2.Client(verify=tls()),
        http_async_client=http_client,
        timeout=(CONNECT_SECONDS, timeout, timeout, CONNECT_SECONDS),
        max_retries=2,
        stream_usage=True,
        stream_chunk_timeout=None,
        use_responses_api=None if base_url is None else False,
    )


class RelayChatOpenAI(ChatOpenAI):
    """`ChatOpenAI`, streaming to `speech.listener` where one is set.

    Raises `ModelUnavailable` or `RateLimited` then, and never retries once the provider has begun
    to answer. Arguments of tool calls are taken exactly as sent or not at all (see `calls`).
    """

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        told = listener.get()
        if told is None:
            return await super()._agenerate(messages, stop, run_manager, **kwargs)
        payload = self._streaming_payload(messages, stop, kwargs)
        message_id = f"{LC_ID_PREFIX}-{run_manager.run_id if run_manager else uuid4()}"
        answer = Answer(_call_ids(messages))
        try:
            if self._only_stock_reads(payload):
                return await super()._agenerate(messages, stop, run_manager, **kwargs)
            await self._relay(payload, answer, partial(_tell, told, message_id))
        except (openai.APIError, httpx2.RequestError) as error:
            if not answer.info:
                raise translated(error) from error
        if not answer.info:
            raise unavailable("provider_error" if answer.garbled else "cut") from answer.garbled
        return self._result(message_id, answer)

    def _streaming_payload(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        options = {"stream_options": {"include_usage": True}} if self._should_stream_usage(**kwargs) else {}
        return self._get_request_payload(messages, stop=stop, **{**kwargs, **options, "stream": True})

    def _only_stock_reads(self, payload: dict[str, Any]) -> bool:
        return bool(
            _STOCK & payload.keys()
            or self._use_responses_api(payload)
            or self.include_response_headers
            or self.output_version
        )

    async def _relay(self, payload: dict[str, Any], answer: Answer, tell: Callable[[Sequence[Delta]], None]) -> None:
        """Ask, and tell what each network read brings. Whatever ends this closes the connection upstream."""
        async with (
            await self.async_client.create(**_unwalked(payload)) as stream,
            aclosing(stream.response.aiter_bytes()) as blocks,
        ):
            async for block in blocks:
                tell(answer.feed(block))
                if answer.ended:
                    break
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    async for _ in blocks:
                        pass

    def _result(self, message_id: str, answer: Answer) -> ChatResult:
        calls, invalid_calls = parsed(answer.calls, answer.info["finish_reason"])
        message = AIMessage(
            content=answer.text,
            id=message_id,
            tool_calls=calls,
            invalid_tool_calls=invalid_calls,
            usage_metadata=self._usage(answer.usage),
            response_metadata={"model_provider": "openai"},
        )
        return ChatResult(generations=[ChatGeneration(message=message, generation_info=answer.info)])

    def _usage(self, chunk: Mapping[str, Any]) -> UsageMetadata | None:
        counted = self._convert_chunk_to_generation_chunk({**chunk, "choices": []}, AIMessageChunk, None)
        return cast("AIMessageChunk", cast("ChatGenerationChunk", counted).message).usage_metadata


def _call_ids(messages: list[BaseMessage]) -> Iterator[str]:
    for message in messages:
        if isinstance(message, AIMessage):
            for call in (*message.tool_calls, *message.invalid_tool_calls):
                yield str(call["id"])


def _unwalked(payload: dict[str, Any]) -> dict[str, Any]:
    """Move the history and the tools to where the SDK does not look.

    It type-checks every message it is given, to change nothing: 77 % of a turn with 400 messages.
    """
    bulk = {name: payload[name] for name in ("messages", "tools") if name in payload}
    rest = {name: value for name, value in payload.items() if name not in bulk}
    return {**rest, "messages": [], "extra_body": {**bulk, **(payload.get("extra_body") or {})}}


def _tell(told: Listener, message_id: str, deltas: Sequence[Delta]) -> None:
    for delta in deltas:
        match delta:
            case Text(text):
                told.text(message_id, text)
            case CallStarted(call_id, name):
                told.call_started(message_id, call_id, name)
            case CallArguments(call_id, text):
                told.call_arguments(call_id, text)
