"""Administration without SQL: keys, members and limits for admins, workspaces and plans for operators, all audited."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import pytest

from copilot_core import Role
from copilot_core.server import application
from copilot_core.testing import opened

Json = dict[str, Any]
As = Callable[..., Any]


class Desk:
    """Whoever asks the server, each with a key."""

    def __init__(self, http: httpx2.AsyncClient, keys: Any) -> None:
        self.http = http
        self.keys = keys
        self.known: dict[str, str] = {}

    async def hire(self, user: str, role: Role, workspace: str = "acme", *, operator: bool = False) -> None:
        self.known[user] = await self.keys.create(workspace=workspace, user=user, role=role, operator=operator)

    async def ask(self, user: str, method: str, path: str, body: Json | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.known[user]}"}
        answer = await self.http.request(method, path, json=body, headers=headers)
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def desk(database_url: str) -> Callable[[], AbstractAsyncContextManager[Desk]]:
    @asynccontextmanager
    async def open_desk() -> AsyncIterator[Desk]:
        async with opened(database_url=database_url) as ready:
            web = httpx2.ASGITransport(app=application(ready))
            async with httpx2.AsyncClient(transport=web, base_url="http://desk") as http:
                here = Desk(http, ready.keys)
                await here.hire("ada", Role.ADMIN)
                await here.hire("root", Role.ADMIN, "back-office", operator=True)
                yield here

    return open_desk


Open = Callable[[], AbstractAsyncContextManager[Desk]]


async def test_an_admin_makes_and_revokes_keys_of_their_workspace_alone(desk: Open) -> None:
    async with desk() as here:
        status, made = await here.ask("ada", "POST", "/v1/workspace/keys", {"user": "bob", "role": "member"})
        assert (status, made["workspace"], made["role"], made["expiresAt"]) == (201, "acme", "member", None)
        here.known["bob"] = made["key"]
        assert (await here.ask("bob", "GET", "/v1/me"))[1]["userId"] == "bob"
        await here.hire("eve", Role.ADMIN, "other")

        assert (await here.ask("bob", "GET", "/v1/workspace/keys"))[0] == 403
        assert [key["user"] for key in (await here.ask("ada", "GET", "/v1/workspace/keys"))[1]["keys"]] == [
            "ada",
            "bob",
        ]
        assert "digest" not in str(await here.ask("ada", "GET", "/v1/workspace/keys"))
        assert (await here.ask("eve", "DELETE", f"/v1/workspace/keys/{made['id']}"))[0] == 404
        assert (await here.ask("ada", "DELETE", f"/v1/workspace/keys/{made['id']}"))[0] == 204
        assert (await here.ask("ada", "DELETE", f"/v1/workspace/keys/{made['id']}"))[0] == 404
        assert (await here.ask("bob", "GET", "/v1/me"))[0] == 401


async def test_members_get_roles_and_leave(desk: Open) -> None:
    async with desk() as here:
        await here.hire("bob", Role.MEMBER)
        listed = (await here.ask("ada", "GET", "/v1/workspace/members"))[1]
        assert listed == {
            "members": [
                {"user": "ada", "name": None, "keys": 1, "role": "admin"},
                {"user": "bob", "name": None, "keys": 1, "role": "member"},
            ]
        }
        changed = await here.ask("ada", "PATCH", "/v1/workspace/members/bob", {"role": "viewer"})
        assert changed == (200, {"user": "bob", "role": "viewer"})
        assert (await here.ask("bob", "GET", "/v1/me"))[1]["role"] == "viewer"
        assert (await here.ask("ada", "PATCH", "/v1/workspace/members/ada", {"role": "viewer"}))[0] == 403
        assert (await here.ask("ada", "PATCH", "/v1/workspace/members/nobody", {"role": "viewer"}))[0] == 404
        assert (await here.ask("ada", "DELETE", "/v1/workspace/members/bob"))[0] == 204
        assert (await here.ask("bob", "GET", "/v1/me"))[0] == 401


async def test_every_change_is_audited(desk: Open) -> None:
    async with desk() as here:
        await here.ask("ada", "POST", "/v1/workspace/keys", {"user": "bob", "role": "member"})
        await here.ask("ada", "PUT", "/v1/workspace/limits", {"roles": {"member": 5}})
        await here.ask("ada", "PUT", "/v1/workspace/policies", {"confirmRows": 3})
        await here.ask("root", "PUT", "/v1/admin/workspaces/acme/plan", {"plan": "free"})
        status, told = await here.ask("ada", "GET", "/v1/workspace/audit")
        assert status == 200
        assert [(change["by"], change["did"]) for change in told["changes"]] == [
            ("root", "set the plan"),
            ("ada", "set the policies"),
            ("ada", "set the limits"),
            ("ada", "created a key"),
            ("operator", "created a key"),
        ]
        assert told["changes"][0]["detail"] == {"plan": "free", "included": 100, "billingMode": "hard_limit"}
        assert (await here.ask("root", "GET", "/v1/admin/workspaces/acme/audit"))[1] == told


async def test_an_operator_sells_workspaces(desk: Open) -> None:
    async with desk() as here:
        path = "/v1/admin/workspaces"
        status, made = await here.ask("root", "POST", path, {"workspace": "globex", "admin": "gus", "plan": "starter"})
        here.known["gus"] = made["key"]["key"]
        assert (status, made["plan"], made["included"], made["current"]) == (201, "starter", 500, 0)
        assert (await here.ask("gus", "GET", "/v1/me"))[1]["role"] == "admin"
        again = await here.ask("root", "POST", path, {"workspace": "globex", "admin": "gus", "plan": "starter"})
        assert (again[0], again[1]["error"]["details"]) == (422, {"field": "workspace"})

        terms = {"prices": {}, "models": ["scripted"], "runCredits": 9}
        status, agreed = await here.ask("root", "PUT", f"{path}/globex/terms", terms)
        assert (status, agreed["models"], agreed["runCredits"]) == (200, ["scripted"], 9)
        wrong = await here.ask("root", "PUT", f"{path}/globex/terms", {"prices": {"no such": 1}})
        assert (wrong[0], wrong[1]["error"]["details"]) == (422, {"field": "prices.no such"})
        assert (await here.ask("root", "PUT", f"{path}/nowhere/plan", {"plan": "free"}))[0] == 404
        named = [one["workspace"] for one in (await here.ask("root", "GET", path))[1]["workspaces"]]
        assert named == ["acme", "back-office", "globex"]
        assert (await here.ask("root", "GET", f"{path}/globex/usage"))[1] == {"usage": []}
        assert len((await here.ask("root", "GET", "/v1/admin/plans"))[1]["plans"]) == 4


@pytest.mark.parametrize("role", list(Role))
async def test_no_role_of_a_workspace_is_an_operator(desk: Open, role: Role) -> None:
    async with desk() as here:
        await here.hire("someone", role)
        for method, path in (
            ("GET", "/v1/admin/plans"),
            ("GET", "/v1/admin/workspaces"),
            ("GET", "/v1/admin/workspaces/acme"),
            ("POST", "/v1/admin/workspaces"),
            ("PUT", "/v1/admin/workspaces/acme/plan"),
            ("PUT", "/v1/admin/workspaces/acme/terms"),
            ("GET", "/v1/admin/workspaces/acme/usage"),
            ("GET", "/v1/admin/workspaces/acme/audit"),
            ("POST", "/v1/admin/workspaces/acme/keys"),
        ):
            assert (await here.ask("someone", method, path, {"plan": "enterprise"}))[0] == 403


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/workspace/keys", {"user": "", "role": "member"}, "user"),
        ("/v1/workspace/keys", {"user": "a\x00b", "role": "member"}, "user"),
        ("/v1/workspace/keys", {"user": "bob", "role": "owner"}, "role"),
        ("/v1/workspace/keys", {"user": "bob", "role": "member", "operator": True}, "operator"),
        ("/v1/workspace/keys", {"user": "bob", "role": "member", "days": 0}, "days"),
        ("/v1/workspace/limits", {"roles": {"boss": 1}}, "roles.boss.[key]"),
        ("/v1/workspace/limits", {"users": {"bob": -1}}, "users.bob"),
    ],
)
async def test_a_wrong_body_names_its_field_and_changes_nothing(desk: Open, path: str, body: Json, field: str) -> None:
    async with desk() as here:
        method = "PUT" if path.endswith("limits") else "POST"
        status, told = await here.ask("ada", method, path, body)
        assert (status, told["error"]["code"], told["error"]["details"]) == (422, "validation_error", {"field": field})
        assert len((await here.ask("ada", "GET", "/v1/workspace/audit"))[1]["changes"]) == 1
