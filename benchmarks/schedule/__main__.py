"""`python -m benchmarks.schedule`: write docs/schedule.md and docs/schedule.svg."""

import argparse
from pathlib import Path

from benchmarks.schedule.figures import measured, tuned
from benchmarks.schedule.page import page
from benchmarks.schedule.plot import picture

DOCS = Path(__file__).parents[2] / "docs"
SEED = 1


def written(seed: int = SEED) -> dict[Path, str]:
    """Return what the command writes, by where."""
    figures = measured(seed)
    return {DOCS / "schedule.md": page(figures, tuned(figures, seed), seed), DOCS / "schedule.svg": picture(figures)}


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="of all that is drawn")
    for path, text in written(parser.parse_args().seed).items():
        path.write_text(text)
        print(f"docs/{path.name} is written")


if __name__ == "__main__":
    main()
