"""Which addresses may be asked."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052, 2.1."""


def is_public(address: str) -> bool:
    """Say whether an address, and an IPv4 address inside it, is one that the public internet has.

    Whoever owns a domain says where its name servers are: without this they could have anything in the worker's own
    network asked.
    """
    known = ip_address(address)
    if isinstance(known, IPv6Address):
        inner = _inner(known)
        if inner is not None and not is_public(str(inner)):
            return False
        if known.is_site_local:
            return False
    return known.is_global and not known.is_multicast


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
