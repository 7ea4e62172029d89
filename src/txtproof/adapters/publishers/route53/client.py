"""Requests to Route 53 by boto3, which blocks: in threads of their own, each within its time."""

import asyncio
import logging
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3.session
from botocore.config import Config

from txtproof.adapters.publishers.route53.faults import CHANGE, Refused, late, trouble
from txtproof.adapters.publishers.route53.options import Route53Options
from txtproof.adapters.publishers.trouble import Failure, Trouble, within
from txtproof.core.observations import Ambiguous
from txtproof.core.reasons import Reason

T = TypeVar("T")

THREADS = 8
"""Requests at a time. Not the loop's own threads: requests that hang would keep others from those."""
CONNECTING = 0.4
"""The share of a call's time that a connection may take."""
REGION = "us-east-1"
"""Signs where nothing else says a region: Route 53 has no other, but an `endpoint_url` asks for one."""
_METHODS = {
    "ListHostedZonesByName": "list_hosted_zones_by_name",
    "ListResourceRecordSets": "list_resource_record_sets",
    CHANGE: "change_resource_record_sets",
}


class Account:
    """Route 53 with one credential.

    boto3's client is built by the first request, in its thread: it may ask the machine for its role.
    """

    def __init__(self, options: Route53Options) -> None:
        self._options = options
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="route53")
        self._building = threading.Lock()
        self._client: Any = None
        _hush_botocore()

    @property
    def seconds(self) -> float:
        """Return how long a call may take."""
        return self._options.call_timeout.total_seconds()

    async def request(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        """Make one request. Raises Trouble where it fails. Cancelled, it is not made, or its end is not waited for."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._requested, operation, arguments)

    async def aclose(self) -> None:
        """Close the connections; requests under way end with their own timeouts."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def client(self) -> Any:
        """Return boto3's client, built once; it may be used by several threads."""
        with self._building:
            if self._client is None:
                self._client = self._built()
            return self._client

    def _requested(self, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = getattr(self.client(), _METHODS[operation])(**arguments)
        except Exception as fault:  # noqa: BLE001  # what a strange answer makes botocore's parsers raise has no end
            failed = trouble(fault, operation)
            if failed.answer.reason is Reason.PUBLISHER_AUTH:
                # boto3 looks for credentials when a client is built: by then, a person may have put others there
                self._client = None
            raise failed from None
        return answer

    def _built(self) -> Any:
        key, secret = self._options.access_key_id, self._options.secret_access_key
        session = boto3.session.Session(
            aws_access_key_id=key and key.get_secret_value(),
            aws_secret_access_key=secret and secret.get_secret_value(),
        )
        return session.client(
            "route53",
            region_name=session.region_name or REGION,
            endpoint_url=self._options.endpoint_url,
            config=Config(
                connect_timeout=self.seconds * CONNECTING,
                read_timeout=self.seconds,
                # what failed is tried again by the workflow, with the account's other work in mind
                retries={"mode": "standard", "total_max_attempts": 1},
                max_pool_connections=THREADS,
                user_agent_extra="txtproof",
            ),
        )


def _hush_botocore() -> None:
    """Let botocore log nothing below INFO: at DEBUG it writes out requests and answers, with all values in them."""
    logger = logging.getLogger("botocore")
    logger.setLevel(max(logger.level, logging.INFO))


@dataclass(slots=True)
class Call:
    """One call of the publisher, with all the requests that it takes, within one time limit."""

    account: Account
    changing: bool = False
    """A change is on its way: it may take effect."""
    conflicts: int = 0
    """How often a change was refused."""

    async def ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        """Put a question. Raises Trouble where it is not answered."""
        return await self.account.request(operation, **arguments)

    async def change(self, zone_id: str, changes: Sequence[Mapping[str, Any]]) -> Refused | None:
        """Apply a batch of changes, whole or not at all; return why it was not. Raises Trouble where it went wrong."""
        self.changing = True
        refused = None
        try:
            answer = await self.account.request(CHANGE, HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
            if "ChangeInfo" not in answer:
                raise Trouble(Ambiguous(Reason.PUBLISHER_UNREACHABLE, "Route 53: an answer to a change says nothing"))
        except Refused as failed:
            self.conflicts += 1
            refused = failed
        # where the time is up before the answer is there, this is not reached
        self.changing = False
        return refused


async def answered(call: Call, work: Coroutine[Any, Any, T]) -> T | Failure:
    """Do a publisher's work within the call's time."""
    return await within(call.account.seconds, work, lambda: late(changing=call.changing, conflicts=call.conflicts))
