"""Name servers that take updates, as their owner sees them, and the publisher for them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update
from dns.rdtypes.ANY.TXT import TXT
from pydantic import SecretStr

from tests.real_servers import ALGORITHM, ANSWER_WITHIN, KEY, RealServer, served
from txtproof.adapters.publishers.rfc2136.publisher import Rfc2136Options, Rfc2136Publisher
from txtproof.rehearsal.name_server import NameServers
from txtproof.testing.publisher_contract import World

ZONE = "example.test"


class OverTheWire:
    """A provider (txtproof.testing.publisher_contract): all that it is told and asked goes by DNS."""

    def __init__(self, server: RealServer | NameServers, address: str) -> None:
        self._server = server
        self._address = address

    def put(self, name: str, ttl: int, *strings: Sequence[bytes]) -> None:
        texts = [_txt(*value).to_text() for value in strings]
        self._server.put(ZONE, name, "TXT", ttl, *texts)

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        return served(self._address, self._server.port, name)

    def snapshot(self) -> Sequence[object]:
        return self._server.snapshot(ZONE)


class Updating:
    """An owner (tests.publishers.crowd) who adds and deletes single values by signed updates."""

    def __init__(self, server: RealServer, ttl: int) -> None:
        self._server = server
        self._ttl = ttl

    def add(self, name: str, value: bytes) -> None:
        update = dns.update.UpdateMessage(ZONE)
        update.add(dns.name.from_text(name), self._ttl, _txt(value))
        self._send(update)

    def remove(self, name: str, value: bytes) -> None:
        update = dns.update.UpdateMessage(ZONE)
        update.delete(dns.name.from_text(name), _txt(value))
        self._send(update)

    def _send(self, update: dns.update.UpdateMessage) -> None:
        server = self._server
        update.use_tsig(dns.tsig.Key(server.tsig_name, server.tsig_secret, server.tsig_algorithm))
        answer = dns.query.tcp(update, server.address, ANSWER_WITHIN, server.port)
        assert answer.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(answer.rcode())


def opened(
    server: str | None,
    secret: SecretStr,
    seconds: float = 20,
    key: tuple[str, str] = (KEY, ALGORITHM),
    **more: Any,
) -> Rfc2136Publisher:
    """Open the publisher for a server, `address:port`; `key`: its name and algorithm."""
    options = Rfc2136Options(
        name="corp",
        zones=(ZONE,),
        server=server,
        tsig_name=key[0],
        tsig_algorithm=key[1],
        tsig_secret=secret,
        call_timeout=timedelta(seconds=seconds),
        **more,
    )
    return options.open()


def over_the_wire(server: RealServer | NameServers, address: str, secret: str) -> World:
    """Return a server and its publisher as the contract wants them."""
    at = f"{address}:{server.port}"
    return World(ZONE, OverTheWire(server, address), lambda: opened(at, SecretStr(secret)))


def _txt(*strings: bytes) -> TXT:
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)
