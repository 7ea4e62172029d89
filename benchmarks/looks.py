"""Looks per second, end to end, against the baseline: in pairs, on the same ground, in the same run."""

from statistics import median
from typing import Any

from benchmarks import results
from benchmarks.children import run_main
from benchmarks.rivals import Pool, Run, run_baseline, run_engine

POOLS = (Pool("prefork", 2), Pool("prefork", 4), Pool("prefork", 8), Pool("threads", 16))
"""The baseline runs as whichever of these is fastest here."""


def main() -> None:
    """Run it."""
    given = results.arguments(__doc__ or "", ("--count", {"type": int, "help": "pending rows"}))
    count = given.count or (1_000 if given.quick else 10_000)
    window, pairs, waves = (2.0, 1, 2) if given.quick else (15.0, 3, 4)
    pools = POOLS[1:2] if given.quick else POOLS
    trials = {str(pool): run_baseline(count, window / 2, pool).first for pool in pools}
    best = max(pools, key=lambda pool: trials[str(pool)])
    runs: dict[str, list[Run]] = {"baseline": [], "one worker": [], "two workers": []}
    for _ in range(pairs):
        runs["baseline"].append(run_baseline(count, window, best))
        runs["one worker"].append(run_engine(count, 1, waves))
        runs["two workers"].append(run_engine(count, 2, waves))
        print({name: (round(done[-1].first), round(done[-1].later)) for name, done in runs.items()})
    figures = {
        "pending": count,
        "pairs": pairs,
        "baseline pool": str(best),
        "baseline trials": {name: round(rate, 1) for name, rate in trials.items()},
        "sides": {name: _side(done, runs["baseline"]) for name, done in runs.items()},
    }
    results.write("looks", figures, quick=given.quick)


def _side(runs: list[Run], against: list[Run]) -> dict[str, Any]:
    return {
        "first": results.spread([run.first for run in runs]),
        "later": results.spread([run.later for run in runs]),
        "first ratio": results.spread([run.first / other.first for run, other in zip(runs, against, strict=True)]),
        "later ratio": results.spread([run.later / other.first for run, other in zip(runs, against, strict=True)]),
        "questions per look": round(median(run.questions for run in runs), 2),
        "cpu": {name: round(median(run.cpu.get(name, 0.0) for run in runs), 3) for name in runs[0].cpu},
        "memory": runs[-1].memory,
    }


if __name__ == "__main__":
    run_main(main)
