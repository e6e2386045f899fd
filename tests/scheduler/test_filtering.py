"""What a pause and a filter keep back: it stands in the ledger with its reason, and nothing of it is posted."""

from datetime import datetime, timedelta

import pytest

from models import delivery, destination, lane
from models.database import Database
from models.delivery import DeliveryState, FactKind, Owed, SkipReason
from models.destination import Destination
from models.fact import MovementKind
from models.filter import Filter
from models.recipient import RecipientKind
from models.wish import Frequency
from scheduler.recap import make_due
from tests import seeds
from tests.seeds import ACME, NOW
from tests.sending import REVENUE, WINS, Sending

DAY = timedelta(days=1)


async def pause(database: Database, made: Destination, *, now: datetime, until: datetime | None = None) -> int:
    async with database.write() as session:
        held = await destination.get(session, ACME, made.id, hold=True)
        return await destination.pause(session, held, until=until, by="U0ADA", now=now)


async def resume(database: Database, made: Destination, *, now: datetime) -> None:
    async with database.write() as session:
        held = await destination.get(session, ACME, made.id, hold=True)
        await destination.resume(session, held, by="U0ADA", now=now)


async def became(line: Sending) -> list[tuple[str, str | None]]:
    return [(one.state, one.reason) for one in await line.ledger()]


TOLD = (DeliveryState.DELIVERED, None)
PAUSED = (DeliveryState.SKIPPED, SkipReason.PAUSED)
TOO_SMALL = (DeliveryState.SKIPPED, SkipReason.BELOW_THRESHOLD)


async def test_each_movement_is_owed_and_told_or_skipped_with_the_reason(line: Sending) -> None:
    await line.install()
    await line.let_in(REVENUE, WINS)
    wanted = Filter(kinds=(MovementKind.EXPANSION, MovementKind.CHURN), least_gain=100)
    await line.destination(REVENUE, filter=wanted)
    await line.destination(WINS, name="All of it")
    for kind, minor in (("expansion", 99_99), ("expansion", 100_00), ("churn", -1), ("contraction", -500_00)):
        await line.move(kind=kind, amount_minor=minor)
    await line.run()
    rows = await line.ledger()
    assert [(one.state, one.reason) for one in rows if one.target == REVENUE] == [TOO_SMALL, TOLD, TOLD]
    assert [(one.state, one.reason) for one in rows if one.target == WINS] == [TOLD] * 4
    assert (len(line.messages(REVENUE)), len(line.messages(WINS))) == (2, 4)
    async with line.database.read() as session:
        counts = await delivery.count_by_state(session, ACME)
    assert counts[DeliveryState.DELIVERED] + counts[DeliveryState.SKIPPED] == sum(counts.values()) == 7


async def test_what_happens_while_paused_is_owed_and_never_told(line: Sending) -> None:
    made = await line.ready()
    await pause(line.database, made, now=line.clock.now())
    await line.move()
    await line.run()
    await resume(line.database, made, now=line.clock.now())
    await line.move()
    await line.run()
    assert await became(line) == [PAUSED, TOLD]
    assert len(line.messages()) == 1


async def test_a_pause_that_ends_by_itself_just_ends(line: Sending) -> None:
    made = await line.ready()
    await pause(line.database, made, now=line.clock.now(), until=line.clock.now() + DAY)
    line.clock.turn(86_399)
    await line.move()
    line.clock.turn(1)
    await line.move()
    await line.run()
    assert await became(line) == [PAUSED, TOLD]


async def test_a_resumed_destination_tells_nothing_of_what_waited_when_it_was_paused(line: Sending) -> None:
    made = await line.ready()
    await line.move(2)
    assert await pause(line.database, made, now=line.clock.now()) == 2
    await resume(line.database, made, now=line.clock.now())
    await line.run()
    assert await became(line) == [PAUSED, PAUSED]
    assert line.calls() == []


@pytest.mark.parametrize("is_paused", [True, False])
async def test_what_was_matched_at_the_instant_of_the_pause_is_held_back_when_it_is_drawn(
    line: Sending, *, is_paused: bool
) -> None:
    """Whoever applied a movement may have read the destination before it was paused, and have owed after that."""
    made = await line.ready()
    async with line.database.write() as session:
        moved = await seeds.record(session, seeds.movement(), "m")
    assert moved is not None
    if is_paused:
        await pause(line.database, made, now=line.clock.now())
    owed = Owed(asked_by=made.id, fact=(FactKind.MOVEMENT, moved.id), recipient=(RecipientKind.CHANNEL, REVENUE))
    async with line.database.write() as session:
        await lane.owe(session, ACME, [owed], now=line.clock.now())
    await line.run()
    assert await became(line) == [PAUSED if is_paused else TOLD]
    assert len(line.messages()) == (0 if is_paused else 1)


async def test_what_failed_to_arrive_is_not_tried_again_while_paused(line: Sending) -> None:
    made = await line.ready()
    line.fault("error", code="service_unavailable")
    await line.move()
    await line.drain()
    assert (await line.only()).state == DeliveryState.RETRYING
    assert await pause(line.database, made, now=line.clock.now()) == 1
    await line.run(seconds=3600)
    assert await became(line) == [PAUSED]
    assert line.messages() == []


async def recaps_owed(database: Database) -> list[tuple[str, str | None]]:
    async with database.read() as session:
        return [(one.state, one.reason) for one in reversed(await delivery.of_workspace(session, ACME))]


async def daily(database: Database) -> Destination:
    await seeds.install(database)
    return await seeds.add_destination(database, "C1", frequency=Frequency.DAILY)


async def test_recaps_that_fall_due_while_paused_are_skipped_and_the_schedule_goes_on(database: Database) -> None:
    made = await daily(database)
    await pause(database, made, now=NOW, until=NOW + 2 * DAY)
    for day in (1, 2, 3):
        assert await make_due(database, now=NOW + day * DAY) == 1
    pending = (DeliveryState.PENDING, None)
    assert await recaps_owed(database) == [PAUSED, pending, pending]


async def test_after_a_time_away_each_recap_says_whether_it_was_paused_or_missed(database: Database) -> None:
    made = await daily(database)
    await pause(database, made, now=NOW + 2 * DAY, until=NOW + 4 * DAY)
    assert await make_due(database, now=NOW + 5 * DAY) == 1
    stale = (DeliveryState.SKIPPED, SkipReason.STALE)
    assert await recaps_owed(database) == [stale, PAUSED, PAUSED, stale, (DeliveryState.PENDING, None)]


async def test_a_recap_that_was_due_when_somebody_paused_is_skipped(database: Database) -> None:
    made = await daily(database)
    await pause(database, made, now=NOW + DAY + timedelta(seconds=1))
    assert await make_due(database, now=NOW + DAY + timedelta(seconds=2)) == 1
    assert await recaps_owed(database) == [PAUSED]
