"""An existing database as modules: reflection at start-up, then the same actions on its tables."""

from copilot_records.connected.opening import Connected, connect
from copilot_records.connected.settings import ConnectSettings

__all__ = ["ConnectSettings", "Connected", "connect"]
