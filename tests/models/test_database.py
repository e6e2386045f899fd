"""The database keeps its promises on both engines."""

import asyncio
import gc
import tempfile
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Boolean, Connection, Text, event, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, migrations
from models import database as database_module
from models.base import Number, UtcDateTime
from models.database import MUCH, SETTINGS, Database, wake
from models.fact import AccountFact
from models.given import given
from models.wakeup import Topic
from tests import seeds
from tests.seeds import ACME


async def test_two_hundred_concurrent_read_modify_writes_end_at_two_hundred(database: Database, now: datetime) -> None:
    async def add_one(number: int) -> None:
        async with database.write() as session:
            held = await seeds.hold(session)
            count = int(held.attributes.get("count") or 0)
            await asyncio.sleep(0)
            fact = AccountFact(external_id="acme", attributes={"count": count + 1, f"seen_{number}": True})
            account.apply(held, fact, now=now)

    async with database.write() as session:
        await seeds.hold(session)
    await asyncio.gather(*(add_one(number) for number in range(200)))

    async with database.read() as session:
        [found] = await account.of_workspace(session, ACME)
    assert found.attributes["count"] == 200
    assert len(found.attributes) == 201


async def test_without_holding_the_row_concurrent_writers_would_lose_updates(database: Database, now: datetime) -> None:
    """The broken variant of the test above: it reads outside of the transaction that writes, and is seen to lose."""
    async with database.write() as session:
        await seeds.hold(session)

    async def add_one() -> None:
        async with database.read() as session:
            [found] = await account.of_workspace(session, ACME)
        count = int(found.attributes.get("count") or 0)
        async with database.write() as session:
            fact = AccountFact(external_id="acme", attributes={"count": count + 1})
            account.apply(await seeds.hold(session), fact, now=now)

    await asyncio.gather(*(add_one() for _ in range(20)))

    async with database.read() as session:
        [found] = await account.of_workspace(session, ACME)
    assert int(found.attributes["count"] or 0) < 20


async def test_a_write_that_fails_leaves_nothing_and_wakes_nobody(database: Database) -> None:
    marks = database.wakeups.marks(Topic.EVENTS)

    async def fail_after_writing() -> None:
        async with database.write() as session:
            await seeds.hold(session)
            wake(session, Topic.EVENTS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_writing()
    async with database.read() as session:
        assert await account.count(session, ACME) == 0
    assert not await database.wakeups.wait(Topic.EVENTS, since=marks, seconds=0.05)


async def test_a_whole_transaction_is_committed_and_then_wakes_whoever_waits(database: Database) -> None:
    marks = database.wakeups.marks(Topic.EVENTS)

    async def work(session: AsyncSession) -> str:
        wake(session, Topic.EVENTS)
        return (await seeds.hold(session)).external_id

    assert await database.transact(work) == "acme"
    assert await database.wakeups.wait(Topic.EVENTS, since=marks, seconds=1)
    async with database.read() as session:
        assert len(await account.of_workspace(session, ACME)) == 1


async def test_a_whole_transaction_that_fails_leaves_nothing_and_wakes_nobody(database: Database) -> None:
    marks = database.wakeups.marks(Topic.EVENTS)

    async def fail_after_writing(session: AsyncSession) -> None:
        wake(session, Topic.EVENTS)
        await seeds.hold(session)
        raise ArithmeticError

    for _ in range(2):
        with pytest.raises(ArithmeticError):
            await database.transact(fail_after_writing)
    assert database.wakeups.marks(Topic.EVENTS) == marks
    async with database.read() as session:
        assert await account.of_workspace(session, ACME) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_whoever_expects_to_write_much_keeps_more_of_the_file_in_memory(database: Database) -> None:
    async def look(session: AsyncSession) -> list[int]:
        names = ("cache_size", "wal_autocheckpoint")
        return [await session.scalar(text(f"PRAGMA {name}")) for name in names]

    database.expect_much()
    assert await database.transact(look) == [-65536, 16_000]


def test_sqlite_waits_for_the_disk_with_each_commit() -> None:
    """Tests' own connections don't (`tests/compiled.py`): so it is looked up where it is said."""
    assert "synchronous=FULL" in SETTINGS
    assert not any("synchronous" in one for one in MUCH)


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_whole_transaction_on_sqlite_may_wait_for_nothing_else(database: Database) -> None:
    async def wait_for_the_network(_session: AsyncSession) -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits for nothing"):
        await database.transact(wait_for_the_network)
    async with database.write() as session:
        await seeds.hold(session)


async def test_rows_are_given_to_a_statement_as_they_are(database: Database, now: datetime) -> None:
    rows = [("a", 1, True, now), ("ü 'b'", 2**40, False, now.replace(microsecond=0)), (None, None, None, None)]
    table = given(text=Text(), number=Number, flag=Boolean(), at=UtcDateTime())
    async with database.read() as session:
        found = await session.execute(select(*table.c), {"rows": rows})
    assert [tuple(row) for row in found] == rows


async def test_a_commit_wakes_whoever_waits_even_if_it_came_before_the_wait(database: Database) -> None:
    marks = database.wakeups.marks(Topic.EVENTS)
    async with database.write() as session:
        wake(session, Topic.EVENTS)
    assert await database.wakeups.wait(Topic.EVENTS, since=marks, seconds=5)


async def test_a_commit_on_postgresql_wakes_another_process(postgres_url: str) -> None:
    here, there = Database(postgres_url), Database(postgres_url)
    await there.start()
    try:
        marks = there.wakeups.marks(Topic.DELIVERIES)
        for _ in range(50):
            async with here.write() as session:
                wake(session, Topic.DELIVERIES)
            if await there.wakeups.wait(Topic.DELIVERIES, since=marks, seconds=0.1):
                break
        else:
            raise AssertionError("the other process was never woken")
    finally:
        await here.close()
        await there.close()


CUT_OFF = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


@asynccontextmanager
async def relay(server: str, folder: str) -> AsyncIterator[None]:
    """Stand between a client and PostgreSQL; the first to connect is refused everything, but not hung up on."""
    refusals = [b"E" + (len(CUT_OFF) + 4).to_bytes(4) + CUT_OFF]

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, refuses: bool = False) -> None:
        while data := await source.read(65536):
            is_ready = data.endswith(b"Z\0\0\0\5I")
            target.write(data + refusals.pop() if refuses and refusals and is_ready else data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        answers, questions = await asyncio.open_unix_connection(f"{server}/.s.PGSQL.5432")
        back = asyncio.create_task(pump(answers, writer, refuses=True))
        await pump(reader, questions)
        questions.close()
        await back
        writer.close()

    served: list[Any] = []
    async with await asyncio.start_unix_server(serve, f"{folder}/.s.PGSQL.5432"):
        yield
        await asyncio.gather(*served)


@pytest.mark.parametrize("goes_on", [True, False])
async def test_whoever_is_cut_off_as_it_begins_to_listen_begins_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, *, goes_on: bool
) -> None:
    """In the broken variant asyncpg's own word for it is not known, and nobody listens any more."""
    monkeypatch.setattr(database_module, "LISTEN_AGAIN", 0.01)
    if not goes_on:
        monkeypatch.setattr(database_module, "LOST", database_module.LOST[:-1])
    server = str(make_url(postgres_url).query["host"])
    with tempfile.TemporaryDirectory() as folder:
        async with relay(server, folder):
            there, here = Database(postgres_url.replace(server, folder)), Database(postgres_url)
            await there.start()
            marks = there.wakeups.marks(Topic.DELIVERIES)
            is_woken = False
            while not is_woken and there._listener is not None and not there._listener.done():
                async with here.write() as session:
                    wake(session, Topic.DELIVERIES)
                is_woken = await there.wakeups.wait(Topic.DELIVERIES, since=marks, seconds=0.05)
            assert is_woken is goes_on
            await here.close()
            await there.close()


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("is_waited_for", [True, False])
async def test_closing_waits_for_whoever_still_reads_or_their_connection_is_left_open(
    database_url: str, monkeypatch: pytest.MonkeyPatch, *, is_waited_for: bool
) -> None:
    if not is_waited_for:
        monkeypatch.setattr(database_module, "LAST_SECONDS", 0)
    database, begun, opened = Database(database_url), asyncio.Event(), []

    async def read() -> None:
        async with database.read() as session:
            raw = await (await session.connection()).get_raw_connection()
            opened.append(raw.driver_connection)
            begun.set()
            await asyncio.sleep(0.05)

    reading = asyncio.create_task(read())
    await begun.wait()
    await database.close()
    await reading
    assert (opened[0]._connection is None) is is_waited_for
    await opened[0].close()


async def cancelled_at(step: int, database: Database, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, int]:
    """Be cancelled as SQLite is asked for the so manyth time; say whether it came to that, and what is still taken."""
    asked, execute = 0, database_module._Connection._execute

    async def read() -> None:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))

    reading = asyncio.create_task(read())

    async def ask(self: Any, *args: Any, **named: Any) -> Any:
        nonlocal asked
        asked += asyncio.current_task() is reading
        if asked == step:
            reading.cancel()
        return await execute(self, *args, **named)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(database_module._Connection, "_execute", ask)
        await asyncio.wait([reading])
    return reading.cancelled(), database_module._in_use(database._reader)


def ask_something(connection: Connection) -> None:
    cursor = connection.connection.cursor()
    cursor.execute("SELECT 2")
    cursor.close()


@pytest.mark.parametrize("asks_at_connect", [False, True])
@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_whoever_is_cancelled_at_any_step_gives_the_connection_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch, *, asks_at_connect: bool
) -> None:
    """In the broken variant the engine itself asks something before the session knows its connection."""
    lost, step, is_cancelled = 0, 0, True
    while is_cancelled:
        step += 1
        database = Database(database_url)
        if asks_at_connect:
            event.listen(database._reader.sync_engine, "engine_connect", ask_something)
            monkeypatch.setattr(database_module, "LAST_SECONDS", 0)
        is_cancelled, taken = await cancelled_at(step, database, monkeypatch)
        lost += taken
        await database.close()
    assert step > len(SETTINGS)
    assert bool(lost) is asks_at_connect
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


async def test_the_migrations_make_exactly_the_tables_in_the_code(database: Database) -> None:
    assert await migrations.differences(database) == []


async def test_migrating_from_several_processes_at_once_does_it_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(3)]
    await asyncio.gather(*(migrations.upgrade(database) for database in databases))
    async with databases[0].read() as session:
        assert (await session.execute(text("SELECT version_num FROM alembic_version"))).scalars().all() == ["0001"]
    for database in databases:
        await database.close()
