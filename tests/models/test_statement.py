"""Statements through the real tables: what subscriptions are worth at the start, movements and rates come to the end.

What is at the start and at the end is looked up in the subscriptions themselves, or the equation would hold by itself.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from models import account, rate, subscription
from models.currency import digits, rounded
from models.database import Database
from models.mrr import Segment
from models.rate import Moved, Rates, Statement, Told
from models.workspace import Workspace
from tests import seeds
from tests.seeds import ACME, NOW

FIRST = date(2026, 3, 1)
DAYS, ACCOUNTS = 92, 12
BASE, OTHERS = "USD", ("EUR", "JPY", "KWD")


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def histories(luck: random.Random) -> list[Segment]:
    """Draw subscriptions that change, in four currencies; of one, another segment may follow."""
    found = {}
    for number in range(ACCOUNTS * 6):
        start = luck.randrange(-5, DAYS) + luck.choice([0, 0.25, 0.9])
        starts_at = midnight(FIRST) + timedelta(days=start)
        lasts = luck.choice([None, 0, 1, 7, 30])
        segment = Segment(
            source_id="src_1",
            external_id=f"sub_{number // 2}",
            starts_at=starts_at,
            account_id=f"acc_{number // 2 % ACCOUNTS}",
            ends_at=None if lasts is None else starts_at + timedelta(days=lasts),
            mrr_minor=luck.randrange(0, 99_999),
            currency=luck.choice([BASE, *OTHERS]),
            as_of=midnight(FIRST),
        )
        found[segment[:3]] = segment
    return list(found.values())


def rates(luck: random.Random) -> list[Told]:
    days = [FIRST + timedelta(number) for number in range(-6, DAYS, 3)]
    return [Told(day, code, Decimal(luck.randrange(5, 40_000)).scaleb(-4)) for day in days for code in OTHERS]


def look(segments: Sequence[Segment], day: date) -> Counter[str]:
    """Say what subscriptions are worth at the beginning of a day, before anything of that day happens."""
    worth, just_before = Counter[str](), midnight(day) - timedelta(microseconds=1)
    for of in {one.external_id for one in segments}:
        begun = [one for one in segments if one.external_id == of and one.starts_at <= just_before]
        decides = max(begun, key=lambda one: one.starts_at, default=None)
        if decides is not None and just_before < decides.end:
            worth[decides.currency] += decides.mrr_minor
    return worth


def in_base(amounts: Counter[str], told: Sequence[Told], day: date) -> int:
    """Convert by hand, rounding once."""
    latest = {one.currency: one.rate for one in sorted(told) if one.day <= day} | {BASE: Decimal(1)}
    return rounded(
        sum(
            (Fraction(latest[code]) * amount * Fraction(10) ** (digits(BASE) - digits(code)))
            for code, amount in amounts.items()
        )
        or Fraction(0)
    )


def periods() -> Iterator[tuple[date, date]]:
    """Give each day, each week from a Sunday on, and each month."""
    days = [FIRST + timedelta(number) for number in range(DAYS + 1)]
    for cuts in (days, days[::7], [day for day in days if day.day == 1]):
        yield from pairwise(cuts)


def check(moved: list[Moved], segments: Sequence[Segment], known: Rates, told: Sequence[Told]) -> list[Statement]:
    """Hold each period of some subscriptions against what they are worth at its ends; give their statements."""
    stated = []
    for since, until in periods():
        start, end = look(segments, since), look(segments, until)
        by_currency: dict[str, int] = defaultdict(int)
        for one in moved:
            if since <= one.day < until:
                by_currency[one.currency] += one.amount_minor
        for currency in {*start, *end, *by_currency}:
            assert start[currency] + by_currency[currency] == end[currency]
        found = rate.state(moved, known, since=since, until=until)
        assert found is not None
        assert (found.start_minor, found.end_minor) == (in_base(start, told, since), in_base(end, told, until))
        assert found.start_minor + sum(found.sums.values()) + found.fx_other_minor == found.end_minor
        stated.append(found)
    return stated


@pytest.mark.parametrize("seed", [1, 2])
async def test_start_and_movements_and_rates_come_to_the_end_in_every_period_account_and_currency(
    database: Database, seed: int
) -> None:
    luck = random.Random(seed)
    segments, told = histories(luck), rates(luck)
    await seeds.install(database)
    async with database.write() as session:
        for number in range(ACCOUNTS):
            begun = account.new(ACME, f"acc_{number}", now=NOW)
            begun.id = begun.external_id
            session.add(begun)
        await session.flush()
        await subscription.apply(session, ACME, segments, now=NOW)
        await rate.store(session, ACME, told)
    async with database.read() as session:
        tenant = await session.get_one(Workspace, ACME)
        known = Rates(tenant.base_currency, await rate.of_workspace(session, ACME))
        everything = await rate.moved(session, ACME)
        apart = {
            one.id: await rate.moved(session, ACME, account_id=one.id)
            for one in await account.of_workspace(session, ACME)
        }
    stated = check(everything, segments, known, told)
    assert any(one.fx_other_minor for one in stated)
    for account_id, moved in apart.items():
        theirs = [one for one in segments if one.account_id == account_id]
        assert moved
        check(moved, theirs, known, told)
    lost = next(one for one in everything if FIRST <= one.day < FIRST + timedelta(30))
    with pytest.raises(AssertionError):
        check([one for one in everything if one is not lost], segments, known, told)
    dollars = [one for one in everything if one.currency == BASE]
    plain = [rate.state(dollars, Rates(BASE), since=since, until=until) for since, until in periods()]
    assert {one and one.fx_other_minor for one in plain} == {0}, "rates do nothing to the base currency"
