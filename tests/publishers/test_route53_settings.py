"""What a [[publishers]] of the kind route53 may say."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import load_settings
from tests.config.giving import LEAST, problems_of
from txtproof.adapters.publishers.route53.options import Route53Options

LEAST_PUBLISHER = '[[publishers]]\nname = "aws"\nkind = "route53"\nzones = ["example.test"]\n'
KEYS = 'access_key_id = "env:KEY_ID"\nsecret_access_key = "env:KEY"\n'
SECRETS = {"KEY_ID": "AKIAHUNTER2", "KEY": "hunter2-hunter2"}
LEAST_TIMEOUT = timedelta(seconds=7)


def given(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "txtproof.toml").write_text(text)
    return LEAST | SECRETS | {"TXTPROOF_CONFIG_FILE": str(tmp_path / "txtproof.toml")}


def options(tmp_path: Path, text: str) -> Route53Options:
    (publisher,) = load_settings(given(tmp_path, text)).publishers
    found = publisher.options(LEAST_TIMEOUT)
    assert isinstance(found, Route53Options)
    return found


def test_the_least_leaves_the_credentials_to_boto3(tmp_path: Path) -> None:
    found = options(tmp_path, LEAST_PUBLISHER)
    assert (found.name, found.zones, found.call_timeout) == ("aws", ("example.test",), LEAST_TIMEOUT)
    assert (found.access_key_id, found.secret_access_key, found.hosted_zone_id, found.endpoint_url) == (None,) * 4


def test_all_of_it_arrives_and_no_secret_is_shown(tmp_path: Path) -> None:
    more = 'hosted_zone_id = "Z0123456789ABC"\nendpoint_url = "http://127.0.0.1:4566/"\n'
    found = options(tmp_path, LEAST_PUBLISHER + KEYS + more)
    assert found.access_key_id is not None
    assert found.secret_access_key is not None
    assert found.access_key_id.get_secret_value() == SECRETS["KEY_ID"]
    assert found.secret_access_key.get_secret_value() == SECRETS["KEY"]
    assert (found.hosted_zone_id, found.endpoint_url) == ("Z0123456789ABC", "http://127.0.0.1:4566")
    shown = repr(found) + repr(load_settings(given(tmp_path, LEAST_PUBLISHER + KEYS + more)))
    assert not [secret for secret in SECRETS.values() if secret in shown]


def test_an_account_is_called_five_times_a_second_unless_said_otherwise(tmp_path: Path) -> None:
    (publisher,) = load_settings(given(tmp_path, LEAST_PUBLISHER)).publishers
    assert publisher.calls_per_second == 5


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            'access_key_id = "env:KEY_ID"',
            "publisher aws: access_key_id and secret_access_key belong together: write both, or neither",
        ),
        (
            'secret_access_key = "env:KEY"',
            "publisher aws: access_key_id and secret_access_key belong together: write both, or neither",
        ),
        (
            'access_key_id = "AKIAHUNTER2"',
            "publisher aws: access_key_id: write env:NAME or file:PATH, not the secret itself",
        ),
        (
            'secret_access_key = "hunter2-hunter2"',
            "publisher aws: secret_access_key: write env:NAME or file:PATH, not the secret itself",
        ),
        (
            'hosted_zone_id = "/hostedzone/Z1"',
            "publisher aws: hosted_zone_id: should match pattern '^[A-Z0-9]{1,32}$': write Z0123456789ABC",
        ),
        (
            'endpoint_url = "http://192.0.2.1"',
            "publisher aws: endpoint_url: http shows the credentials to the network: write https://192.0.2.1",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_to_write(tmp_path: Path, more: str, said: str) -> None:
    problems = problems_of(given(tmp_path, LEAST_PUBLISHER + more))
    assert said in problems
    assert not [secret for secret in SECRETS.values() if secret in "".join(problems)]


def test_one_hosted_zone_is_not_that_of_two_zones(tmp_path: Path) -> None:
    text = LEAST_PUBLISHER.replace('"example.test"', '"example.test", "other.test"') + 'hosted_zone_id = "Z1"'
    (problem,) = problems_of(given(tmp_path, text))
    assert problem.startswith("publisher aws: hosted_zone_id: is that of one zone, but there are several: give each")


def test_without_boto3_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert problems_of(given(tmp_path, LEAST_PUBLISHER)) == (
        "publisher aws: kind: route53 needs boto3, which is not installed: pip install 'txtproof[route53]'",
    )
