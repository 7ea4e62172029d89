"""What the tests of publishers share: none of them may tell a secret, in whatever it logs and prints."""

from collections.abc import Generator

import pytest
from pydantic import SecretStr

# a crowd says what it lost
pytest.register_assert_rewrite("tests.publishers.crowd")

SHORTEST = 6
"""Characters of a secret that is looked for: in shorter ones chance would find itself."""
_used: set[str] = set()


@pytest.fixture(autouse=True)
def _secrets_are_looked_for(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Keep every secret that is taken out of its wrapping; let everything be logged, at every level."""
    _used.clear()
    unwrapped = SecretStr.get_secret_value

    def kept(self: SecretStr) -> str:
        _used.add(unwrapped(self))
        return unwrapped(self)

    monkeypatch.setattr(SecretStr, "get_secret_value", kept)
    caplog.set_level("DEBUG")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that went well but for a secret in its logs or its output."""
    report = yield
    if call.when == "teardown" and report.passed:
        secrets = [one for one in _used if len(one) >= SHORTEST]
        leaked = [
            f"{name} ({when})" for when, name, text in item._report_sections if any(one in text for one in secrets)
        ]
        if leaked:
            report.outcome = "failed"
            report.longrepr = f"a secret of this test stands in: {', '.join(leaked)}"
    return report
