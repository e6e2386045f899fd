"""Polling ChartMogul: history once and in silence, then news; nothing twice, nothing lost, no faster than allowed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
import structlog
from sqlalchemy import select

from bot.vendors.chartmogul import API_KEY, ChartMogulServer, chartmogul_server
from bot.vendors.serving import Fault
from handlers.senders import chartmogul, polled
from models import account, person, poll, role, source, tables
from models.audit import AuditEntry
from models.database import Database
from models.delivery import Delivery, FactKind
from models.event import Event, EventState, NewEvent
from models.fact import ErasureFact, dump_facts
from models.movement import Movement
from models.poll import LEASE, LOOK_BACK_EVERY, Activities, ApiKeyError, Poll, PolledRecord
from models.source import Source, SourceKind
from scheduler.apply import apply_waiting
from scheduler.drawing.kinds import draw_deliveries
from scheduler.drawing.telling import Setting
from scheduler.erase import erase_forgotten
from scheduler.pollers.chartmogul import COURSE, CUSTOMERS, ChartMogulAdapter, Reader
from scheduler.pollers.chartmogul_api import ChartMogul
from scheduler.pollers.poller import Poller
from tests import seeds
from tests.seeds import ACME, KEYRING, NOW
from tests.sending import Clock

LONG_AGO = NOW - timedelta(days=400)
SOON = timedelta(minutes=1)

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""


@dataclass
class Polling:
    """A database, ChartMogul, and what polls the one into the other, under a clock that is turned by hand."""

    database: Database
    server: ChartMogulServer
    http: aiohttp.ClientSession
    clock: Clock
    source: Source

    def poller(self, *, reader: Reader = polled, base_url: str = "", timeout: float = 5.0) -> Poller:
        api = ChartMogul(self.http, base_url=base_url or self.server.url, timeout=timeout)
        adapter = ChartMogulAdapter(database=self.database, api=api, reader=reader)
        adapters = {SourceKind.CHARTMOGUL: adapter}
        return Poller(database=self.database, adapters=adapters, keyring=KEYRING, now=self.clock.now)

    async def connect(self, api_key: str = API_KEY, *, by: str = "U0ADA") -> None:
        async with self.database.write() as session:
            await poll.connect(session, self.source, credentials=api_key, keyring=KEYRING, by=by, now=self.clock.now())

    async def poll(self, after: timedelta = timedelta(), **changes: Any) -> None:
        """Turn the clock, poll, and apply what came."""
        self.clock.turn(after.total_seconds())
        await self.poller(**changes).poll_due()
        await self.apply()

    async def apply(self) -> None:
        while await apply_waiting(self.database, now=self.clock.now()):
            pass

    async def webhook(self, activity: dict[str, Any], **changes: Any) -> None:
        """Let the webhook tell of an activity, as ChartMogul does when both are set up."""
        reading = chartmogul.read(as_webhook(activity, **changes), received_at=self.clock.now())
        [record] = reading.received
        await seeds.receive(
            self.database,
            NewEvent(
                workspace_id=ACME,
                source_id=self.source.id,
                kind=record.kind,
                dedupe_key=record.dedupe_key,
                occurred_at=record.occurred_at,
                received_at=self.clock.now(),
                facts=dump_facts(record.facts),
            ),
        )
        await self.apply()

    async def row(self) -> Poll:
        async with self.database.read() as session:
            found = await poll.of_source(session, self.source.id)
        assert found is not None
        return found

    async def movements(self) -> list[tuple[str, int, bool]]:
        """Give the account, amount and whether it is history of every movement, as they happened."""
        async with self.database.read() as session:
            query = select(Movement, account.Account.external_id).join(account.Account)
            found = (await session.execute(query.order_by(Movement.occurred_at, Movement.external_id))).all()
        return [(of, moved.amount_minor, moved.is_history) for moved, of in found]

    async def told(self, kind: FactKind = FactKind.MOVEMENT) -> list[Delivery]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Delivery).where(Delivery.fact_kind == kind)))

    async def account(self, external_id: str = "cus_0001") -> account.Account:
        async with self.database.read() as session:
            query = select(account.Account).where(account.Account.external_id == external_id)
            return (await session.scalars(query)).one()

    async def owner(self, external_id: str = "cus_0001") -> str | None:
        found = await self.account(external_id)
        async with self.database.read() as session:
            return next((one.email for one in await role.of_account(session, found.id)), None)


def as_webhook(activity: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Write an activity as the webhook tells it: in milliseconds, and with losses whose sign is not documented."""
    body = {
        "type": "mrr_movement",
        "date": activity["date"].replace("+00:00", ".000Z"),
        "movement_type": activity["type"],
        "description": activity["description"],
        "customer": {
            "uuid": activity["customer-uuid"],
            "external_id": activity["customer-external-id"],
            "name": activity["customer-name"],
            "status": "active",
            "currency": activity["currency"],
            "current_mrr": activity["activity-mrr"],
        },
        "subscription": {"external_id": activity["subscription-external-id"]},
        "account_currency": activity["currency"],
        "invoice_currency": activity["currency"],
        "mrr_movement_in_account_currency": abs(activity["activity-mrr-movement"]),
    }
    return body | changes


@pytest.fixture
async def at(database: Database) -> AsyncIterator[Polling]:
    """Give a ChartMogul source with an API key, in a workspace where a channel hears of every movement."""
    async with _polling(database) as made:
        yield made


@asynccontextmanager
async def _polling(database: Database) -> AsyncIterator[Polling]:
    await seeds.install(database)
    await seeds.add_destination(database, "C1")
    origin, _ = await seeds.add_source(database, name="ChartMogul", kind=SourceKind.CHARTMOGUL)
    async with chartmogul_server() as server, aiohttp.ClientSession() as http:
        made = Polling(database, server, http, Clock(), origin)
        await made.connect()
        yield made


def iso(instant: datetime) -> str:
    return instant.isoformat()


async def test_the_first_poll_brings_history_that_is_not_told_and_later_ones_bring_news(at: Polling) -> None:
    at.server.add_customer()
    at.server.add_activity("act_1", date=iso(LONG_AGO))
    at.server.add_activity(
        "act_2", date=iso(NOW - SOON), type="expansion", activity_mrr=9000, activity_mrr_movement=3000
    )
    await at.poll()
    assert await at.movements() == [("cus_0001", 6000, True), ("cus_0001", 3000, True)]
    assert await at.told() == []

    at.server.add_activity(
        "act_3", date=iso(NOW + SOON), type="contraction", activity_mrr=8000, activity_mrr_movement=-1000
    )
    await at.poll(COURSE.every)
    assert (await at.movements())[-1] == ("cus_0001", -1000, False)
    assert len(await at.told()) == 1
    await at.poll(COURSE.every)
    assert len(await at.movements()) == 3
    assert [owed.fact_id for owed in await at.told(FactKind.HISTORY)] == [at.source.id]
    assert at.server.asked("/activities")[-1]["start-date"] > iso(LONG_AGO)


@on_one_engine
async def test_what_happens_while_history_is_being_read_is_news(at: Polling) -> None:
    at.server.add_activity("act_1", date=iso(NOW - SOON))
    at.server.add_activity("act_2", date=iso(NOW + timedelta(seconds=30)), customer_external_id="new")
    await at.poll(SOON)
    assert await at.movements() == [("cus_0001", 6000, True), ("new", 6000, False)]


@pytest.mark.parametrize("is_webhook_first", [True, False])
async def test_webhook_and_activity_of_a_movement_are_one_in_either_order(
    at: Polling, *, is_webhook_first: bool
) -> None:
    await at.poll()
    happened = [
        at.server.add_activity("act_1", date=iso(NOW + SOON)),
        at.server.add_activity(
            "act_2", date=iso(NOW + 2 * SOON), type="churn", activity_mrr=0, activity_mrr_movement=-6000
        ),
    ]
    if not is_webhook_first:
        await at.poll(COURSE.every)
    for activity in happened:
        await at.webhook(activity)
        await at.webhook(activity)
    await at.poll(COURSE.every)
    assert await at.movements() == [("cus_0001", 6000, False), ("cus_0001", -6000, False)]
    assert len(await at.told()) == 2


class ByUuid:
    """Knows an activity by its uuid alone, which the webhook does not have: broken on purpose."""

    uuids, customers = staticmethod(polled.uuids), staticmethod(polled.customers)

    def activities(self, entries: Sequence[Any], *, polled: Poll, received_at: datetime) -> Activities:
        read = _activities(entries, polled=polled, received_at=received_at)
        events = [
            (replace(one, dedupe_key=entry["uuid"], facts=[{**one.facts[0], "external_id": entry["uuid"]}]), uuid)
            for (one, uuid), entry in zip(read.events, entries, strict=True)
        ]
        return replace(read, events=events)


_activities = polled.activities


@on_one_engine
async def test_known_by_their_uuids_alone_movements_would_count_twice(at: Polling) -> None:
    await at.poll(reader=ByUuid())
    await at.webhook(at.server.add_activity("act_1", date=iso(NOW + SOON)))
    await at.poll(COURSE.every, reader=ByUuid())
    assert len(await at.movements()) == 2


async def test_equal_movements_at_one_instant_are_told_apart_by_their_uuids(at: Polling) -> None:
    await at.poll()
    equal = [at.server.add_activity(f"act_{number}", date=iso(NOW + SOON)) for number in (5, 1)]
    await at.webhook(equal[0])
    await at.webhook(equal[1])
    assert len(await at.movements()) == 1, "the webhook alone can't tell them apart"
    at.server.most_per_page = 1
    await at.poll(COURSE.every)
    assert await at.movements() == [("cus_0001", 6000, False)] * 2
    at.server.add_activity("act_3", date=iso(NOW + SOON))
    await at.poll(COURSE.every)
    assert len(await at.movements()) == 3


async def test_what_is_imported_late_is_found_and_is_news_only_within_the_overlap(at: Polling) -> None:
    await at.poll()
    await at.poll(timedelta(days=10))
    now = at.clock.now()
    at.server.add_activity("act_1", date=iso(now - timedelta(days=2)), customer_external_id="late")
    at.server.add_activity("act_2", date=iso(now - timedelta(days=9)), customer_external_id="later")
    await at.poll(COURSE.every)
    assert await at.movements() == [("late", 6000, False)]
    await at.poll(LOOK_BACK_EVERY)
    assert await at.movements() == [("later", 6000, True), ("late", 6000, False)]


@on_one_engine
async def test_what_is_dated_ahead_waits_until_it_happens(at: Polling) -> None:
    await at.poll()
    at.server.add_activity("act_1", date=iso(NOW + timedelta(days=2)))
    await at.poll(COURSE.every)
    assert await at.movements() == []
    await at.poll(timedelta(days=2))
    assert await at.movements() == [("cus_0001", 6000, False)]


@pytest.mark.parametrize("status", [429, 503])
async def test_nobody_asks_again_before_the_limit_says_and_reading_goes_on_where_it_stopped(
    at: Polling, status: int
) -> None:
    at.server.most_per_page = 2
    for number in range(5):
        at.server.add_activity(f"act_{number}", date=iso(LONG_AGO + number * SOON))
    at.server.faults.extend([None, None, Fault(status, {"Retry-After": "90"})])
    await at.poll()
    asked = len(at.server.calls)
    await at.poll(timedelta(seconds=89))
    assert len(at.server.calls) == asked
    await at.poll(timedelta(seconds=2))
    assert len(await at.movements()) == 5
    assert [("cursor" in query) for query in at.server.asked("/activities")] == [False, True, True, True]


@on_one_engine
async def test_without_a_hint_each_failure_is_waited_for_longer(at: Polling) -> None:
    waits = []
    for _ in range(4):
        at.server.faults.append(Fault(500))
        await at.poll()
        row = await at.row()
        assert row.trouble == "answers 500"
        waits.append(row.next_poll_at - at.clock.now())
        at.clock.at = row.next_poll_at
    assert waits == sorted(waits)
    assert waits[-1] >= 4 * waits[0]
    await at.poll()
    assert (await at.row()).trouble is None


NONSENSE = (
    Fault(200, body="no JSON"),
    Fault(200, body="[]"),
    Fault(200, body='{"entries": null}'),
    Fault(200, body='{"entries": [], "has_more": true}'),
    Fault(404),
    Fault(400),
    Fault(302, {"Location": "http://127.0.0.1:9/elsewhere"}),
)


@on_one_engine
async def test_an_answer_that_makes_no_sense_is_tried_again_and_followed_nowhere(at: Polling) -> None:
    for fault in NONSENSE:
        at.server.faults.append(fault)
        await at.poll(timedelta(minutes=15))
        assert (await at.row()).trouble is not None, fault
    at.server.add_activity("act_1", date=iso(LONG_AGO))
    await at.poll(timedelta(minutes=15))
    assert (await at.row()).trouble is None
    assert len(await at.movements()) == 1


@on_one_engine
async def test_an_address_that_nobody_answers_at_stops_nothing(at: Polling) -> None:
    await at.poll(base_url="http://127.0.0.1:9/v1")
    assert "can't be reached" in str((await at.row()).trouble)
    await at.poll(SOON)
    assert (await at.row()).read_until is not None


@on_one_engine
async def test_a_cursor_that_expired_is_dropped_and_nothing_is_lost(at: Polling) -> None:
    at.server.most_per_page = 1
    for number in range(3):
        at.server.add_activity(f"act_{number}", date=iso(LONG_AGO + number * SOON))
    at.server.faults.extend([None, None, Fault(500)])
    await at.poll()
    at.server.epoch = 2
    await at.poll(SOON)
    await at.poll(SOON)
    assert len(await at.movements()) == 3


async def test_any_number_of_workers_poll_once(at: Polling) -> None:
    at.server.most_per_page = 1
    for number in range(4):
        at.server.add_activity(f"act_{number}", date=iso(LONG_AGO + number * SOON))
    await asyncio.gather(*(at.poller().poll_due() for _ in range(4)))
    assert len(at.server.asked("/activities")) == 4
    assert len(at.server.asked("/customers")) == 1


async def test_after_a_crash_another_worker_goes_on_once_the_lease_has_run_out(at: Polling) -> None:
    at.server.most_per_page = 2
    for number in range(5):
        at.server.add_activity(f"act_{number}", date=iso(LONG_AGO + number * SOON))

    class Dying:
        """Dies over the second page."""

        uuids, customers = staticmethod(polled.uuids), staticmethod(polled.customers)

        def activities(self, entries: Sequence[Any], *, polled: Poll, received_at: datetime) -> Activities:
            if polled.cursor is not None:
                raise asyncio.CancelledError
            return _activities(entries, polled=polled, received_at=received_at)

    with pytest.raises(asyncio.CancelledError):
        await at.poll(reader=Dying())
    await at.poll(LEASE - timedelta(seconds=1))
    assert len(await at.movements()) == 2
    await at.poll(timedelta(seconds=2))
    assert len(await at.movements()) == 5


async def test_a_refused_key_is_told_once_and_works_again_with_another(at: Polling) -> None:
    at.server.api_key = "another"
    for _ in range(3):
        await at.poll(timedelta(hours=1))
    [owed] = await at.told(FactKind.KEY_REFUSED)
    assert owed.target == "U0ADA"
    async with at.database.read() as session:
        setting = Setting(now=NOW, public_url="https://r.example", picture_url=str)
        [drawn] = (await draw_deliveries(session, [owed], setting=setting)).values()
    assert isinstance(drawn, dict)
    assert drawn["text"].startswith("ChartMogul refuses the API key of “ChartMogul”: it answers 401.")

    await at.connect("another")
    at.server.add_activity("act_1", date=iso(NOW + SOON))
    await at.poll()
    assert (await at.row()).refused_at is None
    assert await at.movements() == [("cus_0001", 6000, False)], "what was missed meanwhile is news"
    async with at.database.read() as session:
        [stale] = (await draw_deliveries(session, [owed], setting=setting)).values()
    assert stale == "stale"


@pytest.mark.parametrize("entered_by", ["U0DANA", "command line"])
async def test_managers_hear_that_a_key_is_refused_that_nobody_entered_who_is_there(
    at: Polling, entered_by: str
) -> None:
    """Ada, who installed us, has left too; Pat is an admin."""
    people = [{"id": "U0ADA", "deleted": True}, {"id": "U0DANA", "deleted": True}, {"id": "U0PAT", "is_admin": True}]
    async with at.database.write() as session:
        for one in people:
            await person.remember(session, ACME, one, now=NOW)
    await at.connect("wrong", by=entered_by)
    await at.poll()
    assert [one.target for one in await at.told(FactKind.KEY_REFUSED)] == ["U0PAT"]


@on_one_engine
async def test_the_key_is_stored_encrypted_and_stands_in_no_log(at: Polling) -> None:
    with structlog.testing.capture_logs() as logs:
        at.server.faults.extend([Fault(500), None])
        await at.poll()
        at.server.api_key = "another"
        await at.poll(SOON)
    assert at.server.keys[0] == API_KEY
    row = await at.row()
    assert API_KEY not in row.credentials_sealed
    assert KEYRING.open(row.credentials_sealed) == API_KEY
    assert logs
    assert API_KEY not in repr(logs)
    async with at.database.read() as session:
        noted = [entry.action for entry in await session.scalars(select(AuditEntry))]
    assert "source.api_key_entered" in noted


@pytest.mark.parametrize("written", ["two words", "new\nline", "user:password", "ключ", "x" * 201, " "])
def test_what_can_be_no_key_is_refused(written: str) -> None:
    with pytest.raises(ApiKeyError):
        poll.read_key(written)


async def test_a_removed_source_is_not_polled_and_its_key_is_forgotten(at: Polling) -> None:
    at.server.add_customer()
    await at.poll()
    async with at.database.write() as session:
        await source.remove(session, await source.get(session, ACME, at.source.id), by="U0ADA", now=NOW)
    asked = len(at.server.calls)
    await at.poll(CUSTOMERS.every)
    assert len(at.server.calls) == asked
    async with at.database.read() as session:
        assert (await session.scalars(select(Poll))).all() == []
        assert (await session.scalars(select(PolledRecord))).all() == []


@on_one_engine
async def test_a_paused_source_is_polled_once_it_is_resumed(at: Polling) -> None:
    await at.poll()
    async with at.database.write() as session:
        await source.pause(session, await source.get(session, ACME, at.source.id), by="U0ADA", now=NOW)
    at.server.add_activity("act_1", date=iso(NOW + SOON))
    await at.poll(timedelta(days=10))
    assert await at.movements() == []
    async with at.database.write() as session:
        await source.resume(session, await source.get(session, ACME, at.source.id), by="U0ADA", now=NOW)
    await at.poll()
    assert await at.movements() == [("cus_0001", 6000, False)]


async def test_a_customer_brings_owner_attributes_tags_and_status(at: Polling) -> None:
    custom = {"CAC": 213, "pro": False, "salesRep": "Gabi", "rate": 0.5}
    at.server.add_customer(
        owner="dana@acme.com", status="Past Due", attributes={"tags": ["vip", "beta"], "custom": custom}
    )
    await at.poll()
    found = await at.account()
    assert (found.name, found.status, found.email) == ("Myriapod Labs", "customer", "billing@myriapod.example")
    assert found.attributes == {"tags": "vip, beta", **custom}
    assert await at.owner() == "dana@acme.com"

    at.server.add_customer(status="Cancelled", attributes={"tags": [], "custom": {"CAC": 300}})
    await at.poll(CUSTOMERS.every)
    found = await at.account()
    assert (found.status, found.attributes) == ("churned", {"CAC": 300})
    assert await at.owner() is None
    assert await at.told() == []


@on_one_engine
async def test_what_is_said_again_overwrites_nothing_that_others_said_since(at: Polling) -> None:
    at.server.add_customer(owner="dana@acme.com")
    at.server.add_customer("cus_2", external_id="nobodys")
    await at.poll()
    crm, _ = await seeds.add_source(at.database, name="CRM")
    roles = [seeds.role(of, email="kim@acme.com") for of in ("cus_0001", "nobodys")]
    await seeds.receive(at.database, seeds.event_of(crm, seeds.account("cus_0001", name="Myriapod"), *roles, key="crm"))
    at.server.customers["cus_8bc55ab6"]["attributes"]["tags"] = ["vip"]
    await at.poll(CUSTOMERS.every)
    found = await at.account()
    assert (found.name, found.attributes) == ("Myriapod", {"tags": "vip"})
    assert [await at.owner("cus_0001"), await at.owner("nobodys")] == ["kim@acme.com"] * 2
    async with at.database.read() as session:
        events = (await session.scalars(select(Event).where(Event.kind == "customer"))).all()
    assert len(events) == 3


@on_one_engine
async def test_news_comes_with_its_customer_as_that_is_now(at: Polling) -> None:
    await at.poll()
    at.server.add_customer(owner="dana@acme.com")
    at.server.add_activity("act_1", date=iso(NOW + SOON))
    at.server.add_activity("act_2", date=iso(NOW + SOON), customer_uuid="gone", customer_external_id="gone")
    await at.poll(COURSE.every)
    assert len(await at.movements()) == 2
    assert await at.owner() == "dana@acme.com"
    await at.poll(COURSE.every)
    assert len(at.server.asked("/customers/gone")) == 1


async def test_an_entry_that_can_t_be_read_is_refused_once_and_takes_no_other_with_it(at: Polling) -> None:
    at.server.add_activity("act_1", date=iso(LONG_AGO), type="merge")
    at.server.add_activity("act_2", date=iso(LONG_AGO), customer_name="Nul \0")
    at.server.add_activity("act_3", date=iso(LONG_AGO))
    at.server.add_customer("cus_bad", external_id=None, external_ids=[], attributes={"custom": {"k" * 101: 1}})
    await at.poll()
    await at.poll(CUSTOMERS.every)
    assert len(await at.movements()) == 1
    async with at.database.read() as session:
        refused = (await session.scalars(select(Event).where(Event.state == EventState.REFUSED))).all()
    assert {(one.refused_field, one.duplicates) for one in refused} == {
        ("type", 0),
        ("customer-name", 0),
        (f"attributes.custom.{'k' * 101}", 0),
    }
    assert "Nul" not in str([one.raw for one in refused])


async def test_who_was_erased_does_not_come_back_while_chartmogul_lists_them_as_before(at: Polling) -> None:
    at.server.add_customer("cus_1", email="ada@acme.io", attributes={"custom": {"Billing": "Ada <ada@acme.io>"}})
    await at.poll()
    assert (await at.account()).email == "ada@acme.io"
    gone = ErasureFact(email="ada@acme.io")
    await seeds.receive(
        at.database, seeds.event_of(at.source, gone, key="gone", occurred_at=at.clock.now(), received_at=at.clock.now())
    )
    await at.apply()
    await erase_forgotten(at.database)
    await at.poll(CUSTOMERS.every)
    left = await at.account()
    assert (left.email, left.attributes) == (None, {})
    assert "ada@acme.io" not in await _everything(at.database)
    at.server.customers["cus_1"]["email"] = "bo@acme.io"
    await at.poll(CUSTOMERS.every)
    assert (await at.account()).email == "bo@acme.io"


async def _everything(database: Database) -> str:
    async with database.read() as session:
        return str([list(await session.execute(select(table))) for table in tables.metadata.sorted_tables])
