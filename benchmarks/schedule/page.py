"""The figures as a page."""

from collections.abc import Iterator
from math import isinf

from benchmarks.markdown import table
from benchmarks.schedule import figures as f
from benchmarks.schedule.engine import SEARCHED
from benchmarks.schedule.rivals import RIVALS
from benchmarks.schedule.worlds import ADDRESSES, CLASSES, NEGATIVES, REFRESHES

HEAD = f"""# The schedule

Written by `python -m benchmarks.schedule`; do not edit.

When a record is published, nobody knows when the domain's name servers will serve it. Who looks often finds it soon
and asks much; who looks seldom is cheap and late. Here the schedules of others, as they publish them, and txtproof's
watch the same publications on a virtual clock; on txtproof's side the real core decides. The delay counts from when
all authoritative servers have the record until it is found; what is given up is never found. Whoever looks, the look
is counted as txtproof's own: one question where the first server lacks the record, and {1 + 2 * ADDRESSES} where it
has it (all {ADDRESSES} addresses are asked for the record and for the SOA). So this compares schedules, not how well
each one looks. Only txtproof searches, now and then, where the value may stand by mistake: that is {SEARCHED} questions
more each time, and counted.

txtproof is there twice: as it looks where it does not know the provider, and as it looks once {f.EARLIER} earlier
publications there have taught it (core/delays.py): at the instants that cut what the provider has taken into equal
parts, and never later than a minute or the curve.
"""


def page(figures: f.Figures, tuned: f.Tuned, seed: int) -> str:
    """Write the page."""
    sections = "\n\n".join(_section(name, one) for name, one in figures.items())
    return f"""{HEAD}
{_verdict(figures)}

![Delay against questions, by class](schedule.svg)

A dot is a median, a ring the p95; further left is cheaper, further down is faster.

## By class of delay

{f.PUBLICATIONS} publications at each of {f.PUBLISHERS} providers per class; seed {seed}. Refreshes of lagging
secondaries: {_seconds(REFRESHES)}; SOA minima of cached negatives: {_seconds(NEGATIVES)}; each as likely as the others.

{sections}

## Whose schedule is what

{_sources()}

All are given the best view: outside the class "cached negatives" a resolver is taken to remember nothing.

## What this does not say

Where it is known how long a provider takes, even pauses over just that time are best, and no curve that must do for
all providers keeps up with them. Of even pauses of 1 to {f.TUNED_MINUTES[-1]} minutes, these would be both faster and
cheaper than txtproof in one class or another:

{table(("", "class", "minutes"), _tuned(tuned))}

Where the record never comes, one look a minute asks {f.MINUTES_A_WEEK:,} questions in a week.
"""


def _verdict(figures: f.Figures) -> str:
    found = f.beaten(figures)
    if not found:
        return "**Nobody is both faster and cheaper than txtproof, by the median or by the p95, in any class.**"
    told = "; ".join(f"{rival} than {ours} at {name}" for name, rival, ours in found)
    return f"**Both faster and cheaper, by the median or by the p95: {told}.**"


def _section(name: str, figures: dict[str, f.Figure]) -> str:
    about = " ".join((CLASSES[name].__doc__ or "").split())
    rows = (
        (who, _delay(one.median), _delay(one.p95), f"{one.lost:.0%}", f"{one.questions:,.1f}")
        for who, one in figures.items()
    )
    head = ("", "median delay", "p95", "never found", "questions")
    return f"### {name[0].upper()}{name[1:]}\n\n{about}\n\n{table(head, rows)}"


def _tuned(tuned: f.Tuned) -> Iterator[tuple[str, str, str]]:
    for (ours, name), minutes in tuned.items():
        yield ours, name, ", ".join(map(str, minutes))


def _delay(seconds: float) -> str:
    return "-" if isinf(seconds) else f"{seconds:,.1f} s"


def _seconds(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:,.0f}" for value in values) + " s"


def _sources() -> str:
    return "\n".join(f"- **{rival.name}**: {rival.about}" for rival in RIVALS)
