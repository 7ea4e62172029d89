"""How a look comes to see nothing: each reason, on real servers where they can bring it about."""

import pytest

from tests.adapters.dns.scripted import silent
from tests.adapters.dns.world import DOMAIN
from tests.reasons.scenes import Next, Scenario, See, really, scripted
from tests.reasons.scripts import cut, looping
from tests.reasons.zones import HOMES, NOBODY
from txtproof.core.decisions import Look
from txtproof.core.observations import Sight
from txtproof.core.reasons import Reason


async def lent(request: pytest.FixtureRequest, look: Look) -> Sight:
    """Have the resolver that a zone is delegated to know the record: it is no authority for it."""
    assert request.getfixturevalue("real_unbound").ask(look.name).answer
    return await really()(request, look)


def blind(reason: Reason, where: str, domain: str, see: See, says: str, *servers: str) -> Scenario:
    """Return a scenario in which nothing can be seen."""
    return Scenario(reason, where, domain, see, says, servers, Next.BACK_OFF)


def refusing(where: str, server: str) -> Scenario:
    """Return the scenario of a server that does not hold the zone, or lets nobody ask."""
    domain = f"{where}.test"
    return blind(Reason.REFUSED, where, domain, really(server), f"ns1.{domain}", f"ns1.{domain} refused REFUSED")


def bogus(which: str, says: str) -> Scenario:
    """Return the scenario of a zone whose signatures Unbound does not accept."""
    return blind(
        Reason.DNSSEC_BOGUS,
        which,
        f"{which}.test",
        really("bind", view="udp"),
        says,
        f"ns1.{which}.test match NOERROR AA",
        "resolver dnssec_bogus SERVFAIL",
    )


UNSEEN = (
    blind(Reason.TIMEOUT, "nobody_there", "away.test", really(), "ns1.away.test", "ns1.away.test timeout"),
    blind(
        Reason.TIMEOUT,
        "dropped",
        DOMAIN,
        scripted(lambda: silent, lambda: silent),
        f"ns2.{DOMAIN}",
        f"ns1.{DOMAIN} timeout",
        f"ns2.{DOMAIN} timeout",
    ),
    *(
        blind(
            Reason.SERVFAIL,
            f"broken-{server}",
            f"broken-{server}.test",
            really(server),
            f"ns1.broken-{server}.test",
            f"ns1.broken-{server}.test servfail SERVFAIL",
        )
        for server in ("bind", "knot", "nsd")
    ),
    refusing("lost-bind", "bind"),
    refusing("lost-knot", "knot"),
    refusing("lost-powerdns", "powerdns"),
    refusing("closed-bind", "bind"),
    *(
        blind(
            Reason.LAME,
            server,
            f"lame.{server}.test",
            really(server),
            f"ns1.lame.{server}.test",
            f"ns1.lame.{server}.test lame NOERROR",
        )
        for server in HOMES
    ),
    blind(
        Reason.CANNOT_SEE,
        "intercepted",
        "lent.test",
        lent,
        "a resolver answers in the place of every name server",
        "ns1.lent.test lame NOERROR",
    ),
    blind(
        Reason.LAME,
        "compression_loop",
        DOMAIN,
        scripted(lambda: looping, lambda: looping),
        f"ns1.{DOMAIN}",
        f"ns1.{DOMAIN} lame",
        f"ns2.{DOMAIN} lame",
    ),
    blind(
        Reason.LAME,
        "truncated_over_tcp",
        DOMAIN,
        scripted(lambda: cut, lambda: cut),
        f"ns1.{DOMAIN}",
        f"ns1.{DOMAIN} lame",
        f"ns2.{DOMAIN} lame",
    ),
    blind(
        Reason.CANNOT_SEE, "resolver_away", "nothing.bind.test", really(resolver=f"{NOBODY}:9"), "no resolver answers"
    ),
    blind(
        Reason.CANNOT_SEE,
        "private_servers",
        "nothing.bind.test",
        really("bind", private=False),
        "private addresses only",
    ),
    bogus("expired", "dnssec bogus (validation failure <_verify.expired.test. TXT IN>"),
    bogus("spoilt", "dnssec bogus (validation failure <_verify.spoilt.test. TXT IN>: signature crypto failed"),
)
