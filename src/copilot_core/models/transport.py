"""The one HTTP client to model providers: httpx2 in front, aiohttp underneath.

The openai SDK wants an httpx2 client. httpx2's own transport parses HTTP in Python and pays for it
on every token; aiohttp's parser is C, and `readany` hands over everything one network read brought.
The numbers are in benchmarks/README.md.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache

import aiohttp
import httpx2
import openai
from multidict import CIMultiDict
from yarl import URL

CONNECTIONS = 10_000
"""Open connections at a time. A stream holds one for as long as the model speaks, and the SDK's own
1,000 would be the most streams a process can relay (docs/decisions/0003-token-path.md)."""

KEEP_ALIVE = 30.0
"""Seconds an idle connection is kept. A server that closed it earlier is noticed, or retried by the SDK."""


@cache
def tls() -> ssl.SSLContext:
    """The trusted certificates: 0.2 s to load, and bound to no event loop."""
    return httpx2.create_ssl_context()


def http_client(*, connections: int = CONNECTIONS) -> httpx2.AsyncClient:
    """Make the client that all models of one event loop share; whoever starts the loop closes it.

    A client is bound to the loop of its first request: never keep one in a module. Nothing may be
    compressed: a compressor holds tokens back until it has enough of them.
    """
    return httpx2.AsyncClient(
        transport=AiohttpTransport(connections),
        headers={"accept-encoding": "identity"},
        follow_redirects=True,
    )


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends httpx2 requests through an aiohttp session that opens with the first of them."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request` and return when the headers of the answer are here; its body is read later.

        A provider that was asked and stays silent is not asked again: the SDK would retry an httpx2
        timeout, but lets its own errors pass.
        """
        self._session = self._session or self._open()
        with _as_httpx2():
            try:
                response = await self._session.request(
                    request.method,
                    URL(str(request.url), encoded=True),
                    headers=CIMultiDict(request.headers.multi_items()),
                    data=await request.aread() or None,
                    allow_redirects=False,
                    timeout=_timeout(request),
                )
            except aiohttp.SocketTimeoutError as error:
                raise openai.APITimeoutError(request=request) from error
        return httpx2.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE, ssl=tls())
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=True,
        )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        readany = self._response.content.readany
        with _as_httpx2():
            while block := await readany():
                yield block

    async def aclose(self) -> None:
        """Give the connection back, or close it where the answer was not read to its end."""
        self._response.release()


def _timeout(request: httpx2.Request) -> aiohttp.ClientTimeout:
    seconds = request.extensions["timeout"]
    return aiohttp.ClientTimeout(
        total=None, connect=seconds["pool"], sock_connect=seconds["connect"], sock_read=seconds["read"]
    )


@contextmanager
def _as_httpx2() -> Iterator[None]:
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx2.ConnectTimeout(str(error)) from error
    except aiohttp.SocketTimeoutError as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx2.ConnectError(str(error)) from error
    except aiohttp.ClientError as error:
        raise httpx2.ReadError(str(error)) from error
