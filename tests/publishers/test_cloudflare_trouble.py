"""The publisher for Cloudflare: what it answers when the API refuses, wavers, falls silent or talks nonsense."""

import asyncio
import gzip
import json
import logging
import socket
import traceback
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from tests.publishers.cloudflare_api import CloudflareApi, Fault, refusal
from tests.publishers.cloudflare_scene import CODE, TOKEN, ZONE, api, options, publisher, reason, running
from tests.publishers.cloudflare_zones import Owner, Zone
from txtproof.adapters.publishers.cloudflare.publisher import CloudflareOptions, CloudflarePublisher
from txtproof.core.observations import Ambiguous, Blocked, Published, Unreachable, Withdrawn
from txtproof.core.reasons import Reason

__all__ = ["api", "publisher", "running"]

NAME = f"_verify.{ZONE}"
ID = "0" * 31 + "e"
OLD = b"old-code-of-before"


@pytest.fixture
def zone() -> Zone:
    made = Zone(ZONE, ID)
    Owner(made).put(NAME, 300, [b"neighbour"], [OLD])
    return made


async def put_right(publisher: CloudflarePublisher, zone: Zone) -> None:
    """See that a repeat repairs what there is."""
    assert isinstance(await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD]), Published)
    assert Owner(zone).values(NAME) == (300, sorted([b"neighbour", CODE]))
    assert await publisher.remove_txt(ZONE, NAME, CODE) == Withdrawn()
    assert Owner(zone).values(NAME) == (300, [b"neighbour"])


# The token


@pytest.mark.parametrize("zone_id", [None, ID], ids=["searched", "given"])
async def test_a_wrong_token_is_a_matter_for_a_person(api: CloudflareApi, zone_id: str | None) -> None:
    publisher = options(api, token="another", zone_id=zone_id).open()
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    await publisher.aclose()
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_AUTH
    assert "api_token" in answer.detail


@pytest.mark.parametrize(
    ("status", "codes"), [(401, []), (401, [1000]), (400, [6003]), (403, [9109]), (403, [10000]), (200, [10000])]
)
async def test_a_refusal_of_the_token_is_known_by_its_code(
    publisher: CloudflarePublisher, api: CloudflareApi, status: int, codes: list[int]
) -> None:
    api.script("search", refusal(status, *codes))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_AUTH


async def test_the_cause_of_an_error_counts_too(publisher: CloudflarePublisher, api: CloudflareApi) -> None:
    cause = {"code": 6111, "message": "Invalid format for Authorization header"}
    error = {"code": 1, "message": "Invalid request headers", "error_chain": [cause]}
    api.script("search", Fault(400, json.dumps({"success": False, "errors": [error], "result": None}).encode()))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_AUTH


async def test_a_token_that_may_read_and_not_write_is_not_taken_for_a_wrong_one(
    publisher: CloudflarePublisher, api: CloudflareApi
) -> None:
    api.may_edit = False
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_REFUSED
    assert "right" in answer.detail


async def test_a_token_that_is_revoked_is_seen_as_such(publisher: CloudflarePublisher, api: CloudflareApi) -> None:
    assert await publisher.read_txt(ZONE, NAME)
    api.token = "renewed"
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_AUTH
    assert await publisher.read_txt(ZONE, NAME) is None


# Other refusals


@pytest.mark.parametrize(
    ("status", "codes", "expected"),
    [
        (403, [], Reason.PUBLISHER_REFUSED),
        (403, [81045], Reason.PUBLISHER_REFUSED),
        (400, [424242], Reason.PUBLISHER_REFUSED),
        (200, [424242], Reason.PUBLISHER_REFUSED),
        (418, [], Reason.PUBLISHER_REFUSED),
        (400, [1004, 9207], Reason.INVALID_VALUE),
        (400, [9021], Reason.INVALID_VALUE),
        (400, [81061], Reason.INVALID_VALUE),
        (400, [81053], Reason.NAME_IS_CNAME),
        (400, [81054], Reason.NAME_IS_CNAME),
        (400, [81056], Reason.NOT_SERVED),
        (404, [7003], Reason.NO_ZONE),
        (400, [7003, 7000], Reason.NO_ZONE),
        (404, [], Reason.NO_ZONE),
    ],
)
async def test_a_refusal_of_the_record_says_what_a_person_must_do(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone, status: int, codes: list[int], expected: Reason
) -> None:
    before = Owner(zone).snapshot()
    api.script("add", refusal(status, *codes))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD])
    assert isinstance(answer, Blocked)
    assert reason(answer) is expected
    assert Owner(zone).snapshot() == before, "the old value goes only after the new one has come"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(publisher: CloudflarePublisher, api: CloudflareApi, status: int) -> None:
    api.script("list", Fault(status, b"", {"Location": f"{api.base_url}/elsewhere"}))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Blocked)
    assert reason(answer) is Reason.PUBLISHER_REFUSED
    assert "redirect" in answer.detail
    assert not any("elsewhere" in request for request in api.requests)


# Later


@pytest.mark.parametrize("what", ["search", "list", "add", "delete"])
async def test_a_limit_says_when_to_call_again(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone, what: str
) -> None:
    api.script(what, refusal(429, 971, retry_after="17"))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD])
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.RATE_LIMITED
    assert answer.retry_after == timedelta(seconds=17)
    await put_right(publisher, zone)


async def test_a_limit_without_a_status_of_its_own_is_known_by_its_code(
    publisher: CloudflarePublisher, api: CloudflareApi
) -> None:
    api.script("list", refusal(400, 971))
    answer = await publisher.remove_txt(ZONE, NAME, CODE)
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.RATE_LIMITED
    assert answer.retry_after is None


@pytest.mark.parametrize("what", ["search", "list", "add", "delete"])
@pytest.mark.parametrize("status", [408, 500, 502, 503, 520, 524])
async def test_a_failure_of_theirs_passes(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone, what: str, status: int
) -> None:
    api.script(what, Fault(status, b"<html>Bad gateway", {"Retry-After": "2"}, done=True))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD])
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert answer.retry_after == timedelta(seconds=2)
    await put_right(publisher, zone)


# No answer


@pytest.mark.parametrize("what", ["search", "list"])
async def test_a_question_without_an_answer_has_changed_nothing(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone, what: str
) -> None:
    api.script(what, Fault(reset=True))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD])
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    await put_right(publisher, zone)


@pytest.mark.parametrize("what", ["add", "delete"])
@pytest.mark.parametrize("done", [True, False])
async def test_a_change_without_an_answer_may_have_been_made(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone, what: str, done: bool
) -> None:
    api.script(what, Fault(reset=True, done=done, body=b""))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD])
    assert isinstance(answer, Ambiguous)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    await put_right(publisher, zone)


async def test_a_question_without_an_answer_after_a_change_that_was_refused_has_changed_nothing(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    api.script("add", refusal(400, 81058))
    api.script("list", Fault(), Fault(reset=True))
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD])
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    await put_right(publisher, zone)


@pytest.mark.parametrize(
    ("what", "expected"), [("search", Unreachable), ("list", Unreachable), ("add", Ambiguous), ("delete", Ambiguous)]
)
async def test_silence_is_waited_for_no_longer_than_a_call_may_take(
    api: CloudflareApi, zone: Zone, what: str, expected: type[Unreachable | Ambiguous]
) -> None:
    api.script(what, Fault(silent=True, done=True))
    publisher = options(api, seconds=0.5).open()
    async with asyncio.timeout(5):
        answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD])
    assert isinstance(answer, expected)
    assert isinstance(answer, Unreachable | Ambiguous)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    await put_right(publisher, zone)
    await publisher.aclose()


async def test_where_nobody_listens_nothing_is_changed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    publisher = CloudflareOptions("cloudflare", (ZONE,), SecretStr(TOKEN), base_url=address).open()
    answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60)
    assert isinstance(answer, Unreachable)
    assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert await publisher.read_txt(ZONE, NAME) is None
    await publisher.aclose()


async def test_a_cancelled_call_ends_as_cancelled(publisher: CloudflarePublisher, api: CloudflareApi) -> None:
    api.script("list", Fault(silent=True))
    call = asyncio.create_task(publisher.ensure_txt(ZONE, NAME, CODE, 60))
    async with asyncio.timeout(5):
        while not any("dns_records" in request for request in api.requests):
            await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


# Nonsense

RECORD: dict[str, Any] = {"id": "a" * 32, "type": "TXT", "name": NAME, "content": '"x"', "ttl": 300}


def listed(**change: Any) -> bytes:
    return json.dumps({"success": True, "errors": [], "result": [{**RECORD, **change}]}).encode()


NONSENSE: dict[str, Fault] = {
    "nothing": Fault(body=b""),
    "no JSON": Fault(body=b"<html>"),
    "half of it": Fault(body=b'{"success": true, "result": ['),
    "another encoding": Fault(body=b"\xff\xfe{}"),
    "null": Fault(body=b"null"),
    "a list": Fault(body=b"[]"),
    "no success": Fault(body=b'{"result": []}'),
    "success as text": Fault(body=b'{"success": "true", "result": []}'),
    "no result": Fault(body=b'{"success": true}'),
    "a result of another kind": Fault(body=b'{"success": true, "result": "all"}'),
    "records of another kind": Fault(body=b'{"success": true, "result": [1, null]}'),
    "pages of another kind": Fault(body=b'{"success": true, "result": [], "result_info": {"total_pages": "1"}}'),
    "errors of another kind": Fault(body=b'{"success": false, "errors": {"code": 1}}'),
    "an id that is a path": Fault(body=listed(id="../../user/tokens")),
    "an id that is a number": Fault(body=listed(id=7)),
    "no id": Fault(body=json.dumps({"success": True, "result": [{"type": "TXT", "name": NAME, "ttl": 1}]}).encode()),
    "a content of another kind": Fault(body=listed(content=["x"])),
    "a TTL in words": Fault(body=listed(ttl="300")),
    "a TTL below nothing": Fault(body=listed(ttl=-1)),
    "a TTL beyond all": Fault(body=listed(ttl=10**30)),
    "half of a character": Fault(body=listed().replace(b"x", b"\\ud800")),
    "a deep nest": Fault(body=b'{"success": true, "result": ' + b"[" * 100_000),
    "a huge number": Fault(body=b'{"success": true, "result": [' + b"9" * 10_000 + b"]}"),
    "a body that is a little too long": Fault(body=b'{"success": true, "result": []}'.ljust(2**20 + 1)),
    "a body without an end": Fault(body=b"", endless=True),
    "a compressed body": Fault(
        body=gzip.compress(b'{"success": true, "result": []}'), headers={"Content-Encoding": "gzip"}
    ),
}


@pytest.mark.parametrize("what", ["search", "list", "add"])
@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_no_answer(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone, nonsense: Fault, what: str
) -> None:
    before = Owner(zone).snapshot()
    api.script(what, nonsense)
    async with asyncio.timeout(10):
        # and not only because the time of a call has passed
        answer = await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD])
    assert isinstance(answer, Ambiguous if what == "add" else Unreachable | Blocked), answer
    if isinstance(answer, Blocked):
        assert (what, reason(answer)) == ("search", Reason.NO_ZONE), "a list of zones without the one that is sought"
    else:
        assert reason(answer) is Reason.PUBLISHER_UNREACHABLE
    assert Owner(zone).snapshot() == before
    await put_right(publisher, zone)


async def test_what_is_not_asked_of_a_record_may_be_anything(
    publisher: CloudflarePublisher, api: CloudflareApi, zone: Zone
) -> None:
    strange = {"content": None, "type": "HTTPS", "meta": None, "settings": None, "proxied": None, "tags": {"a": [1]}}
    api.script("list", Fault(body=listed(**strange)))
    assert await publisher.ensure_txt(ZONE, NAME, CODE, 600) == Published(changed=True)


# What is never shown


async def test_neither_token_nor_code_is_ever_shown(
    api: CloudflareApi, zone: Zone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    echo = f"Bearer {TOKEN}: {CODE.decode()}"
    faults = [
        refusal(400, 9207),
        Fault(400, json.dumps({"success": False, "errors": [{"code": 1, "message": echo}]}).encode()),
        Fault(403, echo.encode()),
        Fault(200, echo.encode()),
        Fault(502, echo.encode(), {"Retry-After": "soon"}),
        Fault(302, b"", {"Location": "/elsewhere"}),
        Fault(reset=True),
    ]
    given = options(api)
    publisher = given.open()
    for what in ("list", "add", "delete"):
        for fault in faults:
            api.script(what, fault)
            shown.append(repr(await publisher.ensure_txt(ZONE, NAME, CODE, 60, [OLD])))
            Owner(zone).put(NAME, 300, [OLD])
    shown.append(repr(await publisher.ensure_txt(ZONE, NAME, CODE + b"x" * 5000, 60)))
    shown.append(repr(await publisher.remove_txt(ZONE, NAME, OLD)))
    await publisher.aclose()
    try:
        options(api, token=f"{TOKEN} ").open()
    except ValueError as error:
        shown.extend(traceback.format_exception(error))
    shown += [repr(given), repr(publisher), repr(vars(publisher)), caplog.text]
    assert "send_request_headers" in caplog.text, "httpcore tells of its steps"
    for secret in (TOKEN, CODE.decode(), OLD.decode()):
        assert not [text for text in shown if secret in text]
