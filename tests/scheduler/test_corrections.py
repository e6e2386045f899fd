"""Whoever was told of a movement is told in its thread that it is another than it was, or is no more."""

import asyncio
from datetime import timedelta

import pytest

from models import balance, delivery, destination, destination_mute, event, merge, mute
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason
from models.fact import SubscriptionFact
from models.recipient import RecipientKind, To
from models.source import Source
from scheduler.apply import apply_waiting
from scheduler.pauses import make_up
from tests import seeds
from tests.seeds import NOW
from tests.sending import ACME, REVENUE, WINS, Sending

MINUTE = timedelta(minutes=1)


def subscribed(minute: float, **fields: object) -> SubscriptionFact:
    """A subscription that began just now, as its source says it so many minutes later."""
    return seeds.subscribed(**{"starts_at": NOW, "as_of": NOW + minute * MINUTE, "account_name": "Northwind", **fields})


async def say(line: Sending, origin: Source, minute: float, **fields: object) -> None:
    """Let the source say it, and apply that."""
    line.clock.at = NOW + minute * MINUTE
    fact = subscribed(minute, **fields)
    told = {"occurred_at": line.clock.now(), "received_at": line.clock.now()}
    async with line.database.write() as session:
        await event.store(session, [seeds.event_of(origin, fact, key=f"{minute}", **told)])
    while await apply_waiting(line.database, now=line.clock.now()):
        pass


async def ready(line: Sending, *channels: str) -> Source:
    await line.ready(*channels)
    origin, _ = await seeds.add_source(line.database, now=NOW - timedelta(days=400))
    return origin


async def corrections(line: Sending) -> list[Delivery]:
    return [one for one in await line.ledger() if one.fact_kind == FactKind.CORRECTION]


def seen(line: Sending, place: str = REVENUE) -> list[tuple[str, bool]]:
    """Give what stands in a channel, and whether it is an answer to the first message there."""
    first, *_ = messages = line.messages(place)
    return [(one.text, one.thread_ts == first.ts) for one in messages]


async def test_what_was_told_is_corrected_in_its_thread_wherever_it_was_told(line: Sending) -> None:
    origin = await ready(line, REVENUE, WINS)
    await say(line, origin, 0)
    await line.run()
    await say(line, origin, 5, mrr_minor=12_000)
    await line.run()
    for place in (REVENUE, WINS):
        assert seen(line, place) == [
            ("Northwind: new business +$120 MRR ($0 → $120)", False),
            ("Northwind: corrected: New business +$120 MRR, not +$100", True),
        ]
        assert " · corrected <!date^" in line.messages(place)[0].blocks[-1]["elements"][0]["text"]


async def test_under_an_account_s_card_the_correction_answers_there_too(line: Sending) -> None:
    await line.install()
    await line.let_in(REVENUE)
    await line.destination(REVENUE, has_threads=True)
    origin, _ = await seeds.add_source(line.database, now=NOW - timedelta(days=400))
    await say(line, origin, 0)
    await line.run()
    await say(line, origin, 5, mrr_minor=12_000)
    await line.run()
    card, told, corrected = line.messages()
    assert "corrected" in corrected.text
    assert (told.thread_ts, corrected.thread_ts) == (card.ts, card.ts)


async def test_what_did_not_happen_is_taken_back(line: Sending) -> None:
    origin = await ready(line)
    await say(line, origin, 0)
    await line.run()
    await say(line, origin, 5, mrr_minor=0)
    await line.run()
    assert seen(line) == [
        ("Northwind: taken back: New business +$100 MRR did not happen", False),
        ("Northwind: taken back: New business +$100 MRR did not happen", True),
    ]
    struck_out, *_ = line.messages()
    assert struck_out.blocks[0]["text"]["text"].startswith("~● *Northwind* — New business *+$100 MRR*~\n*Taken back*")


async def test_of_what_was_told_as_one_the_rest_stands_when_the_first_is_taken_back(line: Sending) -> None:
    await line.install()
    await line.let_in(REVENUE)
    await line.destination(REVENUE, group_minutes=10)
    origin, _ = await seeds.add_source(line.database, now=NOW - timedelta(days=400))
    await say(line, origin, 0)
    await line.run()
    await say(line, origin, 1, external_id="sub_2", starts_at=NOW + MINUTE, mrr_minor=5_000)
    await line.run(seconds=20)
    assert seen(line) == [("Northwind: new business +$150 MRR in 2 changes ($0 → $150)", False)]
    await say(line, origin, 5, mrr_minor=0)
    await line.run()
    told, _ = line.messages()
    assert told.text == "Northwind: new business +$50 MRR ($0 → $50)"
    assert " · corrected <!date^" in told.blocks[-1]["elements"][0]["text"]
    await say(line, origin, 6, external_id="sub_2", starts_at=NOW + MINUTE, mrr_minor=0)
    await line.run()
    assert line.messages()[0].text == "Northwind: taken back: New business +$150 MRR did not happen"


async def test_what_is_not_sent_yet_is_told_as_it_is_and_needs_no_correction(line: Sending) -> None:
    origin = await ready(line)
    await say(line, origin, 0)
    await say(line, origin, 5, mrr_minor=12_000)
    await line.run()
    assert seen(line) == [("Northwind: new business +$120 MRR ($0 → $120)", False)]
    assert await corrections(line) == []


async def test_what_is_just_being_sent_is_corrected_once_it_stands_there(line: Sending) -> None:
    """It was drawn before the correction came, whatever becomes of it."""
    origin, slow = await ready(line), line.slow_slack()
    await say(line, origin, 0)
    sends = line.dispatcher(slack=slow)
    task = asyncio.create_task(sends.drain())
    await slow.reached.wait()
    await say(line, origin, 0.1, mrr_minor=12_000)
    slow.open.set()
    await task
    await line.run(sends)
    assert [answers for _, answers in seen(line)] == [False, True]


async def test_what_never_arrived_is_not_corrected(line: Sending) -> None:
    origin = await ready(line)
    await say(line, origin, 0)
    line.fault("error", code="invalid_blocks", times=9)
    await line.run()
    await say(line, origin, 5, mrr_minor=12_000)
    assert await corrections(line) == []


@pytest.mark.parametrize("ends_by_itself", [False, True])
async def test_what_was_corrected_during_a_pause_is_brought_up_to_date_after_it(
    line: Sending, *, ends_by_itself: bool
) -> None:
    origin = await ready(line)
    await say(line, origin, 0)
    await line.run()
    until = NOW + timedelta(hours=1) if ends_by_itself else None
    async with line.database.write() as session:
        [held] = await destination.of_workspace(session, ACME)
        await destination.pause(session, held, until=until, by="U0ADA", now=NOW + MINUTE)
    await say(line, origin, 5, mrr_minor=0)
    await line.run()
    await make_up(line.database, now=line.clock.now())
    await line.run()
    assert seen(line) == [("Northwind: new business +$100 MRR ($0 → $100)", False)]
    line.clock.at = NOW + timedelta(days=3)  # Whoever was away when it ended makes up for it as well.
    if not ends_by_itself:
        async with line.database.write() as session:
            held = await destination.get(session, ACME, held.id, hold=True)
            await destination.resume(session, held, by="U0ADA", now=line.clock.now())
    assert [await make_up(line.database, now=line.clock.now()) for _ in range(2)] == [True, False]
    await line.run()
    assert not await make_up(line.database, now=line.clock.now()), "once is enough"
    assert seen(line) == [("Northwind: taken back: New business +$100 MRR did not happen", False)]


@pytest.mark.parametrize("by_a_manager", [True, False])
async def test_a_new_mute_skips_the_correction_and_the_card_that_wait(line: Sending, *, by_a_manager: bool) -> None:
    await line.install()
    await line.let_in(REVENUE)
    here = await line.destination(recipients=(To(RecipientKind.PERSON, "U0DANA"),), has_threads=True)
    origin, _ = await seeds.add_source(line.database, now=NOW - timedelta(days=400))
    await say(line, origin, 0)
    await line.run()
    await say(line, origin, 5, mrr_minor=12_000)
    await say_of_many(line, origin, 5, range(1))
    for of in ("acme", "a0"):
        async with line.database.write() as session:
            about = await seeds.hold(session, of)
            if by_a_manager:
                held = await destination.get(session, ACME, here.id, hold=True)
                await destination_mute.add(session, held, about, until=None, by="U0ADA", now=line.clock.now())
            else:
                await mute.add(session, ACME, "U0DANA", about.id, now=line.clock.now())
    waited = [one for one in await line.ledger() if one.state != DeliveryState.DELIVERED]
    skipped = {(one.fact_kind, one.state, one.reason) for one in waited if one.fact_kind != FactKind.EDIT}
    kinds = (FactKind.CORRECTION, FactKind.THREAD, FactKind.MOVEMENT)
    assert skipped == {(kind, DeliveryState.SKIPPED, SkipReason.MUTED) for kind in kinds}


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_each_reason_for_telling_nothing_holds_for_corrections(line: Sending) -> None:
    origin = await ready(line, REVENUE)
    await say(line, origin, 0)
    await line.run()
    async with line.database.write() as session:
        [wanting] = await destination.of_workspace(session, ACME)
        found = await delivery.of_workspace(session, ACME)
        about = await seeds.hold(session)
        await destination_mute.add(session, wanting, about, until=None, by="U0ADA", now=NOW)
    await say(line, origin, 5, mrr_minor=12_000)
    async with line.database.write() as session:
        held = await destination.get(session, ACME, wanting.id, hold=True)
        await destination_mute.remove(session, held, about.id, by="U0ADA", now=NOW)
        await destination.pause(session, held, until=None, by="U0ADA", now=line.clock.now())
    await say(line, origin, 6, mrr_minor=13_000)
    async with line.database.write() as session:
        held = await destination.get(session, ACME, wanting.id, hold=True)
        await destination.remove(session, held, by="U0ADA", now=line.clock.now())
    await say(line, origin, 7, mrr_minor=14_000)
    told = await corrections(line)
    assert [(one.state, one.reason) for one in told] == [
        (DeliveryState.SKIPPED, SkipReason.MUTED),
        (DeliveryState.SKIPPED, SkipReason.PAUSED),
    ]
    assert len(found) == 1


async def test_applied_twice_it_is_corrected_once(line: Sending) -> None:
    origin = await ready(line)
    await say(line, origin, 0)
    await line.run()
    for minute in (5, 6):
        await say(line, origin, minute, mrr_minor=12_000)
    await line.run()
    assert len(line.messages()) == 2


async def test_without_corrections_the_channel_would_go_by_what_is_not_so(
    line: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant: nobody looks where a movement was told."""

    async def nowhere(*_anything: object, **_more: object) -> list[object]:
        return []

    monkeypatch.setattr("models.ledger.tellings", nowhere)
    origin = await ready(line)
    await say(line, origin, 0)
    await line.run()
    await say(line, origin, 5, mrr_minor=12_000)
    await line.run()
    assert seen(line) == [("Northwind: new business +$100 MRR ($0 → $100)", False)]


async def test_what_arrives_late_says_so(line: Sending) -> None:
    await line.ready()
    await line.move(account_name="Northwind", occurred_at=NOW)
    await line.run()
    line.clock.turn(3 * 86_400)
    await line.move(account_name="Contoso", occurred_at=NOW + timedelta(hours=1))
    await line.run()
    prompt, late = (one.blocks[-1]["elements"][0]["text"] for one in line.messages())
    assert "late" not in prompt
    assert late.startswith("arrived late: it happened <!date^")


FLOOD = merge.SINGLY + 5


async def say_of_many(line: Sending, origin: Source, minute: float, accounts: range, **fields: object) -> None:
    """Let the source say in one breath what so many accounts have since `NOW`."""
    line.clock.at = max(NOW + minute * MINUTE, line.clock.at)
    at = line.clock.now()
    facts = [
        seeds.subscribed(f"a{one}", external_id=f"sub_{one}", starts_at=NOW, as_of=at, **fields) for one in accounts
    ]
    async with line.database.write() as session:
        told = {"occurred_at": at, "received_at": at}
        await event.store(session, [seeds.event_of(origin, *facts, key=f"{minute} {accounts}", **told)])
    while await apply_waiting(line.database, now=at):
        pass


async def told_of_many(line: Sending, origin: Source) -> None:
    """Tell of so many accounts, in one message."""
    await say_of_many(line, origin, 0, range(FLOOD))
    await line.run()
    assert len(line.messages()) == 1


async def test_a_flood_of_corrections_is_one_message_and_what_was_told_is_brought_up_to_date(line: Sending) -> None:
    origin = await ready(line)
    await told_of_many(line, origin)
    await say_of_many(line, origin, 5, range(FLOOD), mrr_minor=12_000)
    await line.run()
    told, corrected = line.messages()
    assert corrected.text == f"{FLOOD} movements are corrected: +${20 * FLOOD} net"
    assert corrected.thread_ts is None
    assert told.text == f"{FLOOD} MRR movements: +${120 * FLOOD:,} net"
    assert {one.state for one in await corrections(line)} == {DeliveryState.DELIVERED, DeliveryState.COALESCED}
    async with line.database.read() as session:
        assert (await balance.deliveries(session)).is_balanced


async def test_corrections_that_nobody_merges_would_each_be_a_message(
    line: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant."""
    monkeypatch.delitem(merge._TOGETHER, FactKind.CORRECTION)
    origin = await ready(line)
    await told_of_many(line, origin)
    await say_of_many(line, origin, 5, range(FLOOD), mrr_minor=12_000)
    await line.run(seconds=5)
    assert {one.state for one in await corrections(line)} == {DeliveryState.DELIVERED, DeliveryState.PENDING}


async def test_what_comes_to_what_was_told_is_not_corrected(line: Sending) -> None:
    origin = await ready(line)
    await told_of_many(line, origin)
    for minute, amount in ((5, 12_000), (6, 10_000)):
        await say_of_many(line, origin, minute, range(FLOOD), mrr_minor=amount)
    await line.run()
    assert len(line.messages()) == 1
    assert {(one.state, one.reason) for one in await corrections(line)} == {
        (DeliveryState.SKIPPED, SkipReason.EMPTY),
        (DeliveryState.COALESCED, None),
    }


async def test_what_piled_up_is_told_anew_without_what_was_taken_back(line: Sending) -> None:
    """The first of them carries the message."""
    origin = await ready(line)
    await told_of_many(line, origin)
    await say_of_many(line, origin, 5, range(1), mrr_minor=0)
    await line.run()
    told, reply = line.messages()
    assert told.text == f"{FLOOD - 1} MRR movements: +${100 * (FLOOD - 1):,} net"
    assert "1 more was taken back since." in told.blocks[0]["text"]["text"]
    assert (reply.thread_ts, reply.text) == (told.ts, "a0: taken back: New business +$100 MRR did not happen")
    await say_of_many(line, origin, 6, range(1, FLOOD), mrr_minor=0)
    await line.run()
    assert line.messages()[0].text == f"{FLOOD} MRR movements: all were taken back"
    assert line.messages()[2].text == f"{FLOOD - 1} movements are corrected: −${100 * (FLOOD - 1):,} net"


async def test_what_was_taken_back_before_the_message_was_posted_is_not_missed_in_it(line: Sending) -> None:
    origin = await ready(line)
    await say_of_many(line, origin, 0, range(FLOOD))
    await say_of_many(line, origin, 1, range(1), mrr_minor=0)
    line.clock.turn(1)
    await line.run()
    await say_of_many(line, origin, 5, range(1, 2), mrr_minor=0)
    await line.run()
    told = line.messages()[0]
    assert told.text == f"{FLOOD - 2} MRR movements: +${100 * (FLOOD - 2):,} net"
    assert "1 more was taken back since." in told.blocks[0]["text"]["text"]


async def test_news_waits_neither_for_corrections_nor_for_messages_to_be_brought_up_to_date(line: Sending) -> None:
    await line.install()
    await line.let_in(REVENUE)
    await line.destination(REVENUE, group_minutes=10)
    origin, _ = await seeds.add_source(line.database, now=NOW - timedelta(days=400))
    line.sources[ACME] = origin
    for accounts in (range(FLOOD), range(FLOOD, 2 * FLOOD)):
        await say_of_many(line, origin, 0, accounts)
        await line.run()
    await line.move(of="Contoso")
    await line.run(seconds=5)
    await say_of_many(line, origin, 1, range(FLOOD - 5, FLOOD + 5), mrr_minor=12_000)
    await line.move(of="Contoso")
    await line.move(of="Initech")
    await line.run(seconds=2)
    _, _, contoso, initech, *_ = (one.text for one in line.messages())
    assert contoso == "Contoso: expansion +$200 MRR in 2 changes"
    assert initech.startswith("Initech: expansion")
