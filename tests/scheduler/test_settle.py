"""Workers that settle or claim in the same workspaces at one instant never wait for each other in a circle."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from models import delivery, edit, lane
from models.database import Database, is_passing
from models.delivery import POST, UPDATE, Delivery, DeliveryState, FactKind, Outcome, Owed
from models.lane import Lease
from models.recipient import RecipientKind
from models.thread import Reply
from scheduler.claim import Claimed, Claimer, Job
from scheduler.decisions import Effort
from scheduler.settle import Settlement, Settler
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW
from tests.sending import ADDRESS, REVENUE, Sending

S = DeliveryState
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def post(database: Database, workspace_id: str) -> None:
    """Let a card stand in a channel, and owe a reply under it and an edit of it."""
    await seeds.install(database, workspace_id)
    made = await seeds.add_destination(database, "C1", workspace_id=workspace_id)
    card, reply = (
        Owed(asked_by=made.id, fact=(kind, f"of {workspace_id}"), recipient=(RecipientKind.CHANNEL, "C1"))
        for kind in (FactKind.THREAD, FactKind.MOVEMENT)
    )
    async with database.write() as session:
        await lane.owe(session, workspace_id, [card], now=NOW)
        [posted] = await delivery.of_workspace(session, workspace_id)
        posted.state, posted.message_ts, posted.settled_at = S.DELIVERED, "1.1", NOW
        await session.flush()
        await edit.ask(session, workspace_id, [posted.id], now=NOW)
        await lane.owe(session, workspace_id, [reply], now=NOW)


async def sent(session: AsyncSession, held: Lease) -> Settlement:
    """Say that the head of a claimed lane was delivered: an edit of the card, or a reply which changes that."""
    owed = (await lane.heads(session, [held.lane_id]))[held.lane_id]
    known = {one.fact_kind: one for one in await delivery.of_workspace(session, held.workspace_id)}
    card = known[FactKind.THREAD].id
    job = Job(
        lane_id=held.lane_id,
        lane_token=held.token,
        delivery_id=owed.id,
        workspace_id=held.workspace_id,
        target="C1",
        recipient_kind=RecipientKind.CHANNEL,
        place="C1",
        is_channel=True,
        token="xoxb",
        token_sealed="",
        effort=Effort(attempts=1, owed_since=NOW),
        started_at=NOW,
        sent_at=NOW,
        message=None,
        is_edit=held.method == UPDATE,
        reply=Reply(parent_id=card, channel="C1", ts="1.1", is_broadcast=False, changes_parent=True)
        if held.method == POST
        else None,
    )
    return Settlement(job, Outcome(state=S.DELIVERED, answer="ok", due_at=NOW, message_ts="1.2"), None)


async def settle(database: Database, batch: Sequence[Settlement]) -> list[Settlement]:
    settler = Settler(database=database, now=lambda: NOW, pace=timedelta(seconds=1))

    async def work(session: AsyncSession) -> list[Settlement]:
        await session.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
        return await settler._settle(session, batch=batch, now=NOW)

    return await database.transact(work)


async def all_wait(database: Database, number: int) -> bool:
    async with database.read() as session:
        waiting: int = (await session.execute(text(WAITING))).scalar_one()
        return waiting >= number


async def settle_at_once(
    database: Database, batches: Sequence[Sequence[Settlement]]
) -> list[list[Settlement] | BaseException]:
    """Settle batches at once, each begun before any can go on."""
    ids = [one.job.delivery_id for batch in batches for one in batch]
    async with database.write() as session:
        await session.execute(select(Delivery).where(Delivery.id.in_(ids)).with_for_update())
        settling = asyncio.gather(*(settle(database, batch) for batch in batches), return_exceptions=True)
        while not await all_wait(database, len(batches)):  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.005)
    return await settling


@pytest.fixture
async def batches(database: Database) -> list[list[Settlement]]:
    """Give what two workers settle: in one workspace an edit, in the other what changes a card there."""
    for workspace_id in (ACME, GLOBEX):
        await post(database, workspace_id)
    async with database.write() as session:
        leases = {(one.workspace_id, one.method): one for one in await lane.claim(session, owner="w", limit=9, now=NOW)}
        return [
            [await sent(session, leases[here, UPDATE]), await sent(session, leases[there, POST])]
            for here, there in ((ACME, GLOBEX), (GLOBEX, ACME))
        ]


@pytest.mark.parametrize("engine_name", ["postgresql"])
async def test_two_that_settle_across_two_workspaces_never_wait_for_each_other(
    database: Database, batches: list[list[Settlement]]
) -> None:
    assert await settle_at_once(database, batches) == batches


@pytest.mark.parametrize("engine_name", ["postgresql"])
async def test_without_holding_up_front_what_it_comes_to_need_one_of_them_would_be_ended(
    database: Database, batches: list[list[Settlement]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant of the test above."""
    monkeypatch.setattr(Settlement, "places", lambda _self: ())
    ended = [one for one in await settle_at_once(database, batches) if isinstance(one, BaseException)]
    assert [is_passing(one) for one in ended] == [True]
    assert "deadlock detected" in str(ended[0])


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("engine_name", ["postgresql"])
async def test_whoever_claims_waits_for_no_lane_that_somebody_holds(
    line: Sending, monkeypatch: pytest.MonkeyPatch, *, waits: bool
) -> None:
    """What is to change a message goes on in the lane of updates, once nobody holds that; the broken variant waits."""
    await line.install()
    await line.let_in(REVENUE)
    await line.destination(REVENUE, group_minutes=10)
    await line.move(of="Northwind")
    await line.run(seconds=10)
    line.clock.turn(5)
    await line.move(of="Northwind")
    async with line.database.write() as session:
        await lane.of_target(session, ACME, UPDATE, ACME, now=line.clock.now())
    if waits:

        async def think_so(*_any: object, **_anything: object) -> bool:
            return True

        monkeypatch.setattr(lane, "try_to_hold", think_so)
    claimer = Claimer(keyring=seeds.KEYRING, public_url=ADDRESS, owner="worker", most_of_one=10)

    async def claim(session: AsyncSession) -> Claimed:
        await session.execute(text("SET LOCAL lock_timeout = '20ms'"))
        return await claimer.claim(session, limit=10, now=line.clock.now())

    async with line.database.write() as session:
        await lane.hold_for_updates(session, ACME, now=line.clock.now())
        with pytest.raises(DBAPIError, match="lock timeout") if waits else nullcontext():
            assert await line.database.transact(claim) == Claimed(1, [])
    await line.run(seconds=10)
    assert [one.state for one in await line.ledger()] == [S.DELIVERED] * 2
    assert len(line.messages()) == 1
