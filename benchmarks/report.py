"""Write docs/benchmarks.md from the results that are there."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import dns_page, goals, results
from benchmarks.markdown import mib, number, table

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
LATENESS = ("p50", "p99", "most")
HEAD = """# Benchmarks

Written by `make bench`; do not edit. Figures are medians; ratios are of runs in pairs, one after the other on the
same machine. Valkey, name server, workers and the benchmark share its cores, and all of it stays on loopback.
"""
CORES = 2
"""Of the machine whose figures are kept."""
QUICK = " **A quick run: it shows that the benchmark runs, and nothing of how fast txtproof is.**"


def main() -> None:
    """Write the page; a quick run's goes beside its results."""
    quick = results.arguments(__doc__ or "").quick
    found = {part: whole for part, _ in SECTIONS if (whole := results.read(part, quick=quick)) is not None}
    page = results.DIRECTORY / "quick.md" if quick else PAGE
    sections = [_section(found[part], render) for part, render in SECTIONS if part in found]
    page.write_text("\n".join([HEAD, goals.table_of({part: one["figures"] for part, one in found.items()}), *sections]))
    print(f"{page.parent.name}/{page.name} is written")


def _section(found: dict[str, Any], render: Callable[[dict[str, Any]], str]) -> str:
    machine = found["machine"]
    where = ", ".join(machine[name] for name in ("cpu", "memory", "system"))
    what = f"Python {machine['python']}, {machine['libraries']}, commit {machine['commit']}"
    return (
        f"{render(found['figures'])}\n`{found['command']}`, {found['date']}: {where}; {what}.{QUICK * found['quick']}\n"
    )


def _looks(figures: dict[str, Any]) -> str:
    sides = figures["sides"]
    groups = list(dict.fromkeys(group for side in sides.values() for group in side["cpu"]))
    cpu = table(("", *groups), [(name, *(one["cpu"].get(it, "-") for it in groups)) for name, one in sides.items()])
    rates = table(
        ("", "first looks/s", "x baseline", "later looks/s", "x baseline", "questions per look", "largest process"),
        [(name, *_rates(side)) for name, side in sides.items()],
    )
    trials = ", ".join(f"{pool}: {number(rate)}" for pool, rate in figures["baseline trials"].items())
    held = number(sides["baseline"]["memory"]["bytes per domain in Valkey"])
    return f"""## Looks per second

{figures["pending"]:,} rows are pending and due; every name is absent, so that each look is a miss, committed with its
evidence. The way is the whole one: beat's sweep, Celery, claim, DNS, decide, commit. The baseline
(benchmarks/baseline.py) is what a team would write: one Celery task per domain, `acks_late`, `dns.resolver`,
`self.retry(countdown=...)` by the same curve; it stores nothing. A domain of it takes {held} bytes of Valkey.

{rates}

First looks are at names whose zone is not known yet. The engine's looks are counted in its lane while the lane is full
(the middle 80 % of a wave); the baseline's are Knot's count of TXT questions, one each. Pairs: {figures["pairs"]}, the
range of their ratios in brackets. The baseline ran as the fastest pool of those tried: {figures["baseline pool"]}
(looks/s in the trial, by pool and its processes or threads: {trials}).

CPU seconds per 1,000 looks; all else is the benchmark's own counting, and whatever else ran on the machine meanwhile:

{cpu}

{_bound(sides)}
"""


def _bound(sides: dict[str, Any]) -> str:
    """Return what the CPU time of a look allows at the most: what stands between the goal and what is reached."""
    parts = {name: one for name, one in sides["one worker"]["cpu"].items() if name != "all else"}
    whole = sum(parts.values()) * 1000
    most = CORES / whole * 1_000_000
    ratio = most / sides["baseline"]["first"]["median"]
    ours = parts["workers"] * 1000
    return f"""What stands between this and the goal is Python: a later look takes {whole:.0f} us of CPU time, of which
the worker has {ours:.0f}, and no part of them stands out (below). {CORES} cores that did nothing else could do
{number(most)} looks/s, {ratio:.0f} times the baseline. What was changed on the way: one string in place of a hash,
MessagePack of lists, values that are Structs in place of frozen dataclasses (a third of all Python), one command for
all rows of a script, commits of many visits in one script, one argument for a batch, one timer for a lane, the short
way of a look, and garbage looked for less often. uvloop, and a build of Python 3.13 without profile-guided
optimization, gained nothing that showed. With two workers on two cores, all of these share what there is."""


def _rates(side: dict[str, Any]) -> Iterable[object]:
    for kind in ("first", "later"):
        ratio = side[f"{kind} ratio"]
        yield number(side[kind]["median"])
        yield f"{ratio['median']:.1f} ({min(ratio['runs']):.1f} to {max(ratio['runs']):.1f})"
    yield side["questions per look"]
    yield mib(side["memory"]["largest process"])


def _profile(figures: dict[str, Any]) -> str:
    functions = ", ".join(f"`{name}` {part} %" for name, part in list(figures["functions"].items())[:10])
    return f"""### Where the time goes

Of the process that does the looks: {figures["samples"]:,} samples by py-spy, each counted for the part that its
innermost frame belongs to (the standard library works for its caller).

{table(("part", "% of its time"), figures["parts"].items())}

On the CPU most: {functions}.
"""


def _scale(figures: dict[str, Any]) -> str:
    sizes, again = figures["sizes"], figures["smallest again"]
    base = sizes[0]["looks per second"]["median"]
    rows = [_size(f"{one['pending']:,}", one, base) for one in sizes]
    rows += [_size(f"{one['pending']:,} again", one, base) for one in again]
    head = ("pending", "bytes a row", "after looks", "looks/s", f"x {sizes[0]['pending']:,}", "questions per look")
    late = [(f"{one['pending']:,}", *(number(one["lateness"][it]) for it in ("looks", *LATENESS))) for one in sizes]
    return f"""## Pending verifications

Rows are made by the core's constructors, with a code, a line of the ledger and two name servers' evidence, and stored
through the store's port. Bytes are what Valkey's `used_memory` grew by, divided by the rows. Looks per second: one
worker, all rows due at once, median of three parts of the time.

{table((*head, "main process", "largest process", "all, shared pages once"), rows)}

Lateness under a real schedule: due times spread over 15 minutes, as at the end of the curve; ms from when a row was due
to when it had been looked at, for every row that was due in the run. When it was looked at follows from its next due
time, by the schedule's own jitter. The sweep ticks each second.

{table(("pending", "looks", *LATENESS), late)}
"""


def _size(name: str, one: dict[str, Any], base: float) -> Sequence[object]:
    rate = one["looks per second"]["median"]
    asked = " ".join(f"{kind} {each}" for kind, each in one["questions per look"].items())
    held = (mib(one[it]) for it in ("main process", "largest process", "all processes, shared pages once"))
    room = (number(one[it]) for it in ("bytes per row", "bytes per row after looks"))
    return (name, *room, number(rate), f"{rate / base:.2f}", asked, *held)


def _intake(figures: dict[str, Any]) -> str:
    rows = [
        (
            how,
            number(one["commands"]),
            one["seconds"],
            number(one["per second"]),
            f"{one['per second'] / one['sent per second by a bare XADD']:.3f}",
            number(one["bytes per command, its row and event"]),
        )
        for how in ("alone", "beside the rest")
        for one in figures[how]
    ]
    return f"""## Taking in commands

Commands wait on the stream `txtproof:commands`; one worker starts; the time runs from its first row to the last. Alone:
the pool hears no bells (`-Q txtproof.commands`), so Nexus is not called. Beside the rest: a whole worker, with nobody
at Nexus's address. The baseline is the bare `XADD`, in pipelines, that put them there.

{table(("", "commands", "seconds", "per second", "x bare XADD", "bytes each, row and event"), rows)}
"""


def _latency(figures: dict[str, Any]) -> str:
    floor, single = figures["bare calls"], figures["one at a time"]
    loop, loops = figures["open loop"], figures["open loops"]
    rows: list[Sequence[object]] = [("bare calls", floor["p50"], floor["p99"], "1.0", "-", "-", "-")]
    for name, one in (("one at a time", single), (f"{loop['offered per second']:.0f} per second", loop)):
        outside, inside = one["outside"], one["by event times"]
        ratio = f"{outside['p50'] / floor['p50']:.1f}"
        rows.append((name, outside["p50"], outside["p99"], ratio, inside["p50"], inside["p99"], one["unfinished"]))
    return f"""## From command to verified

Nexus's stand-in in a process of its own, BIND with signed updates, two addresses looked at over TCP. Times in ms: from
outside, from the moment at which the command was to be sent to the arrival of the event `verified`; and by the times in
the events, from `accepted` to `verified`. The bare calls are the same POST, update and questions, one after the other,
and nothing else.

{table(("", "p50", "p99", "p50 x bare calls", "p50 by events", "p99 by events", "unfinished"), rows)}

In the open loop {loop["verifications"]:,} commands were sent whatever came back, {len(loops)} times; that of the
median p50 is shown. The p50 were {_span(loops, "p50")}, the p99 {_span(loops, "p99")}: at that rate two
cores are nearly full. Meanwhile {loop["verified per second meanwhile"]} per second were verified. Where fewer are than
are sent, it is the step that publishes that they wait for: the set is read, changed and read again, each signed and by
dnspython. The publisher takes 100 calls at a time, since BIND takes 150 connections.
"""


def _span(loops: Sequence[dict[str, float]], part: str) -> str:
    return f"{min(one[part] for one in loops):,.0f} to {max(one[part] for one in loops):,.0f}"


SECTIONS: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("looks", _looks),
    ("profiling", _profile),
    ("scale", _scale),
    ("intake", _intake),
    ("latency", _latency),
    ("dns_speed", dns_page.section),
)


if __name__ == "__main__":
    main()
