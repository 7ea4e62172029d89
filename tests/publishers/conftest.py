"""What the tests of publishers share."""

import pytest

# a crowd says what it lost
pytest.register_assert_rewrite("tests.publishers.crowd")
