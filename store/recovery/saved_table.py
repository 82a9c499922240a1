"""The table of streams between a clean stop and the next start: which of what was saved can be believed."""

from pathlib import Path

from store.disk.files import sync_path
from store.format.names_file import NAMES_NAME, open_names
from store.format.streams_file import STREAMS_NAME, read_streams, write_streams
from store.streams.revisions import CHUNK, in_chunks
from store.streams.stream_table import StreamTable

_MOST_NEW = 1024
"""So many names are saved with the revisions, and read when a log is opened, 0.3 us each; the others by their file."""

_CHUNK_BYTES = 8 * CHUNK


def load_table(directory: Path, last_sequence: int, *, whole: bool) -> StreamTable | None:
    """Return the table that was saved of a log with this last sequence; None if there is none, or not all of it.

    Args:
        directory: the log's.
        last_sequence: the log's.
        whole: whether to check all of the file of names, at 0.02 us a name. Else what is damaged in it is told once it
            is used, and not saved again, so that the next opening makes it anew: for whoever saves.
    """
    found = read_streams(directory, last_sequence)
    if found is None:
        return None
    saved, revisions = found
    names = open_names(directory / NAMES_NAME) if saved.in_file else None
    if saved.in_file and (names is None or (len(names), names.crc) != (saved.in_file, saved.names_crc)):
        return None
    chunks = in_chunks(revisions) if not len(revisions) % _CHUNK_BYTES else ()
    if len(chunks) * CHUNK < saved.in_file + len(saved.names) or (whole and names is not None and not names.whole()):
        return None
    return StreamTable.load(saved, chunks, names)


def save_table(directory: Path, table: StreamTable) -> None:
    """Save the table of a log that is being closed; nothing may be staged.

    Raises:
        DiskFull: there is no space.
        SyncFailed: the disk did not confirm.
        LogDamaged: the file of names is not what was written, as it turns out; nothing is saved.
    """
    names = table.streams
    if names.file is not None and names.file.damaged:
        (directory / STREAMS_NAME).unlink(missing_ok=True)
        return
    names.adopt()
    if len(names.new) > min(_MOST_NEW, names.in_memory):
        for _ in names.merge(directory / NAMES_NAME, len(names), sync=False):
            pass
        names.adopt()
    if names.file is not None:
        sync_path(directory / NAMES_NAME)
    saved, revisions = table.save()
    write_streams(directory, saved, [memoryview(chunk).cast("B") for chunk in revisions])
