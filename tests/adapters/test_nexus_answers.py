"""Every line of the table of Nexus's answers, as far as it can be told from status, headers and body."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txtproof.adapters.http_fields import http_date, instant, presentable, retry_after
from txtproof.adapters.nexus_answers import Reading, Reply, read_answer, wants_body
from txtproof.core.events import Json
from txtproof.core.model import Key
from txtproof.core.observations import AlreadyVerified, Blocked, CodeIssued, Rejected, Unreachable, UpstreamAnswer
from txtproof.core.reasons import Reason

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DATE = "Fri, 01 May 2026 12:00:00 GMT"
CODE = "c0de-never-shown"
SECRETS = ("bearer-never-shown", "application-never-shown")
READING = Reading(Key(42, 7), NOW, SECRETS)
MEMBERS: dict[str, Json] = {
    "authenticationMethod": "None",
    "created": "2026-05-01T12:00:00.0000000Z",
    "createdBy": "somebody",
    "domain": "example.test",
    "domainId": 7,
    "isVerified": False,
    "modified": "2026-05-01T12:00:00.0000000Z",
    "modifiedBy": "somebody",
    "organizationId": 42,
    "ownerOrganizationId": 42,
    "verificationCode": CODE,
    "verificationCodeExpires": "2026-05-08T12:00:00.0000000Z",
    "verificationMethod": "DnsTxt",
}


def body(**members: Json) -> bytes:
    return json.dumps({**MEMBERS, **members}).encode()


def read(status: int, content: bytes = b"", **headers: str) -> UpstreamAnswer:
    return read_answer(Reply(status, body=content, **headers), READING)  # type: ignore[arg-type]  # header names only


@pytest.mark.parametrize("status", [200, 201])
def test_a_success_with_a_code_issues_it(status: int) -> None:
    answer = read(status, body(), date=DATE)
    assert answer == CodeIssued(CODE, datetime(2026, 5, 8, 12, tzinfo=UTC), "example.test", NOW)


def test_all_members_but_the_code_may_be_null_or_absent() -> None:
    nulls: dict[str, Json] = dict.fromkeys(MEMBERS)
    assert read(201, body(**{**nulls, "verificationCode": CODE})) == CodeIssued(CODE)
    assert read(201, json.dumps({"verificationCode": CODE}).encode()) == CodeIssued(CODE)


def test_unknown_members_are_ignored() -> None:
    answer = read(201, body(surprise=[1, {"verificationCode": None}], verification_code=5))
    assert isinstance(answer, CodeIssued)
    assert answer.code == CODE


@pytest.mark.parametrize("code", ["x", "x" * 2048, "\u00fc" * 1024, "two\nlines", 'quo"te', " ", "\x00"])
def test_a_code_is_opaque(code: str) -> None:
    answer = read(201, body(verificationCode=code))
    assert isinstance(answer, CodeIssued)
    assert answer.code == code


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"verificationCode": None}, "verificationCode is null"),
        ({"verificationCode": ""}, "verificationCode is empty"),
        ({"verificationCode": "x" * 2049}, "verificationCode is longer than 2048 bytes"),
        ({"verificationCode": "\u00fc" * 1025}, "verificationCode is longer than 2048 bytes"),
        ({"verificationCode": 5}, "verificationCode: "),
        ({"verificationCode": [CODE]}, "verificationCode: "),
        ({"verificationCode": "\ud800"}, "Invalid JSON"),
        ({"domain": 5}, "domain: "),
        ({"domain": ["example.test"]}, "domain: "),
        ({"isVerified": "true"}, "isVerified: "),
        ({"isVerified": 1}, "isVerified: "),
        ({"createdBy": 5}, "createdBy: "),
        ({"created": 1777636800}, "created: "),
        ({"verificationMethod": {}}, "verificationMethod: "),
        ({"authenticationMethod": True}, "authenticationMethod: "),
        ({"organizationId": "42"}, "organizationId: "),
        ({"organizationId": 42.0}, "organizationId: "),
        ({"organizationId": True}, "organizationId: "),
        ({"ownerOrganizationId": 2**31}, "ownerOrganizationId: "),
        ({"organizationId": 43}, "organizationId is 43, but 42 was asked for"),
        ({"organizationId": 0}, "organizationId is 0, but 42 was asked for"),
        ({"domainId": 8}, "domainId is 8, but 7 was asked for"),
        ({"isVerified": True, "domainId": 8}, "domainId is 8, but 7 was asked for"),
        ({"verificationCodeExpires": 5}, "verificationCodeExpires: "),
        ({"verificationCodeExpires": ""}, "verificationCodeExpires is not a date and time"),
        ({"verificationCodeExpires": "soon"}, "verificationCodeExpires is not a date and time"),
        ({"verificationCodeExpires": "99999-01-01T00:00:00Z"}, "verificationCodeExpires is not a date and time"),
        ({"verificationCodeExpires": "0000-01-01T00:00:00Z"}, "verificationCodeExpires is not a date and time"),
        ({"verificationCodeExpires": "9999-12-31T23:59:59-01:00"}, "verificationCodeExpires is not a date and time"),
    ],
)
def test_a_wrong_member_breaks_the_contract_and_is_named(members: dict[str, Json], wrong: str) -> None:
    answer = read(201, body(**members))
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.UPSTREAM_CONTRACT
    assert answer.detail.startswith(wrong)
    assert CODE not in answer.detail


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"5",
        b"[]",
        b'"text"',
        b"<html>",
        b"{",
        b"\xff\xfe",
        b'{"verificationCode": "\xff"}',
        b'{"verificationCode": "\\ud800"}',
        b'{"domain": "\\udc00", "verificationCode": "x"}',
        b'{"verificationCode": NaN}',
        b"[" * 30_000,
        b'{"a":' * 10_000,
        b'{"organizationId": ' + b"9" * 10_000 + b"}",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_success_without_the_documented_object_breaks_the_contract(content: bytes) -> None:
    answer = read(201, content)
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.UPSTREAM_CONTRACT
    assert answer.detail


def test_a_body_that_is_too_long_breaks_the_contract() -> None:
    for status in (200, 201, 400, 422):
        answer = read_answer(Reply(status, body=body(), oversized=True), READING)
        assert isinstance(answer, Rejected)
        assert answer.reason is Reason.UPSTREAM_CONTRACT


def test_a_long_error_page_does_not_change_what_its_status_says() -> None:
    assert read_answer(Reply(401, oversized=True), READING) == Blocked(Reason.UPSTREAM_AUTH, "401")
    assert read_answer(Reply(404, oversized=True), READING) == Rejected(Reason.UNKNOWN_DOMAIN, "404")
    assert isinstance(read_answer(Reply(502, oversized=True), READING), Unreachable)


def test_a_compressed_body_breaks_the_contract() -> None:
    answer = read(201, body(), content_encoding="gzip")
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.UPSTREAM_CONTRACT
    assert isinstance(read(201, body(), content_encoding="Identity"), CodeIssued)


# The domain


def test_the_domain_of_an_answer_is_read_as_every_other_domain() -> None:
    answer = read(201, body(domain="B\u00fccher.Example."))
    assert isinstance(answer, CodeIssued)
    assert answer.domain == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "co.uk",
        "CO.UK.",
        "公司.cn",
        "xn--55qx5d.cn",
        "any.ck",
        "192.0.2.1",
        "..",
        "a b.test",
        f"{CODE}..",
        "x" * 300,
        "\x1b[31m.test",
    ],
)
@pytest.mark.parametrize("verified", [False, True])
def test_a_bad_domain_is_refused_for_good(domain: str, *, verified: bool) -> None:
    answer = read(201, body(domain=domain, isVerified=verified))
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.BAD_DOMAIN
    assert answer.detail.isprintable()
    assert CODE not in answer.detail


@pytest.mark.parametrize("code", [None, "", CODE])
def test_a_verified_domain_needs_no_code(code: str | None) -> None:
    assert read(201, body(isVerified=True, verificationCode=code)) == AlreadyVerified("example.test")
    assert read(201, body(isVerified=True, verificationCode=code, domain=None)) == AlreadyVerified(None)


# Refusals


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, Blocked(Reason.UPSTREAM_AUTH, "401 No: because")),
        (403, Blocked(Reason.UPSTREAM_FORBIDDEN, "403 No: because")),
        (404, Rejected(Reason.UNKNOWN_DOMAIN, "404 No: because")),
        *(
            (status, Rejected(Reason.UPSTREAM_REFUSED, f"{status} No: because"))
            for status in (400, 409, 410, 422, 418, 499)
        ),
    ],
)
def test_a_refusal_says_what_its_problem_body_says(status: int, expected: UpstreamAnswer) -> None:
    problem = {"type": None, "title": "No", "detail": "because", "status": status, "instance": None}
    assert wants_body(status)
    assert read(status, json.dumps(problem).encode()) == expected


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "400"),
        (b"<html><body>Bad Gateway</body></html>", "400"),
        (b"null", "400"),
        (b"[]", "400"),
        (b"{}", "400"),
        (b'{"title": null, "detail": null}', "400"),
        (b'{"title": 5, "detail": ["x"]}', "400"),
        (b'{"title": "No"}', "400 No"),
        (b'{"detail": "because"}', "400 because"),
        (b'{"title": "\\ud800"}', "400"),
        (b"[" * 30_000, "400"),
        (b'{"detail": "a\\u0000b\\r\\n\\tc\\u202ed\\u2028e"}', "400 ab cd e"),
        (b'{"detail": "you sent bearer-never-shown!"}', "400 you sent [hidden]!"),
        (b'{"title": "application-never-shown", "detail": "x"}', "400 [hidden]: x"),
        (b'{"detail": "bearer\\u0000-never-shown"}', "400 [hidden]"),
    ],
)
def test_a_problem_body_of_any_kind_is_read_for_what_may_be_shown(content: bytes, detail: str) -> None:
    assert read(400, content) == Rejected(Reason.UPSTREAM_REFUSED, detail)


def test_a_long_problem_is_cut_after_its_secrets_are_hidden() -> None:
    problem = {"title": "t" * 150, "detail": "d" * 39 + SECRETS[0] + "e" * 500}
    answer = read(400, json.dumps(problem).encode())
    assert isinstance(answer, Rejected)
    assert len(answer.detail) == 200
    assert "bearer" not in answer.detail


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_breaks_the_contract(status: int) -> None:
    answer = read(status)
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.UPSTREAM_CONTRACT
    assert not wants_body(status)


@pytest.mark.parametrize("status", [101, 202, 204, 206, 299, 600, 999])
def test_a_status_that_is_not_foreseen_breaks_the_contract(status: int) -> None:
    answer = read(status, body())
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.UPSTREAM_CONTRACT
    assert not wants_body(status)


# Later


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_status_that_says_later_is_unreachable(status: int) -> None:
    assert read(status) == Unreachable(Reason.UPSTREAM_UNREACHABLE, f"answered {status}")
    wanted = Unreachable(Reason.UPSTREAM_UNREACHABLE, f"answered {status}", timedelta(seconds=7))
    assert read(status, retry_after="7") == wanted
    assert not wants_body(status)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("1.5", None),
        ("5, 5", None),
        ("\u0665", None),
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("3600", 3600),
        ("3601", 3600),
        ("9" * 5000, 3600),
        ("-5", 0),
        ("-" + "9" * 5000, 0),
        ("Fri, 01 May 2026 12:00:30 GMT", 30),
        ("Friday, 01-May-26 12:00:30 GMT", 30),
        ("Fri May  1 12:00:30 2026", 30),
        ("Fri, 01 May 2026 11:00:00 GMT", 0),
        ("Fri, 08 May 2026 12:00:00 GMT", 3600),
        ("Fri, 01 May 99999 12:00:00 GMT", None),
        ("Fri, 01 May 2026 12:00:00 +9999999", None),
        ("Fri, 99 May 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_stays_within_an_hour(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, NOW) == (None if seconds is None else timedelta(seconds=seconds))


def test_a_retry_after_date_goes_by_the_clock_of_the_answer() -> None:
    until = "Fri, 01 May 2026 13:00:20 GMT"
    ahead = read(503, date="Fri, 01 May 2026 13:00:00 GMT", retry_after=until)
    assert isinstance(ahead, Unreachable)
    assert ahead.retry_after == timedelta(seconds=20)
    undated = read(503, retry_after="Fri, 01 May 2026 12:00:20 GMT")
    assert isinstance(undated, Unreachable)
    assert undated.retry_after == timedelta(seconds=20)


# Times


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-05-01T12:00:00Z", NOW),
        ("2026-05-01t12:00:00z", NOW),
        ("2026-05-01T12:00:00", NOW),
        ("2026-05-01T14:00:00+02:00", NOW),
        ("2026-05-01T12:00:00.1234567Z", NOW.replace(microsecond=123456)),
        ("2026-05-01T12:00:00.1234567", NOW.replace(microsecond=123456)),
        ("2026-05-01T07:00:00.1234567-05:00", NOW.replace(microsecond=123456)),
        ("2026-05-01T12:00:00.5Z", NOW.replace(microsecond=500_000)),
        ("2026-05-01T12:00:00.123456789Z", NOW.replace(microsecond=123456)),
        ("0001-01-01T00:00:00", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.9999999Z", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_as_utc(text: str, time: datetime) -> None:
    assert instant(text) == time
    assert instant(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    ["", "2026-05-01", "20260501T120000Z", "2026-W18-5", "2026-05-01 12:00:00Z", "2026-02-30T00:00:00Z"]
    + ["2026-05-01T25:00:00Z", "2026-05-01T12:00:00+25:00", "2026-05-01T12:00Z", "2026-05-01T12:00:00.Z"]
    + ["0001-01-01T00:00:00+01:00", " 2026-05-01T12:00:00Z", "٢٠٢٦-05-01T12:00:00Z", "1777636800"],
)
def test_what_is_no_date_and_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        instant(text)


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 01 May 99999 12:00:00 GMT", "\x00", "9" * 5000])
def test_an_answer_with_an_unreadable_date_is_an_answer_without_one(date: str) -> None:
    answer = read(201, body(), date=date)
    assert isinstance(answer, CodeIssued)
    assert answer.answered is None


# Anything at all


@given(st.text(), st.sampled_from([instant, http_date, presentable, lambda text: retry_after(text, NOW)]))
def test_no_text_raises_anything_but_a_value_error(text: str, reader: object) -> None:
    assert callable(reader)
    try:
        reader(text)
    except ValueError:
        assert reader is instant


jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda kid: st.lists(kid, max_size=2)
)


@given(
    st.integers(100, 999),
    st.dictionaries(st.sampled_from(sorted(MEMBERS)), jsons),
    st.text(max_size=40) | st.none(),
    st.text(max_size=40) | st.none(),
)
def test_any_answer_has_a_meaning(status: int, members: dict[str, Json], date: str | None, later: str | None) -> None:
    answer = read_answer(Reply(status, date, later, body=body(**members)), READING)
    if not isinstance(answer, CodeIssued | AlreadyVerified):
        assert len(answer.detail) <= 200
        assert answer.detail.isprintable()


def test_neither_reply_nor_answer_shows_body_code_or_secrets() -> None:
    shown = repr((Reply(201, body=body()), READING, read(201, body())))
    assert not [word for word in (CODE, *SECRETS) if word in shown]
