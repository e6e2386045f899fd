"""Merging: what piles up in a lane is told in one message, of which all share the fate."""

from datetime import timedelta

import pytest

from models import balance, delivery, lane, ledger, merge
from models.base import UserError
from models.delivery import Delivery, DeliveryState
from tests.seeds import ACME, NOW
from tests.sending import REVENUE, WINS, Sending

S = DeliveryState
FLOOD = merge.SINGLY + 30


async def states(line: Sending) -> dict[str, int]:
    """Count the deliveries by state, each merged one under that of its message."""
    async with line.database.read() as session:
        sums = await balance.deliveries(session)
        assert sums.is_balanced
    found: dict[str, int] = {}
    for (state, _), number in sums.by_reason.items():
        found[state] = found.get(state, 0) + number
    return {state: number for state, number in found.items() if number}


async def carrier(line: Sending) -> Delivery:
    """Give the delivery into which all others went."""
    first, *others = await line.ledger()
    assert {one.state for one in others} == {S.COALESCED}
    assert {one.coalesced_into for one in others} == {first.id}
    return first


async def test_what_piles_up_is_told_in_one_message_that_accounts_for_all_of_it(line: Sending) -> None:
    """Test 18, in small."""
    await line.ready()
    await line.move(FLOOD, amount_minor=1_000)
    await line.run()
    [message] = line.messages()
    assert message.text == f"{FLOOD} MRR movements: +${10 * FLOOD} net"
    assert (await carrier(line)).state == S.DELIVERED
    assert await states(line) == {S.DELIVERED: FLOOD}


async def test_the_base_currency_comes_first_though_more_moved_in_another(line: Sending) -> None:
    await line.ready()
    await line.move(FLOOD, amount_minor=1_000, currency="EUR")
    await line.move(amount_minor=500)
    await line.run()
    [message] = line.messages()
    assert message.text == f"{FLOOD + 1} MRR movements: +$5 net and +€{10 * FLOOD} net"


async def test_as_many_as_are_soon_told_are_told_one_by_one(line: Sending) -> None:
    await line.ready()
    await line.move(merge.SINGLY)
    await line.run()
    assert len(line.messages()) == merge.SINGLY
    assert await states(line) == {S.DELIVERED: merge.SINGLY}


async def test_each_destination_is_told_what_it_asked_for_in_messages_of_its_own(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    await line.destination(REVENUE, name="Other")
    await line.move(FLOOD)
    await line.run()
    told = [message.text for message in (*line.messages(REVENUE), *line.messages(WINS))]
    assert len(told) == 3
    assert all(text.startswith(f"{FLOOD} MRR movements") for text in told)
    assert await states(line) == {S.DELIVERED: 3 * FLOOD}


async def test_those_that_come_while_it_can_t_be_sent_go_with_it(line: Sending) -> None:
    await line.ready()
    await line.move(FLOOD)
    line.fault("error", code="is_archived")
    await line.run(seconds=10)
    await line.move(FLOOD)
    await line.run(seconds=60)
    assert await states(line) == {S.RETRYING: 2 * FLOOD}
    async with line.database.read() as session:
        [failing] = await ledger.failing(session, ACME, now=NOW)
        assert (failing.target, failing.waiting) == (REVENUE, 2 * FLOOD)
        health = await ledger.health(session, ACME, failing.asked_by)
        assert [one.waiting for one in health.values()] == [2 * FLOOD]
    line.sandbox.faults.clear()
    await line.run(seconds=900)
    [message] = line.messages()
    assert message.text.startswith(f"{2 * FLOOD} MRR movements")
    assert await states(line) == {S.DELIVERED: 2 * FLOOD}


async def test_what_was_merged_fails_with_its_message_and_is_sent_with_it_again(line: Sending) -> None:
    await line.ready()
    await line.move(FLOOD)
    line.fault("error", code="msg_too_long", times=1)
    await line.run()
    assert await states(line) == {S.FAILED: FLOOD}
    failed, one, *_ = await line.ledger()
    async with line.database.write() as session:
        with pytest.raises(UserError, match=f"told in another message, which can be retried: {failed.id}"):
            await delivery.retry(session, ACME, one.id, by="U0ADA", now=line.clock.now())
    async with line.database.write() as session:
        await delivery.retry(session, ACME, failed.id, by="U0ADA", now=line.clock.now())
        await lane.hurry(session, ACME, REVENUE, now=line.clock.now())
    line.clock.turn(900)
    await line.run()
    assert len(line.messages()) == 1
    assert await states(line) == {S.DELIVERED: FLOOD}


async def test_messages_that_are_tried_again_do_not_go_into_each_other(line: Sending) -> None:
    await line.ready()
    for _ in range(2):
        await line.move(FLOOD)
        line.fault("error", code="msg_too_long", times=1)
        await line.run()
    assert await states(line) == {S.FAILED: 2 * FLOOD}
    async with line.database.write() as session:
        for one in await delivery.of_workspace(session, ACME, state=S.FAILED):
            await delivery.retry(session, ACME, one.id, by="U0ADA", now=line.clock.now())
        await lane.hurry(session, ACME, REVENUE, now=line.clock.now())
    await line.move(FLOOD)
    await line.run()
    assert await states(line) == {S.DELIVERED: 3 * FLOOD}


async def test_nothing_is_added_to_a_message_that_may_have_been_posted(line: Sending) -> None:
    await line.ready()
    await line.move(FLOOD)
    line.fault("lose_response", times=1)
    await line.drain()
    await line.move(FLOOD)
    assert await states(line) == {S.AMBIGUOUS: FLOOD, S.PENDING: FLOOD}
    await line.run()
    assert [message.text.split()[0] for message in line.messages()] == [str(FLOOD), str(FLOOD)]
    assert await states(line) == {S.DELIVERED: 2 * FLOOD}


async def test_what_nobody_wants_any_more_is_skipped_with_its_message(line: Sending) -> None:
    made = await line.ready()
    await line.move(FLOOD)
    line.fault("error", code="is_archived")
    await line.run(seconds=10)
    async with line.database.write() as session:
        await delivery.skip_unwanted(session, made.id, kept=[], now=line.clock.now())
    await line.run(seconds=60)
    assert await states(line) == {S.SKIPPED: FLOOD}
    assert line.messages() == []


async def test_the_message_says_when_the_first_and_the_last_happened(line: Sending) -> None:
    await line.ready()
    started = line.clock.now()
    await line.move(FLOOD // 2)
    line.clock.turn(60)
    await line.move(FLOOD // 2)
    async with line.database.read() as session:
        first = (await line.ledger())[0]
    await line.drain()
    async with line.database.read() as session:
        told = (await merge.merged(session, [first]))[first.id]
    assert (told.count, told.first_at, told.last_at) == (FLOOD, started, started + timedelta(seconds=60))
