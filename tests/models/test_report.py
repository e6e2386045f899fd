"""The built-in report: one for each workspace, with the figures of the month so far, never mixing currencies."""

from datetime import datetime, timedelta

from models import report
from models.database import Database
from models.fact import MovementKind
from models.report import Figures
from scheduler.apply import apply_waiting
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

MONTH = datetime.fromisoformat("2026-11-01T00:00:00Z")


async def told(database: Database, *movements: dict[str, object]) -> tuple[Figures, ...]:
    """Let these movements happen in Acme, each of an account of its own, and read the report."""
    origin, _ = await seeds.add_source(database)
    facts = [seeds.movement(f"account {number}", **one) for number, one in enumerate(movements)]
    await seeds.receive(database, *(seeds.event_of(origin, one, key=str(number)) for number, one in enumerate(facts)))
    while await apply_waiting(database, now=NOW):
        pass
    async with database.read() as session:
        return await report.figures(session, ACME, now=NOW)


async def test_each_workspace_has_one_report_whose_id_stays(database: Database) -> None:
    await seeds.install(database)
    await seeds.install(database, GLOBEX)
    async with database.read() as session:
        first, other = await report.built_in(session, ACME), await report.built_in(session, GLOBEX)
    await seeds.install(database, now=NOW + timedelta(days=1))
    async with database.read() as session:
        again = await report.built_in(session, ACME)
        assert first is not None
        assert again is not None
        assert other is not None
        assert again.id == first.id != other.id
        assert await report.get(session, GLOBEX, first.id) is None


async def test_currencies_are_summed_apart_and_only_of_this_month(database: Database) -> None:
    await seeds.install(database)
    usd, eur = await told(
        database,
        {"kind": "new_business", "amount_minor": 10_000, "occurred_at": MONTH},
        {"kind": "expansion", "amount_minor": 5_000, "mrr_before_minor": 5_000},
        {"kind": "churn", "amount_minor": -7_000, "mrr_before_minor": 7_000},
        {"kind": "new_business", "amount_minor": 400, "currency": "EUR"},
        {"kind": "new_business", "amount_minor": 99_000, "occurred_at": MONTH - timedelta(seconds=1)},
        {"kind": "new_business", "amount_minor": 1, "occurred_at": NOW + timedelta(days=1)},
    )
    assert (usd.currency, usd.net_minor, usd.count) == ("USD", 8_000, 3)
    assert {one.kind: one.amount_minor for one in usd.sums} == {
        MovementKind.NEW_BUSINESS: 10_000,
        MovementKind.EXPANSION: 5_000,
        MovementKind.CHURN: -7_000,
    }
    assert [one.amount_minor for one in usd.largest] == [10_000, -7_000, 5_000]
    assert usd.mrr_minor == 10_000 + 10_000 + 99_000 + 1
    assert (eur.currency, eur.net_minor, eur.mrr_minor) == ("EUR", 400, 400)


async def test_the_mrr_is_unknown_where_it_is_of_one_customer(database: Database) -> None:
    await seeds.install(database)
    [usd] = await told(
        database,
        {"kind": "new_business", "amount_minor": 10_000},
        {"kind": "expansion", "amount_minor": 5_000},
    )
    assert (usd.mrr_minor, usd.net_minor) == (None, 15_000)


async def test_a_workspace_without_movements_has_no_figures(database: Database) -> None:
    await seeds.install(database)
    async with database.read() as session:
        assert await report.figures(session, ACME, now=NOW) == ()
