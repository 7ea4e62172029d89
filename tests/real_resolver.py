"""A real resolver, Unbound, for the zones of two real name servers: it writes down every question that it is asked.

Where it is not installed, its tests are skipped; under TXTPROOF_REQUIRE_SERVERS=1 they fail.
"""

import re
from collections.abc import Iterator

import pytest

from tests.real_processes import installed
from tests.real_servers import ADDRESS, ZONES, RealServer, running, running_knot

CHILD, CHILD_ADDRESS = "child.example.test", "127.0.0.12"
"""A zone on a server of its own, to which example.test does not delegate by itself.

It runs for the whole session on the port of Knot: no other test has this address.
"""

_CHILD_ZONE = f"""$TTL 300
@ IN SOA ns1 hostmaster 1 3600 600 86400 5
@ IN NS ns1
ns1 IN A {CHILD_ADDRESS}
@ 300 IN TXT "of the child"
"""
_UNBOUND = """server:
  directory: "{directory}"
  chroot: ""
  username: ""
  pidfile: "{directory}/unbound.pid"
  interface: {address}
  port: {port}
  do-daemonize: no
  do-not-query-localhost: no
  num-threads: 1
  module-config: "iterator"
  use-syslog: no
  logfile: ""
  log-queries: yes
  local-zone: "test." nodefault
remote-control:
  control-enable: no
"""
_STUB = """stub-zone:
  name: "{zone}"
  stub-addr: {address}@{port}
"""
_FORWARD = """forward-zone:
  name: "."
  forward-addr: {address}@{port}
"""
"""What is in no zone of ours is refused there: no question leaves this machine."""


@pytest.fixture(scope="session")
def child(knot: RealServer) -> Iterator[RealServer]:
    """Another Knot, primary of `CHILD`, on the same port of another address."""
    with running_knot({CHILD: _CHILD_ZONE}, CHILD_ADDRESS, knot.port) as server:
        yield server


@pytest.fixture(scope="session")
def unbound(knot: RealServer, child: RealServer) -> Iterator[RealServer]:
    """Unbound, as the resolver of a machine is set up, for the zones of both."""
    program = installed("unbound", "unbound")
    stubs = [_STUB.format(zone=zone, address=knot.address, port=knot.port) for zone in ZONES]
    stubs.append(_STUB.format(zone=CHILD, address=child.address, port=child.port))
    template = "".join([_UNBOUND, *stubs, _FORWARD.format(address=knot.address, port=knot.port)])
    with running(template, lambda file: [program, "-d", "-c", file], {**ZONES, CHILD: _CHILD_ZONE}) as server:
        yield server


def asked(resolver: RealServer) -> list[tuple[str, str]]:
    """Return every question to it so far: name and type."""
    return re.findall(rf" info: {ADDRESS} (\S+)\. (\S+) IN$", resolver.log.read_text(), re.MULTILINE)
