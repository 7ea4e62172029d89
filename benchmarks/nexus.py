"""The stand-in of Nexus in a process of its own: `python -m benchmarks.nexus COUNT` prints its URL, and serves."""

import signal
import sys

from benchmarks.rows import ORGANIZATION, domain_of
from txtproof.rehearsal.nexus import NexusStandIn


def main() -> None:
    """Know the domains 1 to COUNT, and serve until killed."""
    with NexusStandIn() as nexus:
        for number in range(1, int(sys.argv[1]) + 1):
            nexus.register(ORGANIZATION, number, domain_of(number))
        print(nexus.url, flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
