"""The inbox writer: the one place where events come in, and the one exception to "a handler opens its own transaction".

It commits whatever queued up during the previous commit, with no timed wait, so that many senders share one `fsync` and
a lonely one waits for nobody. An answer is given only after the commit.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from models.base import UserError
from models.database import Database
from models.event import EventOutcome, NewEvent, store, store_at_once
from models.wakeup import Topic

MOST_WAITING = 5_000
MOST_AT_ONCE = 1_000


class InboxFullError(UserError):
    """Too much is coming in at once. Send it again in a second; nothing of this call was stored."""


@dataclass(slots=True)
class _Letter:
    """What one call brought, and the answer that it waits for."""

    events: Sequence[NewEvent]
    answer: "asyncio.Future[list[EventOutcome]]"


class Inbox:
    """Queues events and writes them, a transaction a batch."""

    def __init__(self, database: Database, *, most_waiting: int = MOST_WAITING) -> None:
        """Take the database; `start()` begins to write."""
        self._database = database
        self._most_waiting = most_waiting
        self._waiting = 0
        self._letters: deque[_Letter] = deque()
        self._has_news = asyncio.Event()
        self._is_closing = False
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write."""
        self._writer = asyncio.create_task(self._write_on())

    async def close(self) -> None:
        """Write what waits, then stop."""
        if self._writer is not None:
            self._is_closing = True
            self._has_news.set()
            await self._writer

    async def add(self, events: Sequence[NewEvent]) -> list[EventOutcome]:
        """Store events; return after the commit what became of each.

        Raises `InboxFullError` where too many wait, and whatever the database raises where it can't commit. A call
        with more events than may wait is taken when none does, or it could never come in.
        """
        if not events:
            return []
        if self._waiting and self._waiting + len(events) > self._most_waiting:
            raise InboxFullError
        letter = _Letter(events, asyncio.get_running_loop().create_future())
        self._waiting += len(events)
        self._letters.append(letter)
        self._has_news.set()
        return await letter.answer

    async def _write_on(self) -> None:
        while self._letters or not self._is_closing:
            await self._has_news.wait()
            self._has_news.clear()
            while letters := self._take():
                await self._write(letters)

    def _take(self) -> list[_Letter]:
        """Take what waits, as much as one commit may hold."""
        letters, size = [], 0
        while self._letters and size < MOST_AT_ONCE:
            letters.append(self._letters.popleft())
            size += len(letters[-1].events)
        return letters

    async def _write(self, letters: list[_Letter]) -> None:
        """Commit the letters together; where that fails, each alone, so that one bad letter refuses only itself."""
        try:
            outcomes = await self._commit(letters)
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer gets the error
            if len(letters) > 1:
                for letter in letters:
                    await self._write([letter])
                return
            _fail(letters[0], error)
        else:
            for letter, answer in zip(letters, outcomes, strict=True):
                _answer(letter, answer)
        self._done(letters)

    async def _commit(self, letters: list[_Letter]) -> list[list[EventOutcome]]:
        events = [event for letter in letters for event in letter.events]
        outcomes = iter(await self._store(events))
        return [list(islice(outcomes, len(letter.events))) for letter in letters]

    async def _store(self, events: Sequence[NewEvent]) -> list[EventOutcome]:
        if self._database.is_sqlite:
            return await self._database.write_at_once(partial(store_at_once, events=events), Topic.EVENTS)
        async with self._database.write() as session:
            return await store(session, events)

    def _done(self, letters: list[_Letter]) -> None:
        for letter in letters:
            self._waiting -= len(letter.events)


def _answer(letter: _Letter, outcomes: list[EventOutcome]) -> None:
    if not letter.answer.done():
        letter.answer.set_result(outcomes)


def _fail(letter: _Letter, error: Exception) -> None:
    if not letter.answer.done():
        letter.answer.set_exception(error)
