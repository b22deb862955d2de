"""The engine: everything bound into the graph when it is built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from copilot_core.actions import Action
from copilot_core.asking import Generator
from copilot_core.budget import Budget
from copilot_core.capabilities import Capabilities
from copilot_core.chat_models import ChatModels
from copilot_core.choosing import Catalogue, terms_said
from copilot_core.clock import Clock
from copilot_core.generate import Generate
from copilot_core.plugins import Registry
from copilot_core.policies import Deny, ProposedCall, decide
from copilot_core.principal import Principal
from copilot_core.prompts import gathered
from copilot_core.receipts import Changes
from copilot_core.run import Readable, Readables
from copilot_core.schema import Json
from copilot_core.services import Scope
from copilot_core.settings import RULE_PLANNER
from copilot_core.store.approvals import Approvals
from copilot_core.store.credits import Credits
from copilot_core.store.ledger import Ledger
from copilot_core.store.receipts import Receipts
from copilot_core.store.results import Results
from copilot_core.toolcall import Call, Emit, SharedState


@dataclass(frozen=True)
class Engine:
    """What the nodes work with. One per server; holds nothing of any run.

    Args:
        budget: how much context a prompt holds.
        history_tokens: how much of a thread a prompt holds before its beginning is summed up.
        prompt_actions: how many actions a language model is offered at once (`COPILOT_PROMPT_ACTIONS`).
        run_tokens: after how many tokens a run makes its final answer (`COPILOT_RUN_TOKENS`).
        limits: what one run may take, told to whoever asks what may be done here.
    """

    registry: Registry
    models: ChatModels
    clock: Clock
    ledger: Ledger
    approvals: Approvals
    receipts: Receipts
    results: Results
    credits: Credits
    budget: Budget = field(default_factory=Budget)
    history_tokens: int = 12_000
    prompt_actions: int = 40
    run_tokens: int | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Json] = field(init=False)
    catalogue: Catalogue = field(init=False)

    def __post_init__(self) -> None:
        actions = self.registry.actions
        object.__setattr__(self, "tools", {name: action.tool for name, action in actions.items()})
        object.__setattr__(self, "catalogue", Catalogue(actions, self.prompt_actions))

    def action(self, name: str) -> Action | None:
        """The action of that name, if there is one."""
        return self.registry.actions.get(name)

    async def model_for(self, principal: Principal, wanted: str | None) -> str:
        """The full name of the model that the principal's request gets; raises `ModelNotAllowed` (S81, S82)."""
        return self.models.name(wanted, (await self.credits.allowance(principal)).models)

    async def permitted(self, principal: Principal) -> list[Action]:
        """The actions that this principal may call with some arguments (checklist S45, S99, S100)."""
        found = []
        for action in self.registry.actions.values():
            decision = await decide(self.registry.policies, ProposedCall(action, {}, principal))
            if not (isinstance(decision, Deny) and decision.forbidden):
                found.append(action)
        return found

    def scope(
        self,
        principal: Principal,
        call: Call,
        emit: Emit,
        readables: Readables = (),
        shared: SharedState | None = None,
        changes: Changes | None = None,
        model: str | None = None,
    ) -> Scope:
        """The services of one call; `model` is the name of the model that the request asks for.

        Raises:
            ModelNotAllowed: it is none of those allowed.
        """
        name = self.models.name(model)
        given: dict[object, object] = {
            Principal: principal,
            Clock: self.clock,
            Call: call,
            Emit: emit,
            Readables: readables,
            Changes: changes or Changes(),
            SharedState: shared or SharedState({}, _unheard),
        }
        scope = self.registry.services.open(given)
        chosen = None if name == RULE_PLANNER else partial(self.models.get, name)
        scope.give(Generate, Generator(chosen, _nothing if call.writes else scope.release))
        scope.give(Capabilities, _Capabilities(self, principal, readables))
        return scope

    async def readables(self, principal: Principal) -> list[Readable]:
        """What the plugins' sources say of this caller's data."""
        found: list[Readable] = []
        for source in self.registry.readables:
            async with self.scope(principal, Call(), Emit(_nowhere)) as scope:
                found.extend(await scope.call(source))
        return found


@dataclass(frozen=True)
class _Capabilities:
    """`Capabilities` of one call."""

    engine: Engine
    principal: Principal
    told: Readables

    @property
    def limits(self) -> Mapping[str, Any]:
        return self.engine.limits

    async def actions(self, about: str = "") -> Sequence[Action]:
        permitted = await self.engine.permitted(self.principal)
        known = await self.engine.readables(self.principal) if about else ()
        return self.engine.catalogue.ranked(terms_said([about], known), permitted)

    async def readables(self) -> Sequence[Readable]:
        known = await self.engine.readables(self.principal)
        return gathered(self.principal, self.engine.clock.now(), known, self.told)


def _nowhere(_name: str, _value: object) -> None:
    """A readable source has no screen to tell."""


async def _nothing() -> None:
    """A call that writes keeps its transaction."""


def _unheard(_patch: object) -> None:
    """Outside a run no page shares any state."""
