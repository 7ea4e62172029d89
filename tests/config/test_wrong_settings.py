"""What stops a start, and what it says: a table of every wrong setting that we could think of."""

from pathlib import Path

import pytest

from config.problems import SettingsProblems
from config.publishers import KINDS
from config.settings import load_settings
from tests.config.giving import LEAST, NO_CREDENTIAL, PUBLISHER, TSIG_SECRET, problems_of

BASIC = {"TXTPROOF_NEXUS__BASIC_USERNAME": "user", "TXTPROOF_NEXUS__BASIC_PASSWORD": "hunter2"}
BOTH = "TXTPROOF_NEXUS__BEARER_TOKEN and TXTPROOF_NEXUS__APPLICATION_TOKEN"
BASIC_BOTH = "TXTPROOF_NEXUS__BASIC_USERNAME and TXTPROOF_NEXUS__BASIC_PASSWORD"
NO_DURATION = "is no duration: write 90s, 15m, 36h, 7d or, in ISO 8601, P7D"
NO_ENDPOINT = "is no address and port: write 192.0.2.53:53 or [2001:db8::53]:53"
NO_RESOLVER = "is no resolver: write 192.0.2.53:53, tls://192.0.2.53:853#name or https://host/dns-query"
NO_LIST = 'is not a JSON list: write, for example, ["192.0.2.53:53"]'
NO_RECORD = "is no name of a record: write {domain}, or labels in front of it: _label.{domain}"
NO_VALUE = "must have {code} in it once and no other braces: write {code}, with text around it"
NO_HEADER = "the application token's header must be a header name of its own, such as ApplicationToken"
REDIS_SCHEMES = "write an address that begins with redis://HOST or rediss://HOST"


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("REDIS__URL", "", "is missing: write redis://HOST:6379/0"),
        ("REDIS__URL", "localhost:6379", REDIS_SCHEMES),
        ("REDIS__URL", "http://:hunter2@127.0.0.1", REDIS_SCHEMES),
        ("REDIS__URL", "redis://", REDIS_SCHEMES),
        (
            "REDIS__URL",
            "redis://:hunter2@h:99999",
            "cannot be read: write redis://HOST:PORT, a password percent-encoded",
        ),
        ("REDIS__URL", "redis://:hunter2@h/one", "ends in no number of a database: write redis://HOST:6379/0"),
        (
            "BROKER__URL",
            "kafka://:hunter2@h",
            "write an address that begins with amqp://HOST or amqps://HOST or redis://HOST or rediss://HOST",
        ),
        ("NEXUS__BASE_URL", "", "is missing: write https://HOST"),
        (
            "NEXUS__BASE_URL",
            "http://nexus.example",
            "http shows the credentials to the network: write https://nexus.example",
        ),
        (
            "NEXUS__BASE_URL",
            "https://user:hunter2@nexus.example",
            "the URL must hold no user or password: write https://HOST, the credentials have settings",
        ),
        (
            "NEXUS__BASE_URL",
            "nexus.example",
            "the URL must be absolute: write https://HOST, with a port and a path if need be",
        ),
        ("NEXUS__BEARER_TOKEN", "hunter2 hunter2", "the bearer token must be printable ASCII without blanks"),
        ("NEXUS__APPLICATION_TOKEN_HEADER", "Authorization", NO_HEADER),
        ("NEXUS__APPLICATION_TOKEN_HEADER", "X Y", NO_HEADER),
        ("NEXUS__CALLS_IN_FLIGHT", "0", "should be greater than or equal to 1: write a number from 1 to 1000"),
        ("NEXUS__CALLS_IN_FLIGHT", "1001", "should be less than or equal to 1000: write a number from 1 to 1000"),
        ("DNS__RESOLVERS", "192.0.2.53:53", NO_LIST),
        ("DNS__RESOLVERS", "[1]", NO_LIST),
        ("DNS__RESOLVERS", '["192.0.2.53"]', f"'192.0.2.53' {NO_ENDPOINT}"),
        ("DNS__RESOLVERS", '["192.0.2.256:53"]', f"'192.0.2.256:53' {NO_ENDPOINT}"),
        ("DNS__RESOLVERS", '["192.0.2.53:0"]', f"'192.0.2.53:0' {NO_ENDPOINT}"),
        ("DNS__RESOLVERS", '["192.0.2.53:65536"]', f"'192.0.2.53:65536' {NO_ENDPOINT}"),
        ("DNS__RESOLVERS", '["ns1.example:53"]', f"'ns1.example:53' {NO_ENDPOINT}"),
        ("DNS__RESOLVERS", '["2001:db8::53:53"]', f"'2001:db8::53:53' {NO_ENDPOINT}"),
        ("DNS__VIEWS", '["tls://dns.test"]', f"'dns.test' {NO_ENDPOINT}"),
        ("DNS__VIEWS", '["dns.test"]', f"'dns.test' {NO_RESOLVER}"),
        ("DNS__VIEWS_NEEDED", "1", "there are 0 views: write a number up to that, or 0 for all"),
        ("DNS__AUTHORITATIVE_PORT", "0", "should be greater than or equal to 1: write a port from 1 to 65535"),
        ("DNS__AUTHORITATIVE_PORT", "65536", "should be less than or equal to 65535: write a port from 1 to 65535"),
        (
            "DNS__ALLOW_PRIVATE_SERVERS",
            "perhaps",
            "should be a valid boolean, unable to interpret input: write true or false",
        ),
        ("RECORD__NAME", "_nexus", NO_RECORD),
        ("RECORD__NAME", "{host}.{domain}", NO_RECORD),
        ("RECORD__NAME", "{domain}.{domain}", NO_RECORD),
        ("RECORD__NAME", "a b.{domain}", NO_RECORD),
        ("RECORD__NAME", f"{'a' * 64}.{{domain}}", NO_RECORD),
        ("RECORD__VALUE", "nexus", NO_VALUE),
        ("RECORD__VALUE", "{code} {domain}", NO_VALUE),
        ("RECORD__VALUE", "{code}{code}", NO_VALUE),
        ("RECORD__VALUE", "{code}\n", NO_VALUE),
        ("RECORD__TTL", "0", "should be greater than or equal to 1: write a number from 1 to 86400"),
        ("RECORD__TTL", "86401", "should be less than or equal to 86400: write a number from 1 to 86400"),
        (
            "RECORD__TTL",
            "60s",
            "should be a valid integer, unable to parse string as an integer: write a number from 1 to 86400",
        ),
        ("POLICY__DEADLINE", "31d", "should be less than or equal to 30 days: write up to 30d"),
        ("POLICY__DEADLINE", "0", "should be greater than 0 seconds: write up to 30d"),
        ("POLICY__DEADLINE", "-1d", f"'-1d' {NO_DURATION}"),
        ("POLICY__DEADLINE", "a week", f"'a week' {NO_DURATION}"),
        ("POLICY__ASSUMED_CODE_LIFETIME", "0s", "should be greater than 0 seconds: write such as 7d"),
        ("POLICY__ASSUMED_CODE_LIFETIME", "999999999d", "should be less than or equal to 365 days: write such as 7d"),
        ("POLICY__BLOCKED_RETRY", "0s", "should be greater than or equal to 1 second: write such as 1h"),
        (
            "POLICY__WITHDRAW_AFTER",
            "7d",
            "says when, but records are kept: set records to withdraw as well, or drop this",
        ),
        ("POLICY__RECORDS", "burn", "should be 'keep' or 'withdraw': write keep or withdraw"),
        ("POLICY__WITHDRAW_AFTER", "366d", "should be less than or equal to 365 days: write such as 7d"),
        ("WORKER__CONCURRENCY", "0", "should be greater than or equal to 1: write 1 to 64"),
        ("WORKER__LOG_FORMAT", "xml", "should be 'json' or 'console': write json or console"),
        (
            "WORKER__LOG_LEVEL",
            "loud",
            "should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR': write DEBUG, INFO, WARNING or ERROR",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_to_write(setting: str, value: str, said: str) -> None:
    assert problems_of(LEAST | {f"TXTPROOF_{setting}": value}) == (f"TXTPROOF_{setting}: {said}",)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (NO_CREDENTIAL, f"no credential for Nexus: write {BOTH}, or {BASIC_BOTH}"),
        (LEAST | BASIC, f"two credentials for Nexus: keep {BOTH}, or {BASIC_BOTH}"),
        (
            LEAST | {"TXTPROOF_NEXUS__APPLICATION_TOKEN": ""},
            f"TXTPROOF_NEXUS__APPLICATION_TOKEN: is missing: write it too, {BOTH} belong together",
        ),
        (
            LEAST | {"TXTPROOF_NEXUS__BEARER_TOKEN": ""},
            f"TXTPROOF_NEXUS__BEARER_TOKEN: is missing: write it too, {BOTH} belong together",
        ),
        (
            NO_CREDENTIAL | {"TXTPROOF_NEXUS__BASIC_USERNAME": "user"},
            f"TXTPROOF_NEXUS__BASIC_PASSWORD: is missing: write it too, {BASIC_BOTH} belong together",
        ),
        (
            NO_CREDENTIAL | BASIC | {"TXTPROOF_NEXUS__BASIC_USERNAME": "a:b"},
            "TXTPROOF_NEXUS__BASIC_USERNAME: the user name must be printable, without a colon",
        ),
        (
            LEAST | {"TXTPROOF_NEXUS__BEARER_TOKEN": "env:NOT_THERE"},
            "TXTPROOF_NEXUS__BEARER_TOKEN: the variable 'NOT_THERE' is not set: set it to the secret",
        ),
        (
            LEAST | {"TXTPROOF_REDIS__URI": "redis://h"},
            "TXTPROOF_REDIS__URI is not a setting: did you mean TXTPROOF_REDIS__URL?",
        ),
        (
            LEAST | {"TXTPROOF_NEXUS_BASE_URL": "https://h"},
            "TXTPROOF_NEXUS_BASE_URL is not a setting: did you mean TXTPROOF_NEXUS__BASE_URL?",
        ),
        (
            LEAST | {"TXTPROOF_NONSENSE": "hunter2"},
            "TXTPROOF_NONSENSE is not a setting: take it out of the environment",
        ),
    ],
)
def test_credentials_and_unknown_names_are_judged(environ: dict[str, str], said: str) -> None:
    assert problems_of(environ) == (said,)


FILE = "TXTPROOF_CONFIG_FILE: FILE"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = [1", f"{FILE} is not TOML: Unclosed array (at end of document)"),
        (b'[nexus]\nbearer_token = hunter2"', f"{FILE} is not TOML: Invalid value (at line 2, column 16)"),
        (b'a = "\xe9"', f"{FILE} is not UTF-8: save it as UTF-8"),
        (b'[recrod]\nname = "x"', "'recrod' in the file is not a setting: did you mean record?"),
        (b"[redis]\nuri = 'redis://h'", "'redis.uri' in the file is not a setting: did you mean url?"),
        (b"[redis]\ntimeout = 1", "'redis.timeout' in the file is not a setting: take it out of the file"),
        (b"dns = 5", "'dns' in the file: is not a table: write [dns], and its settings under it"),
        (b"publishers = 5", "'publishers' in the file: is not a list: write [[publishers]], and its settings under it"),
        (
            b'[[publishers]]\nname = "a"\nkind = "rfc2137"',
            "publisher a: kind: 'rfc2137' is none: did you mean rfc2136?",
        ),
        (
            b'[[publishers]]\nname = "a"\nkind = "bind"',
            f"publisher a: kind: 'bind' is none: write one of {', '.join(KINDS)}",
        ),
        (
            b'[[publishers]]\nname = "a"\nkind = "manual"\nzones = ["."]\ncheck_delegation = true',
            "publisher a: check_delegation is not a setting: take it out of the file",
        ),
        (b'[[publishers]]\nname = "a"', f"publisher a: kind: is missing: write one of {', '.join(KINDS)}"),
        (b"publishers = [5]", "publisher 1: is not a table: write [[publishers]], and its settings under it"),
        (b"[record]\nttl = true", "TXTPROOF_RECORD__TTL: is true or false: write a number"),
        (b"[policy]\ndeadline = true", "TXTPROOF_POLICY__DEADLINE: is true or false: write a number"),
        (
            b"[policy]\ndeadline = 2592001",
            "TXTPROOF_POLICY__DEADLINE: should be less than or equal to 30 days: write up to 30d",
        ),
        (b"[dns]\nresolvers = [5]", 'TXTPROOF_DNS__RESOLVERS: should be a valid string: write ["192.0.2.53:53"]'),
        (
            b'[nexus]\nbearer_token = "bearer-hunter2"',
            "nexus.bearer_token in the file: write env:NAME or file:PATH, not the secret itself",
        ),
    ],
)
def test_a_wrong_file_is_told_from_a_wrong_setting_in_it(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "txtproof.toml"
    file.write_bytes(content)
    assert problems_of(LEAST | {"TXTPROOF_CONFIG_FILE": str(file)}) == (said.replace(": FILE", f": {file}"),)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent.toml"
    assert problems_of(LEAST | {"TXTPROOF_CONFIG_FILE": str(absent)}) == (
        f"TXTPROOF_CONFIG_FILE: {absent} cannot be read (No such file or directory): write the path of a TOML file",
    )


@pytest.mark.parametrize(
    ("changed", "into", "said"),
    [
        ('name = "corp"\n', "", "publisher 1: name: is missing: write a word"),
        ('"corp"', "7", "publisher 1: name: should be a valid string: write a word"),
        ('"corp"', r'"a\nb"', r"publisher 1: name: should match pattern '^[\w.-]{1,60}$': write a word"),
        ('"rfc2136"', '"rfc1035"', "publisher corp: kind: 'rfc1035' is none: did you mean rfc2136?"),
        ('["example.test"]', "[]", 'publisher corp: zones: names no zone: write, for example, ["example.com"]'),
        ('["example.test"]', '"example.test"', 'publisher corp: zones: is not a list: write ["example.com"]'),
        ('["example.test"]', "[1]", 'publisher corp: zones: should be a valid string: write ["example.com"]'),
        (
            "example.test",
            "exa mple.test",
            "publisher corp: zones: 'exa mple.test' is no zone: write its name in A-labels, such as example.com",
        ),
        (
            "example.test",
            "a..test",
            "publisher corp: zones: 'a..test' is no zone: write its name in A-labels, such as example.com",
        ),
        (
            '["example.test"]',
            '["a.test", "A.test."]',
            "publishers: the zone 'a.test' is given twice: give it to one publisher",
        ),
        ("127.0.0.1:15301", "ns1.example", f"publisher corp: server: 'ns1.example' {NO_ENDPOINT}"),
        ("tsig-test", "a..b", "publisher corp: tsig_name: 'a..b' is no name: write it as the server knows it"),
        ('"tsig-test"', '""', "publisher corp: tsig_name: should have at least 1 character: write the key's name"),
        (
            "hmac-sha256",
            "hmac-rot13",
            "publisher corp: tsig_algorithm: 'hmac-rot13' is not known: write hmac-sha256 or hmac-sha512",
        ),
        (
            "hmac-sha256",
            "a..b",
            r"publisher corp: tsig_algorithm: should match pattern '^[A-Za-z0-9-]+\.?$': write hmac-sha256",
        ),
        (
            "env:TSIG_SECRET",
            "env:NOT_THERE",
            "publisher corp: tsig_secret: the variable 'NOT_THERE' is not set: set it to the secret",
        ),
        (
            "env:TSIG_SECRET",
            "file:/not/there",
            "publisher corp: tsig_secret: the file '/not/there' cannot be read or is empty: put the secret there",
        ),
        (
            "env:TSIG_SECRET",
            "hunter2",
            "publisher corp: tsig_secret: write env:NAME or file:PATH, not the secret itself",
        ),
        (
            "env:TSIG_SECRET",
            "env:NOT_BASE64",
            "publisher corp: tsig_secret: is not base64: write it as the key file has it",
        ),
        ("tsig_name", "tsig_nmae", "publisher corp: tsig_nmae is not a setting: did you mean tsig_name?"),
    ],
)
def test_a_wrong_publisher_is_named_with_what_to_write(tmp_path: Path, changed: str, into: str, said: str) -> None:
    file = tmp_path / "txtproof.toml"
    assert changed in PUBLISHER
    file.write_text(PUBLISHER.replace(changed, into))
    given = {"TXTPROOF_CONFIG_FILE": str(file), "TSIG_SECRET": TSIG_SECRET, "NOT_BASE64": "hunter2!"}
    assert said in problems_of(LEAST | given)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (PUBLISHER.replace("example.test", "other.test"), "publishers: the name 'corp' is given twice"),
        (PUBLISHER.replace('"corp"', '"b"'), "publishers: the zone 'example.test' is given twice"),
    ],
)
def test_publishers_share_neither_name_nor_zone(tmp_path: Path, second: str, said: str) -> None:
    file = tmp_path / "txtproof.toml"
    file.write_text(PUBLISHER + second)
    given = {"TXTPROOF_CONFIG_FILE": str(file), "TSIG_SECRET": TSIG_SECRET}
    assert problems_of(LEAST | given) == (f"{said}: give it to one publisher",)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "txtproof.toml"
    file.write_text("[policy]\nrecords = 5\n" + PUBLISHER.replace("127.0.0.1:15301", "x") + PUBLISHER)
    told = problems_of(
        {
            "TXTPROOF_CONFIG_FILE": str(file),
            "TXTPROOF_REDIS__URI": "redis://h",
            "TXTPROOF_NEXUS__BASE_URL": "http://nexus.example",
            "TXTPROOF_RECORD__TTL": "0",
            "TXTPROOF_WORKER__CONCURRENCY": "many",
        }
    )
    for part in (
        "TXTPROOF_REDIS__URI is not a setting",
        "TXTPROOF_REDIS__URL: is missing",
        "TXTPROOF_NEXUS__BASE_URL: http shows",
        "no credential for Nexus",
        "TXTPROOF_RECORD__TTL: ",
        "TXTPROOF_POLICY__RECORDS: ",
        "TXTPROOF_WORKER__CONCURRENCY: ",
        "publisher corp: server: ",
        "publisher corp: tsig_secret: the variable 'TSIG_SECRET' is not set",
        "publishers: the name 'corp'",
        "publishers: the zone 'example.test'",
    ):
        assert any(problem.startswith(part) for problem in told), part


def test_nothing_at_all_names_all_that_is_needed() -> None:
    redis, nexus, credential = problems_of({})
    assert redis.startswith("TXTPROOF_REDIS__URL: is missing")
    assert nexus.startswith("TXTPROOF_NEXUS__BASE_URL: is missing")
    assert credential.startswith("no credential for Nexus")


@pytest.mark.parametrize(
    "environ",
    [
        {"TXTPROOF_REDIS__URL": "http://:hunter2@127.0.0.1/0"},
        {"TXTPROOF_BROKER__URL": "amqp://user:hunter2@h:99999"},
        {"TXTPROOF_NEXUS__BASE_URL": "https://user:hunter2@h"},
        {"TXTPROOF_NEXUS__BEARER_TOKEN": "hunter2\n"},
        {"TXTPROOF_NEXUS__APPLICATION_TOKEN": "hunter2 "},
        {"TXTPROOF_NEXUS__BASIC_PASSWORD": "hunter2\x00"},
        {"TXTPROOF_NEXUS__TOKEN": "hunter2"},
    ],
)
def test_no_secret_is_shown_by_a_problem(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsProblems) as caught:
        load_settings(LEAST | environ)
    shown = f"{caught.value} {caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"
    assert "hunter2" not in shown
