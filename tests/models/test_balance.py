"""The balance: both equations hold, with left sides that are counted outside the database."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from models import balance, event, lane
from models.balance import BUCKETS
from models.database import Database
from models.delivery import Attempt, Delivery, DeliveryState, FactKind, Owed, SkipReason
from models.event import Event, EventState, Refusal
from models.recipient import RecipientKind
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

S = DeliveryState


async def receive(database: Database) -> int:
    """Let two workspaces send events, some of them twice; say how many were sent."""
    sent = 0
    for workspace in (ACME, GLOBEX):
        await seeds.install(database, workspace)
        origin, _ = await seeds.add_source(database, workspace)
        news = [seeds.event_of(origin, seeds.movement(), key=f"m{number}") for number in range(5)]
        for again in (news, news[:2], news[:1]):
            await seeds.receive(database, *again)
            sent += len(again)
    return sent


async def owe(database: Database, *targets: str, facts: int, workspace: str = ACME) -> int:
    """Owe so many facts to each target; say how many deliveries that is."""
    owed = [
        Owed(asked_by="dst_1", fact=(FactKind.MOVEMENT, f"mov_{fact}"), recipient=(RecipientKind.CHANNEL, target))
        for fact in range(facts)
        for target in targets
    ]
    async with database.write() as session:
        await lane.owe(session, workspace, owed, now=NOW)
    return facts * len(targets)


async def set_state(database: Database, fact: int, target: str = "C1", **values: object) -> None:
    async with database.write() as session:
        one = (Delivery.fact_id == f"mov_{fact}", Delivery.target == target)
        await session.execute(update(Delivery).where(*one).values(**values))


async def id_of(database: Database, fact: int, target: str = "C1") -> str:
    async with database.read() as session:
        one = (Delivery.fact_id == f"mov_{fact}", Delivery.target == target)
        return (await session.scalars(select(Delivery.id).where(*one))).one()


async def test_every_event_that_was_sent_is_applied_duplicate_refused_or_waiting(database: Database) -> None:
    sent = await receive(database)
    async with database.write() as session:
        waiting = await event.claim_waiting(session, [ACME], limit=10)
        await event.mark_applied(session, [waiting[0].id], now=NOW)
        await event.mark_refused(session, waiting[1].id, Refusal("kind", "It is none."), now=NOW)
    async with database.read() as session:
        sums = await balance.events(session)
    assert sums.received == sent == 16
    assert sums.by_state == {EventState.APPLIED: 1, EventState.REFUSED: 1, EventState.WAITING: 8}
    assert sums.duplicate == 6
    assert sums.is_balanced


async def test_an_event_in_no_state_that_there_is_breaks_the_equation(database: Database) -> None:
    await receive(database)
    async with database.write() as session:
        await session.execute(update(Event).values(state="lost"))
    async with database.read() as session:
        sums = await balance.events(session)
    assert sums.received == 16
    assert not sums.is_balanced


async def test_an_event_that_vanished_is_missed_by_whoever_counted_what_was_sent(database: Database) -> None:
    sent = await receive(database)
    async with database.write() as session:
        await session.execute(delete(Event).where(Event.dedupe_key == "m4", Event.workspace_id == ACME))
    async with database.read() as session:
        sums = await balance.events(session)
    assert sums.is_balanced, "the database can't know of what it doesn't have"
    assert sums.received == sent - 1


async def test_everything_owed_is_delivered_skipped_failed_or_open(database: Database) -> None:
    owed = await owe(database, "C1", "C2", facts=4)
    await set_state(database, 0, state=S.DELIVERED)
    await set_state(database, 1, state=S.SKIPPED, reason=SkipReason.MUTED)
    await set_state(database, 2, state=S.FAILED, reason="the channel is archived")
    await set_state(database, 3, state=S.AMBIGUOUS, reason="the connection broke before Slack answered")
    async with database.read() as session:
        sums = await balance.deliveries(session)
    assert sums.owed == owed == 8
    assert sums.is_balanced
    assert sums.by_reason == {
        (S.DELIVERED, ""): 1,
        (S.SKIPPED, "muted"): 1,
        (S.FAILED, "the channel is archived"): 1,
        (S.AMBIGUOUS, ""): 1,
        (S.PENDING, ""): 4,
    }


@pytest.mark.parametrize(
    ("fate", "counted"), [(S.DELIVERED, S.DELIVERED), (S.FAILED, S.FAILED), (S.SENDING, S.SENDING)]
)
async def test_what_was_merged_shares_the_state_of_what_it_went_into(
    database: Database, fate: DeliveryState, counted: DeliveryState
) -> None:
    owed = await owe(database, "C1", facts=4)
    into = await id_of(database, 0)
    await set_state(database, 0, state=fate)
    for merged in (1, 2):
        await set_state(database, merged, state=S.COALESCED, coalesced_into=into)
    async with database.read() as session:
        sums = await balance.deliveries(session)
    assert sums.owed == owed == 4
    assert (sums.of(counted), sums.of(S.PENDING), sums.merged) == (3, 1, 2)
    assert sums.is_balanced


@pytest.mark.parametrize("into", [None, "del_that_never_was"])
async def test_what_was_merged_into_nothing_breaks_the_equation(database: Database, into: str | None) -> None:
    await owe(database, "C1", facts=2)
    await set_state(database, 0, state=S.COALESCED, coalesced_into=into)
    async with database.read() as session:
        sums = await balance.deliveries(session)
    assert sums.owed == 2
    assert not sums.is_balanced


async def test_the_backlog_tells_of_the_fullest_lane_and_of_the_oldest(database: Database) -> None:
    await receive(database)
    await owe(database, "C1", facts=3)
    await owe(database, "C2", "C3", facts=1, workspace=GLOBEX)
    await set_state(database, 0, target="C3", state=S.DELIVERED)
    await set_state(database, 2, created_at=NOW - timedelta(hours=2))
    async with database.read() as session:
        found = await balance.backlog(session)
    assert (found.lanes, found.largest) == (2, 3)
    assert found.oldest_open_at == NOW - timedelta(hours=2)
    assert found.oldest_waiting_at == NOW


async def test_latencies_count_how_long_recent_deliveries_took(database: Database) -> None:
    await seeds.install(database)
    await owe(database, "C1", facts=4)
    for fact, seconds in enumerate((0.2, 3, 7200)):
        await set_state(database, fact, state=S.DELIVERED, settled_at=NOW + timedelta(seconds=seconds))
    await set_state(database, 3, state=S.DELIVERED, settled_at=NOW, created_at=NOW - timedelta(hours=3))
    async with database.read() as session:
        took = await balance.delivered_after(session, now=NOW + timedelta(seconds=1))
    assert took.count == 3
    assert took.seconds == pytest.approx(7203.2, abs=0.01)
    assert dict(zip(BUCKETS, took.within, strict=True)) == {
        bound: (0 if bound < 0.25 else 1 if bound < 5 else 2) for bound in BUCKETS
    }


async def test_latencies_count_how_long_recent_events_waited(database: Database) -> None:
    await receive(database)
    async with database.write() as session:
        waiting = [one.id for one in await event.claim_waiting(session, [ACME], limit=4)]
        await event.mark_applied(session, waiting, now=NOW + timedelta(seconds=2))
    async with database.read() as session:
        took = await balance.applied_after(session, now=NOW + timedelta(minutes=1))
        later = await balance.applied_after(session, now=NOW + timedelta(hours=2))
    assert (took.count, later.count) == (4, 0)
    assert took.seconds == pytest.approx(8, abs=0.01)


async def test_answers_are_counted_by_their_code(database: Database) -> None:
    await owe(database, "C1", facts=1)
    one = await id_of(database, 0)
    async with database.write() as session:
        for number, answer in enumerate(("ratelimited", "ratelimited", "ok")):
            session.add(
                Attempt(
                    workspace_id=ACME, delivery_id=one, number=number, started_at=NOW, finished_at=NOW, answer=answer
                )
            )
    async with database.read() as session:
        assert await balance.answers(session) == {"ok": 1, "ratelimited": 2}


async def test_an_empty_installation_is_balanced(database: Database) -> None:
    async with database.read() as session:
        sums, owed, waiting = (
            await balance.events(session),
            await balance.deliveries(session),
            await balance.backlog(session),
        )
        took = await balance.delivered_after(session, now=NOW)
    assert (sums.received, owed.owed, waiting.lanes, waiting.largest, took.count) == (0, 0, 0, 0, 0)
    assert sums.is_balanced
    assert owed.is_balanced
