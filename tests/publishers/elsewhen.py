"""A publisher in a process of its own, whose clock may be wrong: prints reason and detail of its two answers, as JSON.

Its arguments are the server, the zone and the name; the secret comes by standard input.
"""

import asyncio
import json
import sys

from pydantic import SecretStr

from tests.publishers.updates import opened
from txtproof.core.observations import Blocked


async def told(server: str, zone: str, name: str, secret: SecretStr) -> list[tuple[str, str]]:
    """Publish and remove; return what kept it from both."""
    publisher = opened(server, secret)
    answers = await publisher.ensure_txt(zone, name, b"code", 60), await publisher.remove_txt(zone, name, b"code")
    return [(one.reason, one.detail) if isinstance(one, Blocked) else ("", repr(one)) for one in answers]


if __name__ == "__main__":
    server, zone, name = sys.argv[1:]
    json.dump(asyncio.run(told(server, zone, name, SecretStr(sys.stdin.read()))), sys.stdout)
