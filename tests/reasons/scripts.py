"""What no server of good faith does."""

from itertools import cycle

import dns.flags
import dns.message
import dns.name
import dns.rdatatype

from tests.adapters.dns.scripted import Said, Script, over
from tests.adapters.dns.world import CODE, DOMAIN, zone


def alternating(*values: bytes) -> Script:
    """Answer like two machines behind one address: the first has these values, the other has the code or has not."""
    machines = cycle((zone(*values), zone() if values else zone(CODE)))

    def script(query: dns.message.Message, tcp: bool) -> Said:
        of_the_record = query.question[0].rdtype == dns.rdatatype.TXT
        return (next(machines) if of_the_record else zone())(query, tcp)

    return script


def looping(query: dns.message.Message, tcp: bool) -> Said:
    """Give a record whose owner is a pointer to itself (RFC 1035, 4.1.4)."""
    answer = dns.message.make_response(query)
    answer.use_edns(False)
    answer.flags |= dns.flags.AA
    wire = bytearray(answer.to_wire())
    wire[7] = 1
    return bytes(wire) + (0xC000 | len(wire)).to_bytes(2) + bytes((0, 16, 0, 1, 0, 0, 0, 60, 0, 2, 1, 65))


def cut(query: dns.message.Message, tcp: bool) -> Said:
    """Leave out what does not fit, even where everything would."""
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.AA | dns.flags.TC
    return answer


def of_another_name(query: dns.message.Message, tcp: bool) -> Said:
    """Give the code, by an answer to a question that nobody put."""
    wire = zone(CODE)(query, tcp)
    assert isinstance(wire, dns.message.Message)
    wire.question[0].name = dns.name.from_text(f"other.{DOMAIN}")
    return wire


def forged_over_udp() -> Script:
    """Answer over TCP what is so, and over UDP as above."""
    return over(udp=of_another_name, tcp=zone())
