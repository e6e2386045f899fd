"""A paused source: what it sends is kept, none of it is told, and all of it is once it is resumed."""

import asyncio

import pytest

from models import event, movement, source
from models.database import Database
from models.source import Source
from scheduler import apply
from scheduler.apply import apply_waiting
from tests import seeds
from tests.seeds import ACME, NOW


async def send(database: Database, origin: Source, *keys: str) -> None:
    await seeds.receive(database, *(seeds.event_of(origin, seeds.movement(), key=key) for key in keys))


async def switch(database: Database, origin: Source, *, on: bool) -> None:
    async with database.write() as session:
        found = await source.get(session, ACME, origin.id)
        await (source.resume if on else source.pause)(session, found, by="U0ADA", now=NOW)


async def apply_all(database: Database) -> None:
    while await apply_waiting(database, now=NOW, limit=3):
        pass


async def told(database: Database) -> list[str]:
    async with database.read() as session:
        return sorted(row[0].external_id.removesuffix("#0") for row in await movement.of_workspace(session, ACME))


async def test_what_a_paused_source_sends_is_kept_and_applied_once_it_is_resumed(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    other, _ = await seeds.add_source(database, name="Website")
    await switch(database, origin, on=False)
    await send(database, origin, "1", "2", "3", "4")
    await send(database, other, "5")
    await apply_all(database)
    assert await told(database) == ["5"]
    async with database.read() as session:
        assert await event.count_held(session, [origin.id, other.id]) == {origin.id: 4}
        counts = await event.count_by_state(session, ACME)
        assert await event.workspaces_waiting(session) == []
        assert (await source.get(session, ACME, origin.id)).last_event_at == NOW
    assert counts == {"received": 5, "applied": 1, "refused": 0, "waiting": 4, "duplicate": 0}

    await switch(database, origin, on=True)
    await apply_all(database)
    assert await told(database) == ["1", "2", "3", "4", "5"]
    async with database.read() as session:
        assert await event.count_held(session, [origin.id]) == {}
        assert await source.holding(session) == []


async def test_a_repetition_of_what_is_held_is_a_duplicate(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    await switch(database, origin, on=False)
    await send(database, origin, "1")
    await apply_all(database)
    await send(database, origin, "1")
    await switch(database, origin, on=True)
    await apply_all(database)
    assert await told(database) == ["1"]


async def test_nothing_is_left_behind_however_pausing_and_applying_fall_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "RELEASED", 2)
    origin, _ = await seeds.add_source(database)
    for turn in range(5):
        await send(database, origin, *(f"{turn} {number}" for number in range(5)))
        await asyncio.gather(
            switch(database, origin, on=False),
            *(apply_waiting(database, now=NOW, limit=2) for _ in range(3)),
            switch(database, origin, on=True),
        )
    await switch(database, origin, on=True)
    await apply_all(database)
    assert len(await told(database)) == 25


async def test_what_was_held_is_applied_when_the_source_is_removed_and_what_it_brought_stays(
    database: Database,
) -> None:
    origin, _ = await seeds.add_source(database)
    await switch(database, origin, on=False)
    await send(database, origin, "1")
    await apply_all(database)
    async with database.write() as session:
        await source.remove(session, await source.get(session, ACME, origin.id), by="U0ADA", now=NOW)
    await apply_all(database)
    assert await told(database) == ["1"]
