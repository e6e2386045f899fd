"""Many at once: any number of workers beside each other and after each other send what one alone would have sent."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models import channel, delivery, lane
from models.database import Database
from models.delivery import RUNRATE, DeliveryState, FactKind, Owed
from models.recipient import RecipientKind
from models.wakeup import Topic
from scheduler.dispatch import Dispatcher
from scheduler.slack import Slack
from tests import seeds
from tests.seeds import ACME, GLOBEX, KEYRING, NOW
from tests.sending import REVENUE, WINS, Sending, sending

S = DeliveryState
ROOT = Path(__file__).parents[2]
NO_PACE = timedelta(0)


class Counting(Slack):
    """Remembers which deliveries were posted, instead of posting them."""

    def __init__(self) -> None:
        self.posted: list[str] = []

    async def post(self, _token: str, *, channel: str, delivery_id: str, **_message: Any) -> tuple[str, str]:
        await asyncio.sleep(0)
        self.posted.append(delivery_id)
        return channel, f"{len(self.posted)}.0"


class SlowClock:
    """Goes, but at a tenth of the speed, so that a busy machine makes nothing stale."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=(time.monotonic() - self.started) / 10)


async def until(is_so: Callable[[], bool], *, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it never came to that"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(database: Database, *dispatchers: Dispatcher) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(one.run()) for one in dispatchers]
    try:
        yield
    finally:
        for one in dispatchers:
            one.stop()
        await database.wakeups.notify(*Topic)
        await asyncio.gather(*tasks)


async def test_twenty_workers_deliver_once_each_what_twenty_enqueuers_owe(database: Database) -> None:
    """Test 5: 4,000 deliveries in 100 lanes, owed and sent at the same time; no worker goes without."""
    clock, fakes = SlowClock(), [Counting() for _ in range(20)]
    for workspace in (ACME, GLOBEX):
        await seeds.install(database, workspace)

    async def enqueue(number: int) -> None:
        workspace = ACME if number % 2 else GLOBEX
        for batch in range(10):
            owed = [
                Owed(
                    asked_by=RUNRATE,
                    fact=(FactKind.WELCOME, f"{number}-{batch}-{one}"),
                    recipient=(RecipientKind.CHANNEL, f"C{(number * 7 + batch * 20 + one) % 50}"),
                )
                for one in range(20)
            ]
            async with database.write() as session:
                await lane.owe(session, workspace, owed, now=clock.now())

    def worker(number: int) -> Dispatcher:
        return Dispatcher(
            database=database,
            slack=fakes[number],
            keyring=KEYRING,
            public_url="http://localhost",
            now=clock.now,
            owner=f"worker {number}",
            pace=NO_PACE,
            most_in_flight=8,
        )

    async with running(database, *(worker(number) for number in range(20))):
        await asyncio.gather(*(enqueue(number) for number in range(20)))
        await until(lambda: sum(len(one.posted) for one in fakes) >= 4000, seconds=120)

    posted = Counter(delivery_id for one in fakes for delivery_id in one.posted)
    assert (len(posted), set(posted.values())) == (4000, {1})
    assert min(len(one.posted) for one in fakes) >= 20
    async with database.read() as session:
        counts = [await delivery.count_by_state(session, workspace) for workspace in (ACME, GLOBEX)]
    assert [one[S.DELIVERED] for one in counts] == [2000, 2000]


@pytest.mark.parametrize("workers", [1, 2, 5])
async def test_any_number_of_workers_gives_the_same_messages_in_the_same_order(line: Sending, workers: int) -> None:
    """Test 6."""
    await line.ready(REVENUE, WINS)
    await line.move(6)
    dispatchers = [line.dispatcher(f"worker {number}", pace=NO_PACE) for number in range(workers)]
    await asyncio.gather(*(one.drain() for one in dispatchers))
    await line.run()
    told = [f"account {number}: expansion +$100 MRR" for number in range(1, 7)]
    assert {place: [one.text for one in line.messages(place)] for place in (REVENUE, WINS)} == {
        REVENUE: told,
        WINS: told,
    }
    assert {(one.state, one.attempts) for one in await line.ledger()} == {(S.DELIVERED, 1)}


async def test_one_fact_that_can_t_be_loaded_holds_up_no_other(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    await line.move(2)
    async with line.database.write() as session:
        first, *_ = reversed(await delivery.of_workspace(session, ACME))
        first.fact_kind, first.fact_id = FactKind.TRACK, "no number"
    await line.run()
    states = [(one.state, one.reason) for one in await line.ledger()]
    assert states == [(S.FAILED, "the message could not be made"), *[(S.DELIVERED, None)] * 3]


async def test_a_workspace_whose_messages_hang_leaves_room_for_another(line: Sending) -> None:
    """Test 19, at its sharpest: Slack answers nothing at all to one workspace that floods."""
    await line.install()
    places = line.add_channels(20)
    await line.destination(*places)
    await line.install(GLOBEX)
    await line.destination("C1SALES", workspace=GLOBEX)
    await line.let_in("C1SALES", workspace=GLOBEX)
    await line.move()
    for place in places:
        line.fault("delay", channel=place, seconds=1.0)
    dispatcher = line.dispatcher(most_in_flight=8)
    async with running(line.database, dispatcher):
        await until(lambda: len(line.calls()) >= 6)
        await line.move(workspace=GLOBEX)
        await until(lambda: bool(line.messages("C1SALES")), seconds=10)
        assert len([one for place in places for one in line.messages(place)]) < len(places)
        line.sandbox.faults.clear()


async def test_a_stopped_worker_claims_nothing_more_and_gives_its_lanes_back(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    await line.move(3)
    line.fault("delay", seconds=0.05)
    async with running(line.database, line.dispatcher(pace=NO_PACE)):
        await until(lambda: bool(line.calls()))
    sent = len(line.calls())
    assert {one.state for one in await line.ledger()} == {S.PENDING, S.DELIVERED}
    async with line.database.read() as session:
        assert await lane.next_time(session, now=line.clock.now()) == line.clock.now(), "no lease is left"
    await line.run(line.dispatcher("next", pace=NO_PACE))
    assert (len(line.calls()), {one.attempts for one in await line.ledger()}) == (6, {1})
    assert sent < 6


async def test_a_killed_worker_s_deliveries_are_in_doubt_and_no_others(line: Sending) -> None:
    """Test 22: an ambiguous send blocks only its own lane."""
    await line.ready(REVENUE, WINS)
    await line.move(2)
    slow = line.slow_slack()
    dispatcher = line.dispatcher("killed", slack=slow, most_in_flight=1)
    running_on = asyncio.create_task(dispatcher.run())
    await slow.reached.wait()
    running_on.cancel()
    dispatcher.abort()
    await asyncio.gather(running_on, return_exceptions=True)
    await line.run(seconds=10)
    states = Counter((one.target, one.state) for one in await line.ledger())
    assert S.SENDING in {state for _, state in states}
    [blocked] = {target for target, state in states if state == S.SENDING}
    other = WINS if blocked == REVENUE else REVENUE
    assert len(line.messages(other)) == 2
    assert line.messages(blocked) == []


class Worker:
    """`runrate worker` in a process of its own."""

    def __init__(self, line: Sending, log: Path) -> None:
        self._log = log
        self._settings = {
            "DATABASE_URL": line.database.url.render_as_string(hide_password=False),
            "SLACK_API_URL": f"{line.sandbox.url}/api/",
            "RUNRATE_SECRET_KEYS": seeds.SECRET_KEY,
            "LOG_FORMAT": "json",
        }

    async def start(self) -> Process:
        """Start one, and wait until it listens to signals."""
        before = self._running()
        with self._log.open("ab") as log:
            command = (sys.executable, "-c", "from bot.cli import main; main()", "worker")
            env = os.environ | self._settings
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=env, stdout=log, stderr=log)
        await until(lambda: self._running() > before)
        return process

    def _running(self) -> int:
        return self._log.read_text().count("The worker runs") if self._log.exists() else 0


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_workers_are_restarted_one_after_the_other_in_the_middle_of_a_flood(
    database: Database, tmp_path: Path
) -> None:
    """Nothing is lost, nothing comes twice, and nothing is in doubt."""
    async with sending(database) as line:
        line.clock.at = datetime.now(NOW.tzinfo)
        await line.install()
        places = line.add_channels(20)
        await line.destination(*places)
        async with database.write() as session:
            for place in places:
                there = {"id": place, "name": place, "is_member": True}
                await channel.remember(session, ACME, there, now=line.clock.now())
        await line.move(2)
        worker = Worker(line, tmp_path / "log")
        first, second = await worker.start(), await worker.start()
        workers = [first, second]
        try:
            for leaving in (first, second):
                await line.move(2)  # On a slow machine the flood before it is over by now.
                before = len(line.calls())
                await until(lambda seen=before: len(line.calls()) > seen + 5)  # type: ignore[misc]
                leaving.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(leaving.wait(), 30) == 0, worker._log.read_text()[-2000:]
                if leaving is first:
                    workers.append(await worker.start())
            await until(lambda: len(line.calls()) >= 120)
        finally:
            for one in workers:
                if one.returncode is None:
                    one.send_signal(signal.SIGTERM)
            await asyncio.gather(*(one.wait() for one in workers))
        ids = Counter(one for place in places for one in line.delivery_ids(place))
        assert (len(ids), set(ids.values())) == (120, {1})
        assert {(one.state, one.attempts) for one in await line.ledger()} == {(S.DELIVERED, 1)}
