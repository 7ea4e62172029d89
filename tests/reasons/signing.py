"""Zones signed by BIND's tools, and spoilt."""

import subprocess
from pathlib import Path

from tests.real_processes import installed

_KEYGEN = ("-q", "-a", "ECDSAP256SHA256", "-f", "KSK")
_NOW, _GONE = ("-s", "now-3600", "-e", "now+86400"), ("-s", "now-2592000", "-e", "now-604800")
"""When the signatures begin to hold and cease to, by seconds: resolvers are lenient by a day."""


def signed(directory: Path, origin: str, text: str, *, expired: bool = False) -> tuple[str, str]:
    """Return a zone with its signatures, and the key to trust it by."""
    keygen, signzone = (installed(name, "bind9-utils") for name in ("dnssec-keygen", "dnssec-signzone"))
    (directory / f"{origin}.plain").write_text(text)
    key = _said([keygen, *_KEYGEN, origin], directory).strip()
    anchor = next(
        line for line in (directory / f"{key}.key").read_text().splitlines() if line and not line.startswith(";")
    )
    with (directory / f"{origin}.plain").open("a") as zone:
        zone.write(f"{anchor}\n")
    # -P: signatures that have expired are what is wanted
    holds = _GONE if expired else _NOW
    out = f"{origin}.signed"
    _said([signzone, "-P", "-z", *holds, "-o", origin, "-f", out, f"{origin}.plain", key], directory)
    return (directory / out).read_text(), anchor


def _said(command: list[str], directory: Path) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
