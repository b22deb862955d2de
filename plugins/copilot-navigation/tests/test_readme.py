"""What the README shows is what counts."""

import json
import re
from pathlib import Path

from copilot_core import Readable
from copilot_navigation.routes import follows, told_routes
from copilot_navigation.settings import NavigationSettings

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_readable_of_the_readme_says_what_it_says() -> None:
    [sample] = re.findall(r"^```json\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    told = [Readable("Anything", json.loads(sample))]

    assert follows(told)
    assert [(route.path, route.name) for route in told_routes(told)] == [
        ("/", "Dashboard"),
        ("/reports", "reports"),
        ("/deals/{id}", "A deal"),
    ]


def test_every_setting_is_in_the_readme() -> None:
    assert [name for name in NavigationSettings.model_fields if f"`COPILOT_{name.upper()}`" not in README] == []
    [routes] = re.findall(r"`(Dashboard=.*?)`", README)
    listed = NavigationSettings(_env_file=None, navigation_routes=routes).listed()
    assert [route.path for route in listed] == ["/", "/reports", "/deals/{id}"]
