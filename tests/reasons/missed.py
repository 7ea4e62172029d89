"""How a look comes to miss: each definitive reason, on real servers where they can bring it about."""

from typing import Any

import pytest

from tests.adapters.dns.world import CODE, DOMAIN, OLD, zone
from tests.reasons.scenes import Next, Scenario, See, really, scripted
from tests.reasons.scripts import alternating, forged_over_udp
from tests.reasons.zones import HOMES
from txtproof.core.decisions import Look
from txtproof.core.observations import Sight
from txtproof.core.reasons import Reason


def on_primaries(reason: Reason, at: str, outcome: str, says: str, **more: Any) -> list[Scenario]:
    """Return a scenario for each of the primaries, whose zones have a domain `at` with the mistake."""
    return [
        Scenario(
            reason,
            home if at == reason.value else f"{home}-{at}",
            f"{at}.{home}.test",
            really(home),
            says.format(domain=f"{at}.{home}.test", zone=f"{home}.test"),
            (f"ns1.{home}.test {outcome} AA",),
            **more,
        )
        for home in HOMES
    ]


def remembering(way: str, before: bytes | None, ttl: int = 60) -> See:
    """Let Unbound be asked for the record before it is there, by somebody in a hurry."""
    look_now = really("bind", view=way)

    async def see(request: pytest.FixtureRequest, look: Look) -> Sight:
        bind, unbound = (request.getfixturevalue(f"real_{name}") for name in ("bind", "unbound"))
        zone = look.domain.partition(".")[2]
        if before is not None:
            bind.put(zone, look.name, "TXT", ttl, before.decode())
        unbound.ask(look.name)
        bind.put(zone, look.name, "TXT", ttl, look.expected.decode())
        return await look_now(request, look)

    return see


async def stale(request: pytest.FixtureRequest, look: Look) -> Sight:
    """Change a zone that NSD has copied, and tell it nothing."""
    bind, _ = (request.getfixturevalue(f"real_{name}") for name in ("bind", "nsd"))
    bind.put("stale.test", look.name, "TXT", 60, look.expected.decode())
    return await really()(request, look)


MISSED = (
    *on_primaries(Reason.NO_SUCH_NAME, "nothing", "no_such_name NXDOMAIN", "at _verify.{domain}"),
    Scenario(
        Reason.NO_SUCH_NAME,
        "forged_question",
        DOMAIN,
        scripted(forged_over_udp, zone),
        f"ns2.{DOMAIN}",
        (f"ns2.{DOMAIN} no_such_name NXDOMAIN AA",),
    ),
    *on_primaries(Reason.NO_TXT, "service", "no_txt NOERROR", "without TXT, at _verify.{domain}"),
    *on_primaries(Reason.NO_TXT, "between", "no_txt NOERROR", "without TXT, at _verify.{domain}"),
    *on_primaries(Reason.OTHER_VALUE, "others", "other_value NOERROR", "serves TXT (2), but none with the code"),
    *on_primaries(Reason.OTHER_VALUE, "full", "other_value NOERROR", "serves TXT (63), but none with the code"),
    *on_primaries(Reason.OLD_CODE, "old", "old_code NOERROR", "still serves the code of generation 1"),
    *on_primaries(Reason.ALTERED_VALUE, "altered", "altered_value NOERROR", "serves the code with quotes"),
    *on_primaries(
        Reason.DOUBLED_NAME, "doubled", "no_such_name NXDOMAIN", "the code stands at _verify.doubled.{zone}.{zone}"
    ),
    *on_primaries(Reason.WRONG_NAME, "wrong", "no_such_name NXDOMAIN", "the code stands at {domain}"),
    *on_primaries(Reason.CNAME, "alias", "no_txt NOERROR", "elsewhere.{zone}, which _verify.{domain} is an alias of"),
    *on_primaries(
        Reason.WILDCARD_CNAME,
        "wild",
        "no_txt NOERROR",
        "every name beside _verify.{domain} is an alias of elsewhere.{zone}",
    ),
    *on_primaries(
        Reason.NOT_YET_SERVED,
        "nothing",
        "no_such_name NXDOMAIN",
        "_verify.{domain}",
        seen=Reason.NO_SUCH_NAME,
        fresh=True,
    ),
    Scenario(
        Reason.STALE_SERVER,
        "nsd_behind_bind",
        "stale.test",
        stale,
        "ns2.stale.test still serves the zone as of serial 1; ns1.stale.test has 2 with the code.",
        ("ns1.stale.test match NOERROR AA", "ns2.stale.test no_such_name NXDOMAIN AA"),
    ),
    Scenario(
        Reason.UNSTEADY_ANSWERS,
        "anycast",
        DOMAIN,
        scripted(alternating, zone),
        f"ns1.{DOMAIN} (127.0.0.1",
        (f"ns1.{DOMAIN} no_such_name NXDOMAIN AA",),
    ),
    Scenario(
        Reason.UNSTEADY_ANSWERS,
        "anycast_in_the_round",
        DOMAIN,
        scripted(lambda: alternating(CODE), lambda: zone(CODE)),
        f"ns1.{DOMAIN} (127.0.0.1",
        (f"ns1.{DOMAIN} no_such_name NXDOMAIN AA", f"ns2.{DOMAIN} match NOERROR AA"),
    ),
    *(
        Scenario(
            Reason.NEGATIVE_CACHE,
            f"unbound_{way}",
            f"negative-{way}.bind.test",
            remembering(way, None),
            "remembers that the record is not there, for",
            ("ns1.bind.test match NOERROR AA", "resolver negative_cache NXDOMAIN"),
            Next.MEMORY,
            fresh=True,
        )
        for way in ("udp", "tls", "https")
    ),
    Scenario(
        Reason.OLD_CODE,
        "unbound",
        "remembered.bind.test",
        remembering("udp", OLD),
        "remembers a code from before, for",
        ("ns1.bind.test match NOERROR AA", "resolver old_code NOERROR"),
        Next.MEMORY,
        fresh=True,
    ),
    Scenario(
        Reason.OTHER_VALUE,
        "unbound",
        "neighbours.bind.test",
        remembering("udp", b"v=spf1"),
        "remembers TXT records without the code, for",
        ("ns1.bind.test match NOERROR AA", "resolver other_value NOERROR"),
        Next.MEMORY,
        fresh=True,
    ),
)
