"""The rules that can be turned: plain data, filled from the settings."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from txtproof.core.delays import Delays
from txtproof.core.values import Value


class Policy(Value, frozen=True):
    """Every choice that `decide` may consult."""

    deadline: timedelta = timedelta(days=7)
    """How long a verification may take, where its request names no deadline."""
    longest_deadline: timedelta = timedelta(days=30)
    """The furthest that a request's deadline may lie ahead."""
    assumed_code_lifetime: timedelta = timedelta(days=7)
    """How long a code is taken to live where Nexus gives no expiry."""
    blocked_retry: timedelta = timedelta(hours=1)
    """How often a blocked step is tried again unasked."""
    call_timeout: timedelta = timedelta(seconds=10)
    """How long one call may take; a code is not requested again sooner than this after an ambiguous call."""
    closing_delay: timedelta = timedelta(seconds=60)
    """How long after the end values are removed that somebody may write late: longer than a lease, so that a worker
    which was frozen meanwhile has written by then."""
    record_name: str = "{domain}"
    record_value: str = "{code}"
    record_ttl: int = 60
    """Seconds."""
    records: Literal["keep", "withdraw"] = "keep"
    """What becomes of a verified domain's record; without a proof the record always goes."""
    withdraw_after: timedelta = timedelta(0)
    """How long after the end a verified domain's record is withdrawn, where `records` says so."""
    max_claims: int = 5
    """How often a row may be claimed without a commit before it counts as poison."""
    delays: Mapping[str, Delays] = {}
    """What was learned of each publisher: no setting, the store has it."""
