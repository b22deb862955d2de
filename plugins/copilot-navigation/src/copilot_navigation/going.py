"""`goToModule` and `navigateTo`: a link, and an event that tells the page to follow it."""

from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from copilot_core import ActionError, Emit, Injected, Readables, action
from copilot_navigation.routes import follows, place_of, told_routes
from copilot_navigation.settings import NavigationSettings
from copilot_records import RecordStore

Json = dict[str, Any]
EVENT = "navigate"
SHOWN = 100


@action(source="", examples=["go to deals", "open the contacts page", "open the companies list"])
async def go_to_module(
    module: Annotated[str, Field(description="Module slug, such as tasks")],
    store: Injected[RecordStore],
    emit: Injected[Emit],
    readables: Injected[Readables],
) -> Json:
    """Navigate to a module's list view. The result says whether the page followed."""
    chosen = (await store.modules()).named(module)
    return _going(emit, readables, chosen.name, {"link": f"/modules/{quote(chosen.slug)}", "module": chosen.slug})


@action(source="", examples=["take me to the dashboard", "open the settings page"])
async def navigate_to(
    route: Annotated[str, Field(description="Path or name of a listed route, such as /deals/42 or dashboard")],
    emit: Injected[Emit],
    readables: Injected[Readables],
    settings: Injected[NavigationSettings],
) -> Json:
    """Navigate to a route that the application has listed. The result says whether the page followed."""
    routes = [*told_routes(readables), *settings.listed()]
    place = place_of(route, routes)
    if place is None:
        allowed = list(dict.fromkeys(route.path for route in routes))
        which = f"Allowed are: {', '.join(allowed)}" if allowed else "This page has listed none."
        told = f"There is no route '{route[:SHOWN]}' here. {which}"
        raise ActionError(told, code="route_not_allowed", details={"route": told, "allowed": allowed})
    where = {"link": place.link, "route": place.route.path, "parameters": dict(place.parameters)}
    return _going(emit, readables, place.name, where)


def _going(emit: Emit, readables: Readables, name: str, where: Json) -> Json:
    """Tells the page where to go. Whether it does so is known by what it said of itself: nobody waits for it."""
    emit(EVENT, where)
    handled = follows(readables)
    message = f"The page opens {name}." if handled else f"Not opened, this page does not navigate. Link: {name}"
    return {"success": True, "handled": handled, "link": where["link"], "message": message}
