"""Tables and numbers as the page has them."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a head."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def number(value: float) -> str:
    """Write a whole number, with commas between thousands."""
    return f"{value:,.0f}"


def mib(value: int) -> str:
    """Write bytes as MiB."""
    return f"{value / 2**20:.0f} MiB"
