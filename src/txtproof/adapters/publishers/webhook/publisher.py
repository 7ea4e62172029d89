"""A service of somebody's own as the publisher: it is told what to write, over HTTP, and writes it.

Requests are signed as Standard Webhooks has it (standardwebhooks.com, "Signature scheme"); that is five lines with
`hmac`, so the library is left to whoever verifies.
"""

import binascii
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pydantic import SecretStr

from txtproof.adapters.publishers.trouble import Failure
from txtproof.adapters.publishers.webhook.answers import Reading, Reply, read_reply
from txtproof.adapters.publishers.webhook.call import WebhookCaller, check_webhook_url
from txtproof.core.observations import Blocked, PublishAnswer, Published, WithdrawAnswer, Withdrawn
from txtproof.core.reasons import Reason
from txtproof.ports import Capability

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)
"""How long a key may be (Standard Webhooks, "Signature scheme")."""
SAME_FOR = 300
"""Seconds, from a full five minutes on, in which the same wish has the same id. That is how old a receiver lets a
message be; a repeat that comes later is to be taken for a new one, since the record may have gone meanwhile."""


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Who is told, and the key that the requests are signed with."""

    name: str
    zones: tuple[str, ...]
    url: str = field(repr=False)
    """Its path and its query may hold what only the receiver is to know."""
    secret: SecretStr = field(repr=False)
    """`whsec_` and base64."""
    allow_private: bool = False
    """Call loopback, link-local and private addresses too, and take http."""
    call_timeout: timedelta = timedelta(seconds=10)
    """For a whole call, from the look-up of its host to the end of the answer."""

    def open(self) -> "WebhookPublisher":
        """Make the publisher."""
        return WebhookPublisher(self)


class WebhookPublisher:
    """Port `Publisher`. Raises ValueError where URL or secret cannot be one."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.PER_VALUE})

    def __init__(self, options: WebhookOptions, *, now: Callable[[], float] = time.time) -> None:
        self._key = check_webhook_secret(options.secret)
        self._hidden = (options.secret.get_secret_value(), options.secret.get_secret_value().removeprefix(PREFIX))
        self._now = now
        self._caller = WebhookCaller(
            check_webhook_url(options.url, allow_private=options.allow_private),
            options.call_timeout.total_seconds(),
            allow_private=options.allow_private,
        )

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`; see the port."""
        stale = [one for one in dict.fromkeys(replaces) if one != value]
        texts = _texts(value, *stale)
        if isinstance(texts, Blocked):
            return texts
        text, *others = texts
        wish = {"action": "present", "zone": zone, "name": name, "type": "TXT", "value": text, "ttl": ttl}
        answer = await self._told({**wish, "replaces": others}, texts)
        return Published(changed=answer) if isinstance(answer, bool) else answer

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name; see the port."""
        texts = _texts(value)
        if isinstance(texts, Blocked):
            return texts
        wish = {"action": "cleanup", "zone": zone, "name": name, "type": "TXT", "value": texts[0]}
        answer = await self._told(wish, texts)
        return Withdrawn() if isinstance(answer, bool) else answer

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:  # noqa: ARG002
        """Return None: the service is told, not asked."""
        return None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._caller.aclose()

    async def _told(self, wish: Mapping[str, object], texts: Sequence[str]) -> bool | Failure:
        """Tell of a wish; return whether that changed anything, or why it was not fulfilled."""
        body = json.dumps(wish, separators=(",", ":")).encode()
        now = self._now()
        reply = await self._caller.post(signed(body, self._key, int(now)), body)
        if not isinstance(reply, Reply):
            return reply
        return read_reply(reply, Reading(self._caller.host, datetime.fromtimestamp(now, UTC), (*texts, *self._hidden)))


def signed(body: bytes, key: bytes, timestamp: int) -> dict[str, str]:
    """Return the headers that prove who sends a body, and when, in seconds since 1970.

    The id is the same for the same body within `SAME_FOR`; it is made with the key, so that it gives no value away.
    """
    window = timestamp // SAME_FOR
    known = "msg_" + hmac.digest(key, b"id.%d.%b" % (window, body), "sha256").hex()[:32]
    signature = hmac.digest(key, b"%b.%d.%b" % (known.encode(), timestamp, body), "sha256")
    return {
        "webhook-id": known,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{b64encode(signature).decode()}",
    }


def check_webhook_secret(secret: SecretStr) -> bytes:
    """Return the key. Raises ValueError that says what is wrong with it, and never shows it."""
    text = secret.get_secret_value()
    if not text.startswith(PREFIX):
        raise ValueError(f"the secret must begin with {PREFIX}: make one by `echo {PREFIX}$(openssl rand -base64 32)`")
    try:
        key = b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"the secret is not base64 after {PREFIX}: write it as it was made") from None
    if len(key) not in KEY_BYTES:
        raise ValueError(f"the secret has {len(key)} bytes: {KEY_BYTES.start} to {KEY_BYTES.stop - 1} are wanted")
    return key


def _texts(*values: bytes) -> list[str] | Blocked:
    """Return values as JSON can hold them: as text, in UTF-8."""
    try:
        texts = [value.decode() for value in values]
    except UnicodeDecodeError:
        return Blocked(Reason.INVALID_VALUE, "the value is not UTF-8: a webhook carries text")
    return texts if all(texts) else Blocked(Reason.INVALID_VALUE, "the value is empty: a TXT record has one at least")
