"""The ledger as people read it: today's counts, what stands in the way, the newest failures, one message's story."""

from datetime import timedelta
from typing import Any

import pytest

from models import account, channel, delivery, destination, lane, ledger, workflow, workspace
from models.channel import Absence, Hindrance
from models.database import Database
from models.delivery import RUNRATE, Delivery, DeliveryState, FactKind, Owed, SkipReason
from models.fact import MovementKind
from models.ledger import AskerKind, Failing, Health, Told
from models.recipient import RecipientKind
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

S = DeliveryState
CHANNEL = RecipientKind.CHANNEL
YESTERDAY = NOW - timedelta(days=1)
ARCHIVED = {"reason": "the channel is archived", "fix": "Unarchive it."}


async def owe(database: Database, number: int = 1, *, target: str = "C1", **fields: Any) -> str:
    """Owe a delivery, and bring it into the state that its fields say."""
    asked_by, kind = fields.pop("asked_by", "dst_1"), fields.pop("fact_kind", FactKind.MOVEMENT)
    owed = Owed(asked_by=asked_by, fact=(kind, f"mov_{number}"), recipient=(CHANNEL, target))
    async with database.write() as session:
        await lane.owe(session, ACME, [owed], now=NOW)
    async with database.write() as session:
        [made] = await delivery.of_workspace(session, ACME, limit=1)
        for name, value in fields.items():
            setattr(made, name, value)
        return made.id


async def test_today_s_counts_are_what_was_settled_since_and_all_that_is_open(database: Database) -> None:
    await owe(database, 1, state=S.DELIVERED, settled_at=NOW)
    await owe(database, 2, state=S.DELIVERED, settled_at=YESTERDAY)
    await owe(database, 3, state=S.FAILED, settled_at=NOW, reason="too long")
    await owe(database, 4, state=S.SKIPPED, settled_at=NOW, reason=SkipReason.MUTED)
    await owe(database, 5, state=S.SKIPPED, settled_at=NOW, reason=SkipReason.STALE)
    await owe(database, 6, state=S.RETRYING, created_at=YESTERDAY, **ARCHIVED)
    async with database.read() as session:
        assert await ledger.count_since(session, GLOBEX, since=NOW) == {}
        assert await ledger.count_since(session, ACME, since=NOW) == {
            (S.DELIVERED, None): 1,
            (S.FAILED, None): 1,
            (S.SKIPPED, SkipReason.MUTED): 1,
            (S.SKIPPED, SkipReason.STALE): 1,
            (S.RETRYING, None): 1,
        }


@pytest.mark.parametrize("state", [S.DELIVERED, S.RETRYING, S.FAILED])
async def test_what_was_merged_shares_the_fate_of_what_it_went_into(database: Database, state: DeliveryState) -> None:
    into = await owe(database, 1, state=state, settled_at=None if state in delivery.OPEN else NOW, reason="why")
    for number in (2, 3):
        await owe(database, number, state=S.COALESCED, coalesced_into=into, settled_at=NOW)
    async with database.read() as session:
        assert await ledger.count_since(session, ACME, since=NOW) == {(state, None): 3}
        counts = await delivery.count_by_state(session, ACME)
        assert {one: number for one, number in counts.items() if number} == {state: 3}
        assert await ledger.count_merged(session, ACME, into) == 2


async def test_a_failing_target_is_told_once_with_all_that_waits_and_the_newest_reason(database: Database) -> None:
    tried = {"state": S.RETRYING, "send_started_at": NOW}
    await owe(database, 1, **{**tried, "send_started_at": YESTERDAY}, reason="I'm not in the channel", fix="Invite me.")
    await owe(database, 2, **tried, **ARCHIVED)
    await owe(database, 3, asked_by="wfl_1")
    await owe(database, 4, target="C2", **tried, reason="Slack is not available")
    await owe(database, 5, target="C3", state=S.FAILED, settled_at=NOW, **ARCHIVED)
    await owe(database, 6, target="C4", fact_kind=FactKind.UNFURL, asked_by=RUNRATE, **tried, **ARCHIVED)
    async with database.read() as session:
        assert await ledger.failing(session, ACME, now=NOW) == [
            Failing(
                target="C1", recipient_kind=CHANNEL, **ARCHIVED, waiting=3, asked_by=("dst_1", "wfl_1")
            )
        ]  # fmt: skip


async def test_a_destination_s_health_says_when_it_delivered_what_waits_and_why(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    idle = await seeds.add_destination(database, "C1", name="Idle")
    for number, at in enumerate((YESTERDAY, NOW - timedelta(hours=1))):
        await owe(database, number, asked_by=made.id, state=S.DELIVERED, settled_at=at)
    await owe(database, 3, asked_by=made.id, state=S.FAILED, settled_at=NOW, **ARCHIVED)
    await owe(database, 4, asked_by=made.id, state=S.RETRYING, **ARCHIVED)
    await owe(database, 5, asked_by=made.id, state=S.RETRYING, reason="Slack is not available")
    await owe(database, 6, asked_by="wfl_1")
    async with database.read() as session:
        assert await ledger.health(session, GLOBEX, [made.id, idle.id, "wfl_1"]) == {}
        health = await ledger.health(session, ACME, [made.id, idle.id, "wfl_1"])
    assert health == {
        made.id: Health(last_delivered_at=NOW - timedelta(hours=1), waiting=2),
        "wfl_1": Health(waiting=1),
    }
    assert idle.id not in health


async def test_what_stands_in_the_way_of_one_does_so_for_all_that_tell_the_same_channel(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    idle = await seeds.add_destination(database, "C1", "C2", name="Idle")
    paused = await seeds.add_destination(database, "C1", name="Paused")
    async with database.write() as session:
        await destination.pause(session, await session.merge(paused), until=None, by="U0ADA", now=NOW)
    await owe(database, 1, asked_by=made.id, state=S.RETRYING, reason="the channel is read-only", fix="Let me in.")
    async with database.read() as session:
        [failing] = await ledger.failing(session, ACME, now=NOW)
    assert (failing.target, failing.asked_by) == ("C1", tuple(sorted((made.id, idle.id))))


@pytest.mark.parametrize(
    ("info", "effect", "because"),
    [
        ({}, {}, None),
        ({"is_archived": True}, {}, channel.ARCHIVED),
        ({"is_archived": True}, {"absence": Absence.DELETED, "is_member": False}, channel.DELETED),
        ({"is_private": True}, {"absence": Absence.REMOVED, "is_member": False}, channel.REMOVED),
        ({"is_private": True}, {"is_member": False}, channel.UNSEEN),
        ({"is_private": True}, {"absence": Absence.UNSEEN, "is_member": False}, channel.UNSEEN),
        ({"is_ext_shared": True}, {}, channel.OUTSIDERS),
        ({"is_ext_shared": True}, {"outsiders_confirmed_at": NOW}, None),
        ({}, {"absence": Absence.DISCONNECTED, "is_member": False}, channel.DISCONNECTED),
        # A public channel is entered when there is something to tell, unless Slack doesn't show it any more.
        ({}, {"absence": Absence.REMOVED, "is_member": False}, None),
        ({}, {"absence": Absence.UNSEEN, "is_member": False}, channel.CLOSED),
    ],
)
async def test_a_channel_known_to_be_closed_fails_before_anything_waits_for_it(
    database: Database, info: dict[str, Any], effect: dict[str, Any], because: Hindrance | None
) -> None:
    made = await seeds.add_destination(database, "C1")
    told = {"id": "C1", "name": "revenue", "is_member": True, **info}
    async with database.write() as session:
        await channel.remember(session, ACME, told, now=NOW)
        await channel.remember(session, GLOBEX, {**told, "is_archived": True}, now=NOW)
        await channel.change(session, ACME, "C1", **(effect or {"name": "revenue"}))
    async with database.read() as session:
        found = await ledger.failing(session, ACME, now=NOW)
    assert [(one.target, one.reason, one.fix, one.waiting, one.asked_by) for one in found] == (
        [("C1", *because, 0, (made.id,))] if because else []
    )


async def test_what_is_known_of_a_channel_counts_more_than_what_an_earlier_attempt_met(database: Database) -> None:
    await owe(database, 1, state=S.RETRYING, **ARCHIVED)
    async with database.write() as session:
        await channel.remember(session, ACME, {"id": "C1", "name": "revenue"}, now=NOW)
        await channel.change(session, ACME, "C1", absence=Absence.DELETED)
    async with database.read() as session:
        [failing] = await ledger.failing(session, ACME, now=NOW)
    assert (failing.reason, failing.waiting, failing.asked_by) == (channel.DELETED.reason, 1, ("dst_1",))


async def test_a_workflow_and_the_fallback_fail_in_a_closed_channel_though_not_where_others_read_along(
    database: Database,
) -> None:
    await seeds.install(database)
    async with database.write() as session:
        await workspace.choose_fallback(session, ACME, "C1", by="U0ADA", now=NOW)
        wish = workflow.WorkflowWish(name="Wins", event="Won", channel_id="C1", template="Won")
        made = await workflow.create(session, ACME, wish, by="U0ADA", now=NOW)
        await channel.remember(session, ACME, {"id": "C1", "name": "wins", "is_ext_shared": True}, now=NOW)
    async with database.read() as session:
        assert await ledger.failing(session, ACME, now=NOW) == []
    async with database.write() as session:
        await channel.change(session, ACME, "C1", is_archived=True)
    async with database.read() as session:
        [failing] = await ledger.failing(session, ACME, now=NOW)
    assert (failing.reason, failing.asked_by) == (channel.ARCHIVED.reason, tuple(sorted((RUNRATE, made.id))))


async def test_the_oldest_that_is_open_says_since_when_somebody_waits(database: Database) -> None:
    await owe(database, 1, state=S.DELIVERED, created_at=YESTERDAY, settled_at=NOW)
    await owe(database, 2, created_at=NOW - timedelta(minutes=1))
    await owe(database, 3)
    async with database.read() as session:
        assert await ledger.oldest_open(session, ACME, now=NOW) == NOW - timedelta(minutes=1)
        assert await ledger.oldest_open(session, GLOBEX, now=NOW) is None


async def test_cards_and_edits_are_counted_nowhere_as_messages(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    told = {"asked_by": made.id, "created_at": YESTERDAY, **ARCHIVED}
    await owe(database, 1, fact_kind=FactKind.THREAD, state=S.RETRYING, **told)
    await owe(database, 2, fact_kind=FactKind.EDIT, **told)
    into = await owe(database, 3, asked_by=made.id)
    await owe(database, 4, fact_kind=FactKind.THREAD, state=S.COALESCED, coalesced_into=into, settled_at=NOW)
    async with database.read() as session:
        assert await ledger.count_since(session, ACME, since=NOW) == {(S.PENDING, None): 1}
        assert await ledger.oldest_open(session, ACME, now=NOW) == NOW
        [failing] = await ledger.failing(session, ACME, now=NOW)
        assert (failing.reason, failing.waiting) == (ARCHIVED["reason"], 1)
        assert (await ledger.health(session, ACME, [made.id]))[made.id].waiting == 1


@pytest.mark.parametrize(
    ("fields", "is_under_way"),
    [
        ({"state": S.RETRYING, "due_at": NOW}, True),
        ({"state": S.RETRYING, "due_at": NOW + timedelta(seconds=1)}, False),
        ({"state": S.SENDING}, True),
        ({"state": S.PENDING}, False),
        ({"state": S.DELIVERED}, False),
    ],
)
async def test_what_was_hurried_is_under_way_until_it_is_tried(
    database: Database, fields: dict[str, Any], *, is_under_way: bool
) -> None:
    await owe(database, **fields)
    async with database.read() as session:
        assert await ledger.is_under_way(session, ACME, "C1", now=NOW) == is_under_way
        assert not await ledger.is_under_way(session, ACME, "C2", now=NOW)


async def test_the_newest_failures_of_a_week_come_first(database: Database) -> None:
    ids = [
        await owe(database, days, state=S.FAILED, settled_at=NOW - timedelta(days=days), **ARCHIVED)
        for days in (8, 6, 1, 0)
    ]
    async with database.read() as session:
        found = await ledger.newest_failures(session, ACME, limit=2, now=NOW)
        assert [one.id for one in found] == [ids[3], ids[2]]
        assert len(await ledger.newest_failures(session, ACME, limit=9, now=NOW)) == 3


async def test_a_message_is_found_by_where_it_stands_and_in_its_own_workspace_alone(database: Database) -> None:
    delivery_id = await owe(database, state=S.DELIVERED, message_channel="C1", message_ts="1.2")
    async with database.read() as session:
        found = await ledger.of_message(session, ACME, "C1", "1.2")
        assert found is not None
        assert found.id == delivery_id
        for place in ((ACME, "C1", "1.3"), (ACME, "C2", "1.2"), (GLOBEX, "C1", "1.2")):
            assert await ledger.of_message(session, *place) is None


async def test_whoever_asked_is_named_even_when_deleted(database: Database) -> None:
    made = await seeds.add_destination(database, "C1")
    async with database.write() as session:
        wished = await workflow.create(session, ACME, seeds.workflow_wish(), by="U1", now=NOW)
        await workflow.remove(session, wished, by="U1", now=NOW)
    async with database.read() as session:
        ids = [made.id, wished.id, "runrate"]
        askers = await ledger.askers(session, ACME, ids)
        assert askers.keys() == {made.id, wished.id}
        assert await ledger.askers(session, GLOBEX, ids) == {}
    first, second = askers[made.id], askers[wished.id]
    assert (first.kind, first.name, first.hears, first.is_deleted) == (
        AskerKind.DESTINATION, "Every movement", "real_time", False,
    )  # fmt: skip
    assert (second.kind, second.hears, second.created_by, second.is_deleted) == (
        AskerKind.WORKFLOW, "Order Completed", "U1", True,
    )  # fmt: skip


@pytest.mark.parametrize("kind", FactKind)
async def test_of_a_fact_that_is_gone_its_kind_is_known(database: Database, kind: FactKind) -> None:
    gone = Delivery(workspace_id=ACME, fact_kind=kind, fact_id="1")
    async with database.read() as session:
        assert await ledger.told(session, gone) == Told(kind=kind)


async def test_a_movement_is_told_with_its_account_and_source(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    async with database.write() as session:
        account.apply(await seeds.hold(session), seeds.account(name="Northwind"), now=NOW)
        moved = await seeds.record(session, seeds.movement(), "m", source_id=origin.id)
        assert moved is not None
    async with database.read() as session:
        row = Delivery(workspace_id=ACME, fact_kind=FactKind.MOVEMENT, fact_id=moved.id)
        assert await ledger.told(session, row) == Told(
            kind=FactKind.MOVEMENT,
            about="Northwind",
            detail=MovementKind.EXPANSION,
            at=NOW,
            source_name="Billing",
            amount_minor=10_000,
            currency="USD",
        )
