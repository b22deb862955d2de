"""Model name -> chat model. Names are `rule-planner` and `openai:<name>`."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Self

from langchain_core.language_models import BaseChatModel

from copilot_core.errors import ModelNotAllowed, SetupError
from copilot_core.settings import RULE_PLANNER, Settings

if TYPE_CHECKING:
    import httpx2


class ChatModels:
    """The models a request may choose from; each is made on first use and kept.

    Args:
        default: the name used when a request names none.
        fallbacks: full names of models that answer, in this order, while the one asked for does not.
        allowed: further names; a request may leave out the ``openai:`` in front.
        settings: key, URL and time limit of the OpenAI-compatible server.
        made: ready models by name, in place of making them: how an application brings its own.
    """

    def __init__(
        self,
        default: str,
        allowed: Sequence[str] = (),
        *,
        fallbacks: Sequence[str] = (),
        settings: Settings | None = None,
        made: dict[str, BaseChatModel] | None = None,
    ) -> None:
        self.default = default
        self.allowed = tuple(dict.fromkeys([default, *allowed]))
        self._settings = settings or Settings()
        self._made = dict(made or {})
        self._http: httpx2.AsyncClient | None = None
        self._fallbacks = tuple(fallbacks)
        for name in (*self.allowed, *self._fallbacks):
            if name not in self._made and name != RULE_PLANNER and not name.startswith("openai:"):
                raise SetupError(f"COPILOT_MODEL '{name}' is unknown; use rule-planner or openai:<name>")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those that the settings name."""
        return cls(settings.default_model, settings.models, fallbacks=settings.fallbacks, settings=settings)

    def name(self, wanted: str | None, among: Collection[str] = ()) -> str:
        """The full name of what a request asks for; raises `ModelNotAllowed`.

        Args:
            among: only these of those allowed, as a plan has them; all where it is empty.
        """
        allowed = [name for name in self.allowed if not among or name in among]
        if wanted is None and allowed:
            return allowed[0]
        for name in (wanted, f"openai:{wanted}"):
            if name in allowed:
                return name
        told = f"The model '{(wanted or self.default)[:100]}' is not allowed here."
        raise ModelNotAllowed(told, details={"allowed": allowed})

    def chain(self, first: str) -> Sequence[str]:
        """The model of that full name, and those that stand in for it, in their order, when it is not there."""
        return list(dict.fromkeys([first, *self._fallbacks]))

    def get(self, wanted: str | None) -> BaseChatModel:
        """The model of that name, or the default one; those that stand in for others can be had, too."""
        name = wanted if wanted in self._fallbacks else self.name(wanted)
        assert name is not None
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> BaseChatModel:
        if name == RULE_PLANNER:
            from copilot_core.planner import RulePlanner

            return RulePlanner()
        from copilot_core.models.relay import http_client, openai_model

        if self._http is None:
            self._http = http_client()
        key = self._settings.openai_api_key
        return openai_model(
            name.removeprefix("openai:"),
            api_key=key.get_secret_value() if key else "none",
            base_url=self._settings.openai_base_url,
            http_client=self._http,
            timeout=self._settings.model_timeout,
        )

    async def close(self) -> None:
        """Close the connections to model servers."""
        if self._http is not None:
            await self._http.aclose()
