"""What a server may be told about what it keeps."""

import pytest

from transport.config import ConfigError, load
from transport.server import retaining_of


def test_a_file_says_what_stays_and_where_the_rest_goes(tmp_path):
    file = tmp_path / "hall.toml"
    file.write_text('retain_days = 30\nretain_bytes = 1000000\narchive = "old"\n')
    retaining = retaining_of(load(file, {}, {}))
    assert retaining.retention.max_age_ns == 30 * 24 * 3600 * 10**9
    assert retaining.retention.max_bytes == 1_000_000
    assert retaining.archive.name == "old"


def test_the_environment_says_it_too():
    retaining = retaining_of(load(None, {"MOOTHALL_RETAIN_DAYS": "1.5"}, {}))
    assert (retaining.retention.max_age_ns, retaining.retention.max_bytes) == (36 * 3600 * 10**9, None)
    assert retaining.archive is None


def test_everything_stays_unless_something_is_said():
    assert retaining_of(load(None, {}, {})) is None


@pytest.mark.parametrize("wrong", [{"archive": "old"}, {"retain_days": -1}, {"retain_bytes": "much"}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigError):
        load(None, {}, wrong)
