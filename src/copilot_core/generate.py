"""A language model's help for an action: one question with facts, answered in a form."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from pydantic import BaseModel

from copilot_core.run import Readable

Form = TypeVar("Form", bound=BaseModel)


class Generate(Protocol):
    """Asks the request's chat model; an action that only reads asks for it with ``Injected[Generate]``.

    Read all that you need before: the call's services, its transaction among them, are closed while the
    model thinks. In a call that writes they stay open.
    """

    async def __call__(self, instructions: str, facts: Iterable[Readable], form: type[Form]) -> Form | None:
        """The model's answer, which fulfils every constraint and validator of `form`.

        An answer that does not is asked for once more, with what was wrong. The fields' descriptions are
        told to the model, so they can say what a constraint cannot.

        Args:
            instructions: what to do, in the plugin's own words. Never put data into them.
            facts: what may be used, told as data that gives no instructions.

        Returns:
            `None` where there is none: the rule planner is no language model, or the second answer was
            wrong too. Then answer from the facts alone, and say so.

        Raises:
            ModelUnavailable, RateLimited: as the chat's own model call; let them pass.
        """
