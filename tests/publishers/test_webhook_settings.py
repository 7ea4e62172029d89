"""A webhook in the settings file: what it becomes, and what is said of one that cannot work."""

from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import load_settings
from tests.config.giving import LEAST, WEBHOOK_SECRET, problems_of
from txtproof.adapters.publishers.webhook.publisher import WebhookOptions

TABLE = """
[[publishers]]
name = "platform"
kind = "webhook"
zones = ["example.test"]
"""


def given(directory: Path, *lines: str) -> dict[str, str]:
    """Return the variables of a worker with such a webhook."""
    (directory / "publishers.toml").write_text(TABLE + "\n".join(lines))
    return {
        **LEAST,
        "TXTPROOF_CONFIG_FILE": str(directory / "publishers.toml"),
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
        "SHORT": "whsec_aHVudGVyMg==",
    }


SECRET = 'secret = "env:WEBHOOK_SECRET"'
CALL = timedelta(seconds=10)


def test_a_webhook_is_told_where_and_signs_with_its_secret(tmp_path: Path) -> None:
    (table,) = load_settings(given(tmp_path, 'url = "https://dns.example.org/t"', SECRET)).publishers
    assert WEBHOOK_SECRET not in repr(table)
    options = table.options(CALL)
    assert isinstance(options, WebhookOptions)
    assert (options.url, options.allow_private, options.call_timeout) == ("https://dns.example.org/t", False, CALL)
    assert options.secret.get_secret_value() == WEBHOOK_SECRET
    for shown in (repr(options), repr(options.open())):
        assert WEBHOOK_SECRET not in shown
        assert "dns.example.org" not in shown


def test_http_is_for_who_allows_private_addresses(tmp_path: Path) -> None:
    url = 'url = "http://10.0.0.5/t"'
    (problem,) = problems_of(given(tmp_path, url, SECRET))
    assert "allow_private = true" in problem
    (table,) = load_settings(given(tmp_path, url, SECRET, "allow_private = true")).publishers
    assert table.options(CALL).name == "platform"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (['url = "https://u:hunter2@dns.example.org/"', SECRET], "no user or password"),
        (['url = "https://dns.example.org/"', 'secret = "whsec_aHVudGVyMi1odW50ZXIy"'], "write env:NAME or file:PATH"),
        (['url = "https://dns.example.org/"', 'secret = "env:SHORT"'], "has 7 bytes: 24 to 64"),
        (['url = "https://dns.example.org/"'], "secret"),
        ([SECRET], "url"),
    ],
)
def test_a_wrong_one_is_named_and_shows_no_secret(tmp_path: Path, lines: list[str], says: str) -> None:
    (problem,) = problems_of(given(tmp_path, *lines))
    assert says in problem
    assert "hunter2" not in problem
    assert "aHVudGVyMg" not in problem
