"""Rates: totals in the base currency add up, and what the movements don't explain is FX/other."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import rate
from models.currency import minor, rounded
from models.database import Database
from models.fact import MovementKind
from models.rate import Moved, Rates, Told
from tests import seeds
from tests.seeds import ACME

JANUARY = date(2026, 1, 1)
NEW, UP, DOWN, CHURN, BACK = MovementKind


def day(number: int) -> date:
    return JANUARY + timedelta(number)


EUROS = Rates("USD", {"EUR": [(day(0), Fraction("1.10")), (day(10), Fraction("1.20"))]})


def test_what_the_movements_do_not_explain_is_a_line_of_its_own() -> None:
    moved = [Moved(day(0), "EUR", NEW, 10_000), Moved(day(5), "EUR", UP, 1_000), Moved(day(5), "USD", UP, 500)]
    told = rate.state(moved, EUROS, since=day(5), until=day(10))
    assert told is not None
    assert (told.start_minor, dict(told.sums), told.end_minor) == (11_000, {UP: 1_600}, 13_700)
    assert told.fx_other_minor == 13_700 - 11_000 - 1_600
    quiet = rate.state(moved, EUROS, since=day(0), until=day(5))
    assert quiet is not None
    assert (quiet.start_minor, quiet.fx_other_minor, quiet.end_minor) == (0, 0, 11_000)


def test_a_total_that_somebody_else_tells_leaves_the_rest_to_that_line() -> None:
    """ChartMogul rounds after it has added up, so that its total is a cent more than its movements."""
    moved = [Moved(day(1), "USD", NEW, 4004), Moved(day(1), "USD", NEW, 4004)]
    told = rate.state(moved, EUROS, since=day(0), until=day(2), end_minor=8009)
    assert told is not None
    assert told.fx_other_minor == 1


def test_without_a_rate_nothing_is_stated() -> None:
    assert rate.state([Moved(day(-1), "EUR", NEW, 1)], EUROS, since=day(-5), until=day(5)) is None
    assert rate.state([Moved(day(1), "GBP", NEW, 1)], EUROS, since=day(0), until=day(5)) is None


def test_minor_units_of_currencies_differ() -> None:
    rates = Rates("USD", {"JPY": [(day(0), Fraction("0.0065"))], "KWD": [(day(0), Fraction("3.25"))]})
    assert rates.convert(10_000, "JPY", day(1)) == 6_500
    assert rates.convert(1_000, "KWD", day(1)) == 325


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("166.6666666667", "USD", 16667),
        ("0.005", "USD", 1),
        ("0.0049", "USD", 0),
        ("12.5", "JPY", 13),
        ("1.2345", "KWD", 1235),
    ],
)
def test_an_amount_is_rounded_once_half_away_from_zero(amount: str, currency: str, expected: int) -> None:
    assert minor(Decimal(amount), currency) == expected


def test_a_loss_is_rounded_as_a_gain_is() -> None:
    assert [rounded(Fraction(half, 2)) for half in (-3, -1, 0, 1, 3)] == [-2, -1, 0, 1, 2]


moves = st.builds(
    Moved,
    st.integers(0, 40).map(day),
    st.sampled_from(["USD", "EUR", "JPY"]),
    st.sampled_from(list(MovementKind)),
    st.integers(-(10**9), 10**9),
)
told_rates = st.lists(st.tuples(st.integers(1, 40).map(day), st.integers(1, 10**6).map(lambda n: Fraction(n, 10**5))))


@given(st.lists(moves, max_size=12), told_rates, told_rates, st.lists(st.integers(1, 41), min_size=1, max_size=4))
def test_every_period_starts_where_the_one_before_ended(
    moved: list[Moved], euros: list[tuple[date, Fraction]], yen: list[tuple[date, Fraction]], cuts: list[int]
) -> None:
    first = (day(0), Fraction(1))
    rates = Rates("USD", {"EUR": [first, *sorted(euros)], "JPY": [first, *sorted(yen)]})
    days = sorted({0, *cuts})
    told = [rate.state(moved, rates, since=day(one), until=day(end)) for one, end in pairwise(days)]
    end = 0
    for one in told:
        assert one is not None
        assert one.start_minor == end
        assert one.start_minor + sum(one.sums.values()) + one.fx_other_minor == one.end_minor
        end = one.end_minor
    dollars = [one for one in moved if one.currency == "USD"]
    plain = rate.state(dollars, rates, since=day(0), until=day(41))
    assert plain is not None
    assert plain.fx_other_minor == 0


async def test_the_rate_that_was_told_last_of_a_day_counts(database: Database) -> None:
    await seeds.install(database)
    first, corrected = Told(day(0), "EUR", Decimal("1.10")), Told(day(0), "EUR", Decimal("1.15"))
    later = Told(day(3), "EUR", Decimal("1.2"))
    async with database.write() as session:
        assert await rate.store(session, ACME, [first, later]) == 0
        assert await rate.store(session, ACME, [corrected, later]) == 1
        assert await rate.store(session, ACME, []) == 0
        found = await rate.of_workspace(session, ACME)
    assert found == {"EUR": [(day(0), Fraction("1.15")), (day(3), Fraction("1.2"))]}
