"""`txtproof explain`, run as people run it, against name servers on loopback."""

import asyncio
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core.rows import publishing, requested, seen
from txtproof.adapters.cloud_events import encode
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_store import RedisStore
from txtproof.core.evidence import ServerView
from txtproof.core.explaining import explained
from txtproof.core.model import Step, Verification
from txtproof.core.observations import Attach, Miss, Published, Routed
from txtproof.core.reasons import Reason
from txtproof.ports import Arrival, Commit
from txtproof.rehearsal.name_server import NameServers, Trouble, ZoneSpec

ROOT = Path(__file__).parents[1]
ZONE, NAME, VALUE = "example.test", "_verify.example.test", "the-code-of-now"
MATCH, MISS, WRONG, UNSEEN = 0, 1, 2, 3


@pytest.fixture
def dns() -> Iterator[NameServers]:
    with NameServers([ZoneSpec(ZONE)], "key", b64encode(b"secret").decode()) as running:
        yield running


def explain(dns: NameServers | None, *arguments: str, said: str = "", **environ: str) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TXTPROOF_")}
    ours = {
        "PYTHONPATH": str(ROOT / "src"),
        "TXTPROOF_DNS__RESOLVERS": json.dumps([dns.resolver] if dns else ["127.0.0.1:9"]),
        "TXTPROOF_DNS__AUTHORITATIVE_PORT": str(dns.port if dns else 9),
        "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS": "true",
    }
    command = [sys.executable, "-m", "txtproof", "explain", *arguments]
    done = subprocess.run(
        command, env=kept | ours | environ, input=said, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def put(dns: NameServers, name: str, *values: str) -> None:
    dns.put(ZONE, name, "TXT", 60, *(f'"{value}"' for value in values))


def test_what_is_served_everywhere_is_a_match(dns: NameServers) -> None:
    put(dns, NAME, "v=spf1 -all", VALUE)
    code, out, _ = explain(dns, NAME, "--expect", VALUE)
    first, _, header, *rows = out.splitlines()
    assert (code, first) == (MATCH, f"{NAME}: Every name server of the domain that answers serves the value.")
    assert header.split() == ["server", "address", "answer", "rcode", "AA", "serial", "values", "ms"]
    assert [row.split()[:6] for row in rows] == [
        [f"ns{place}.{ZONE}", f"{address}:{dns.port}", "match", "NOERROR", "yes", row.split()[5]]
        for place, (address, row) in enumerate(zip(dns.addresses, rows, strict=True), 1)
    ]


def test_the_sentence_names_the_server_that_is_behind_and_its_serial(dns: NameServers) -> None:
    dns.hold(ZONE, dns.addresses[1])
    put(dns, NAME, VALUE)
    code, out, _ = explain(dns, NAME, "--expect", VALUE, "--json")
    told = json.loads(out)
    old, new = (next(one["serial"] for one in told["servers"] if one["server"] == f"ns{n}.{ZONE}") for n in (2, 1))
    assert code == MISS
    assert told["sentence"] == (
        f"ns2.{ZONE} still serves the zone as of serial {old}; ns1.{ZONE} has {new} with the code."
    )
    assert (told["name"], told["verdict"], told["reason"]) == (NAME, "miss", "stale_server")
    assert told["nextLook"] is None
    assert set(told) == {"name", "verdict", "reason", "sentence", "servers", "nextLook", "advice"}


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        (f"{NAME}.{ZONE}", VALUE, "doubled_name"),
        (ZONE, VALUE, "wrong_name"),
        (f"www.{ZONE}", VALUE, "wrong_name"),
        (NAME, f" {VALUE}", "altered_value"),
        (NAME, "v=spf1 -all", "other_value"),
        (f"below.{NAME}", VALUE, "no_txt"),
        (f"mail.{ZONE}", VALUE, "no_such_name"),
    ],
)
def test_near_misses_are_searched_for(dns: NameServers, name: str, value: str, reason: str) -> None:
    put(dns, name, value)
    code, out, _ = explain(dns, NAME, "--expect", VALUE, "--json")
    told = json.loads(out)
    assert (code, told["verdict"], told["reason"]) == (MISS, "miss", reason)
    assert told["advice"]


def test_what_could_not_be_seen_is_no_miss(dns: NameServers) -> None:
    for address in dns.addresses:
        dns.trouble(ZONE, address, Trouble.SERVFAIL)
    code, out, _ = explain(dns, NAME, "--expect", VALUE)
    assert code == UNSEEN
    assert out.startswith(f"{NAME}: The domain's name servers report a failure of their own: ns1.")
    assert "What to do: " in out


def test_the_resolvers_of_the_settings_are_asked_too(dns: NameServers) -> None:
    put(dns, NAME, VALUE)
    code, out, _ = explain(dns, NAME, "--expect", VALUE, TXTPROOF_DNS__VIEWS=json.dumps([dns.resolver]))
    assert code == MATCH
    assert out.splitlines()[-1].split()[:3] == [dns.resolver, dns.resolver, "match"]


def test_the_value_can_come_from_stdin(dns: NameServers) -> None:
    put(dns, NAME, VALUE)
    assert explain(dns, NAME, "--expect", "-", said=f"{VALUE}\n")[0] == MATCH


def test_what_stands_in_dns_cannot_steer_the_terminal(dns: NameServers) -> None:
    put(dns, NAME, r"\027[31mred")
    _, out, _ = explain(dns, NAME, "--expect", VALUE)
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        ((NAME,), {}, "say with --expect which value the record should have"),
        (("co.uk", "--expect", VALUE), {}, "'co.uk' is a public suffix"),
        (("a..test", "--expect", VALUE), {}, "is no name of a record"),
        (("_a", "--expect", VALUE), {}, "the domain is empty"),
        ((NAME, "--expect", ""), {}, "the value is empty"),
        ((NAME, "--expect", VALUE), {"TXTPROOF_DNS__RESOLVERS": "192.0.2.1"}, "TXTPROOF_DNS__RESOLVERS: write"),
        ((NAME, "--expect", VALUE), {"TXTPROOF_DNS__RESOLVERS": '["x"]'}, "is no address and port"),
        ((NAME, "--expect", VALUE), {"TXTPROOF_DNS__AUTHORITATIVE_PORT": "0"}, "AUTHORITATIVE_PORT: write a number"),
        ((NAME, "--expect", VALUE), {"TXTPROOF_DNS__VIEWS": '["dns.test"]'}, "VIEWS: 'dns.test' is no resolver"),
        ((NAME, "--expect", VALUE), {"TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS": "x"}, "write true or false"),
    ],
)
def test_wrong_usage_says_what_to_write(arguments: tuple[str, ...], environ: dict[str, str], words: str) -> None:
    code, out, complaint = explain(None, *arguments, **environ)
    assert (code, out) == (WRONG, "")
    assert words in complaint


def stored(url: str, v: Verification) -> None:
    async def put_row() -> None:
        async with open_redis(url) as client:
            store = RedisStore(client, encode)
            await store.accept([Arrival(v.key, Attach(), (requested(), ()))])
            (row,) = (await store.claim(Step.REQUEST_CODE, 1)).rows
            await store.commit([Commit(row, 1, v)])

    asyncio.run(put_row())


def test_a_stored_verification_is_looked_for_with_its_own_code_which_is_not_shown(
    dns: NameServers, redis_url: str
) -> None:
    waiting = seen(publishing(), Routed("corp", ZONE, NAME), Published(), Miss(Reason.NO_TXT, "", ())).verification
    assert waiting.code is not None
    stored(redis_url, waiting)
    code, out, _ = explain(dns, "42/7", "--json", TXTPROOF_REDIS__URL=redis_url)
    told: dict[str, Any] = json.loads(out)
    assert (code, told["name"], told["reason"], told["nextLook"] is not None) == (MISS, NAME, "no_such_name", True)
    assert " Next look in " in explain(dns, "42/7", TXTPROOF_REDIS__URL=redis_url)[1]
    put(dns, NAME, waiting.code.value)
    code, out, _ = explain(dns, "42/7", TXTPROOF_REDIS__URL=redis_url)
    assert code == MATCH
    assert waiting.code.value not in out


def test_a_stored_verification_behind_an_alias_is_looked_for_from_the_record_s_own_name(redis_url: str) -> None:
    written = seen(publishing(), Routed("corp", "proofs.test", "acme.proofs.test"), Published()).verification
    assert written.code is not None
    stored(redis_url, written)
    zones = [ZoneSpec(ZONE), ZoneSpec("proofs.test")]
    with NameServers(zones, "key", b64encode(b"secret").decode()) as dns:
        dns.put("proofs.test", "acme.proofs.test", "TXT", 60, f'"{written.code.value}"')
        settings = {"TXTPROOF_REDIS__URL": redis_url, "TXTPROOF_RECORD__NAME": "_verify.{domain}"}
        code, out, _ = explain(dns, "42/7", "--json", **settings)
        told: dict[str, Any] = json.loads(out)
        assert (code, told["name"], told["reason"]) == (MISS, NAME, "no_such_name")
        dns.put(ZONE, NAME, "CNAME", 60, "acme.proofs.test.")
        assert explain(dns, "42/7", **settings)[0] == MATCH
    wrong = settings | {"TXTPROOF_RECORD__NAME": "_verify"}
    code, _, complaint = explain(None, "42/7", **wrong)
    assert code == WRONG
    assert "TXTPROOF_RECORD__NAME: write {domain}" in complaint


def test_a_verification_that_has_no_record_yet_is_no_miss(redis_url: str) -> None:
    stored(redis_url, publishing())
    code, out, complaint = explain(None, "42/7", TXTPROOF_REDIS__URL=redis_url)
    assert (code, out) == (UNSEEN, "")
    assert complaint == "Error: 42/7 has no record yet: The record is being written.\n"
    assert explain(None, "42/8", TXTPROOF_REDIS__URL=redis_url)[0] == UNSEEN
    assert explain(None, "42/7")[0] == UNSEEN


# The sentence


def view(number: int, outcome: str, serial: int | None, server: str = "") -> ServerView:
    return ServerView(server or f"ns{number}.example.net", f"192.0.2.{number}", outcome, serial=serial)


@pytest.mark.parametrize(
    ("servers", "sentence"),
    [
        (
            [view(1, "match", 42), view(2, "match", 42), view(3, "no_such_name", 41)],
            (
                "ns3.example.net still serves the zone as of serial 41; "
                "ns1.example.net and ns2.example.net have 42 with the code."
            ),
        ),
        (
            [view(1, "match", 42), view(2, "old_code", 40), view(3, "no_txt", 41)],
            "ns2.example.net and ns3.example.net do not serve the code yet; ns1.example.net does.",
        ),
        (
            [view(1, "match", None), view(2, "other_value", None), view(4, "timeout", None)],
            "ns2.example.net does not serve the code yet; ns1.example.net does.",
        ),
        (
            [view(1, "match", 2, "ns.example.net"), view(2, "no_txt", 1, "ns.example.net")],
            (
                "ns.example.net (192.0.2.2) still serves the zone as of serial 1; "
                "ns.example.net (192.0.2.1) has 2 with the code."
            ),
        ),
        (
            [view(1, "match", 2), *(view(place, "no_txt", 1) for place in range(2, 8))],
            (
                "ns2.example.net, ns3.example.net, ns4.example.net and 3 more still serve the zone as of serial 1; "
                "ns1.example.net has 2 with the code."
            ),
        ),
    ],
)
def test_the_sentence_about_servers_that_are_behind(servers: list[ServerView], sentence: str) -> None:
    assert explained(Reason.STALE_SERVER, "not yet everywhere", servers) == sentence


def test_any_other_sentence_has_its_particulars() -> None:
    assert explained(Reason.OLD_CODE, "ns1 serves it", ()) == "A code from before is still served: ns1 serves it."
    assert explained(Reason.OLD_CODE, "", ()) == "A code from before is still served."
