"""What the file may say of a publisher that goes through dns-lexicon."""

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.publishers.lexicon import Lexicon
from config.settings import load_settings
from tests.config.giving import LEAST, problems_of
from txtproof.adapters.publishers.lexicon.options import MISSING, LexiconOptions, check_provider
from txtproof.adapters.publishers.lexicon.rules import REFUSED, RULES, fits, rule_of
from txtproof.ports import Capability

SECRET = "hunter2-of-the-vendor"
TIME = timedelta(seconds=10)


def given(place: Path, provider: str, settings: str = '{ auth_token = "env:TOKEN" }') -> dict[str, str]:
    file = place / "publishers.toml"
    file.write_text(
        '[[publishers]]\nname = "theirs"\nkind = "lexicon"\nzones = ["example.test"]\n'
        f"provider = {json.dumps(provider)}\nsettings = {settings}\n"
    )
    return LEAST | {"TXTPROOF_CONFIG_FILE": str(file), "TOKEN": SECRET}


def test_a_provider_is_read_with_its_secrets_and_shows_none(tmp_path: Path) -> None:
    settings = load_settings(given(tmp_path, "digitalocean"))
    (publisher,) = settings.publishers
    assert isinstance(publisher, Lexicon)
    assert publisher.settings == {"auth_token": SecretStr(SECRET)}
    options = publisher.options(TIME)
    for shown in (settings, publisher, options, options.open()):
        assert SECRET not in f"{shown!r} {shown}"


OPTIONS = {
    "powerdns": '{ pdns_server = "https://dns.test:8081", auth_token = "env:TOKEN" }',
    "gandi": '{ api_protocol = "rest", auth_token = "env:TOKEN" }',
    "ovh": '{ auth_entrypoint = "ovh-eu", auth_application_key = "env:TOKEN", '
    'auth_application_secret = "env:TOKEN", auth_consumer_key = "env:TOKEN" }',
}


@pytest.mark.parametrize("provider", sorted(RULES.keys() - {"googleclouddns"}))
def test_every_provider_on_the_list_is_taken(tmp_path: Path, provider: str) -> None:
    (publisher,) = load_settings(
        given(tmp_path, provider, OPTIONS.get(provider, '{ auth_token = "env:TOKEN" }'))
    ).publishers
    opened = publisher.options(TIME).open()
    assert opened.capabilities == {RULES[provider].capability}


def test_those_that_write_single_values_need_no_lock_and_all_others_do() -> None:
    alone = {provider for provider, rule in RULES.items() if rule.capability is Capability.PER_VALUE}
    assert alone == {"cloudflare", "digitalocean", "hetzner", "ovh", "linode", "vultr"}


@pytest.mark.parametrize("provider", ["namecheap", "duckdns", "ddns", "route53"])
def test_a_provider_that_would_break_the_promise_is_refused_with_the_reason(tmp_path: Path, provider: str) -> None:
    said = f"publisher theirs: provider: {provider} is not taken: {REFUSED[provider]}"
    assert problems_of(given(tmp_path, provider)) == (said,)
    with pytest.raises(ValueError, match="is not taken"):
        rule_of(provider)


@pytest.mark.parametrize("provider", ["porkbun", "", "../powerdns", "digitalocean\n", "powerdns.x"])
def test_a_provider_that_is_not_on_the_list_is_not_even_imported(tmp_path: Path, provider: str) -> None:
    before = set(sys.modules)
    (said,) = problems_of(given(tmp_path, provider))
    assert said.startswith(f"publisher theirs: provider: {provider!r} is not on the list: write one of cloudflare, ")
    assert not [one for one in set(sys.modules) - before if one.startswith("lexicon")]


@pytest.mark.parametrize(
    ("provider", "settings", "said"),
    [
        (
            "digitalocean",
            f'{{ auth_token = "{SECRET}" }}',
            "settings: auth_token: write env:NAME or file:PATH, not the secret itself",
        ),
        (
            "digitalocean",
            '{ auth_token = "env:GONE" }',
            "settings: auth_token: the variable 'GONE' is not set: set it to the secret",
        ),
        ("powerdns", '{ auth_token = "env:TOKEN" }', "pdns_server in the settings: write https://HOST:8081"),
        (
            "powerdns",
            '{ pdns_server = "/tmp/pdns", auth_token = "env:TOKEN" }',
            "pdns_server in the settings: write https://HOST:8081",
        ),
        (
            "powerdns",
            '{ pdns_server = "https://dns.test:8081" }',
            "powerdns cannot be made from these settings (PowerDNSProviderError): see its options",
        ),
        ("gandi", '{ auth_token = "env:TOKEN" }', 'api_protocol in the settings: write "rest"'),
        (
            "ovh",
            '{ auth_entrypoint = "ovh-eu" }',
            "ovh cannot be made from these settings (Exception): see its options",
        ),
        (
            "googleclouddns",
            '{ auth_service_account_info = "env:TOKEN" }',
            "googleclouddns cannot be made from these settings (Exception): see its options",
        ),
        (
            "digitalocean",
            '"all"',
            'settings: should be a valid dictionary: write { auth_token = "env:NAME or file:PATH" }',
        ),
    ],
)
def test_what_is_wrong_with_the_options_is_told(tmp_path: Path, provider: str, settings: str, said: str) -> None:
    assert problems_of(given(tmp_path, provider, settings)) == (f"publisher theirs: {said}",)


def test_options_come_from_the_file_and_not_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEXICON_POWERDNS_AUTH_TOKEN", SECRET)
    (said,) = problems_of(given(tmp_path, "powerdns", '{ pdns_server = "https://dns.test:8081" }'))
    assert "cannot be made" in said


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lexicon", None)
    assert problems_of(given(tmp_path, "digitalocean")) == (f"publisher theirs: provider: {MISSING}",)
    assert "txtproof[lexicon]" in MISSING
    with pytest.raises(ValueError, match="the extra `lexicon`"):
        LexiconOptions("theirs", ("example.test",), "digitalocean", {}).open()


def test_a_release_of_lexicon_without_the_provider_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lexicon._private.providers.vultr", None)
    with pytest.raises(ValueError, match="this release of dns-lexicon has no vultr that can be used"):
        check_provider("vultr")


@pytest.mark.parametrize("value", [b"code", b"v=1; k=x", b"a" * 255, b"~!#$%&'()*+,-./:;<=>?@[]^_`{|}"])
def test_a_value_that_no_provider_alters_fits(value: bytes) -> None:
    assert fits(value)


@pytest.mark.parametrize(
    "value", [b"", b" a", b"a ", b"a  b", b'a"b', b"a\\b", b"a\tb", b"a\n", "ü".encode(), b"\x00", b"a" * 256]
)
def test_a_value_that_some_provider_alters_does_not_fit(value: bytes) -> None:
    assert not fits(value)
