from datetime import timedelta
from pathlib import Path

import pytest

from config.publishers.rfc2136 import Rfc2136
from config.settings import Settings, known_settings, load_settings
from tests.config.giving import APPLICATION_SECRET, BEARER_SECRET, LEAST, NO_CREDENTIAL, PUBLISHER, TSIG_SECRET
from txtproof.adapters.publishers.rfc2136.publisher import Rfc2136Options
from txtproof.core.policy import Policy
from worker.bootstrap import options


def test_the_least_is_a_redis_a_nexus_and_one_credential() -> None:
    settings = load_settings(LEAST)
    assert settings.broker_url == "redis://127.0.0.1:6379/0"
    assert settings.dns.resolvers == ()
    assert settings.publishers == ()


def test_basic_is_the_other_credential() -> None:
    basic = {"TXTPROOF_NEXUS__BASIC_USERNAME": "user", "TXTPROOF_NEXUS__BASIC_PASSWORD": "pass word"}
    nexus = load_settings(NO_CREDENTIAL | basic).nexus
    assert nexus.basic_username == "user"
    assert nexus.basic_password is not None
    assert nexus.basic_password.get_secret_value() == "pass word"


def test_names_that_others_rely_on_are_there() -> None:
    assert {
        "TXTPROOF_REDIS__URL",
        "TXTPROOF_BROKER__URL",
        "TXTPROOF_NEXUS__BASE_URL",
        "TXTPROOF_NEXUS__BEARER_TOKEN",
        "TXTPROOF_NEXUS__APPLICATION_TOKEN",
        "TXTPROOF_NEXUS__APPLICATION_TOKEN_HEADER",
        "TXTPROOF_NEXUS__BASIC_USERNAME",
        "TXTPROOF_NEXUS__BASIC_PASSWORD",
        "TXTPROOF_DNS__RESOLVERS",
        "TXTPROOF_DNS__AUTHORITATIVE_PORT",
        "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS",
        "TXTPROOF_RECORD__NAME",
        "TXTPROOF_RECORD__VALUE",
        "TXTPROOF_RECORD__TTL",
        "TXTPROOF_POLICY__DEADLINE",
        "TXTPROOF_POLICY__ASSUMED_CODE_LIFETIME",
    } <= known_settings().keys()


def test_every_table_can_be_named_in_the_environment() -> None:
    tables = {table for table, _ in known_settings().values()}
    assert tables == Settings.model_fields.keys() - {"publishers"}


def test_the_core_gets_its_own_defaults_where_nothing_is_set() -> None:
    assert load_settings(LEAST).policy_rules() == Policy()


def test_the_core_gets_every_rule_that_is_set() -> None:
    given = LEAST | {
        "TXTPROOF_POLICY__DEADLINE": "30d",
        "TXTPROOF_POLICY__ASSUMED_CODE_LIFETIME": "2d",
        "TXTPROOF_POLICY__BLOCKED_RETRY": "15m",
        "TXTPROOF_POLICY__RECORDS": "withdraw",
        "TXTPROOF_POLICY__WITHDRAW_AFTER": "90",
        "TXTPROOF_RECORD__NAME": "_nexus-challenge.{domain}",
        "TXTPROOF_RECORD__VALUE": "nexus={code}",
        "TXTPROOF_RECORD__TTL": "120",
    }
    assert load_settings(given).policy_rules() == Policy(
        deadline=timedelta(days=30),
        assumed_code_lifetime=timedelta(days=2),
        blocked_retry=timedelta(minutes=15),
        records="withdraw",
        withdraw_after=timedelta(seconds=90),
        record_name="_nexus-challenge.{domain}",
        record_value="nexus={code}",
        record_ttl=120,
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3600", timedelta(hours=1)),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("36h", timedelta(hours=36)),
        ("7d", timedelta(days=7)),
        ("P7D", timedelta(days=7)),
        ("PT1H30M", timedelta(minutes=90)),
    ],
)
def test_a_duration_is_read_as_people_write_it(written: str, meant: timedelta) -> None:
    assert load_settings(LEAST | {"TXTPROOF_POLICY__DEADLINE": written}).policy.deadline == meant


def test_resolvers_are_a_json_list_of_either_family() -> None:
    given = LEAST | {"TXTPROOF_DNS__RESOLVERS": '["192.0.2.53:53", "[2001:db8::53]:5353"]'}
    assert load_settings(given).dns.resolvers == ("192.0.2.53:53", "[2001:db8::53]:5353")


def test_an_empty_variable_counts_as_not_set() -> None:
    settings = load_settings(LEAST | {"TXTPROOF_BROKER__URL": "", "TXTPROOF_RECORD__TTL": ""})
    assert settings == load_settings(LEAST)


def test_other_programs_variables_are_left_alone() -> None:
    assert load_settings(LEAST | {"PATH": "/bin", "CELERY_BROKER": "x", "TXTPROOF_REQUIRE_SERVERS": "1"})


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    file = tmp_path / "txtproof.toml"
    file.write_text('[record]\nttl = 300\nname = "_a.{domain}"\n[dns]\nresolvers = ["192.0.2.1:53"]\n')
    settings = load_settings(LEAST | {"TXTPROOF_CONFIG_FILE": str(file), "TXTPROOF_RECORD__TTL": "120"})
    assert settings.record.ttl == 120
    assert settings.record.name == "_a.{domain}"
    assert settings.dns.resolvers == ("192.0.2.1:53",)


@pytest.mark.parametrize("given_as", ["env", "file"])
def test_a_publishers_secret_is_found_where_the_file_says(tmp_path: Path, given_as: str) -> None:
    secret = tmp_path / "tsig"
    secret.write_text(f"{TSIG_SECRET}\n")
    place = "env:TSIG_SECRET" if given_as == "env" else f"file:{secret}"
    file = tmp_path / "txtproof.toml"
    file.write_text(PUBLISHER.replace("env:TSIG_SECRET", place).replace('["example.test"]', '["Example.TEST."]'))
    given = LEAST | {"TXTPROOF_CONFIG_FILE": str(file), "TSIG_SECRET": TSIG_SECRET if given_as == "env" else ""}
    (publisher,) = load_settings(given).publishers
    assert isinstance(publisher, Rfc2136)
    assert publisher.tsig_secret.get_secret_value() == TSIG_SECRET
    assert publisher.zones == ("example.test",)
    (made,) = options(load_settings(given)).publishers
    assert isinstance(made, Rfc2136Options)
    assert (made.name, made.server, made.zones) == ("corp", "127.0.0.1:15301", ("example.test",))


def test_delegations_are_checked_unless_a_publisher_says_otherwise_or_is_a_person(tmp_path: Path) -> None:
    file = tmp_path / "txtproof.toml"
    private = PUBLISHER.replace('"corp"', '"private"').replace("example.test", "other.test")
    people = '[[publishers]]\nname = "people"\nkind = "manual"\nzones = ["."]\n'
    file.write_text(f"{PUBLISHER}{private}check_delegation = false\n{people}")
    given = LEAST | {"TXTPROOF_CONFIG_FILE": str(file), "TSIG_SECRET": TSIG_SECRET}
    assert options(load_settings(given)).unchecked == {"private", "people"}


def test_a_secret_of_the_file_may_be_named_as_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "txtproof.toml"
    file.write_text('[nexus]\nbasic_username = "user"\nbasic_password = "env:NEXUS_PASSWORD"\n')
    given = NO_CREDENTIAL | {"TXTPROOF_CONFIG_FILE": str(file), "NEXUS_PASSWORD": BEARER_SECRET}
    password = load_settings(given).nexus.basic_password
    assert password is not None
    assert password.get_secret_value() == BEARER_SECRET


def test_no_secret_is_shown_by_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "txtproof.toml"
    file.write_text(PUBLISHER)
    given = LEAST | {
        "TXTPROOF_REDIS__URL": "redis://:redis-hunter2@127.0.0.1/0",
        "TXTPROOF_BROKER__URL": "amqp://user:broker-hunter2@127.0.0.1//",
        "TXTPROOF_CONFIG_FILE": str(file),
        "TSIG_SECRET": TSIG_SECRET,
    }
    settings = load_settings(given)
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {options(settings)!r}"
    assert "hunter2" not in shown
    assert TSIG_SECRET not in shown
    assert settings.broker_url == "amqp://user:broker-hunter2@127.0.0.1//"
    assert APPLICATION_SECRET not in shown
