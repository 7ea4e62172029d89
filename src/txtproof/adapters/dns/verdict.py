"""What the servers' answers say: a match, a miss or nothing. Pure; no answer is turned into more than it says."""

from collections.abc import Collection, Sequence

from txtproof.core.altered import alteration
from txtproof.core.decisions import Look
from txtproof.core.evidence import MATCH, ServerView
from txtproof.core.names import canonical
from txtproof.core.observations import Match, Miss, Sight, Unseen
from txtproof.core.reasons import BLIND, MISSES, Reason
from txtproof.core.values import Value

INTERCEPTED = "a resolver answers in the place of every name server, as where port 53 is intercepted"
WAVERS = "serves the code one time, and not the next"
SHOWN = 3
"""Servers named in a detail; all are in the evidence."""

_SAYING = {"NXDOMAIN": Reason.NO_SUCH_NAME, "NOERROR": Reason.NO_TXT}
"""What they say where there is no value and no alias."""
_FAILING = {"REFUSED": Reason.REFUSED, "SERVFAIL": Reason.SERVFAIL}
_NOT_THERE = frozenset({Reason.NO_SUCH_NAME, Reason.NO_TXT, Reason.OTHER_VALUE})


class Answer(Value, frozen=True):
    """What one address of a name server said about a name."""

    hidden = frozenset({"values"})

    server: str
    address: str
    took_ms: int = 0
    failure: Reason | None = None
    """Why nothing came back, where nothing did; `cannot_see`: it was never asked."""
    rcode: str = ""
    authoritative: bool = False
    recursive: bool = False
    """The RA bit (RFC 1035, 4.1.1): it is a resolver, whatever else it is."""
    node: str = ""
    """Which machine behind the address it was (NSID)."""
    alias: bool = False
    """A CNAME stands at the name."""
    leads: bool = False
    """It is the alias that was followed: as good as what stands at its end, which is judged by itself."""
    values: tuple[bytes, ...] = ()
    serial: int | None = None
    """Of the zone's SOA, given with AA; None where that failed or was not asked."""


def outcome(answer: Answer, look: Look) -> str:
    """Return `match`, or a `Reason`."""
    if answer.failure is not None:
        return answer.failure
    if answer.rcode not in _SAYING or not answer.authoritative:
        return _FAILING.get(answer.rcode, Reason.LAME)
    if answer.leads or look.expected in answer.values:
        return MATCH
    if not answer.values:
        return Reason.CNAME if answer.alias else _SAYING[answer.rcode]
    if former(answer.values, look) is not None:
        return Reason.OLD_CODE
    altered = any(alteration(look.expected, value) for value in answer.values)
    return Reason.ALTERED_VALUE if altered else Reason.OTHER_VALUE


def former(values: Collection[bytes], look: Look) -> int | None:
    """Return the latest generation whose code is among these values; 0: of a run before; None: none is."""
    return max((generation for generation, value in look.former if value in values), default=None)


def judged(answers: Sequence[Answer], look: Look, name: str) -> Sight:
    """Judge the answers about a name, the record's own or one that it is an alias of; at least one answer.

    A server that answers must serve the code. One that does not even answer for its SOA is reported and holds nothing
    up; one that does, but not for the record, or that could not be asked, leaves the question open.
    """
    if len(answers) == 1:
        # most looks: what one server lacks is a miss
        only = answers[0]
        word = outcome(only, look)
        if isinstance(word, Reason) and word in MISSES:
            return _missed(only, word, look, name, (_view(only, word),))
    told = [(answer, outcome(answer, look)) for answer in answers]
    views = tuple([_view(answer, word) for answer, word in told])
    missing = [(answer, word) for answer, word in told if isinstance(word, Reason) and word in MISSES]
    matching = len(missing) < len(told) and any(word == MATCH for _, word in told)
    if missing and matching:
        return Miss(Reason.STALE_SERVER, _stale([answer for answer, _ in missing], answers), views)
    if missing:
        return _missed(*missing[0], look, name, views)
    open_still = [(answer, word) for answer, word in told if word in BLIND and _matters(answer)]
    if open_still or not matching:
        blind = open_still or told
        if all(_is_a_resolvers(answer) for answer in answers):
            return Unseen(Reason.CANNOT_SEE, f"{INTERCEPTED}: {_blind(blind)}"[:200], views)
        return Unseen(Reason(blind[0][1]), _blind(blind), views)
    return Match(views)


def together(sights: Sequence[Sight]) -> Sight:
    """Join what was seen of the record and of each alias that led to it: all must match; at least one."""
    for kind in (Miss, Unseen):
        for sight in sights:
            if isinstance(sight, kind):
                return sight
    return Match(tuple(view for sight in sights for view in sight.servers))


def circling(look: Look, seen: Sequence[Answer], most: int | None = None) -> Miss:
    """Say that the aliases lead in a circle, or through more than `most`."""
    where = "in a circle" if most is None else f"through more than {most} others"
    views = tuple(_view(answer, outcome(answer, look)) for answer in seen)
    return Miss(Reason.CNAME, f"the alias at {look.name} leads {where}"[:200], views)


def _is_a_resolvers(answer: Answer) -> bool:
    """Say whether a resolver has answered where a name server was asked."""
    return answer.recursive and not answer.authoritative and answer.rcode in ("NOERROR", "NXDOMAIN")


def _matters(answer: Answer) -> bool:
    return answer.serial is not None or answer.failure is Reason.CANNOT_SEE


def _view(answer: Answer, word: str) -> ServerView:
    return ServerView(
        server=answer.server,
        address=answer.address,
        outcome=word,
        rcode=answer.rcode,
        authoritative=answer.authoritative,
        serial=answer.serial,
        values=len(answer.values),
        took_ms=answer.took_ms,
        node=answer.node,
    )


def _stale(missing: Sequence[Answer], answers: Sequence[Answer]) -> str:
    newest = max((answer.serial for answer in answers if answer.serial is not None), default=None)
    behind = ", ".join(f"{_named(answer)}{_serial(answer.serial)}" for answer in missing[:SHOWN])
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    return f"not yet on {behind}{more}{f'; the newest serial is {newest}' if newest is not None else ''}"[:200]


def _missed(answer: Answer, reason: Reason, look: Look, name: str, views: tuple[ServerView, ...]) -> Miss:
    aliased = name != look.name and name != canonical(look.name)
    shown = Reason.CNAME if aliased and reason in _NOT_THERE else reason
    if not answer.values:
        found = f"answers {answer.rcode}" if answer.rcode == "NXDOMAIN" else f"answers {answer.rcode}, without TXT"
    elif reason is Reason.OLD_CODE:
        generation = former(answer.values, look)
        whose = f"generation {generation}" if generation else "a run before this one"
        found = f"still serves the code of {whose}"
    elif reason is Reason.ALTERED_VALUE:
        changes = next(filter(None, (alteration(look.expected, value) for value in answer.values)))
        found = f"serves the code with {changes}"
    else:
        found = f"serves TXT ({len(answer.values)}), but none with the code"
    where = f"{name}, which {look.name} is an alias of" if aliased else name
    return Miss(shown, f"{_named(answer)} {found}, at {where}"[:200], views)


def _blind(told: Sequence[tuple[Answer, str]]) -> str:
    return "; ".join(f"{_named(answer)}: {word}" for answer, word in told[:SHOWN])[:200]


def _named(answer: Answer) -> str:
    return f"{answer.server} ({answer.address})"


def _serial(serial: int | None) -> str:
    return f" (serial {serial})" if serial is not None else ""
