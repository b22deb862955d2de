"""Navigation for copilot-core: modules and listed routes of the host application, and its tasks as a list."""

from collections.abc import Awaitable, Callable, Iterable

from copilot_core import Action, Readable, Services, hookimpl
from copilot_navigation.going import go_to_module, navigate_to
from copilot_navigation.settings import NavigationSettings
from copilot_navigation.tasks import show_tasks


@hookimpl
def copilot_actions() -> Iterable[Action]:
    """All three only read."""
    return [go_to_module, navigate_to, show_tasks]


@hookimpl
def copilot_services(services: Services) -> None:
    """What the deployment says of its routes, checked at the start."""
    settings = NavigationSettings()
    settings.listed()
    services.value(NavigationSettings, settings)


@hookimpl
def copilot_readables() -> Iterable[Callable[..., Awaitable[Iterable[Readable]]]]:
    """The routes of the settings; those of a page are told by the page."""
    return [_told_routes]


async def _told_routes(settings: NavigationSettings) -> Iterable[Readable]:
    routes = [{"path": route.path, "name": route.name} for route in settings.listed()]
    return [Readable("Routes of this application", {"routes": routes})] if routes else []
