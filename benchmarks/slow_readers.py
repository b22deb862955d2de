"""What readers that do not read cost the server's memory: they take one byte of a long answer and stop.

    python benchmarks/slow_readers.py

Each row is a server of its own, which has already given one such answer to one good reader. The good reader is there
in the measured answer too, and must get every token.
"""

import argparse
import asyncio
import socket
from pathlib import Path

import aiohttp
from relay import ONE, Target, ag_ui, ask
from servers import Server, copilot, model_server

READERS = 200
RATE = 2000
LENGTHS = (10_000, 40_000)


async def stuck(server: Server, run_id: str) -> socket.socket:
    """A connection that follows the run, and of which one byte was read."""
    loop = asyncio.get_running_loop()
    host, port = server.url.removeprefix("http://").split(":")
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)  # as on a network, where the kernel holds less
    reader.setblocking(False)
    await loop.sock_connect(reader, (host, int(port)))
    head = f"GET /v1/runs/{run_id}/events HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {server.key}\r\n\r\n"
    await loop.sock_sendall(reader, head.encode())
    await loop.sock_recv(reader, 1)
    return reader


async def measure(server: Server, length: int, join_after: float) -> tuple[float, float, float]:
    """KiB of the answer; of the server's memory at the most, a reader; of the kernel's at the end, a reader."""
    model, body = f"tokens-{length}-at-{RATE}", ag_ui("")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600)) as http:
        await ask(http, Target("", server, "/v1/copilot", ag_ui), model)
        before = most = server.memory()
        asked = asyncio.create_task(ask(http, Target("", server, "/v1/copilot", lambda _model: body), model))
        await asyncio.sleep(join_after * length / RATE + 0.5)
        readers = await asyncio.gather(*(stuck(server, str(body["runId"])) for _ in range(READERS)))
        while not asked.done():
            await asyncio.sleep(0.5)
            most = max(most, server.memory())
        (answer,) = await asked
        unsent = _unsent(int(server.url.rpartition(":")[2]))
        for reader in readers:
            reader.close()
    assert answer.tokens == length, f"the good reader lost {length - answer.tokens} tokens"
    return answer.size / 1024, (most - before) / READERS, unsent / 1024 / READERS


def _unsent(port: int) -> int:
    """Bytes that the kernel holds for the readers of that port."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(int(fields[4].partition(":")[0], 16) for fields in lines if fields[1].endswith(f":{port:04X}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="copilot-core", help="our command line")
    given = parser.parse_args()
    print("| tokens | readers come | the answer, KiB | server, KiB a reader | kernel, KiB a reader |")
    print("|---|---|---|---|---|")
    for length in LENGTHS:
        for when, join_after in (("at its start", 0.0), ("half way", 0.5)):
            names = (ONE, f"tokens-{length}-at-{RATE}")
            with model_server() as model, copilot(model, given.server, names) as server:
                measured = asyncio.run(measure(server, length, join_after))
            print(f"| {length:,} | {when} | {' | '.join(f'{value:,.0f}' for value in measured)} |", flush=True)


if __name__ == "__main__":
    main()
