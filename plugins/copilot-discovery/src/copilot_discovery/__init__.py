"""Discovery for copilot-core: what this caller may do here, within a size cap (checklist S45, S86)."""

from collections.abc import Iterable

from copilot_core import Action, hookimpl
from copilot_discovery.discovering import discover_system


@hookimpl
def copilot_actions() -> Iterable[Action]:
    """The one action, which stays in the prompt when most others do not fit."""
    return [discover_system]
