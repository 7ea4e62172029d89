"""The settings of a PowerDNS: what becomes of them, and what is refused in which words."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.settings import load_settings
from tests.config.giving import LEAST, problems_of
from txtproof.adapters.publishers.powerdns.publisher import PowerDnsOptions
from worker.bootstrap import options

API_KEY = "api-key-hunter2"
PUBLISHER = """
[[publishers]]
name = "hosting"
kind = "powerdns"
zones = ["Example.TEST."]
url = "https://pdns.example.com:8081/"
api_key = "env:POWERDNS_API_KEY"
"""


def given(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "txtproof.toml"
    file.write_text(text)
    return LEAST | {"TXTPROOF_CONFIG_FILE": str(file), "POWERDNS_API_KEY": API_KEY, "BLANK": "two words"}


def test_the_settings_become_options(tmp_path: Path) -> None:
    settings = load_settings(given(tmp_path, PUBLISHER))
    (made,) = options(settings).publishers
    assert made == PowerDnsOptions(
        "hosting", ("example.test",), "https://pdns.example.com:8081", SecretStr(API_KEY), "localhost", timedelta(0, 10)
    )
    assert API_KEY not in repr((settings, made))


@pytest.mark.parametrize(
    ("changed", "into", "said"),
    [
        ("https:", "http:", "url: http shows the credentials to the network: write https://pdns.example.com:8081/"),
        (
            "https://",
            "https://user:hunter2@",
            "url: the URL must hold no user or password: write https://HOST, the credentials have settings",
        ),
        ("env:POWERDNS_API_KEY", API_KEY, "api_key: write env:NAME or file:PATH, not the secret itself"),
        (
            "env:POWERDNS_API_KEY",
            "env:BLANK",
            "api_key: the API key must be printable ASCII without blanks: write it as api-key in pdns.conf has it",
        ),
        ("url", 'server_id = "a/b"\nurl', "server_id: should match pattern '^[A-Za-z0-9._-]+$': write localhost"),
        ("api_key", "api-key", "api-key is not a setting: did you mean api_key?"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_write(tmp_path: Path, changed: str, into: str, said: str) -> None:
    told = problems_of(given(tmp_path, PUBLISHER.replace(changed, into, 1)))
    assert f"publisher hosting: {said}" in told
    assert API_KEY not in " ".join(told)
