"""What happens where a foreign client cannot be had."""

import pytest


def test_a_missing_client_is_a_skip_that_says_what_is_missing(missing, monkeypatch):
    monkeypatch.delenv("HALL_NO_SKIP", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Node"):
        missing("Node is not installed")


def test_a_missing_client_is_a_failure_where_no_skip_is_allowed(missing, monkeypatch):
    monkeypatch.setenv("HALL_NO_SKIP", "1")
    with pytest.raises(pytest.fail.Exception, match="Node"):
        missing("Node is not installed")
