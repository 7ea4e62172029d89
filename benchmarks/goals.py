"""What was set out to be reached, and what is: the first table of the page."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import dns_page
from benchmarks.markdown import mib, number, table

Figures = Mapping[str, Any]


def table_of(found: Mapping[str, Figures]) -> str:
    """Return each goal beside what was measured; a dash where it was not."""
    rows = [(goal, reached(found[part]) if part in found else "-") for goal, part, reached in GOALS]
    return f"## Goals\n\n{table(('goal', 'reached'), rows)}\n"


def _ratio(looks: Figures) -> str:
    sides = {name: side for name, side in looks["sides"].items() if name != "baseline"}
    best = max(sides, key=lambda name: sides[name]["later ratio"]["median"])
    return f"{sides[best]['later ratio']['median']:.1f} times, {best}; first looks {_first(sides[best])}"


def _first(side: Figures) -> str:
    return f"{side['first ratio']['median']:.1f} times"


def _room(scale: Figures) -> str:
    return ", ".join(f"{number(one['bytes per row'])} at {one['pending']:,}" for one in scale["sizes"])


def _memory(scale: Figures) -> str:
    most = [max(one["main process"], one["largest process"]) for one in scale["sizes"]]
    return ", ".join(f"{mib(held)} at {one['pending']:,}" for held, one in zip(most, scale["sizes"], strict=True))


def _flat(scale: Figures) -> str:
    smallest = [one["looks per second"]["median"] for one in (scale["sizes"][0], *scale["smallest again"])]
    least, most = (scale["sizes"][-1]["looks per second"]["median"] / one for one in (max(smallest), min(smallest)))
    largest, first = scale["sizes"][-1]["pending"], scale["sizes"][0]["pending"]
    return f"at {largest:,} {least:.2f} to {most:.2f} of the runs at {first:,}"


def _late(scale: Figures) -> str:
    return ", ".join(f"{number(one['lateness']['p99'])} ms at {one['pending']:,}" for one in scale["sizes"])


def _taken_in(intake: Figures) -> str:
    largest = intake["alone"][-1]
    return f"{number(largest['commands'])} in {number(largest['seconds'])} s"


def _latency(latency: Figures) -> str:
    parts = (("one at a time", latency["one at a time"]), ("open loop", latency["open loop"]))
    return "; ".join(f"{name} {one['outside']['p50']} and {one['outside']['p99']} ms" for name, one in parts)


GOALS: tuple[tuple[str, str, Callable[[Figures], str]], ...] = (
    ("50 times the baseline's looks per second", "looks", _ratio),
    ("under 700 bytes a row", "scale", _room),
    ("under 150 MB (143 MiB) a process, whatever is pending", "scale", _memory),
    ("looks per second at the largest within 10 % of the smallest", "scale", _flat),
    ("p99 of the lateness", "scale", _late),
    ("time to take in commands", "intake", _taken_in),
    ("command to verified, p50 and p99", "latency", _latency),
    ("misses at 10 times dns.asyncresolver", "dns_speed", dns_page.compared),
    ("misses at a third of dnsperf, on one core each", "dns_speed", dns_page.limit),
    ("ahead of every other library in every row, with the same questions", "dns_speed", dns_page.ahead_of_same),
    ("the same for matches, with nine questions against one", "dns_speed", dns_page.ahead_of_one),
)
