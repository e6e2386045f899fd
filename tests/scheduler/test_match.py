"""Matching: each movement is owed once to each recipient of each destination that wants it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import sqlalchemy.event

from models import delivery, lane, movement, mute
from models.condition import About, Condition, Criterion
from models.database import Database
from models.delivery import Delivery, DeliveryState, SkipReason
from models.filter import Filter
from models.mute import Muted
from models.recipient import RecipientKind, To, together
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


async def test_who_muted_an_account_is_owed_its_movements_as_muted_and_nobody_else_is(database: Database) -> None:
    """A group goes on hearing of it, and so does whoever muted something else, or no longer does."""
    people = ("U1", "U2", "U3", "U4")
    told = (*seeds.channels("C1"), *(To(RecipientKind.PERSON, one) for one in people), together(["U1", "U2"]))
    await seeds.add_destination(database, recipients=told)
    async with database.write() as session:
        account, other = await seeds.hold(session), await seeds.hold(session, "other")
        await mute.add(session, ACME, "U1", account.id, now=NOW)
        await mute.add(session, ACME, "U2", other.id, now=NOW)
        await mute.add(session, ACME, "U3", account.id, until=NOW - timedelta(seconds=1), now=NOW)
        await mute.add(session, ACME, "U4", Muted.SIGNALS, now=NOW)
        await mute.add(session, GLOBEX, "U2", account.id, now=NOW)
    await move(database)
    states = {one.target: (one.state, one.reason) for one in await owed(database)}
    assert states.pop("U1") == (DeliveryState.SKIPPED, SkipReason.MUTED)
    assert states == dict.fromkeys(("C1", "U2", "U3", "U4", "U1,U2"), (DeliveryState.PENDING, None))


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


HERE = Condition(Criterion(About.ATTRIBUTE, "country"), ("Germany",))
HERS = Condition(Criterion(About.ROLE, "owner"), ("dana@acme.com",))
A_TENTH = Filter(least_gain_share=1000)


async def hear_in_one_batch(database: Database) -> None:
    """Let one batch say who an account is, whose it is, and how it moved; and how another did."""
    origin, _ = await seeds.add_source(database)
    new = {"kind": "new_business", "mrr_before_minor": 0}
    before = seeds.movement("old", occurred_at=NOW - timedelta(days=2), **new)
    about = seeds.account("acme", attributes={"country": "Germany"}), seeds.role("acme", email="Dana@acme.com")
    moves = (
        seeds.movement("acme", amount_minor=before.amount_minor, **new),
        seeds.movement("other", amount_minor=1, **new),
    )
    told = [(before, True), *((fact, False) for fact in (*about, *moves))]
    events = (seeds.event_of(origin, fact, key=str(key), is_history=old) for key, (fact, old) in enumerate(told))
    await seeds.receive(database, *events)
    await apply_waiting(database, now=NOW)


async def test_conditions_are_held_against_what_the_same_batch_says(database: Database) -> None:
    wanted = {"C1": (HERE,), "C2": (HERS,), "C3": (HERE, HERS), "C4": (Condition(HERE.criterion, ("France",)),)}
    for target, conditions in wanted.items():
        await seeds.add_destination(database, target, name=target, filter=Filter(conditions=conditions))
    await seeds.add_destination(database, "C5", name="All")
    await seeds.add_destination(database, "C6", name="A tenth", filter=A_TENTH)
    await hear_in_one_batch(database)
    found = Counter((one.target, one.state, one.reason) for one in await owed(database))
    pending = DeliveryState.PENDING, None
    assert found == {
        ("C1", *pending): 1,
        ("C2", *pending): 1,
        ("C3", *pending): 1,
        ("C5", *pending): 2,
        ("C6", *pending): 1,
        ("C6", DeliveryState.SKIPPED, SkipReason.BELOW_THRESHOLD): 1,
    }


async def test_where_nobody_asks_for_more_nothing_more_is_read(database: Database) -> None:
    """A destination that asks for it stands beside: so the count can tell."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    for filter_, reads in ((Filter(least_gain=500), 1), (Filter(conditions=(HERE,)), 2)):
        await seeds.add_destination(database, "C1", name=str(reads), filter=filter_)
        await move(database, str(reads))
        async with database.write() as session:
            moved = [one for one, _ in await movement.of_workspace(session, ACME)]
            engine = session.get_bind().engine
            sqlalchemy.event.listen(engine, "before_cursor_execute", note)
            await match_movements(session, moved)
            sqlalchemy.event.remove(engine, "before_cursor_execute", note)
        assert len(statements) == reads
        statements.clear()
