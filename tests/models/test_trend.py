"""The trend: MRR now and 30 days back by the days in UTC, today's gains and losses, and when its picture changes."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from models import glance, rate, trend, workspace
from models.database import Database
from models.fact import MovementKind
from models.rate import Told
from models.schedule import Rhythm
from models.secret import Keyring
from models.trend import Today, Trend
from tests import seeds
from tests.seeds import ACME, KEYRING, NOW

DAY = timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0)
FIRST = date(2026, 10, 18)
SECOND = timedelta(seconds=1)


async def move(database: Database, key: str, ago: timedelta, minor: int, **fields: Any) -> None:
    kind = MovementKind.EXPANSION if minor > 0 else MovementKind.CONTRACTION
    told = {"mrr_before_minor": 0, "kind": kind, "amount_minor": minor, "occurred_at": NOW - ago, **fields}
    async with database.write() as session:
        assert await seeds.record(session, seeds.movement(key, **told), key)


async def read(database: Database) -> Sequence[Trend]:
    async with database.read() as session:
        return await trend.read(session, ACME, midnight=MIDNIGHT, now=NOW)


async def test_it_is_the_mrr_of_each_day_and_what_today_brought(database: Database) -> None:
    await seeds.install(database)
    assert await read(database) == ()
    await move(database, "old", 90 * DAY, 1_000)
    await move(database, "ten days ago", 10 * DAY, 500)
    await move(database, "today", timedelta(hours=1), 300)
    await move(database, "today too", timedelta(hours=2), 100)
    await move(database, "lost today", timedelta(minutes=5), -50)
    await move(database, "yesterday", timedelta(hours=10), 7)
    await move(database, "tomorrow", -DAY, 9_999)
    [one] = await read(database)
    assert one.first == FIRST
    assert one.points == (1_000,) * 20 + (1_500,) * 9 + (1_507, 1_857)
    assert (one.now_minor, one.name) == (1_857, "USD")
    assert one.today == Today(gained_minor=400, gains=2, lost_minor=-50, losses=1)
    assert one.today.net_minor == 350


async def test_currencies_are_added_up_only_where_every_rate_is_known(database: Database) -> None:
    await seeds.install(database)
    await move(database, "dollars", 90 * DAY, 1_000)
    await move(database, "euros", 90 * DAY, 1_000, currency="EUR")
    assert [one.name for one in await read(database)] == ["USD", "EUR"]
    async with database.write() as session:
        await rate.store(session, ACME, [Told(FIRST, "EUR", Decimal("1.1")), Told(NOW.date(), "EUR", Decimal("1.2"))])
    total, *each = await read(database)
    assert (total.is_total, total.name, total.currency) == (True, "all", "USD")
    assert total.points == (2_100,) * 30 + (2_200,)
    assert [one.currency for one in each] == ["USD", "EUR"]
    async with database.write() as session:
        await workspace.choose_rules(session, ACME, base_currency="EUR", classification_minutes=0, by="U1", now=NOW)
    assert [one.name for one in await read(database)] == ["EUR", "USD"], "of dollars no rate is known"


async def test_currencies_come_in_the_order_of_a_recap_of_today(database: Database) -> None:
    await seeds.install(database)
    moves = (("USD", DAY), ("EUR", DAY), ("CHF", SECOND), ("GBP", SECOND), ("GBP", 2 * SECOND))
    for number, (currency, ago) in enumerate(moves):
        await move(database, f"{number}", ago, 500, currency=currency)
    in_order = [one.currency for one in await read(database)]
    assert in_order == ["USD", "GBP", "CHF", "EUR"]
    async with database.read() as session:
        seen = await glance.see(session, ACME, glance.present(Rhythm.DAILY, "UTC", now=NOW), now=NOW)
    assert [one.currency for one in seen.figures] == in_order


async def test_what_is_not_known_is_not_drawn(database: Database) -> None:
    await seeds.install(database)
    await move(database, "unclear", DAY, 500, mrr_before_minor=1_000)
    await move(database, "clear", DAY, 200)
    [one] = await read(database)
    assert (one.points, one.now_minor) == (None, None)
    assert (one.least_minor, one.unclear) == (700, 1), "it is at least that"


@pytest.mark.parametrize(
    ("news_at", "now", "as_of"),
    [
        (None, NOW + 5 * SECOND, NOW),
        (NOW - DAY, NOW + timedelta(minutes=59), NOW),
        (NOW + timedelta(minutes=7, microseconds=1), NOW + timedelta(minutes=8), NOW + timedelta(minutes=7, seconds=1)),
    ],
)
def test_its_picture_is_another_one_when_something_happened_or_an_hour_passed(
    news_at: datetime | None, now: datetime, as_of: datetime
) -> None:
    assert trend.as_of(news_at, now=now) == as_of


async def test_what_came_last_is_news_unless_it_is_history(database: Database) -> None:
    await seeds.install(database)
    async with database.write() as session:
        assert await trend.news_at(session, ACME) is None
        await seeds.record(session, seeds.movement("a"), "a")
        assert await trend.news_at(session, ACME) == NOW
        assert await trend.news_at(session, "T0GLOBEX") is None


async def test_its_picture_is_another_one_when_history_changed_the_figures(database: Database) -> None:
    await seeds.install(database)
    await move(database, "ten days ago", 10 * DAY, 500)
    [before] = await read(database)
    await move(database, "long ago", 90 * DAY, 1_000)
    [after] = await read(database)
    versions = [trend.version(one, keyring=KEYRING) for one in (before, after, after)]
    assert versions[0] != versions[1] == versions[2]
    assert trend.version(before, keyring=Keyring([Keyring.new_key()])) != versions[0], "nobody else can try figures out"
