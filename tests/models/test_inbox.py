"""The inbox writer: many calls share a commit, none is answered before it, and a bad one harms only itself."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from models import event
from models.database import Database
from models.event import EventOutcome, NewEvent
from models.inbox import Inbox, InboxFullError
from models.source import Source
from tests import seeds
from tests.seeds import ACME

STORED, DUPLICATE = EventOutcome.STORED, EventOutcome.DUPLICATE


class CountingDatabase(Database):
    """A database that counts its write transactions, and can be told to hold them up."""

    writes = 0

    def write(self):  # type: ignore[no-untyped-def] # noqa: ANN201 - the same as the original's
        self.writes += 1
        return super().write()

    async def write_at_once(self, work, *topics):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002, ANN201
        self.writes += 1
        return await super().write_at_once(work, *topics)


class FailingDatabase(Database):
    """A database whose commits fail after all else went well, until it is mended."""

    is_mended = False

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with super().write() as session:
            yield session
            self._fail()

    async def write_at_once(self, work, *topics):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN002, ANN201
        def failing(connection: sqlite3.Connection) -> Any:
            result = work(connection)
            self._fail()
            return result

        return await super().write_at_once(failing, *topics)

    def _fail(self) -> None:
        if not self.is_mended:
            raise OSError("No space left on device")


class HastyInbox(Inbox):
    """Broken on purpose: it answers before the commit."""

    async def _write(self, letters: Any) -> None:
        for letter in letters:
            letter.answer.set_result([STORED] * len(letter.events))
        await super()._write(letters)


@pytest.fixture
async def counting(database: Database, database_url: str) -> AsyncIterator[CountingDatabase]:
    counting = CountingDatabase(database_url)
    yield counting
    await counting.close()


@pytest.fixture
async def inbox(counting: CountingDatabase) -> AsyncIterator[Inbox]:
    inbox = Inbox(counting, most_waiting=50)
    await inbox.start()
    yield inbox
    await inbox.close()


@pytest.fixture
async def origin(database: Database) -> Source:
    return (await seeds.add_source(database))[0]


def moved(origin: Source, key: str) -> NewEvent:
    return seeds.event_of(origin, seeds.movement(), key=key)


def unstorable(origin: Source) -> NewEvent:
    return replace(moved(origin, "bad"), facts=[{"no JSON": {1, 2}}])


async def test_an_answer_means_that_it_is_committed(inbox: Inbox, database: Database, origin: Source) -> None:
    assert await inbox.add([moved(origin, "1"), moved(origin, "1")]) == [STORED, DUPLICATE]
    async with database.read() as session:
        assert (await event.count_by_state(session, ACME))["received"] == 2


async def test_no_answer_is_given_before_the_commit(inbox: Inbox, counting: CountingDatabase, origin: Source) -> None:
    """Somebody else is just writing the same event, so that its commit has to be waited for."""
    async with counting.write() as session:
        await event.store(session, [moved(origin, "1")])
        asked = asyncio.create_task(inbox.add([moved(origin, "1")]))
        await asyncio.sleep(0.1)
        assert not asked.done()
    assert await asked == [DUPLICATE]


@pytest.mark.parametrize(("kind", "lies"), [(Inbox, False), (HastyInbox, True)])
async def test_what_can_not_be_committed_is_not_acknowledged_and_not_half_stored(
    kind: type[Inbox], lies: bool, database: Database, database_url: str, origin: Source
) -> None:
    """The inbox that answers before the commit says that it stored what is lost."""
    failing = FailingDatabase(database_url)
    inbox = kind(failing)
    await inbox.start()
    [answer] = await asyncio.gather(inbox.add([moved(origin, "1"), moved(origin, "2")]), return_exceptions=True)
    assert (answer == [STORED, STORED]) is lies
    assert isinstance(answer, OSError) is not lies
    await asyncio.sleep(0.05)
    async with database.read() as session:
        assert await event.of_workspace(session, ACME) == []
    failing.is_mended = True
    assert await inbox.add([moved(origin, "2")]) == [STORED]
    await inbox.close()
    await failing.close()


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_on_a_full_disk_nothing_is_stored_until_there_is_room(
    inbox: Inbox, counting: CountingDatabase, database: Database, origin: Source
) -> None:
    async def limit(pages: int) -> None:
        await counting.write_at_once(lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone())

    calls = [[moved(origin, f"{call}:{number}") for number in range(40)] for call in range(10)]
    await limit(1)  # SQLite takes it as the pages that there are.
    answers = [await asyncio.gather(inbox.add(call), return_exceptions=True) for call in calls]
    assert isinstance(answers[-1][0], sqlite3.OperationalError)
    acknowledged = sum(40 for [answer] in answers if answer == [STORED] * 40)
    async with database.read() as session:
        assert (await event.count_by_state(session, ACME))["received"] == acknowledged
    await limit(100_000)
    outcomes = [outcome for call in calls for outcome in await inbox.add(call)]
    assert outcomes.count(STORED) == 400 - acknowledged


async def test_the_inbox_and_other_writers_take_turns(inbox: Inbox, counting: CountingDatabase, origin: Source) -> None:
    """On SQLite they write over two connections: behind one lock, so that neither finds the database locked."""

    async def write_beside(number: int) -> None:
        async with counting.write() as session:
            await event.store(session, [moved(origin, f"beside {number}")])
            await asyncio.sleep(0)

    calls = [inbox.add([moved(origin, f"call {number}")]) for number in range(40)]
    await asyncio.gather(*calls, *(write_beside(number) for number in range(40)))
    async with counting.read() as session:
        assert (await event.count_by_state(session, ACME))["received"] == 80


async def test_calls_that_come_together_share_a_commit(
    inbox: Inbox, counting: CountingDatabase, origin: Source
) -> None:
    outcomes = await asyncio.gather(*(inbox.add([moved(origin, str(number))]) for number in range(40)))
    assert outcomes == [[STORED]] * 40
    assert counting.writes == 1


async def test_calls_that_repeat_each_other_in_one_commit_are_told_apart(inbox: Inbox, origin: Source) -> None:
    outcomes = await asyncio.gather(*(inbox.add([moved(origin, "same")]) for _ in range(10)))
    assert sorted(outcomes) == [[DUPLICATE]] * 9 + [[STORED]]


async def test_one_bad_call_refuses_only_itself(inbox: Inbox, database: Database, origin: Source) -> None:
    calls = [[moved(origin, "1")], [moved(origin, "2"), unstorable(origin)], [moved(origin, "3")]]
    first, bad, third = await asyncio.gather(*(inbox.add(call) for call in calls), return_exceptions=True)
    assert (first, third) == ([STORED], [STORED])
    assert isinstance(bad, Exception)
    async with database.read() as session:
        assert {one.dedupe_key for one in await event.of_workspace(session, ACME)} == {"1", "3"}
    assert await inbox.add([moved(origin, "2")]) == [STORED]


async def test_a_full_inbox_takes_nothing_and_takes_again_once_there_is_room(
    inbox: Inbox, database: Database, origin: Source
) -> None:
    waiting = asyncio.gather(*(inbox.add([moved(origin, str(number))]) for number in range(50)))
    await asyncio.sleep(0)
    with pytest.raises(InboxFullError):
        await inbox.add([moved(origin, "one too many")])
    assert await waiting == [[STORED]] * 50
    assert await inbox.add([moved(origin, "later")]) == [STORED]
    async with database.read() as session:
        assert (await event.count_by_state(session, ACME))["received"] == 51


async def test_a_call_larger_than_the_inbox_comes_in_when_nothing_else_waits(inbox: Inbox, origin: Source) -> None:
    assert await inbox.add([moved(origin, str(number)) for number in range(60)]) == [STORED] * 60


async def test_a_caller_who_hangs_up_stops_nobody(inbox: Inbox, origin: Source) -> None:
    gone = asyncio.create_task(inbox.add([moved(origin, "gone")]))
    await asyncio.sleep(0)
    gone.cancel()
    assert await inbox.add([moved(origin, "next")]) == [STORED]
    assert await inbox.add([moved(origin, "gone")]) == [DUPLICATE]


async def test_closing_writes_what_waits(counting: CountingDatabase, database: Database, origin: Source) -> None:
    inbox = Inbox(counting)
    await inbox.start()
    waiting = asyncio.gather(*(inbox.add([moved(origin, str(number))]) for number in range(5)))
    await asyncio.sleep(0)
    await inbox.close()
    assert await waiting == [[STORED]] * 5


async def test_a_call_of_nothing_is_answered_at_once(inbox: Inbox, counting: CountingDatabase) -> None:
    assert await inbox.add([]) == []
    assert counting.writes == 0
