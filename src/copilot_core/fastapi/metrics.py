"""`GET /metrics`, and how long responses take."""

from collections.abc import Awaitable
from time import perf_counter

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from copilot_core.metrics import Metrics

NO_ROUTE = "none"


def add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """For a scraper, without a bearer: numbers of the whole process, and of nobody."""

    @app.get("/metrics", tags=["health"])
    async def scraped(request: Request) -> Response:
        body, content_type = metrics.told(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    app.add_middleware(Timed, metrics=metrics)


class Timed:
    """Observes when a response starts: a stream may go on for minutes.

    Written here because of the token path: what there is for this puts a coroutine around each write.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._seconds = metrics.responses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, whatever it is."""
        began = perf_counter()

        def watched(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", NO_ROUTE)
                seconds = self._seconds.labels(route, message["status"])
                seconds.observe(perf_counter() - began)
            return send(message)

        await self._app(scope, receive, watched)
