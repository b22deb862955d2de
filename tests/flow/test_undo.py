"""`/v1/receipts`: what a call wrote is told, and taken back whole, once, and only while it is as the call left it."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from copilot_core import Action, Change, Changes, Injected, Receipt, Role, UndoConflict, action, hookimpl
from copilot_core.server import Deployment
from copilot_core.testing import call, opened, served

Json = dict[str, Any]


async def take_back(receipt: Receipt, session: Injected[AsyncSession]) -> None:
    """Put back what was there, if nobody changed it since."""
    for change in reversed(receipt.changes):
        found = await _value(change.subject, session)
        assert change.after is not None
        if found != change.after["value"]:
            raise UndoConflict(f"{change.label} has changed.", details={"changed": [change.subject], "found": found})
        await _put(change.subject, (change.before or {}).get("value"), session)


@action(writes=True, undo=take_back)
async def set_note(name: str, value: str, session: Injected[AsyncSession], changes: Injected[Changes]) -> str:
    """Set a note."""
    before = await _value(name, session)
    await _put(name, value, session)
    changes.add(Change(name, f"Note {name}", None if before is None else {"value": before}, {"value": value}))
    return value


@action(destructive=True, irreversible=True)
async def shred(session: Injected[AsyncSession]) -> Json:
    """Shred all notes."""
    await session.exec(text("DELETE FROM note"))  # type: ignore[call-overload]
    return {"success": True, "message": "Shredded."}


async def _value(name: str, session: AsyncSession) -> str | None:
    row = (await session.exec(text("SELECT value FROM note WHERE name = :name").bindparams(name=name))).first()  # type: ignore[call-overload]
    return None if row is None else str(row[0])


async def _put(name: str, value: str | None, session: AsyncSession) -> None:
    await session.exec(text("DELETE FROM note WHERE name = :name").bindparams(name=name))  # type: ignore[call-overload]
    if value is not None:
        put = text("INSERT INTO note VALUES (:name, :value)").bindparams(name=name, value=value)
        await session.exec(put)  # type: ignore[call-overload]


class Notes:
    """The plugin."""

    @hookimpl
    def copilot_actions(self) -> list[Action]:
        return [set_note, shred]


class Desk:
    """A served deployment and its users."""

    def __init__(self, ready: Deployment, url: str, stack: AsyncExitStack) -> None:
        self.ready, self.url, self.stack = ready, url, stack

    async def user(self, name: str = "dana", *, workspace: str = "acme", role: Role = Role.ADMIN) -> httpx2.AsyncClient:
        key = await self.ready.keys.create(workspace=workspace, user=name, role=role)
        client = httpx2.AsyncClient(base_url=self.url, timeout=30, headers={"Authorization": f"Bearer {key}"})
        return await self.stack.enter_async_context(client)

    async def notes(self) -> dict[str, str]:
        async with self.ready.database.session() as session:
            return {row[0]: row[1] for row in await session.exec(text("SELECT name, value FROM note"))}  # type: ignore[call-overload]

    async def put(self, name: str, value: str) -> None:
        async with self.ready.database.session(write=True) as session:
            await _put(name, value, session)


async def desk(stack: AsyncExitStack, script: list[Any], database_url: str | None = None) -> Desk:
    ready = await stack.enter_async_context(opened(Notes(), script=script, database_url=database_url))
    async with ready.database.session(write=True) as session:
        await session.exec(text("CREATE TABLE note (name VARCHAR, value VARCHAR)"))  # type: ignore[call-overload]
    return Desk(ready, await stack.enter_async_context(served(ready)), stack)


def set_to(name: str, value: str) -> Any:
    return call("setNote", name=name, value=value)


async def chat(http: httpx2.AsyncClient, message: str, run: str = "run_1") -> str:
    answer = await http.post("/api/copilot/chat", json={"message": message, "runId": run})
    assert answer.status_code == 200, answer.text
    return answer.text


async def receipts(http: httpx2.AsyncClient, **query: str) -> list[Json]:
    answer = await http.get("/v1/receipts", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["receipts"])


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_call_is_told_by_run_and_thread_and_undone_once(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        here = await desk(stack, [set_to("a", "note"), "Done."], database_url)
        dana = await here.user()
        await chat(dana, "Set a to note")
        (written,) = await receipts(dana, runId="run_1")
        (thread,) = (await dana.get("/v1/threads")).json()["threads"]
        assert await receipts(dana, threadId=thread["id"]) == await receipts(dana) == [written]
        change = {"subject": "a", "label": "Note a", "before": None, "after": {"value": "note"}}
        assert (written["changes"], written["reversible"], written["undoneAt"]) == ([change], True, None)

        tries = [dana.post(f"/v1/receipts/{written['id']}/undo") for _ in range(6)]
        answers = await asyncio.gather(*tries)
        assert sorted(a.status_code for a in answers) == [200] + [409] * 5
        assert {code(a) for a in answers if a.status_code != 200} == {(409, "undo_conflict")}
        assert await here.notes() == {}
        assert (await receipts(dana))[0]["undoneAt"]


async def test_a_run_is_undone_in_reverse_order_or_not_at_all(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        here = await desk(stack, [set_to("a", "one"), set_to("a", "two"), set_to("b", "x"), "Done."], database_url)
        dana = await here.user()
        await chat(dana, "Set a to one, then to two, and b to x")
        await here.put("a", "three")
        refused = await dana.post("/v1/runs/run_1/undo")
        assert code(refused) == (409, "undo_conflict")
        assert refused.json()["error"]["details"] == {"changed": ["a"], "found": "three"}
        assert await here.notes() == {"a": "three", "b": "x"}
        assert [one["undoneAt"] for one in await receipts(dana)] == [None] * 3

        await here.put("a", "two")
        undone = await dana.post("/v1/runs/run_1/undo")
        assert (undone.status_code, await here.notes()) == (200, {})
        assert all(one["undoneAt"] for one in undone.json()["receipts"])


async def test_what_cannot_be_undone_is_said_before_and_refused_after() -> None:
    async with AsyncExitStack() as stack:
        here = await desk(stack, [call("shred"), "Done."])
        dana = await here.user()
        assert "This cannot be undone." in await chat(dana, "Shred all")
        (plan,) = (await dana.get("/v1/approvals?status=pending")).json()["approvals"]
        answer = await dana.post(f"/v1/approvals/{plan['id']}", json={"decision": "approve"})
        await dana.get(answer.json()["events"])
        (written,) = await receipts(dana)
        assert (written["reversible"], written["approvalId"]) == (False, plan["id"])
        assert code(await dana.post(f"/v1/receipts/{written['id']}/undo")) == (409, "undo_conflict")


async def test_anothers_receipt_does_not_exist_and_a_viewer_undoes_nothing() -> None:
    async with AsyncExitStack() as stack:
        here = await desk(stack, [set_to("a", "note"), "Done."])
        dana = await here.user()
        await chat(dana, "Set a to note")
        (written,) = await receipts(dana)
        undo = f"/v1/receipts/{written['id']}/undo"
        for stranger in (await here.user("sam"), await here.user(workspace="globex")):
            assert await receipts(stranger) == []
            assert code(await stranger.post(undo)) == (404, "not_found")
            assert code(await stranger.post("/v1/runs/run_1/undo")) == (404, "not_found")
        viewer = await here.user(role=Role.VIEWER)
        assert code(await viewer.post(undo)) == (403, "forbidden")
        assert await here.notes() == {"a": "note"}


@pytest.mark.parametrize("undone", [False, True])
async def test_pages_are_told_of_receipts_live_and_when_they_connect(undone: bool) -> None:
    async with AsyncExitStack() as stack:
        here = await desk(stack, [set_to("a", "note"), "Done."])
        dana = await here.user()
        said = [{"id": "u1", "role": "user", "content": "Set a to note"}]
        body: Json = {"threadId": "thread_1", "runId": "run_1", "messages": said}
        body |= {"tools": [], "context": [], "forwardedProps": {}, "state": {}}
        live = (await dana.post("/v1/copilot", json=body)).text
        (written,) = await receipts(dana)
        assert live.count('"name": "receipt"') + live.count('"name":"receipt"') == 1
        assert written["id"] in live
        if undone:
            await dana.post(f"/v1/receipts/{written['id']}/undo")
        again = (await dana.post("/v1/copilot/agent/default/connect", json={**body, "messages": []})).text
        assert written["id"] in again
        assert ('"undone": true' in again or '"undone":true' in again) == undone
