"""Messages that may have been posted, or not: settled by looking, or sent again and marked."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from models import delivery, lane
from models.delivery import DeliveryState
from models.lane import LEASE
from scheduler import slack as slack_module
from tests.seeds import ACME
from tests.sending import REQUIRED_SCOPES, REVENUE, WINS, Sending

S = DeliveryState
HISTORY = "conversations.history"


async def answers(line: Sending) -> list[tuple[int, str]]:
    return [(one.number, one.answer) for one in await line.attempts()]


async def test_a_lost_response_is_settled_by_the_message_s_metadata(line: Sending) -> None:
    await line.ready()
    await line.move()
    line.fault("lose_response", times=1)
    await line.drain()
    owed = await line.only()
    assert (owed.state, owed.reason) == (S.AMBIGUOUS, "the connection broke before Slack answered")

    await line.run()
    owed, [message] = await line.only(), line.messages()
    assert (owed.state, owed.message_ts, owed.may_be_repeat) == (S.DELIVERED, message.ts, False)
    assert (await answers(line))[1:] == [(2, "found in Slack")]


async def test_without_the_metadata_the_same_would_be_posted_twice(line: Sending) -> None:
    """The broken variant: Slack strips the payloads, as it does where `include_all_metadata` isn't asked for."""
    await line.ready()
    await line.move()
    line.fault("lose_response", times=1)
    await line.drain()
    for message in line.messages():
        message.metadata = None
    await line.run()
    assert len(line.messages()) == 2


async def test_the_history_is_asked_for_with_all_metadata_around_the_send(line: Sending) -> None:
    await line.ready()
    await line.move()
    line.fault("lose_response", times=1)
    sent_at = line.clock.seconds()
    await line.run()
    [asked] = [one.args for one in line.calls(HISTORY)]
    assert str(asked["include_all_metadata"]).lower() in {"1", "true"}
    assert float(asked["oldest"]) < sent_at < float(asked["latest"])


async def test_a_message_that_never_arrived_is_sent_and_is_no_repeat(line: Sending) -> None:
    await line.ready()
    await line.move()
    line.fault("drop_request", times=1)
    await line.run()
    owed = await line.only()
    assert (owed.state, owed.may_be_repeat, len(line.messages())) == (S.DELIVERED, False, 1)
    assert [answer for _, answer in (await answers(line))[1:]] == ["not found in Slack", "ok"]
    assert "repeat" not in str(line.messages()[0].blocks)


@pytest.mark.parametrize("fault", ["lose_response", "drop_request", "http_500"])
async def test_without_the_right_to_look_it_is_sent_once_more_and_says_so(line: Sending, fault: str) -> None:
    await line.ready(scopes=REQUIRED_SCOPES)
    await line.move()
    line.fault(fault, times=1)
    await line.run()
    owed = await line.only()
    assert (owed.state, owed.may_be_repeat) == (S.DELIVERED, True)
    *earlier, last = line.messages()
    assert len(earlier) == (1 if fault == "lose_response" else 0)
    assert "(may be a repeat)" in last.text
    assert not [one for one in earlier if "repeat" in one.text]
    assert line.calls(HISTORY) == []


async def test_repeats_come_ever_more_slowly_while_slack_keeps_losing_its_answers(line: Sending) -> None:
    await line.ready(scopes=REQUIRED_SCOPES)
    await line.move()
    line.fault("lose_response")
    await line.run(seconds=300)
    assert len(line.messages()) <= 8
    assert (await line.only()).state == S.AMBIGUOUS


async def die_while_sending(line: Sending, *, after_the_post: bool) -> None:
    """Leave what a worker leaves that is killed before, or right after, Slack has its message."""
    async with line.database.write() as session:
        [held] = await lane.claim(session, owner="dead", limit=1, now=line.clock.now())
        owed = (await lane.heads(session, [held.lane_id]))[held.lane_id]
        await delivery.start(session, [owed.id], now=line.clock.now())
    if after_the_post:
        post = line.slack().post
        token = line.sandbox.state.installations[line.app.id, ACME].token
        message = slack_module.Message(text="sent", blocks=[], unfurl_links=False, unfurl_media=False)
        await post(token, channel=owed.target, message=message, delivery_id=owed.id)
    await line.run(seconds=LEASE.total_seconds() - 1)
    assert (await line.only()).state == S.SENDING
    line.clock.turn(LEASE.total_seconds())


@pytest.mark.parametrize("after_the_post", [False, True])
async def test_what_a_dead_worker_was_sending_is_found_or_sent(line: Sending, *, after_the_post: bool) -> None:
    await line.ready()
    await line.move()
    await die_while_sending(line, after_the_post=after_the_post)
    await line.run()
    owed = await line.only()
    assert (owed.state, owed.may_be_repeat, len(line.messages())) == (S.DELIVERED, False, 1)


async def test_what_a_dead_worker_was_sending_is_marked_where_nobody_can_look(line: Sending) -> None:
    await line.ready(scopes=REQUIRED_SCOPES)
    await line.move()
    await die_while_sending(line, after_the_post=False)
    await line.run()
    owed = await line.only()
    assert (owed.state, owed.may_be_repeat, len(line.messages())) == (S.DELIVERED, True, 1)


async def test_a_limited_look_is_repeated_and_nothing_is_sent_unseen(line: Sending) -> None:
    """A 429 to the question is no answer to it: the message stands in Slack and must not be posted again."""
    await line.ready()
    await line.move()
    line.fault("lose_response", times=1)
    line.fault("limit", method=HISTORY, retry_after=7, times=3)
    await line.run()
    assert (len(line.messages()), (await line.only()).state) == (1, S.DELIVERED)
    looks = [one.at for one in line.calls(HISTORY)]
    assert len(looks) == 4
    assert min(after - before for before, after in pairwise(looks)) >= 7


async def test_a_token_revoked_while_looking_leaves_the_question_open_until_the_reinstall(line: Sending) -> None:
    await line.ready()
    await line.move()
    line.fault("lose_response", times=1)
    await line.drain()
    await line.sandbox.state.revoke(line.app, ACME)
    await line.run()
    assert (await line.only()).state == S.AMBIGUOUS
    await line.install()
    await line.run()
    assert (len(line.messages()), (await line.only()).state) == (1, S.DELIVERED)


async def test_a_look_that_fails_is_tried_again_ever_more_slowly(line: Sending) -> None:
    await line.ready()
    await line.move()
    line.fault("lose_response", times=1)
    line.fault("http_500", method=HISTORY, times=4)
    await line.run(seconds=300)
    looks = [one.at for one in line.calls(HISTORY)]
    waits = [after - before for before, after in pairwise(looks)]
    assert waits == sorted(waits)
    assert (len(line.messages()), (await line.only()).state) == (1, S.DELIVERED)


async def test_where_slack_refuses_the_look_it_is_sent_and_marked(line: Sending) -> None:
    """The bot was removed from the channel in between; it joins again, but can't know what stands there."""
    await line.ready()
    await line.move()
    line.fault("lose_response", times=1)
    await line.drain()
    bot = line.sandbox.state.bot(line.app.id, ACME)
    assert bot is not None
    line.sandbox.state.channels[REVENUE].members.remove(bot.id)
    await line.run()
    owed = await line.only()
    assert (owed.state, owed.may_be_repeat, len(line.messages())) == (S.DELIVERED, True, 2)
    assert "(may be a repeat)" in line.messages()[1].text


async def test_an_ambiguous_send_blocks_only_its_own_lane(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    await line.move(2)
    line.fault("lose_response", channel=REVENUE, times=1)
    await line.drain()
    line.clock.turn(1)
    await line.drain()
    assert (len(line.messages(REVENUE)), len(line.messages(WINS))) == (1, 2)
    await line.run()
    assert [len(set(line.delivery_ids(place))) for place in (REVENUE, WINS)] == [2, 2]


async def test_a_slow_slack_is_given_up_within_the_limit_and_its_late_ok_is_found(line: Sending) -> None:
    await line.ready()
    await line.move()
    line.fault("delay", seconds=0.3, times=1)
    await line.drain(line.dispatcher(timeout=0.1))
    assert (await line.only()).state == S.AMBIGUOUS
    assert (await answers(line)) == [(1, "TimeoutError")]
    for _ in range(50):
        if line.messages():
            break
        await asyncio.sleep(0.01)
    await line.run()
    assert (len(line.messages()), (await line.only()).state) == (1, S.DELIVERED)


def test_a_lease_outlasts_all_that_a_send_asks() -> None:
    assert timedelta(seconds=5 * slack_module.TIMEOUT) < LEASE
