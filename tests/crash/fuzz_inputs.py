"""What Hypothesis feeds to fuzz targets, the same each time."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

LIGHT = settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


def changed(seeds):
    """Inputs: any bytes, and good ones with some of their bytes replaced, removed or repeated."""

    def change(data, edits):
        changed = bytearray(data)
        for place, kind, piece in edits:
            start = place % (len(changed) + 1)
            changed[start : start + (len(piece) if kind else 0)] = piece if kind != 1 else b""
        return bytes(changed)

    edits = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 2), st.binary(max_size=8)), max_size=4)
    return st.binary(min_size=4, max_size=60) | st.builds(change, st.sampled_from([*seeds]), edits)
