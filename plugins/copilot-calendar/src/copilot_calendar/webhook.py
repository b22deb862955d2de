"""Signed webhooks, in the form of https://www.standardwebhooks.com: receivers have libraries for it."""

import base64
import binascii
import hashlib
import hmac
import logging
from datetime import datetime

import httpx2
from pydantic import SecretStr

from copilot_core import SetupError

log = logging.getLogger("copilot_calendar")
PATIENCE = 10.0
"""Seconds for the receiver to answer."""


class Webhook:
    """Where reminders are sent to."""

    def __init__(self, url: str, secret: SecretStr) -> None:
        self._url = url
        self._key = key_of(secret.get_secret_value())
        self._http = httpx2.AsyncClient(timeout=PATIENCE, follow_redirects=False)

    async def send(self, message_id: str, body: str, now: datetime) -> bool:
        """Whether the receiver took it: any answer of 2xx.

        Args:
            message_id: the same for every try, so that a receiver knows what it has already.
        """
        headers = {"content-type": "application/json", **signature(self._key, message_id, int(now.timestamp()), body)}
        try:
            answer = await self._http.post(self._url, content=body.encode(), headers=headers)
        except httpx2.HTTPError as error:
            log.warning("reminder %s could not be sent to the webhook: %s", message_id, type(error).__name__)
            return False
        if not answer.is_success:
            log.warning("the webhook answered reminder %s with %s", message_id, answer.status_code)
        return answer.is_success

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()


def key_of(secret: str) -> bytes:
    """The bytes of a secret: those that ``whsec_...`` encodes, or the text itself."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise SetupError("COPILOT_REMINDER_WEBHOOK_SECRET begins with whsec_, and base64 must follow") from error


def signature(key: bytes, message_id: str, timestamp: int, body: str) -> dict[str, str]:
    """The headers that say who sends it: HMAC-SHA256 over id, time and body."""
    signed = hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
