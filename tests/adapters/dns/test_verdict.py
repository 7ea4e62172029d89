"""What the servers' answers say, as tables."""

import pytest

from txtproof.adapters.dns.verdict import Answer, circling, judged, outcome, together
from txtproof.core.decisions import Look
from txtproof.core.observations import Match, Miss, Sight, Unseen
from txtproof.core.reasons import BLIND, MISSES, Reason
from txtproof.core.values import replace

CODE, OLDER, EARLIER = b"the-code-of-now", b"the-code-before", b"the-code-of-an-earlier-run"
LOOK = Look("example.test", "_verify.example.test", CODE, ((0, EARLIER), (1, OLDER)))
NAME = LOOK.name

ONE = Answer("ns1.example.test", "192.0.2.1", rcode="NOERROR", authoritative=True, values=(CODE,), serial=7)
TWO = replace(ONE, server="ns2.example.test", address="192.0.2.2")
EMPTY = replace(TWO, values=(), serial=6)
DOWN = Answer("ns3.example.test", "192.0.2.3", failure=Reason.TIMEOUT)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (ONE, "match"),
        (replace(ONE, values=(b"v=spf1 -all", CODE, b"other")), "match"),
        (replace(ONE, values=(OLDER, CODE)), "match"),
        (replace(ONE, values=(OLDER, b"other")), "old_code"),
        (replace(ONE, values=(EARLIER,)), "old_code"),
        (replace(ONE, values=(b"other",)), "other_value"),
        (replace(ONE, values=(CODE.upper(),)), "altered_value"),
        (replace(ONE, values=(CODE + b" ",)), "altered_value"),
        (replace(ONE, values=(CODE[:-1],)), "other_value"),
        (replace(ONE, values=(b"",)), "other_value"),
        (replace(ONE, values=()), "no_txt"),
        (replace(ONE, values=(), alias=True), "cname"),
        (replace(ONE, values=(), alias=True, leads=True), "match"),
        (replace(ONE, values=(), rcode="NXDOMAIN"), "no_such_name"),
        (replace(ONE, values=(), rcode="REFUSED"), "refused"),
        (replace(ONE, values=(), rcode="SERVFAIL"), "servfail"),
        (replace(ONE, values=(), rcode="NOTAUTH"), "lame"),
        (replace(ONE, values=(), rcode="FORMERR"), "lame"),
        (replace(ONE, rcode="SERVFAIL"), "servfail"),
        (replace(ONE, authoritative=False), "lame"),
        (replace(ONE, authoritative=False, values=()), "lame"),
        (replace(ONE, authoritative=False, rcode="NXDOMAIN", values=()), "lame"),
        (replace(ONE, authoritative=False, alias=True, leads=True), "lame"),
        (DOWN, "timeout"),
        (replace(DOWN, failure=Reason.LAME), "lame"),
        (replace(DOWN, failure=Reason.CANNOT_SEE), "cannot_see"),
    ],
)
def test_one_answer_has_one_word(answer: Answer, word: str) -> None:
    assert outcome(answer, LOOK) == word


@pytest.mark.parametrize(
    "others",
    [
        (),
        (TWO,),
        (TWO, DOWN),
        (replace(DOWN, rcode="SERVFAIL", failure=None),),
        (replace(DOWN, rcode="REFUSED", failure=None),),
        (replace(TWO, authoritative=False, values=(), serial=None),),
    ],
    ids=["alone", "both", "one is down", "one fails SOA too", "one refuses SOA too", "one is lame in all"],
)
def test_it_is_a_match_when_every_server_that_can_be_reached_serves_the_code(others: tuple[Answer, ...]) -> None:
    sight = judged([ONE, *others], LOOK, NAME)
    assert isinstance(sight, Match)
    assert [view.address for view in sight.servers] == [one.address for one in (ONE, *others)]


def test_a_server_that_is_down_is_in_the_evidence() -> None:
    sight = judged([ONE, DOWN], LOOK, NAME)
    assert [(view.outcome, view.serial, view.rcode) for view in sight.servers] == [
        ("match", 7, "NOERROR"),
        ("timeout", None, ""),
    ]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    "lacking",
    [
        EMPTY,
        replace(EMPTY, rcode="NXDOMAIN"),
        replace(EMPTY, values=(OLDER,)),
        replace(EMPTY, values=(b"other",)),
        replace(EMPTY, alias=True),
    ],
)
def test_a_server_that_answers_without_the_code_is_stale_and_named_with_its_serial(lacking: Answer, order: int) -> None:
    sight = judged([ONE, lacking, DOWN][::order], LOOK, NAME)
    assert isinstance(sight, Miss)
    assert sight.reason is Reason.STALE_SERVER
    assert "ns2.example.test (192.0.2.2) (serial 6)" in sight.detail
    assert "newest serial is 7" in sight.detail
    assert "ns1" not in sight.detail
    assert len(sight.servers) == 3


def test_many_stale_servers_are_counted_and_all_are_in_the_evidence() -> None:
    stale = [replace(EMPTY, server=f"ns{n}.example.test", address=f"192.0.2.{n}") for n in range(2, 14)]
    sight = judged([ONE, *stale], LOOK, NAME)
    assert isinstance(sight, Miss)
    assert "and 9 more" in sight.detail
    assert len(sight.servers) == 13
    assert len(sight.detail) <= 200


@pytest.mark.parametrize(
    "half",
    [
        replace(TWO, rcode="SERVFAIL", values=()),
        replace(TWO, rcode="REFUSED", values=()),
        Answer("ns2.example.test", "192.0.2.2", failure=Reason.TIMEOUT, serial=7),
        Answer("ns2.example.test", "192.0.2.2", failure=Reason.CANNOT_SEE),
    ],
    ids=["SERVFAIL", "REFUSED", "TXT in vain", "no socket left here"],
)
def test_a_server_that_answers_for_its_zone_but_not_for_the_record_leaves_the_question_open(half: Answer) -> None:
    sight = judged([ONE, half], LOOK, NAME)
    assert isinstance(sight, Unseen)
    assert sight.detail.startswith("ns2.example.test (192.0.2.2): ")


@pytest.mark.parametrize(
    "failed",
    [
        DOWN,
        replace(DOWN, failure=Reason.LAME),
        replace(DOWN, failure=Reason.CANNOT_SEE),
        replace(EMPTY, rcode="SERVFAIL"),
        replace(EMPTY, rcode="REFUSED"),
        replace(EMPTY, authoritative=False),
        replace(EMPTY, authoritative=False, rcode="NXDOMAIN"),
        replace(ONE, authoritative=False),
    ],
)
def test_where_no_server_speaks_for_the_zone_nothing_is_known(failed: Answer) -> None:
    sight = judged([failed, failed], LOOK, NAME)
    assert isinstance(sight, Unseen)
    assert sight.reason in BLIND
    assert len(sight.servers) == 2


@pytest.mark.parametrize(
    ("answer", "reason", "detail"),
    [
        (replace(EMPTY, rcode="NXDOMAIN"), Reason.NO_SUCH_NAME, "answers NXDOMAIN, at _verify.example.test"),
        (EMPTY, Reason.NO_TXT, "answers NOERROR, without TXT, at _verify.example.test"),
        (replace(EMPTY, values=(b"a", b"b")), Reason.OTHER_VALUE, "serves TXT (2), but none with the code"),
        (replace(EMPTY, values=(OLDER,)), Reason.OLD_CODE, "still serves the code of generation 1"),
        (replace(EMPTY, values=(EARLIER,)), Reason.OLD_CODE, "still serves the code of a run before this one"),
        (replace(EMPTY, values=(EARLIER, OLDER)), Reason.OLD_CODE, "still serves the code of generation 1"),
    ],
)
def test_a_miss_says_which_server_answers_what(answer: Answer, reason: Reason, detail: str) -> None:
    sight = judged([DOWN, answer], LOOK, NAME)
    assert isinstance(sight, Miss)
    assert sight.reason is reason
    assert f"ns2.example.test (192.0.2.2) {detail}" in sight.detail
    assert [view.outcome for view in sight.servers] == ["timeout", reason.value]
    assert sight.changes_in is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (replace(EMPTY, rcode="NXDOMAIN"), Reason.CNAME),
        (EMPTY, Reason.CNAME),
        (replace(EMPTY, values=(b"other",)), Reason.CNAME),
        (replace(EMPTY, values=(OLDER,)), Reason.OLD_CODE),
    ],
)
def test_behind_an_alias_a_miss_names_where_it_leads(answer: Answer, reason: Reason) -> None:
    sight = judged([answer], LOOK, "proof.provider.test")
    assert isinstance(sight, Miss)
    assert sight.reason is reason
    assert "proof.provider.test, which _verify.example.test is an alias of" in sight.detail


def test_no_name_in_upper_case_is_taken_for_an_alias() -> None:
    sight = judged([EMPTY], replace(LOOK, name="_Verify.Example.TEST."), NAME)
    assert isinstance(sight, Miss)
    assert sight.reason is Reason.NO_TXT


MATCHED, MISSED, UNSEEN = Match(()), Miss(Reason.NO_TXT, "", ()), Unseen(Reason.TIMEOUT, "")


@pytest.mark.parametrize(
    ("sights", "whole"),
    [
        ([MATCHED], MATCHED),
        ([MATCHED, MATCHED], MATCHED),
        ([MATCHED, UNSEEN], UNSEEN),
        ([MATCHED, UNSEEN, MISSED], MISSED),
        ([MISSED, UNSEEN], MISSED),
    ],
)
def test_the_record_and_all_aliases_on_the_way_must_match(sights: list[Sight], whole: Sight) -> None:
    assert together(sights) == whole


def test_no_value_reaches_a_detail_or_a_repr() -> None:
    held = (CODE, OLDER, EARLIER, b"somebody-elses")
    rounds = [
        [replace(ONE, values=(value,)), replace(TWO, values=(other,)), EMPTY, DOWN] for value in held for other in held
    ]
    told = "".join(repr(judged(each, LOOK, name)) + repr(each) for each in rounds for name in (NAME, "elsewhere.test"))
    told += repr(circling(LOOK, [ONE])) + repr(LOOK)
    assert all(value.decode() not in told for value in held)


def test_a_detail_stays_short_whatever_the_servers_are_called() -> None:
    long = replace(EMPTY, server="n" * 253)
    sights = [
        judged([long], LOOK, NAME),
        judged([ONE, long], LOOK, "x" * 253),
        judged([replace(DOWN, server="n" * 253)], LOOK, NAME),
        circling(replace(LOOK, name="y" * 250), []),
    ]
    assert all(isinstance(sight, Miss | Unseen) and len(sight.detail) <= 200 for sight in sights)


def test_every_word_of_an_answer_is_a_match_a_miss_or_a_failure_and_only_one_of_them() -> None:
    known = {"match"} | {reason.value for reason in MISSES | BLIND}
    rcodes = ("NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "NOTIMP", "4095", "")
    answers = [
        Answer("ns", "192.0.2.1", failure=failure, rcode=rcode, authoritative=aa, alias=alias, values=values)
        for failure in (None, *BLIND)
        for rcode in rcodes
        for aa in (True, False)
        for alias in (True, False)
        for values in ((), (CODE,), (OLDER,), (b"other",))
    ]
    assert {outcome(answer, LOOK) for answer in answers} <= known
    assert all(
        not isinstance(judged([answer], LOOK, NAME), Miss)
        for answer in answers
        if answer.failure or not answer.authoritative
    )


LENT = replace(ONE, authoritative=False, recursive=True)


def test_resolvers_in_the_place_of_every_server_are_no_lame_servers() -> None:
    sight = judged([LENT, replace(LENT, address="192.0.2.2")], LOOK, NAME)
    assert isinstance(sight, Unseen)
    assert sight.reason is Reason.CANNOT_SEE
    assert "port 53 is intercepted" in sight.detail


@pytest.mark.parametrize("other", [replace(LENT, recursive=False), replace(LENT, rcode="REFUSED")])
def test_a_single_server_that_is_no_resolver_is_called_by_its_own_word(other: Answer) -> None:
    sight = judged([other, LENT], LOOK, NAME)
    assert isinstance(sight, Unseen)
    assert sight.reason.value == outcome(other, LOOK)
