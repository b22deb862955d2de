"""AI content for copilot-core: summaries, field suggestions and e-mail drafts. Nothing here writes anything."""

from collections.abc import Iterable

from copilot_content.mails import draft_email
from copilot_content.suggesting import suggest_field_value
from copilot_content.summaries import summarize
from copilot_core import Action, hookimpl


@hookimpl
def copilot_actions() -> Iterable[Action]:
    """The three actions, which are also routes of the server."""
    return [draft_email, summarize, suggest_field_value]
