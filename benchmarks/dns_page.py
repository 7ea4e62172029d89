"""The section of the page on names per second, and what became of its goals."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmarks.dns_rivals import OURS, REFERENCE
from benchmarks.dns_speed import LIMIT
from benchmarks.dns_task import MATCHES, MISSES, PROOFS
from benchmarks.markdown import number, table

Figures = Mapping[str, Any]
TITLES = {
    MISSES: "Misses: nothing at the name, one UDP question",
    MATCHES: "Matches: the libraries ask one UDP question, txtproof then all servers over TCP, with the SOA",
    PROOFS: "Matches, the same questions: one over UDP, then TXT and SOA at all four servers over TCP",
}


def section(figures: Figures) -> str:
    """Return the section."""
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    parts = "\n\n".join(f"### {title}\n\n{_kind(figures, kind)}" for kind, title in TITLES.items())
    return f"""## Names per second

One process on one core asks; Knot, with four addresses of one zone, has another. So many tasks take name after name,
each the next one when it has its answer; how many, each library was first tried with, anew for each table and way, and
the number with which it was fastest is given. It counts, for {figures["seconds"]:g} s after the first
{figures["warm"]:g} s (three times as long for matches beside a dead server) and 20 round trips, what was said rightly.
Medians of {figures["repeats"]} runs in turns; in brackets the ratio to {REFERENCE} in the same turn. CPU: microseconds
for a name, of the process that asks, at 0 ms. Questions for a name: at 0 ms, by Knot's count. Where a library can be
told, it waits 0.5 s for one server before it asks the next, as txtproof does. txtproof knows the zone, as in a later
look.

The longer ways are two network namespaces, joined by a pair of TUN devices between which a process beside Knot holds
each packet back (netem is in few kernels); it carries as much as dnsperf's line shows. Dead is the first of the four:
it drops UDP and TCP alike. dnsperf asks one server, and does not read what the answers say.

What stands between a miss nearby and a third of dnsperf is Python. In the same minutes (2026-11-26) dnsperf took 3.7 us
of CPU for a name; a loop of Python that sends names and receives answers, with no task, limit or timer, took 5.0; one
that also reads and judges them as a look does, 9.6; a look, 17.6. A third of dnsperf is 11.1: less than 2 us would be
left for all that makes it a look, which are the zone, the server to begin with, who may answer, how many may be under
way, when another is asked, and a task of asyncio's that waits. Tried and given up, since it gained nothing or too
little: 1,000 names in one call without a task and a future for each, `sendmmsg`, the short path compiled by mypyc
(0.5 us). Builds of Python by profile-guided optimization take 6 % (Debian's 3.11) and 11 % (Debian's 3.13) less; the
one that was measured has none. A match is nine questions, whoever asks: only the rows in which all ask the same say
who is ahead.

{versions}.

{parts}
"""


def compared(figures: Figures) -> str:
    """Return misses as a ratio to the reference, by way."""
    cells = [
        f"{sides[OURS]['ratio']['median']:.1f} times at {way}"
        for way, sides in _rows(figures, MISSES)
        if _has_run(sides, OURS) and sides[OURS]["ratio"]
    ]
    return "; ".join(cells) or "-"


def limit(figures: Figures) -> str:
    """Return misses as a part of dnsperf's, by way."""
    cells = [
        f"{sides[OURS]['rate']['median'] / sides[LIMIT]['rate']['median']:.2f} at {way}"
        for way, sides in _rows(figures, MISSES)
        if _has_run(sides, OURS) and _has_run(sides, LIMIT)
    ]
    return "; ".join(cells) or "-"


def ahead(figures: Figures, kinds: Iterable[str]) -> str:
    """Return in how many rows txtproof is ahead of every library, and who is ahead of it in the others."""
    rows, behind = 0, []
    for kind in kinds:
        for way, sides in _rows(figures, kind):
            rates = {name: side["rate"]["median"] for name, side in sides.items() if "rate" in side and name != LIMIT}
            ours = rates.get(OURS, 0)
            faster = [name for name, rate in rates.items() if rate > ours]
            rows += 1
            behind += [f"{kind} at {way}: {', '.join(faster)}"] * bool(faster)
    return f"in {rows - len(behind)} of {rows}{'; ahead of it: ' * bool(behind)}{'; '.join(behind)}"


def ahead_of_same(figures: Figures) -> str:
    """Return it for rows in which all ask the same questions."""
    return ahead(figures, (MISSES, PROOFS))


def ahead_of_one(figures: Figures) -> str:
    """Return it for rows in which the others ask one question and txtproof all of its own."""
    return ahead(figures, (MATCHES,))


def _kind(figures: Figures, kind: str) -> str:
    rows = dict(_rows(figures, kind))
    names = list(dict.fromkeys(name for sides in rows.values() for name in sides))
    nearest = next(iter(rows.values()), {})
    head = ("", *(f"names/s, {way}" for way in rows), "CPU", "questions", "at once")
    lines = [
        (
            name,
            *(_rate(sides.get(name, {})) for sides in rows.values()),
            _of(nearest.get(name, {}), "cpu"),
            _of(nearest.get(name, {}), "questions"),
            ", ".join(str(sides.get(name, {}).get("at once", "-")) for sides in rows.values()),
        )
        for name in names
    ]
    return "\n\n".join([table(head, lines), *_notes(figures, rows)])


def _notes(figures: Figures, rows: Mapping[str, Figures]) -> Iterator[str]:
    """Say why a figure is missing, and who said something else than the truth."""
    away = [f"{one['way']}: {one['skipped']}" for one in figures["tables"] if "skipped" in one]
    gone = [f"{name}: {reason}" for name, reason in figures["not installed"].items()]
    failed = [f"{name}, {way}: {side['failed']}" for way, sides in rows.items() for name, side in _failures(sides)]
    if away or gone or failed:
        yield f"Without figures: {'; '.join([*away, *gone, *failed])}."
    wrong = [
        f"{name} {number(side['wrong'])} ({way})"
        for way, sides in rows.items()
        for name, side in sides.items()
        if side.get("wrong")
    ]
    if wrong:
        yield f"Names about which nothing or no truth was said, in all runs (dnsperf: lost): {', '.join(wrong)}."


def _failures(sides: Figures) -> list[tuple[str, Figures]]:
    return [(name, side) for name, side in sides.items() if "failed" in side]


def _rows(figures: Figures, kind: str) -> Iterator[tuple[str, Figures]]:
    for one in figures["tables"]:
        if kind in one.get("kinds", {}):
            yield one["way"], one["kinds"][kind]


def _has_run(sides: Figures, name: str) -> bool:
    return "rate" in sides.get(name, {})


def _rate(side: Figures) -> str:
    if "rate" not in side:
        return "-"
    ratio = f" ({side['ratio']['median']:.1f})" if side["ratio"] else ""
    return f"{number(side['rate']['median'])}{ratio}"


def _of(side: Figures, what: str) -> str:
    value = side.get(what, "-")
    return number(value["median"]) if isinstance(value, dict) else str(value)
