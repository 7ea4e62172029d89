"""`address:port`, as people write where a server is."""

import re
from ipaddress import ip_address

_ENDPOINT = re.compile(r"(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})")


def endpoint(given: str) -> str:
    """Return `address:port`, IPv6 in brackets; a ValueError that says what to write where it is something else."""
    found = _ENDPOINT.fullmatch(given)
    try:
        if found and 0 < int(found[3]) < 65536 and ip_address(found[1] or found[2]):
            return given
    except ValueError:
        pass
    raise ValueError(f"{given[:60]!r} is no address and port: write 192.0.2.53:53 or [2001:db8::53]:53")


def host_and_port(given: str) -> tuple[str, int]:
    """Take an endpoint apart; the address without brackets."""
    host, _, port = given.rpartition(":")
    return host.strip("[]"), int(port)
