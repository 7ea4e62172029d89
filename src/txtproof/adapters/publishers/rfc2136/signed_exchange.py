"""Questions and updates to one name server over TCP, signed with TSIG (RFC 8945), and what its answers mean."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import dns.asyncquery
import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from txtproof.adapters.dns_stream import Stream, connected
from txtproof.adapters.publishers.trouble import Failure, Trouble, within
from txtproof.core.observations import Ambiguous, Blocked, Unreachable
from txtproof.core.reasons import Reason
from txtproof.endpoints import host_and_port

T = TypeVar("T")

CONFLICTS = frozenset({dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN})
"""Answers to an update whose prerequisites do not hold (RFC 2136, 3.2)."""

_REFUSALS = {
    dns.rcode.REFUSED: (Reason.PUBLISHER_REFUSED, "it refuses this key to write this name"),
    dns.rcode.NOTAUTH: (Reason.NO_ZONE, "it does not hold the zone"),
    dns.rcode.NOTZONE: (Reason.NO_ZONE, "the name does not lie in the zone"),
    dns.rcode.NOTIMP: (Reason.PUBLISHER_REFUSED, "it takes no updates"),
    dns.rcode.FORMERR: (Reason.INVALID_VALUE, "it does not understand the update"),
}


@dataclass(slots=True)
class Primary:
    """A name server that takes updates, and the key that they are signed with."""

    servers: Callable[[], Awaitable[Sequence[str]]]
    """Where it is, as `address:port`, IPv6 in brackets: the first that can be connected to. May raise Trouble."""
    key: dns.tsig.Key = field(repr=False)
    timeout: float
    """Seconds for a call."""
    advice: str = ""
    """What to do where no connection is to be had, or it does not hold the zone."""
    hangs_up: bool = False
    """It has closed a connection after an answer: each message gets one of its own."""


class Session:
    """One call of a publisher: what it asks and changes on the way, over one connection and within one time limit."""

    def __init__(self, primary: Primary) -> None:
        self.primary = primary
        self.server = "the primary"
        """`address:port`, once there has been a connection."""
        self._found: Sequence[str] = ()
        self.unanswered = False
        """True while an update is on its way: it may have taken effect."""
        self.trusted = False
        """True once an answer was signed with the key: whatever is refused then, the key is known."""
        self._stream: Stream | None = None

    async def ask(self, question: dns.message.Message) -> dns.message.Message:
        """Put a question. Raises Trouble unless it is answered with NOERROR or NXDOMAIN."""
        answer = await self._exchanged(question)
        if answer.rcode() == dns.rcode.REFUSED:
            what = f"it does not answer for the zone (REFUSED){self.primary.advice}"
            raise Trouble(Blocked(Reason.NO_ZONE, f"{self.server}: {what}"))
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise Trouble(_meaning(answer.rcode(), self.server))
        return answer

    async def change(self, update: dns.update.UpdateMessage) -> bool:
        """Send an update; return False where its prerequisites do not hold. Raises Trouble where it is refused."""
        answer = await self._exchanged(update, changes=True)
        if answer.rcode() in CONFLICTS:
            return False
        if answer.rcode() != dns.rcode.NOERROR:
            raise Trouble(_meaning(answer.rcode(), self.server))
        return True

    def close(self) -> None:
        """Hang up."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def _exchanged(self, message: dns.message.Message, *, changes: bool = False) -> dns.message.Message:
        message.use_tsig(self.primary.key)
        try:
            came = await self._answer(message.to_wire(), changes=changes)
            answer = dns.message.from_wire(came, keyring=message.keyring, request_mac=message.mac)
            if not message.is_response(answer):
                raise dns.query.BadResponse
        except (OSError, EOFError, dns.exception.DNSException) as fault:
            raise Trouble(await self._explained(message, fault)) from None
        self.unanswered = False
        self.trusted = True
        return answer

    async def _answer(self, wire: bytes, *, changes: bool) -> bytes:
        """Return what comes back.

        Where a connection that was good for an answer before ends without one, a question is put anew; an update is
        not, since it may have taken effect.
        """
        stream, kept = await self._connection()
        self.unanswered = changes
        stream.send(wire)
        try:
            return await stream.receive()
        except (OSError, EOFError):
            self.close()
            if not kept:
                raise
            self.primary.hangs_up = True
            if changes:
                raise
        return await self._answer(wire, changes=False)

    async def _connection(self) -> tuple[Stream, bool]:
        """Return a connection, and whether it has been good for an answer before."""
        if self._stream is not None and not self.primary.hangs_up:
            # the loop must have looked: nothing is to be lost on a connection that has ended already
            await asyncio.sleep(0)
            if self._stream.is_idle:
                return self._stream, True
            self.primary.hangs_up = True
        self.close()
        self._stream = await self._connected()
        return self._stream, False

    async def _connected(self) -> Stream:
        """Connect to the first server that lets us, and stay with it."""
        self._found = self._found or await self.primary.servers()
        failure = ""
        for server in self._found:
            try:
                async with asyncio.timeout(self.primary.timeout / (len(self._found) + 1)):
                    stream = await connected(*host_and_port(server))
            except OSError as fault:
                failure = failure or f"no connection ({type(fault).__name__}){self.primary.advice}"
                continue
            self.server, self._found = server, (server,)
            return stream
        raise Trouble(_unreachable(self._found[0], failure))

    async def _explained(self, message: dns.message.Message, fault: Exception) -> Blocked | Unreachable | Ambiguous:
        match fault:
            case dns.exception.TooBig():
                return Blocked(Reason.INVALID_VALUE, f"{self.server}: the change does not fit into one message")
            case dns.tsig.PeerBadTime() | dns.tsig.BadTime():
                return _auth(self.server, "the clocks are too far apart for TSIG: set this machine's or the server's")
            case dns.tsig.PeerBadKey() if self.trusted:
                # what Knot says of a key that it knows, and that may not write this
                return _meaning(dns.rcode.REFUSED, self.server)
            case dns.tsig.PeerBadKey():
                return _auth(
                    self.server,
                    "it does not know the TSIG key, or has no rule for it: check tsig_name and tsig_algorithm",
                )
            case dns.tsig.PeerBadSignature() | dns.tsig.BadSignature():
                return _auth(self.server, "the TSIG signature does not hold: check tsig_secret")
            case dns.tsig.PeerError() | dns.tsig.BadKey() | dns.tsig.BadAlgorithm():
                return _auth(self.server, f"TSIG fails ({type(fault).__name__})")
            case dns.exception.FormError() if "TSIG" in str(fault):
                return await self._explained_unsigned(message)
        if self.unanswered:
            return Ambiguous(Reason.PUBLISHER_UNREACHABLE, f"{self.server}: no answer to an update")
        return _unreachable(self.server, f"no answer ({type(fault).__name__})")

    async def _explained_unsigned(self, message: dns.message.Message) -> Blocked:
        """Tell a key that is not known from a zone that is not held: by an unsigned question, which only words rest on.

        Knot answers NOTAUTH unsigned for a zone that it does not hold, PowerDNS for a key that it does not know.
        """
        host, port = host_and_port(self.server)
        question = dns.message.make_query(message.question[0].name, dns.rdatatype.SOA, flags=0)
        try:
            answer = await dns.asyncquery.tcp(question, host, self.primary.timeout, port)
        except (OSError, EOFError, dns.exception.DNSException):
            return _auth(self.server, "it answers unsigned: it does not know the TSIG key, or not the zone")
        if answer.rcode() in (dns.rcode.REFUSED, dns.rcode.NOTAUTH):
            return Blocked(Reason.NO_ZONE, f"{self.server}: it does not hold the zone")
        return _auth(self.server, "it answers unsigned: check tsig_name, tsig_algorithm, tsig_secret and the clock")


async def answered(session: Session, work: Coroutine[Any, Any, T]) -> T | Failure:
    """Do a publisher's work within its session's time."""

    def late() -> Failure:
        if session.unanswered:
            return Ambiguous(Reason.PUBLISHER_UNREACHABLE, f"{session.server}: no answer to an update in time")
        return _unreachable(session.server, "no answer in time")

    try:
        return await within(session.primary.timeout, work, late)
    finally:
        session.close()


def _meaning(rcode: dns.rcode.Rcode, server: str) -> Blocked | Unreachable:
    if rcode in _REFUSALS:
        reason, text = _REFUSALS[rcode]
        return Blocked(reason, f"{server}: {text} ({dns.rcode.to_text(rcode)})")
    return _unreachable(server, f"it answers {dns.rcode.to_text(rcode)}")


def _unreachable(server: str, text: str) -> Unreachable:
    return Unreachable(Reason.PUBLISHER_UNREACHABLE, f"{server}: {text}")


def _auth(server: str, text: str) -> Blocked:
    return Blocked(Reason.PUBLISHER_AUTH, f"{server}: {text}")
