"""What ships in the box, registered like any plugin."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core.actions import Action
from copilot_core.context import PageContext, page_context
from copilot_core.events import Event, RunFailed, RunFinished
from copilot_core.hookspecs import Listener, hookimpl
from copilot_core.kept_results import read_result
from copilot_core.notifications import Notifications
from copilot_core.policies import ConfirmPolicy, Policy, ProvenancePolicy, RolePolicy, WorkspacePolicy
from copilot_core.principal import Authenticator, Principal
from copilot_core.protocols import Protocol
from copilot_core.protocols.ai_sdk import AI_SDK
from copilot_core.protocols.chat import CHAT
from copilot_core.run import Readables
from copilot_core.services import Services
from copilot_core.store.database import Database
from copilot_core.store.notifications import StoredNotifications
from copilot_core.store.results import Results
from copilot_core.store.workspaces import Workspaces
from copilot_core.toolcall import Call

log = logging.getLogger("copilot_core.runs")


class Defaults:
    """The built-in services, policies, wires and authenticators of one deployment.

    Args:
        database: given to actions as ``Injected[Database]``, and as ``Injected[AsyncSession]``: one
            transaction per call, committed when the action returns and rolled back when it raises.
        workspaces: the rules that the admins of each have set.
        results: those that were too large for the model.
        confirm_rows: writes to more rows than this at once need a person (`COPILOT_CONFIRM_ROWS`).
        confirm_untrusted: so do writes that may come from text in the data (`COPILOT_CONFIRM_UNTRUSTED`).
        authenticators: how bearers are verified, asked in order.
    """

    def __init__(
        self,
        database: Database,
        workspaces: Workspaces,
        results: Results,
        *,
        confirm_rows: int,
        confirm_untrusted: bool,
        authenticators: Iterable[Authenticator],
    ) -> None:
        self._database = database
        self._workspaces = workspaces
        self._results = results
        self._confirm_rows = confirm_rows
        self._confirm_untrusted = confirm_untrusted
        self._authenticators = tuple(authenticators)

    @hookimpl
    def copilot_services(self, services: Services) -> None:
        """The database, a transaction per call, what users are told, and what the user has open."""
        services.value(Database, self._database)
        services.value(Results, self._results)
        services.value(Notifications, StoredNotifications(self._database))
        services.factory(AsyncSession, _transaction)
        services.factory(PageContext, _page)

    @hookimpl
    def copilot_actions(self) -> Iterable[Action]:
        """The reader of results that were too large for the model."""
        return [read_result]

    @hookimpl
    def copilot_policies(self) -> Iterable[Policy]:
        """Roles, the workspace's rules, and a person's yes for what is large, destroys, or may not be wished for."""
        doubted = [ProvenancePolicy()] if self._confirm_untrusted else []
        own = WorkspacePolicy(self._workspaces.rules)
        return [RolePolicy(), own, *doubted, ConfirmPolicy(self._confirm_rows)]

    @hookimpl
    def copilot_protocols(self) -> Iterable[Protocol]:
        """The six-event chat, and the Vercel AI SDK's stream; AG-UI is mounted with its runtime."""
        return [CHAT, AI_SDK]

    @hookimpl
    def copilot_authenticators(self) -> Iterable[Authenticator]:
        """API keys and JWTs."""
        return self._authenticators

    @hookimpl
    def copilot_listeners(self) -> Iterable[Listener]:
        """One log line for each run that ends."""
        return [Listener(wants=(RunFinished, RunFailed), hear=_log_end)]


@asynccontextmanager
async def _transaction(database: Database, call: Call) -> AsyncIterator[AsyncSession]:
    async with database.session(write=call.writes) as session:
        yield session


@asynccontextmanager
async def _page(readables: Readables) -> AsyncIterator[PageContext]:
    yield page_context(readables)


def _log_end(event: Event, principal: Principal) -> None:
    match event:
        case RunFailed():
            log.warning("run %s of %s/%s failed: %s", event.run_id, principal.workspace, principal.id, event.code)
        case RunFinished():
            log.info("run %s of %s/%s finished", event.run_id, principal.workspace, principal.id)
