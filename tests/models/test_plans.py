"""What is done for every event and message walks through no table: on SQLite, each statement's plan is looked at."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from models import account_search, delivery, destination, lane, merge
from models.database import Database
from models.delivery import DeliveryState, FactKind, Outcome, Owed
from models.fact import RecordFact
from models.lane import Release
from models.recipient import RecipientKind
from scheduler.apply import apply_waiting
from tests import seeds
from tests.seeds import ACME, NOW

WALK = re.compile(r"^SCAN (?:deliveries|lanes|attempts)(?! USING (?:COVERING )?INDEX)")
WALK_TO_APPLY = re.compile(
    r"^SCAN (?:events|sources|accounts|account_aliases|contacts|movements|signals|roles|records)"
    r"|^SCAN (?:destinations|recipients|workflows|lanes|subscriptions|recounts|restatements)"
    r"|^SEARCH (?:accounts|contacts|subscriptions|recounts) .*\(workspace_id=\?\)"
)
"""Through a table, or through all that a workspace has in it."""


@pytest.fixture
def engine_name() -> str:
    """PostgreSQL plans by how much there is, and walks through what is small."""
    return "sqlite"


async def plans(session: AsyncSession, seen: list[tuple[str, Any]]) -> list[str]:
    """Explain statements, each line of a plan with what it is for."""
    connection = await session.connection()
    told = []
    for statement, parameters in seen:
        rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        told += [f"{row[3]} <- {' '.join(statement.split())}" for row in rows.all()]
    return told


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Note the statements that ask or change something, with what they were given first."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
            seen.append((statement, parameters[0] if many else parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_applying_walks_through_no_table(database: Database) -> None:
    await seeds.install(database)
    await seeds.add_destination(database, "C1")
    origin, _ = await seeds.add_source(database)
    person = seeds.contact(user_id="u1", email="a@a.io", anonymous_id="x", account_external_id="acme")
    facts = [seeds.account(), person, seeds.movement(), seeds.role(), seeds.role(email=None, role="csm")]
    facts += [RecordFact(external_id="1", account_external_id="acme", domain="acme.io", name="Acme")]
    facts += [seeds.subscribed(), seeds.signal(), seeds.track()]
    await seeds.receive(database, seeds.event_of(origin, *facts, key="1"))
    with statements(database) as seen:
        assert await apply_waiting(database, now=NOW) == 1
    async with database.read() as session:
        found = await plans(session, seen)
    assert len(seen) > 16
    assert [line for line in found if WALK_TO_APPLY.match(line)] == []


async def test_looking_through_all_accounts_reads_one_index_and_nothing_else(database: Database) -> None:
    await seeds.install(database)
    with statements(database) as seen:
        async with database.write() as session:
            for typed in ("nothing.example", "Nothing like it"):
                await account_search.find(session, ACME, typed)
    async with database.read() as session:
        found = [line for line in await plans(session, seen) if "(workspace_id=?)" in line]
    assert len(found) == 4
    assert [
        line for line in found if not line.startswith("SEARCH accounts USING COVERING INDEX ix_accounts_sought")
    ] == []


async def test_claiming_merging_and_settling_walk_through_no_table(database: Database) -> None:
    await seeds.install(database)
    made = await seeds.add_destination(database, "C1")
    owed = [
        Owed(
            asked_by=made.id, fact=(FactKind.MOVEMENT, f"mov_{number}"), recipient=(RecipientKind.CHANNEL, f"C{number}")
        )
        for number in range(5)
    ]
    async with database.write() as session:
        await lane.owe(session, ACME, owed, now=NOW)
        with statements(database) as seen:
            leases = await lane.claim(session, owner="worker", limit=64, now=NOW)
            heads = list((await lane.heads(session, [one.lane_id for one in leases])).values())
            await merge.merge(session, heads, now=NOW)
            await merge.merged(session, heads)
            await delivery.start(session, [one.id for one in heads], now=NOW)
            await lane.hold(session, [one.lane_id for one in leases])
            outcome = Outcome(state=DeliveryState.DELIVERED, answer="ok", due_at=NOW)
            await delivery.settle(session, [seeds.tried(one, outcome) for one in heads], now=NOW)
            released = [Release(lane_id=one.lane_id, token=one.token, next_send_at=NOW) for one in leases]
            await lane.release(session, released)
        found = await plans(session, seen)
    assert len(leases) == 5
    assert len(seen) > 8
    assert [line for line in found if WALK.match(line)] == []


async def test_looking_for_what_pauses_left_out_reads_an_index_of_just_that(database: Database) -> None:
    await seeds.install(database)
    with statements(database) as seen:
        async with database.write() as session:
            assert await destination.missed_edits(session, most=9, now=NOW) == {}
    async with database.read() as session:
        found = [line for line in await plans(session, seen) if line.startswith("SCAN")]
    assert [line.partition(" <-")[0] for line in found] == ["SCAN deliveries USING INDEX ix_deliveries_missed"]


async def test_whether_a_person_was_ever_told_anything_is_read_from_one_row(database: Database) -> None:
    await seeds.install(database)
    with statements(database) as seen:
        async with database.write() as session:
            assert not await lane.is_known(session, ACME, "U0PAT")
    async with database.read() as session:
        [found] = await plans(session, seen)
    assert "(workspace_id=? AND method=? AND target=?)" in found
