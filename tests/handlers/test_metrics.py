"""What Prometheus scrapes: sums of all workspaces, which name none of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from handlers import metrics
from models import lane
from models.database import Database
from models.delivery import Attempt, Delivery, DeliveryState, FactKind, Owed
from models.recipient import RecipientKind
from scheduler.apply import apply_waiting
from tests import seeds
from tests.seeds import ACME, NOW
from tests.stage import both_engines

Client = TestClient[web.Request, web.Application]
SECRET_CHANNEL = "C0PLANTED"


class Clock:
    def __init__(self) -> None:
        self.at: datetime = NOW + timedelta(seconds=30)

    def now(self) -> datetime:
        return self.at


@asynccontextmanager
async def served(database: Database, clock: Clock | None = None) -> AsyncIterator[Client]:
    app = web.Application()
    metrics.register(app, database=database, now=(clock or Clock()).now)
    async with TestClient(TestServer(app)) as client:
        yield client


async def scrape(client: Client) -> dict[str, float]:
    """Read the samples as Prometheus does, by their name and labels."""
    async with client.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain")
        text = await response.text()
    assert SECRET_CHANNEL not in text
    assert ACME not in text
    return {
        " ".join([sample.name, *filter(None, sample.labels.values())]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def work(database: Database) -> None:
    """Let four events come, one of them twice, each owed to one channel, and the first delivered after two seconds."""
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    await seeds.add_destination(database, SECRET_CHANNEL)
    news = [seeds.event_of(origin, seeds.movement(), key=f"m{number}") for number in range(4)]
    await seeds.receive(database, *news, news[0])
    await apply_waiting(database, now=NOW, limit=3)
    async with database.write() as session:
        statement = update(Delivery).values(state=DeliveryState.DELIVERED, settled_at=NOW + timedelta(seconds=2))
        first = Delivery.id == (await session.scalars(Delivery.__table__.select().limit(1))).one()
        await session.execute(statement.where(first))


async def try_once(database: Database, *answers: str) -> None:
    async with database.write() as session:
        owed = Owed(asked_by="dst", fact=(FactKind.MOVEMENT, "mov"), recipient=(RecipientKind.CHANNEL, "C9"))
        await lane.owe(session, ACME, [owed], now=NOW)
        delivery_id = (await session.scalars(Delivery.__table__.select().limit(1))).one()
        for number, answer in enumerate(answers):
            told = {"delivery_id": delivery_id, "number": number, "started_at": NOW, "finished_at": NOW}
            session.add(Attempt(workspace_id=ACME, answer=answer, **told))


async def test_a_scrape_tells_what_came_what_is_owed_and_that_it_adds_up(database: Database) -> None:
    await work(database)
    async with served(database) as client:
        found = await scrape(client)
    assert found["runrate_events_received_total"] == 5
    assert found["runrate_events_total applied"] == 3
    assert found["runrate_events_total duplicate"] == 1
    assert found["runrate_events_total refused"] == 0
    assert found["runrate_events_waiting"] == 1
    assert found["runrate_deliveries_owed_total"] == 3
    assert found["runrate_deliveries delivered"] == 1
    assert found["runrate_deliveries pending"] == 2
    assert found["runrate_lanes_waiting"] == 1
    assert found["runrate_lane_backlog_largest"] == 2
    assert found["runrate_oldest_open_seconds"] == 30
    assert found["runrate_oldest_waiting_event_seconds"] == 30
    assert found["runrate_ledger_balanced events"] == 1
    assert found["runrate_ledger_balanced deliveries"] == 1


async def test_the_latencies_can_be_read_as_a_histogram(database: Database) -> None:
    await work(database)
    async with served(database) as client:
        found = await scrape(client)
    assert found["runrate_delivery_latency_seconds_bucket 1.0"] == 0
    assert found["runrate_delivery_latency_seconds_bucket 2.5"] == 1
    assert found["runrate_delivery_latency_seconds_bucket +Inf"] == 1
    assert found["runrate_event_latency_seconds_bucket +Inf"] == 3


@both_engines
async def test_limits_are_counted_and_no_word_of_slack_s_becomes_a_label(database: Database) -> None:
    await seeds.install(database)
    await try_once(database, "ratelimited", "http 429", "ok", 'a"word of C0PLANTED')
    async with served(database) as client:
        found = await scrape(client)
    assert found["runrate_rate_limited_total"] == 2
    assert found["runrate_attempts_total ok"] == 1
    assert found["runrate_attempts_total other"] == 1


@both_engines
async def test_a_ledger_that_does_not_add_up_is_told_as_0(database: Database) -> None:
    await work(database)
    async with database.write() as session:
        await session.execute(update(Delivery).values(state="lost"))
    async with served(database) as client:
        found = await scrape(client)
    assert found["runrate_ledger_balanced deliveries"] == 0
    assert found["runrate_ledger_balanced events"] == 1


async def test_scrapes_in_quick_succession_cost_the_database_one_reading(database: Database) -> None:
    clock = Clock()
    async with served(database, clock) as client:
        assert (await scrape(client))["runrate_events_received_total"] == 0
        await work(database)
        assert (await scrape(client))["runrate_events_received_total"] == 0
        clock.at += metrics.KEPT
        assert (await scrape(client))["runrate_events_received_total"] == 5
