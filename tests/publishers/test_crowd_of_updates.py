"""A crowd at one name of a real server that takes updates: the server itself adds and deletes, without a lock."""

from functools import partial

import pytest
from pydantic import SecretStr

from tests.publishers.crowd import TTL, Crowd, come_and_go
from tests.publishers.updates import ZONE, OverTheWire, Updating, opened
from tests.real_servers import RealServer


@pytest.mark.parametrize("server", ["bind", "knot"])
def test_a_crowd_loses_nothing(request: pytest.FixtureRequest, server: str) -> None:
    real: RealServer = request.getfixturevalue(server)
    opens = partial(opened, real.server, SecretStr(real.tsig_secret))
    told = come_and_go(Crowd(ZONE, OverTheWire(real, real.address), Updating(real, TTL), opens))
    assert sum(tally.calls for tally in told) >= 110
