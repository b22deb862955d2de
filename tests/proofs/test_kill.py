"""kill -9 at every point of a turn that writes: after the take-over nothing is done twice and nothing is lost."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.proof, pytest.mark.xdist_group("kill")]
KILLING = Path(__file__).with_name("killing.py")


async def killed(
    scenario: str, kind: str, database_url: str, folder: Path, stride: int
) -> tuple[int, Sequence[dict[str, Any]]]:
    """How many points the turn has, and what came of it for each at which it was killed."""
    command = [sys.executable, str(KILLING), scenario, kind, database_url, str(folder), str(stride)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, told = await process.communicate()
    assert process.returncode == 0, told.decode()[-4000:]
    first, *found = [json.loads(line) for line in out.splitlines()]
    assert len(found) == len(range(1, first["points"] + 1, stride))
    return first["points"], found


STRIDE = int(os.environ.get("PROOF_STRIDE", "0"))
"""How many points a turn advances from one kill to the next; what each proof can afford in CI where it is 0."""


def report(name: str, points: int, found: Sequence[dict[str, Any]]) -> None:
    effects = [one["effects"] for one in found]
    died = sum(one["died"] for one in found)
    doubled, lost = sum(n > 1 for n in effects), sum(n < 1 for n in effects)
    print(f"{name}: {points} points, killed at {died}, {sum(effects)} effects, {doubled} doubled, {lost} lost")


@pytest.mark.parametrize(
    ("scenario", "kind", "strides"),
    [("plain", "points", (1, 7)), ("approved", "points", (1, 7)), ("plain", "steps", (8, 60))],
)
async def test_a_write_is_done_exactly_once_wherever_its_process_is_killed(
    scenario: str, kind: str, strides: tuple[int, int], database_url: str, tmp_path: Path
) -> None:
    stride = STRIDE or (strides[0] if database_url.startswith("sqlite") else strides[1])
    points, found = await killed(scenario, kind, database_url, tmp_path, stride)

    report(f"{scenario} {kind} {database_url.partition(':')[0]}", points, found)
    assert sum(one["died"] for one in found) >= len(found) * 0.8  # the last ones may not be reached every time
    for one in found:
        whole = {"effects": 1, "receipts": 1, "intents": 1, "outcomes": 1, "results": 1, "unknown": False}
        assert whole.items() <= one.items(), one
        assert (one["status"], one["next"]) == ("finished", "RunFinished"), one


@pytest.mark.parametrize("scenario", ["plain", "approved"])
async def test_a_run_that_is_stopped_anywhere_leaves_a_thread_that_goes_on(
    scenario: str, database_url: str, tmp_path: Path
) -> None:
    stride = STRIDE or (3 if database_url.startswith("sqlite") else 12)
    points, found = await killed(scenario, "stops", database_url, tmp_path, stride)

    report(f"{scenario} stops {database_url.partition(':')[0]}", points, found)
    assert {one["status"] for one in found} >= {"stopped", "finished"}
    for one in found:
        assert one["effects"] == one["receipts"] <= 1, one
        assert (one["results"] <= 1, one["next"]) == (True, "RunFinished"), one


async def test_a_write_elsewhere_is_never_done_twice_and_its_doubt_is_told(tmp_path: Path) -> None:
    points, found = await killed("keyed", "points", f"sqlite:///{tmp_path / 'test.db'}", tmp_path, STRIDE or 4)

    report("keyed points sqlite", points, found)
    for one in found:
        assert one["effects"] <= 1, one
        assert one["unknown"] or (one["effects"], one["receipts"]) == (1, 1), one
        assert (one["outcomes"], one["results"], one["status"], one["next"]) == (1, 1, "finished", "RunFinished"), one
