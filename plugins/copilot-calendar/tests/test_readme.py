"""The sample in the README checks what is really sent."""

import re
from pathlib import Path

from copilot_calendar.settings import CalendarSettings
from copilot_calendar.webhook import key_of, signature

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_sample_takes_what_is_signed_with_the_secret_and_nothing_else() -> None:
    [sample] = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(sample, "README.md", "exec"), names)
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)

    for secret in ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLTVYa1s2", "a text of 24 characters!"):
        headers = signature(key_of(secret), "rmd_1", 1000, '{"title":"Größe"}')
        body = '{"title":"Größe"}'.encode()
        assert is_genuine(headers, body, secret, 1010.0)
        assert not is_genuine(headers, body, secret, 1301.0)
        assert not is_genuine(headers, body + b" ", secret, 1010.0)
        assert not is_genuine({**headers, "webhook-id": "rmd_2"}, body, secret, 1010.0)
        assert not is_genuine({**headers, "webhook-timestamp": "1001"}, body, secret, 1010.0)
        assert not is_genuine(headers, body, "another text of 24 chars", 1010.0)


def test_every_setting_is_in_the_readme() -> None:
    assert [name for name in CalendarSettings.model_fields if f"`COPILOT_{name.upper()}`" not in README] == []
