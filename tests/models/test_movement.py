"""Movements: the MRR before and after, what they make of the account, and that each is told once."""

from datetime import timedelta
from typing import Any

from models import account, movement
from models.account import Account
from models.database import Database
from models.fact import AccountStatus
from models.movement import TICK, Movement
from tests import seeds
from tests.seeds import ACME, NOW


async def apply(database: Database, *, key: str = "1", source_id: str = "src_1", **fields: Any) -> Movement | None:
    fact = seeds.movement(**fields)
    async with database.write() as session:
        return await seeds.record(session, fact, key, source_id=source_id, workspace_id="T1")


async def the_account(database: Database) -> Account:
    async with database.read() as session:
        [found] = await account.of_workspace(session, "T1")
        return found


NEW, UP, DOWN, CHURN, BACK = "new_business", "expansion", "contraction", "churn", "reactivation"


TOLD_AND_DERIVED = {
    "both told": (None, UP, 40, (100, 140), (100, 140)),
    "before told": (None, UP, 40, (100, None), (100, 140)),
    "after told": (None, UP, 40, (None, 140), (100, 140)),
    "told against what is known": (200, UP, 40, (100, 140), (100, 140)),
    "known from before": (200, UP, 40, (None, None), (200, 240)),
    "new business of a customer": (200, NEW, 40, (None, None), (200, 240)),
    "new business begins at nothing": (None, NEW, 40, (None, None), (0, 40)),
    "reactivation begins at nothing": (None, BACK, 40, (None, None), (0, 40)),
    "unknown stays unknown": (None, UP, 40, (None, None), (None, None)),
    "contraction": (200, DOWN, -50, (None, None), (200, 150)),
    "churn ends at nothing": (200, CHURN, -200, (None, None), (200, 0)),
    "churn from what was": (None, CHURN, -200, (None, 0), (200, 0)),
}
"""What is known of the account, the movement's kind and amount, before and after as told, and as they should be."""


async def test_mrr_before_and_after_are_told_derived_or_unknown(database: Database) -> None:
    derived = {}
    for name, (known, kind, amount, (before, after), _) in TOLD_AND_DERIVED.items():
        if known is not None:
            earlier = {"kind": NEW, "amount_minor": known, "occurred_at": NOW - timedelta(days=1)}
            await apply(database, key=f"{name}, earlier", of=name, **earlier)
        told = {"mrr_before_minor": before, "mrr_after_minor": after}
        moved = await apply(database, key=name, of=name, kind=kind, amount_minor=amount, **told)
        assert moved is not None
        derived[name] = (moved.mrr_before_minor, moved.mrr_after_minor)
    expected = {name: row[-1] for name, row in TOLD_AND_DERIVED.items()}
    assert derived == expected
    async with database.read() as session:
        accounts = await account.of_workspace(session, "T1")
    assert {one.external_id: one.mrr_minor for one in accounts} == {
        name: after for name, (_, after) in expected.items()
    }


async def test_what_is_known_in_another_currency_or_of_a_later_day_does_not_count(database: Database) -> None:
    await apply(database, key="0", kind=NEW, amount_minor=200, occurred_at=NOW)
    other = await apply(database, key="1", currency="EUR", occurred_at=NOW + timedelta(days=1))
    earlier = await apply(database, key="2", occurred_at=NOW - timedelta(days=1))
    assert other is not None
    assert earlier is not None
    assert (other.mrr_before_minor, earlier.mrr_before_minor) == (None, None)


async def test_the_account_follows_its_movements(database: Database) -> None:
    await apply(database, key="0", kind=NEW, amount_minor=200)
    assert (await the_account(database)).status == AccountStatus.CUSTOMER
    await apply(database, key="1", kind=CHURN, amount_minor=-200, occurred_at=NOW + timedelta(days=1))
    churned = await the_account(database)
    assert (churned.status, churned.mrr_minor) == (AccountStatus.CHURNED, 0)
    await apply(database, key="2", kind=BACK, amount_minor=50, occurred_at=NOW + timedelta(days=2))
    back = await the_account(database)
    assert (back.status, back.mrr_minor, back.mrr_at) == (AccountStatus.CUSTOMER, 50, NOW + timedelta(days=2))


async def test_a_movement_that_arrives_late_leaves_what_is_newer_alone(database: Database) -> None:
    await apply(database, key="late", kind=CHURN, amount_minor=-200, mrr_before_minor=200, occurred_at=NOW)
    await apply(database, key="first", kind=NEW, amount_minor=200, occurred_at=NOW - timedelta(days=9))
    after = await the_account(database)
    assert (after.status, after.mrr_minor, after.mrr_at) == (AccountStatus.CHURNED, 0, NOW)


async def test_a_source_tells_a_movement_once_and_two_sources_two(database: Database) -> None:
    assert await apply(database) is not None
    assert await apply(database, amount_minor=77) is None
    assert await apply(database, source_id="src_2") is not None
    async with database.read() as session:
        assert [one.amount_minor for one, _ in await movement.of_workspace(session, "T1")] == [10_000, 10_000]


async def test_a_repeat_leaves_the_account_alone(database: Database) -> None:
    await apply(database, kind=NEW, amount_minor=200)
    await apply(database, kind=NEW, amount_minor=200)
    assert (await the_account(database)).mrr_minor == 200


async def test_a_movement_names_an_account_that_has_no_name_yet(database: Database) -> None:
    await apply(database, key="1")
    await apply(database, key="2", account_name="Acme Inc")
    assert (await the_account(database)).name == "Acme Inc"


async def test_totals_are_by_month_kind_and_currency(database: Database) -> None:
    for key, amount, currency, days in (
        ("1", 5, "USD", 0),
        ("2", 7, "USD", 1),
        ("3", 9, "EUR", 0),
        ("4", 1, "USD", 30),
    ):
        await apply(database, key=key, amount_minor=amount, currency=currency, occurred_at=NOW + timedelta(days=days))
    async with database.read() as session:
        totals = await movement.totals(session, "T1")
    assert [(one["month"], one["type"], one["currency"], one["count"], one["amount"]) for one in totals] == [
        ("2026-11", "expansion", "EUR", 1, 9),
        ("2026-11", "expansion", "USD", 2, 12),
        ("2026-12", "expansion", "USD", 1, 1),
    ]


async def test_any_time_is_summed_up_to_the_microsecond(database: Database) -> None:
    """Whole days are summed before; what is added here one by one is what those and the rest must come to."""
    midnight = NOW.replace(hour=0)
    edges = [midnight + timedelta(days=day) + tick * TICK for day in range(-2, 3) for tick in (-1, 0, 1)]
    edges += [NOW + timedelta(hours=hour) for hour in (-40, 0, 3, 30)]
    async with database.write() as session:
        for power, moment in enumerate(edges):
            await seeds.record(session, seeds.movement(occurred_at=moment, amount_minor=2**power), str(power))
    for since, until in [(None, one) for one in edges] + [(one, other) for one in edges for other in edges]:
        async with database.read() as session:
            sums = await movement.sums(session, ACME, since=since, until=until)
        within = [2**n for n, at in enumerate(edges) if (since is None or since <= at) and at < until]
        assert [(one.count, one.amount_minor) for one in sums] == ([(len(within), sum(within))] if within else [])


async def test_the_largest_amounts_fit(database: Database) -> None:
    moved = await apply(database, amount_minor=10**15, mrr_before_minor=10**15)
    assert moved is not None
    async with database.read() as session:
        [(found, _)] = await movement.of_workspace(session, "T1")
    assert found.mrr_after_minor == 2 * 10**15
