"""Who asks: the libraries, what each is run by, and throw-away environments for those that are no dependency of ours.

Their versions and hashes are in benchmarks/rivals, each file made from NAME==VERSION as `make lock` makes ours.
"""

import re
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".venv-rivals"
PINS = Path(__file__).parent / "rivals"
INSTALLED_WITHIN = 300.0
REFERENCE = "dns.asyncresolver"
OURS = "txtproof"


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to ask."""

    name: str
    module: str
    """benchmarks/dns_*.py."""
    package: str = ""
    """What is installed for it; empty: nothing more than for txtproof."""
    batch: int = 0
    """Names that it is given together; 0: one at a time."""
    proofs: bool = False
    """Its module can ask what the engine asks on a match."""


ALL = (
    Rival(OURS, "engine", proofs=True),
    Rival(REFERENCE, "asyncresolver", proofs=True),
    Rival("dns.asyncquery", "asyncquery", proofs=True),
    Rival("aiodns", "aiodns", "aiodns", proofs=True),
    Rival("open-mpic-core", "mpic", "open-mpic-core"),
    Rival("blastdns", "blastdns", "blastdns"),
    Rival("blastdns, 1,000 at a time", "blastdns", "blastdns", batch=1_000),
)


def python_of(package: str) -> str:
    """Return the interpreter that has a package. Raises RuntimeError with the reason where it does not install."""
    if not package:
        return sys.executable
    place, pins = PLACE / package, PINS / f"{package}.txt"
    python, ready = place / "bin" / "python", place / ".ready"
    if not ready.exists() or ready.read_text() != pins.read_text():
        print(f"Installing {package} ...", flush=True)
        venv.create(place, clear=True, with_pip=True)
        _install(str(python), pins)
        ready.write_text(pins.read_text())
    return str(python)


def version_of(package: str) -> str:
    """Return the version that is pinned."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", (PINS / f"{package}.txt").read_text(), re.MULTILINE)
    return found[1] if found else "?"


def _install(python: str, pins: Path) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    try:
        done = subprocess.run(
            [*command, "--require-hashes", "-r", str(pins)],
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALLED_WITHIN,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError("it does not install in time") from None
    if done.returncode:
        # the first error without what may follow a colon: it can name this machine's package index
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise RuntimeError(f"it does not install: {errors[-1].split('(from')[0][:120] if errors else 'pip failed'}")
