"""Every fault of the table once, against real processes, and an empty list of complaints."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import campaign
from tests.faults.campaign import Verdicts
from tests.faults.of_beats import require_library
from tests.faults.table import FAULTS

BROKERS: dict[str, str | None] = {
    "redis": None,
    "rabbitmq": "rabbitmq_server",
}
"""Each with the fixture that has its URL; None: the store is the broker."""
SEED = int(os.environ.get("SEED", "1"))
WHOLE = 600
"""Seconds for all of it: the first test of a broker waits for the campaign."""


@pytest.fixture(scope="module", params=BROKERS)
def verdicts(request: pytest.FixtureRequest, valkey: object) -> Iterator[Verdicts]:
    if not Path("/proc/self/net/tcp").exists():
        pytest.skip("who speaks to whom is read from Linux's /proc")
    fixture = BROKERS[request.param]
    server = request.getfixturevalue(fixture) if fixture else None
    if server is not None:
        server.empty()
    url = server.url if server else None
    wanted = {item.callspec.params.get("fault") for item in request.session.items if hasattr(item, "callspec")}
    with tempfile.TemporaryDirectory(prefix="txtproof-faults-") as directory:
        yield campaign.run(Path(directory), SEED, [one for one in FAULTS if one.name in wanted], url)


@pytest.mark.timeout(WHOLE)
@pytest.mark.parametrize("fault", [one.name for one in FAULTS])
def test_nothing_is_lost_and_nothing_done_twice(verdicts: Verdicts, fault: str) -> None:
    if fault == "08-beats":
        require_library()
    assert not verdicts[fault], "\n".join([f"seed {SEED}", *verdicts[fault]])
