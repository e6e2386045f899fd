"""What is built apart works together: quiet hours, threads, groups, claims, corrections, mutes and merged messages."""

from datetime import time, timedelta
from typing import Any

from models import (
    account,
    balance,
    channel,
    claim,
    delivery,
    destination,
    destination_mute,
    edit,
    event,
    lane,
    mute,
    person,
    quiet,
)
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason
from models.destination import Destination
from models.quiet import Hours
from models.recipient import RecipientKind
from models.wish import Wish
from scheduler.apply import apply_waiting
from scheduler.places import OUTSIDERS
from tests import seeds
from tests.seeds import ACME, NOW
from tests.sending import REVENUE, Sending

S = DeliveryState
DANA = "U0DANA"
NORTHWIND = "Northwind"
HOURS = Hours(starts=time(9), ends=time(11, 30))


async def ready(line: Sending, *channels: str, **wish: Any) -> Destination:
    await line.install()
    chosen = channels or (REVENUE,)
    await line.let_in(*chosen)
    return await line.destination(*chosen, **wish)


async def to_dana(line: Sending, **changes: Any) -> Destination:
    """Let a destination tell of each movement in a channel and to Dana, in Berlin, where it is 10:00."""
    await line.install()
    await line.let_in(REVENUE)
    wish = Wish(name="All", recipients=((RecipientKind.CHANNEL, REVENUE), (RecipientKind.PERSON, DANA)), **changes)
    async with line.database.write() as session:
        await person.remember(session, ACME, {"id": DANA, "name": "dana", "tz": "Europe/Berlin"}, now=NOW)
        return await destination.create(session, ACME, wish, by="U0ADA", now=line.clock.now())


async def be_quiet(line: Sending) -> None:
    async with line.database.write() as session:
        await quiet.choose(session, ACME, DANA, HOURS, now=line.clock.now())
        await lane.hurry(session, ACME, DANA, now=line.clock.now())


async def ask(line: Sending, *owed: Delivery) -> None:
    async with line.database.write() as session:
        await edit.ask(session, ACME, [one.id for one in owed], now=line.clock.now())


async def of(line: Sending, kind: FactKind, target: str | None = None) -> list[Delivery]:
    return [one for one in await line.ledger() if one.fact_kind == kind and target in (None, one.target)]


async def balanced(line: Sending) -> bool:
    async with line.database.read() as session:
        return (await balance.deliveries(session)).is_balanced


async def test_in_quiet_hours_messages_that_stand_are_brought_up_to_date_and_those_of_channels_too(
    line: Sending,
) -> None:
    await to_dana(line)
    await line.move()
    await line.run(seconds=20)
    await be_quiet(line)
    told = await of(line, FactKind.MOVEMENT)
    await ask(line, *sorted(told, key=lambda one: one.target != DANA))
    await line.run(seconds=20)
    assert [one.state for one in await of(line, FactKind.EDIT)] == [S.DELIVERED] * 2


async def test_no_card_stands_alone_whose_movement_was_muted_before_it_was_posted(line: Sending) -> None:
    telling = await ready(line, has_threads=True)
    await line.move(of=NORTHWIND)
    async with line.database.write() as session:
        about = await account.with_external_id(session, ACME, NORTHWIND)
        wanting = await destination.get(session, ACME, telling.id)
        assert about is not None
        await destination_mute.add(session, wanting, about, until=None, by="U0ADA", now=line.clock.now())
    await line.run(seconds=20)
    assert line.messages() == []
    assert [one.state for one in await line.ledger()] == [S.SKIPPED] * 2
    async with line.database.write() as session:
        wanting = await destination.get(session, ACME, telling.id)
        await destination_mute.remove(session, wanting, about.id, by="U0ADA", now=line.clock.now())
    line.clock.turn(60)
    await line.move(of=NORTHWIND)
    await line.run(seconds=20)
    card, reply = line.messages()
    assert reply.thread_ts == card.ts
    assert await balanced(line)


async def test_who_claimed_it_is_said_still_when_more_is_told_in_the_message(line: Sending) -> None:
    await ready(line, group_minutes=10)
    await line.move(of=NORTHWIND)
    await line.run(seconds=20)
    [told] = await of(line, FactKind.MOVEMENT)
    async with line.database.write() as session:
        held = await delivery.get(session, ACME, told.id)
        await claim.take(session, held, by=DANA, now=line.clock.now())
    await line.run(seconds=20)
    assert "Claimed by" in str(line.messages()[0].blocks)
    await line.move(of=NORTHWIND)
    await line.run(seconds=20)
    assert "2 changes" in line.messages()[0].text
    assert "Claimed by" in str(line.messages()[0].blocks)


async def test_no_channel_in_which_outsiders_read_hears_who_claimed_what(line: Sending) -> None:
    await ready(line)
    await line.move(of=NORTHWIND)
    await line.run(seconds=20)
    [told] = await of(line, FactKind.MOVEMENT)
    shared = {"id": REVENUE, "name": "revenue", "is_member": True, "is_ext_shared": True}
    async with line.database.write() as session:
        await channel.remember(session, ACME, shared, now=line.clock.now())
        held = await delivery.get(session, ACME, told.id)
        await claim.take(session, held, by=DANA, now=line.clock.now())
    await line.run(seconds=20)
    [waiting] = await of(line, FactKind.CLAIM)
    assert (waiting.state, waiting.reason) == (S.RETRYING, OUTSIDERS.reason)
    assert len(line.messages()) == 1
    async with line.database.write() as session:
        await channel.confirm_outsiders(session, ACME, [REVENUE], by=DANA, now=line.clock.now())
    await line.run(seconds=600)
    assert len(line.messages()) == 2


async def say(line: Sending, origin: Any, minute: float, **fields: Any) -> None:
    line.clock.at = NOW + minute * timedelta(minutes=1)
    fact = seeds.subscribed(NORTHWIND, starts_at=NOW, as_of=line.clock.now(), account_name=NORTHWIND, **fields)
    told = {"occurred_at": line.clock.now(), "received_at": line.clock.now()}
    async with line.database.write() as session:
        await event.store(session, [seeds.event_of(origin, fact, key=f"{minute}", **told)])
    while await apply_waiting(line.database, now=line.clock.now()):
        pass


async def test_a_card_is_current_after_a_correction_too(line: Sending) -> None:
    await ready(line, has_threads=True)
    origin, _ = await seeds.add_source(line.database, now=NOW - timedelta(days=400))
    await say(line, origin, 0)
    await line.run()
    assert line.messages()[0].text == f"{NORTHWIND}: $100 MRR after new business +$100"
    await say(line, origin, 5, mrr_minor=12_000)
    await line.run()
    assert line.messages()[0].text == f"{NORTHWIND}: $120 MRR after new business +$120"


async def test_a_card_is_in_the_destinations_locale(line: Sending) -> None:
    await ready(line, has_threads=True, locale="de_DE")
    await line.move(of=NORTHWIND, mrr_before_minor=100_000)
    await line.run(seconds=20)
    card, reply = line.messages()
    assert "1.100" in reply.text
    assert "1.100" in card.text


async def test_muted_in_quiet_hours_it_is_not_told_at_their_end(line: Sending) -> None:
    await to_dana(line)
    await be_quiet(line)
    await line.move(of=NORTHWIND)
    await line.move(of="Contoso")
    async with line.database.write() as session:
        about = await account.with_external_id(session, ACME, NORTHWIND)
        assert about is not None
        await mute.add(session, ACME, DANA, about.id, now=line.clock.now())
    line.clock.turn(7200)
    await line.run(seconds=20)
    assert [(one.state, one.reason) for one in await of(line, FactKind.MOVEMENT, DANA)] == [
        (S.SKIPPED, SkipReason.MUTED),
        (S.DELIVERED, None),
    ]


async def test_what_was_merged_into_a_movement_that_is_no_more_is_told(line: Sending) -> None:
    await ready(line)
    origin, _ = await seeds.add_source(line.database, now=NOW - timedelta(days=400), name="Stripe")
    line.fault("error", code="is_archived", times=1)
    await say(line, origin, 0)
    await line.move(25)
    await line.drain()
    head, *others = await of(line, FactKind.MOVEMENT)
    assert head.state == S.RETRYING
    assert {one.coalesced_into for one in others} == {head.id}
    await say(line, origin, 5, mrr_minor=0)
    await line.run(seconds=3600)
    [told] = line.messages()
    assert told.text.startswith("25 MRR movements")
    assert "None is left out" in str(told.blocks)
    assert await balanced(line)
