"""Lanes: claimed by one worker at a time, given back at the right time, and out of an earlier owner's hands."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text

from models import channel, delivery, installation, lane, reach, recipient
from models.database import Database
from models.delivery import Delivery, DeliveryState, FactKind, Owed, SkipReason
from models.destination import Destination
from models.lane import LEASE, Lane, Lease
from models.recipient import RecipientKind
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

SECOND = timedelta(seconds=1)


async def owe(
    database: Database,
    made: Destination,
    target: str,
    *,
    facts: int = 1,
    workspace_id: str = ACME,
    method: str = delivery.POST,
) -> str:
    """Owe so many movements to a channel; answer the lane's id."""
    async with database.write() as session:
        owed = [
            Owed(
                asked_by=made.id,
                fact=(FactKind.MOVEMENT, f"mov_{number}"),
                recipient=(RecipientKind.CHANNEL, target),
                method=method,
            )
            for number in range(facts)
        ]
        await lane.owe(session, workspace_id, owed, now=NOW)
        theirs = (Lane.workspace_id == workspace_id, Lane.method == method, Lane.target == target)
        return (await session.scalars(select(Lane.id).where(*theirs))).one()


@pytest.fixture
async def made(database: Database) -> Destination:
    await seeds.install(database)
    return await seeds.add_destination(database, "C1")


async def claim(database: Database, *, owner: str = "worker", limit: int = 10, now: datetime = NOW) -> list[Lease]:
    async with database.write() as session:
        return list(await lane.claim(session, owner=owner, limit=limit, now=now))


async def release(database: Database, held: Lease, *, at: datetime, not_before: datetime | None = None) -> bool:
    """Give a lane back; False where that was refused."""
    given = lane.Release(lane_id=held.lane_id, token=held.token, next_send_at=at, not_before=not_before)
    async with database.write() as session:
        await lane.release(session, [given])
        return (await session.get_one(Lane, held.lane_id)).owner is None


async def head(database: Database, lane_id: str) -> Delivery | None:
    async with database.read() as session:
        return (await lane.heads(session, [lane_id])).get(lane_id)


async def next_time(database: Database, now: datetime = NOW) -> datetime | None:
    async with database.read() as session:
        return await lane.next_time(session, now=now)


async def settle(database: Database, state: DeliveryState = DeliveryState.DELIVERED) -> None:
    async with database.write() as session:
        for one in await delivery.of_workspace(session, ACME):
            one.state = state


async def test_a_target_has_one_lane_for_each_method_and_workspace(database: Database, made: Destination) -> None:
    first = await owe(database, made, "C1")
    assert await owe(database, made, "C1") == first
    others = [await owe(database, made, "C2"), await owe(database, made, "C1", method="chat.unfurl")]
    others.append(await owe(database, made, "C1", workspace_id=GLOBEX))
    assert len({first, *others}) == 4


async def test_ten_that_meet_at_a_new_target_make_one_lane(database: Database, made: Destination) -> None:
    assert len(set(await asyncio.gather(*(owe(database, made, "C1") for _ in range(10))))) == 1


async def test_twenty_workers_never_hold_one_of_twenty_lanes_together(database: Database, made: Destination) -> None:
    lanes = {await owe(database, made, f"C{number}") for number in range(20)}
    claims = await asyncio.gather(*(claim(database, owner=f"worker {n}", limit=3) for n in range(20)))
    held = Counter(one.lane_id for claimed in claims for one in claimed)
    assert held == dict.fromkeys(lanes, 1)


async def test_a_claim_without_a_lease_would_be_taken_twice(database: Database, made: Destination) -> None:
    """The broken variant of the test above: whoever claims gives the lanes back at once."""
    await owe(database, made, "C1")
    for _ in range(2):
        [held] = await claim(database)
        assert await release(database, held, at=NOW)


async def test_only_a_lane_with_something_to_send_now_is_claimed(database: Database, made: Destination) -> None:
    await owe(database, made, "C1")
    async with database.write() as session:
        nothing = Owed(
            asked_by=made.id,
            fact=(FactKind.MOVEMENT, "mov_0"),
            recipient=(RecipientKind.CHANNEL, "C2"),
            skipped=SkipReason.STALE,
        )
        await lane.owe(session, ACME, [nothing], now=NOW)
    assert await claim(database, now=NOW - SECOND) == []
    [held] = await claim(database)
    async with database.read() as session:
        leased = await session.get_one(Lane, held.lane_id)
    assert (leased.target, leased.owner, leased.lease_until) == ("C1", "worker", NOW + LEASE)
    await settle(database)
    await release(database, held, at=NOW)
    assert await claim(database, now=NOW + LEASE) == []


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.RETRYING, DeliveryState.AMBIGUOUS])
async def test_whatever_is_open_is_something_to_send(
    database: Database, made: Destination, state: DeliveryState
) -> None:
    await owe(database, made, "C1")
    await settle(database, state)
    assert len(await claim(database)) == 1


async def test_nothing_is_claimed_for_a_workspace_that_revoked_us(database: Database, made: Destination) -> None:
    await owe(database, made, "C1")
    async with database.write() as session:
        await installation.revoke(session, ACME, because="app_uninstalled", now=NOW)
    assert await claim(database) == []
    assert await next_time(database) is None
    await seeds.install(database)
    assert len(await claim(database)) == 1


async def test_after_its_lease_a_lane_is_claimed_anew_and_the_earlier_owner_is_refused(
    database: Database, made: Destination
) -> None:
    await owe(database, made, "C1")
    [earlier] = await claim(database, owner="first")
    assert await claim(database, owner="second", now=NOW + LEASE - SECOND) == []
    [later] = await claim(database, owner="second", now=NOW + LEASE)
    assert later.token > earlier.token
    async with database.write() as session:
        assert await lane.hold(session, [earlier.lane_id, later.lane_id]) == {later.lane_id: later.token}
    assert not await release(database, earlier, at=NOW)
    assert await release(database, later, at=NOW + LEASE)


async def test_the_next_time_is_when_the_first_lane_is_free_and_due(database: Database, made: Destination) -> None:
    assert await next_time(database) is None
    await owe(database, made, "C1")
    assert await next_time(database) == NOW
    [held] = await claim(database)
    assert await next_time(database) == NOW + LEASE
    await release(database, held, at=NOW + 5 * SECOND)
    assert await next_time(database) == NOW + 5 * SECOND


async def test_a_ready_lane_is_seen_behind_any_number_of_claimed_ones(database: Database, made: Destination) -> None:
    for number in range(120):
        await owe(database, made, f"C{number}")
    await claim(database, limit=120)
    await owe(database, made, "Cready")
    assert await next_time(database) == NOW


async def test_a_lane_gives_its_deliveries_in_the_order_in_which_they_were_owed(
    database: Database, made: Destination
) -> None:
    lane_id = await owe(database, made, "C1", facts=30)
    told = []
    while (owed := await head(database, lane_id)) is not None:
        told.append(owed.fact_id)
        async with database.write() as session:
            (await delivery.get(session, ACME, owed.id)).state = DeliveryState.DELIVERED
    assert told == [f"mov_{number}" for number in range(30)]


async def limit(database: Database, lane_id: str, *, after: float = 0, wait: float = 30) -> None:
    now = NOW + after * SECOND
    async with database.write() as session:
        await lane.limit(session, lane_id, until=now + wait * SECOND, now=now)


async def test_two_limited_lanes_pause_their_workspace_and_no_other(database: Database, made: Destination) -> None:
    await seeds.install(database, GLOBEX)
    theirs = await seeds.add_destination(database, "C1", workspace_id=GLOBEX)
    first, second, _third = [await owe(database, made, f"C{number}") for number in range(3)]
    await owe(database, theirs, "C1", workspace_id=GLOBEX)

    await limit(database, first)
    assert len(await claim(database, owner="probe")) == 4
    await limit(database, second, after=4)

    when_free = NOW + LEASE
    assert [one.workspace_id for one in await claim(database, now=NOW + 33 * SECOND)] == []
    async with database.write() as session:
        for one in (first, second, _third):
            found = await session.get_one(Lane, one)
            found.lease_until = None
    assert await claim(database, now=NOW + 33 * SECOND) == []
    assert {one.workspace_id for one in await claim(database, now=NOW + 34 * SECOND)} == {ACME}
    assert {one.workspace_id for one in await claim(database, now=when_free)} == {GLOBEX}


async def test_lanes_limited_far_apart_or_one_lane_twice_pause_nothing(database: Database, made: Destination) -> None:
    first, second = [await owe(database, made, f"C{number}") for number in range(2)]
    await limit(database, first)
    await limit(database, first, after=1)
    await limit(database, second, after=7)
    assert len(await claim(database, now=NOW + 8 * SECOND)) == 2


async def test_a_short_pause_does_not_cut_a_long_one_short(database: Database, made: Destination) -> None:
    first, second = [await owe(database, made, f"C{number}") for number in range(2)]
    await limit(database, first, wait=60)
    await limit(database, second, wait=60)
    await limit(database, first, after=1, wait=1)
    assert await claim(database, now=NOW + 59 * SECOND) == []


async def put_off(database: Database, *, at: datetime, not_before: datetime | None = None) -> Lease:
    [held] = await claim(database)
    async with database.write() as session:
        owed = (await lane.heads(session, [held.lane_id]))[held.lane_id]
        owed.state, owed.due_at = DeliveryState.RETRYING, at
    await release(database, held, at=at, not_before=not_before)
    return held


async def test_a_hurried_lane_is_tried_at_once(database: Database, made: Destination) -> None:
    lane_id = await owe(database, made, "C1")
    await put_off(database, at=NOW + 600 * SECOND)
    async with database.write() as session:
        await lane.hurry(session, ACME, "C1", now=NOW + SECOND)
        owed = (await lane.heads(session, [lane_id]))[lane_id]
        assert owed.due_at == NOW + SECOND
    assert await next_time(database) == NOW + SECOND


async def test_nobody_hurries_slack_s_own_wait(database: Database, made: Destination) -> None:
    await owe(database, made, "C1")
    await put_off(database, at=NOW + 600 * SECOND, not_before=NOW + 30 * SECOND)
    async with database.write() as session:
        await lane.hurry(session, ACME, "C1", now=NOW)
    assert await next_time(database) == NOW + 30 * SECOND


async def test_hurrying_one_target_leaves_others_and_other_workspaces_alone(
    database: Database, made: Destination
) -> None:
    await owe(database, made, "C1")
    await put_off(database, at=NOW + 600 * SECOND)
    async with database.write() as session:
        await lane.hurry(session, ACME, "C2", now=NOW)
        await lane.hurry(session, GLOBEX, "C1", now=NOW)
    assert await next_time(database) == NOW + 600 * SECOND


async def remember(database: Database, channel_id: str) -> None:
    async with database.write() as session:
        await channel.remember(session, ACME, {"id": channel_id, "name": "revenue", "is_member": True}, now=NOW)


async def follow(database: Database) -> None:
    async with database.write() as session:
        await lane.follow_channel(session, ACME, old="C1", new="C9", now=NOW)


async def test_a_channel_s_new_id_is_followed_by_all_that_was_meant_for_the_old_one(
    database: Database, made: Destination
) -> None:
    lane_id = await owe(database, made, "C1")
    await remember(database, "C1")
    await follow(database)
    async with database.read() as session:
        assert [one.target for one in await delivery.of_workspace(session, ACME)] == ["C9"]
        assert await reach.channels(session, ACME) == ["C9"]
        assert list(await channel.known(session, ACME)) == ["C9"]
        assert (await session.get_one(Lane, lane_id)).target == "C9"


async def test_a_new_id_that_is_known_already_is_followed_all_the_same(database: Database, made: Destination) -> None:
    both = await seeds.add_destination(database, "C1", "C9", name="Both")
    await owe(database, both, "C1")
    await owe(database, both, "C9")
    await owe(database, made, "C1")
    await remember(database, "C1")
    await remember(database, "C9")
    await follow(database)
    async with database.read() as session:
        found = await delivery.of_workspace(session, ACME)
        recipients = await recipient.of_destinations(session, [made.id, both.id])
        assert list(await channel.known(session, ACME)) == ["C9"]
    open_to = [(one.asked_by, one.target) for one in found if one.state == DeliveryState.PENDING]
    assert sorted(open_to) == sorted([(made.id, "C9"), (both.id, "C9")])
    assert {key: [one.target for one in value] for key, value in recipients.items()} == {
        made.id: ["C9"],
        both.id: ["C9"],
    }
    assert len(await claim(database)) == 2


async def test_a_lane_rests_when_it_owes_nothing_and_is_roused_by_the_next_delivery(
    database: Database, made: Destination
) -> None:
    await owe(database, made, "C1")
    [held] = await claim(database)
    await settle(database)
    await release(database, held, at=NOW + SECOND, not_before=NOW + SECOND)
    assert await next_time(database) is None
    await owe(database, made, "C1", facts=2)
    assert await next_time(database) == NOW + SECOND, "Slack's pace is kept"


async def test_a_hurried_lane_that_rests_is_looked_at(database: Database, made: Destination) -> None:
    """What had failed for good may be owed again, in a lane that owes nothing else."""
    await owe(database, made, "C1")
    [held] = await claim(database)
    await settle(database, DeliveryState.FAILED)
    await release(database, held, at=NOW)
    async with database.write() as session:
        [failed] = await delivery.of_workspace(session, ACME)
        await delivery.retry(session, ACME, failed.id, by="U1", now=NOW)
        await lane.hurry(session, ACME, "C1", now=NOW)
    assert len(await claim(database)) == 1


async def give_back_while_somebody_owes(database: Database, made: Destination) -> None:
    """Give a lane back, in which all is settled, between a delivery's INSERT and its commit."""
    await owe(database, made, "C1")
    [held] = await claim(database)
    await settle(database)
    owed = Owed(asked_by=made.id, fact=(FactKind.MOVEMENT, "mov_9"), recipient=(RecipientKind.CHANNEL, "C1"))
    async with database.write() as session:
        await lane.owe(session, ACME, [owed], now=NOW)
        giving = asyncio.create_task(release(database, held, at=NOW))
        await until_waiting_or_done(database, giving)
    await giving


async def until_waiting_or_done(database: Database, giving: asyncio.Task[None]) -> None:
    """Wait until PostgreSQL lets a transaction wait for a lock; SQLite's lets go of the one writer only at the end."""
    await asyncio.sleep(0)
    is_waiting = database.is_sqlite
    while not (is_waiting or giving.done()):
        async with database.read() as session:
            is_waiting = bool(await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


async def test_a_lane_is_not_put_to_rest_over_a_delivery_that_is_not_committed_yet(
    database: Database, made: Destination
) -> None:
    await give_back_while_somebody_owes(database, made)
    assert len(await claim(database)) == 1


async def test_a_lane_put_to_rest_without_holding_its_row_would_forget_a_delivery(
    database: Database, made: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant: it looks at the deliveries without waiting for whoever just makes one."""
    careless = select(Lane.id).where(Lane.lease_until.is_(None))
    monkeypatch.setattr(lane, "UNHELD", careless)
    await give_back_while_somebody_owes(database, made)
    is_found = len(await claim(database)) == 1
    assert is_found == database.is_sqlite, "on SQLite one writer writes at a time"


async def two_floods(database: Database, made: Destination) -> None:
    """Let Acme have 30 lanes that wait, the oldest ones, and Globex two."""
    for number in range(30):
        await owe(database, made, f"C{number}")
    await seeds.install(database, GLOBEX)
    theirs = await seeds.add_destination(database, "C1", workspace_id=GLOBEX)
    for number in range(2):
        await owe(database, theirs, f"C{number}", workspace_id=GLOBEX)


async def test_lanes_are_claimed_in_turn_between_the_workspaces(database: Database, made: Destination) -> None:
    await two_floods(database, made)
    claimed = [one.workspace_id for one in await claim(database, limit=6)]
    assert Counter(claimed) == {ACME: 4, GLOBEX: 2}


async def test_a_workspace_takes_only_its_share_of_what_is_in_flight(database: Database, made: Destination) -> None:
    await two_floods(database, made)

    async def share(owner: str = "worker") -> Counter[str]:
        async with database.write() as session:
            claimed = await lane.claim(session, owner=owner, limit=20, most_of_one=12, now=NOW)
        return Counter(one.workspace_id for one in claimed)

    assert await share() == {ACME: 12, GLOBEX: 2}
    assert await share() == {}
    assert await share("another") == {ACME: 12}
