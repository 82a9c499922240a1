"""Groups of appends between staging and settling, as values."""

import msgspec

from store.errors import StoreError
from store.format.staged_frame import StagedFrame
from store.model.append import Appended
from store.reading.segment_reader import WrittenFrames


class Staged(msgspec.Struct, kw_only=True, eq=False):
    """One group: what `stage` made of some appends.

    Attributes:
        outcomes: the outcome-to-be of each append, in order.
        needs_sync: whether the policy wants the acknowledgement after the fsync.
        frames: what is to be written.
        written: where the frames are, once they were written.
        flushed: whether it was written, and synced if the policy says so.
        failure: why nothing of it was stored, if so.
    """

    outcomes: list[Appended | StoreError]
    needs_sync: bool
    frames: list[StagedFrame]
    written: list[WrittenFrames] = []
    flushed: bool = False
    failure: StoreError | None = None
