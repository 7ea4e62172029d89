"""Which addresses may be asked."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

_UNICAST = IPv6Network("2000::/3")
"""All that IANA gives out for the internet (RFC 4291, 2.4); the rest is reserved, local or a way to an IPv4 address."""
_RELAYS = IPv4Network("192.88.99.0/24")
"""Ways to the nearest 6to4 relay, given up (RFC 7526)."""
_DOCUMENTATION = IPv6Network("3fff::/20")
"""RFC 9637, which Python 3.11 has not heard of."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052, 2.1."""


# 10 us each; the same few come again with every zone
@lru_cache(maxsize=10_000)
def is_public(address: str) -> bool:
    """Say whether an address, and an IPv4 address inside it, is one that the public internet has.

    Whoever owns a domain says where its name servers are: without this they could have anything in the worker's own
    network asked.
    """
    known = ip_address(address)
    if isinstance(known, IPv4Address):
        return known.is_global and not known.is_multicast and known not in _RELAYS
    if known in _NAT64:
        return is_public(str(IPv4Address(int(known) & 0xFFFFFFFF)))
    if known.sixtofour is not None and not is_public(str(known.sixtofour)):
        return False
    return known in _UNICAST and known.is_global and known not in _DOCUMENTATION
