"""A source is removed with what it brought: what others told of too stays, and the ledger stays true."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import account, balance, contact, delivery, event, lane, movement, origin, source
from models.account import Account
from models.contact import Contact
from models.database import Database
from models.delivery import Delivery, DeliveryState, FactKind, Owed, SkipReason
from models.event import Event, EventState
from models.fact import AccountStatus
from models.merge import SINGLY
from models.movement import Day
from models.recipient import RecipientKind
from models.role import Role
from models.source import Source
from scheduler.apply import apply_waiting
from scheduler.forget import SETTLED, forget_removed
from scheduler.recount import recount_due
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW


async def send(database: Database, by: Source, *facts: Any, key: str) -> None:
    await seeds.receive(database, seeds.event_of(by, *facts, key=key))
    while await apply_waiting(database, now=NOW):
        pass


async def forget(database: Database, removed: Source, *, limit: int = 500, after: timedelta = SETTLED) -> None:
    async with database.write() as session:
        found = await source.get(session, removed.workspace_id, removed.id)
        await source.remove(session, found, by="U0ADA", now=NOW, is_forgotten=True)
    await forget_removed(database, now=NOW + after, limit=limit)


async def rows(database: Database, table: Any) -> list[Any]:
    async with database.read() as session:
        return list(await session.scalars(select(table).order_by(*table.__table__.primary_key)))


@pytest.mark.parametrize("limit", [1, 500])
async def test_what_one_source_alone_brought_goes_and_what_others_told_of_too_stays(
    database: Database, limit: int
) -> None:
    billing, _ = await seeds.add_source(database)
    crm, _ = await seeds.add_source(database, name="CRM")
    theirs, _ = await seeds.add_source(database, GLOBEX)
    for by in (billing, theirs):
        await send(database, by, seeds.movement("alone"), seeds.contact(email="a@a.io"), key="1")
        await send(database, by, seeds.role("alone"), seeds.signal("alone"), key="2")
    await send(database, billing, seeds.movement("both", kind="new_business"), seeds.contact(email="b@b.io"), key="3")
    await send(database, crm, seeds.account("both", name="Both"), seeds.contact(email="b@b.io", name="B"), key="4")
    await send(database, crm, seeds.movement("crm"), key="5")
    await forget(database, billing, limit=limit)
    async with database.read() as session:
        assert [one.external_id for one in await account.of_workspace(session, ACME)] == ["both", "crm"]
        assert len(await movement.of_workspace(session, ACME)) == 1
        assert await movement.totals(session, ACME) == [
            {"month": "2026-11", "type": "expansion", "currency": "USD", "count": 1, "amount": 10_000}
        ]
        assert await account.count(session, GLOBEX) == 1
        assert (await balance.events(session)).is_balanced
        assert await source.forgotten(session) == []
    assert [one.email for one in await rows(database, Contact) if one.workspace_id == ACME] == ["b@b.io"]
    assert {one.workspace_id for one in await rows(database, Role)} == {GLOBEX}
    emptied = [one for one in await rows(database, Event) if one.source_id == billing.id]
    assert [(one.state, one.facts) for one in emptied] == [(EventState.APPLIED, [])] * 3


async def test_an_account_that_stays_is_what_the_other_movements_say_of_it(database: Database) -> None:
    first, _ = await seeds.add_source(database)
    second, _ = await seeds.add_source(database, name="Second")
    began = seeds.movement(kind="new_business", mrr_before_minor=0, occurred_at=NOW - timedelta(days=3))
    await send(database, first, began, key="1")
    await send(database, second, seeds.movement(kind="churn", amount_minor=-10_000), key="2")
    await forget(database, second)
    [only] = await rows(database, Account)
    assert (only.mrr_minor, only.currency, only.status, only.unclear_in) == (10_000, "USD", "customer", None)
    assert only.told_by.split() == sorted([first.id, second.id])
    await forget(database, first)
    [only] = await rows(database, Account)
    assert (only.mrr_minor, only.currency, only.status) == (None, None, AccountStatus.LEAD)
    assert await rows(database, Day) == []


async def test_an_account_that_keeps_subscriptions_is_what_they_come_to(database: Database) -> None:
    await seeds.install(database)
    first, _ = await seeds.add_source(database)
    second, _ = await seeds.add_source(database, name="Second")
    await send(database, second, seeds.subscribed(), key="1")
    await send(database, first, seeds.movement(kind="churn", amount_minor=-10_000, mrr_before_minor=70_000), key="2")
    async with database.read() as session:
        [before] = await account.of_workspace(session, ACME)
    await forget(database, first)
    await recount_due(database, now=NOW + SETTLED)
    async with database.read() as session:
        [kept] = await account.of_workspace(session, ACME)
        assert [one.kind for one, _ in await movement.of_workspace(session, ACME)] == ["new_business"]
    assert (before.mrr_minor, before.status) == (60_000, AccountStatus.CHURNED)
    assert (kept.mrr_minor, kept.status, kept.mrr_at) == (10_000, AccountStatus.CUSTOMER, NOW - timedelta(days=365))
    assert kept.unclear_in is None


async def test_what_was_not_sent_is_skipped_and_what_was_sent_stays_in_the_ledger(database: Database) -> None:
    billing, _ = await seeds.add_source(database)
    other, _ = await seeds.add_source(database, name="Other")
    await seeds.add_destination(database, "C1")
    for key, by in (("1", billing), ("2", billing), ("3", other)):
        await send(database, by, seeds.movement(key), key=key)
    async with database.write() as session:
        sent = (await delivery.of_workspace(session, ACME))[-1]
        sent.state = DeliveryState.DELIVERED
    await forget(database, billing)
    states = [(one.state, one.reason) for one in await rows(database, Delivery)]
    assert states == [("delivered", None), ("skipped", SkipReason.DELETED), ("pending", None)]
    async with database.read() as session:
        assert (await balance.deliveries(session)).is_balanced


async def test_what_was_merged_into_a_message_that_is_skipped_is_told_by_itself(database: Database) -> None:
    billing, _ = await seeds.add_source(database)
    other, _ = await seeds.add_source(database, name="Other")
    await seeds.add_destination(database, "C1")
    await send(database, billing, seeds.movement("gone"), key="1")
    await send(database, other, *(seeds.movement(str(number)) for number in range(SINGLY + 1)), key="2")
    async with database.write() as session:
        [head, *rest] = reversed(await delivery.of_workspace(session, ACME))
        for one in rest:
            one.state, one.coalesced_into, one.settled_at = DeliveryState.COALESCED, head.id, NOW
    await forget(database, billing)
    states = [one.state for one in await rows(database, Delivery)]
    assert states == [DeliveryState.SKIPPED, *[DeliveryState.PENDING] * (SINGLY + 1)]


async def test_an_event_that_waits_is_refused_and_never_applied(database: Database) -> None:
    billing, _ = await seeds.add_source(database)
    await seeds.receive(database, seeds.event_of(billing, seeds.movement(), key="1"))
    await forget(database, billing)
    assert await apply_waiting(database, now=NOW) == 0
    [only] = await rows(database, Event)
    assert (only.state, only.refused_because, only.can_be_tried_again) == ("refused", origin.GONE, False)
    async with database.read() as session:
        assert await account.count(session, ACME) == 0
        assert (await event.count_by_state(session, ACME))["received"] == 1


async def test_an_event_that_comes_in_just_after_the_removal_is_forgotten_too(database: Database) -> None:
    """Which source a key opens is remembered for a second, and an event may be on its way."""
    billing, _ = await seeds.add_source(database)
    await forget(database, billing, after=timedelta(seconds=1))
    await send(database, billing, seeds.movement(), key="late")
    await forget_removed(database, now=NOW + SETTLED)
    assert await rows(database, Account) == []
    await send(database, billing, seeds.movement(), key="too late to be forgotten")
    await forget_removed(database, now=NOW + SETTLED)
    assert len(await rows(database, Account)) == 1, "or this test could not fail"


async def test_an_event_message_that_was_not_sent_is_skipped(database: Database) -> None:
    shop, _ = await seeds.add_source(database)
    await seeds.receive(database, seeds.event_of(shop, seeds.track(), key="1"))
    [arrived] = await rows(database, Event)
    asked = Owed(asked_by="wfl_1", fact=(FactKind.TRACK, str(arrived.id)), recipient=(RecipientKind.CHANNEL, "C1"))
    async with database.write() as session:
        await lane.owe(session, ACME, [asked, replace(asked, fact=(FactKind.MOVEMENT, str(arrived.id)))], now=NOW)
    await forget(database, shop)
    assert [(one.fact_kind, one.state) for one in await rows(database, Delivery)] == [
        ("track", "skipped"),
        ("movement", "pending"),
    ]


async def test_who_spoke_of_a_contact_is_known_once_each() -> None:
    about = contact.Contact()
    for source_id in ("src_2", "src_1", "src_2"):
        origin.told_by(about, source_id)
    assert about.told_by == "src_1 src_2"
