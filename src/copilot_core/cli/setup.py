"""What several commands begin with: settings from the command line over the environment, and logging."""

import argparse
import json
import logging
import sys

from pydantic import ValidationError

from copilot_core.errors import SetupError
from copilot_core.settings import Settings


def settings(parsed: argparse.Namespace) -> Settings:
    """The settings, with the options of this command that were given in front.

    Raises:
        SetupError: a variable has a value that it cannot have; names it.
    """
    given = {name: value for name, value in vars(parsed).items() if name in Settings.model_fields}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None and value is not False})
    except ValidationError as error:
        problem = error.errors()[0]
        raise SetupError(f"COPILOT_{str(problem['loc'][0]).upper()}: {problem['msg']}") from error


def configure_logging(chosen: Settings) -> None:
    """Log lines to standard error, as text or one JSON object a line (`COPILOT_LOG_FORMAT`)."""
    handler = logging.StreamHandler(sys.stderr)
    as_text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(_JsonLines() if chosen.log_format == "json" else as_text)
    logging.basicConfig(level=chosen.log_level.upper(), handlers=[handler], force=True)
    for noisy in ("httpx2", "httpx", "openai", "alembic", "aiosqlite"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"time": self.formatTime(record), "level": record.levelname, "logger": record.name}
        line["message"] = record.getMessage()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
