"""docs/reasons.md, made of the vocabulary: `make reasons` writes it, and a test compares."""

from collections.abc import Iterator
from pathlib import Path

from txtproof.core.reasons import BLIND, EXPLANATIONS, MISSES, Reason

PAGE = Path(__file__).parents[1] / "docs" / "reasons.md"

HEAD = """# Reasons

Why a verification is where it is, in one word for machines and one sentence for people. The word is in `txtproof
status`, in `txtproof explain` and in every event (`reason`); the sentence stands beside it (`title`), what to do
(`advice`), and what is special about this case (`detail`). The list is closed: there are no other words. Written by
`make reasons`; do not edit.
"""

SEEN = """
The domain's own name servers answered. They are asked again by themselves, and most of these end when the DNS provider
has brought the record to all of its servers. The code stays the same until it expires.
"""
UNSEEN = """
Nobody who may judge gave an answer, so that nothing is known about the record. It counts against nothing, and is tried
again by itself, from seconds to five minutes later.
"""
UNWRITTEN = """
The record could not be written. Where a person must act, the verification is `blocked`: it is tried again each hour,
and at once after `txtproof resume`.
"""
UNISSUED = """
No code could be had. Where a person must act, the verification is `blocked`, as above; what Nexus refuses for good has
failed.
"""

GROUPS = (
    ("Seen in DNS, and the code is not there", SEEN, "NO_SUCH_NAME", "TIMEOUT"),
    ("Could not see", UNSEEN, "TIMEOUT", "CODE_EXPIRED"),
    ("At the DNS provider", UNWRITTEN, "NO_ROUTE", "NO_SUCH_NAME"),
    ("At Nexus", UNISSUED, "UPSTREAM_AUTH", "NO_ROUTE"),
    ("The verification itself", "\nWhat happened to the run as a whole.\n", "CODE_EXPIRED", ""),
)
"""Title, introduction, the first reason of the group, and the first after it, in the order of the vocabulary."""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(line for group in GROUPS for line in _group(*group))])


def members(first: str, end: str) -> list[Reason]:
    """Return the reasons of a group."""
    every = list(Reason)
    return every[every.index(Reason[first]) : every.index(Reason[end]) if end else None]


def _group(title: str, introduction: str, first: str, end: str) -> Iterator[str]:
    yield f"## {title}\n{introduction}"
    yield "| Reason | What it means | What to do |\n|---|---|---|"
    for reason in members(first, end):
        told = EXPLANATIONS[reason]
        yield f"| `{reason}` | {told.sentence} | {told.advice} |"
    yield ""


def check_groups() -> None:
    """Raise AssertionError where a group has what belongs into another."""
    grouped = [members(first, end) for _, _, first, end in GROUPS]
    for group, kind in zip(grouped, (MISSES, BLIND), strict=False):
        assert not kind.symmetric_difference(group), "a reason stands in the wrong place of the vocabulary"
    assert sorted(one for group in grouped for one in group) == sorted(Reason), "a reason is in no group, or in two"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
