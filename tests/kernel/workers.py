"""The workers that tests of supervisors share: each tells a story of its starts and stops, and crashes when told to."""

from __future__ import annotations

import trio

from actors.kernel import Actor, Ask, ChildSpec, Tell, Unrecoverable


class Ping(Ask[int]):
    """Answered with the incarnation's number."""


class Boom(Tell):
    """Crashes whoever gets it."""


class Doom(Tell):
    """Raises Unrecoverable."""


class Worker(Actor):
    accepts = Ping | Boom | Doom

    def __init__(self, story, label, fail_starts=()):
        self.story = story
        self.label = label
        self.number = story.count(f"start {label}") + story.count(f"no start {label}") + 1
        self.fail_starts = fail_starts

    async def on_start(self):
        if self.number in self.fail_starts:
            self.story.append(f"no start {self.label}")
            raise OSError("cannot start")
        self.story.append(f"start {self.label}")

    async def handle(self, message, reply):
        if isinstance(message, Boom):
            raise RuntimeError("boom")
        if isinstance(message, Doom):
            raise Unrecoverable("the disk is gone")
        return self.number

    async def on_stop(self):
        self.story.append(f"stop {self.label}")

    def on_exit(self):
        self.story.append(f"exit {self.label}")


def specs(story, *labels, **options):
    return [ChildSpec(label, lambda label=label: Worker(story, label), **options) for label in labels]


class SlowToStop(Worker):
    async def on_stop(self):
        await trio.sleep(1.0)
