"""A model server that costs next to nothing: ready-made bytes on a raw asyncio protocol.

The model's name says what it answers: `tokens-300` is 300 tokens as fast as the socket takes them,
`tokens-240-at-60` is 240 tokens at 60 a second. Each token is a write of its own, as with a real
provider, and carries the time of its sending where the answer is paced, so that delays can be measured.

    python benchmarks/model_server.py PORT
"""

import asyncio
import re
import sys
import time

import uvloop

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    b"connection: keep-alive\r\n\r\n"
)
TAIL = b"0\r\n\r\n"
CHUNK = (
    b'data: {"id":"chatcmpl-9f8a7b6c5d4e3f2a1b0c","object":"chat.completion.chunk","created":1700000000,'
    b'"model":"tokens","service_tier":"default","system_fingerprint":"fp_benchmark",'
    b'"choices":[{"index":0,"delta":%s,"logprobs":null,"finish_reason":%s}],"usage":%s}\n\n'
)
USAGE = b'{"prompt_tokens":%d,"completion_tokens":9,"total_tokens":18}'


def framed(delta: bytes, finish: bytes = b"null", usage: bytes = b"null") -> bytes:
    event = CHUNK % (delta, finish, usage)
    return b"%x\r\n%s\r\n" % (len(event), event)


def framed_text(text: bytes) -> bytes:
    return framed(b'{"content":"%s"}' % text)


START = framed(b'{"role":"assistant","content":""}')
TOKEN = framed_text(b"token ")
DONE = b"e\r\ndata: [DONE]\n\n\r\n" + TAIL


def end(body: bytes) -> bytes:
    """The last chunks; the prompt is said to have a token for four bytes of the request."""
    return framed(b"{}", b'"stop"', USAGE % (len(body) // 4)) + DONE


class ModelServer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if separator and length and len(body) >= int(length[1]):
            self.received = b""
            self.answer(body)

    def answer(self, body: bytes) -> None:
        found = re.search(rb'"model": ?"tokens-(\d+)(?:-at-(\d+))?"', body)
        tokens, rate = (int(found[1]), int(found[2] or 0)) if found else (1, 0)
        self.transport.write(HEAD + START)
        if rate:
            self.paced = asyncio.ensure_future(self.pace(tokens, rate, end(body)))
            return
        for _ in range(tokens):
            self.transport.write(TOKEN)
        self.transport.write(end(body))

    async def pace(self, tokens: int, rate: int, last: bytes) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for _ in range(tokens):
            self.transport.write(framed_text(b"%.6f " % time.time()))
            due += 1 / rate
            await asyncio.sleep(max(0, due - loop.time()))
        self.transport.write(last)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(ModelServer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
