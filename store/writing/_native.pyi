from typing import Any

class Framer:
    def __init__(
        self,
        event_type: type,
        streams: dict[str, int],
        types: dict[str, int],
        agents: dict[str, int],
        revisions: list[Any],
        depth: int,
        event_bytes: int,
        append_bytes: int,
        batch_events: int,
    ) -> None: ...
    def frame(
        self, events: Any, stream: str, agent: str, first_sequence: int, time_ns: int
    ) -> tuple[bytes, list[int], list[int], list[int] | None, int, dict[str, int]] | None: ...
