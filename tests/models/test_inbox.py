"""The inbox writer: many calls share a commit, none is answered before it, and a bad one harms only itself."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

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
