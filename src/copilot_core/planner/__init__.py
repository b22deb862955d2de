"""The embedded default model: a deterministic planner that needs no key, no weights and no network."""

from copilot_core.planner.model import RulePlanner

__all__ = ["RulePlanner"]
