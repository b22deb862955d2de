"""The copilot inside an application of your own: ``uvicorn app.main:app``.

`copilot-core serve` is the same without these lines. What is yours here: other routes, another
prefix, a middleware, an authenticator that knows your sessions.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from copilot_core.fastapi import add_error_handlers, authenticate, router
from copilot_core.server import deployment, freeze_heap
from copilot_core.settings import Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the copilot with the application and mount its routes."""
    settings = Settings()
    async with deployment(settings) as opened:
        principal = authenticate(opened.registry.authenticators)
        app.include_router(router(opened.copilot, principal, max_body_bytes=settings.max_body_bytes))
        freeze_heap()
        yield


app = FastAPI(title="Our product", lifespan=lifespan)
add_error_handlers(app)


@app.get("/")
async def home() -> dict[str, str]:
    """A route of the application itself."""
    return {"product": "ours"}
