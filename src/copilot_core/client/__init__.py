"""A client that holds on: an answer that breaks off is read on where it was, and nothing is asked twice.

    async with CopilotClient("http://127.0.0.1:8000", key) as copilot:
        async for event in copilot.ask("Which invoices are open?"):
            ...

It names each run itself, so that it can ask again where it cannot know whether it was heard, and follows
the run's domain events (docs/reference/events.md) over as many connections as that takes.
"""

from copilot_core.client.answer import final_text
from copilot_core.client.copilot import CopilotClient, Thread, Wishes
from copilot_core.client.errors import ClientError

__all__ = ["ClientError", "CopilotClient", "Thread", "Wishes", "final_text"]
