"""Events: each is counted once, and every one that came in is accounted for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from models import event
from models.database import Database
from models.event import EventOutcome, EventState, Refusal
from models.source import Source
from tests import seeds
from tests.seeds import ACME, NOW

OLD = NOW - timedelta(days=1)

STORED, DUPLICATE = EventOutcome.STORED, EventOutcome.DUPLICATE


async def store(database: Database, *events: event.NewEvent) -> list[EventOutcome]:
    async with database.write() as session:
        return await event.store(session, events)


async def counts(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return await event.count_by_state(session, ACME)


def moved(origin: Source, key: str, **fields: Any) -> event.NewEvent:
    return seeds.event_of(origin, seeds.movement(), key=key, **fields)


async def test_a_key_that_is_known_is_a_duplicate_also_within_one_call(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    assert await store(database, moved(origin, "1"), moved(origin, "1"), moved(origin, "2")) == [
        STORED,
        DUPLICATE,
        STORED,
    ]
    assert await store(database, moved(origin, "2")) == [DUPLICATE]


async def test_the_same_key_from_another_source_is_news(database: Database) -> None:
    first, _ = await seeds.add_source(database)
    second, _ = await seeds.add_source(database, name="CRM")
    assert await store(database, moved(first, "1"), moved(second, "1")) == [STORED, STORED]


async def test_keys_that_differ_only_at_their_end_are_told_apart_however_long(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    long = "k" * 5000
    outcomes = await store(database, moved(origin, f"{long}1"), moved(origin, f"{long}2"), moved(origin, f"{long}1"))
    assert outcomes == [STORED, STORED, DUPLICATE]


async def test_a_refused_event_keeps_its_reason_and_does_not_stand_in_the_way_of_a_corrected_one(
    database: Database,
) -> None:
    origin, _ = await seeds.add_source(database)
    refusal = Refusal("amount_minor", "It must be a whole number.", record="records[3]")
    bad = moved(origin, "1", refusal=refusal, raw={"amount_minor": "12"})
    assert await store(database, bad, bad, moved(origin, "1")) == [STORED, DUPLICATE, STORED]
    async with database.read() as session:
        [refused] = await event.refused_of_source(session, origin.id, since=OLD)
        assert await event.count_refused(session, [origin.id], since=OLD) == {origin.id: 1}
        assert await event.count_refused(session, [origin.id], since=NOW) == {}
    assert (refused.record, refused.refused_field, refused.raw) == (
        "records[3]",
        "amount_minor",
        {"amount_minor": "12"},
    )


async def test_everything_received_is_applied_duplicate_refused_or_waiting(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    outcomes = await store(database, *(moved(origin, str(number % 7)) for number in range(20)))
    await store(database, moved(origin, "bad", refusal=Refusal("kind", "No."), raw={}))
    async with database.write() as session:
        [first, second, *_] = await event.claim_waiting(session, [ACME], limit=3)
        await event.mark_applied(session, [first.id], now=NOW)
        await event.mark_refused(session, second.id, Refusal("", "A fault."), now=NOW)

    assert outcomes.count(DUPLICATE) == 13
    assert await counts(database) == {"received": 21, "applied": 1, "duplicate": 13, "refused": 2, "waiting": 5}


async def test_waiting_events_are_claimed_in_the_order_in_which_they_came(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    await store(database, *(moved(origin, key) for key in "cab"))
    async with database.write() as session:
        assert [one.dedupe_key for one in await event.claim_waiting(session, [ACME], limit=2)] == ["c", "a"]


async def test_each_workspace_with_waiting_events_is_named_once(database: Database) -> None:
    async with database.read() as session:
        assert await event.workspaces_waiting(session) == []
    for workspace_id in ("T3", "T1", "T2"):
        origin, _ = await seeds.add_source(database, workspace_id)
        await store(database, *(moved(origin, key) for key in "ab"))
    async with database.write() as session:
        done = await event.claim_waiting(session, ["T2"], limit=5)
        await event.mark_applied(session, [one.id for one in done], now=NOW)
    async with database.read() as session:
        assert await event.workspaces_waiting(session) == ["T1", "T3"]


async def test_events_are_listed_newest_first(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    await store(database, *(moved(origin, key, received_at=NOW + timedelta(seconds=1)) for key in "ab"))
    async with database.read() as session:
        assert [one.dedupe_key for one in await event.of_workspace(session, ACME)] == ["b", "a"]
        assert await event.of_workspace(session, ACME, state=EventState.APPLIED) == []


async def test_history_is_awaited_until_it_is_applied(database: Database) -> None:
    origin, _ = await seeds.add_source(database)

    async def awaited() -> bool:
        async with database.read() as session:
            return await event.awaits_history(session, ACME)

    await store(database, moved(origin, "news"))
    assert not await awaited()
    await store(database, replace(moved(origin, "history"), is_history=True))
    assert await awaited()
    async with database.write() as session:
        await event.mark_applied(session, [one.id for one in await event.of_workspace(session, ACME)], now=NOW)
    assert not await awaited()
