"""What of a query's answer retention may have taken. Pure."""

from store.errors import EventsGone
from store.model.query import Query


def check_not_gone(query: Query, *, begins: bool, first: int, left: int) -> None:
    """Refuse a query that asks for events which have left the log.

    Args:
        query: the query.
        begins: whether its `after` says where to begin, and not only that it takes what there is.
        first: the sequence that the log begins with.
        left: the last revision of the query's stream that has left; without a stream, the last sequence.

    Raises:
        EventsGone: it asks for some: behind its `after`, before its `before`, or of its stream by their revisions.
    """
    if not left:
        return
    if query.after_revision is not None:
        if query.after_revision < left:
            raise EventsGone.of_stream(query.stream, query.after_revision, left, first)
    elif (begins and query.after + 1 < first) or (query.before is not None and query.before <= first):
        raise EventsGone.behind(query.after, first)
