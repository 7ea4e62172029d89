"""Fixtures that every test may ask for."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.embedded import redis_url, valkey
from tests.real_powerdns_updates import powerdns
from tests.real_rabbitmq import rabbitmq, rabbitmq_server
from tests.real_resolver import child, unbound
from tests.real_servers import bind, knot

__all__ = ["bind", "child", "knot", "powerdns", "rabbitmq", "rabbitmq_server", "redis_url", "unbound", "valkey"]

# what is inherited from there says as much of a failure as what stands here
pytest.register_assert_rewrite("txtproof.testing.publisher_contract")

# A shell without job control starts what runs in its background deaf to Ctrl-C, and so would be all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast this machine makes up examples is no property of ours: in a fresh clone the first text alone, for which
# Hypothesis builds its tables of Unicode, takes longer than its health check allows.
settings.register_profile("txtproof", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make readings`: a hundred thousand messages in place of some hundred
settings.register_profile("long", settings.get_profile("txtproof"), max_examples=25_000)
settings.load_profile("txtproof")
