"""Bearers become principals, or one and the same refusal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from copilot_core.clock import FixedClock
from copilot_core.errors import Unauthenticated
from copilot_core.identity import ApiKeys, Jwts
from copilot_core.principal import Principal, Role
from copilot_core.settings import Settings
from copilot_core.store.database import Database

SECRET = "a-secret-of-at-least-thirty-two-bytes"
NOW = datetime(2026, 2, 10, 9, 0, tzinfo=UTC)


async def test_a_key_is_its_users_principal(database: Database) -> None:
    keys = ApiKeys(database, FixedClock(NOW))

    key = await keys.create(workspace="acme", user="dana", role=Role.MEMBER)

    assert await keys.authenticate(key) == Principal("dana", "acme", Role.MEMBER)


async def test_only_a_hash_of_a_key_is_stored(database: Database) -> None:
    keys = ApiKeys(database, FixedClock(NOW))
    key = await keys.create(workspace="acme", user="dana", role=Role.MEMBER)

    [row] = await keys.list("acme")

    assert key.startswith(f"ck_{row.id}_")
    assert key.split("_", 2)[2] not in str(row.model_dump())


@pytest.mark.parametrize("change", ["", "x", "swap"])
async def test_a_changed_or_unknown_key_is_refused_like_any_other(database: Database, change: str) -> None:
    keys = ApiKeys(database, FixedClock(NOW))
    key = await keys.create(workspace="acme", user="dana", role=Role.MEMBER)
    other = await keys.create(workspace="acme", user="sam", role=Role.ADMIN)
    wrong = {"": "ck_", "x": key + "x", "swap": f"{key[:20]}{other[20:]}"}[change]

    with pytest.raises(Unauthenticated, match=r"^A valid bearer token is required.$"):
        await keys.authenticate(wrong)


async def test_a_revoked_key_is_refused(database: Database) -> None:
    keys = ApiKeys(database, FixedClock(NOW))
    key = await keys.create(workspace="acme", user="dana", role=Role.MEMBER)
    await keys.authenticate(key)

    assert await keys.revoke(key.split("_")[1])

    with pytest.raises(Unauthenticated):
        await keys.authenticate(key)
    assert not await keys.revoke("unknown")


async def test_a_key_ends_at_its_time(database: Database) -> None:
    clock = FixedClock(NOW)
    keys = ApiKeys(database, clock)
    key = await keys.create(workspace="acme", user="dana", role=Role.VIEWER, expires_at=NOW + timedelta(days=1))
    clock.instant = NOW + timedelta(days=1)

    with pytest.raises(Unauthenticated):
        await keys.authenticate(key)


async def test_what_is_no_key_is_left_to_others(database: Database) -> None:
    assert await ApiKeys(database, FixedClock(NOW)).authenticate("eyJ...") is None


def settings(**chosen: Any) -> Settings:
    return Settings(_env_file=None, jwt_secret=SECRET, **chosen)


def token(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    now = datetime.now(UTC)
    whole = {"sub": "dana", "workspace": "acme", "role": "member", "exp": now + timedelta(minutes=5), **claims}
    return jwt.encode({k: v for k, v in whole.items() if v is not None}, secret, algorithm)


async def test_a_jwt_is_its_subjects_principal() -> None:
    authenticate = Jwts(settings(jwt_audience="copilot", jwt_issuer="https://id.example")).authenticate

    given = token(aud="copilot", iss="https://id.example", name="Dana Reyes")

    assert await authenticate(given) == Principal("dana", "acme", Role.MEMBER, "Dana Reyes")


async def test_the_names_of_the_claims_can_be_chosen() -> None:
    authenticate = Jwts(settings(jwt_workspace_claim="org", jwt_role_claim="grade")).authenticate

    assert await authenticate(token(org="globex", grade="viewer", role="admin")) == Principal(
        "dana", "globex", Role.VIEWER
    )


@pytest.mark.parametrize(
    "wrong",
    [
        token("another-secret-of-thirty-two-bytes-length", aud="copilot"),
        token(aud="copilot", exp=datetime.now(UTC) - timedelta(hours=1)),
        token(aud="copilot", exp=None),
        token(aud="copilot", sub=None),
        token(aud="copilot", role="owner"),
        token(aud="copilot", workspace=None),
        token(aud="other"),
        jwt.encode({"sub": "dana", "workspace": "acme", "role": "admin", "aud": "copilot"}, None, "none"),
        "not a token",
    ],
)
async def test_every_jwt_that_is_not_valid_is_refused_alike(wrong: str) -> None:
    with pytest.raises(Unauthenticated, match=r"^A valid bearer token is required.$"):
        await Jwts(settings(jwt_audience="copilot")).authenticate(wrong)


async def test_without_a_secret_no_jwt_is_ours() -> None:
    assert await Jwts(Settings(_env_file=None)).authenticate(token()) is None
