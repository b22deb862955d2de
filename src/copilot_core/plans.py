"""What a workspace has paid for, and what an operation costs (the seed's credit system; checklist S71-S80)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from copilot_core.actions import Action

BillingMode = Literal["soft_limit", "hard_limit"]
ANSWER = 1
"""Credits of an answer for which no operation was charged: the seed's simple query."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it is sold.

    Args:
        included: credits of a period, which is a month.
        overage_rate: dollars for each credit beyond them; `None` where there is no going beyond.
    """

    included: int
    overage_rate: Decimal | None

    @property
    def billing_mode(self) -> BillingMode:
        """What happens at the limit, unless a workspace has it otherwise: runs go on, or are refused."""
        return "hard_limit" if self.overage_rate is None else "soft_limit"


PLANS: Mapping[str, Plan] = {
    "free": Plan(100, None),
    "starter": Plan(500, Decimal("0.01")),
    "growth": Plan(2_000, Decimal("0.008")),
    "enterprise": Plan(100_000, Decimal(0)),
}


@dataclass(frozen=True, slots=True)
class Prices:
    """What operations cost.

    Args:
        factors: model -> by what the credits of a run with it are multiplied (checklist S80); rounded up.
        own: action -> credits, in place of what the action declares.
    """

    factors: Mapping[str, float] = field(default_factory=dict)
    own: Mapping[str, int] = field(default_factory=dict)

    def of(self, action: Action, arguments: Mapping[str, Any], model: str) -> int:
        """Credits of a call with these arguments, if it succeeds."""
        declared = action.credits(arguments) if callable(action.credits) else action.credits
        return self.times(self.own.get(action.name, declared), model)

    def times(self, credits: int, model: str) -> int:
        """Credits with the factor of the model."""
        return math.ceil(credits * self.factors.get(model, 1.0))


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a user of a workspace may spend, and on what.

    Args:
        most: credits that one run may cost.
        limit: credits that the user may use in a month; `None` leaves it to the workspace's plan.
        models: full names of those allowed; empty for all that the server has.
    """

    prices: Prices
    most: int
    limit: int | None = None
    models: Sequence[str] = ()
