"""Deliveries: owed once, settled once, and counted so that the ledger doesn't lie."""

from datetime import timedelta

import pytest

from models import audit, delivery, lane
from models.base import UserError
from models.database import Database
from models.delivery import Delivery, DeliveryState, DeliveryUnknownError, FactKind, Outcome, Owed
from models.recipient import RecipientKind
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

S = DeliveryState
RETRIED = (S.RETRYING, S.FAILED)


async def owe(database: Database, fact_id: str = "mov_1", target: str = "C1", asked_by: str | None = None) -> bool:
    if asked_by is None:
        asked_by = (await seeds.add_destination(database, "C1", name=fact_id)).id
    async with database.write() as session:
        owed = Owed(asked_by=asked_by, fact=(FactKind.MOVEMENT, fact_id), recipient=(RecipientKind.CHANNEL, target))
        return await lane.owe(session, ACME, [owed], now=NOW) == 1


async def all_of(database: Database) -> list[Delivery]:
    async with database.read() as session:
        return list(reversed(await delivery.of_workspace(session, ACME)))


async def settle(database: Database, one: Delivery, state: DeliveryState, **fields: str) -> None:
    outcome = Outcome(state=state, answer="an answer", due_at=NOW + timedelta(seconds=9), **fields)  # type: ignore[arg-type]
    async with database.write() as session:
        await delivery.settle(session, [seeds.tried(one, outcome)], now=NOW + timedelta(seconds=1))


async def test_a_fact_is_owed_to_a_recipient_once(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    other = await seeds.add_destination(database, "C1", name="Other")
    assert await owe(database, asked_by=made.id)
    assert not await owe(database, asked_by=made.id)
    assert await owe(database, asked_by=other.id)
    assert await owe(database, target="C2", asked_by=made.id)
    assert await owe(database, "mov_2", asked_by=made.id)


async def test_an_outcome_is_written_down_with_its_attempt(database: Database) -> None:
    for state in (S.DELIVERED, S.FAILED, S.RETRYING, S.AMBIGUOUS):
        await owe(database, state)
        one = (await all_of(database))[-1]
        async with database.write() as session:
            await delivery.start(session, [one.id], now=NOW)
        await settle(database, one, state, reason="why", fix="what to do")
        after = (await all_of(database))[-1]
        assert (after.state, after.reason, after.fix, after.attempts) == (state, "why", "what to do", 1)
        assert (after.settled_at is None) == (state in delivery.OPEN)
        async with database.read() as session:
            [attempt] = await delivery.attempts_of(session, one.id)
        assert (attempt.number, attempt.answer, attempt.started_at) == (1, "an answer", NOW)


async def test_what_is_settled_is_not_settled_again(database: Database) -> None:
    await owe(database)
    [one] = await all_of(database)
    await settle(database, one, S.DELIVERED, message_channel="C1", message_ts="1.2")
    await settle(database, one, S.FAILED)
    [after] = await all_of(database)
    assert (after.state, after.message_ts) == (S.DELIVERED, "1.2")
    async with database.read() as session:
        assert len(await delivery.attempts_of(session, one.id)) == 1


async def test_what_may_be_a_repeat_stays_marked(database: Database) -> None:
    await owe(database)
    [one] = await all_of(database)
    await settle(database, one, S.RETRYING, may_be_repeat=True)  # type: ignore[arg-type]
    await settle(database, one, S.DELIVERED)
    assert (await all_of(database))[0].may_be_repeat


async def test_owed_is_delivered_and_skipped_and_failed_and_open(database: Database) -> None:
    states = [S.DELIVERED, S.DELIVERED, S.FAILED, S.SKIPPED, S.SENDING, S.RETRYING, S.AMBIGUOUS, S.PENDING, S.PENDING]
    owed = sum([await owe(database, f"mov_{number}") for number in range(len(states))])
    async with database.write() as session:
        for one, state in zip(await delivery.of_workspace(session, ACME), states, strict=True):
            one.state = state
    async with database.read() as session:
        counts = await delivery.count_by_state(session, ACME)
        assert (await delivery.count_by_state(session, GLOBEX)) == dict.fromkeys(S, 0)
    open_ones = sum(counts[state] for state in delivery.OPEN)
    assert owed == 9 == counts[S.DELIVERED] + counts[S.SKIPPED] + counts[S.FAILED] + open_ones
    assert (counts[S.DELIVERED], counts[S.FAILED], counts[S.SKIPPED], open_ones) == (2, 1, 1, 5)


async def test_only_what_failed_or_waits_to_be_tried_again_is_retried(database: Database) -> None:
    await owe(database)
    [one] = await all_of(database)
    retried, refusals = [], []
    for state in S:
        async with database.write() as session:
            row = await delivery.get(session, ACME, one.id)
            row.state, row.reason, row.settled_at = state, "why", NOW
        try:
            async with database.write() as session:
                after = await delivery.retry(session, ACME, one.id, by="command line", now=NOW)
            retried.append((state, after.state, after.reason, after.settled_at))
        except UserError as refused:
            refusals.append(str(refused))
    assert [refusal.rsplit(" ", 1)[1] for refusal in refusals] == [f"{state}." for state in S if state not in RETRIED]
    assert retried == [(state, S.PENDING, None, None) for state in RETRIED]
    async with database.read() as session:
        assert [entry.action for entry in await audit.of_workspace(session, ACME)].count("delivery.retried") == 2


async def test_another_workspace_s_delivery_is_unknown(database: Database) -> None:
    await owe(database)
    [one] = await all_of(database)
    async with database.write() as session:
        with pytest.raises(DeliveryUnknownError):
            await delivery.get(session, GLOBEX, one.id)
        with pytest.raises(DeliveryUnknownError):
            await delivery.retry(session, GLOBEX, one.id, by="command line", now=NOW)
