"""The example in the package's docstring runs as it stands."""

import doctest

import redaction


def test_example_of_the_package_runs():
    outcome = doctest.testmod(redaction)
    assert outcome.attempted > 5
    assert outcome.failed == 0
