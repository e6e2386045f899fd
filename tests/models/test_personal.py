"""A recap of one's own: it belongs to one person, follows their clocks, and ends when they leave."""

import asyncio
from datetime import time, timedelta
from typing import Any

import pytest

from models import delivery, destination, person, personal, recipient
from models.database import Database
from models.delivery import FactKind
from models.destination import Destination, DestinationUnknownError
from models.person import Person
from models.recipient import RecipientKind
from models.wish import Frequency
from scheduler.recap import make_due
from tests import seeds
from tests.seeds import ACME, NOW

DANA, BERLIN, TOKYO = "U0DANA", "Europe/Berlin", "Asia/Tokyo"


async def somebody(database: Database, user_id: str = DANA, **changes: Any) -> Person:
    async with database.write() as session:
        told = {"id": user_id, "name": "dana", "tz": BERLIN, **changes}
        return await person.remember(session, ACME, told, now=NOW)


async def choose(database: Database, asking: Person, **fields: Any) -> Destination:
    async with database.write() as session:
        return await personal.choose(session, asking, now=NOW, **fields)


async def follow(database: Database, changed: Person) -> None:
    async with database.write() as session:
        await personal.follow(session, changed, now=NOW)


async def own(database: Database, user_id: str = DANA) -> Destination | None:
    async with database.read() as session:
        return await personal.of_person(session, ACME, user_id)


async def test_it_comes_daily_at_nine_on_their_clocks_and_is_in_nobodys_list(database: Database) -> None:
    await seeds.install(database)
    made = await choose(database, await somebody(database))
    tomorrow = NOW + timedelta(hours=23)
    assert (made.name, made.zone, made.next_run_at) == ("Your daily recap", BERLIN, tomorrow)
    # Others have theirs by the same name, and so may a destination of the workspace's.
    await choose(database, await somebody(database, "U0LIAM"))
    listed = await seeds.add_destination(database, "C1", name="Your daily recap")
    async with database.read() as session:
        assert [one.id for one in await destination.of_workspace(session, ACME)] == [listed.id]
        assert (await destination.named(session, ACME, "your daily recap")).id == listed.id
        assert await destination.reaching(session, ACME, DANA) == []
        with pytest.raises(DestinationUnknownError):
            await destination.get(session, ACME, made.id)
    assert await make_due(database, now=tomorrow) == 2
    async with database.read() as session:
        owed = [one for one in await delivery.of_workspace(session, ACME) if one.target == DANA]
    assert [(one.asked_by, one.fact_kind, one.recipient_kind) for one in owed] == [
        (made.id, FactKind.RECAP, RecipientKind.PERSON)
    ]


async def test_another_choice_takes_its_place_and_two_at_once_make_one(database: Database) -> None:
    dana = await somebody(database)
    made = await asyncio.gather(*(choose(database, dana) for _ in range(4)))
    assert len({one.id for one in made}) == 1
    changed = await choose(database, dana, frequency=Frequency.WEEKLY, at=time(7, 45))
    found = await own(database)
    assert found is not None
    assert (found.id, found.name, found.at) == (changed.id, "Your weekly recap", time(7, 45))


async def test_it_follows_them_to_another_zone(database: Database) -> None:
    await choose(database, await somebody(database), at=time(8))
    await follow(database, await somebody(database, tz=TOKYO))
    found = await own(database)
    assert found is not None
    assert (found.zone, found.at, found.next_run_at) == (TOKYO, time(8), NOW + timedelta(hours=14))


@pytest.mark.parametrize("change", [{"deleted": True}, {"is_restricted": True}])
async def test_it_ends_when_they_leave_or_become_a_guest(database: Database, change: dict[str, bool]) -> None:
    made = await choose(database, await somebody(database))
    await follow(database, await somebody(database, **change))
    assert await own(database) is None
    async with database.read() as session:
        assert await recipient.of_destinations(session, [made.id]) == {made.id: []}


async def test_stopped_it_can_be_had_again(database: Database) -> None:
    dana = await somebody(database)
    first = await choose(database, dana)
    async with database.write() as session:
        await personal.stop(session, ACME, DANA, now=NOW)
        await personal.stop(session, ACME, DANA, now=NOW)
    assert await own(database) is None
    assert (await choose(database, dana)).id != first.id
