"""The table of a publisher at Cloudflare in the settings file."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.settings import Settings, load_settings
from tests.config.giving import LEAST, problems_of
from txtproof.adapters.publishers.cloudflare.publisher import BASE_URL, CloudflareOptions

TOKEN = "cloudflare-token-hunter2"
TABLE = """
[[publishers]]
name = "cloudflare"
kind = "cloudflare"
zones = ["example.test"]
api_token = "env:CLOUDFLARE_API_TOKEN"
"""


def environ(tmp_path: Path, table: str, token: str = TOKEN) -> dict[str, str]:
    (tmp_path / "settings.toml").write_text(table)
    return {**LEAST, "TXTPROOF_CONFIG_FILE": str(tmp_path / "settings.toml"), "CLOUDFLARE_API_TOKEN": token}


def options(settings: Settings) -> CloudflareOptions:
    (publisher,) = settings.publishers
    made = publisher.options(timedelta(seconds=7))
    assert isinstance(made, CloudflareOptions)
    return made


def test_zones_and_a_token_are_enough(tmp_path: Path) -> None:
    settings = load_settings(environ(tmp_path, TABLE))
    assert options(settings) == CloudflareOptions(
        name="cloudflare",
        zones=("example.test",),
        api_token=SecretStr(TOKEN),
        zone_id=None,
        base_url=BASE_URL,
        call_timeout=timedelta(seconds=7),
    )
    assert settings.publishers[0].calls_per_second == 1.5
    assert TOKEN not in repr(settings)
    assert TOKEN not in repr(options(settings))


def test_what_else_can_be_said_is_heeded(tmp_path: Path) -> None:
    more = f'zone_id = "{"0" * 31}e"\nbase_url = "http://127.0.0.1:8080/client/v4/"\n'
    made = options(load_settings(environ(tmp_path, TABLE + more)))
    assert (made.zone_id, made.base_url) == ("0" * 31 + "e", "http://127.0.0.1:8080/client/v4")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"env:CLOUDFLARE_API_TOKEN"', f'"{TOKEN}"', "api_token"),
        ('"env:CLOUDFLARE_API_TOKEN"', '"env:NOTHING"', "api_token"),
        ('api_token = "env:CLOUDFLARE_API_TOKEN"', "", "api_token"),
        ('["example.test"]', '["example.test", "b.test"]\nzone_id = "0123456789abcdef0123456789abcdef"', "zone_id"),
        ('["example.test"]', '["example.test"]\nzone_id = "example.test"', "zone_id"),
        ('["example.test"]', '["example.test"]\nbase_url = "http://api.example.com"', "base_url"),
        ('["example.test"]', '["."]', "zones"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    problems = problems_of(environ(tmp_path, TABLE.replace(old, new)))
    assert any(named in problem for problem in problems), problems
    assert not any(TOKEN in problem for problem in problems)


def test_a_token_that_cannot_stand_in_a_header_is_named_and_not_shown(tmp_path: Path) -> None:
    (problem,) = problems_of(environ(tmp_path, TABLE, f"{TOKEN} {TOKEN}"))
    assert "api_token" in problem
    assert TOKEN not in problem
