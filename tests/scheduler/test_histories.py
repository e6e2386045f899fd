"""Once history is in, whoever connected it reads what last week's recap would have said; once a source."""

from datetime import timedelta

from bot.sandbox.people import ADA
from models import history, recap
from models.delivery import FactKind
from models.movement import Movement
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW
from tests.sending import Sending

LAST_WEEK = NOW - timedelta(days=3)


def words_to(line: Sending, user: str) -> list[str]:
    """What stands in somebody's direct messages from us."""
    places = [one for one in line.sandbox.state.channels.values() if one.kind == "im" and user in one.members]
    return [message.text for place in places for message in place.messages.values()]


async def test_the_real_figures_of_last_week_are_told_once_a_source(line: Sending) -> None:
    await line.install()
    origin, _ = await seeds.add_source(line.database, name="Import")
    for days, key in ((0, "1"), (7, "2"), (-3, "3")):
        fact = seeds.movement(kind="new_business", occurred_at=LAST_WEEK - timedelta(days=days), mrr_before_minor=0)
        async with line.database.write() as session:
            assert isinstance(await seeds.record(session, fact, key, source_id=origin.id), Movement)
    for _ in range(2):
        async with line.database.write() as session:
            await history.owe(session, origin, now=NOW)
    await line.drain()
    [told] = words_to(line, ADA)
    assert told.startswith(
        "The history from “Import” is in. None of it was posted. MRR, week of 9 – 15 November: +$100 net → $200"
    )
    assert [one.fact_kind for one in await line.ledger()] == [FactKind.HISTORY]


async def test_it_goes_to_nobody_where_nobody_installed_us(line: Sending) -> None:
    origin, _ = await seeds.add_source(line.database, GLOBEX)
    async with line.database.write() as session:
        await history.owe(session, origin, now=NOW)
    assert await line.ledger(GLOBEX) == []


def test_the_last_week_is_the_whole_one_before_this_monday_where_the_reader_is() -> None:
    week = recap.of_last_week(ACME, zone="Europe/Berlin", now=NOW)
    assert (week.first.isoformat(), week.end.isoformat()) == ("2026-11-09", "2026-11-16")
    assert week.starts_at.isoformat() == "2026-11-08T23:00:00+00:00"
    assert week.starts_at - week.before_at == timedelta(days=7)
