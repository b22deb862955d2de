"""Discovery and the registry: every mistake is told at start-up, with plugin and distribution."""

from collections.abc import Iterator
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint

import pytest

from copilot_core import Action, Injected, Services, action, hookimpl
from copilot_core import plugins as module
from copilot_core.errors import DuplicateName, SetupError
from copilot_core.plugins import Plugin, collect, discover


@action
async def list_things() -> list[str]:
    """List things."""
    return []


@action
async def add_thing() -> None:
    """Add a thing."""


class Things:
    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [list_things, add_thing]


class Database:
    pass


@action
async def ask_database(database: Injected[Database]) -> None:
    """Ask the database."""


class Asking:
    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [ask_database]


class Providing:
    @hookimpl
    def copilot_services(self, services: Services) -> None:
        @asynccontextmanager
        async def open_database() -> Iterator[Database]:
            yield Database()

        services.factory(Database, open_database)


class Misspelt:
    @hookimpl
    def copilot_action(self) -> list[Action]:
        return []


class WrongSignature:
    @hookimpl
    def copilot_actions(self, registry: object) -> list[Action]:
        return []


class Raising:
    @hookimpl
    def copilot_actions(self) -> list[Action]:
        raise RuntimeError("no licence")


class NoAction:
    @hookimpl
    def copilot_actions(self) -> list[object]:
        return ["listThings"]


def plugin(name: str, of: object) -> Plugin:
    return Plugin(name, of, f"copilot-{name}", "1.2")


def test_a_hook_can_be_called_without_any_host() -> None:
    assert [a.name for a in Things().copilot_actions()] == ["listThings", "addThing"]


def test_the_registry_is_sorted_by_name_whatever_the_order_of_installation() -> None:
    registry = collect([plugin("b", Things()), plugin("a", Providing())])

    assert list(registry.actions) == ["addThing", "listThings"]
    assert [p.name for p in registry.plugins] == ["a", "b"]


@pytest.mark.seed("S27")
def test_two_actions_of_one_name_stop_the_start_naming_both_plugins() -> None:
    with pytest.raises(DuplicateName) as error:
        collect([plugin("one", Things()), plugin("two", Things())])

    assert str(error.value) == (
        "plugin 'one' of copilot-one 1.2 and plugin 'two' of copilot-two 1.2 both offer 'listThings'"
    )


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (Misspelt(), "plugin 'x' of copilot-x 1.2: there is no hook 'copilot_action'; known are copilot_actions,"),
        (WrongSignature(), "plugin 'x' of copilot-x 1.2: .*registry"),
        (Raising(), "plugin 'x' of copilot-x 1.2: copilot_actions failed: RuntimeError"),
        (NoAction(), "plugin 'x' of copilot-x 1.2: copilot_actions gave 'listThings', which is no Action"),
        (Asking(), "plugin 'x' of copilot-x 1.2: nobody provides Database, which 'askDatabase' asks for"),
    ],
)
def test_a_broken_plugin_stops_the_start_or_is_left_out_on_request(broken: object, told: str) -> None:
    with pytest.raises(SetupError, match=told):
        collect([plugin("x", broken)])

    registry = collect([plugin("x", broken), plugin("things", Things())], skip_broken=True)
    assert list(registry.actions) == ["addThing", "listThings"]
    assert len(registry.broken) == 1


def test_a_service_may_come_from_any_plugin() -> None:
    registry = collect([plugin("asking", Asking()), plugin("providing", Providing())])

    assert list(registry.actions) == ["askDatabase"]


class _Point(EntryPoint):
    class dist:  # noqa: N801 - importlib's name
        name, version = "copilot-x", "1.2"


def test_a_plugin_that_cannot_be_imported_is_named_with_its_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    point = _Point("x", "copilot_x_that_is_not_there", "copilot_core")
    monkeypatch.setattr(module, "entry_points", lambda group: [point])

    with pytest.raises(SetupError, match=r"plugin 'x' of copilot-x 1.2 cannot be loaded from 'copilot_x_that"):
        discover()
    assert discover(disabled=["x"]) == ([], [])
    loaded, broken = discover(skip_broken=True)
    assert (loaded, len(broken)) == ([], 1)


def test_two_distributions_with_one_plugin_name_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    point = _Point("x", "json", "copilot_core")
    monkeypatch.setattr(module, "entry_points", lambda group: [point, point])

    with pytest.raises(DuplicateName, match=r"plugin 'x' of copilot-x 1.2 and copilot-x share one plugin name"):
        discover()


def test_tracing_writes_each_hook_call(capsys: pytest.CaptureFixture[str]) -> None:
    collect([plugin("things", Things())], trace=True)

    assert "copilot_actions" in capsys.readouterr().err
