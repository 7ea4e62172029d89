"""The publisher for Route 53 when the credential, the service or the network is not as hoped."""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Iterator

import pytest

from tests.publishers.route53_hand import CODE, KEY, SECRET, Opener, name, opened, options, told
from tests.publishers.route53_middleman import CHANGE, FIND, LIST, Middleman, Reply, between, error
from tests.real_ministack import ZONE, MiniStack, ministack
from tests.real_processes import free_port
from txtproof.core.observations import Published, Withdrawn

__all__ = ["ministack", "name", "opened"]

FATAL = "[Invalid Resource Record: 'FATAL problem: CharacterStringTooLong (Value is too long) encountered with '{}'']"
OLD_FORM = b"""<InvalidChangeBatch xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
<Messages><Message>Tried to create resource record set</Message></Messages></InvalidChangeBatch>"""
ANSWERS = {
    "unknown key": (FIND, error("InvalidClientTokenId", 403), "Blocked", "publisher_auth"),
    "wrong secret": (LIST, error("SignatureDoesNotMatch", 403), "Blocked", "publisher_auth"),
    "expired": (LIST, error("ExpiredToken", 403), "Blocked", "publisher_auth"),
    "401": (LIST, Reply(401), "Blocked", "publisher_auth"),
    "no right to find": (FIND, error("AccessDenied", 403), "Blocked", "publisher_refused"),
    "no right to list": (LIST, error("AccessDenied", 403), "Blocked", "publisher_refused"),
    "no right to change": (CHANGE, error("AccessDenied", 403), "Blocked", "publisher_refused"),
    "another's zone": (LIST, error("NoSuchHostedZone", 404), "Blocked", "no_zone"),
    "zone gone": (CHANGE, error("NoSuchHostedZone", 404), "Blocked", "no_zone"),
    "not in the zone": (
        CHANGE,
        error("InvalidChangeBatch", message="[RRSet with DNS name a. is not permitted in zone b.]"),
        "Blocked",
        "no_zone",
    ),
    "value refused": (
        CHANGE,
        error("InvalidChangeBatch", message=FATAL.format(CODE.decode())),
        "Blocked",
        "invalid_value",
    ),
    "refused all the same": (CHANGE, error("InvalidChangeBatch", message="other"), "Blocked", "publisher_refused"),
    "somebody else was faster, each time": (
        CHANGE,
        error("InvalidChangeBatch", message="[... but the values provided do not match the current values]"),
        "Unreachable",
        "conflict",
    ),
    "refused in the old form": (CHANGE, Reply(400, OLD_FORM), "Blocked", "publisher_refused"),
    "bad input": (CHANGE, error("InvalidInput"), "Blocked", "publisher_refused"),
    "too fast, asking": (LIST, error("Throttling"), "Unreachable", "rate_limited"),
    "too fast, changing": (CHANGE, error("Throttling"), "Unreachable", "rate_limited"),
    "429": (LIST, Reply(429), "Unreachable", "rate_limited"),
    "busy for long": (CHANGE, error("PriorRequestNotComplete"), "Unreachable", "conflict"),
    "down, asking": (LIST, error("InternalFailure", 500), "Unreachable", "publisher_unreachable"),
    "down, changing": (CHANGE, error("InternalFailure", 500), "Ambiguous", "publisher_unreachable"),
    "gateway, changing": (CHANGE, Reply(504, b"<html></html>"), "Ambiguous", "publisher_unreachable"),
    "not now": (CHANGE, error("ServiceUnavailable", 503), "Unreachable", "publisher_unreachable"),
    "no XML, asking": (LIST, Reply(200, b"hello"), "Unreachable", "publisher_unreachable"),
    "no XML, changing": (CHANGE, Reply(200, b"hello"), "Ambiguous", "publisher_unreachable"),
    "other XML, finding": (FIND, Reply(200, b"<html><body/></html>"), "Unreachable", "publisher_unreachable"),
    "other XML, asking": (LIST, Reply(200, b"<html><body/></html>"), "Unreachable", "publisher_unreachable"),
    "other XML, changing": (CHANGE, Reply(200, b"<html><body/></html>"), "Ambiguous", "publisher_unreachable"),
    "broken off, asking": (LIST, Reply(200, b"<List", claimed=1000), "Unreachable", "publisher_unreachable"),
    "broken off, changing": (CHANGE, Reply(200, b"<Change", claimed=1000), "Ambiguous", "publisher_unreachable"),
    "odd TTL": (
        LIST,
        Reply(
            200,
            b"<L><ResourceRecordSets><ResourceRecordSet><TTL>soon</TTL></ResourceRecordSet></ResourceRecordSets></L>",
        ),
        "Unreachable",
        "publisher_unreachable",
    ),
    "a code that is no word": (LIST, error("as &lt;b&gt; \u202e" + "x" * 500), "Blocked", "publisher_refused"),
}


@pytest.fixture
def middleman(ministack: MiniStack) -> Iterator[Middleman]:
    with between(ministack.url) as one:
        yield one


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing that boto3 would find: no variables, no files, and no machine that is asked for its role."""
    nowhere = str(tmp_path_factory.mktemp("nowhere") / "absent")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "HOME"):
        monkeypatch.setenv(variable, nowhere)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(("operation", "reply", "kind", "reason"), ANSWERS.values(), ids=ANSWERS)
async def test_each_answer_has_its_meaning_and_changes_nothing(
    ministack: MiniStack,
    middleman: Middleman,
    opened: Opener,
    name: str,
    operation: str,
    reply: Reply,
    kind: str,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    ministack.put(name, 300, [b"theirs"])
    middleman.on(operation, reply)
    answer = await opened(middleman.url).ensure_txt(ZONE, name, CODE, 60)
    assert told(answer)[:2] == (kind, reason)
    assert (getattr(answer, "retry_after", None) is not None) == (reason == "rate_limited")
    assert ministack.values(name) == (300, [b"theirs"])
    for secret in (KEY, SECRET, CODE.decode()):
        assert secret not in caplog.text


async def test_a_right_that_is_missing_is_named(middleman: Middleman, opened: Opener, name: str) -> None:
    middleman.on(CHANGE, error("AccessDenied", 403, f"User: arn:aws:iam::1:user/{KEY} is not authorized"))
    answer = await opened(middleman.url).ensure_txt(ZONE, name, CODE, 60)
    assert told(answer)[2].endswith("the credential may not do route53:ChangeResourceRecordSets")


async def test_a_change_is_made_again_where_another_was_being_worked_on(
    ministack: MiniStack, middleman: Middleman, opened: Opener, name: str
) -> None:
    busy = error("PriorRequestNotComplete")
    middleman.on(CHANGE, busy, busy, busy, error("InvalidChangeBatch"), busy, Reply(200, b"<C><ChangeInfo/></C>"))
    assert await opened(middleman.url).ensure_txt(ZONE, name, CODE, 60) == Published()
    assert middleman.asked.count(CHANGE) == 6


async def test_a_batch_is_refused_three_times_before_that_is_believed(
    middleman: Middleman, opened: Opener, name: str
) -> None:
    middleman.on(CHANGE, error("InvalidChangeBatch"))
    await opened(middleman.url).ensure_txt(ZONE, name, CODE, 60)
    assert middleman.asked == [FIND, LIST, CHANGE, LIST, CHANGE, LIST, CHANGE]


async def test_no_redirect_is_followed(middleman: Middleman, opened: Opener, name: str) -> None:
    with between(middleman.url) as elsewhere:
        middleman.on(LIST, Reply(302, location=f"{elsewhere.url}/2013-04-01/hostedzone/Z/rrset"))
        answer = await opened(middleman.url).ensure_txt(ZONE, name, CODE, 60)
        assert told(answer)[0] == "Blocked"
        assert elsewhere.asked == []


@pytest.mark.parametrize(("operation", "kind"), [(FIND, "Unreachable"), (LIST, "Unreachable"), (CHANGE, "Ambiguous")])
async def test_silence_ends_with_the_calls_time(
    middleman: Middleman, opened: Opener, name: str, operation: str, kind: str
) -> None:
    middleman.hold(operation)
    publisher = opened(middleman.url, built=True, seconds=2)
    started = time.monotonic()
    answer = await publisher.ensure_txt(ZONE, name, CODE, 60)
    assert time.monotonic() - started < 4
    assert middleman.asked[-1] == operation
    assert told(answer)[:2] == (kind, "publisher_unreachable")


async def test_requests_that_hang_keep_no_other_work_from_its_threads(
    middleman: Middleman, opened: Opener, name: str
) -> None:
    middleman.hold(LIST)
    publisher = opened(middleman.url, built=True, seconds=20)
    calls = [asyncio.create_task(publisher.read_txt(ZONE, name)) for _ in range(40)]
    while middleman.asked.count(LIST) < 8:
        await asyncio.sleep(0.01)
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "done"), 10) == "done"
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def test_nobody_at_the_address_is_unreachable_and_nothing_was_sent(opened: Opener, name: str) -> None:
    publisher = opened(f"http://127.0.0.1:{free_port('127.0.0.1')}")
    assert told(await publisher.ensure_txt(ZONE, name, CODE, 60))[0] == "Unreachable"
    assert told(await publisher.remove_txt(ZONE, name, CODE))[0] == "Unreachable"
    assert await publisher.read_txt(ZONE, name) is None


@pytest.mark.usefixtures("no_credentials")
async def test_credentials_that_appear_later_are_found(
    ministack: MiniStack, opened: Opener, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = opened(ministack.url, access_key_id=None, secret_access_key=None)
    kind, reason, text = told(await publisher.ensure_txt(ZONE, name, CODE, 60))
    assert (kind, reason) == ("Blocked", "publisher_auth")
    assert "no credentials" in text
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert await publisher.ensure_txt(ZONE, name, CODE, 60) == Published()


async def test_a_profile_that_is_not_there_is_a_matter_for_a_person(
    ministack: MiniStack, opened: Opener, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    answer = await opened(ministack.url, access_key_id=None, secret_access_key=None).ensure_txt(ZONE, name, CODE, 60)
    assert told(answer)[:2] == ("Blocked", "publisher_auth")


# Secrets


async def test_neither_log_nor_text_shows_a_secret_or_a_value(
    ministack: MiniStack, middleman: Middleman, opened: Opener, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    publisher = opened(middleman.url)
    assert await publisher.ensure_txt(ZONE, name, CODE, 60) == Published()
    assert await publisher.ensure_txt(ZONE, name, b"next", 60, [CODE]) == Published()
    assert await publisher.remove_txt(ZONE, name, b"next") == Withdrawn()
    logging.getLogger("txtproof").debug("the log is heard")
    shown = [caplog.text, repr(publisher), repr(vars(publisher)), repr(vars(publisher._account)), repr(options("x"))]
    assert "the log is heard" in shown[0]
    for secret in (KEY, SECRET, CODE.decode()):
        assert not [text for text in shown if secret in text]


# The extra


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ValueError, match=re.escape("pip install 'txtproof[route53]'")):
        options("http://127.0.0.1:9").open()
