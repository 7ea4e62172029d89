"""Real name servers, each in a directory and on a port of its own: BIND and Knot, as an operator would set them up."""

import os
import shutil
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.tsig
import dns.update
import dns.zone
import pytest

from txtproof.rehearsal.valkey import free_port

ADDRESS = "127.0.0.1"
READY_WITHIN = 15.0
"""Seconds."""
KEY = "tsig-test"
RESTRICTED_NAME = "_verify.sub.example.test"
"""The only name of sub.example.test that BIND lets the key write, and only TXT."""

HEAD = """$ORIGIN {zone}.
$TTL 300
@ IN SOA ns1 hostmaster 1 3600 600 86400 5
@ IN NS ns1
ns1 IN A 127.0.0.1
@ 300 IN TXT "v=spf1 include:_spf.mail.test -all"
"""
ZONES = {
    "example.test": HEAD.format(zone="example.test")
    + """sub IN NS ns1.sub
ns1.sub IN A 127.0.0.1
delegated IN NS ns.elsewhere.test.
alias IN CNAME www
www IN A 192.0.2.1
*.wild-text 120 IN TXT "from the wildcard"
*.wild-alias IN CNAME www
""",
    "sub.example.test": HEAD.format(zone="sub.example.test"),
    "other.test": HEAD.format(zone="other.test"),
}
"""`sub` is a child on the same server, `delegated` one on another server."""


@dataclass(frozen=True, slots=True)
class RealServer:
    """A name server that runs for the whole session: tests use names of their own."""

    port: int
    tsig_secret: str = field(repr=False)
    """Base64."""
    address: str = ADDRESS
    tsig_name: str = KEY
    tsig_algorithm: str = "hmac-sha256"

    @property
    def server(self) -> str:
        """Return `address:port`."""
        return f"{self.address}:{self.port}"

    def values(self, name: str) -> tuple[int | None, list[bytes]]:
        """Return the TTL and the values of the TXT set at a name, as anybody is served it; no TTL where none stands."""
        query = dns.message.make_query(name, dns.rdatatype.TXT)
        answer = dns.query.tcp(query, self.address, 5, self.port)
        owner = dns.name.from_text(name)
        found = answer.get_rrset(answer.answer, owner, dns.rdataclass.IN, dns.rdatatype.TXT)
        return (found.ttl, sorted(b"".join(one.strings) for one in found)) if found else (None, [])

    def snapshot(self, zone: str) -> list[tuple[str, str, int, str]]:
        """Return every record of a zone but the SOA, as (name, type, TTL, text), in order (AXFR, RFC 5936)."""
        query, copy = dns.xfr_query(zone, self._key) if False else (None, dns.zone.Zone(zone))
        dns.query.inbound_xfr(self.address, copy, query, self.port, 5)
        return sorted()
