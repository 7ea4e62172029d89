"""Rows as they are written down: small, complete, and readable for as long as rows are kept."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.rows import DOMAIN, EVERY, KEY, NOW, checking
from txtproof.adapters import documents
from txtproof.adapters.documents import read_verification, write_verification
from txtproof.core.evidence import ServerView
from txtproof.core.model import Code, Record, State, Step, Verification
from txtproof.core.observations import Miss
from txtproof.core.reasons import Reason
from txtproof.core.values import replace

VIEWS = tuple(
    ServerView(f"ns{number}.example.net", f"192.0.2.{number}", "no_such_name", "NXDOMAIN", True, 2026112501, 0, 12)
    for number in (1, 2)
)


def read(v: Verification, document: bytes | None = None) -> Verification:
    return read_verification(v.key, v.id, write_verification(v) if document is None else document)


@pytest.mark.parametrize("making", EVERY, ids=lambda making: making.__name__)
def test_a_row_of_every_kind_reads_back_as_it_was_written(making: type) -> None:
    v: Verification = making()
    assert read(v) == v


texts = st.text(max_size=30)
moments = st.timedeltas(timedelta(days=-400), timedelta(days=400)).map(
    lambda passed: NOW + timedelta(milliseconds=passed // timedelta(milliseconds=1))
)
records = st.builds(
    Record, texts, texts, texts, texts, st.integers(0, 9), *[st.booleans()] * 2, st.none() | st.booleans()
)
views = st.builds(
    ServerView,
    texts,
    texts,
    st.one_of(texts, st.sampled_from(Reason).map(str)),
    texts,
    st.booleans(),
    st.none() | st.integers(0, 2**32 - 1),
    st.integers(0, 99),
    st.integers(0, 99_999),
)


@given(
    st.builds(
        replace,
        st.just(checking()),
        domain=st.none() | st.just(DOMAIN) | texts,
        code=st.none() | st.builds(Code, texts, moments, moments, st.booleans()),
        ledger=st.lists(records, max_size=3).map(tuple),
        servers=st.lists(views, max_size=3).map(tuple),
        reason=st.none() | st.sampled_from(Reason),
        detail=texts,
        turn=st.none() | moments,
        told=st.none() | moments,
        asked=st.none() | moments,
        planned=st.none() | moments,
        missed=st.none() | moments,
        wake=st.none() | moments,
        zone=st.none() | texts,
        zone_until=st.none() | moments,
        step=st.none() | st.sampled_from(Step),
        state=st.sampled_from(State),
    )
)
def test_whatever_stands_in_a_row_reads_back(v: Verification) -> None:
    assert read(v) == v


@given(st.binary(max_size=60))
def test_what_is_no_document_is_a_value_error_that_shows_nothing_of_it(document: bytes) -> None:
    try:
        read(checking(), document)
    except ValueError as fault:
        assert str(fault) == f"the row of {KEY} cannot be read"


def test_places_in_the_closed_lists_never_change_since_rows_hold_them() -> None:
    assert [str(one) for one in documents.STATES] == (
        ["requested", "publishing", "checking", "blocked", "verified", "failed", "expired", "cancelled"]
    )
    assert [str(one) for one in documents.STEPS] == (
        ["request_code", "publish_record", "check_record", "withdraw_record"]
    )


def test_a_pending_row_with_the_evidence_of_two_servers_is_small() -> None:
    code = Code("nexus-domain-verification=0192f7c4a1b27d3e8f5061", NOW + timedelta(days=7), NOW)
    record = Record("corp", DOMAIN, DOMAIN, code.value, 1)
    v = replace(checking(), code=code, ledger=(record,), servers=VIEWS)
    seen = Miss(Reason.NO_SUCH_NAME, f"ns1.example.net (192.0.2.1) answers NXDOMAIN, at {DOMAIN}", VIEWS)
    assert len(write_verification(replace(v, reason=seen.reason, detail=seen.detail))) < 400
