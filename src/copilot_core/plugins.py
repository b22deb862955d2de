"""Finding plugins, and what they contribute together: the registry.

Own loader over pluggy's: pluggy drops the second of two plugins with one entry-point name without a
word, and a plugin that cannot be imported raises an error that names no distribution.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from copilot_core import hookspecs
from copilot_core.actions import Action
from copilot_core.capabilities import Capabilities
from copilot_core.clock import Clock
from copilot_core.errors import DuplicateName, SetupError
from copilot_core.generate import Generate
from copilot_core.hookspecs import GROUP, DemoData, Job, Listener, ReadableSource
from copilot_core.policies import Policy
from copilot_core.principal import Authenticator, Principal
from copilot_core.protocols import Protocol
from copilot_core.receipts import Changes
from copilot_core.run import Readables
from copilot_core.services import Services, needs, type_name
from copilot_core.toolcall import Call, Emit, SharedState

GIVEN: frozenset[object] = frozenset(
    {Principal, Clock, Readables, Call, Capabilities, Changes, Emit, Generate, SharedState}
)
"""The services that the engine itself gives to every action call."""
GIVEN_TO_JOBS: frozenset[object] = frozenset({Clock, Call})
"""And to a job, which nobody asked for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plugin:
    """One loaded plugin and where it came from."""

    name: str
    module: object
    distribution: str = "copilot-core"
    version: str = ""

    def __str__(self) -> str:
        return f"plugin '{self.name}' of {self.distribution} {self.version}".rstrip()


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything all plugins contribute: checked, sorted by name, frozen.

    Sorted, so that prompts (and prompt caches) do not depend on the order of installation.
    """

    actions: Mapping[str, Action]
    services: Services
    readables: Sequence[ReadableSource]
    policies: Sequence[Policy]
    protocols: Sequence[Protocol]
    authenticators: Sequence[Authenticator]
    listeners: Sequence[Listener]
    jobs: Sequence[Job]
    migrations: Mapping[str, Path]
    demo: Sequence[DemoData]
    plugins: Sequence[Plugin]
    owners: Mapping[str, Plugin] = field(default_factory=dict)
    broken: Sequence[str] = ()


def discover(*, disabled: Iterable[str] = (), skip_broken: bool = False) -> tuple[list[Plugin], list[str]]:
    """The installed plugins of the entry-point group, by name, and what could not be loaded.

    Raises:
        SetupError: one cannot be imported, unless `skip_broken`.
        DuplicateName: two distributions use one entry-point name, unless `skip_broken`.
    """
    plugins: dict[str, Plugin] = {}
    broken: list[str] = []
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, _distribution(p))):
        if point.name in set(disabled):
            continue
        try:
            if point.name in plugins:
                raise DuplicateName(f"{plugins[point.name]} and {_distribution(point)} share one plugin name")
            plugins[point.name] = _load(point)
        except SetupError as error:
            if not skip_broken:
                raise
            broken.append(str(error))
    return list(plugins.values()), broken


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown distribution"


def _load(point: EntryPoint) -> Plugin:
    version = point.dist.version if point.dist else ""
    try:
        module = point.load()
    except Exception as error:
        where = f"plugin '{point.name}' of {_distribution(point)} {version}"
        raise SetupError(f"{where} cannot be loaded from '{point.value}': {error!r}") from error
    return Plugin(point.name, module, _distribution(point), version)


def collect(plugins: Iterable[Plugin], *, trace: bool = False, skip_broken: bool = False) -> Registry:
    """Ask every plugin for its contributions and check them against each other.

    Args:
        trace: write every hook call with its result to standard error (`COPILOT_TRACE_PLUGINS`).
        skip_broken: leave out a plugin that fails instead of raising; `Registry.broken` says why.

    Raises:
        SetupError: a misspelt hook, a wrong signature, a hook that raised, a missing service.
        DuplicateName: two plugins offer one action.
    """
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    if trace:
        manager.trace.root.setwriter(sys.stderr.write)
        manager.enable_tracing()
    collector = _Collector(manager)
    broken: list[str] = []
    for plugin in plugins:
        try:
            collector.add(plugin)
        except SetupError as error:
            if not skip_broken:
                raise
            broken.append(str(error))
    return collector.registry(broken, skip_broken=skip_broken)


class _Collector:
    """Gathers contributions plugin by plugin, so that every mistake has an owner."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager = manager
        self._services = Services()
        self._owners: dict[str, Plugin] = {}
        self._actions: dict[str, Action] = {}
        self._parts: dict[str, list[Any]] = {}
        self._migrations: dict[str, Path] = {}
        self._plugins: list[Plugin] = []

    def add(self, plugin: Plugin) -> None:
        self._register(plugin)
        self._ask(plugin, "copilot_services", services=self._services)
        actions = list(self._all(plugin, "copilot_actions", Action))
        for action in actions:
            if action.name in self._owners:
                raise DuplicateName(f"{self._owners[action.name]} and {plugin} both offer '{action.name}'")
        self._owners |= {action.name: plugin for action in actions}
        self._actions |= {action.name: action for action in actions}
        for hook in ("readables", "policies", "protocols", "authenticators", "listeners", "jobs"):
            self._parts.setdefault(hook, []).extend(self._all(plugin, f"copilot_{hook}", object))
        for folder in self._ask(plugin, "copilot_migrations"):
            self._migrations[plugin.name] = folder
        self._parts.setdefault("demo", []).extend(self._ask(plugin, "copilot_demo"))
        self._plugins.append(plugin)

    def registry(self, broken: list[str], *, skip_broken: bool) -> Registry:
        for name, action in list(self._actions.items()):
            beside = [needed for way in (action.preview, action.undo) if way for needed in way.injected.values()]
            absent = self._services.missing([*action.injected.values(), *beside], GIVEN)
            if not absent:
                continue
            told = f"{self._owners[name]}: nobody provides {type_name(absent[0])}, which '{name}' asks for"
            if not skip_broken:
                raise SetupError(told)
            broken.append(told)
            del self._actions[name]
        for source in self._parts.get("readables", ()):
            absent = self._services.missing(needs(source).values(), GIVEN)
            if absent:
                raise SetupError(f"nobody provides {type_name(absent[0])}, which {source.__qualname__} asks for")
        for job in self._parts.get("jobs", ()):
            absent = self._services.missing(needs(job.work).values(), GIVEN_TO_JOBS)
            if absent:
                raise SetupError(f"nobody provides {type_name(absent[0])} to jobs, which '{job.name}' asks for")
        return Registry(
            actions=dict(sorted(self._actions.items())),
            services=self._services,
            plugins=sorted(self._plugins, key=lambda p: p.name),
            owners=self._owners,
            migrations=self._migrations,
            broken=tuple(broken),
            **{name: tuple(self._parts.get(name, ())) for name in _PARTS},
        )

    def _register(self, plugin: Plugin) -> None:
        try:
            self._manager.register(plugin.module, plugin.name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise SetupError(f"{plugin}: {' '.join(str(error).split())}") from error
        for caller in self._manager.get_hookcallers(plugin.module) or ():
            if not caller.has_spec():
                known = ", ".join(sorted(h for h in vars(hookspecs) if h.startswith("copilot_")))
                self._manager.unregister(plugin.module)
                raise SetupError(f"{plugin}: there is no hook '{caller.name}'; known are {known}")

    def _ask(self, plugin: Plugin, hook: str, **arguments: object) -> list[Any]:
        others = [other for _, other in self._manager.list_name_plugin() if other is not plugin.module]
        caller: Callable[..., list[Any]] = self._manager.subset_hook_caller(hook, others)
        try:
            return caller(**arguments)
        except SetupError as error:
            raise type(error)(f"{plugin}: {error}") from error
        except Exception as error:
            raise SetupError(f"{plugin}: {hook} failed: {error!r}") from error

    def _all(self, plugin: Plugin, hook: str, kind: type[T]) -> Iterator[T]:
        for given in self._ask(plugin, hook):
            for item in given:
                if not isinstance(item, kind):
                    raise SetupError(f"{plugin}: {hook} gave {item!r}, which is no {kind.__name__}")
                yield item


_PARTS = ("readables", "policies", "protocols", "authenticators", "listeners", "jobs", "demo")
