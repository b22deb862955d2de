"""kill -9 at every point of a turn that writes: nothing is done or charged twice, and nothing is lost."""

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


CHARGED = {
    "plain": [["addTask", 3], ["look", 2]],
    "asked": [["look", 2], ["purge", 5]],
    "approved": [["look", 2], ["purge", 5]],
    "undone": [["addTask", -3], ["addTask", 3], ["look", 2]],
}
RESERVED = {"plain": {0, 1, 5}, "asked": {0, 1}, "approved": {0, 1, 7}, "undone": {0}}
"""What the killed process had reserved: nothing, the answer before the model is asked, then the price of the calls."""


def report(name: str, points: int, found: Sequence[dict[str, Any]], *, effects: int = 1) -> None:
    made = [one["effects"] for one in found]
    died = sum(one["died"] for one in found)
    doubled, lost = sum(n > effects for n in made), sum(n < effects for n in made)
    print(f"{name}: {points} points, killed at {died}, {sum(made)} effects, {doubled} doubled, {lost} lost, ", end="")
    used = sum(one["used"] for one in found)
    off = sum(not agree(one) for one in found)
    print(f"{used} credits, books off at {off}")


def agree(one: dict[str, Any]) -> bool:
    """Whether what is used is what was charged, and nothing stays reserved; also after one more run."""
    books = [one, one["after"]]
    return all(book["used"] == sum(n for _, n in book["charged"]) and book["reserved"] == 0 for book in books)


@pytest.mark.parametrize(
    ("scenario", "kind", "strides"),
    [
        ("plain", "points", (1, 7)),
        ("asked", "points", (1, 7)),
        ("approved", "points", (1, 7)),
        ("plain", "steps", (8, 60)),
    ],
)
async def test_a_write_is_done_and_paid_for_exactly_once_wherever_its_process_is_killed(
    scenario: str, kind: str, strides: tuple[int, int], database_url: str, tmp_path: Path
) -> None:
    stride = STRIDE or (strides[0] if database_url.startswith("sqlite") else strides[1])
    points, found = await killed(scenario, kind, database_url, tmp_path, stride)

    report(f"{scenario} {kind} {database_url.partition(':')[0]}", points, found)
    assert sum(one["died"] for one in found) >= len(found) * 0.8  # the last ones may not be reached every time
    for one in found:
        whole = {"effects": 1, "receipts": 1, "intents": 1, "outcomes": 1, "results": 2, "unknown": False}
        assert whole.items() <= one.items(), one
        assert (one["status"], one["next"]) == ("finished", "RunFinished"), one
        assert (one["charged"], agree(one)) == (CHARGED[scenario], True), one
    reserved = {one["left"] for one in found}
    assert reserved <= RESERVED[scenario]
    assert reserved == RESERVED[scenario] or stride > 1


async def test_an_undo_gives_back_exactly_once_wherever_its_process_is_killed(
    database_url: str, tmp_path: Path
) -> None:
    stride = STRIDE or (1 if database_url.startswith("sqlite") else 7)
    points, found = await killed("undone", "points", database_url, tmp_path, stride)

    report(f"undone points {database_url.partition(':')[0]}", points, found, effects=0)
    for one in found:
        assert (one["effects"], one["receipts"], one["next"]) == (0, 1, "RunFinished"), one
        assert (one["charged"], agree(one), one["left"]) == (CHARGED["undone"], True, 0), one


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
        assert (one["results"] <= 2, one["next"]) == (True, "RunFinished"), one
        paid = [n for action, n in one["charged"] if action in {"addTask", "purge"}]
        assert (len(paid), agree(one)) == (one["effects"], True), one


async def test_a_write_elsewhere_is_never_done_twice_and_its_doubt_is_told(tmp_path: Path) -> None:
    points, found = await killed("keyed", "points", f"sqlite:///{tmp_path / 'test.db'}", tmp_path, STRIDE or 4)

    report("keyed points sqlite", points, found)
    for one in found:
        assert one["effects"] <= 1, one
        assert agree(one), one
        assert one["charged"] == ([["", 1]] if one["unknown"] else [["sendMail", 4]]), one
        assert one["unknown"] or (one["effects"], one["receipts"]) == (1, 1), one
        assert (one["outcomes"], one["results"], one["status"], one["next"]) == (1, 1, "finished", "RunFinished"), one
