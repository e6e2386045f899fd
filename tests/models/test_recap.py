"""A recap's figures can be checked by hand: `[start, end)` in the destination's zone, each currency by itself."""

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy

from models import account, destination, late, movement, rate, recap
from models.database import Database
from models.destination import Destination
from models.fact import MovementKind
from models.late import Late
from models.rate import Told
from models.recap import Figures, Recap, Sum
from models.wish import Frequency
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

NEW, UP, DOWN, CHURN, BACK = MovementKind
Change = tuple[str, str, MovementKind, int, int | None, str]
"""When, of whom, what, how much, from how much, in which currency."""


def at(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def tell(database: Database, *told: Change, workspace_id: str = ACME) -> None:
    async with database.write() as session:
        for number, (when, who, kind, amount, before, currency) in enumerate(told):
            fact = seeds.movement(
                who, kind=kind, amount_minor=amount, mrr_before_minor=before, currency=currency, occurred_at=at(when)
            )
            await seeds.record(session, fact, f"{who} {number}", workspace_id=workspace_id)


async def made(
    database: Database, run: str, frequency: Frequency = Frequency.DAILY, *, zone: str = "UTC", at_: time = time(9)
) -> Recap:
    """Make the recap that a run tells."""
    asking = await seeds.add_destination(database, "C1", frequency=frequency, zone=zone, at=at_, name=run + zone)
    async with database.write() as session:
        found = await session.get(Destination, asking.id)
        assert found is not None
        [recap_id] = (await recap.make(session, [(found, at(run))], now=at(run))).values()
        one = await recap.get(session, ACME, recap_id)
        assert one is not None
        return one


async def summed(database: Database, one: Recap) -> list[Figures]:
    async with database.read() as session:
        return await recap.figures(session, ACME, one)


WEEK: list[Change] = [
    ("2026-10-01T12:00", "Northwind", NEW, 100_000, None, "USD"),
    ("2026-11-10T12:00", "Contoso", NEW, 50_000, None, "USD"),  # the week before
    ("2026-11-16T00:00", "Initech", NEW, 20_000, None, "USD"),  # the first instant of the week
    ("2026-11-17T12:00", "Northwind", UP, 30_000, None, "USD"),
    ("2026-11-18T12:00", "Northwind", DOWN, -5_000, None, "USD"),
    ("2026-11-19T12:00", "Contoso", CHURN, -50_000, None, "USD"),
    ("2026-11-20T12:00", "Contoso", BACK, 10_000, None, "USD"),
    ("2026-11-22T23:59:59.999999", "Hooli", NEW, 1_000, None, "USD"),  # the last one
    ("2026-11-23T00:00", "Hooli", UP, 999_000, None, "USD"),  # the next week's
]


async def test_a_week_in_one_currency(database: Database) -> None:
    await tell(database, *WEEK)
    [usd] = await summed(database, await made(database, "2026-11-23T09:00", Frequency.WEEKLY))
    assert usd == Figures(
        currency="USD",
        start_minor=150_000,
        sums={
            NEW: Sum(amount_minor=21_000, count=2),
            UP: Sum(amount_minor=30_000, count=1),
            DOWN: Sum(amount_minor=-5_000, count=1),
            CHURN: Sum(amount_minor=-50_000, count=1),
            BACK: Sum(amount_minor=10_000, count=1),
        },
        before_minor=50_000,
        gains=(("Northwind", 25_000), ("Initech", 20_000), ("Hooli", 1_000)),
        losses=(("Contoso", -40_000),),
    )
    assert (usd.net_minor, usd.end_minor, usd.count) == (6_000, 156_000, 6)


async def test_currencies_are_never_summed_and_the_base_currency_comes_before_the_busiest(database: Database) -> None:
    await seeds.install(database)
    await tell(
        database,
        ("2026-11-01T12:00", "Resting", NEW, 7_000, None, "JPY"),
        ("2026-11-17T08:00", "Paris", NEW, 500, None, "EUR"),
        ("2026-11-17T09:00", "Austin", NEW, 100, None, "USD"),
        ("2026-11-17T10:00", "Leeds", NEW, 200, None, "GBP"),
        ("2026-11-17T11:00", "York", NEW, 100, None, "GBP"),
    )
    found = await summed(database, await made(database, "2026-11-18T09:00"))
    assert [(one.currency, one.start_minor, one.net_minor, one.end_minor, one.count) for one in found] == [
        ("USD", 0, 100, 100, 1),
        ("GBP", 0, 300, 300, 2),
        ("EUR", 0, 500, 500, 1),
        ("JPY", 7_000, 0, 7_000, 0),
    ]
    assert [one.before_minor for one in found] == [None, None, None, 0]


RATES = [
    Told(date(2026, 11, 1), "EUR", Decimal("1.10")),
    Told(date(2026, 11, 17), "EUR", Decimal("1.15")),
    Told(date(2026, 11, 18), "EUR", Decimal("1.20")),
]
EUROS: list[Change] = [
    ("2026-11-03T12:00", "Paris", NEW, 10_000, None, "EUR"),
    ("2026-11-03T13:00", "Austin", NEW, 500, None, "USD"),
    ("2026-11-17T08:00", "Paris", UP, 333, 10_000, "EUR"),
    ("2026-11-17T09:00", "Austin", CHURN, -500, 500, "USD"),
]


async def test_where_rates_are_known_a_total_comes_first_and_what_they_did_is_apart(database: Database) -> None:
    await seeds.install(database)
    await tell(database, *EUROS)
    one = await made(database, "2026-11-18T09:00")
    assert [figures.name for figures in await summed(database, one)] == ["USD", "EUR"], "the base currency first"
    async with database.write() as session:
        await rate.store(session, ACME, RATES)
    total, *apart = await summed(database, one)
    assert [(figures.name, figures.fx_other_minor) for figures in apart] == [("USD", 0), ("EUR", 0)]
    assert total == Figures(
        currency="USD",
        start_minor=11_500 + 500,
        sums={UP: Sum(amount_minor=383, count=1), CHURN: Sum(amount_minor=-500, count=1)},
        before_minor=500,
        is_total=True,
        fx_other_minor=12_400 - 12_000 - 383 + 500,
    )
    assert (total.name, total.net_minor, total.end_minor) == ("all", 400, 12_400)
    still, *_ = await summed(database, await made(database, "2026-11-20T09:00"))
    assert (still.is_total, still.count, still.end_minor) == (True, 0, 12_400), "in an empty period too"


@pytest.mark.parametrize(
    "more",
    [
        ("2026-11-17T10:00", "London", NEW, 5, None, "GBP"),  # There is no rate for it.
        ("2026-11-17T10:00", "Nice", UP, 5, 90, "EUR"),  # Of what it had before, no movement tells.
    ],
)
async def test_there_is_no_total_where_something_of_it_is_unknown(database: Database, more: Change) -> None:
    await seeds.install(database)
    async with database.write() as session:
        await rate.store(session, ACME, RATES)
    await tell(database, *EUROS, more)
    assert not any(one.is_total for one in await summed(database, await made(database, "2026-11-18T09:00")))


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York"])
async def test_a_period_s_total_ends_where_the_next_one_starts(database: Database, zone: str) -> None:
    await seeds.install(database)
    luck = random.Random(zone)
    told: list[Change] = [
        (
            f"2026-11-{luck.randrange(1, 9):02}T{luck.randrange(24):02}:30",
            f"A{n}",
            NEW,
            luck.randrange(1, 9999),
            0,
            code,
        )
        for n in range(40)
        for code in ["USD", "EUR", "JPY"][n % 3 : n % 3 + 1]
    ]
    await tell(database, *told)
    async with database.write() as session:
        for day in range(1, 12):
            when = date(2026, 10, 30) + timedelta(day)
            euro, yen = luck.randrange(9000, 13_000), luck.randrange(60, 70)
            rates = [Told(when, "EUR", Decimal(euro).scaleb(-4)), Told(when, "JPY", Decimal(yen).scaleb(-4))]
            await rate.store(session, ACME, rates)
    ends, nets = [], []
    for day in range(2, 10):
        run = datetime(2026, 11, day, 9, tzinfo=ZoneInfo(zone)).isoformat()
        total, *apart = await summed(database, await made(database, run, zone=zone))
        assert total.is_total
        assert total.count == sum(one.count for one in apart)
        ends.append((total.start_minor, total.end_minor))
        nets.append((total.before_minor, total.net_minor))
    assert all(end == start for (_, end), (start, _) in pairwise(ends))
    assert all(net == before for (_, net), (before, _) in pairwise(nets))


async def test_a_total_is_compared_with_that_of_the_same_month_a_year_ago(database: Database) -> None:
    await seeds.install(database)
    await tell(
        database,
        ("2025-09-03T12:00", "Paris", NEW, 10_000, None, "EUR"),
        ("2025-10-03T12:00", "Austin", NEW, 500, None, "USD"),
        ("2026-10-05T12:00", "Paris", UP, 100, 10_000, "EUR"),
    )
    async with database.write() as session:
        rates = [("2025-09-01", "1.00"), ("2025-10-31", "1.10"), ("2026-09-05", "1.20")]
        await rate.store(session, ACME, [Told(date.fromisoformat(day), "EUR", Decimal(told)) for day, told in rates])
    total, *_ = await summed(database, await made(database, "2026-11-01T09:00", Frequency.MONTHLY))
    assert (total.is_total, total.net_minor) == (True, 120)
    assert total.before_minor == 1_000, "nothing moved in September but the rate"
    assert total.year_ago_minor == 500 + 1_000


async def test_the_five_largest_of_each_are_named_accounts_by_their_whole_period(database: Database) -> None:
    gains: list[Change] = [("2026-11-17T08:00", f"Up {n}", NEW, 100 * n, None, "USD") for n in range(1, 8)]
    losses: list[Change] = [("2026-11-17T08:00", f"Down {n}", CHURN, -100 * n, 100 * n, "USD") for n in range(1, 8)]
    still: list[Change] = [
        ("2026-11-17T08:00", "Still", NEW, 900_000, None, "USD"),
        ("2026-11-17T09:00", "Still", CHURN, -900_000, 900_000, "USD"),
    ]
    await tell(database, *gains, *losses, *still)
    async with database.write() as session:
        account.apply(await seeds.hold(session, "Up 7"), seeds.account("Up 7", name="The Seventh"), now=NOW)
    [usd] = await summed(database, await made(database, "2026-11-18T09:00"))
    assert usd.gains == (("The Seventh", 700), ("Up 6", 600), ("Up 5", 500), ("Up 4", 400), ("Up 3", 300))
    assert usd.losses == tuple((f"Down {n}", -100 * n) for n in (7, 6, 5, 4, 3))
    assert (usd.more_gains, usd.more_losses) == (2, 2)


@pytest.mark.parametrize(
    ("told", "start"),
    [
        ([("2026-11-17T08:00", "A", UP, 100, 500, "USD")], None),
        ([("2026-11-17T08:00", "A", UP, 100, None, "USD")], None),
        ([("2026-11-17T08:00", "A", NEW, 100, None, "USD")], 0),
        ([("2026-11-17T08:00", "A", UP, 100, 0, "USD")], 0),
        ([("2026-10-17T08:00", "A", NEW, 500, None, "USD"), ("2026-11-17T08:00", "A", UP, 100, 500, "USD")], 500),
        # Both at one instant: the new business came first, whatever their order in the file.
        ([("2026-11-17T08:00", "A", UP, 100, 500, "USD"), ("2026-11-17T08:00", "A", NEW, 500, 0, "USD")], 0),
        # What happens later shows that something was missing all along.
        ([("2026-11-17T08:00", "A", NEW, 5, 0, "USD"), ("2026-11-19T08:00", "B", DOWN, -1, 90, "USD")], None),
        # Another currency's gap is its own.
        ([("2026-11-17T08:00", "A", NEW, 5, 0, "USD"), ("2026-11-01T08:00", "B", DOWN, -1, 90, "EUR")], 0),
    ],
)
async def test_the_start_is_unknown_where_an_account_had_mrr_of_which_no_movement_tells(
    database: Database, told: list[Change], start: int | None
) -> None:
    await tell(database, *told)
    found = await summed(database, await made(database, "2026-11-18T09:00"))
    usd = next(one for one in found if one.currency == "USD")
    assert (usd.start_minor, usd.end_minor) == (start, None if start is None else start + usd.net_minor)
    if start is None:
        assert usd.before_minor is None


async def test_a_period_that_several_recaps_tell_is_summed_up_once(database: Database) -> None:
    await tell(database, *WEEK)
    weekly = [await made(database, f"2026-11-23T0{hour}:00", Frequency.WEEKLY, at_=time(hour)) for hour in (8, 9)]
    daily = await made(database, "2026-11-18T09:00")
    queries: list[str] = []
    async with database.read() as session:
        connection = await session.connection()
        sqlalchemy.event.listen(
            connection.sync_connection, "before_cursor_execute", lambda *told: queries.append(told[2])
        )
        found = await recap.figures_of(session, [*weekly, daily])
        asked = len(queries)
        assert found == {one.id: await recap.figures(session, ACME, one) for one in (*weekly, daily)}
    assert asked == 2 * (len(queries) - asked) / 3


async def test_another_workspace_is_not_in_it(database: Database) -> None:
    await tell(database, ("2026-11-17T08:00", "A", NEW, 100, None, "USD"))
    await tell(database, ("2026-11-17T08:00", "B", UP, 100, 900, "USD"), workspace_id=GLOBEX)
    [usd] = await summed(database, await made(database, "2026-11-18T09:00"))
    assert (usd.start_minor, usd.net_minor) == (0, 100)


@pytest.mark.parametrize(
    ("run", "frequency", "zone", "first", "starts", "ends", "before"),
    [
        ("2026-11-18T09:00", Frequency.DAILY, "UTC", "2026-11-17", "2026-11-17T00:00", "2026-11-18T00:00", "2026-11-16T00:00"),  # noqa: E501
        # Berlin's day of 25 hours, and New York's of 23.
        ("2026-10-26T08:00", Frequency.DAILY, "Europe/Berlin", "2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00", "2026-10-23T22:00"),  # noqa: E501
        ("2026-03-09T13:00", Frequency.DAILY, "America/New_York", "2026-03-08", "2026-03-08T05:00", "2026-03-09T04:00", "2026-03-07T05:00"),  # noqa: E501
        ("2026-11-22T21:00", Frequency.WEEKLY, "Pacific/Auckland", "2026-11-16", "2026-11-15T11:00", "2026-11-22T11:00", "2026-11-08T11:00"),  # noqa: E501
        ("2026-04-01T07:00", Frequency.MONTHLY, "Europe/Berlin", "2026-03-01", "2026-02-28T23:00", "2026-03-31T22:00", "2026-01-31T23:00"),  # noqa: E501
        ("2027-01-01T09:00", Frequency.MONTHLY, "UTC", "2026-12-01", "2026-12-01T00:00", "2027-01-01T00:00", "2026-11-01T00:00"),  # noqa: E501
        # Cairo skips midnight on that day: it begins at one o'clock.
        ("2026-04-25T06:00", Frequency.DAILY, "Africa/Cairo", "2026-04-24", "2026-04-23T22:00", "2026-04-24T21:00", "2026-04-22T22:00"),  # noqa: E501
    ],
)  # fmt: skip
async def test_a_period_is_local_days(
    database: Database, run: str, frequency: Frequency, zone: str, first: str, starts: str, ends: str, before: str
) -> None:
    one = await made(database, run, frequency, zone=zone)
    assert one.first == date.fromisoformat(first)
    assert (one.starts_at, one.ends_at, one.before_at) == (at(starts), at(ends), at(before))
    tick = timedelta(microseconds=1)
    moments = [one.starts_at - tick, one.starts_at, one.ends_at - tick, one.ends_at]
    told: list[Change] = [(moment.isoformat(), f"A{n}", NEW, 10**n, None, "USD") for n, moment in enumerate(moments)]
    await tell(database, *told)
    [usd] = await summed(database, one)
    assert (usd.start_minor, usd.net_minor, usd.before_minor) == (1, 110, 1)


async def test_a_recap_is_made_once(database: Database) -> None:
    one = await made(database, "2026-11-18T09:00")
    async with database.write() as session:
        asking = await session.get(Destination, one.destination_id)
        assert asking is not None
        assert await recap.make(session, [(asking, at("2026-11-18T09:00"))], now=NOW) == {}
        assert await recap.make(session, [(asking, at("2026-11-18T17:30"))], now=NOW) == {}
        assert await recap.make(session, [(asking, at("2026-11-19T09:00"))], now=NOW)
        assert (await recap.placed(session, [one.id]))[ACME, one.id].is_outdone


async def test_a_destination_that_hears_of_each_movement_has_none(database: Database) -> None:
    await seeds.add_destination(database, "C1")
    async with database.write() as session:
        [asking] = await destination.of_workspace(session, ACME)
        assert asking.next_run_at is None
        assert await recap.make(session, [(asking, NOW)], now=NOW) == {}


@pytest.mark.parametrize(
    ("run", "frequency", "then", "euros"),
    [
        ("2026-11-18T09:00", Frequency.DAILY, "2025-11-17T23:30", None),
        ("2026-11-23T09:00", Frequency.WEEKLY, "2025-11-23T23:30", None),  # the Sunday of that week then
        ("2028-03-01T09:00", Frequency.MONTHLY, "2027-02-28T23:30", 0),
        ("2028-03-01T09:00", Frequency.DAILY, "2027-02-28T23:30", 0),  # of 29 February
    ],
)
async def test_the_same_time_a_year_ago_is_told_where_something_is_known_of_it_by_then(
    database: Database, run: str, frequency: Frequency, then: str, euros: int | None
) -> None:
    late = at(then) + timedelta(hours=1)  # the next day
    await tell(database, (then, "A", NEW, 100, None, "USD"), (late.isoformat(), "B", NEW, 5, None, "USD"))
    await tell(database, ("2026-01-01T08:00", "C", NEW, 7, None, "EUR"))
    one = await made(database, run, frequency)
    assert {of.currency: of.year_ago_minor for of in await summed(database, one)} == {"EUR": euros, "USD": 100}
    await tell(database, ("2026-01-01T08:00", "D", UP, 1, 900, "USD"))
    assert {of.currency: of.year_ago_minor for of in await summed(database, one)} == {"EUR": euros, "USD": None}


async def test_movements_are_listed_in_order_from_any_of_them_on(database: Database) -> None:
    same: list[Change] = [("2026-11-17T08:00", f"Same {n}", NEW, n, None, "USD") for n in (1, 2, 3)]
    await tell(database, *WEEK, *same)
    period = {"since": at("2026-11-16T00:00"), "until": at("2026-11-23T00:00")}
    async with database.read() as session:
        whole = await movement.in_period(session, ACME, **period, limit=100)
        paged = [
            one for n in range(4) for one in await movement.in_period(session, ACME, **period, limit=3, offset=3 * n)
        ]
        followed: list[movement.Movement] = []
        while bit := await movement.in_period(
            session, ACME, **period, limit=2, after=followed[-1] if followed else None
        ):
            followed += [moved for moved, _ in bit]
    assert [moved.amount_minor for moved, _ in whole][:1] == [20_000]
    assert sorted(moved.amount_minor for moved, _ in whole[1:4]) == [1, 2, 3]
    assert [moved.amount_minor for moved, _ in whole[4:]] == [30_000, -5_000, -50_000, 10_000, 1_000]
    assert whole[4][1].external_id == "Northwind"
    assert paged == whole
    assert followed == [moved for moved, _ in whole]


# --- what arrives late ---------------------------------------------------------------------------------------------


async def arrive(database: Database, *told: tuple[str, str, int], is_history: bool = False) -> None:
    """Record new business: when it arrived, when it was, how much."""
    async with database.write() as session:
        for arrived, when, amount in told:
            held, key = await seeds.hold(session, when), f"{arrived} {when} {amount}"
            fact = seeds.movement(when, kind=NEW, amount_minor=amount, occurred_at=at(when))
            moved = movement.record(
                held, fact, source_id="src_1", external_id=key, is_history=is_history, now=at(arrived)
            )
            await movement.add(session, [moved])


async def daily(database: Database, asking: Destination, run: str, *, made_at: str | None = None) -> Recap:
    async with database.write() as session:
        [recap_id] = (await recap.make(session, [(asking, at(run))], now=at(made_at or run))).values()
        return await session.get_one(Recap, recap_id)


async def late_in(database: Database, one: Recap) -> Late | None:
    async with database.read() as session:
        before = (await recap.placed(session, [one.id]))[ACME, one.id].before
        return None if before is None else await late.arrived(session, ACME, one, before=before, target="C1")


async def test_a_late_movement_is_told_by_the_next_recap_and_sums_reconcile(database: Database) -> None:
    """Late movement after the digest → appears in the next digest, sums reconcile to the cent (delivery test 24)."""
    asking = await seeds.add_destination(database, "C1", frequency=Frequency.DAILY)
    await arrive(database, ("2026-11-17T12:00", "2026-11-17T11:00", 1_000))
    first = await daily(database, asking, "2026-11-18T09:00")
    [told] = await summed(database, first)
    assert (told.end_minor, await late_in(database, first)) == (1_000, None)
    await arrive(
        database,
        ("2026-11-18T09:00", "2026-11-17T23:59", 10),  # at the instant at which the recap was made
        ("2026-11-19T08:59", "2026-11-17T00:00", 8),
        ("2026-11-18T12:00", "2026-11-18T11:00", 500),  # in time
    )
    await arrive(database, ("2026-11-18T12:00", "2026-11-17T10:00", 90_000), is_history=True)
    second = await daily(database, asking, "2026-11-19T09:00")
    found = await late_in(database, second)
    assert found == Late(count=2, nets={"USD": 18}, is_just_before=True)
    [usd] = await summed(database, second)
    assert (usd.start_minor, usd.net_minor, usd.end_minor) == (1_000 + 18 + 90_000, 500, 91_518)
    [corrected] = await summed(database, first)
    assert corrected.end_minor == usd.start_minor

    await arrive(database, ("2026-11-19T09:00", "2026-11-16T08:00", 3), ("2026-11-19T10:00", "2026-11-18T08:00", 4))
    third = await daily(database, asking, "2026-11-20T09:00")
    assert await late_in(database, third) == Late(count=2, nets={"USD": 7}, is_just_before=False)
    assert await late_in(database, await daily(database, asking, "2026-11-21T09:00")) is None


async def test_after_a_time_away_only_what_a_recap_had_told_before_is_late(database: Database) -> None:
    asking = await seeds.add_destination(database, "C1", frequency=Frequency.DAILY)
    await daily(database, asking, "2026-11-16T09:00")
    await arrive(
        database,
        ("2026-11-19T13:00", "2026-11-15T08:00", 1),
        ("2026-11-19T13:00", "2026-11-17T08:00", 2),  # of a day of which none told
        ("2026-11-19T15:00", "2026-11-15T09:00", 4),  # when it had been made
    )
    stale = await daily(database, asking, "2026-11-18T09:00", made_at="2026-11-19T14:00")
    newest = await daily(database, asking, "2026-11-19T09:00", made_at="2026-11-19T14:00")
    expected = Late(count=1, nets={"USD": 1}, is_just_before=False)
    assert [await late_in(database, one) for one in (stale, newest)] == [expected, expected]
    following = await daily(database, asking, "2026-11-20T09:00")
    assert await late_in(database, following) == Late(count=1, nets={"USD": 4}, is_just_before=False)
