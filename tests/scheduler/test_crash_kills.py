"""Worker processes are killed with `kill -9` again and again: nothing is lost, nothing stands there twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.database import Database
from tests.crashing import CarelessSlack, Death, DyingSlack, Findings, Moment, Storm, TrustingSlack, Witness
from tests.sending import sending

KILLS = {"sqlite": 60, "postgresql": 140}
DELIVERIES = {"sqlite": 320, "postgresql": 680}
LAST_POST = 6
"""A worker dies in one of its first so many posts."""


@pytest.fixture
async def storm(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Storm]:
    log = tmp_path / "workers.log"
    async with sending(database, kind=Witness) as line, Storm(line, database_url, log).brewing() as storm:
        yield storm


async def test_nothing_is_lost_or_doubled_however_often_workers_are_killed(storm: Storm, engine_name: str) -> None:
    """Test 1: `kill -9` after the claim, before the write, before the answer, before the commit, and at any instant."""
    each = KILLS[engine_name] // len(Moment)
    moments = list(Moment) * each
    storm.chance.shuffle(moments)
    deaths = [Death(moment, post=storm.chance.randint(1, LAST_POST)) for moment in moments]
    # SQLite has one worker at a time; PostgreSQL any number, of which the others go on where one dies.
    together = 1 if storm.line.database.is_sqlite else 4
    for first in range(0, len(deaths), together):
        await storm.rage(deaths[first : first + together])
    while storm.owed < DELIVERIES[engine_name]:
        await storm.receive()

    assert await storm.judge() == Findings(lost=set(), doubled=set(), unsettled=[])
    assert storm.kills == dict.fromkeys(Moment, each)


@pytest.mark.parametrize(
    ("slack", "moment", "wrong"),
    [(CarelessSlack, Moment.ACCEPTED, "doubled"), (TrustingSlack, Moment.CONNECTED, "lost")],
)
async def test_a_worker_that_does_not_look_is_found_out(
    storm: Storm, slack: type[DyingSlack], moment: Moment, wrong: str
) -> None:
    """The broken variants of test 1: what was in doubt is always sent again, or never."""
    storm.slack = slack
    await storm.rage([Death(moment, post=3)])
    assert getattr(await storm.judge(), wrong)
