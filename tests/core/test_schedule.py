"""When it is acted again: curves, bounds, and what arrives in bulk."""

from datetime import timedelta

import pytest

from txtproof.core import schedule


def test_what_arrives_alone_or_with_few_begins_at_once() -> None:
    assert {schedule.spread(count, "v") for count in (1, schedule.FEW)} == {timedelta(0)}


@pytest.mark.parametrize("count", [100, 500])
def test_what_arrives_in_bulk_begins_spread_over_a_time_that_grows_with_it(count: int) -> None:
    pauses = [schedule.spread(count, f"v-{number}") for number in range(count)]
    whole = schedule.SPREAD * count
    assert all(timedelta(0) <= pause <= whole for pause in pauses)
    for part in range(4):
        inside = sum(whole * part / 4 <= pause < whole * (part + 1) / 4 for pause in pauses)
        assert count / 8 < inside < count / 2, "no quarter of the time is empty or crowded"
