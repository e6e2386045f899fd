"""A source that falls silent for longer than its habit is told of once, and its return once."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from bot.sandbox.people import ADA
from models import person, silence, source
from models.delivery import FactKind
from models.source import Source, SourceKind
from scheduler.silences import LISTENED, Silences
from tests import seeds
from tests.seeds import ACME, NOW
from tests.sending import Sending

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEKEND = [8 * HOUR] * 14 + [60 * HOUR] + [8 * HOUR] * 9
"""Three times a day, but for the weekend."""


async def begin(line: Sending, *, kind: SourceKind = SourceKind.API) -> Source:
    """Install, with a source that has just been heard for the first time."""
    await line.install()
    origin, _ = await seeds.add_source(line.database, kind=kind)
    await heard(line, origin, line.clock.at)
    return origin


async def heard(line: Sending, origin: Source, at: datetime) -> None:
    async with line.database.write() as session:
        await source.heard_from(session, [origin.id], now=at)


async def live(line: Sending, stage: Silences, origin: Source, gaps: Iterable[timedelta]) -> None:
    """Let a source send after each of these pauses, and the stage look before and after each."""
    for gap in gaps:
        line.clock.at += gap
        await stage.look()
        await heard(line, origin, line.clock.at)
        await stage.look()


def stage_of(line: Sending) -> Silences:
    """A stage that listens long enough already."""
    stage = Silences(database=line.database, now=line.clock.now)
    line.clock.at += LISTENED
    return stage


async def wait(line: Sending, stage: Silences, span: timedelta) -> None:
    """Let time pass in silence, with looks in between and at the end."""
    for _ in range(2):
        line.clock.at += span / 2
        await stage.look()
    await line.drain()


async def told(line: Sending, kind: FactKind) -> int:
    return len([one for one in await line.ledger() if one.fact_kind == kind])


def words_to(line: Sending, user: str) -> list[str]:
    """What stands in somebody's direct messages from us."""
    places = [one for one in line.sandbox.state.channels.values() if one.kind == "im" and user in one.members]
    return [message.text for place in places for message in place.messages.values()]


@pytest.mark.parametrize(
    ("gaps", "longest"),
    [
        ([6 * HOUR] * 30, 24 * HOUR),
        ([12 * HOUR] * 16, 36 * HOUR),
        (WEEKEND, 180 * HOUR),
        ([100 * HOUR, *[8 * HOUR] * 43], 24 * HOUR),
    ],
    ids=["a day at least", "three pauses", "a weekend is a habit", "what is older than two weeks is past"],
)
@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_it_is_told_after_three_times_the_longest_pause_of_late_and_a_day_at_least(
    line: Sending, gaps: list[timedelta], longest: timedelta
) -> None:
    stage = stage_of(line)
    origin = await begin(line)
    await live(line, stage, origin, gaps)
    await wait(line, stage, longest)
    assert await told(line, FactKind.SILENCE) == 0
    await wait(line, stage, HOUR)
    assert await told(line, FactKind.SILENCE) == 1


@pytest.mark.parametrize("gaps", [[6 * HOUR] * 27, [6 * DAY] * 5], ids=["known for less than a week", "irregular"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_source_without_a_habit_is_never_told_of(line: Sending, gaps: list[timedelta]) -> None:
    stage = stage_of(line)
    origin = await begin(line)
    await live(line, stage, origin, gaps)
    await wait(line, stage, 60 * DAY)
    assert await told(line, FactKind.SILENCE) == 0


async def test_managers_hear_once_that_it_is_silent_and_once_that_it_is_back(line: Sending) -> None:
    stage, other = stage_of(line), stage_of(line)
    origin = await begin(line)
    await live(line, stage, origin, [6 * HOUR] * 30)
    fell_silent_at = line.clock.at
    line.clock.at += 2 * DAY
    for _ in range(2):
        await asyncio.gather(stage.look(), other.look())
    await line.drain()
    [first] = words_to(line, ADA)
    assert first.startswith(f"“{origin.name}” has sent nothing since <!date^{int(fell_silent_at.timestamp())}^")
    async with line.database.read() as session:
        assert [(one.id, at) for one, at in await silence.told(session, ACME)] == [(origin.id, fell_silent_at)]

    line.clock.at += HOUR
    await heard(line, origin, line.clock.at)
    await asyncio.gather(stage.look(), other.look())
    await line.drain()
    assert words_to(line, ADA)[1].startswith(f"“{origin.name}” is back: an event arrived at ")
    await wait(line, stage, 25 * HOUR)
    assert await told(line, FactKind.SILENCE) == 2, "what was told was a fault, and has not become a habit"


async def test_nobody_is_told_of_a_paused_or_removed_source(line: Sending) -> None:
    stage = stage_of(line)
    origin = await begin(line)
    await live(line, stage, origin, [6 * HOUR] * 30)
    for change in (source.pause, source.resume):
        async with line.database.write() as session:
            await change(session, await source.get(session, ACME, origin.id), by=ADA, now=line.clock.at)
        if change is source.pause:
            await wait(line, stage, 2 * DAY)
            assert await told(line, FactKind.SILENCE) == 0
    await stage.look()
    assert await told(line, FactKind.SILENCE) == 1
    async with line.database.write() as session:
        await source.remove(session, await source.get(session, ACME, origin.id), by=ADA, now=line.clock.at)
    await wait(line, stage, HOUR)
    assert words_to(line, ADA) == []
    assert await told(line, FactKind.HEARD_AGAIN) == 0
    assert [one.reason for one in await line.ledger()] == ["deleted"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_crm_in_which_nothing_changes_is_not_silent(line: Sending) -> None:
    stage = stage_of(line)
    origin = await begin(line, kind=SourceKind.HUBSPOT)
    await live(line, stage, origin, [6 * HOUR] * 30)
    await wait(line, stage, 4 * DAY)
    assert await told(line, FactKind.SILENCE) == 0


async def test_a_process_that_did_not_listen_itself_tells_nobody_of_the_time_before(line: Sending) -> None:
    stage = stage_of(line)
    origin = await begin(line)
    await live(line, stage, origin, [6 * HOUR] * 30)
    line.clock.at += 3 * DAY
    started = Silences(database=line.database, now=line.clock.now)
    await started.look()
    assert await told(line, FactKind.SILENCE) == 0
    line.clock.at += LISTENED
    for _ in range(2):
        await started.look()
    assert await told(line, FactKind.SILENCE) == 1


async def test_who_is_gone_is_not_told(line: Sending) -> None:
    stage = stage_of(line)
    origin = await begin(line)
    async with line.database.write() as session:
        await person.name_managers(session, ACME, ["U0GONE", "U0NEW"], by=ADA, now=NOW)
        await person.remember(session, ACME, {"id": "U0GONE", "name": "Gone", "deleted": True}, now=NOW)
    await live(line, stage, origin, [6 * HOUR] * 30)
    line.clock.at += 2 * DAY
    for _ in range(2):
        await stage.look()
    assert sorted(one.target for one in await line.ledger()) == [ADA, "U0NEW"]
