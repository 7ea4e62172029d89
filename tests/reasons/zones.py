"""What the real servers serve: in the zone of each a domain for every mistake, with its record at `_verify.`."""

from tests.adapters.dns.world import CODE, OLD

BIND = "127.0.0.1"
"""It listens at addresses that the machine's interfaces have, and at no other of 127.0.0.0/8."""
KNOT, POWERDNS, NSD, UNBOUND, NOBODY = (f"127.0.0.{number}" for number in range(31, 36))
"""All on one port; nobody is at the last."""
HOMES = {"bind": BIND, "knot": KNOT, "powerdns": POWERDNS}
"""The primaries; each serves a zone of its own, `bind.test` and so on."""

_CODE, _OLD = CODE.decode(), OLD.decode()
_QUOTED = f'\\"{_CODE}\\"'
_LONG = f' "{"x" * 250}"'

HEAD = """$TTL 60
@ IN SOA ns1 hostmaster 1 3600 600 86400 {minimum}
@ IN NS ns1
ns1 IN A {address}
"""
_MISTAKES = f"""
_verify.served IN TXT "v=spf1 -all" "from a neighbour"
_verify.served IN TXT "{_CODE}"
nothing IN A 192.0.2.1
_verify.service IN SRV 0 0 443 elsewhere
below._verify.between IN TXT "{_CODE}"
_verify.others IN TXT "v=spf1 -all"
_verify.others IN TXT "from a neighbour"
_verify.old IN TXT "{_OLD}"
_verify.altered IN TXT "{_QUOTED}"
_verify.doubled.{{origin}} IN TXT "{_CODE}"
wrong IN TXT "{_CODE}"
_verify.alias IN CNAME elsewhere
elsewhere IN A 192.0.2.1
*.wild IN CNAME elsewhere
lame IN NS ns1.lame
ns1.lame IN A {{address}}
"""
_FULL = "".join(f'_verify.full IN TXT "{number:02}"{_LONG * 4}\n' for number in range(63))
"""As much TXT as a message of 64 KiB holds."""


def mistakes(home: str) -> tuple[str, str]:
    """Return the origin of the zone that one of `HOMES` serves, and what is in it."""
    origin = f"{home}.test"
    return origin, (HEAD + _MISTAKES + _FULL).format(origin=origin, address=HOMES[home], minimum=60)


def lone(origin: str, address: str, *records: str, minimum: int = 60) -> str:
    """Return a zone with these records and no more; `minimum`: how long it is remembered what is not there."""
    return (
        f"$ORIGIN {origin}.\n" + HEAD.format(address=address, minimum=minimum) + "".join(f"{one}\n" for one in records)
    )


RECORD = f'_verify IN TXT "{_CODE}"'
CLOSED = {"closed-bind.test": BIND}
"""Zones that nobody may ask about, and where they are."""
BROKEN = {"broken-bind.test": BIND, "broken-knot.test": KNOT, "broken-nsd.test": NSD}
"""Zones that their server has lost: their file, or the primary that it copies them from."""
LOST = {"lost-bind.test": BIND, "lost-knot.test": KNOT, "lost-powerdns.test": POWERDNS}
"""Zones that their server does not hold."""
LAME = {f"lame.{home}.test": address for home, address in HOMES.items()}
"""Zones whose server holds only the zone above."""
LENT = "lent.test"
"""A zone that BIND holds, and that is delegated to a resolver."""
QUICK = "quick.test"
"""A zone at BIND of which nothing is remembered for long."""
STALE = "stale.test"
"""A zone that NSD copies from BIND, and hears of no change."""
SOUND, EXPIRED, SPOILT = SIGNED = ("sound.test", "expired.test", "spoilt.test")
"""Zones at BIND with signatures that hold, that have expired, and whose record was changed afterwards."""
DELEGATED = {**CLOSED, **BROKEN, **LOST, **LAME, "away.test": NOBODY, LENT: UNBOUND}
"""Delegations that lead to no answer, as the resolver knows them."""


def delegations() -> str:
    """Return the zone `test`, in which the zones of the others are delegated."""
    at_bind = dict.fromkeys((STALE, QUICK, *SIGNED), BIND)
    homes = {f"{home}.test": address for home, address in HOMES.items()} | at_bind
    lines = [line for origin, address in homes.items() for line in delegation(origin, address)]
    return lone("test", NSD, *lines)


def delegation(origin: str, address: str) -> tuple[str, str]:
    """Return the records by which a zone is delegated to one server."""
    return f"{origin}. 60 IN NS ns1.{origin}.", f"ns1.{origin}. 60 IN A {address}"
