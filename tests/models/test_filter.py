"""Filters: which minimum somebody typed, which movements are under it, and what would have been told."""

from datetime import timedelta
from typing import Any

import pytest

from models import filter as filters
from models.database import Database
from models.fact import MovementFact, MovementKind
from models.filter import EVERYTHING, LARGEST_MINIMUM, AmountError, Filter, Forecast, whole_amount
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

NEW, UP, DOWN, CHURN, BACK = EVERYTHING.kinds


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("", None),
        ("  ", None),
        ("0", None),
        ("500", 500),
        (" 0500 ", 500),
        ("1000", 1000),
        ("1,000", 1000),
        ("1.000", 1000),
        ("1 000", 1000),
        ("1\u202f000", 1000),
        ("1'000", 1000),
        ("1’000’000", 1_000_000),
        ("12,34,567", 1_234_567),
        ("1,000,000,000", LARGEST_MINIMUM),
    ],
)
def test_a_whole_amount_is_read_as_people_group_its_digits(typed: str, amount: int | None) -> None:
    assert whole_amount(typed) == amount


@pytest.mark.parametrize(
    "typed",
    ["10.50", "10,50", "1.000,50", "1,000.50", "1,000.000", "1,00", ",500", "500.", "-5", "+5", "$500", "500 USD",
     "5e3", "five", "１２", "٥", "<!channel>", "x" * 3000, "9" * 13],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_or_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(AmountError, match="such as 500 or 1,000"):
        whole_amount(typed)


def test_an_amount_beyond_all_measure_is_refused() -> None:
    with pytest.raises(AmountError, match="at most 1,000,000,000"):
        whole_amount("1,000,000,001")


@pytest.mark.parametrize(
    ("kind", "amount_minor", "currency", "is_too_small"),
    [
        (UP, 49_999, "USD", True),
        (UP, 50_000, "USD", False),
        (NEW, 499, "JPY", True),
        (BACK, 500, "JPY", False),
        (UP, 499_999, "BHD", True),
        (UP, 500_000, "BHD", False),
        (DOWN, -999_99, "EUR", True),
        (CHURN, -1_000_00, "EUR", False),
    ],
)
def test_a_minimum_counts_in_the_movement_s_own_currency(
    kind: MovementKind, amount_minor: int, currency: str, *, is_too_small: bool
) -> None:
    wanted = Filter(least_gain=500, least_loss=1000)
    assert wanted.is_too_small(kind, amount_minor, currency) is is_too_small
    assert not EVERYTHING.is_too_small(kind, 1, currency)


HAPPENED = (
    [seeds.movement(kind=NEW, amount_minor=minor, mrr_before_minor=0) for minor in (100_00, 500_00, 499_99)]
    + [seeds.movement(kind=DOWN, amount_minor=-minor) for minor in (50_00, 900_00)]
    + [seeds.movement(kind=CHURN, amount_minor=-70_000, currency="JPY"), seeds.movement(kind=UP, currency="JPY")]
)
"""Seven movements in two currencies."""


async def happen(database: Database, facts: list[MovementFact], *, workspace_id: str = ACME, **fields: Any) -> None:
    async with database.write() as session:
        for number, fact in enumerate(facts):
            told = fact.model_copy(update=fields)
            key = f"{number} {fields}"
            assert await seeds.record(session, told, key, source_id=workspace_id, workspace_id=workspace_id)


@pytest.mark.parametrize(
    "wanted",
    [
        EVERYTHING,
        Filter(kinds=(NEW,)),
        Filter(least_gain=500),
        Filter(least_loss=500),
        Filter(kinds=(DOWN, CHURN), least_gain=10**9, least_loss=80),
        Filter(least_gain=10**9, least_loss=10**9),
    ],
)
async def test_the_forecast_counts_what_the_filter_would_have_let_through(database: Database, wanted: Filter) -> None:
    await happen(database, HAPPENED, occurred_at=NOW - timedelta(days=3))
    await happen(database, HAPPENED, occurred_at=NOW - timedelta(days=31))
    await happen(database, HAPPENED, occurred_at=NOW + timedelta(days=1))
    await happen(database, HAPPENED, occurred_at=NOW - timedelta(days=3), workspace_id=GLOBEX)
    passing = [
        fact
        for fact in HAPPENED
        if fact.kind in wanted.kinds and not wanted.is_too_small(fact.kind, fact.amount_minor, fact.currency)
    ]
    async with database.read() as session:
        found = await filters.forecast(session, ACME, wanted, now=NOW)
    assert found == Forecast(told=len(passing), happened=7)


async def test_where_nothing_happened_there_is_no_forecast(database: Database) -> None:
    await happen(database, HAPPENED, occurred_at=NOW - timedelta(days=31))
    async with database.read() as session:
        assert await filters.forecast(session, ACME, EVERYTHING, now=NOW) is None
