"""Bearers: API keys kept in our database, and JWTs that somebody else issued.

A bearer that is not valid is answered alike whatever is wrong with it.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import jwt
from sqlmodel import Session, select

from copilot_core.clock import Clock
from copilot_core.errors import Unauthenticated
from copilot_core.principal import Principal, Role
from copilot_core.settings import Settings
from copilot_core.store.audit import OPERATOR, audit
from copilot_core.store.database import Database
from copilot_core.store.tables import ApiKey

PREFIX = "ck_"
REFUSED = "A valid bearer token is required."
CACHE_SECONDS = 30.0
"""For how long a verified key is believed without asking the database: the delay of a revocation."""


def refused() -> Unauthenticated:
    """The one answer to every bearer that is not valid."""
    return Unauthenticated(REFUSED)


class ApiKeys:
    """Keys ``ck_<id>_<random>``: shown once, stored as a hash, scoped to a workspace, user and role."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._verified: dict[str, tuple[float, Principal]] = {}

    async def create(
        self,
        *,
        workspace: str,
        user: str,
        role: Role,
        name: str | None = None,
        expires_at: datetime | None = None,
        operator: bool = False,
        by: str = OPERATOR,
    ) -> str:
        """A new key; its text is returned here and never again.

        Args:
            name: how the user is called in texts.
            operator: it administers all workspaces, too.
            by: who makes it.
        """
        identifier, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        row = ApiKey(
            id=identifier,
            digest=_digest(secret),
            workspace=workspace,
            user=user,
            role=role.value,
            name=name,
            created_at=self._clock.now(),
            expires_at=expires_at,
            operator=operator,
        )

        def write(session: Session) -> None:
            session.add(row)
            detail = {"key": identifier, "user": user, "role": role.value, "operator": operator}
            audit(session, self._clock, workspace, by, "created a key", detail)

        await self._database.transact(write, write=True)
        return f"{PREFIX}{identifier}_{secret}"

    async def list(self, workspace: str | None = None) -> list[ApiKey]:
        """All keys, or those of one workspace, oldest first."""
        query = select(ApiKey).order_by(ApiKey.created_at)  # type: ignore[arg-type]
        if workspace is not None:
            query = query.where(ApiKey.workspace == workspace)
        return await self._database.transact(lambda session: list(session.exec(query)))

    async def revoke(self, identifier: str, *, workspace: str | None = None, by: str = OPERATOR) -> bool:
        """Whether there was such a key that was valid; servers forget it within `CACHE_SECONDS`.

        Args:
            workspace: only a key of this one.
        """

        def end(session: Session) -> bool:
            row = session.get(ApiKey, identifier)
            if row is None or row.revoked_at is not None or workspace not in (None, row.workspace):
                return False
            row.revoked_at = self._clock.now()
            audit(session, self._clock, row.workspace, by, "revoked a key", {"key": identifier, "user": row.user})
            return True

        return await self._changed(end)

    async def set_role(self, workspace: str, user: str, role: Role, *, by: str) -> bool:
        """Give a user's keys another role; whether they have any."""

        def change(session: Session) -> bool:
            rows = self._valid(session, workspace, user)
            for row in rows:
                row.role = role.value
            if rows:
                audit(session, self._clock, workspace, by, "set a role", {"user": user, "role": role.value})
            return bool(rows)

        return await self._changed(change)

    async def remove(self, workspace: str, user: str, *, by: str) -> bool:
        """Revoke a user's keys; whether they had any."""

        def end(session: Session) -> bool:
            rows = self._valid(session, workspace, user)
            for row in rows:
                row.revoked_at = self._clock.now()
            if rows:
                audit(session, self._clock, workspace, by, "removed a member", {"user": user})
            return bool(rows)

        return await self._changed(end)

    def is_valid(self, row: ApiKey) -> bool:
        """Whether the key still lets anybody in."""
        return row.revoked_at is None and (row.expires_at is None or row.expires_at > self._clock.now())

    def _valid(self, session: Session, workspace: str, user: str) -> Sequence[ApiKey]:
        theirs = select(ApiKey).where(ApiKey.workspace == workspace, ApiKey.user == user)
        return [row for row in session.exec(theirs) if self.is_valid(row)]

    async def _changed(self, change: Callable[[Session], bool]) -> bool:
        done = await self._database.transact(change, write=True)
        self._verified.clear()
        return done

    async def authenticate(self, bearer: str) -> Principal | None:
        """The principal of a key; `None` for what is no key at all."""
        if not bearer.startswith(PREFIX):
            return None
        cached = self._verified.get(bearer)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        principal = await self._verify(bearer)
        self._verified[bearer] = (time.monotonic() + CACHE_SECONDS, principal)
        return principal

    async def _verify(self, bearer: str) -> Principal:
        identifier, _, secret = bearer.removeprefix(PREFIX).partition("_")
        row = await self._database.transact(lambda session: session.get(ApiKey, identifier))
        stored = row.digest if row else _digest("")
        if not hmac.compare_digest(stored, _digest(secret)) or row is None or not secret:
            raise refused()
        if not self.is_valid(row):
            raise refused()
        return Principal(row.user, row.workspace, Role(row.role), row.name, row.operator)


def _digest(secret: str) -> str:
    """SHA-256 is enough for 256 random bits; slow hashes are for what people choose."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Jwts:
    """JWTs signed with a shared secret (HS256) or by an issuer with a JWKS URL."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jwks = jwt.PyJWKClient(settings.jwt_jwks_url) if settings.jwt_jwks_url else None

    async def authenticate(self, bearer: str) -> Principal | None:
        """The principal of a token; `None` where no JWT is configured."""
        if self._jwks is None and self._settings.jwt_secret is None:
            return None
        try:
            return self._principal(await self._claims(bearer))
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise refused() from error

    async def _claims(self, bearer: str) -> dict[str, Any]:
        if self._jwks is not None:
            key: Any = (await asyncio.to_thread(self._jwks.get_signing_key_from_jwt, bearer)).key
            algorithms = ["RS256", "ES256", "PS256", "EdDSA"]
        else:
            assert self._settings.jwt_secret is not None
            key, algorithms = self._settings.jwt_secret.get_secret_value(), ["HS256"]
        audience = self._settings.jwt_audience
        return jwt.decode(
            bearer,
            key,
            algorithms=algorithms,
            audience=audience,
            issuer=self._settings.jwt_issuer,
            leeway=30,
            options={"require": ["exp", "sub"], "verify_aud": audience is not None},
        )

    def _principal(self, claims: dict[str, Any]) -> Principal:
        name = claims.get("name")
        return Principal(
            id=str(claims["sub"]),
            workspace=str(claims[self._settings.jwt_workspace_claim]),
            role=Role(claims[self._settings.jwt_role_claim]),
            name=name if isinstance(name, str) else None,
        )
