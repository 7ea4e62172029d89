"""What a look saw, server by server: enough to convince a person, without a TXT value or a code in it."""

from collections.abc import Sequence

from txtproof.core.values import Value

MATCH = "match"
"""The outcome at a server that serves the value; any other is a reason's word."""


class ServerView(Value, frozen=True, array_like=True):
    """One address of one name server, as it answered at the last look.

    Rows have it as a list of these, in this order: what is new comes last, with a default.
    """

    server: str
    """Name of the server, without trailing dot; the address again where it has no name."""
    address: str
    """IP address, with `:port` where that is not 53 (IPv6 in brackets)."""
    outcome: str
    """`match`, or the reason's word: `no_txt`, `old_code`, `timeout` ..."""
    rcode: str = ""
    """`NOERROR`, `NXDOMAIN` ...; empty where nothing came back."""
    authoritative: bool = False
    """The AA bit (RFC 1035, 4.1.1)."""
    serial: int | None = None
    """The zone's SOA serial there (RFC 1035, 3.3.13)."""
    values: int = 0
    """How many TXT values stand at the name."""
    took_ms: int = 0
    authenticated: bool = False
    """The AD bit: a validating resolver vouches for it (RFC 4035, 3.2.3)."""
    error: str = ""
    """Extended DNS errors in words (RFC 8914)."""
    node: str = ""
    """Which of several machines behind the address it was, as it calls itself (NSID, RFC 5001)."""


def is_served(servers: Sequence[ServerView]) -> bool:
    """Say whether one of them serves the value: a miss beside that is a late server's, or a resolver's memory."""
    return any(one.outcome == MATCH for one in servers)
