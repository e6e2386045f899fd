"""A destination tells nothing of an account that a manager muted in it: not what comes, nor what waits to be sent."""

from datetime import datetime, timedelta

from models import account, audit, delivery, destination_mute, duplicate
from models.account import Account
from models.database import Database
from models.delivery import DeliveryState, SkipReason
from models.destination import Destination
from scheduler.apply import apply_waiting
from tests import seeds
from tests.seeds import ACME, NOW

DAY = timedelta(days=1)


async def move(database: Database, key: str, of: str = "acme", *, now: datetime = NOW) -> None:
    origin, _ = await seeds.add_source(database, name=f"Source {key}")
    fact = seeds.movement(of, occurred_at=now)
    await seeds.receive(database, seeds.event_of(origin, fact, key=key, occurred_at=now, received_at=now))
    await apply_waiting(database, now=now)


async def named(database: Database, external_id: str) -> Account:
    async with database.read() as session:
        found = await account.with_external_id(session, ACME, external_id)
    assert found is not None
    return found


async def mute(
    database: Database, where: Destination, about: Account, *, until: datetime | None = None, by: str = "U0ADA"
) -> None:
    async with database.write() as session:
        where = await session.merge(where)
        await destination_mute.add(session, where, about, until=until, by=by, now=NOW)


async def told(database: Database) -> list[tuple[str, str, str | None]]:
    """Give by destination what became of each delivery, in the order in which they were owed."""
    async with database.read() as session:
        rows = await delivery.of_workspace(session, ACME)
    return [(one.asked_by, one.state, one.reason) for one in reversed(rows)]


async def test_what_waits_is_skipped_and_so_is_what_comes_until_it_ends(database: Database) -> None:
    here = await seeds.add_destination(database, "C1")
    there = await seeds.add_destination(database, "C2", name="There")
    await move(database, "1")
    await mute(database, here, await named(database, "acme"), until=NOW + DAY)
    await move(database, "2")
    await move(database, "other", "other")
    await move(database, "3", now=NOW + DAY)
    muted, waits = (DeliveryState.SKIPPED, SkipReason.MUTED), (DeliveryState.PENDING, None)
    rows = await told(database)
    assert [row[1:] for row in rows if row[0] == here.id] == [muted, muted, waits, waits]
    assert [row[1:] for row in rows if row[0] == there.id] == [waits] * 4


async def test_without_the_mute_all_of_it_would_be_told(database: Database) -> None:
    """The broken variant of the test above: the rows of a mute, of which the destination doesn't know."""
    here = await seeds.add_destination(database, "C1")
    await move(database, "1")
    about = await named(database, "acme")
    async with database.write() as session:
        row = destination_mute.DestinationMute(account_id=about.id, destination_id=here.id, workspace_id=ACME)
        row.muted_by, row.since = "U0ADA", NOW
        session.add(row)
    await move(database, "2")
    assert [row[1] for row in await told(database)] == [DeliveryState.PENDING] * 2


async def test_a_mute_is_changed_listed_undone_and_audited(database: Database) -> None:
    here = await seeds.add_destination(database, "C1")
    await move(database, "1")
    about = await named(database, "acme")
    await mute(database, here, about)
    await mute(database, here, about, until=NOW + DAY, by="U0DANA")
    async with database.read() as session:
        kept = await destination_mute.find(session, ACME, here.id, about.id, now=NOW)
        assert kept is not None
        assert (kept.until, kept.muted_by) == (NOW + DAY, "U0DANA")
        assert await destination_mute.find(session, ACME, here.id, about.id, now=NOW + DAY) is None
    for was_muted in (True, False):
        async with database.write() as session:
            held = await session.merge(here)
            assert await destination_mute.remove(session, held, about.id, by="U0DANA", now=NOW) is was_muted
    async with database.read() as session:
        entries = [one.action for one in await audit.of_workspace(session, ACME)]
    assert entries.count("destination.account_muted") == 2
    assert entries.count("destination.account_unmuted") == 1


async def test_the_mutes_of_a_destination_are_listed_while_they_last(database: Database) -> None:
    here = await seeds.add_destination(database, "C1")
    there = await seeds.add_destination(database, "C2", name="There")
    for key in ("1", "2", "3"):
        await move(database, key, key)
    for key, where, until in (("1", here, None), ("2", here, NOW + DAY), ("3", there, None)):
        await mute(database, where, await named(database, key), until=until)

    async def listed(*, now: datetime, limit: int = 9) -> tuple[list[str], int]:
        async with database.read() as session:
            rows, total = await destination_mute.of_destination(session, ACME, here.id, limit=limit, now=now)
        return sorted(about.external_id for _, about in rows), total

    assert await listed(now=NOW) == (["1", "2"], 2)
    assert await listed(now=NOW + DAY) == (["1"], 1)
    rows, total = await listed(now=NOW, limit=1)
    assert (len(rows), total) == (1, 2)


async def test_what_a_muted_account_becomes_part_of_is_muted(database: Database) -> None:
    here = await seeds.add_destination(database, "C1")
    there = await seeds.add_destination(database, "C2", name="There")
    await move(database, "1", "former")
    await move(database, "2", "kept")
    former, kept = await named(database, "former"), await named(database, "kept")
    await mute(database, here, former)
    await mute(database, there, former)
    await mute(database, there, kept, until=NOW + DAY)
    async with database.write() as session:
        await duplicate.merge(session, ACME, former.id, kept.id, by="U0ADA", now=NOW)
    async with database.read() as session:
        muted = await destination_mute.among_accounts(session, {former.id, kept.id})
    assert muted == {(here.id, kept.id): None, (there.id, kept.id): NOW + DAY}
