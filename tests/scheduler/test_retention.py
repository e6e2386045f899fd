"""What events said is kept for a time; the events themselves stay counted, and known."""

from datetime import timedelta

from models import event, movement, source
from models.database import Database
from models.event import Event, EventOutcome, Refusal
from scheduler.apply import apply_waiting
from scheduler.retention import KEPT, empty_old_events
from tests import seeds
from tests.seeds import ACME, NOW

DAY = timedelta(days=1)
BAD = Refusal("currency", "It is not a currency code.")


async def events(database: Database) -> dict[str, Event]:
    async with database.read() as session:
        return {one.dedupe_key: one for one in await event.of_workspace(session, ACME)}


async def test_what_an_event_said_is_emptied_after_its_time_and_the_event_stays_known(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    await seeds.install(database)
    old = seeds.event_of(origin, seeds.movement(), key="old")
    young = seeds.event_of(origin, seeds.contact(email="a@a.io"), key="young", received_at=NOW + DAY)
    await seeds.receive(database, old, young)
    await apply_waiting(database, now=NOW)
    for _ in range(2):
        await empty_old_events(database, kept=KEPT, now=NOW + KEPT + timedelta(hours=1), limit=1)
        assert {key: bool(one.facts) for key, one in (await events(database)).items()} == {"old": False, "young": True}
    assert await seeds.receive(database, old) == [EventOutcome.DUPLICATE]
    async with database.read() as session:
        assert (await event.count_by_state(session, ACME))["received"] == 3
        assert await movement.count(session, ACME) == 1


async def test_what_was_sent_of_a_refused_event_is_emptied_after_a_week(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    await seeds.install(database)
    for number in range(3):
        at = NOW + number * DAY
        bad = seeds.event_of(origin, key=str(number), received_at=at, refusal=BAD, raw={"currency": number})
        await seeds.receive(database, bad)
    await empty_old_events(database, kept=KEPT, now=NOW + event.REFUSED_KEPT + 1.5 * DAY, limit=1)
    async with database.read() as session:
        refused = await event.refused_of_source(session, origin.id, since=NOW - DAY)
    assert [(one.raw, one.refused_because) for one in refused] == [
        ({"currency": 2}, BAD.reason), (None, BAD.reason), (None, BAD.reason),
    ]  # fmt: skip


async def test_what_waits_for_a_paused_source_keeps_what_is_still_to_be_applied(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    await seeds.install(database)
    async with database.write() as session:
        await source.pause(session, await source.get(session, ACME, origin.id), by="U0ADA", now=NOW)
    await seeds.receive(database, seeds.event_of(origin, seeds.movement(), key="held"))
    await apply_waiting(database, now=NOW)
    later = NOW + 2 * KEPT
    await empty_old_events(database, kept=KEPT, now=later)
    async with database.write() as session:
        await source.resume(session, await source.get(session, ACME, origin.id), by="U0ADA", now=later)
    await apply_waiting(database, now=later)
    async with database.read() as session:
        assert await movement.count(session, ACME) == 1
    await empty_old_events(database, kept=KEPT, now=later)
    assert [one.facts for one in (await events(database)).values()] == [[]]


async def test_a_row_of_a_file_brings_what_it_says_again_though_that_was_kept_no_longer(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    await seeds.install(database)
    row = seeds.event_of(origin, seeds.account(name="First"), key="1", is_history=True)
    await seeds.receive(database, row)
    await apply_waiting(database, now=NOW)
    await empty_old_events(database, kept=KEPT, now=NOW + 2 * KEPT)
    async with database.write() as session:
        await event.apply_again(session, [row])
    [again] = (await events(database)).values()
    assert (again.state, again.facts) == ("waiting", list(row.facts))
