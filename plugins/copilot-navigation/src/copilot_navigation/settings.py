"""What a deployment says of its host application. Also read from ``.env``."""

from pydantic_settings import BaseSettings, SettingsConfigDict

from copilot_core import SetupError
from copilot_navigation.routes import Route


class NavigationSettings(BaseSettings):
    """``COPILOT_NAVIGATION_ROUTES``: routes, ``path`` or ``name=path`` each, with commas between them.

    ``COPILOT_NAVIGATION_TASKS``: names of modules that hold tasks; a workspace's is the first that it has.
    """

    model_config = SettingsConfigDict(env_prefix="COPILOT_", env_file=".env", extra="ignore", env_ignore_empty=True)
    navigation_routes: str = ""
    navigation_tasks: str = "tasks, todos"

    def listed(self) -> tuple[Route, ...]:
        """The routes; raises `SetupError` for one that is no path within the application."""
        return tuple(_route(entry) for entry in _entries(self.navigation_routes))

    @property
    def task_modules(self) -> tuple[str, ...]:
        """The names to look for."""
        return _entries(self.navigation_tasks)


def _entries(told: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in told.split(",") if entry.strip())


def _route(entry: str) -> Route:
    name, _, path = entry.rpartition("=")
    try:
        return Route.of(path.strip(), name.strip())
    except ValueError as error:
        raise SetupError(f"COPILOT_NAVIGATION_ROUTES: {error}") from None
