"""What a turn of a long conversation costs, beside one of a short one: CPU, prompt, and the database.

    PATH=.venv/bin:$PATH python benchmarks/long_thread.py

Each turn asks 60 words and is answered with 120 tokens. Two servers in turns: as it is shipped, and with a limit on the
history that is never reached.
"""

import json
import statistics
import urllib.request
from contextlib import ExitStack
from typing import Any, NamedTuple

from servers import Server, copilot, model_server

MODEL = "tokens-120"
QUESTION = "And what do you think of this one, please? " * 7
EARLY, LATE, AROUND = 5, 200, 4


class Turn(NamedTuple):
    cpu_ms: float
    prompt_tokens: int


def read(server: Server, path: str, body: Any = None) -> bytes:
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    given = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, given, headers)
    with urllib.request.urlopen(request) as answer:
        return bytes(answer.read())


def turn(server: Server, number: int) -> Turn:
    before = server.cpu()
    body = {"threadId": "long", "runId": f"run-{number}", "messages": [{"role": "user", "content": QUESTION}]}
    read(server, "/v1/copilot", body)
    cpu = server.cpu() - before
    log = read(server, f"/v1/runs/run-{number}/events").splitlines()
    [finished] = [json.loads(line[6:]) for line in log if b'"RunFinished"' in line]
    return Turn(cpu * 1000, int(finished["usage"]["input_tokens"]))


def row(name: str, turns: list[Turn]) -> str:
    def around(number: int) -> list[Turn]:
        return turns[max(number - AROUND, 0) : number + AROUND]

    cpu = [statistics.mean(t.cpu_ms for t in around(number)) for number in (EARLY, LATE)]
    prompt = [statistics.mean(t.prompt_tokens for t in around(number)) for number in (EARLY, LATE)]
    total = sum(t.prompt_tokens for t in turns)
    cells = [f"{cpu[0]:.0f}", f"{cpu[1]:.0f} ({cpu[1] / cpu[0]:.1f})", f"{prompt[0]:,.0f}", f"{prompt[1]:,.0f}"]
    return "| " + " | ".join([name, *cells, f"{total / 1000:,.0f}k"]) + " |"


def main() -> None:
    with ExitStack() as stack:
        model = stack.enter_context(model_server())
        servers = {
            "as shipped": stack.enter_context(copilot(model, "copilot-core", [MODEL])),
            "whole history": stack.enter_context(
                copilot(model, "copilot-core", [MODEL], COPILOT_HISTORY_TOKENS="1000000000")
            ),
        }
        turns: dict[str, list[Turn]] = {name: [] for name in servers}
        for number in range(LATE + AROUND):
            for name, server in servers.items():
                turns[name].append(turn(server, number))
    print(f"| | CPU ms, turn {EARLY} | turn {LATE} | prompt tokens, turn {EARLY} | turn {LATE} | all turns |")
    print("|---|---|---|---|---|---|")
    for name, measured in turns.items():
        print(row(name, measured))


if __name__ == "__main__":
    main()
