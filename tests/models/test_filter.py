"""Filters: which minimum somebody typed, which movements are under it, and what would have been told."""

from datetime import timedelta
from typing import Any

import pytest

from models import account, condition, movement, role, said
from models import filter as filters
from models.condition import About, Condition, Criterion, Standing
from models.database import Database
from models.fact import MovementFact, MovementKind
from models.filter import EVERYTHING, LARGEST_MINIMUM, AmountError, Filter, Forecast, minimum, whole_amount
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
    ("typed", "found"),
    [
        ("", (None, None)),
        ("500", (500, None)),
        ("0.5 %", (None, 50)),
        ("0,5 %", (None, 50)),
        (" 0.25%", (None, 25)),
        ("12\u202f%", (None, 1200)),
        ("100 %", (None, 10_000)),
        ("0 %", (None, None)),
        ("0.00 %", (None, None)),
        ("1,000  and 0.5 %", (1000, 50)),
        ("0.5 % and 1.000", (1000, 50)),
        ("0 and 0 %", (None, None)),
    ],
)
def test_a_minimum_is_an_amount_or_a_share_or_both(typed: str, found: tuple[int | None, int | None]) -> None:
    assert minimum(typed) == found


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        *((bad, "such as 500 or 1,000") for bad in ("abc", "0.5", "500 and 600", "1 % and 2 %", "500 0.5", "5 and x")),
        *((bad, "at most two decimals") for bad in ("abc %", "%", "-1 %", "0.005 %", "1,000 %", "٥ %", "500, 0.5 %")),
        *((bad, "at most 100 %") for bad in ("101 %", "100.01 %", "999,99 %")),
    ],
)
def test_a_share_that_can_t_be_is_refused_with_the_reason(typed: str, sentence: str) -> None:
    with pytest.raises(AmountError, match=sentence):
        minimum(typed)


@pytest.mark.parametrize(
    ("wanted", "amount_minor", "total_minor", "is_too_small"),
    [
        (Filter(least_gain_share=50), 499_99, 100_000_00, True),
        (Filter(least_gain_share=50), 500_00, 100_000_00, False),
        (Filter(least_gain_share=50), 1, 1, False),
        (Filter(least_gain_share=33), 3, 1000, True),
        (Filter(least_gain_share=33), 4, 1000, False),
        (Filter(least_gain_share=50), 1, None, False),
        (Filter(least_gain_share=50), 1, 0, False),
        (Filter(least_gain_share=50), 1, -5, False),
        (Filter(least_loss_share=10_000), 1, 100, False),
        (Filter(least_gain=500, least_gain_share=50), 499_99, None, True),
        (Filter(least_gain=500, least_gain_share=50), 500_00, None, False),
        (Filter(least_gain=500, least_gain_share=50), 999_99, 200_000_00, True),
        (Filter(least_gain=500, least_gain_share=50), 499_99, 10_000_00, True),
    ],
)
def test_the_larger_of_amount_and_share_counts_and_the_amount_alone_without_a_total(
    wanted: Filter, amount_minor: int, total_minor: int | None, *, is_too_small: bool
) -> None:
    assert wanted.is_too_small(UP, amount_minor, "USD", total_minor=total_minor) is is_too_small


GERMAN = Condition(Criterion(About.ATTRIBUTE, "country"), ("Germany", "France"))
DANAS = Condition(Criterion(About.ROLE, "owner"), ("dana@acme.com",))
BIG = Condition(Criterion(About.ATTRIBUTE, "seats"), ("250", "Yes"))
SCALE = Condition(Criterion(About.PLAN), ("Scale",))
EUROS = Condition(Criterion(About.CURRENCY), ("EUR",))


@pytest.mark.parametrize(
    ("conditions", "standing", "holds"),
    [
        ((), Standing(), True),
        ((GERMAN,), Standing(attributes={"country": "France"}), True),
        *(((GERMAN,), Standing(attributes=other), False) for other in ({}, {"country": None}, {"country": "germany"})),
        *(((BIG,), Standing(attributes={"seats": seats}), True) for seats in (250, 250.0, "250", True)),
        *(((BIG,), Standing(attributes={"seats": seats}), False) for seats in (25, 250.5, False)),
        ((DANAS,), Standing(holders={"owner": "dana@acme.com"}), True),
        ((DANAS,), Standing(holders={"csm": "dana@acme.com"}), False),
        ((SCALE, EUROS), Standing(plan="Scale", currency="EUR"), True),
        ((SCALE, EUROS), Standing(plan="Scale", currency="USD"), False),
        ((SCALE, EUROS), Standing(plan=None, currency="EUR"), False),
    ],
)
def test_all_conditions_have_to_hold(conditions: tuple[Condition, ...], standing: Standing, *, holds: bool) -> None:
    assert Filter(conditions=conditions).concerns(standing) is holds


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


async def stand(database: Database, external_id: str, country: str | None, owner: str) -> None:
    """Say where an account is, and who owns it."""
    async with database.write() as session:
        held = await seeds.hold(session, external_id)
        account.apply(held, seeds.account(external_id, attributes={"country": country}), now=NOW)
        said_by = {"workspace_id": ACME, "account_id": held.id, "by": "src_1", "voice": said.voice(1, NOW, NOW)}
        await role.apply(session, [role.Statement(role="owner", email=owner, name="Dana", **said_by)], now=NOW)


async def test_the_forecast_counts_with_the_conditions(database: Database) -> None:
    await stand(database, "a", "Germany", "dana@acme.com")
    await stand(database, "b", "France", "ada@acme.com")
    await stand(database, "c", None, "dana@acme.com")
    facts = [
        seeds.movement("a", plan="Scale"),
        seeds.movement("b", amount_minor=100_00, currency="EUR"),
        seeds.movement("b", kind=CHURN, amount_minor=-1, plan_before="Scale"),
        seeds.movement("c", amount_minor=99_99, currency="EUR"),
        seeds.movement("a", plan="Scale", occurred_at=NOW - timedelta(days=31)),
    ]
    await happen(database, facts)
    expected = {
        Filter(conditions=(GERMAN,)): 3,
        Filter(conditions=(DANAS,)): 2,
        Filter(conditions=(GERMAN, DANAS)): 1,
        Filter(conditions=(SCALE,)): 2,
        Filter(conditions=(EUROS,), least_gain=100): 1,
        Filter(conditions=(GERMAN,), kinds=(UP,)): 2,
    }
    async with database.read() as session:
        found = {wanted: await filters.forecast(session, ACME, wanted, now=NOW) for wanted in expected}
    assert found == {wanted: Forecast(told=told, happened=4) for wanted, told in expected.items()}


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_share_is_of_the_total_as_it_was_when_the_day_began(database: Database, *, is_known: bool) -> None:
    begun = seeds.movement(kind=NEW, amount_minor=1000_00, mrr_before_minor=0 if is_known else 1)
    await happen(database, [begun], occurred_at=NOW - timedelta(days=40))
    await happen(database, [seeds.movement(amount_minor=minor) for minor in (9_99, 10_00, 9_000_00)])
    wanted = Filter(least_gain_share=100)
    async with database.read() as session:
        total = await filters.total_mrr(session, ACME, on=NOW.date())
        found = await filters.forecast(session, ACME, wanted, now=NOW)
        moved = [one for one, _ in await movement.of_workspace(session, ACME)]
        standings = await filters.standings(session, moved, [wanted])
    assert total == {"USD": 1000_00 if is_known else None}
    unknown = () if is_known else ("USD",)
    assert found == Forecast(told=2 if is_known else 3, happened=3, has_share=True, unknown=unknown)
    assert {standings[one.id].total_minor for one in moved[:3]} == set(total.values())
    assert standings[moved[-1].id].total_minor is None


async def test_known_values_are_offered_by_their_words(database: Database) -> None:
    await stand(database, "a", "Germany", "dana@acme.com")
    await stand(database, "b", "France", "ada@acme.com")
    await happen(database, [seeds.movement("a", plan="Scale"), seeds.movement("b", currency="EUR", plan_before="Pro")])
    async with database.read() as session:
        known = [
            await condition.known_values(session, ACME, one.criterion) for one in (GERMAN, DANAS, SCALE, EUROS, BIG)
        ]
        assert [one.key for one in await condition.criteria(session, ACME)] == ["role:owner"]
    assert known == [
        {"France": "France", "Germany": "Germany"},
        {"dana@acme.com": "Dana", "ada@acme.com": "Dana"},
        {"Pro": "Pro", "Scale": "Scale"},
        {"EUR": "EUR", "USD": "USD"},
        {},
    ]


async def test_where_nothing_happened_there_is_no_forecast(database: Database) -> None:
    await happen(database, HAPPENED, occurred_at=NOW - timedelta(days=31))
    async with database.read() as session:
        assert await filters.forecast(session, ACME, EVERYTHING, now=NOW) is None
