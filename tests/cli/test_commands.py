"""The command line."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from copilot_core import Message, Principal, Readable, RunInput
from copilot_core.cli import main
from copilot_core.testing import opened


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def copilot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``copilot("keys", "list", COPILOT_MODEL="…")`` in an empty folder with a database of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COPILOT_DATABASE_URL", f"sqlite:///{tmp_path / 'test.db'}")

    for variable in ("COPILOT_CONNECT", "COPILOT_CONNECT_WRITABLE"):  # `serve --connect` sets them
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)

    def run(*arguments: str, **environment: str) -> Outcome:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return Outcome(main(arguments), *capsys.readouterr())

    return run


def test_a_key_is_made_listed_without_its_secret_and_revoked(copilot: Run) -> None:
    options = ["--workspace", "acme", "--user", "dana", "--role", "viewer", "--json"]
    made = json.loads(copilot("keys", "create", *options).out)
    listed = copilot("keys", "list", "--json").out
    revoked = json.loads(copilot("keys", "revoke", made["id"], "--json").out)
    again = json.loads(copilot("keys", "list", "--json").out)

    assert {k: v for k, v in made.items() if k not in {"key", "id"}} == {
        "workspace": "acme",
        "user": "dana",
        "role": "viewer",
        "expiresAt": None,
    }
    assert made["key"].startswith(f"ck_{made['id']}_")
    assert made["key"].removeprefix(f"ck_{made['id']}_") not in listed
    assert (revoked, again[0]["revoked"] is None) == ({"revoked": made["id"]}, False)


def test_an_unknown_key_cannot_be_revoked(copilot: Run) -> None:
    outcome = copilot("keys", "revoke", "nothing")

    assert (outcome.status, outcome.err) == (1, "copilot-core: there is no key nothing\n")


def test_migrate_says_what_is_up_to_date(copilot: Run, tmp_path: Path) -> None:
    outcome = copilot("migrate")

    assert (outcome.status, outcome.out) == (0, f"sqlite:///{tmp_path / 'test.db'} is up to date\n")


def test_a_plugin_can_be_left_out_of_a_database_that_had_it(copilot: Run) -> None:
    assert copilot("migrate").status == 0
    assert copilot("migrate", COPILOT_DISABLE_PLUGINS="calendar").status == 0
    assert copilot("keys", "create", "--workspace", "a", "--user", "b", "--role", "viewer").status == 0


def test_doctor_finds_nothing_wrong_in_a_fresh_folder(copilot: Run) -> None:
    outcome = copilot("doctor")

    assert outcome.status == 0, outcome.out
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == [
        "ok   plugins",
        "ok   database",
        "ok   model",
        "ok   identity",
    ]


@pytest.mark.seed("S83")
async def test_doctor_warns_of_what_pages_tell_that_helps_no_model(copilot: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    async with opened(script=["Hello."], database_url=url) as ready:
        told = [Readable("Deal", "deal_8f3"), Readable("Contact", {"name": "Ada", "city": "Turin"})]
        given = RunInput([Message("user", "Hello")], readables=told)
        await (await ready.copilot.start(given, Principal("dana", "acme"))).all()
    outcome = await asyncio.to_thread(copilot, "doctor")

    assert (outcome.status, [line for line in outcome.out.splitlines() if line.startswith("warn")]) == (
        0,
        [
            "warn readables: “Deal” is thin: it is a bare value; tell an object with the fields that matter, such as "
            "name and status"
        ],
    )


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("COPILOT_MODEL", "llama", "FAIL model: COPILOT_MODEL 'llama' is unknown; use rule-planner or openai:<name>"),
        ("COPILOT_MODEL", "openai:gpt-4o", "FAIL model: openai:gpt-4o needs OPENAI_API_KEY or OPENAI_BASE_URL"),
        ("COPILOT_JWT_SECRET", "short", "FAIL identity: COPILOT_JWT_SECRET is shorter than 32 bytes"),
        ("COPILOT_DATABASE_URL", "sqlite:////no/such/folder/x.db", "FAIL database: sqlite:////no/such/folder/x.db"),
        ("COPILOT_DATABASE_URL", "mysql://x", "FAIL database: a database URL is sqlite:///path/to/file.db or"),
    ],
)
def test_doctor_names_what_is_wrong(copilot: Run, variable: str, value: str, told: str) -> None:
    outcome = copilot("doctor", **{variable: value})

    assert outcome.status == 1
    assert told in outcome.out


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["serve"], {"COPILOT_PORT": "http"}, "COPILOT_PORT: Input should be a valid integer"),
        (["serve", "--model", "llama"], {}, "COPILOT_MODEL 'llama' is unknown"),
        (["serve", "--connect", "sqlite:///nothing.db"], {}, "COPILOT_CONNECT"),
        (["migrate", "--database-url", "mysql://x"], {}, "a database URL is sqlite:///path/to/file.db"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(
    copilot: Run, arguments: list[str], environment: dict[str, str], told: str
) -> None:
    outcome = copilot(*arguments, **environment)

    assert outcome.status == 1
    assert outcome.err.startswith("copilot-core: ")
    assert told in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_plugins_are_listed_with_version_and_actions(copilot: Run) -> None:
    listed = {plugin["name"]: plugin for plugin in json.loads(copilot("plugins", "list", "--json").out)}

    distributions = {name: listed[name]["distribution"] for name in ("calendar", "defaults", "records")}
    assert distributions == {
        "calendar": "copilot-calendar",
        "defaults": "copilot-core",
        "records": "copilot-records",
    }
    assert "createRecord" in listed["records"]["actions"]


def test_a_plugin_can_be_left_out_by_name(copilot: Run) -> None:
    listed = json.loads(copilot("plugins", "list", "--json", COPILOT_DISABLE_PLUGINS="calendar").out)
    names = [plugin["name"] for plugin in listed]

    assert "records" in names
    assert "calendar" not in names


def test_workspaces_are_made_sold_and_counted(copilot: Run) -> None:
    acme = ("--workspace", "acme")
    made = json.loads(copilot("workspaces", "create", *acme, "--admin", "ada", "--plan", "starter", "--json").out)
    sold = json.loads(copilot("plans", "set", *acme, "--plan", "enterprise", "--included", "20000", "--json").out)
    terms = json.loads(copilot("workspaces", "terms", *acme, "--price", "createRecord=2", "--json").out)
    listed = json.loads(copilot("workspaces", "list", "--json").out)
    by_user = copilot("usage", *acme, "--by", "user", "--csv").out

    assert (made[0]["workspace"], made[0]["plan"], made[0]["key"][:3]) == ("acme", "starter", "ck_")
    assert (sold[0]["plan"], sold[0]["included"], sold[0]["current"]) == ("enterprise", 20_000, 0)
    assert terms == [{"workspace": "acme", "prices": {"createRecord": 2}, "models": [], "runCredits": None}]
    assert listed == sold
    assert by_user == "user,credits,operations,inputTokens,outputTokens\r\n"
    assert [plan["plan"] for plan in json.loads(copilot("plans", "list", "--json").out)] == [
        "free", "starter", "growth", "enterprise",
    ]  # fmt: skip
    assert copilot("workspaces", "create", *acme, "--admin", "bob").err == (
        "copilot-core: there is a workspace 'acme' already\n"
    )
    assert copilot("workspaces", "terms", *acme, "--price", "createRecord").status == 1
