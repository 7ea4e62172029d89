"""docs/reasons.md says what the vocabulary says."""

from tests.reasons_page import PAGE, check_groups, page


def test_the_page_of_reasons_is_what_the_vocabulary_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make reasons`"


def test_every_reason_is_in_one_group_and_in_the_right_one() -> None:
    check_groups()
