"""The files of the calls that a verdict is given on: what they write is noted, and what they run is looked up.

Nothing here checkpoints. Most calls touch no file that matters here, and cost a look at their rulings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from actors.session.messages import Principal
from actors.speed_layer.call_and_verdict import Call, Verdict
from actors.speed_layer.policy.engine import Request, Ruling
from actors.speed_layer.policy.ruling import Files
from actors.speed_layer.written.written_files import Notes, session_of
from actors.views import Views

FilesOf = Callable[[int], Files]
"""Returns which files one of the calls of a request writes and runs, by its index."""


def request_of(call: Call, asker: Principal) -> Request:
    """Return a call as the policy judges it."""
    return Request(
        call.tool,
        call.input,
        call.cwd,
        asker.role,
        scripts=call.scripts,
        workspace=call.workspace,
        session=session_of(call),
        agent=asker.agent,
        labels=asker.labels,
    )


class CallFiles:
    """Notes what agents write, and looks up what they run.

    Args:
        views: What the actors publish.
    """

    def __init__(self, views: Views) -> None:
        self._views = views
        self._written = views.written

    def of(self, call: Call, asker: Principal, canonical: bytes) -> Files:
        """Return which files a call writes and runs; its ruling is one of the policy that governs."""
        rules = self._views.rules
        return Files() if rules is None else rules.files(canonical, request_of(call, asker))

    def of_all(self, calls: Sequence[Call], asker: Principal, canonicals: Sequence[bytes]) -> FilesOf:
        """Return what returns the files of some calls, by their index."""
        return lambda index: self.of(calls[index], asker, canonicals[index])

    def hold_back(self, ruling: Ruling, asker: Principal, call: Call, canonical: bytes) -> bool:
        """Return whether what the session has written stands against a ruling."""
        if not ruling.runs or not self._written.knows(asker.agent):
            return False
        files_of = partial(self.of, call, asker, canonical)
        return self._written.held(ruling, asker.agent, session_of(call), files_of, call.scripts) is not None

    def within(self, calls: Sequence[Call], rulings: list[Ruling], files_of: FilesOf) -> list[Ruling]:
        """Return the rulings on the calls of one request, each judged behind the ones before it."""
        if len(rulings) == 1 or not (any(each.writes for each in rulings) and any(each.runs for each in rulings)):
            return rulings
        return self._written.within(calls, rulings, files_of)

    def noted(
        self,
        agent: str,
        calls: Sequence[Call],
        rulings: Sequence[Ruling],
        given: Sequence[Verdict],
        files_of: FilesOf,
    ) -> list[Notes | None]:
        """Note what calls write, and what a person has approved by them; return that, empty where it is nothing.

        An `ask` of a hook counts as written: the person at its client may allow it, and nobody need tell.

        Args:
            agent: Who asks.
            calls: What for.
            rulings: The rulings.
            given: What is answered.
            files_of: Returns the files of a call.
        """
        notes: list[Notes | None] = []
        for index, (ruling, verdict) in enumerate(zip(rulings, given, strict=True)):
            if ruling.writes or verdict.approval is not None:
                notes = notes or [None] * len(given)
                notes[index] = self._noted(agent, calls[index], verdict, partial(files_of, index))
        return notes if any(notes) else []

    def _noted(self, agent: str, call: Call, verdict: Verdict, files_of: Callable[[], Files]) -> Notes | None:
        allowed = verdict.verdict == "allow"
        if not (allowed or (verdict.verdict == "ask" and call.origin is not None)):
            return None
        files = files_of()
        notes = self._written.note(agent, call, files, verdict.request)
        if allowed and verdict.approval is not None:
            session = session_of(call)
            seen = self._written.all_held(agent, session, files)
            notes = notes._replace(approves=self._written.approve(agent, session, seen))
        return notes if any(notes) else None
