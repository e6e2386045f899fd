"""Test 7: the database goes away, refuses or is full amid the sending: nothing is lost, nothing stands there twice."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from models import migrations
from models.database import Database
from models.delivery import DeliveryState
from models.lane import LEASE
from models.wakeup import Topic
from tests import postgres
from tests.sending import ALL_SCOPES, REQUIRED_SCOPES, Sending, sending

CHANNELS, FACTS = 10, 6

on_sqlite = pytest.mark.parametrize("engine_name", ["sqlite"])
on_postgresql = pytest.mark.parametrize("engine_name", ["postgresql"])

CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

HOLD_THE_WRITE_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@dataclass
class Run:
    """A worker that sends a backlog from a database which fails it."""

    line: Sending
    database: Database

    async def owe_everything(self, *, scopes: tuple[str, ...] = ALL_SCOPES) -> None:
        await self.line.ready_for_many(CHANNELS, scopes=scopes)
        await self.line.move(FACTS)
        # Slow enough for something to be under way whenever the database fails.
        self.answer_within(0.03)

    def answer_within(self, seconds: float) -> None:
        """Let Slack take so long for each message from now on."""
        self.line.sandbox.faults.clear()
        self.line.fault("delay", seconds=seconds)

    @asynccontextmanager
    async def disturbed(self) -> AsyncIterator[None]:
        """Send while the block disturbs it, and then go on until all is sent."""
        worker = replace(self.line, database=self.database).dispatcher(pace=timedelta(0))
        running = asyncio.create_task(worker.run())
        try:
            await self.until(posts=CHANNELS)
            self.answer_within(
                0.5
            )  # A busy machine takes a while to disturb anything, and not all may be sent by then.
            yield
            assert self.posts < CHANNELS * FACTS, "all was sent before anything disturbed it"
            self.answer_within(0.03)
            await self.until(posts=CHANNELS * FACTS)
        finally:
            worker.stop()
            await self.database.wakeups.notify(Topic.DELIVERIES)
            await running

    @property
    def posts(self) -> int:
        return len(self.line.posted())

    async def until(self, *, posts: int) -> None:
        """Wait for so many posts. Where no answer came to a commit of a claim, only the end of its lease helps."""
        async with asyncio.timeout(90):
            seen, since = self.posts, time.monotonic()
            while seen < posts:
                await asyncio.sleep(0.02)
                if self.posts > seen:
                    seen, since = self.posts, time.monotonic()
                elif time.monotonic() > since + 5 and not self.database.is_sqlite:
                    self.line.clock.turn(LEASE.total_seconds() + 1)
                    since = time.monotonic()

    async def assert_each_is_there_once(self) -> None:
        self.line.sandbox.faults.clear()
        self.line.clock.turn(LEASE.total_seconds() + 1)
        await self.line.run(seconds=600)
        ledger = await self.line.ledger()
        assert len(ledger) == CHANNELS * FACTS
        assert self.line.posted() == {one.id: 1 for one in ledger}
        assert {(one.state, one.may_be_repeat) for one in ledger} == {(DeliveryState.DELIVERED, False)}
        async with self.line.database.read() as session:
            said_ok = (await session.scalars(text("SELECT delivery_id FROM attempts WHERE answer = 'ok'"))).all()
        assert len(said_ok) == len(set(said_ok))


@pytest.fixture
async def run(line: Sending, database_url: str) -> AsyncIterator[Run]:
    database = Database(database_url)
    await database.start()
    yield Run(line, database)
    await database.close()


async def cut_off_everybody(admin: Any) -> None:
    """Wait for somebody to be connected, and cut them off."""
    cut: list[Any] = []
    while not cut:
        cut = await admin.fetch(CUT_OFF)
        await asyncio.sleep(0.05)


@on_postgresql
async def test_connections_that_are_cut_off_lose_and_double_nothing(run: Run, postgres_url: str) -> None:
    await run.owe_everything()
    admin = await asyncpg.connect(postgres_url)
    async with run.disturbed():
        for _ in range(3):
            await cut_off_everybody(admin)
            await asyncio.sleep(0.1)
    await admin.close()
    await run.assert_each_is_there_once()


@on_postgresql
async def test_a_lock_that_is_waited_for_too_long_loses_and_doubles_nothing(run: Run, postgres_url: str) -> None:
    await run.owe_everything()
    admin = await asyncpg.connect(postgres_url)
    await admin.execute("ALTER DATABASE postgres SET lock_timeout = '50ms'")
    try:
        async with run.disturbed(), admin.transaction():
            await admin.execute("LOCK TABLE deliveries IN EXCLUSIVE MODE")
            await asyncio.sleep(0.5)
    finally:
        await admin.execute("ALTER DATABASE postgres RESET lock_timeout")
        await admin.close()
    await run.assert_each_is_there_once()


async def test_a_restart_of_postgresql_loses_and_doubles_nothing() -> None:
    """On a server of its own, which stops in the midst of it all and comes back."""
    with postgres.server() as server:
        database = Database(server.get_uri())
        await migrations.upgrade(database)
        await database.start()
        async with sending(database) as line:
            run = Run(line, database)
            await run.owe_everything()
            async with run.disturbed():
                await asyncio.to_thread(server.stop)
                await asyncio.sleep(0.2)
                await asyncio.to_thread(server.start)
            await run.assert_each_is_there_once()
        await database.close()


def give_up_soon(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=50")
    cursor.close()


@on_sqlite
async def test_a_write_lock_that_another_process_holds_loses_and_doubles_nothing(run: Run) -> None:
    """Nobody may look into the channels here, so that each outcome has to be kept until it can be written down."""
    await run.owe_everything(scopes=REQUIRED_SCOPES)
    assert run.database._sessions is not None
    for engine in (run.database.engine, run.database._sessions._engine):
        event.listen(engine.sync_engine, "connect", give_up_soon)
    async with run.disturbed():
        command = (sys.executable, "-c", HOLD_THE_WRITE_LOCK, str(run.database.url.database))
        pipe = asyncio.subprocess.PIPE
        other = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert other.stdout is not None
        assert await other.stdout.readline() == b"held\n"
        await asyncio.sleep(0.5)
        await other.communicate(b"let go")
    await run.assert_each_is_there_once()


@on_sqlite
async def test_a_full_disk_loses_and_doubles_nothing(run: Run) -> None:
    """Nobody may look into the channels here either."""
    await run.owe_everything(scopes=REQUIRED_SCOPES)
    async with run.disturbed():
        await limit_pages(run.database, "(SELECT page_count FROM pragma_page_count)")
        await asyncio.sleep(0.5)
        await limit_pages(run.database, "1000000")
    await run.assert_each_is_there_once()


async def limit_pages(database: Database, most: str) -> None:
    """Say how many pages the file may have: as many as it has is a full disk."""

    async def limit(session: AsyncSession) -> None:
        pages = await session.scalar(text(f"SELECT {most}"))
        await session.execute(text(f"PRAGMA max_page_count = {pages}"))

    await database.transact(limit)
