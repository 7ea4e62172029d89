"""A forger off the path: a process that sends forged answers as fast as it can, with guessed ids.

It is started with `python -m`, reads its plan line by line, and says in the end how many it has sent.
"""

import json
import os
import random
import select
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.adapters.dns.scripted import SOA

STRANGERS = ("127.0.0.66", "127.0.0.67")
BURST = 200


def forgeries(query: dns.message.Message, code: bytes, old: bytes, evil: str) -> list[bytes]:
    """Return everything that a forger may want believed, with the id of the question."""
    name = query.question[0].name
    zone = name.parent()

    def answer(*records: dns.rrset.RRset, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> dns.message.Message:
        made = dns.message.make_response(query)
        made.flags |= dns.flags.AA
        made.set_rcode(rcode)
        made.answer.extend(records)
        return made

    def text(value: bytes) -> dns.message.Message:
        return answer(dns.rrset.from_text(name, 60, "IN", "TXT", f'"{value.decode()}"'))

    absent, referral, cut = answer(rcode=dns.rcode.NXDOMAIN), dns.message.make_response(query), answer()
    absent.authority.append(dns.rrset.from_text(zone, 60, "IN", "SOA", SOA.format(serial=666)))
    referral.authority.append(dns.rrset.from_text(name, 60, "IN", "NS", f"ns.evil.{zone}"))
    referral.additional.append(dns.rrset.from_text(f"ns.evil.{zone}", 60, "IN", "A", evil))
    cut.flags |= dns.flags.TC
    alias = answer(dns.rrset.from_text(name, 60, "IN", "CNAME", "proof.evil.test."))
    said = [absent, text(code), text(old), text(b"another"), alias, referral, cut, answer(rcode=dns.rcode.REFUSED)]
    bare = [query.id.to_bytes(2) + flags + bytes(8) for flags in (b"\x84\x01", b"\x84\x02", b"\x84\x05")]
    return [*(one.to_wire() for one in said), *bare]


@dataclass(slots=True)
class Forger:
    """A flood under way."""

    process: subprocess.Popen[str]
    sent: int = 0
    """Known when it is over."""
    _aimed: set[int] = field(default_factory=set)

    def aim(self, ports: Iterable[int]) -> None:
        """Send to these ports of this machine as well; to no other, which may be another program's."""
        new = sorted(set(ports) - self._aimed)
        self._aimed.update(new)
        if new and self.process.stdin is not None:
            self.process.stdin.write(json.dumps(new) + "\n")
            self.process.stdin.flush()


@contextmanager
def flood(answers: Sequence[bytes], sources: Sequence[tuple[str, int]]) -> Iterator[Forger]:
    """Send these, with ids at random, from these addresses; port 0: any."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.adapters.dns.forger"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    forger = Forger(process)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([[one.hex() for one in answers], list(sources)]) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "under way\n"
        yield forger
    finally:
        told, _ = process.communicate(timeout=30)
        forger.sent = int(told)


def _main() -> None:
    plan = open(0, "rb", buffering=0)  # noqa: SIM115  # unbuffered, so that select sees all that is unread
    answers, sources = json.loads(plan.readline())
    bodies = [bytes.fromhex(one)[2:] for one in answers]
    sockets = [_bound(address, port) for address, port in sources]
    aimed: list[int] = []
    sent = 0
    sys.stdout.write("under way\n")
    sys.stdout.flush()
    while True:
        if select.select([plan], [], [], 0 if aimed else None)[0]:
            line = plan.readline()
            if not line:
                break
            aimed += json.loads(line)
        for _ in range(BURST):
            port = random.choice(aimed)
            try:
                random.choice(sockets).sendto(os.urandom(2) + random.choice(bodies), ("127.0.0.1", port))
            except OSError:
                continue
            sent += 1
    sys.stdout.write(str(sent))


def _bound(address: str, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, port))
    return one


if __name__ == "__main__":
    _main()
