"""What a deployment connects: the webhook of reminders, and a calendar. Also read from ``.env``."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from copilot_core import SetupError

SHORTEST_SECRET = 24


class CalendarSettings(BaseSettings):
    """``COPILOT_REMINDER_WEBHOOK_*`` and ``COPILOT_CALDAV_*``.

    A calendar belongs to somebody, so `caldav_workspace` must name the one workspace that sees it, and
    `caldav_owner` may name the one user there.
    """

    model_config = SettingsConfigDict(env_prefix="COPILOT_", env_file=".env", extra="ignore", env_ignore_empty=True)
    reminder_webhook_url: str | None = None
    reminder_webhook_secret: SecretStr | None = None
    caldav_url: str | None = None
    caldav_user: str = ""
    caldav_password: SecretStr = SecretStr("")
    caldav_calendar: str | None = None
    caldav_workspace: str | None = None
    caldav_owner: str | None = None

    def check(self) -> None:
        """Raise `SetupError` for what is set only in part."""
        if self.reminder_webhook_url is not None:
            _check_url("COPILOT_REMINDER_WEBHOOK_URL", self.reminder_webhook_url)
            secret = self.reminder_webhook_secret
            if secret is None or len(secret.get_secret_value()) < SHORTEST_SECRET:
                raise SetupError(f"COPILOT_REMINDER_WEBHOOK_SECRET must have {SHORTEST_SECRET} characters or more")
        if self.caldav_url is not None:
            _check_url("COPILOT_CALDAV_URL", self.caldav_url)
            if self.caldav_workspace is None:
                raise SetupError("COPILOT_CALDAV_WORKSPACE must name the workspace that may see the calendar")


def _check_url(name: str, url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise SetupError(f"{name} is an http:// or https:// address")
    if "@" in url.split("/")[2]:
        raise SetupError(f"{name} holds a user name; it may be logged, so give it in a setting of its own")
