"""Whether a message may be given to dnspython, whose work grows with the square of the labels in a name.

64 KiB of name servers with names of 126 labels keep it busy for 16 s, in which nothing else in the process goes on: a
hostile zone could stop a worker. Counted here in a fraction of a millisecond, up to the first bound passed. Pure.
"""

import struct

HEADER = 12
"""Octets before the question section (RFC 1035, 4.1.1)."""
COUNTS = struct.Struct("!5H")
"""The header after the id: flags, and how many records each section has."""
MOST_RECORDS = 512
"""A full set of name servers with their addresses makes 40."""
MOST_WEIGHT = 100_000
"""The squares of the labels in every name, summed up: six of 126 labels, or as many as any honest message has."""
MOST_OTHERS = 16
MOST_OCTETS = 4_096
"""Records, and their data, of types that no look reads: signatures, for one, which nobody asked for."""

_AFTER_NAME = 4
"""Octets of type and class in the question."""
_RECORD = struct.Struct("!2HIH")
_POINTING, _LONGEST_LABEL = 0xC0, 63
_LONGEST_NAME = 128
"""Labels, and pointers, in one name."""
_NAMES = {2: 1, 5: 1, 6: 2, 39: 1}
"""NS, CNAME, SOA and DNAME, and with how many names their data begins."""
_READ = frozenset({1, 16, 28})
"""A, TXT and AAAA."""


class _TooMuch(Exception):
    """It would take too long to read."""


def is_modest(wire: bytes) -> bool:
    """Say whether a message is soon read; what is broken is not."""
    try:
        return _weigh(wire)
    except (_TooMuch, IndexError, struct.error):
        return False


def _weigh(wire: bytes) -> bool:
    _, questions, *records = COUNTS.unpack_from(wire, 2)
    if questions > 1 or sum(records) > MOST_RECORDS:
        return False
    at, weight, others, octets = HEADER, 0, 0, 0
    for _ in range(questions):
        at, labels = _name(wire, at)
        at += _AFTER_NAME
    for _ in range(sum(records)):
        at, labels = _name(wire, at)
        weight += labels**2
        kind, _, _, length = _RECORD.unpack_from(wire, at)
        at += _RECORD.size
        inner = at
        for _ in range(_NAMES.get(kind, 0)):
            inner, labels = _name(wire, inner)
            weight += labels**2
        if kind not in _NAMES and kind not in _READ:
            others, octets = others + 1, octets + length
        if weight > MOST_WEIGHT or others > MOST_OTHERS or octets > MOST_OCTETS:
            return False
        at += length
    return True


def _name(wire: bytes, at: int) -> tuple[int, int]:
    """Return where a name ends, and how many labels it has when it is written out."""
    end, labels, steps = 0, 0, 0
    while wire[at]:
        steps += 1
        if steps > _LONGEST_NAME:
            raise _TooMuch
        if wire[at] >= _POINTING:
            end = end or at + 2
            at = (wire[at] & _LONGEST_LABEL) << 8 | wire[at + 1]
        elif wire[at] <= _LONGEST_LABEL:
            labels += 1
            at += 1 + wire[at]
        else:
            raise _TooMuch
    return end or at + 1, labels
