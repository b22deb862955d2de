"""What a workspace has used: the seed's six fields, and every credit by what caused it; and what a run would cost."""

import csv
import io
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from copilot_core.copilot import Copilot
from copilot_core.errors import Forbidden
from copilot_core.plans import ANSWER, PLANS
from copilot_core.principal import Principal, Role
from copilot_core.store.credits import Spent
from copilot_core.store.subscriptions import Usage

By = Literal["action", "day", "model", "run", "user"]
Day = Annotated[date | None, Query()]


def add_usage(routes: APIRouter, copilot: Copilot, caller: Any) -> None:
    """`GET /api/v1/module-config/usage/ai`, `GET /v1/usage` and `GET /v1/quote`."""
    engine = copilot.engine
    credits = engine.credits

    @routes.get("/api/v1/module-config/usage/ai", tags=["usage"])
    async def period(principal: Annotated[Principal, caller]) -> dict[str, Any]:
        if principal.role is Role.VIEWER:
            raise Forbidden("The usage of a workspace is not for viewers.")
        return (await credits.usage(principal.workspace)).told

    @routes.get("/v1/usage", tags=["usage"], response_model=None)
    async def usage(
        principal: Annotated[Principal, caller],
        by: By = "action",
        since: Day = None,
        until: Day = None,
        format: Literal["json", "csv"] = "json",  # noqa: A002
    ) -> dict[str, Any] | Response:
        is_admin = principal.role is Role.ADMIN
        owner = None if is_admin else principal.id
        rows = await credits.by(by, principal.workspace, owner=owner, since=_day(since), until=_day(until))
        if format == "csv":
            return Response(as_csv(by, rows), media_type="text/csv")
        told: dict[str, Any] = {"usage": as_rows(by, rows)}
        return told | {"period": as_period(await credits.usage(principal.workspace))} if is_admin else told

    @routes.get("/v1/quote", tags=["usage"])
    async def quote(request: Request, principal: Annotated[Principal, caller]) -> dict[str, Any]:
        model = await engine.model_for(principal, request.headers.get("x-copilot-model"))
        allowance = await credits.allowance(principal)
        left = await credits.left(principal, allowance)
        return {
            "model": model,
            "least": allowance.prices.times(ANSWER, model),
            "most": allowance.most if left is None else min(left, allowance.most),
            "left": left,
            "actions": {
                action.name: None
                if callable(action.credits) and action.name not in allowance.prices.own
                else allowance.prices.of(action, {}, model)
                for action in await engine.permitted(principal)
            },
        }


def as_rows(by: str, rows: list[Spent]) -> list[dict[str, Any]]:
    """Each cause under the name of its kind."""
    return [
        {
            by: row.cause,
            "credits": row.credits,
            "operations": row.operations,
            "inputTokens": row.input_tokens,
            "outputTokens": row.output_tokens,
        }
        for row in rows
    ]


def as_csv(by: str, rows: list[Spent]) -> str:
    """A table; what a spreadsheet would take for a formula is told as text."""
    text = io.StringIO()
    table = csv.DictWriter(text, [by, "credits", "operations", "inputTokens", "outputTokens"])
    table.writeheader()
    for row in as_rows(by, rows):
        table.writerow(row | {by: f"'{row[by]}"} if row[by][:1] in "=+-@\t\r" and row[by] else row)
    return text.getvalue()


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def as_period(usage: Usage) -> dict[str, Any]:
    """The month with its plan, and in dollars what is beyond it."""
    rate = PLANS[usage.plan].overage_rate
    cost = None if rate is None else float(usage.overage * rate)
    start = usage.period_start.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"plan": usage.plan, **usage.told, "periodStart": start, "overageCost": cost}
