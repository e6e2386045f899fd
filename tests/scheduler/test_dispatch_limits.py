"""429s and other refusals that pass by themselves: Slack says when, and nobody else has to wait."""

from datetime import timedelta

import pytest

from bot.sandbox import Limits
from models.database import Database
from models.delivery import DeliveryState
from models.merge import SINGLY
from tests.seeds import GLOBEX
from tests.sending import REVENUE, SALES, WINS, Sending, sending

S = DeliveryState


async def test_a_429_delays_its_lane_by_what_slack_says(line: Sending) -> None:
    """Test 11: a channel's 429 delays that channel alone."""
    await line.ready(REVENUE, WINS)
    await line.move(2)
    line.fault("limit", channel=REVENUE, retry_after=30, times=1)
    await line.run(seconds=29)
    assert (len(line.messages(REVENUE)), len(line.messages(WINS))) == (0, 2)
    limited, *_ = [one for one in await line.ledger() if one.target == REVENUE]
    assert (limited.state, limited.reason, limited.fix) == (S.RETRYING, "Slack asks us to send slower", None)
    await line.run(seconds=10)
    assert len(line.messages(REVENUE)) == 2


async def test_429s_on_two_lanes_pause_the_workspace_and_no_other(line: Sending) -> None:
    """Test 11: other workspaces are not delayed."""
    await line.ready(REVENUE, WINS)
    await line.destination("C0GENERAL", name="General")
    await line.let_in("C0GENERAL")
    await line.install(GLOBEX)
    await line.let_in(SALES, workspace=GLOBEX)
    await line.destination(SALES, workspace=GLOBEX)
    await line.move(2)
    line.fault("limit", channel=REVENUE, retry_after=20, times=1)
    line.fault("limit", channel=WINS, retry_after=20, times=1)
    await line.drain()
    await line.move(2, workspace=GLOBEX)
    await line.run(seconds=19)
    assert len(line.messages("C0GENERAL")) == 1
    assert len(line.messages(SALES)) == 2
    await line.run(seconds=20)
    line.clock.turn(20)
    await line.run()
    assert {one.state for one in await line.ledger()} == {S.DELIVERED}


async def test_under_slack_s_own_limits_a_backlog_arrives_whole(database: Database) -> None:
    """Test 17, where the workspace's limit is reached before the channels'."""
    async with sending(database, limits=Limits(burst=2, workspace_messages=16)) as line:
        await line.ready(REVENUE, WINS)
        await line.move(12)
        for _ in range(3):
            await line.run(seconds=60)
            line.clock.turn(30)
        assert [len(set(line.delivery_ids(place))) for place in (REVENUE, WINS)] == [12, 12]
        assert [len(line.messages(place)) for place in (REVENUE, WINS)] == [12, 12]


@pytest.mark.parametrize("code", ["service_unavailable", "request_timeout"])
async def test_what_passes_by_itself_is_tried_again_soon(line: Sending, code: str) -> None:
    await line.ready()
    await line.move()
    line.fault("error", code=code, times=2)
    started = line.clock.now()
    await line.run()
    assert (await line.only()).state == S.DELIVERED
    assert line.clock.now() - started < timedelta(seconds=8)


async def test_slack_out_of_reach_is_tried_again_and_nothing_is_in_doubt(line: Sending) -> None:
    await line.ready()
    await line.move()
    port, at = int(line.sandbox.url.rsplit(":", 1)[1]), line.dispatcher()
    await line.sandbox.stop()
    await line.drain(at)
    owed = await line.only()
    assert (owed.state, owed.reason) == (S.RETRYING, "Slack can't be reached")
    await line.sandbox.start(port=port)
    await line.run(at)
    owed = await line.only()
    assert (owed.state, owed.may_be_repeat, len(line.messages())) == (S.DELIVERED, False, 1)


async def test_an_unknown_code_is_kept_and_said_in_the_ledger(line: Sending) -> None:
    await line.ready()
    await line.move()
    line.fault("error", code="a_code_from_the_future")
    await line.run(seconds=20)
    owed = await line.only()
    assert (owed.state, owed.reason) == (S.RETRYING, "Slack refused the message")
    assert {one.answer for one in await line.attempts()} == {"a_code_from_the_future"}
    line.sandbox.faults.clear()
    await line.run(seconds=900)
    assert (await line.only()).state == S.DELIVERED


async def test_a_message_that_slack_refuses_for_good_fails_and_lets_the_next_pass(line: Sending) -> None:
    await line.ready()
    await line.move(2)
    line.fault("error", code="msg_too_long", times=1)
    await line.run()
    first, second = await line.ledger()
    assert (first.state, second.state) == (S.FAILED, S.DELIVERED)
    assert "report" in str(first.fix)


async def test_each_channel_is_told_as_fast_as_slack_allows_and_no_faster(database: Database) -> None:
    """Test 17: beside no 429 stands hardly any time in which a channel could have been told something, and was not."""
    places = [REVENUE, WINS, "C0GENERAL"]
    async with sending(database, limits=Limits(burst=1, workspace_messages=0)) as line:
        await line.ready(*places)
        await line.move(SINGLY)
        await line.run()
        assert {one.status for one in line.calls()} == {200}
        for place in places:
            posted = [float(one.ts) for one in line.messages(place)]
            assert len(posted) == SINGLY
            assert posted[-1] - posted[0] <= (SINGLY - 1) / 0.95


async def test_a_429_is_known_to_every_worker(line: Sending) -> None:
    """Test 11: it is shared across workers."""
    await line.ready()
    await line.move(2)
    line.fault("limit", retry_after=30, times=1)
    await line.drain(line.dispatcher("first"))
    for worker in ("first", "second", "third"):
        await line.run(line.dispatcher(worker), seconds=5)
    assert [one.status for one in line.calls()] == [429]
    await line.run(line.dispatcher("second"), seconds=30)
    assert [one.status for one in line.calls()] == [429, 200, 200]
