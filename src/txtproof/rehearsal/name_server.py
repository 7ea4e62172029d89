"""Authoritative name servers on loopback that take TSIG-signed updates; any of them can be made to lag.

What the workers are shown is the zone as each server serves it; what they did is in `changes`, an account of its own.
"""

import asyncio
import errno
import functools
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

from txtproof.rehearsal.zone_data import CNAME, NS, SOA, Change, Contents, ZoneData

LARGEST_UDP = 1232
IDLE = 10.0
"""Seconds that a TCP connection may be silent."""
TRIES = 50
"""Ports tried until one is free at every address, for UDP and TCP."""


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """A zone to serve, and the neighbours that stand in it from the start: (name, type, TTL, values as text)."""

    origin: str
    neighbours: tuple[tuple[str, str, int, tuple[str, ...]], ...] = ()
    negative_ttl: int = 60


class NameServers:
    """Serve zones for as long as the `with` block lasts, from a thread of their own.

    The first address is the primary: updates are taken there. The others serve the same zones, at once, or later
    where `lag` or `hold` says so.
    """

    def __init__(
        self,
        zones: Sequence[ZoneSpec],
        tsig_name: str,
        tsig_secret: str,
        addresses: Sequence[str] = ("127.0.0.1", "127.0.0.2"),
        port: int = 0,
    ) -> None:
        name = dns.name.from_text(tsig_name)
        self._keyring = {name: dns.tsig.Key(name, tsig_secret, dns.tsig.HMAC_SHA256)}
        self._specs = tuple(zones)
        self._wanted_port = port
        self._lags: dict[tuple[dns.name.Name, str], float] = {}
        self._held: dict[tuple[dns.name.Name, str], Contents] = {}
        self._lock = threading.RLock()
        self._sockets: list[tuple[str, socket.socket, socket.socket]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="rehearsal-dns", daemon=True)
        self._ready = threading.Event()
        self.addresses = tuple(addresses)
        self.port = 0
        self.zones: dict[dns.name.Name, ZoneData] = {}

    def __enter__(self) -> Self:
        self._bind()
        servers = {f"ns{place}": address for place, address in enumerate(self.addresses, 1)}
        for spec in self._specs:
            zone = ZoneData(spec.origin, servers, spec.negative_ttl)
            for name, kind, ttl, values in spec.neighbours:
                zone.put(name, kind, ttl, *values)
            self.zones[zone.origin] = zone
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def resolver(self) -> str:
        """Return `address:port` of a server that can be asked where these zones are."""
        return f"{self.addresses[0]}:{self.port}"

    @property
    def changes(self) -> list[Change]:
        """Return what updates have changed, in order."""
        with self._lock:
            return sorted((one for zone in self.zones.values() for one in zone.changes), key=lambda one: one.time)

    def put(self, zone: str, name: str, kind: str, ttl: int, *values: str) -> None:
        """Set a neighbour's record set, from its text form."""
        with self._lock:
            self._zone(zone).put(name, kind, ttl, *values)

    def snapshot(self, zone: str) -> list[tuple[str, str, int, str]]:
        """Return every record of a zone but the SOA."""
        with self._lock:
            return self._zone(zone).snapshot()

    def lag(self, zone: str, address: str, seconds: float) -> None:
        """Have one address serve what the zone was that long ago."""
        with self._lock:
            self._lags[self._zone(zone).origin, address] = seconds

    def hold(self, zone: str, address: str) -> None:
        """Have one address go on serving what the zone is now."""
        with self._lock:
            self._held[self._zone(zone).origin, address] = self._zone(zone).now

    def release(self, zone: str, address: str) -> None:
        """Have one address serve what the zone is."""
        with self._lock:
            self._held.pop((self._zone(zone).origin, address), None)
            self._lags.pop((self._zone(zone).origin, address), None)

    def answer(self, wire: bytes, address: str, largest: int) -> bytes | None:
        """Answer one message that came to an address; None where it deserves no answer."""
        try:
            try:
                query = dns.message.from_wire(wire, keyring=self._keyring)
            except (dns.message.UnknownTSIGKey, dns.tsig.BadKey):
                return _unsigned(wire, dns.rcode.BADKEY)
            except dns.tsig.BadSignature:
                return _unsigned(wire, dns.rcode.BADSIG)
            except dns.tsig.BadTime:
                return _unsigned(wire, dns.rcode.BADTIME)
            if query.flags & dns.flags.QR:
                return None
            response = dns.message.make_response(query, our_payload=LARGEST_UDP)
            with self._lock:
                if isinstance(query, dns.update.UpdateMessage):
                    response.set_rcode(self._updated(query, address))
                else:
                    self._look_up(query, response, address)
            return _fitting(response, min(largest, query.payload or 512) if largest < 65535 else largest)
        except dns.exception.DNSException:
            return None

    def _updated(self, query: dns.update.UpdateMessage, address: str) -> dns.rcode.Rcode:
        if not query.had_tsig or address != self.addresses[0]:
            return dns.rcode.REFUSED
        zone = self.zones.get(query.zone[0].name) if query.zone else None
        return zone.update(query) if zone else dns.rcode.NOTAUTH

    def _look_up(self, query: dns.message.Message, response: dns.message.Message, address: str) -> None:
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
            return
        asked = query.question[0]
        zone = self._closest(asked.name)
        if zone is None:
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.flags |= dns.flags.AA
        contents = self._served(zone, address)
        kinds = contents.get(asked.name, {})
        found = [kinds[kind] for kind in (asked.rdtype, CNAME) if kind in kinds][:1]
        for rdataset in found:
            _add(response.answer, asked.name, rdataset)
            if rdataset.rdtype == NS:
                for target in (rdata.target for rdata in rdataset):
                    for glue in contents.get(target, {}).values():
                        _add(response.additional, target, glue)
        if not found:
            _add(response.authority, zone.origin, contents[zone.origin][SOA])
            if not any(name.is_subdomain(asked.name) for name in contents):
                response.set_rcode(dns.rcode.NXDOMAIN)

    def _closest(self, name: dns.name.Name) -> ZoneData | None:
        inside = [zone for origin, zone in self.zones.items() if name.is_subdomain(origin)]
        return max(inside, key=lambda zone: len(zone.origin), default=None)

    def _served(self, zone: ZoneData, address: str) -> Contents:
        place = (zone.origin, address)
        return self._held.get(place) or zone.before(self._lags.get(place, 0.0))

    def _zone(self, origin: str) -> ZoneData:
        return self.zones[dns.name.from_text(origin)]

    def _bind(self) -> None:
        for _ in range(TRIES):
            with ExitStack() as undo:
                try:
                    self._sockets = self._bound(undo)
                except OSError as fault:
                    if fault.errno == errno.EADDRNOTAVAIL and "127.0.0.2" in self.addresses:
                        # macOS has 127.0.0.1 only
                        self.addresses = tuple("::1" if one == "127.0.0.2" else one for one in self.addresses)
                        continue
                    if fault.errno != errno.EADDRINUSE or self._wanted_port:
                        raise
                    continue
                undo.pop_all()
                self.port = self._sockets[0][1].getsockname()[1]
                return
        raise RuntimeError(f"no port is free at {', '.join(self.addresses)}")

    def _bound(self, undo: ExitStack) -> list[tuple[str, socket.socket, socket.socket]]:
        port, pairs = self._wanted_port, []
        for address in self.addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            stream = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stream.bind((address, port))
            port = stream.getsockname()[1]
            datagrams = undo.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            datagrams.bind((address, port))
            pairs.append((address, stream, datagrams))
        return pairs

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        closing = self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(closing.aclose())
        self._loop.close()

    async def _listen(self) -> "_Listeners":
        listeners = _Listeners()
        for address, stream, datagrams in self._sockets:
            transport, _ = await self._loop.create_datagram_endpoint(
                functools.partial(_Datagrams, self, address), sock=datagrams
            )
            listeners.datagrams.append(transport)
            listeners.streams.append(
                await asyncio.start_server(functools.partial(self._converse, address), sock=stream)
            )
        return listeners

    async def _converse(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(IDLE):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(length)
                answer = self.answer(wire, address, 65535)
                if answer is None:
                    return
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (OSError, EOFError, TimeoutError):
            return
        finally:
            writer.close()


class _Listeners:
    def __init__(self) -> None:
        self.datagrams: list[asyncio.DatagramTransport] = []
        self.streams: list[asyncio.Server] = []

    async def aclose(self) -> None:
        for transport in self.datagrams:
            transport.close()
        for server in self.streams:
            server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, servers: NameServers, address: str) -> None:
        self._servers = servers
        self._address = address
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        answer = self._servers.answer(data, self._address, LARGEST_UDP)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, peer)


def _add(section: list[dns.rrset.RRset], name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> None:
    section.append(dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)))


def _fitting(response: dns.message.Message, largest: int) -> bytes:
    """Return the answer's octets; where they are too many for UDP, the question alone with TC (RFC 2181, 9)."""
    try:
        return response.to_wire(max_size=largest)
    except dns.exception.TooBig:
        response.answer, response.authority, response.additional = [], [], []
        response.flags |= dns.flags.TC
        return response.to_wire(max_size=largest)


def _unsigned(wire: bytes, error: dns.rcode.Rcode) -> bytes:
    """Answer NOTAUTH with the TSIG error, unsigned: there is no key to sign with (RFC 8945, 5.2.1, 5.2.2)."""
    query = dns.message.from_wire(wire, keyring=False)
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.NOTAUTH)
    head = response.to_wire()
    assert query.tsig is not None, "it was the signature that was wrong"
    tsig = query.tsig[0].replace(mac=b"", error=error, time_signed=int(time.time()))
    record = dns.rrset.from_rdata(query.tsig.name, 0, tsig)
    body = dns.message.Message(query.id)
    body.additional.append(record)
    (additional,) = struct.unpack("!H", head[10:12])
    return head[:10] + struct.pack("!H", additional + 1) + head[12:] + body.to_wire()[12:]
