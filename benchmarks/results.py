"""Results: one JSON file per part, and what a figure is made of."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import description

DIRECTORY = Path(__file__).parent / "results"


def arguments(about: str, *extra: tuple[str, dict[str, Any]]) -> argparse.Namespace:
    """Read the command line of a part: --quick, and whatever is its own."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="small and short: shows that it runs, not how fast")
    for name, options in extra:
        parser.add_argument(name, **options)
    return parser.parse_args()


def spread(values: Sequence[float], digits: int = 1) -> dict[str, Any]:
    """Return the median of several runs, and the runs themselves."""
    return {"median": round(median(values), digits), "runs": [round(value, digits) for value in values]}


def percentile(ordered: Sequence[float], part: float) -> float:
    """Return the smallest value that `part` of the values do not exceed; they must be in order."""
    place = min(max(-(-len(ordered) * part // 1), 1), len(ordered))
    return ordered[int(place) - 1]


def write(part: str, figures: dict[str, Any], *, quick: bool) -> None:
    """Keep a part's figures with machine, date and command."""
    path = _path(part, quick=quick)
    path.parent.mkdir(exist_ok=True)
    whole = {
        "part": part,
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "command": " ".join(["python", "-m", f"benchmarks.{part}", *sys.argv[1:]]),
        "quick": quick,
        "machine": description(),
        "figures": figures,
    }
    path.write_text(json.dumps(whole, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def read(part: str, *, quick: bool) -> dict[str, Any] | None:
    """Return what a part has written, if it was run."""
    path = _path(part, quick=quick)
    return dict(json.loads(path.read_text())) if path.exists() else None


def _path(part: str, *, quick: bool) -> Path:
    # what was measured in earnest is not overwritten by a quick run
    return DIRECTORY / f"{part}{'.quick' * quick}.json"
