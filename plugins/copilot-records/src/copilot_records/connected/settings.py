"""Which existing database to work on: ``COPILOT_CONNECT``, also from ``.env``."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class ConnectSettings(BaseSettings):
    """``COPILOT_CONNECT``, ``COPILOT_CONNECT_WRITABLE`` and ``COPILOT_CONNECT_WORKSPACE``.

    A connected database knows nothing of workspaces, so every caller of the server sees it, unless
    `connect_workspace` names the one workspace that does.
    """

    model_config = SettingsConfigDict(env_prefix="COPILOT_", env_file=".env", extra="ignore", env_ignore_empty=True)
    connect: str | None = None
    connect_writable: bool = False
    connect_workspace: str | None = None
