"""Sources by key: remembered for ten seconds, forgotten once a source is removed, and only where the key is right."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from bot import sources
from bot.sources import Sources
from models import source
from models.database import Database
from models.source import Source
from tests import seeds
from tests.seeds import ACME, KEYRING


class CountingDatabase(Database):
    """A database that counts how often it is read."""

    reads = 0

    def read(self):  # type: ignore[no-untyped-def] # noqa: ANN201 - the same as the original's
        self.reads += 1
        return super().read()


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
async def counting(database: Database, database_url: str):  # type: ignore[no-untyped-def] # noqa: ANN201
    counting = CountingDatabase(database_url)
    await counting.start()
    yield counting
    await counting.close()


async def remove(database: Database, origin: Source, *, now: datetime) -> None:
    async with database.write() as session:
        await source.remove(session, await source.get(session, ACME, origin.id), by="U0ADA", now=now)


async def rotate(database: Database, origin: Source, *, now: datetime, is_leaked: bool) -> str:
    async with database.write() as session:
        found = await source.get(session, ACME, origin.id)
        return await source.rotate(session, found, keyring=seeds.KEYRING, is_leaked=is_leaked, by="U0ADA", now=now)


async def test_a_key_is_looked_up_once_in_ten_seconds(counting: CountingDatabase, now: datetime) -> None:
    origin, key = await seeds.add_source(counting)
    clock = Clock(now)
    found = Sources(database=counting, keyring=KEYRING, now=clock)
    for _ in range(5):
        answer = await found.find(key)
        assert answer is not None
        assert (answer.id, answer.workspace_id, answer.kind) == (origin.id, ACME, "api")
    assert counting.reads == 1
    clock.at += timedelta(seconds=10)
    await found.find(key)
    assert counting.reads == 2


async def test_calls_that_come_together_look_a_key_up_once(counting: CountingDatabase, now: datetime) -> None:
    _, key = await seeds.add_source(counting)
    found = Sources(database=counting, keyring=KEYRING, now=lambda: now)
    answers = await asyncio.gather(*(found.find(key) for _ in range(5)), *(found.find("wrong") for _ in range(5)))
    assert [answer is not None for answer in answers] == [True] * 5 + [False] * 5
    assert counting.reads == 2


async def test_a_removed_source_is_forgotten_at_once(counting: CountingDatabase, now: datetime) -> None:
    origin, key = await seeds.add_source(counting)
    found = Sources(database=counting, keyring=KEYRING, now=lambda: now)
    assert await found.find(key) is not None
    await remove(counting, origin, now=now)
    assert await found.find(key) is None


LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'listen %'"


async def until_it_listens(database: Database) -> None:
    """Wait for the connection that hears of others' commits."""
    found = database.is_sqlite
    async with asyncio.timeout(15):
        while not found:
            async with database.read() as session:
                found = bool(await session.scalar(text(LISTENING)))


async def test_a_source_that_another_process_removed_is_forgotten(
    counting: CountingDatabase, database_url: str, now: datetime
) -> None:
    """PostgreSQL tells at once; nobody tells of a command line beside us on SQLite, where the time has to pass."""
    origin, key = await seeds.add_source(counting)
    clock = Clock(now)
    found = Sources(database=counting, keyring=KEYRING, now=clock)
    await until_it_listens(counting)
    assert await found.find(key) is not None
    elsewhere = Database(database_url)
    await remove(elsewhere, origin, now=now)
    await elsewhere.close()
    if counting.is_sqlite:
        clock.at += sources.REMEMBERED
    for _ in range(500):
        if await found.find(key) is None:
            break
        await asyncio.sleep(0.02)
    assert await found.find(key) is None


async def test_after_a_rotation_the_old_key_opens_the_source_for_a_day(
    counting: CountingDatabase, now: datetime
) -> None:
    origin, old = await seeds.add_source(counting)
    clock = Clock(now)
    found = Sources(database=counting, keyring=KEYRING, now=clock)
    assert await found.find(old) is not None
    new = await rotate(counting, origin, now=now, is_leaked=False)
    assert [one and one.id for one in (await found.find(old), await found.find(new))] == [origin.id] * 2
    clock.at += source.KEY_GRACE
    assert await found.find(old) is None
    assert await found.find(new) is not None


async def test_a_key_that_leaked_opens_nothing_from_the_rotation_on(counting: CountingDatabase, now: datetime) -> None:
    origin, old = await seeds.add_source(counting)
    found = Sources(database=counting, keyring=KEYRING, now=lambda: now)
    assert await found.find(old) is not None
    new = await rotate(counting, origin, now=now, is_leaked=True)
    assert await found.find(old) is None
    assert await found.find(new) is not None


async def test_a_removal_that_overtook_the_look_up_is_noticed(counting: CountingDatabase, now: datetime) -> None:
    origin, key = await seeds.add_source(counting)
    found = Sources(database=counting, keyring=KEYRING, now=lambda: now)
    await asyncio.gather(found.find(key), remove(counting, origin, now=now))
    assert await found.find(key) is None


async def test_wrong_keys_are_not_remembered_and_right_ones_within_a_limit(
    counting: CountingDatabase, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MOST_REMEMBERED", 2)
    found = Sources(database=counting, keyring=KEYRING, now=lambda: now)
    keys = [(await seeds.add_source(counting, name=f"Source {number}"))[1] for number in range(5)]
    for key in keys:
        assert await found.find(key) is not None
        assert await found.find(f"{key}x") is None
        assert len(found._known) <= 2
        assert key not in found._known, "what is remembered must not be the key itself"
