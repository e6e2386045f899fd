"""Matching: each movement is owed once to each recipient of each destination that wants it."""

from collections import Counter
from datetime import timedelta

from models import delivery, lane, movement
from models.database import Database
from models.delivery import Delivery
from models.wakeup import Topic
from scheduler.apply import apply_waiting
from scheduler.match import match_movements
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW


async def move(database: Database, key: str = "1", workspace_id: str = ACME, **fields: bool) -> None:
    origin, _ = await seeds.add_source(database, workspace_id, name=f"Source {key}")
    await seeds.receive(database, seeds.event_of(origin, seeds.movement(), key=key, **fields))
    await apply_waiting(database, now=NOW)


async def owed(database: Database, workspace_id: str = ACME) -> list[Delivery]:
    async with database.read() as session:
        return await delivery.of_workspace(session, workspace_id)


async def test_facts_times_matching_recipients_are_owed(database: Database) -> None:
    first = await seeds.add_destination(database, "C1", "C2")
    second = await seeds.add_destination(database, "C2", "C3", name="Second")
    for key in "abc":
        await move(database, key)
    pairs = Counter((one.asked_by, one.target) for one in await owed(database))
    assert pairs == {(first.id, "C1"): 3, (first.id, "C2"): 3, (second.id, "C2"): 3, (second.id, "C3"): 3}


async def test_a_channel_has_one_lane_however_many_destinations_post_to_it(database: Database) -> None:
    await seeds.add_destination(database, "C1")
    await seeds.add_destination(database, "C1", name="Second")
    await move(database)
    assert len({one.lane_id for one in await owed(database)}) == 1


async def test_matching_again_owes_nothing_more(database: Database) -> None:
    await seeds.add_destination(database, "C1")
    await move(database)
    async with database.write() as session:
        [(moved, _)] = await movement.of_workspace(session, ACME)
        [again] = await match_movements(session, [moved])
        assert await lane.owe_together(session, [again], now=NOW) == 0
    assert len(await owed(database)) == 1


async def test_history_is_told_to_nobody(database: Database) -> None:
    await seeds.add_destination(database, "C1")
    await move(database, is_history=True)
    assert await owed(database) == []


async def test_a_year_of_history_that_a_new_source_sends_is_counted_and_told_to_nobody(database: Database) -> None:
    """Test 20: what happened on the day before it was connected is told, and from then on everything."""
    await seeds.add_destination(database, "C1")
    origin, _ = await seeds.add_source(database)
    days = (-1, 0, 1, 2, 30, 365)
    moved = [seeds.movement(occurred_at=NOW - timedelta(days=ago)) for ago in days]
    await seeds.receive(database, *(seeds.event_of(origin, fact, key=f"{fact.occurred_at}") for fact in moved))
    await apply_waiting(database, now=NOW)
    async with database.read() as session:
        recorded = {str(one.id): one.occurred_at for one, _ in await movement.of_workspace(session, ACME)}
    assert len(recorded) == len(days)
    told = {recorded[one.fact_id] for one in await owed(database)}
    assert told == {NOW + timedelta(days=1), NOW, NOW - timedelta(days=1)}


async def test_another_workspace_s_destinations_don_t_hear_of_it(database: Database) -> None:
    await seeds.add_destination(database, "C1", workspace_id=GLOBEX)
    await move(database)
    assert await owed(database) + await owed(database, GLOBEX) == []


async def test_a_destination_hears_of_what_happens_after_it_was_made(database: Database) -> None:
    await move(database, "before")
    await seeds.add_destination(database, "C1")
    await move(database, "after")
    assert len(await owed(database)) == 1


async def test_whoever_sends_is_woken_only_when_something_is_owed(database: Database) -> None:
    marks = database.wakeups.marks(Topic.DELIVERIES)
    await move(database, "1")
    assert not await database.wakeups.wait(Topic.DELIVERIES, since=marks, seconds=0.02)
    await seeds.add_destination(database, "C1")
    await move(database, "2")
    assert await database.wakeups.wait(Topic.DELIVERIES, since=marks, seconds=1)
