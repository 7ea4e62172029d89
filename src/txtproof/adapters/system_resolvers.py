"""The machine's own resolvers."""

import dns.exception
import dns.resolver


def system_resolvers() -> tuple[str, ...]:
    """Return this machine's resolvers as `address:port`; none where it has none configured."""
    try:
        found = dns.resolver.get_default_resolver().nameservers
    except dns.exception.DNSException:
        return ()
    return tuple(f"[{one}]:53" if ":" in one else f"{one}:53" for one in found if isinstance(one, str))
