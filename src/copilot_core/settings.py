"""Settings: environment variables with the prefix ``COPILOT_``, also from ``.env`` (docs/reference/settings.md)."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from copilot_core.budget import WHOLE, Budget

RULE_PLANNER = "rule-planner"
OPENAI_DEFAULT = "openai:gpt-4o-mini"
Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """One deployment. Every name is a contract; lists are comma-separated."""

    model_config = SettingsConfigDict(env_prefix="COPILOT_", env_file=".env", extra="ignore", populate_by_name=True)

    database_url: str = "sqlite:///./copilot.db"
    model: str | None = None
    models: Names = ()
    fallbacks: Names = ()
    host: str = "127.0.0.1"
    port: int = 8000
    jwt_secret: SecretStr | None = None
    jwt_jwks_url: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_workspace_claim: str = "workspace"
    jwt_role_claim: str = "role"
    cors_origins: Names = ()
    max_rounds: int = Field(10, ge=1, le=50)
    result_chars: int = Field(20_000, ge=2000)
    confirm_rows: int = Field(10, ge=1)
    confirm_untrusted: bool = True
    prompt_actions: int = Field(40, ge=4, le=128)
    plan: Literal["free", "starter", "growth", "enterprise"] = "enterprise"
    plan_models: Annotated[Mapping[str, tuple[str, ...]], NoDecode] = {}
    model_factors: Annotated[Mapping[str, float], NoDecode] = {}
    run_credits: int = Field(100, ge=1)
    run_seconds: float = Field(600.0, gt=0)
    run_tokens: int | None = Field(None, ge=1)
    client_actions: int = Field(64, ge=0)
    rate_key: str = "600/minute"
    rate_workspace: str = "6000/minute"
    history_tokens: int = Field(12_000, ge=500)
    context_tokens: int = Field(8_000, ge=500)
    context_text: int = Field(200, ge=20)
    context_fields: Annotated[Mapping[str, int], NoDecode] = {}
    disable_plugins: Names = ()
    skip_broken: bool = False
    trace_plugins: bool = False
    log_level: str = "INFO"
    log_format: Literal["text", "json"] = "text"
    retention_days: int | None = Field(None, ge=1)
    max_body_bytes: int = Field(1_000_000, ge=1)
    model_timeout: float = Field(60.0, gt=0)
    openai_api_key: SecretStr | None = Field(None, validation_alias=AliasChoices("OPENAI_API_KEY"))
    openai_base_url: str | None = Field(None, validation_alias=AliasChoices("OPENAI_BASE_URL"))

    @field_validator("models", "fallbacks", "cors_origins", "disable_plugins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("context_fields", mode="before")
    @classmethod
    def _per_field(cls, value: object) -> object:
        """``notes=500,body=omit,summary=whole``."""
        if not isinstance(value, str):
            return value
        words = {"omit": 0, "whole": WHOLE}
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        return {name.strip(): words.get(most.strip(), most.strip()) for name, _, most in parts}

    @field_validator("model_factors", mode="before")
    @classmethod
    def _per_model(cls, value: object) -> object:
        """``openai:gpt-4o=3,openai:o3=10``."""
        if not isinstance(value, str):
            return value
        return {name.strip(): times.strip() for name, _, times in (p.rpartition("=") for p in value.split(",") if p)}

    @field_validator("plan_models", mode="before")
    @classmethod
    def _per_plan(cls, value: object) -> object:
        """``free=rule-planner,starter=rule-planner|openai:gpt-4o-mini``."""
        if not isinstance(value, str):
            return value
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        return {plan.strip(): tuple(name.strip() for name in names.split("|")) for plan, _, names in parts}

    @property
    def budget(self) -> Budget:
        """How much context a prompt holds."""
        return Budget(self.context_tokens, self.context_text, self.context_fields)

    @property
    def default_model(self) -> str:
        """`model`, else OpenAI's small model where there is a key, else the built-in rule planner."""
        return self.model or (OPENAI_DEFAULT if self.openai_api_key else RULE_PLANNER)
