"""Polling Stripe: history in silence, then what the webhook missed, and what discounts are; what comes twice, once."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import stripe as client
from sqlalchemy import select

from bot.vendors.serving import Fault
from bot.vendors.stripe import API_KEY, StripeServer, stripe_server
from handlers.raw import refused_event
from handlers.senders import stripe as sender
from handlers.senders import stripe_polled
from handlers.senders.reading import Received, Refused
from handlers.senders.stripe import EVENTS, How
from models import account, event, poll, stripe
from models.database import Database
from models.delivery import Delivery, FactKind
from models.event import Event, NewEvent
from models.fact import dump_facts
from models.movement import Movement
from models.poll import Poll
from models.source import Source, SourceKind
from models.stripe import Cancellation, Rules
from scheduler.apply import apply_waiting
from scheduler.pollers.poller import Poller
from scheduler.pollers.stripe import SUBSCRIPTIONS, StripeAdapter
from scheduler.pollers.stripe_api import Stripe
from scheduler.recount import recount_due
from tests import seeds
from tests.seeds import ACME, KEYRING, NOW
from tests.sending import Clock

DAY = 24 * 3600
SOON = timedelta(minutes=1)

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""


@dataclass
class Polling:
    """A database, Stripe, and what polls the one into the other, under a clock that is turned by hand."""

    database: Database
    server: StripeServer
    http: aiohttp.ClientSession
    clock: Clock
    source: Source

    async def connect(self, api_key: str = API_KEY) -> None:
        async with self.database.write() as session:
            await poll.connect(
                session, self.source, credentials=api_key, keyring=KEYRING, by="U0ADA", now=self.clock.now()
            )

    async def poll(self, after: timedelta = timedelta()) -> None:
        """Turn the clock, poll, and apply what came."""
        self.turn(after)
        api = Stripe(self.http, base_url=self.server.url)
        adapter = StripeAdapter(database=self.database, api=api, reader=stripe_polled, kinds=EVENTS)
        adapters = {SourceKind.STRIPE: adapter}
        await Poller(database=self.database, adapters=adapters, keyring=KEYRING, now=self.clock.now).poll_due()
        await self.apply()

    def turn(self, by: timedelta) -> None:
        self.clock.turn(by.total_seconds())
        self.server.now = self.clock.seconds()

    async def apply(self) -> None:
        while await apply_waiting(self.database, now=self.clock.now()):
            pass

    async def webhook(self, *events: dict[str, Any], is_asked: bool = True) -> None:
        """Let the webhook send events, as intake takes them."""
        for body in events:
            reading = sender.read(body, received_at=self.clock.now(), how=How(is_asked=is_asked))
            await seeds.receive(self.database, *(self._event(one) for one in reading.records))
        await self.apply()

    def _event(self, record: Received | Refused) -> NewEvent:
        ids = {"workspace_id": ACME, "source_id": self.source.id}
        if isinstance(record, Refused):
            return refused_event(record, **ids, received_at=self.clock.now())
        return NewEvent(
            workspace_id=ACME,
            source_id=self.source.id,
            kind=record.kind,
            dedupe_key=record.dedupe_key,
            occurred_at=record.occurred_at,
            received_at=self.clock.now(),
            facts=dump_facts(record.facts),
        )

    async def movements(self) -> list[tuple[str, str, int, bool]]:
        """Give the account's name, kind, amount and whether it is history of every movement, as they happened."""
        async with self.database.read() as session:
            query = select(Movement, account.Account).join(account.Account)
            found = (await session.execute(query.order_by(Movement.occurred_at, Movement.external_id))).all()
        return [(of.name or of.external_id, moved.kind, moved.amount_minor, moved.is_history) for moved, of in found]

    async def told(self, kind: FactKind = FactKind.MOVEMENT) -> list[Delivery]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Delivery).where(Delivery.fact_kind == kind)))

    async def row(self) -> Poll:
        async with self.database.read() as session:
            found = await poll.of_source(session, self.source.id)
        assert found is not None
        return found


@pytest.fixture
async def at(database: Database) -> AsyncIterator[Polling]:
    """Give a Stripe source with an API key, in a workspace where a channel hears of every movement."""
    await seeds.install(database)
    await seeds.add_destination(database, "C1")
    origin, _ = await seeds.add_source(database, name="Stripe", kind=SourceKind.STRIPE)
    async with stripe_server(NOW.timestamp()) as server, aiohttp.ClientSession() as http:
        made = Polling(database, server, http, Clock(), origin)
        await made.connect()
        yield made


def move_in(server: StripeServer, number: int = 3) -> None:
    """Let customers have a past: each began long ago, changed within the last 30 days, and the first one left."""
    for one in range(number):
        server.now = NOW.timestamp() - 400 * DAY + one * DAY
        customer = server.add_customer(name=f"Customer {one}")
        made = server.subscribe(customer["id"])
        server.now = NOW.timestamp() - 20 * DAY + one * DAY
        server.change(made["id"], server.item(15000))
    server.now = NOW.timestamp() - 5 * DAY
    server.cancel("sub_0001")
    server.now = NOW.timestamp()


async def test_the_first_connection_brings_a_year_of_history_and_floods_nobody(at: Polling) -> None:
    at.server.most_per_page = 2
    move_in(at.server)
    await at.poll()
    history = await at.movements()
    assert history == [
        *((f"Customer {one}", "new_business", 10000, True) for one in range(3)),
        *((f"Customer {one}", "expansion", 5000, True) for one in range(3)),
        ("Customer 0", "churn", -15000, True),
    ]
    assert await at.told() == []
    await at.poll(SOON)
    assert await at.movements() == history
    assert len(await at.told(FactKind.HISTORY)) == 1
    assert {query.get("created[gte]") is None for query in at.server.asked("/events")} == {True, False}

    at.server.change("sub_0002", at.server.item(20000))
    await at.poll(SOON)
    assert (await at.movements())[-1] == ("Customer 1", "expansion", 5000, False)
    assert len(await at.told()) == 1


@on_one_engine
async def test_an_end_that_was_arranged_before_the_first_connection_is_told_when_it_comes(at: Polling) -> None:
    move_in(at.server, 2)
    at.server.now -= 3 * DAY
    at.server.cancel("sub_0002", at_period_end=at.server.second + 5 * DAY)
    at.server.now = NOW.timestamp()
    await at.poll()
    assert await at.told() == []
    at.turn(timedelta(days=3))
    await recount_due(at.database, now=at.clock.now())
    assert (await at.movements())[-1] == ("Customer 1", "churn", -15000, False)
    assert len(await at.told()) == 1
    at.server.cancel("sub_0002")
    await at.poll(SOON)
    assert len(await at.told()) == 1


@on_one_engine
async def test_taken_for_news_a_first_connection_would_be_told(at: Polling) -> None:
    at.server.now -= 2 * 3600
    at.server.subscribe(at.server.add_customer()["id"])
    async with at.database.write() as session:
        row = await session.get_one(Poll, at.source.id)
        earlier = NOW - timedelta(days=1)
        row.news_since, row.read = earlier, {"subscriptions": earlier.isoformat()}
    await at.poll()
    assert len(await at.told()) == 1


async def test_webhook_and_api_of_an_event_are_one_in_any_order_and_however_often(at: Polling) -> None:
    move_in(at.server, 1)
    await at.poll()
    began = len(at.server.events)
    at.turn(SOON)
    customer = at.server.add_customer(name="New")["id"]
    made = at.server.subscribe(customer)
    at.turn(timedelta(hours=2))
    at.server.change(made["id"], at.server.item(30000))
    at.turn(SOON)
    at.server.cancel(made["id"])
    happened = at.server.events[began:]
    await at.webhook(*happened[:1], *reversed(happened[2:]), *happened)
    told = await at.told()
    await at.poll(SOON)
    await at.webhook(*reversed(happened))
    story = [("New", "new_business", 10000), ("New", "expansion", 20000), ("New", "churn", -30000)]
    assert [one[:3] for one in await at.movements() if one[0] == "New"] == story
    assert not any(one[3] for one in await at.movements() if one[0] == "New")
    assert [one.id for one in await at.told()] == [one.id for one in told]
    assert len(told) == 3


@on_one_engine
async def test_what_the_webhook_missed_is_news_however_long_we_were_away(at: Polling) -> None:
    move_in(at.server, 2)
    await at.poll()
    at.turn(timedelta(days=10))
    at.server.change("sub_0002", at.server.item(40000))
    await at.poll(timedelta(days=10))
    assert (await at.movements())[-1] == ("Customer 1", "expansion", 25000, False)
    at.turn(timedelta(days=10))
    at.server.cancel("sub_0002")
    await at.poll(timedelta(days=60))
    assert (await at.movements())[-1] == ("Customer 1", "churn", -40000, False), "the event is kept no more"
    assert len(await at.told()) == 2


async def test_of_an_old_subscription_that_nobody_listed_only_the_change_is_told(at: Polling) -> None:
    move_in(at.server, 2)
    began = len(at.server.events)
    at.turn(timedelta(hours=2))
    at.server.change("sub_0002", at.server.item(20000))
    at.turn(timedelta(hours=2))
    at.server.cancel("sub_0002")
    await at.webhook(*at.server.events[began:][::-1])
    new, *changes = await at.movements()
    assert new == ("cus_0002", "new_business", 15000, True)
    assert changes == [("cus_0002", "expansion", 5000, False), ("cus_0002", "churn", -20000, False)]
    assert len(await at.told()) == 2


@on_one_engine
async def test_what_a_discount_is_is_asked_for_and_until_then_nothing_is_told(at: Polling) -> None:
    await at.poll()
    at.turn(SOON)
    customer = at.server.add_customer(name="Half")["id"]
    made = at.server.subscribe(customer, discounts=[at.server.discount(at.server.add_coupon())])
    await at.webhook(*at.server.events)
    assert await at.movements() == []
    await at.poll(SOON)
    await at.poll(SOON)
    assert await at.movements() == [("Half", "new_business", 5000, False)]
    assert at.server.asked(f"/subscriptions/{made['id']}") == [{"expand[0]": "discounts.source.coupon"}]
    async with at.database.read() as session:
        assert (await event.count_by_state(session, ACME))["refused"] == 0


@on_one_engine
async def test_without_asking_a_discount_would_not_lower_mrr(at: Polling) -> None:
    at.turn(SOON)
    customer = at.server.add_customer(name="Full")["id"]
    at.server.subscribe(customer, discounts=[at.server.discount(at.server.add_coupon())])
    await at.webhook(*at.server.events, is_asked=False)
    assert await at.movements() == [("Full", "new_business", 10000, False)]
    async with at.database.read() as session:
        [refused] = await event.refused_of_source(session, at.source.id, since=NOW - timedelta(days=1))
    assert refused.refused_field == "discounts"


@on_one_engine
async def test_rules_that_change_reach_every_subscription_within_a_day(at: Polling) -> None:
    at.server.add_customer(name="Leaving")
    made = at.server.subscribe("cus_0001")
    await at.poll()
    at.turn(SOON)
    at.server.cancel(made["id"], at_period_end=at.server.second + 300 * DAY)
    await at.poll(SOON)
    assert len(await at.movements()) == 1
    async with at.database.write() as session:
        found = await session.get_one(Source, at.source.id)
        stripe.change(session, found, Rules(Cancellation.AT_ONCE), by="U0ADA", now=at.clock.now())
    await at.poll(SUBSCRIPTIONS.every)
    assert [one[:3] for one in await at.movements()][-1] == ("Leaving", "churn", -10000)


@on_one_engine
async def test_customers_bring_their_names_and_what_changed(at: Polling) -> None:
    at.server.add_customer(metadata={"plan": "gold"})
    await at.poll()
    at.server.customers["cus_0001"] |= {"name": "Renamed", "metadata": {}}
    await at.poll(timedelta(days=1))
    async with at.database.read() as session:
        found = (await session.scalars(select(account.Account))).one()
        events = list(await session.scalars(select(Event).where(Event.kind == "customer").order_by(Event.id)))
    assert (found.name, found.attributes) == ("Renamed", {})
    assert len(events) == 2


@on_one_engine
async def test_a_refused_key_is_told_once_and_a_failure_is_tried_again(at: Polling) -> None:
    at.server.api_key = "rk_another"
    for _ in range(2):
        await at.poll(timedelta(hours=1))
    assert len(await at.told(FactKind.KEY_REFUSED)) == 1
    assert "answers 401" in str((await at.row()).trouble)
    await at.connect("rk_another")
    nonsense = (Fault(429, {"Retry-After": "60"}), Fault(500), Fault(200, body='{"data": null}'), Fault(400))
    for fault in (*nonsense, Fault(200, body='{"data": [], "has_more": true}')):
        at.server.faults.append(fault)
        await at.poll(timedelta(minutes=20))
        assert (await at.row()).trouble is not None, fault
    move_in(at.server, 1)
    await at.poll(timedelta(minutes=20))
    assert (await at.row()).trouble is None
    assert len(await at.movements()) == 3
    assert set(at.server.keys) == {API_KEY, "rk_another"}


@on_one_engine
async def test_an_entry_that_can_t_be_read_takes_no_other_with_it(at: Polling) -> None:
    move_in(at.server, 2)
    at.server.subscriptions["sub_0001"]["items"] = {"data": [{}]}
    at.server.customers["cus_0001"]["id"] = None
    await at.poll()
    assert [one[0] for one in await at.movements()].count("Customer 1") == 2
    async with at.database.read() as session:
        refused = await event.refused_of_source(session, at.source.id, since=NOW - timedelta(days=1))
    assert {one.refused_field for one in refused} == {"items.price", "id"}


async def test_stripes_own_client_reads_from_the_local_server_unchanged() -> None:
    async with stripe_server(NOW.timestamp(), most_per_page=2) as server:
        move_in(server, 5)
        server.change("sub_0005", discounts=[server.discount(server.add_coupon(percent_off=20.0))])

        def ask(key: str = API_KEY) -> tuple[list[str], float, list[str], str]:
            asking = client.StripeClient(key, base_addresses={"api": server.url}, max_network_retries=0)
            every = asking.v1.subscriptions.list(
                {"status": "all", "limit": 2, "expand": ["data.discounts.source.coupon"]}
            )
            listed = list(every.auto_paging_iter())
            events = asking.v1.events.list({"types": ["customer.subscription.deleted"], "created": {"gte": 1}})
            one = asking.v1.subscriptions.retrieve("sub_0001")
            coupon = json.loads(str(listed[0]))["discounts"][0]["source"]["coupon"]
            return (
                [found.id for found in listed],
                coupon["percent_off"],
                [found.type for found in events.data],
                one.status,
            )

        ids, percent, kinds, status = await asyncio.to_thread(ask)
        assert ids == [f"sub_000{number}" for number in (5, 4, 3, 2, 1)]
        assert (percent, kinds, status) == (20.0, ["customer.subscription.deleted"], "canceled")
        with pytest.raises(client.AuthenticationError):
            await asyncio.to_thread(ask, "rk_wrong")
