"""What a server may be told about what it keeps."""

import pytest

from transport.config import ConfigError, load
from transport.server import retention_plan_of


def test_a_file_says_what_stays_and_where_the_rest_goes(tmp_path):
    file = tmp_path / "hall.toml"
    file.write_text('retain_days = 30\nretain_bytes = 1000000\narchive = "old"\n')
    plan = retention_plan_of(load(file, {}, {}))
    assert plan.retention.max_age_ns == 30 * 24 * 3600 * 10**9
    assert plan.retention.max_bytes == 1_000_000
    assert plan.archive.name == "old"


def test_the_environment_says_it_too():
    plan = retention_plan_of(load(None, {"MOOTHALL_RETAIN_DAYS": "1.5"}, {}))
    assert (plan.retention.max_age_ns, plan.retention.max_bytes) == (36 * 3600 * 10**9, None)
    assert plan.archive is None


def test_everything_stays_unless_something_is_said():
    assert retention_plan_of(load(None, {}, {})) is None


@pytest.mark.parametrize("wrong", [{"archive": "old"}, {"retain_days": -1}, {"retain_bytes": "much"}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigError):
        load(None, {}, wrong)


@pytest.mark.parametrize("rate", ["0", "-1"])
def test_a_rate_that_would_let_nobody_ask_is_refused(rate):
    with pytest.raises(ConfigError, match="requests_per_s"):
        load(None, {"MOOTHALL_REQUESTS_PER_S": rate}, {})
