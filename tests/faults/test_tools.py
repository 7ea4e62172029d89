"""What the suite stands on: the wire, the stand-ins' new ways to fail, and a plan that a seed gives again."""

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.faults.plan import FAULTS, plan
from tests.faults.processes import speaking_from
from tests.faults.wire import Wire
from tests.waiting import wait_until
from txtproof.core.model import Key
from txtproof.rehearsal.name_server import NameServers, Trouble, ZoneSpec
from txtproof.rehearsal.nexus import Answer, NexusStandIn
from txtproof.rehearsal.valkey import EmbeddedValkey

ZONE = "z.test"
NAME = f"d1.{ZONE}"
SPEAKERS_PORT = 31_071
"""Below those that Linux gives away by itself."""
SCRIPT = "return redis.call('INCR', KEYS[1])"


@pytest.fixture
def wire(valkey: EmbeddedValkey, redis_url: str) -> Iterator[Wire]:
    with Wire(valkey.port) as running:
        yield running


@pytest.fixture
def client(wire: Wire) -> Iterator[redis.Redis]:
    with redis.Redis(port=wire.port, retry=Retry(NoBackoff(), 0)) as connected:
        yield connected


def test_a_wire_passes_on_what_is_said(client: redis.Redis) -> None:
    client.set("big", b"x" * 300_000)
    assert client.strlen("big") == 300_000
    assert len(client.get("big") or b"") == 300_000


def test_a_wire_that_is_cut_is_whole_for_the_next_connection(wire: Wire, client: redis.Redis) -> None:
    before = client.client_id()
    assert wire.cut() == 1
    # redis-py looks whether a connection still stands before it uses it: it may or may not notice
    with suppress(redis.ConnectionError):
        client.ping()
    assert client.client_id() != before


def test_a_lost_reply_is_that_of_a_script_which_has_run(wire: Wire, client: redis.Redis) -> None:
    add = client.register_script(SCRIPT)
    assert add(keys=["count"]) == 1
    wire.lose_replies(1)
    assert client.ping()
    with pytest.raises(redis.ConnectionError):
        add(keys=["count"])
    assert client.get("count") == b"2"
    assert wire.lost == 1
    assert add(keys=["count"]) == 3


def test_what_was_kept_back_is_delivered_to_a_server_that_has_lost_its_scripts(wire: Wire, client: redis.Redis) -> None:
    add = client.register_script(SCRIPT)
    wire.hold(b"count")
    with ThreadPoolExecutor() as others:
        asking = others.submit(add, ["count"])
        wait_until(lambda: wire.holds, "the script to be kept back")
        wire.cut()
        assert isinstance(asking.exception(), redis.ConnectionError)
        delivering = others.submit(wire.deliver)
        wait_until(lambda: "errorstat_NOSCRIPT" in client.info("errorstats"), "the server to know no script")
        # somebody who works on calls it, as after every restart of a server
        assert add(["other"]) == 1
        assert delivering.result() == b":1\r\n"
    assert client.get("count") == b"1"


@pytest.fixture
def servers() -> Iterator[NameServers]:
    with NameServers([ZoneSpec(ZONE), ZoneSpec("other.test")], "key", b64encode(b"secret").decode()) as running:
        running.put(ZONE, NAME, "TXT", 300, '"there"')
        running.put("other.test", "d2.other.test", "TXT", 300, '"there"')
        yield running


def ask(servers: NameServers, name: str = NAME, place: int = 1, *, tcp: bool = False) -> dns.message.Message:
    send = dns.query.tcp if tcp else dns.query.udp
    return send(dns.message.make_query(name, "TXT"), servers.addresses[place], 0.3, servers.port)


def test_a_server_fails_for_one_zone_at_one_address_until_it_is_released(servers: NameServers) -> None:
    second = servers.addresses[1]
    servers.trouble(ZONE, second, Trouble.SERVFAIL)
    assert ask(servers).rcode() == dns.rcode.SERVFAIL
    assert len(ask(servers, place=0).answer) == len(ask(servers, "d2.other.test").answer) == 1
    servers.trouble(ZONE, second, Trouble.SILENT)
    with pytest.raises(dns.exception.Timeout):
        ask(servers)
    servers.release(ZONE, second)
    assert len(ask(servers).answer) == 1


def test_a_truncated_answer_has_no_records_over_udp_and_all_over_tcp(servers: NameServers) -> None:
    servers.trouble(ZONE, servers.addresses[1], Trouble.TRUNCATED)
    short = ask(servers)
    assert short.flags & dns.flags.TC
    assert not short.answer
    assert len(ask(servers, tcp=True).answer) == 1


def test_looks_are_counted_by_name_and_address(servers: NameServers) -> None:
    for _ in range(2):
        ask(servers)
    ask(servers, tcp=True)
    assert [servers.looks(NAME, one) for one in servers.addresses] == [0, 2]


def test_what_is_cleared_is_gone_and_what_was_held_is_not(servers: NameServers) -> None:
    servers.hold(ZONE, servers.addresses[1])
    servers.clear(ZONE, NAME)
    assert ask(servers, place=0).rcode() == dns.rcode.NXDOMAIN
    assert len(ask(servers).answer) == 1


SPEAKS = """
import socket, sys
speaking = socket.socket()
speaking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
speaking.bind(("127.0.0.1", int(sys.argv[1])))
speaking.connect(("127.0.0.1", int(sys.argv[2])))
print("speaks", flush=True)
sys.stdin.read()
"""


@contextmanager
def speaker(port: int, to: int) -> Iterator[int]:
    """Run a process that holds a connection from one port to another; give its pid."""
    command = [sys.executable, "-c", SPEAKS, str(port), str(to)]
    # it ends with its input: at the end of the `with` block, or with whoever runs this
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"speaks\n"
        yield process.pid


def call(nexus: NexusStandIn, timeout: float = 5) -> bytes:
    known = nexus.credentials
    headers = {"Authorization": f"Bearer {known.token}", known.header: known.application_token}
    url = f"{nexus.url}/v1/organizations/1/domains/7/generate-code"
    with urllib.request.urlopen(
        urllib.request.Request(url, method="POST", headers=headers), timeout=timeout
    ) as response:
        whole: bytes = response.read()
        return whole


def test_a_body_can_trickle_and_counts_as_in_flight_until_its_end() -> None:
    with NexusStandIn() as nexus:
        nexus.register(1, 7, NAME)
        nexus.script(1, 7, Answer(trickles=timedelta(seconds=0.5)), Answer(status=500))
        assert json.loads(call(nexus)) == {}
        wait_until(lambda: not nexus.in_flight, "the end of the call")
        nexus.script(1, 7, Answer(trickles=timedelta(seconds=60)))
        with pytest.raises(urllib.error.HTTPError) as failed:
            call(nexus)
        failed.value.close()
        nexus.unscript(1, 7)
        assert json.loads(call(nexus))["domainId"] == 7
        assert nexus.overlapping == ()


def test_a_caller_that_has_gone_is_in_flight_no_more() -> None:
    with NexusStandIn() as nexus:
        nexus.register(1, 7, NAME)
        nexus.script(1, 7, Answer(after=timedelta(seconds=60)))
        with pytest.raises(TimeoutError):
            call(nexus, timeout=0.3)
        wait_until(lambda: not nexus.in_flight, "the call's end")
        assert [one.key for one in nexus.calls] == [Key(1, 7)]


def test_who_is_calling_is_not_who_speaks_to_somebody_else_from_a_port_of_the_same_number() -> None:
    with ExitStack() as closing:
        ports = [
            closing.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in ("nexus", "other")
        ]
        pids = [closing.enter_context(speaker(SPEAKERS_PORT, to)) for to in ports]
        for pid, to in zip(pids, ports, strict=True):
            assert speaking_from(pids, [SPEAKERS_PORT], to) == [pid]


def test_a_seed_gives_the_same_plan_again_and_another_seed_another() -> None:
    assert plan(7, 600, 10_000) == plan(7, 600, 10_000) != plan(8, 600, 10_000)


def test_a_plan_asks_for_everything_and_leaves_time_for_the_end() -> None:
    acts = plan(7, 600, 10_010)
    assert sum(one.size for one in acts) == 10_010
    assert max(one.at for one in acts) < 600
    assert {one.what for one in acts} >= FAULTS.keys() - {"kill the store"}
