"""Commands as strangers write them: what is taken, and what is said of everything else."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txtproof.adapters.message_faults import problem
from txtproof.adapters.message_json import DEEPEST, LARGEST
from txtproof.adapters.messages import read_order, read_request
from txtproof.core.model import Key
from txtproof.core.observations import Cancel, CheckNow, Resume
from txtproof.core.orders import Order, Refusal, Request

DATA = {"organizationId": 42, "domainId": 7, "domain": "example.test"}
EVENT = {
    "specversion": "1.0",
    "type": "com.txtproof.verification.request.v1",
    "source": "/services/onboarding",
    "id": "0192-1",
    "data": DATA,
}
ORDER = Order(Key(42, 7), Request("example.test"))
NOON = datetime(2026, 5, 8, 12, tzinfo=UTC)


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


def data(**members: Any) -> bytes:
    return text(DATA | members)


def event(**members: Any) -> bytes:
    return text({name: value for name, value in (EVENT | members).items() if value is not ...})


def kind(name: str, version: str = "v1") -> str:
    return f"com.txtproof.verification.{name}.{version}"


@pytest.mark.parametrize(
    ("raw", "order"),
    [
        pytest.param(data(), ORDER, id="bare data"),
        pytest.param(text({"organizationId": 42, "domainId": 7}), Order(Key(42, 7), Request()), id="no domain"),
        pytest.param(
            data(domain=None, deadline=None, publisher=None, replyTo=None), Order(Key(42, 7), Request()), id="nulls"
        ),
        pytest.param(
            data(organizationId=2**31 - 1, domainId=1),
            Order(Key(2**31 - 1, 1), Request("example.test")),
            id="largest id",
        ),
        pytest.param(data(domain="BÜCHER.example."), Order(Key(42, 7), Request("xn--bcher-kva.example")), id="an IDN"),
        pytest.param(
            data(deadline="2026-05-08T14:00:00+02:00"), Order(Key(42, 7), Request("example.test", NOON)), id="an offset"
        ),
        pytest.param(
            data(deadline="2026-05-08t12:00:00.000z"), Order(Key(42, 7), Request("example.test", NOON)), id="lower case"
        ),
        pytest.param(event(), ORDER, id="a CloudEvent"),
        pytest.param(
            event(correlationid="signup-981"),
            Order(Key(42, 7), Request("example.test", None, "signup-981")),
            id="correlated",
        ),
        pytest.param(
            event(traceparent="00-ab", subject="x", datacontenttype="application/json"), ORDER, id="extensions"
        ),
        pytest.param(
            event(type=kind("cancel"), data={"organizationId": 42, "domainId": 7}),
            Order(Key(42, 7), Cancel()),
            id="cancel",
        ),
        pytest.param(
            event(type=kind("check-now"), data={"organizationId": 42, "domainId": 7}),
            Order(Key(42, 7), CheckNow()),
            id="check-now",
        ),
        pytest.param(
            event(type=kind("resume"), data={"organizationId": 42, "domainId": 7}),
            Order(Key(42, 7), Resume()),
            id="resume",
        ),
    ],
)
def test_a_message_that_keeps_to_the_contract_is_an_order(raw: bytes, order: Order) -> None:
    assert read_order(raw) == order


CORRELATION = "correlationid: write 1 to 256 printable ASCII characters"
TYPE = "type: write com.txtproof.verification.request.v1, .cancel.v1, .check-now.v1 or .resume.v1"
WHOLE = "write a whole number from 1 to 2147483647"


@pytest.mark.parametrize("member", ["organizationId", "domainId"])
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (0, "out_of_range"),
        (-1, "out_of_range"),
        (2**31, "out_of_range"),
        (10**400, "out_of_range"),
        ("7", "wrong_type"),
        (True, "wrong_type"),
        (7.0, "wrong_type"),
        (None, "wrong_type"),
        ([7], "wrong_type"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_an_id_is_a_positive_32_bit_number(member: str, given: Any, reason: str) -> None:
    assert read_order(data(**{member: given})) == Refusal(reason, f"{member}: {WHOLE}")


@pytest.mark.parametrize(
    ("domain", "reason", "says"),
    [
        ("..", "bad_domain", "has an empty label"),
        ("a" * 300, "bad_domain", "is longer than 253 characters"),
        ("exa mple.test", "bad_domain", "has a blank in it"),
        ("192.0.2.7", "bad_domain", "an IP address"),
        ("2001:db8::1", "bad_domain", "an IP address"),
        ("co.uk", "bad_domain", "is a public suffix"),
        ("Co.Uk.", "bad_domain", "is a public suffix"),
        ("公司.cn", "bad_domain", "is a public suffix"),
        ("xn--55qx5d.cn", "bad_domain", "is a public suffix"),
        ("any.ck", "bad_domain", "is a public suffix"),
        ("example", "bad_domain", "has a single label"),
        ("", "bad_domain", "is empty"),
        ("_dmarc.example.test", "bad_domain", "has an underscore"),
        ("exa\x00mple.test", "bad_domain", "has a control character in it"),
        ("\ud800.test", "bad_domain", ""),
        (7, "wrong_type", "write a name, such as example.com"),
        (["example.test"], "wrong_type", "write a name, such as example.com"),
    ],
    ids=lambda value: ascii(value)[:14],
)
def test_a_domain_that_cannot_be_one_is_refused(domain: Any, reason: str, says: str) -> None:
    refusal = read_order(data(domain=domain))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert refusal.detail.startswith("domain: ")
    assert says in refusal.detail


@pytest.mark.parametrize(
    "given",
    [
        "tomorrow",
        "2026-05-08",
        "2026-05-08T12:00:00",
        "2026-05-08T12:00Z",
        "2026-W19-5T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-05-08T24:00:00Z",
        "2026-05-08T12:00:60Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "٢٠٢٦-05-08T12:00:00Z",
        1778241600,
        True,
        "",
    ],
)
def test_a_deadline_is_an_instant_in_rfc_3339(given: Any) -> None:
    refusal = read_order(data(deadline=given))
    assert refusal == Refusal("bad_deadline", "deadline: write RFC 3339 with an offset, such as 2026-05-08T12:00:00Z")


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (b"", Refusal("not_json", "the message is not JSON in UTF-8")),
        (b"hello", Refusal("not_json", "the message is not JSON in UTF-8")),
        (b"\xff\xfe{}", Refusal("not_json", "the message is not JSON in UTF-8")),
        (text(DATA).decode().encode("utf-16"), Refusal("not_json", "the message is not JSON in UTF-8")),
        (text(DATA) + b"{}", Refusal("not_json", "the message is not JSON in UTF-8")),
        (b'{"organizationId": NaN}', Refusal("not_json", "NaN is not JSON")),
        (b'{"domainId": 1, "domainId": 2}', Refusal("not_json", "a member stands twice in one object")),
        (b'{"organizationId": ' + b"9" * 5000 + b"}", Refusal("not_json", "the message is not JSON in UTF-8")),
        (b"[]", Refusal("not_an_object", "the message is not a JSON object")),
        (b"null", Refusal("not_an_object", "the message is not a JSON object")),
        (b"7", Refusal("not_an_object", "the message is not a JSON object")),
        (b"[" * 17 + b"]" * 17, Refusal("too_deep", "more than 16 brackets within each other")),
        (b"[" * 60_000, Refusal("too_deep", "more than 16 brackets within each other")),
        (b" " * 1_000_000, Refusal("too_large", "the message has 1000000 bytes: at most 65536 are taken")),
        (b"{}", Refusal("missing_member", f"organizationId: is missing, {WHOLE}")),
        (data(colour="red"), Refusal("unknown_member", "colour: is not a member of this message, leave it out")),
        (
            data(verificationCode="x"),
            Refusal("unknown_member", "verificationCode: is not a member of this message, leave it out"),
        ),
        (data(publisher="corp"), Refusal("not_supported", "publisher: this version takes null only")),
        (data(replyTo={}), Refusal("not_supported", "replyTo: this version takes null only")),
        (event(specversion="0.3"), Refusal("unknown_specversion", "specversion: write 1.0 as a text")),
        (event(specversion=1.0), Refusal("unknown_specversion", "specversion: write 1.0 as a text")),
        (event(specversion=...), Refusal("unknown_specversion", "specversion: write 1.0 as a text")),
        (event(type=kind("destroy")), Refusal("unknown_type", TYPE)),
        (event(type="com.other.verification.request.v1"), Refusal("unknown_type", TYPE)),
        (event(type=kind("request", "v2")), Refusal("unknown_version", "type: version 2 is not known here, write .v1")),
        (event(type=7), Refusal("wrong_type", TYPE)),
        (event(type=...), Refusal("missing_member", TYPE.replace("write", "is missing, write"))),
        (event(id=...), Refusal("missing_member", "id: is missing, write a text that is not empty")),
        (event(source=""), Refusal("out_of_range", "source: write a text that is not empty")),
        (
            event(data=...),
            Refusal("missing_member", "data: is missing, write an object with the members of the contract"),
        ),
        (event(data="e30="), Refusal("not_an_object", "data: write an object")),
        (event(data=None), Refusal("not_an_object", "data: write an object")),
        (
            event(data=DATA | {"deep": 1}),
            Refusal("unknown_member", "deep: is not a member of this message, leave it out"),
        ),
        (
            event(type=kind("cancel")),
            Refusal("unknown_member", "domain: is not a member of this message, leave it out"),
        ),
        (event(correlationid="a\nb"), Refusal("out_of_range", CORRELATION)),
        (event(correlationid="x" * 257), Refusal("out_of_range", CORRELATION)),
        (event(correlationid=7), Refusal("wrong_type", CORRELATION)),
    ],
)
def test_everything_else_is_refused_with_what_to_write(raw: bytes, refusal: Refusal) -> None:
    assert read_order(raw) == refusal


def test_brackets_within_a_text_are_not_depth() -> None:
    raw = event(note='[[[[[[[[[[[[[[[[[["\\"[[[[')
    assert read_order(raw) == ORDER


def test_the_limits_themselves_are_taken() -> None:
    deepest = b'{"organizationId": 42, "domainId": 7, "replyTo": ' + b"[" * (DEEPEST - 1) + b"]" * (DEEPEST - 1) + b"}"
    assert read_order(deepest) == Refusal("not_supported", "replyTo: this version takes null only")
    assert read_order(data().ljust(LARGEST)) == ORDER
    assert read_order(event(correlationid="x" * 256)) == Order(Key(42, 7), Request("example.test", None, "x" * 256))


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (DATA, ORDER),
        (DATA | {"correlationid": "signup-981"}, Order(Key(42, 7), Request("example.test", None, "signup-981"))),
        (DATA | {"correlationid": None}, ORDER),
        (DATA | {"organizationId": "42"}, Refusal("wrong_type", f"organizationId: {WHOLE}")),
        (DATA | {"correlationid": ""}, Refusal("out_of_range", CORRELATION)),
        (
            DATA | {"domain": {1, 2}},
            Refusal("not_json", "the arguments cannot be written as JSON: write members of the contract"),
        ),
        (DATA | {"domain": float("nan")}, Refusal("not_json", "NaN is not JSON")),
        ({}, Refusal("missing_member", f"organizationId: is missing, {WHOLE}")),
    ],
)
def test_the_arguments_of_the_celery_task_are_read_alike(members: dict[str, Any], expected: Order | Refusal) -> None:
    assert read_request(members) == expected


def test_arguments_that_contain_themselves_are_refused() -> None:
    around: list[Any] = []
    around.append(around)
    refusal = read_request(DATA | {"domain": around})
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "not_json"


@pytest.mark.parametrize(
    ("reason", "status"), [("too_large", 413), ("not_found", 404), ("ended", 409), ("not_json", 400)]
)
def test_a_refusal_is_told_as_a_problem(reason: str, status: int) -> None:
    assert json.loads(problem(Refusal(reason, "why"))) == {
        "type": f"urn:txtproof:problem:{reason}",
        "title": reason.replace("_", " "),
        "status": status,
        "detail": "why",
    }


@given(st.binary(max_size=200))
def test_no_bytes_raise(raw: bytes) -> None:
    assert isinstance(read_order(raw), Refusal)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
MEMBERS = ("organizationId", "domainId", "domain", "deadline", "publisher", "replyTo", *EVENT, "correlationid", "?")


@given(
    st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4),
    st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4),
    st.booleans(),
)
def test_hostile_members_are_refused_in_one_printable_line(
    outer: dict[str, Any], inner: dict[str, Any], wrapped: bool
) -> None:
    whole = EVENT | {"data": DATA | inner} | outer if wrapped else DATA | inner
    read = read_order(text(whole))
    if isinstance(read, Refusal):
        assert read.detail.isprintable()
        assert 0 < len(read.detail) <= 200
    else:
        # what is taken keeps to the contract, whatever stands around it
        assert 0 < read.key.organization_id < 2**31
        assert 0 < read.key.domain_id < 2**31
