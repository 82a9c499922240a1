"""What a server may be told about what it keeps."""

import pytest

from transport.config import ConfigError, load
from transport.server import retention_plan_of


def test_a_file_says_what_stays_and_where_the_rest_goes(tmp_path):
    file = tmp_path / "hall.toml"
    file.write_text('retain_days = 30\nretain_bytes = 1000000\narchive = "old"\n')
    plan = retention_plan_of(load(file, {}, {}), tmp_path)
    assert plan.retention.max_age_ns == 30 * 24 * 3600 * 10**9
    assert plan.retention.max_bytes == 1_000_000
    assert plan.archive.name == "old"


def test_the_environment_says_it_too(tmp_path):
    plan = retention_plan_of(load(None, {"MOOTHALL_RETAIN_DAYS": "1.5"}, {}), tmp_path)
    assert (plan.retention.max_age_ns, plan.retention.max_bytes) == (36 * 3600 * 10**9, None)


def test_nothing_leaves_without_a_copy_unless_somebody_says_so(tmp_path):
    told = {"MOOTHALL_RETAIN_DAYS": "1.5"}
    assert retention_plan_of(load(None, told, {}), tmp_path).archive == tmp_path / "archive"
    assert retention_plan_of(load(None, {**told, "MOOTHALL_ARCHIVE": "drop"}, {}), tmp_path).archive is None


def test_everything_stays_unless_something_is_said(tmp_path):
    assert retention_plan_of(load(None, {}, {}), tmp_path) is None


@pytest.mark.parametrize("wrong", ["0", "-1", "much"])
def test_a_quota_of_bytes_is_one_key_of_all_three_sources(tmp_path, wrong):
    file = tmp_path / "hall.toml"
    file.write_text("append_bytes_per_day = 1000\n")
    assert load(None, {}, {}).append_bytes_per_day == 8 << 30
    assert load(file, {}, {}).append_bytes_per_day == 1000
    variable = {"MOOTHALL_APPEND_BYTES_PER_DAY": "2000"}
    assert load(file, variable, {}).append_bytes_per_day == 2000
    assert load(file, variable, {"append_bytes_per_day": 3000}).append_bytes_per_day == 3000
    with pytest.raises(ConfigError, match="append_bytes_per_day"):
        load(None, {"MOOTHALL_APPEND_BYTES_PER_DAY": wrong}, {})


def test_what_becomes_of_sessions_that_are_not_known_is_one_key_of_file_and_environment(tmp_path):
    file = tmp_path / "hall.toml"
    file.write_text('http_sessions = "strict"\n')
    assert load(None, {}, {}).http_sessions == "reopen"
    assert load(file, {}, {}).http_sessions == "strict"
    assert load(file, {"MOOTHALL_HTTP_SESSIONS": "reopen"}, {}).http_sessions == "reopen"
    with pytest.raises(ConfigError, match="http_sessions"):
        load(None, {"MOOTHALL_HTTP_SESSIONS": "lax"}, {})


@pytest.mark.parametrize("wrong", [{"archive": "old"}, {"retain_days": -1}, {"retain_bytes": "much"}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigError):
        load(None, {}, wrong)


@pytest.mark.parametrize("rate", ["0", "-1"])
def test_a_rate_that_would_let_nobody_ask_is_refused(rate):
    with pytest.raises(ConfigError, match="requests_per_s"):
        load(None, {"MOOTHALL_REQUESTS_PER_S": rate}, {})
