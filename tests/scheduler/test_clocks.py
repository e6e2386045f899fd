"""A clock that is put forward or back: no recap comes twice, none is lost, and no message either.

Test 27: clock jumps of an hour either way, and the steps by which a machine is set right.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from models import delivery, recap
from models.database import Database
from models.delivery import DeliveryState, SkipReason
from models.wish import Frequency
from scheduler.jumps import Jumps
from scheduler.recap import make_due
from tests import seeds
from tests.seeds import ACME, NOW
from tests.sending import REVENUE, Clock, Sending

HOUR = timedelta(hours=1)
JUMPS = {
    "an hour forward": [HOUR],
    "an hour back": [-HOUR],
    "forward and back": [HOUR, -HOUR],
    "back and forward": [-HOUR, HOUR],
    "steps of seconds": [timedelta(seconds=-3), timedelta(seconds=2), timedelta(milliseconds=-500)],
}
TICK = timedelta(seconds=15)
DUE = NOW + timedelta(days=1)


def readings(jumps: Sequence[timedelta], *, around: datetime) -> list[datetime]:
    """What a clock says, tick by tick, that is put forward and back around an instant."""
    at, said = around - 8 * TICK, []
    for jump in (timedelta(), *jumps):
        at += jump
        for _ in range(10):
            said.append(at)
            at += TICK
    return [*said, around + 2 * HOUR]


async def told(database: Database) -> list[tuple[str, str, str | None]]:
    """List the days of which recaps were owed, with what became of each."""
    async with database.read() as session:
        rows = reversed(await delivery.of_workspace(session, ACME))
        found = [(await recap.get(session, ACME, one.fact_id), one) for one in rows]
    return [(made.first.isoformat(), one.state, one.reason) for made, one in found if made is not None]


@pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_each_day_is_told_once_however_the_clock_is_set(database: Database, jumps: list[timedelta]) -> None:
    await seeds.install(database)
    await seeds.add_destination(database, "C1", frequency=Frequency.DAILY)
    for day in range(3):
        for now in readings(jumps, around=DUE + timedelta(days=day)):
            await make_due(database, now=now)
    assert await told(database) == [(f"2026-11-{day}", DeliveryState.PENDING, None) for day in (16, 17, 18)]


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_clocks_that_disagree_by_an_hour_tell_each_day_once(database: Database) -> None:
    """Two processes of which one runs ahead, at any pace."""
    await seeds.install(database)
    await seeds.add_destination(database, "C1", frequency=Frequency.DAILY)
    chance, now = Random(27), NOW
    while now < NOW + timedelta(days=4, hours=1):
        now += chance.choice([TICK, HOUR, 5 * HOUR])
        for clock in chance.sample([now, now + HOUR, now - HOUR], 2):
            await make_due(database, now=clock)
    days = [day for day, _, _ in await told(database)]
    assert days == [f"2026-11-{day}" for day in (16, 17, 18, 19)]
    assert SkipReason.STALE not in {reason for _, _, reason in await told(database)}


def test_a_clock_that_told_at_every_passing_of_the_hour_would_tell_twice() -> None:
    """The broken variant: a schedule that is compared with the clock alone, and remembers nothing."""
    passed = {
        name: sum(before < DUE <= after for before, after in pairwise(said))
        for name, jumps in JUMPS.items()
        for said in [readings(jumps, around=DUE)]
    }
    assert passed["an hour back"] == passed["back and forward"] == 2


async def sent_amid_a_jump(line: Sending, *, claims_at_once: bool) -> int:
    """Put the clock forward while a message is under way; count how often it is posted."""
    await line.ready()
    await line.move()
    slow = line.slow_slack()
    dispatcher = line.dispatcher(slack=slow)
    running = asyncio.create_task(dispatcher.run())
    await asyncio.wait_for(slow.reached.wait(), 15)
    line.clock.turn(3600)
    if claims_at_once:
        await line.drain(line.dispatcher("another"))
    slow.open.set()
    for _ in range(1500):
        await asyncio.sleep(0.01)
        if (await line.only()).state == DeliveryState.DELIVERED:
            break
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return len(line.messages())


async def test_a_clock_that_jumps_while_a_message_is_under_way_posts_it_once(line: Sending) -> None:
    """The lease seems to be over then; but whoever sends knows that it isn't."""
    assert await sent_amid_a_jump(line, claims_at_once=False) == 1
    owed = await line.only()
    assert (owed.attempts, owed.may_be_repeat) == (1, False)


async def test_whoever_claims_without_a_look_at_what_is_under_way_posts_it_twice(line: Sending) -> None:
    """The broken variant."""
    assert await sent_amid_a_jump(line, claims_at_once=True) == 2


def test_only_a_jump_forward_is_one() -> None:
    clock = Clock()
    jumps = Jumps(clock.now)
    said = []
    for seconds in (0, 3600, 0, -3600, 5, 11):
        clock.turn(seconds)
        said.append(jumps.was_put_forward())
    assert said == [False, True, False, False, False, True]


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("jump", [3600, -3600, -3], ids=["an hour forward", "an hour back", "three seconds back"])
async def test_no_message_is_lost_or_repeated_where_the_clock_jumps_between_two(line: Sending, jump: int) -> None:
    await line.ready()
    await line.move(3)
    await line.run(seconds=1)
    line.clock.turn(jump)
    await line.move(3)
    await line.run(seconds=7200)
    assert len(set(line.delivery_ids(REVENUE))) == len(line.messages(REVENUE)) == 6
    assert {one.state for one in await line.ledger()} == {DeliveryState.DELIVERED}
