"""What reading a token from the provider costs, way by way, in one process and without a server of ours.

    python benchmarks/reading.py

Twenty streams of 50 tokens a second; the cost of a token is the difference between long and short
answers, so that of a turn is not in it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
import httpx2
import uvloop
from langchain_openai import ChatOpenAI
from servers import model_server

from copilot_core.models.relay import http_client, openai_model
from copilot_core.speech import listener

STREAMS, SHORT, LONG, ROUNDS = 20, 2, 152, 5
Ask = Callable[[str], Awaitable[None]]


class Deaf:
    """Listens to everything and keeps nothing."""

    def text(self, message_id: str, delta: str) -> None: ...
    def call_started(self, message_id: str, call_id: str, name: str) -> None: ...
    def call_arguments(self, call_id: str, delta: str) -> None: ...


async def bare(http: aiohttp.ClientSession, url: str, model: str) -> None:
    body = {"model": model, "stream": True, "messages": []}
    async with http.post(f"{url}/chat/completions", json=body) as answer:
        while await answer.content.readany():
            pass


async def relayed(client: httpx2.AsyncClient, url: str, model: str) -> None:
    listener.set(Deaf())
    await openai_model(model, api_key="k", base_url=url, http_client=client).ainvoke("Go on.")


async def stock(client: httpx2.AsyncClient, url: str, model: str) -> None:
    chat = ChatOpenAI(model=model, api_key="k", base_url=url, http_async_client=client, stream_chunk_timeout=None)
    async for _ in chat.astream("Go on."):
        pass


async def cost(ask: Ask, tokens: int) -> float:
    """CPU microseconds of one answer of that length."""
    started = time.process_time()
    await asyncio.gather(*(ask(f"tokens-{tokens}-at-50") for _ in range(STREAMS)))
    return (time.process_time() - started) / STREAMS * 1e6


async def main(url: str) -> None:
    async with aiohttp.ClientSession() as http, http_client() as ours, httpx2.AsyncClient() as httpx:
        ways: dict[str, Ask] = {
            "aiohttp, nothing parsed": partial(bare, http, url),
            "RelayChatOpenAI, our transport": partial(relayed, ours, url),
            "RelayChatOpenAI, httpx2's transport": partial(relayed, httpx, url),
            "ChatOpenAI.astream": partial(stock, httpx, url),
        }
        samples: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for ask in ways.values():
            await ask("tokens-1")
        for _ in range(ROUNDS):
            for name, ask in ways.items():
                samples[name].append((await cost(ask, SHORT), await cost(ask, LONG)))
    for name, measured in samples.items():
        short, long = (min(values) for values in zip(*measured, strict=True))
        print(f"{name:38} {(long - short) / (LONG - SHORT):6.1f} us a token {short / 1e3:6.2f} ms a turn")


if __name__ == "__main__":
    with model_server() as model:
        uvloop.run(main(model.url))
