"""`showTasks`: a list that a page may show as it likes."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from copilot_core import ActionError, Injected, Render, action
from copilot_navigation.settings import NavigationSettings
from copilot_records import Filter, Module, Modules, RecordClick, RecordStore, ShownRecords, list_records


@action(
    source="Records",
    examples=["show my tasks", "show the tasks of Lena"],
    render=Render("TaskList", props=ShownRecords, events={"onTaskClick": RecordClick}),
)
async def show_tasks(
    store: Injected[RecordStore],
    settings: Injected[NavigationSettings],
    filter: Annotated[list[Filter] | None, Field(description="Conditions all of which must hold")] = None,  # noqa: A002
    limit: Annotated[int, Field(description="Maximum number of tasks", ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """Show tasks in an interactive list."""
    module = task_module(await store.modules(), settings.task_modules)
    return await list_records(store, module, filter or [], limit)


def task_module(modules: Modules, names: Iterable[str]) -> Module:
    """The workspace's module that holds tasks."""
    for name in names:
        try:
            return modules.named(name)
        except ActionError:
            continue
    told = f"No module here holds tasks. There are: {', '.join(module.slug for module in modules) or 'none'}"
    raise ActionError(told, code="not_found", details={"allowed": [module.slug for module in modules]})
