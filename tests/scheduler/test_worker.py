"""The worker: its stages run by themselves, wake each other, and survive what fails in them."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from models import channel, event, lane, movement
from models.database import Database
from models.delivery import DeliveryState, FactKind
from models.inbox import Inbox
from models.lane import LEASE
from models.wakeup import Topic
from models.wish import Frequency
from scheduler import dispatch
from scheduler import worker as stages
from scheduler.apply import BATCH
from scheduler.slack import Slack
from scheduler.worker import Worker
from tests import seeds
from tests.seeds import ACME, KEYRING
from tests.sending import REVENUE, Sending, SlowSlack

JOIN = "conversations.join"
PATIENCE = 30.0


@asynccontextmanager
async def working(line: Sending, database: Database | None = None, **changes: Any) -> AsyncIterator[Worker]:
    worker = Worker(
        database=database or line.database,
        slack=line.slack(),
        keyring=KEYRING,
        public_url=line.public_url,
        now=line.clock.now,
        owner="worker",
        **changes,
    )
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()


@pytest.fixture(autouse=True)
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no stage look by itself: whatever comes about here was woken, however long a busy machine takes for it."""
    for poll in ("POLL", "JOIN_POLL", "RECAP_POLL", "FORGET_POLL"):
        monkeypatch.setattr(stages, poll, 3600)


async def until(seen: Callable[[], object]) -> bool:
    ends = time.monotonic() + PATIENCE
    while not (found := bool(seen())):
        if time.monotonic() > ends:
            break
        await asyncio.sleep(0.01)
    return found


async def counts(line: Sending) -> dict[str, int]:
    async with line.database.read() as session:
        return await event.count_by_state(session, ACME)


async def test_an_event_comes_in_and_a_message_goes_out(line: Sending) -> None:
    await line.ready()
    origin, _ = await seeds.add_source(line.database)
    inbox = Inbox(line.database)
    await inbox.start()
    async with working(line):
        await inbox.add([seeds.event_of(origin, seeds.movement(), key="1")])
        assert await until(line.messages)
    await inbox.close()
    [owed] = await line.ledger()
    assert owed.state == DeliveryState.DELIVERED


async def test_the_clock_ticks_and_a_recap_goes_out(line: Sending) -> None:
    await line.install()
    await line.let_in(REVENUE)
    await line.destination(REVENUE, frequency=Frequency.DAILY)
    async with working(line, tick=0.05):
        await asyncio.sleep(0.2)
        assert line.messages() == []
        line.clock.turn(86_400)
        assert await until(line.messages)
    [owed] = await line.ledger()
    assert (owed.fact_kind, owed.state) == (FactKind.RECAP, DeliveryState.DELIVERED)


async def until_all_is_applied(line: Sending) -> None:
    """Wait while there is progress: on a busy machine the whole takes long, and SQLite's one writer sends nothing."""
    left, loop = math.inf, asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE) as patience:
        while waiting := (await counts(line))["waiting"]:
            if waiting < left:
                left = waiting
                patience.reschedule(loop.time() + PATIENCE)
            await asyncio.sleep(0.02)


async def test_what_waited_before_the_start_is_done_at_the_start(line: Sending) -> None:
    await line.ready()
    origin, _ = await seeds.add_source(line.database)
    news = [seeds.event_of(origin, seeds.movement(f"a{number}"), key=str(number)) for number in range(2 * BATCH + 9)]
    await seeds.receive(line.database, *news)
    async with working(line):
        await until_all_is_applied(line)
        assert await until(line.messages)
    assert (await counts(line))["applied"] == 2 * BATCH + 9
    async with line.database.read() as session:
        assert await movement.count(session, ACME) == 2 * BATCH + 9


async def test_a_chosen_channel_is_joined_before_there_is_anything_to_say(line: Sending) -> None:
    await line.install()
    async with working(line):
        async with line.database.write() as session:
            await channel.remember(session, ACME, {"id": REVENUE, "name": "revenue"}, now=line.clock.now())
        await line.destination(REVENUE)
        assert await until(lambda: line.calls(JOIN))


async def test_a_channel_that_refuses_us_is_not_asked_again_and_again(line: Sending) -> None:
    await line.install()
    async with line.database.write() as session:
        await channel.remember(session, ACME, {"id": REVENUE, "name": "revenue"}, now=line.clock.now())
    await line.destination(REVENUE)
    line.fault("error", method=JOIN, code="restricted_action")
    async with working(line):
        assert await until(lambda: line.calls(JOIN))
        before = len(line.calls(JOIN))
        await asyncio.sleep(0.3)
        assert len(line.calls(JOIN)) == before <= 2


class Flaky(Database):
    """A database of which the first writes fail, as after its restart."""

    failures = 3

    def write(self):  # type: ignore[no-untyped-def] # noqa: ANN201 - the same as the original's
        self.fail()
        return super().write()

    async def transact(self, work):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - the same
        if self.is_sqlite:
            self.fail()
        return await super().transact(work)

    def fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError


async def test_a_database_that_was_away_is_worked_with_again(line: Sending, database_url: str) -> None:
    await line.ready()
    await line.move()
    flaky = Flaky(database_url)
    try:
        async with working(line, flaky):
            assert await until(line.messages)
            assert await until(lambda: not flaky.failures)
    finally:
        await flaky.close()


async def test_an_outcome_that_the_database_refuses_is_written_down_later(line: Sending, database_url: str) -> None:
    """Otherwise the message would be in doubt, and be sent twice where nobody may look."""
    await line.ready()
    await line.move()
    flaky = Flaky(database_url)
    flaky.failures = 0

    class ThenTheDatabaseGoes(Slack):
        """Posts, and then the database is away."""

        async def post(self, *args: Any, **kwargs: Any) -> tuple[str, str]:
            posted = await super().post(*args, **kwargs)
            flaky.failures = 1
            return posted

    slack = ThenTheDatabaseGoes(line.http, base_url=f"{line.sandbox.url}/api/")
    await replace(line, database=flaky).dispatcher(slack=slack).drain()
    await flaky.close()
    owed = await line.only()
    assert (owed.state, flaky.failures, len(line.messages())) == (DeliveryState.DELIVERED, 0, 1)


async def caught_sending(line: Sending, slack: SlowSlack) -> Worker:
    """Give a worker that stands just before a message leaves."""
    worker = Worker(
        database=line.database,
        slack=slack,
        keyring=KEYRING,
        public_url=line.public_url,
        now=line.clock.now,
        owner="first",
    )
    await worker.start()
    await slack.reached.wait()
    return worker


async def test_a_killed_worker_writes_nothing_down_and_the_next_one_sends_once_the_lease_is_over(line: Sending) -> None:
    await line.ready()
    await line.move()
    slack = line.slow_slack()
    worker = await caught_sending(line, slack)
    await worker.kill()
    slack.open.set()
    async with line.database.read() as session:
        [held] = await lane.leased(session, ACME, now=line.clock.now())
    owed = await line.only()
    assert (held.owner, owed.state, owed.attempts, await line.attempts()) == ("first", DeliveryState.SENDING, 1, [])
    async with working(line):
        await asyncio.sleep(0.1)
        assert line.messages() == []
        line.clock.turn(LEASE.total_seconds() + 1)
        await line.database.wakeups.notify(*Topic)
        assert await until(line.messages)
    owed = await line.only()
    assert (owed.state, owed.attempts, len(line.messages())) == (DeliveryState.DELIVERED, 3, 1)


async def test_a_stopped_worker_finishes_what_a_killed_one_would_leave(line: Sending) -> None:
    """The same with the other ending, or the test above would prove nothing about this one."""
    await line.ready()
    await line.move()
    slack = line.slow_slack()
    worker = await caught_sending(line, slack)
    slack.open.set()
    await worker.stop()
    async with line.database.read() as session:
        assert await lane.leased(session, ACME, now=line.clock.now()) == []
    assert ((await line.only()).state, len(line.messages())) == (DeliveryState.DELIVERED, 1)


async def test_stopping_takes_no_time_when_nothing_is_in_flight(line: Sending) -> None:
    """The fastest of three counts: a busy machine delays some, a stage that nobody wakes delays each by its poll."""
    await line.install()
    took = []
    for _ in range(3):
        async with working(line) as worker:
            await worker._asking[-1]  # At its start it asks Slack, which stopping gives a moment to end.
            started = time.monotonic()
        took.append(time.monotonic() - started)
    assert min(took) < dispatch.POLL / 2


async def test_a_worker_may_be_stopped_as_soon_as_it_has_started(line: Sending) -> None:
    await line.install()
    for _ in range(3):
        async with working(line):
            await asyncio.sleep(0)
