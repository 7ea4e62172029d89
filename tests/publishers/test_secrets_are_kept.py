"""The check that no test of a publisher tells a secret (conftest.py) is checked itself: it must be able to fail."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TEST = """
import logging
from pydantic import SecretStr

def test_it():
    secret = SecretStr("hunter2-hunter2")
    text = secret.get_secret_value()
    logging.getLogger("somebody").debug("of %d characters: %s", len(text), {said})
"""


@pytest.mark.parametrize(("said", "outcome"), [("text", {"passed": 1, "errors": 1}), ("secret", {"passed": 1})])
def test_a_secret_in_a_log_is_found(pytester: pytest.Pytester, said: str, outcome: dict[str, int]) -> None:
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makepyfile(TEST.replace("{said}", said))
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(**outcome)
