"""Grouping: the changes of one account within some minutes are told as one, and none is ever lost."""

import pytest

from models import balance, destination, lane, merge, notice, thread
from models.delivery import UPDATE, Delivery, DeliveryState
from models.destination import Destination
from tests import seeds
from tests.seeds import ACME
from tests.sending import REVENUE, WINS, Sending

S = DeliveryState
NORTHWIND = "Northwind"


async def ready(line: Sending, *channels: str, minutes: int | None = 10) -> Destination:
    """Install, and let one destination hear of everything, grouped within so many minutes."""
    await line.install()
    chosen = channels or (REVENUE,)
    await line.let_in(*chosen)
    return await line.destination(*chosen, group_minutes=minutes)


async def change(line: Sending, amount: int = 100, *, after: float = 30, of: str = NORTHWIND) -> None:
    """Let an account's MRR change by so many dollars, so many seconds after it was told of the change before."""
    line.clock.turn(after)
    kind = "expansion" if amount > 0 else "contraction"
    await line.move(of=of, kind=kind, amount_minor=amount * 100)
    await line.run(seconds=10)


def texts(line: Sending, place: str = REVENUE) -> list[str]:
    return [one.text for one in line.messages(place)]


async def all_delivered(line: Sending) -> list[Delivery]:
    """Give all deliveries, each of which was told, with nothing that people would hear fails."""
    async with line.database.read() as session:
        sums = await balance.deliveries(session)
        assert await notice.failing(session, now=line.clock.now()) == {}
    assert sums.is_balanced
    assert sums.owed == sums.of(S.DELIVERED)
    return await line.ledger()


async def test_changes_of_one_kind_are_told_as_one_by_changing_the_message(line: Sending) -> None:
    await ready(line)
    await line.move(of=NORTHWIND, amount_minor=10_000, mrr_before_minor=100_000)
    await line.run(seconds=5)
    assert texts(line) == [f"{NORTHWIND}: expansion +$100 MRR ($1,000 → $1,100)"]
    await change(line, 200)
    await change(line, 50, after=110)
    assert texts(line) == [f"{NORTHWIND}: expansion +$350 MRR in 3 changes ($1,000 → $1,350)"]
    first, *others = await all_delivered(line)
    assert [(one.edits, one.message_ts) for one in others] == [(first.id, first.message_ts)] * 2
    assert line.delivery_ids() == [first.id]
    assert len(line.calls()) == 1


async def test_ungrouped_each_is_a_message(line: Sending) -> None:
    await ready(line, minutes=None)
    await change(line)
    await change(line)
    assert len(texts(line)) == 2
    assert line.calls(UPDATE) == []


@pytest.mark.parametrize(("amount", "after"), [(-30, 10), (30, 150)])
async def test_any_other_change_replies_and_the_channel_hears_of_it(line: Sending, amount: int, after: float) -> None:
    await ready(line)
    await change(line)
    await change(line, amount, after=after)
    first, reply = line.messages()
    assert (reply.thread_ts, reply.reply_broadcast) == (first.ts, True)
    owed, other = await all_delivered(line)
    assert (other.replies_to, other.message_ts) == (owed.id, reply.ts)
    await change(line, amount, after=20)
    assert len(line.messages()) == 2, "it is of the same kind as the reply before it, and changes that"
    assert "2 changes" in texts(line)[1]


async def test_a_group_ends_with_its_minutes(line: Sending) -> None:
    await ready(line, minutes=1)
    await change(line)
    await change(line, after=61)
    assert [one.thread_ts for one in line.messages()] == [None, None]


async def test_another_account_another_channel_and_another_destination_have_groups_of_their_own(line: Sending) -> None:
    await ready(line, REVENUE, WINS)
    await line.destination(REVENUE, name="Other", group_minutes=5)
    for of in (NORTHWIND, "Contoso", NORTHWIND):
        await change(line, of=of)
    assert len(line.messages(REVENUE)) == 4
    assert len(line.messages(WINS)) == 2
    assert {one.thread_ts for place in (REVENUE, WINS) for one in line.messages(place)} == {None}
    await all_delivered(line)


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message", "message_not_found", "is_inactive"])
async def test_a_change_that_slack_refuses_is_posted_instead(line: Sending, code: str) -> None:
    await ready(line)
    await change(line)
    line.fault("error", method=UPDATE, code=code)
    await change(line, 40)
    await change(line, 60)
    first, *others = line.messages()
    assert [one.text.partition(" MRR")[0] for one in others] == [
        f"{NORTHWIND}: expansion +${amount}" for amount in (40, 60)
    ]
    stands = code != "message_not_found"
    assert others[0].thread_ts == (first.ts if stands else None)
    assert others[0].reply_broadcast == stands
    await all_delivered(line)


async def test_without_telling_it_apart_a_refused_change_would_be_lost(
    line: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant: what was to be told by changing a message counts as told by it."""

    async def forget(session: object, owed: Delivery, **_anything: object) -> None:
        owed.state = S.DELIVERED

    monkeypatch.setattr(thread, "tell_apart", forget)
    await ready(line)
    await change(line)
    line.fault("error", method=UPDATE, code="edit_window_closed")
    await change(line, 40)
    assert len(line.messages()) == 1


async def test_a_slack_that_keeps_failing_to_change_it_has_it_posted(line: Sending) -> None:
    await ready(line)
    await change(line)
    line.fault("http_500", method=UPDATE)
    await change(line)
    await line.run(seconds=30)
    assert [one.reply_broadcast for one in line.messages()] == [False, True]
    await all_delivered(line)


async def test_changes_that_wait_for_one_message_change_it_once(line: Sending) -> None:
    await ready(line)
    await change(line)
    line.fault("limit", method=UPDATE, retry_after=60, times=1)
    for amount in (10, 20, 30):
        await change(line, amount, after=1)
    assert "+$100 MRR" in texts(line)[0]
    await line.run(seconds=90)
    assert f"{NORTHWIND}: expansion +$160 MRR in 4 changes" in texts(line)[0]
    assert [one.status for one in line.calls(UPDATE)] == [429, 200]
    assert [one.state for one in await all_delivered(line)].count(S.COALESCED) == 2


async def test_what_went_with_a_change_that_failed_goes_with_the_next_one(line: Sending) -> None:
    await ready(line)
    await change(line)
    line.fault("limit", method=UPDATE, retry_after=30, times=1)
    await change(line, 10, after=1)
    await change(line, 20, after=1)
    line.fault("http_500", method=UPDATE, times=1)
    line.clock.turn(15)
    await line.drain()
    await change(line, 40, after=1)
    await line.run(seconds=60)
    assert f"{NORTHWIND}: expansion +$170 MRR in 4 changes" in texts(line)[0]
    _, *others = await all_delivered(line)
    [last] = [one for one in others if one.state == S.DELIVERED]
    assert {one.coalesced_into for one in others} == {None, last.id}


async def test_a_first_message_that_somebody_deleted_starts_a_new_group(line: Sending) -> None:
    await ready(line)
    await change(line)
    channel = line.sandbox.state.channels[REVENUE]
    line.sandbox.state.erase(channel, line.messages()[0])
    await change(line, -30)
    await change(line, 60, after=10)
    second, third = line.messages()
    assert second.thread_ts is None
    assert (third.thread_ts, third.reply_broadcast) == (second.ts, True)
    await all_delivered(line)


async def test_a_reply_that_slack_posts_by_itself_is_told_and_ends_the_group(line: Sending) -> None:
    await ready(line)
    await change(line)
    line.fault("unthread", times=1)
    await change(line, -30)
    await change(line, 60, after=10)
    assert [one.thread_ts for one in line.messages()] == [None, None, None]
    await all_delivered(line)


async def test_a_broadcast_in_doubt_is_found_in_the_channel_s_history(line: Sending) -> None:
    await ready(line)
    await change(line)
    line.fault("lose_response", times=1)
    await change(line, -30)
    await line.run(seconds=60)
    assert len(line.messages()) == 2
    assert not [one for one in await all_delivered(line) if one.may_be_repeat]


async def test_a_flood_is_told_as_always_and_belongs_to_no_group(line: Sending) -> None:
    await ready(line)
    await line.move(merge.SINGLY + 5, of=NORTHWIND)
    await line.run(seconds=10)
    await change(line)
    flood, single = line.messages()
    assert flood.text.startswith(f"{merge.SINGLY + 5} MRR movements")
    assert (single.thread_ts, "changes" in single.text) == (None, False)
    await all_delivered(line)


async def test_grouping_that_was_switched_off_holds_for_what_waits(line: Sending) -> None:
    made = await ready(line)
    await change(line)
    line.clock.turn(5)
    await line.move(of=NORTHWIND)
    async with line.database.write() as session:
        found = await destination.get(session, ACME, made.id)
        await destination.edit(session, found, seeds.wish(REVENUE), by="U0ADA", now=line.clock.now())
    await line.run(seconds=10)
    assert [one.thread_ts for one in line.messages()] == [None, None]
    assert line.calls(UPDATE) == []


async def test_a_group_outlives_a_channel_s_new_id(line: Sending) -> None:
    await ready(line)
    await change(line)
    await line.sandbox.state.change_channel_id(line.sandbox.state.channels[REVENUE], "C9NEW")
    async with line.database.write() as session:
        await lane.follow_channel(session, ACME, old=REVENUE, new="C9NEW", now=line.clock.now())
    await change(line)
    assert "2 changes" in texts(line, "C9NEW")[0]
