"""The names that are looked at: those with the record, and no end of those without. Needs nothing but Python."""

ZONE = "bench.test"
HELD = 20_000
"""Names that have the record; with a TTL of 0, since a library that cached would not ask."""
EXPECTED = "txtproof-verification=0123456789abcdef0123456789abcdef"


def missing(number: int) -> str:
    """Return a name without the record; each number has its own."""
    return f"d{number:07}.{ZONE}"


def held(number: int) -> str:
    """Return a name with the record."""
    return f"t{number % HELD:07}.{ZONE}"


def records() -> str:
    """Return the records as lines of a zone file."""
    return "".join(f't{number:07} 0 IN TXT "{EXPECTED}"\n' for number in range(HELD))
