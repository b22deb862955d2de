"""What a workspace has used: the seed's six fields, and every credit by what caused it."""

import csv
import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response

from copilot_core.copilot import Copilot
from copilot_core.errors import Forbidden
from copilot_core.principal import Principal, Role

By = Literal["action", "day", "model", "user"]


def add_usage(routes: APIRouter, copilot: Copilot, caller: Any) -> None:
    """`GET /api/v1/module-config/usage/ai` and `GET /v1/usage`."""
    credits = copilot.engine.credits

    @routes.get("/api/v1/module-config/usage/ai", tags=["usage"])
    async def period(principal: Annotated[Principal, caller]) -> dict[str, Any]:
        if principal.role is Role.VIEWER:
            raise Forbidden("The usage of a workspace is not for viewers.")
        found = await credits.usage(principal.workspace)
        return {
            "current": found.current,
            "included": found.included,
            "overage": found.overage,
            "percentOfIncluded": found.percent,
            "billingMode": found.billing_mode,
            "periodEnd": found.period_end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    @routes.get("/v1/usage", tags=["usage"], response_model=None)
    async def usage(
        principal: Annotated[Principal, caller],
        by: By = "action",
        format: Literal["json", "csv"] = "json",  # noqa: A002
    ) -> dict[str, Any] | Response:
        owner = None if principal.role is Role.ADMIN else principal.id
        rows = [{by: row[0], "credits": row[1], "operations": row[2]} for row in await credits.by(by, principal, owner)]
        if format == "json":
            return {"usage": rows}
        text = io.StringIO()
        table = csv.DictWriter(text, [by, "credits", "operations"])
        table.writeheader()
        table.writerows(rows)
        return Response(text.getvalue(), media_type="text/csv")
