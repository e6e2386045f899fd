"""Edits: a posted message is brought up to date by drawing it anew, within Slack's budget; latest wins."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import update

from models import account, balance, edit, lane, ledger, notice
from models.delivery import UPDATE, Delivery, DeliveryState, FactKind, MessageEnd, SkipReason
from scheduler.settle import UPDATES_APART
from tests.seeds import ACME, NOW
from tests.sending import REVENUE, Sending

S = DeliveryState
CLOSED = ("edit_window_closed", "cant_update_message")


async def posted(line: Sending) -> Delivery:
    """Post one message, and give its delivery."""
    await line.ready()
    await line.move()
    await line.run()
    return await line.only()


async def rename(line: Sending, *names: str) -> None:
    """Change what a message about the first account says."""
    async with line.database.write() as session:
        held = await account.with_external_id(session, ACME, "account 1")
        assert held is not None
        for name in names:
            held.name = name


async def ask(line: Sending, *deliveries: Delivery) -> int:
    async with line.database.write() as session:
        return await edit.ask(session, ACME, [one.id for one in deliveries], now=line.clock.now())


async def edits(line: Sending) -> list[Delivery]:
    async with line.database.read() as session:
        assert (await balance.deliveries(session)).is_balanced
    return [one for one in await line.ledger() if one.fact_kind == FactKind.EDIT]


def texts(line: Sending) -> list[str]:
    return [one.text for one in line.messages()]


async def test_a_posted_message_is_drawn_anew_where_it_stands(line: Sending) -> None:
    owed = await posted(line)
    await rename(line, "Northwind")
    assert await ask(line, owed) == 1
    await line.run()
    assert texts(line) == ["Northwind: expansion +$100 MRR"]
    [one] = await edits(line)
    assert (one.state, one.message_ts, line.delivery_ids()) == (S.DELIVERED, owed.message_ts, [owed.id])
    async with line.database.read() as session:
        stands = await ledger.of_message(session, ACME, REVENUE, owed.message_ts or "")
        assert stands is not None
        assert stands.id == owed.id
        counts = await ledger.count_since(session, ACME, since=line.clock.now() - timedelta(hours=1))
        assert counts == {(S.DELIVERED, None): 1}, "an edit is no message"


async def test_of_several_edits_that_wait_one_is_enough(line: Sending) -> None:
    owed = await posted(line)
    for name in ("Northwind", "Contoso", "Initech"):
        await rename(line, name)
        await ask(line, owed)
    await line.run()
    assert texts(line) == ["Initech: expansion +$100 MRR"]
    assert len(line.calls(UPDATE)) == len(await edits(line)) == 1
    await rename(line, "Fabrikam")
    await ask(line, owed)
    await line.run()
    assert texts(line) == ["Fabrikam: expansion +$100 MRR"]
    assert len(line.calls(UPDATE)) == 2
    assert len(await edits(line)) == 1


async def claim_and_change(line: Sending, owed: Delivery) -> None:
    """Let a worker draw an edit and stand still, then change what it was to show, and ask for another one."""
    await rename(line, "Northwind")
    await ask(line, owed)
    async with line.database.write() as session:
        held = (await lane.claim(session, owner="slow", limit=1, now=line.clock.now()))[0]
        [one] = (await lane.next_updates(session, [held.lane_id], now=line.clock.now())).values()
        one.state = S.SENDING
    await rename(line, "Contoso")
    await ask(line, owed)


async def test_what_changes_while_an_edit_is_under_way_is_shown_by_another(line: Sending) -> None:
    owed = await posted(line)
    await claim_and_change(line, owed)
    [one] = await edits(line)
    assert (one.state, one.is_asked_again) == (S.SENDING, True)
    async with line.database.write() as session:
        one.state = (await session.get_one(Delivery, one.id)).state = S.DELIVERED
        await edit.owe_again(session, one.id, now=line.clock.now())
    line.clock.turn(lane.LEASE.total_seconds() + 1)
    await line.run()
    assert texts(line) == ["Contoso: expansion +$100 MRR"]
    [one] = await edits(line)
    assert (one.state, one.is_asked_again) == (S.DELIVERED, False)


async def test_without_the_flag_what_changed_meanwhile_would_never_be_shown(line: Sending) -> None:
    """The broken variant: the edit under way counts as the one that was asked for."""
    owed = await posted(line)
    await claim_and_change(line, owed)
    async with line.database.write() as session:
        statement = update(Delivery).where(Delivery.fact_kind == FactKind.EDIT)
        await session.execute(statement.values(state=S.DELIVERED, is_asked_again=False))
        await edit.owe_again(session, (await edits(line))[0].id, now=line.clock.now())
    line.clock.turn(lane.LEASE.total_seconds() + 1)
    await line.run()
    assert texts(line) == ["account 1: expansion +$100 MRR"]


async def test_a_workspace_s_edits_keep_within_fifty_a_minute(line: Sending) -> None:
    await line.ready()
    await line.move(8)
    await line.run(line.dispatcher(pace=timedelta(0)))
    assert await ask(line, *await line.ledger()) == 8
    await line.run()
    times = [one.at for one in line.calls(UPDATE)]
    assert len(times) == 8
    assert min(after - before for before, after in pairwise(times)) >= UPDATES_APART - 0.01
    assert 60 / UPDATES_APART <= 50


@pytest.mark.parametrize("code", [*CLOSED, "message_not_found"])
async def test_a_message_that_can_t_be_changed_any_more_is_left_alone_and_is_no_failure(
    line: Sending, code: str
) -> None:
    owed = await posted(line)
    line.fault("error", method=UPDATE, code=code, times=1)
    await ask(line, owed)
    await line.run()
    is_gone = code not in CLOSED
    [one] = await edits(line)
    assert (one.state, one.reason) == (S.SKIPPED, SkipReason.DELETED if is_gone else SkipReason.STALE)
    async with line.database.read() as session:
        assert await notice.failing(session, now=line.clock.now()) == {}
        ended = (await session.get_one(Delivery, owed.id)).message_end
    assert ended == (MessageEnd.GONE if is_gone else MessageEnd.CLOSED)
    assert await ask(line, owed) == 0


@pytest.mark.parametrize("fault", ["lose_response", "drop_request", "http_500", "limit"])
async def test_an_edit_in_doubt_is_simply_sent_again_and_holds_up_no_other(line: Sending, fault: str) -> None:
    await line.ready()
    await line.move(2)
    await line.run()
    await rename(line, "Northwind")
    await ask(line, *await line.ledger())
    line.fault(fault, method=UPDATE, times=1)
    await line.run()
    assert texts(line)[0] == "Northwind: expansion +$100 MRR"
    assert {one.state for one in await edits(line)} == {S.DELIVERED}
    assert len(line.calls(UPDATE)) == 3
    assert line.calls("conversations.history") == []
    async with line.database.read() as session:
        assert await ledger.failing(session, ACME, now=NOW) == []


async def test_what_is_not_posted_yet_is_drawn_when_it_is(line: Sending) -> None:
    await line.ready()
    await line.move()
    assert await ask(line, await line.only()) == 0
    async with line.database.write() as session:
        (await session.get_one(Delivery, (await line.only()).id)).state = S.SENDING
    assert await ask(line, await line.only()) == 1, "it may have been drawn already"
    await line.run()
    assert {one.state for one in await line.ledger()} == {S.DELIVERED}
    assert len(line.messages()) == len(line.calls(UPDATE)) == 1


async def test_a_message_is_found_where_its_channel_went(line: Sending) -> None:
    owed = await posted(line)
    await line.sandbox.state.change_channel_id(line.sandbox.state.channels[REVENUE], "C9NEW")
    async with line.database.write() as session:
        await lane.follow_channel(session, ACME, old=REVENUE, new="C9NEW", now=line.clock.now())
    await rename(line, "Northwind")
    await ask(line, owed)
    await line.run()
    assert [one.text for one in line.messages("C9NEW")] == ["Northwind: expansion +$100 MRR"]
