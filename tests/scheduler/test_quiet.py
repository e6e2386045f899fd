"""Through quiet hours: nothing comes to the person meanwhile, nothing is lost, and channels are told as ever."""

from datetime import time, timedelta

import pytest

from models import balance, destination, lane, person, quiet
from models.delivery import DeliveryState
from models.quiet import Hours
from models.recipient import RecipientKind
from models.wish import Wish
from tests.seeds import ACME, NOW
from tests.sending import POST, REVENUE, Sending

DANA = "U0DANA"
MORNING = NOW + timedelta(hours=1, minutes=30)
"""When it ends to be quiet: at 11:30 in Berlin, where it is 10:00 now."""

HOURS = Hours(starts=time(9), ends=time(11, 30))


async def ready(line: Sending) -> None:
    """Let a destination tell of each movement in a channel and to Dana, for whom it is quiet now."""
    await line.install()
    await line.let_in(REVENUE)
    wish = Wish(name="All", recipients=((RecipientKind.CHANNEL, REVENUE), (RecipientKind.PERSON, DANA)))
    async with line.database.write() as session:
        await destination.create(session, ACME, wish, by="U0ADA", now=line.clock.now())
        await person.remember(session, ACME, {"id": DANA, "name": "dana", "tz": "Europe/Berlin"}, now=NOW)
    await choose(line, HOURS)


async def choose(line: Sending, hours: Hours | None) -> None:
    """Change Dana's quiet hours as the form does."""
    async with line.database.write() as session:
        if hours is None:
            await quiet.end(session, ACME, DANA, now=line.clock.now())
        else:
            await quiet.choose(session, ACME, DANA, hours, now=line.clock.now())
        await lane.hurry(session, ACME, DANA, now=line.clock.now())


async def states(line: Sending, target: str = DANA) -> list[str]:
    return [one.state for one in await line.ledger() if one.target == target]


def told(line: Sending) -> list[str]:
    """Give the deliveries that Dana got, in the order in which they came."""
    posts = [one for one in line.calls(POST) if one.args["channel"] == DANA]
    return [one.args["metadata"]["event_payload"]["delivery_id"] for one in posts]


async def test_what_happens_in_quiet_hours_comes_at_their_end_in_its_order(line: Sending) -> None:
    await ready(line)
    await line.move(2)
    await line.run(seconds=60)
    await line.move(1)
    await line.run(seconds=60)
    assert (await states(line), await states(line, REVENUE)) == (["pending"] * 3, ["delivered"] * 3)
    waiting = [one for one in await line.ledger() if one.target == DANA]
    assert {(one.due_at, one.reason) for one in waiting} == {
        (MORNING, "quiet hours until 11:30 in Europe/Berlin"),
    }
    async with line.database.read() as session:
        sums = await balance.deliveries(session)
        assert (sums.is_balanced, sums.owed, sums.of(DeliveryState.PENDING)) == (True, 6, 3)
        assert await lane.next_time(session, now=line.clock.now()) == MORNING, "nobody looks at it all the while"

    line.clock.at = MORNING - timedelta(seconds=1)
    await line.drain()
    assert told(line) == []
    await line.run(seconds=30)
    assert await states(line) == ["delivered"] * 3
    assert told(line) == [one.id for one in waiting]
    assert line.clock.now() >= MORNING + timedelta(seconds=2), "at its lane's pace"
    assert {one.reason for one in await line.ledger()} == {None}


@pytest.mark.parametrize("hours", [None, Hours(starts=time(9), ends=time(9, 30))])
async def test_shortened_or_ended_they_let_at_once_out_what_waits(line: Sending, hours: Hours | None) -> None:
    await ready(line)
    await line.move()
    await line.drain()
    assert await states(line) == ["pending"]
    await choose(line, hours)
    await line.drain()
    assert await states(line) == ["delivered"]


async def test_lengthened_they_keep_it_for_longer(line: Sending) -> None:
    await ready(line)
    await line.move()
    await choose(line, Hours(starts=time(9), ends=time(13)))
    line.clock.at = MORNING
    await line.drain()
    assert await states(line) == ["pending"]
    line.clock.at = NOW + timedelta(hours=3)
    await line.drain()
    assert await states(line) == ["delivered"]


async def test_what_waits_to_be_tried_again_is_not_tried_in_quiet_hours(line: Sending) -> None:
    await ready(line)
    await choose(line, Hours(starts=time(10, 1), ends=time(11, 30)))
    line.fault("error", code="request_timeout", times=2)
    await line.move()
    await line.drain()
    assert "retrying" in await states(line)
    tried = len(line.calls())
    line.clock.at = NOW + timedelta(minutes=30)
    await line.drain()
    assert await states(line) == ["retrying"]
    assert len(line.calls()) == tried + 1, "only the channel's"
    line.clock.at = MORNING
    await line.drain()
    assert await states(line) == ["delivered"]
