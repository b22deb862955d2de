"""`plugins list`."""

import argparse
import json
from typing import Any

from copilot_core.cli.setup import settings
from copilot_core.clock import SystemClock
from copilot_core.identity import ApiKeys
from copilot_core.plugins import Registry
from copilot_core.server import registry_of
from copilot_core.store.database import Database


def show(parsed: argparse.Namespace) -> None:
    """Each plugin with its version and actions."""
    chosen = settings(parsed)
    database = Database(chosen.database_url)
    listed = described(registry_of(chosen, database, ApiKeys(database, SystemClock())))
    if parsed.json:
        print(json.dumps(listed))
        return
    for plugin in listed:
        print(f"{plugin['name']} {plugin['version']} ({plugin['distribution']})")
        for action in plugin["actions"]:
            print(f"  {action}")


def described(registry: Registry) -> list[dict[str, Any]]:
    """The plugins of a registry as plain data."""
    return [
        {
            "name": plugin.name,
            "version": plugin.version,
            "distribution": plugin.distribution,
            "actions": [name for name in registry.actions if registry.owners[name] is plugin],
        }
        for plugin in registry.plugins
    ]
