"""The reference deployment: the copilot's routes beside an application's own."""

import importlib.util
from pathlib import Path

import httpx2
import pytest

MAIN = Path(__file__).parents[1] / "app" / "main.py"


async def test_the_copilot_can_be_mounted_in_an_application_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPILOT_DATABASE_URL", f"sqlite:///{tmp_path / 'app.db'}")
    spec = importlib.util.spec_from_file_location("app_main", MAIN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    async with (
        module.app.router.lifespan_context(module.app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=module.app), base_url="http://test") as http,
    ):
        home = await http.get("/")
        refused = await http.post("/api/copilot/chat", json={"message": "hi", "conversationId": None})

    assert home.json() == {"product": "ours"}
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthenticated")
