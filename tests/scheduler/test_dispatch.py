"""Dispatching: what is owed is posted, once, in order, at Slack's pace; and what stands in the way is said."""

import asyncio
from itertools import pairwise

from structlog.testing import capture_logs

from bot.sandbox import Limits
from models import channel, delivery, destination, installation, lane
from models.database import Database
from models.delivery import DeliveryState, SkipReason
from models.lane import LEASE
from scheduler.dispatch import PACE
from scheduler.slack import EVENT_TYPE
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW
from tests.sending import DEALS, OLD_NEWS, REVENUE, SALES, WINS, Sending, sending

S = DeliveryState


async def test_a_movement_is_posted_with_its_delivery_in_the_metadata(line: Sending) -> None:
    await line.ready()
    await line.move()
    await line.drain()

    [message], owed = line.messages(), await line.only()
    assert message.text == "account 1: expansion +$100 MRR"
    assert message.metadata == {"event_type": EVENT_TYPE, "event_payload": {"delivery_id": owed.id}}
    assert (owed.state, owed.attempts, owed.message_channel, owed.message_ts) == (S.DELIVERED, 1, REVENUE, message.ts)
    assert [(one.number, one.answer) for one in await line.attempts()] == [(1, "ok")]


async def test_the_log_says_how_many_were_delivered_and_which_to_who_debugs(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    await line.move()
    with capture_logs() as logged:
        await line.drain()
    counted = [one["delivered"] for one in logged if one["event"] == "deliveries_settled"]
    named = {one["delivery_id"]: one["log_level"] for one in logged if one["event"] == "delivery_settled"}
    assert sum(counted) == 2
    assert named == {one.id: "debug" for one in await line.ledger()}


async def test_the_log_names_what_was_not_delivered(line: Sending) -> None:
    await line.install()
    await line.destination(DEALS)
    await line.move()
    with capture_logs() as logged:
        await line.drain()
    named = {one["delivery_id"]: one["log_level"] for one in logged if one["event"] == "delivery_settled"}
    assert named == {(await line.only()).id: "info"}


async def test_each_recipient_of_each_destination_gets_its_own_message(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    await line.destination(WINS, name="Wins only")
    await line.move(3)
    await line.run()
    assert (len(line.messages(REVENUE)), len(line.messages(WINS))) == (3, 6)
    ids = line.delivery_ids(REVENUE) + line.delivery_ids(WINS)
    assert len(set(ids)) == 9
    assert set(ids) == {one.id for one in await line.ledger() if one.state == S.DELIVERED}


async def test_a_channel_is_told_in_order_and_at_slack_s_pace_without_a_429(database: Database) -> None:
    async with sending(database, limits=Limits(burst=1)) as line:
        await line.ready()
        await line.move(10)
        await line.run()
        messages = line.messages()
        assert [one.text.split(":")[0] for one in messages] == [f"account {number}" for number in range(1, 11)]
        gaps = [float(after.ts) - float(before.ts) for before, after in pairwise(messages)]
        assert min(gaps) >= PACE.total_seconds()
        assert {one.status for one in line.calls()} == {200}


async def test_a_public_channel_is_joined_and_then_posted_to(line: Sending) -> None:
    await line.install()
    await line.destination(REVENUE)
    await line.move()
    await line.drain()
    assert len(line.messages()) == 1
    assert [one.answer for one in await line.attempts()] == ["ok"]
    async with line.database.read() as session:
        known = await channel.get(session, ACME, REVENUE)
    assert known is not None
    assert known.is_member


async def test_a_private_channel_without_us_needs_an_invitation_and_keeps_what_waits(line: Sending) -> None:
    await line.install()
    await line.destination(DEALS)
    await line.move(2)
    await line.run(seconds=30)

    first, second = await line.ledger()
    assert (first.state, second.state) == (S.RETRYING, S.PENDING)
    assert "private" in str(first.reason)
    assert "@Runrate" in str(first.fix)
    assert {one.answer["error"] for one in line.calls()} == {"channel_not_found"}

    await line.let_in(DEALS)
    await line.run(seconds=900)
    assert [one.state for one in await line.ledger()] == [S.DELIVERED, S.DELIVERED]
    assert len(line.messages(DEALS)) == 2


async def test_an_archived_channel_keeps_its_messages_until_it_is_open_again(line: Sending) -> None:
    await line.ready(OLD_NEWS)
    await line.move()
    await line.run(seconds=100)
    owed = await line.only()
    assert (owed.state, owed.reason) == (S.RETRYING, "the channel is archived")
    assert "Unarchive it" in str(owed.fix)
    assert owed.attempts > 3

    line.sandbox.state.channels[OLD_NEWS].is_archived = False
    async with line.database.write() as session:
        await lane.hurry(session, ACME, OLD_NEWS, now=line.clock.now())
    await line.drain()
    owed = await line.only()
    assert (owed.state, owed.reason, owed.fix) == (S.DELIVERED, None, None)


async def test_what_keeps_being_refused_is_tried_ever_more_slowly_and_given_up_after_a_day(line: Sending) -> None:
    """What waited long for something else, such as a reinstall, gets its own tries all the same."""
    await line.ready(OLD_NEWS)
    await line.move()
    line.clock.turn(25 * 3600)
    await line.run(seconds=600)
    owed, tried = await line.only(), [one.at for one in line.calls()]
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert (owed.state, len(tried)) == (S.RETRYING, 9)
    assert waits == sorted(waits)

    await line.run(seconds=900)
    owed = await line.only()
    assert (owed.state, owed.reason, owed.attempts) == (S.FAILED, "the channel is archived", 10)


async def test_a_token_revoked_mid_run_holds_the_queue_and_burns_nothing(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    await line.move(2)
    await line.drain()
    await line.sandbox.state.revoke(line.app, ACME)
    line.clock.turn(5)
    await line.run()
    calls = len(line.calls())
    line.clock.turn(7 * 24 * 3600)
    await line.run()
    assert len(line.calls()) == calls == 4
    held = await line.ledger()
    assert sorted(one.state for one in held) == [S.DELIVERED, S.DELIVERED, S.RETRYING, S.RETRYING]

    await line.install()
    await line.let_in(REVENUE, WINS)
    await line.run()
    assert [one.state for one in await line.ledger()] == [S.DELIVERED] * 4
    assert (len(line.messages(REVENUE)), len(line.messages(WINS))) == (2, 2)


async def test_an_answer_for_an_earlier_token_does_not_stop_a_new_installation(line: Sending) -> None:
    await line.ready()
    await line.move()
    slow = line.slow_slack()
    sending_on = asyncio.create_task(line.dispatcher(slack=slow).drain())
    await slow.reached.wait()
    await line.sandbox.state.revoke(line.app, ACME)
    await line.install()
    slow.open.set()
    await sending_on
    assert [one.answer.get("error") for one in line.calls()] == ["token_revoked", None]
    assert (await line.only()).state == S.DELIVERED


async def test_what_is_not_wanted_any_more_when_its_turn_comes_is_skipped(line: Sending) -> None:
    """The destination changes in the same instant in which the delivery is made, so that the edit doesn't see it."""
    made = await line.ready(REVENUE, WINS)
    kept = await line.destination(REVENUE, name="Kept")
    await line.move()
    async with line.database.write() as session:
        held = await destination.get(session, ACME, made.id, hold=True)
        await destination.edit(session, held, seeds.wish(WINS), by="U0ADA", now=NOW)
        for one in await delivery.of_workspace(session, ACME):
            one.state, one.reason = S.PENDING, None
    await line.run()
    ledger = {(one.asked_by, one.target): (one.state, one.reason) for one in await line.ledger()}
    assert ledger == {
        (made.id, REVENUE): (S.SKIPPED, SkipReason.DELETED),
        (made.id, WINS): (S.DELIVERED, None),
        (kept.id, REVENUE): (S.DELIVERED, None),
    }
    assert len(line.messages(REVENUE)) == 1


async def test_what_is_unsent_is_told_as_the_destination_is_by_then(line: Sending) -> None:
    made = await line.ready()
    await line.move()
    async with line.database.write() as session:
        held = await destination.get(session, ACME, made.id, hold=True)
        await destination.edit(session, held, seeds.wish(REVENUE, name="Renamed"), by="U0ADA", now=line.clock.now())
    await line.drain()
    [posted] = line.messages()
    assert "“Renamed”" in str(posted.blocks)


async def test_a_destination_deleted_between_owing_and_sending_is_skipped(line: Sending) -> None:
    made = await line.ready()
    await line.move(3)
    async with line.database.write() as session:
        held = await destination.get(session, ACME, made.id, hold=True)
        assert await destination.remove(session, held, by="U0ADA", now=NOW) == 3
    await line.run()
    assert {(one.state, one.reason) for one in await line.ledger()} == {(S.SKIPPED, SkipReason.DELETED)}
    assert line.calls() == []


async def test_a_flooding_channel_delays_no_other_channel_and_no_other_workspace(database: Database) -> None:
    async with sending(database, limits=Limits(burst=1)) as line:
        await line.ready(REVENUE)
        await line.move(50)
        await line.drain()
        line.clock.turn(1)
        await line.install(GLOBEX)
        await line.let_in(SALES, workspace=GLOBEX)
        await line.destination(SALES, workspace=GLOBEX)
        await line.let_in(WINS)
        await line.destination(WINS, name="Wins")
        await line.move()
        await line.move(workspace=GLOBEX)
        await line.drain()
        assert (len(line.messages(WINS)), len(line.messages(SALES))) == (1, 1)
        assert len(line.messages(REVENUE)) == 2


async def test_more_lanes_than_fly_at_once_are_all_sent(line: Sending) -> None:
    await line.install()
    channels = line.add_channels(45)
    for number, start in enumerate(range(0, 45, 15)):
        await line.destination(*channels[start : start + 15], name=f"Part {number}")
    await line.move()
    await line.drain()
    assert [len(line.messages(one)) for one in channels] == [1] * 45


async def test_an_earlier_owner_s_outcome_is_refused(line: Sending) -> None:
    """The first worker stands still for longer than its lease; what the second one did is what counts."""
    await line.ready()
    await line.move()
    slow = line.slow_slack()
    first = asyncio.create_task(line.dispatcher("first", slack=slow).drain())
    await slow.reached.wait()
    line.clock.turn(LEASE.total_seconds() + 1)
    await line.dispatcher("second").drain()
    before = await line.only(), await line.attempts()
    slow.open.set()
    await first
    after = await line.only(), await line.attempts()
    assert [one.answer for one in after[1]] == [one.answer for one in before[1]] == ["not found in Slack", "ok"]
    assert after[0].message_ts == before[0].message_ts == line.messages()[0].ts


async def test_one_message_that_can_t_be_drawn_holds_up_no_other(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    await line.move(2)
    async with line.database.write() as session:
        first, *_ = reversed(await delivery.of_workspace(session, ACME))
        first.fact_kind = "unheard of"
    await line.run()
    states = [(one.state, one.reason) for one in await line.ledger()]
    assert states[0] == (S.FAILED, "the message could not be made")
    assert states[1:] == [(S.DELIVERED, None)] * 3


async def test_a_workspace_whose_token_can_t_be_read_holds_up_no_other(line: Sending) -> None:
    await line.ready()
    await line.install(GLOBEX)
    await line.let_in(SALES, workspace=GLOBEX)
    await line.destination(SALES, workspace=GLOBEX)
    await line.move()
    await line.move(workspace=GLOBEX)
    async with line.database.write() as session:
        grant = await installation.get(session, ACME)
        assert grant is not None
        sealed, grant.token_sealed = grant.token_sealed, "sealed with a key that was lost"
    await line.run(seconds=60)
    assert len(line.messages(SALES)) == 1
    owed = await line.only()
    assert owed.state == S.RETRYING
    assert "RUNRATE_SECRET_KEYS" in str(owed.fix)
    async with line.database.write() as session:
        grant = await installation.get(session, ACME)
        assert grant is not None
        grant.token_sealed = sealed
    await line.run(seconds=900)
    assert (await line.only()).state == S.DELIVERED


async def test_stopping_finishes_what_is_in_flight_and_leaves_nothing_in_doubt(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    await line.move(3)
    line.fault("delay", seconds=0.05)
    dispatcher = line.dispatcher()
    for pause in (0.0, 0.001, 0.004, 0.01, 0.03):
        running = asyncio.create_task(dispatcher.run())
        await asyncio.sleep(pause)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert S.SENDING not in {one.state for one in await line.ledger()}
        line.clock.turn(2)
    await line.run()
    assert len(set(line.delivery_ids(REVENUE))) == len(line.messages(REVENUE)) == 3
    assert not any(one.may_be_repeat for one in await line.ledger())


async def test_it_runs_by_itself_and_is_woken_by_what_is_owed(line: Sending) -> None:
    await line.ready()
    dispatcher = line.dispatcher()
    running = asyncio.create_task(dispatcher.run())
    await asyncio.sleep(0.05)
    await line.move()
    for _ in range(80):
        await asyncio.sleep(0.01)
        if line.messages():
            break
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(line.messages()) == 1


async def test_owed_is_delivered_and_skipped_and_failed_and_open(line: Sending) -> None:
    """The left side is counted in facts and recipients, the delivered ones in what stands in Slack."""
    made = await line.ready(REVENUE, WINS)
    await line.destination(OLD_NEWS, name="Archived")
    await line.move(4)
    line.fault("error", code="invalid_blocks", channel=WINS, times=2)
    await line.run(seconds=2)
    async with line.database.write() as session:
        held = await destination.get(session, ACME, made.id, hold=True)
        await destination.remove(session, held, by="U0ADA", now=NOW)
    await line.run(seconds=2)
    async with line.database.read() as session:
        counts = await delivery.count_by_state(session, ACME)
    open_ones = sum(counts[state] for state in delivery.OPEN)
    assert counts[S.DELIVERED] == len({*line.delivery_ids(REVENUE), *line.delivery_ids(WINS)})
    assert (counts[S.FAILED], open_ones) == (1, 4)
    assert counts[S.DELIVERED] + counts[S.SKIPPED] + counts[S.FAILED] + open_ones == 4 * 3
