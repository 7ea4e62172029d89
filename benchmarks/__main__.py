"""`python -m benchmarks [--quick]`: every part, one after the other, each in a process of its own; then the page."""

import subprocess
import sys

from benchmarks import report
from benchmarks.children import run_main

PARTS = ("looks", "profiling", "scale", "intake", "latency")


def main() -> None:
    """Run it all."""
    for part in PARTS:
        print(f"== {part}", flush=True)
        code = _run(part)
        if code:
            raise RuntimeError(f"{part} has ended with {code}")
    report.main()


def _run(part: str) -> int:
    process = subprocess.Popen([sys.executable, "-m", f"benchmarks.{part}", *sys.argv[1:]])
    try:
        return process.wait()
    except KeyboardInterrupt:
        # Ctrl-C has reached the part as well, TERM has not: either way it ends what it has started, and is waited for
        process.terminate()
        process.wait()
        raise


if __name__ == "__main__":
    run_main(main)
