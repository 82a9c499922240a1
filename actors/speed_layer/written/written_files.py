"""What the agents of a hall have written, by session, and what that says to what they run next.

The hall gives a verdict on each write before it is done, so it knows what an agent has put into the files that it then
runs. A line that writes and runs is judged at once (`policy/judging/written_and_run.py`); here the two are different
requests. The rules know nothing of this and their rulings stay cached: only a ruling that names files which are run is
looked up, in the sets of the session that asks.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from actors.speed_layer.call_and_verdict import Call
from actors.speed_layer.policy.canonical_request import Scripts
from actors.speed_layer.policy.ruling import WRITTEN_EARLIER, Files, Ruling
from actors.speed_layer.written.session_files import Earlier, Held, SessionFiles

RULE: Final = WRITTEN_EARLIER
"""The id that such verdicts name."""
MAX_SESSIONS: Final = 1024
"""Of how many sessions it is known what they wrote; of the agent with most of them the one that has written
nothing for longest is forgotten first."""
MAX_FILES: Final = 100_000
"""How many files of all sessions together are known, 30 MB; beyond that sessions are forgotten as above."""
LONGEST_NAME: Final = 80
REMEMBERED: Final = "remembered."

Seen = Mapping[SessionFiles, Sequence[Held]]
"""What of a request is held back, by the sessions whose files these are."""
Asked = Literal["created", "written", "none"]
"""Which files are asked about when they are run: those that the session created, all that it wrote, or none."""


class Notes(NamedTuple):
    """What is kept in the log of one verdict.

    Attributes:
        writes: The files that the request writes.
        creates: Those of them that were not there before.
        approves: The files that it runs, which a person has approved by it.
    """

    writes: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    approves: tuple[str, ...] = ()


class WrittenFiles:
    """Files by who has written them. Belongs to the loop's thread; nothing here checkpoints.

    A call without a session counts for all sessions of its agent, and sees what all of them have written.

    Args:
        asked: Which files are asked about.

    Attributes:
        restored: Whether what the log knows has been taken up.
    """

    def __init__(self, asked: Asked = "created") -> None:
        self._asked: Asked = asked
        self._sessions: OrderedDict[tuple[str, str | None], SessionFiles] = OrderedDict()
        self._of_agent: dict[str, set[str | None]] = {}
        self._count = 0
        self.restored = False

    def held(
        self,
        ruling: Ruling,
        agent: str,
        session: str | None,
        files_of: Callable[[], Files],
        scripts: Scripts | None = None,
    ) -> Ruling | None:
        """Return the ruling in place of one that allows to run what the session wrote; None where that one stands.

        Args:
            ruling: What the rules and the remembered decisions say.
            agent: Who asks.
            session: In which session, if that is known.
            files_of: Returns which files the request writes and runs.
            scripts: What the files hold that it runs, which a remembered decision is bound to.
        """
        if not ruling.runs or ruling.verdict != "allow" or agent not in self._of_agent:
            return None
        files = files_of()
        if scripts and (ruling.rule or "").startswith(REMEMBERED):
            left = tuple(path for path in files.runs if scripts.get(path) is None)
            files = msgspec.structs.replace(files, runs=left)
        for book in self._seen_by(agent, session):
            found = book.held(files)
            if found is not None:
                return _asking(ruling, found, session)
        return None

    def knows(self, agent: str) -> bool:
        """Return whether an agent is known to have written anything."""
        return agent in self._of_agent

    def within(
        self, calls: Sequence[Call], rulings: Sequence[Ruling], files_of: Callable[[int], Files]
    ) -> list[Ruling]:
        """Return the rulings on one batch, where what an earlier request of it writes holds back a later one.

        Args:
            calls: The requests.
            rulings: The rulings on them.
            files_of: Returns which files one of them writes and runs, by its index.
        """
        own, given = SessionFiles(), list(rulings)
        for index, (call, ruling) in enumerate(zip(calls, rulings, strict=True)):
            if ruling.verdict != "allow" or not (ruling.writes or ruling.runs) or self._asked == "none":
                continue
            files = files_of(index)
            found = own.held(files) if ruling.runs else None
            if found is None:
                self._noted(own, files, call, Earlier(call.tool, "of this batch"))
            else:
                given[index] = _asking(ruling, found, None)
        return given

    def note(self, agent: str, call: Call, files: Files, request: str) -> Notes:
        """Note what a request that was allowed, or may be, writes; returns what of it is to be kept in the log.

        Args:
            agent: Who asked.
            call: What was asked.
            files: The files of the request.
            request: Its hash.
        """
        created = _created(call, files)
        if self._asked != "none" and (files.writes or files.empties):
            session = session_of(call)
            book = self._sessions.get((agent, session))
            if book is not None or self._asked == "written" or created or files.empties:
                self._change(agent, session, files, call, Earlier(call.tool, request))
        return Notes(files.writes, created)

    def all_held(self, agent: str, session: str | None, files: Files) -> Seen:
        """Return what a person is asked about who is asked about a request now; to be handed to `approve`."""
        return {book: held for book in self._seen_by(agent, session) if (held := book.all_held(files))}

    def approve(self, agent: str, session: str | None, seen: Seen) -> tuple[str, ...]:
        """Take it that a person has approved what was held back when they were asked, where it is as it was then.

        Args:
            agent: Who asked.
            session: In which session, if that is known.
            seen: What `all_held` returned then.

        Returns:
            The files.
        """
        found = dict[str, None]()
        for book in self._seen_by(agent, session):
            before = len(book)
            found |= dict.fromkeys(book.approve(seen.get(book, ())))
            self._count += len(book) - before
        return tuple(found)

    def restore(
        self, agent: str, session: str | None, notes: Notes | None, by: Earlier, root: str | None = None
    ) -> None:
        """Take up what the log says of a verdict; without notes more was written than the log says.

        Args:
            agent: Who asked.
            session: In which session, if that is known.
            notes: What was written and approved.
            by: The request.
            root: The checkout that it worked in, if that is known.
        """
        if self._asked == "none":
            return
        if notes is None:
            self._opened(agent, session).lost = True
            return
        files = Files(notes.writes, notes.creates)
        if notes.writes:
            self._change(agent, session, files, Call(by.tool, {}, workspace=root), by)
        if notes.approves:
            for book in self._seen_by(agent, session):
                before = len(book)
                book.approve_all(notes.approves)
                self._count += len(book) - before

    def _change(self, agent: str, session: str | None, files: Files, call: Call, by: Earlier) -> None:
        book = self._opened(agent, session)
        before = len(book)
        self._noted(book, files, call, by)
        self._count += len(book) - before
        while len(self._sessions) > MAX_SESSIONS:
            self._forget_one(lambda _book: 1)
        while self._count > MAX_FILES and len(self._sessions) > 1:
            self._forget_one(len)

    def _noted(self, book: SessionFiles, files: Files, call: Call, by: Earlier) -> None:
        created = frozenset(_created(call, files))
        if call.workspace is not None:
            book.worked_in(call.workspace)
        for path in files.writes:
            if self._asked == "written" or path in created or book.knows(path):
                book.note(path, by)
        for path in files.empties:
            if not book.knows(path) and path not in (call.existing or ()):
                book.note(path, None)

    def _opened(self, agent: str, session: str | None) -> SessionFiles:
        key = agent, session
        book = self._sessions.get(key)
        if book is None:
            book = self._sessions[key] = SessionFiles()
            self._of_agent.setdefault(agent, set()).add(session)
        self._sessions.move_to_end(key)
        return book

    def _seen_by(self, agent: str, session: str | None) -> Iterator[SessionFiles]:
        known = self._of_agent.get(agent, ())
        for each in list(known) if session is None else (session, None):
            if each in known:
                yield self._sessions[agent, each]

    def _forget_one(self, size: Callable[[SessionFiles], int]) -> None:
        """Forget the oldest session of the agent that has most, so that none can have another's forgotten.

        The last one, in which something was written just now, stays.
        """
        sizes = Counter[str]()
        for (agent, _), book in self._sessions.items():
            sizes[agent] += size(book)
        *others, _ = self._sessions
        agent, session = max(others, key=lambda key: sizes[key[0]])  # the first of these is the oldest
        self._count -= len(self._sessions.pop((agent, session)))
        self._of_agent[agent].discard(session)
        if not self._of_agent[agent]:
            del self._of_agent[agent]


def session_of(call: Call) -> str | None:
    """Return the session that a call comes from, if that is known."""
    return None if call.origin is None else call.origin.session_id


def _created(call: Call, files: Files) -> tuple[str, ...]:
    """Return which files were not there before: as whoever asks says, else as the request looks."""
    if call.existing is None:
        return files.creates
    there = frozenset(call.existing)
    return tuple(path for path in files.creates if path not in there)


def _asking(ruling: Ruling, found: Held, session: str | None) -> Ruling:
    whose = "this agent" if session is None else "this session"
    if found.by is None:
        why = f"{whose} has written more files than are remembered, and nobody has approved what this runs"
    else:
        name = found.path[-LONGEST_NAME:]
        does = "runs" if found.named else "takes rules from"
        why = f"it {does} {name}, which {whose} wrote ({found.by.tool[:24]}, request {found.by.request})"
    return Ruling("ask", why, RULE, False, ruling.durable, (), ruling.writes, ruling.runs)
