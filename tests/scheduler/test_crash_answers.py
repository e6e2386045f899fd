"""Answers are lost, late or bad: the local Slack counts each message once, and sees each retry."""

import ast
import random
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import update

from bot.sandbox import Fault
from bot.sandbox.faults import Faults
from models import lane
from models.delivery import Delivery, DeliveryState
from scheduler.decisions import RETRY_FIRST
from scheduler.slack import Slack
from tests.crashing import until
from tests.seeds import ACME
from tests.sending import ALL_SCOPES, OLD_NEWS, POST, REQUIRED_SCOPES, REVENUE, WINS, Sending

S = DeliveryState
ROOT = Path(__file__).parents[2]
CHANNELS, FACTS = 20, 10


class LosingAnswers(Faults):
    """Loses five of a hundred answers to a post; what was posted stands there."""

    def __init__(self) -> None:
        super().__init__()
        self._chance = random.Random(2)

    def next(self, method: str, *, workspace_id: str | None, channels: Iterable[str]) -> Fault | None:
        if method == POST and self._chance.random() < 0.05:
            return Fault("lose_response")
        return super().next(method, workspace_id=workspace_id, channels=channels)


def lost(line: Sending) -> Counter[str]:
    """Count the lost answers, by the delivery's id."""
    return Counter(
        one.answer["message"]["metadata"]["event_payload"]["delivery_id"] for one in line.calls() if one.fault
    )


async def send_while_answers_get_lost(line: Sending, *, scopes: tuple[str, ...] = ALL_SCOPES) -> None:
    await line.ready_for_many(CHANNELS, scopes=scopes)
    await line.move(FACTS)
    line.sandbox.faults = LosingAnswers()


async def test_where_one_answer_in_twenty_gets_lost_each_message_stands_there_once(line: Sending) -> None:
    """Test 2: what was posted though its answer got lost is found by its metadata."""
    await send_while_answers_get_lost(line)
    await line.run(seconds=3600)
    ledger = await line.ledger()
    assert len(lost(line)) >= 5
    assert line.posted() == {one.id: 1 for one in ledger}
    assert len(ledger) == CHANNELS * FACTS
    assert {(one.state, one.may_be_repeat) for one in ledger} == {(S.DELIVERED, False)}


async def test_without_the_right_to_look_each_lost_answer_costs_one_marked_repeat(line: Sending) -> None:
    """Test 2: where nobody can look, a repeat is better than a loss; message and ledger say that it may be one."""
    await send_while_answers_get_lost(line, scopes=REQUIRED_SCOPES)
    await line.run(seconds=3600)
    ledger, again = await line.ledger(), lost(line)
    assert len(again) >= 5
    assert line.posted() == {one.id: 1 + again[one.id] for one in ledger}
    assert {one.id for one in ledger if one.may_be_repeat} == again.keys()
    marked = [one for one in line.calls() if "(may be a repeat)" in str(one.args["text"])]
    assert len(marked) == again.total()
    assert {one.state for one in ledger} == {S.DELIVERED}


async def test_messages_whose_metadata_slack_does_not_show_are_posted_twice(line: Sending) -> None:
    """Test 3: the broken variant of 2, as if `include_all_metadata` weren't asked for. What got lost is doubled."""
    await send_while_answers_get_lost(line)
    line.fault("no_metadata", method="conversations.history")
    await line.run(seconds=3600)
    doubled = {one for one, times in line.posted().items() if times > 1}
    assert doubled == lost(line).keys() != set()


class RetryingSlack(Slack):
    """A deliberately broken one: the SDK's client as it comes, which repeats a call after a connection error."""

    async def _say(self, method: str, token: str, asked: dict[str, Any]) -> dict[str, Any]:
        client = AsyncWebClient(base_url=self._client.base_url, session=self._session)
        answer: Any = await client.api_call(method, headers={"Authorization": f"Bearer {token}"}, json=asked)
        return {**answer.data}


@pytest.mark.parametrize(("kind", "posts"), [(Slack, 1), (RetryingSlack, 2)])
async def test_a_connection_reset_posts_nothing_by_itself_again(line: Sending, kind: type[Slack], posts: int) -> None:
    """Test 4: to post again is ours to decide. Beside it the broken variant, with the SDK's own retry handler."""
    await line.ready()
    await line.move()
    line.fault("lose_response", times=1)
    await line.drain(line.dispatcher(slack=kind(line.http, base_url=f"{line.sandbox.url}/api/")))
    assert (len(line.calls()), len(line.messages())) == (posts, posts)


def test_no_client_of_ours_repeats_a_call_by_itself() -> None:
    """Test 4: wherever a client is made, its retry handlers are left out."""
    made = [
        node
        for package in ("bot", "handlers", "scheduler")
        for path in (ROOT / package).rglob("*.py")
        if path.parent.name != "bench"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "AsyncWebClient"
    ]
    told = [{word.arg: ast.unparse(word.value) for word in node.keywords} for node in made]
    assert len(told) >= 5
    assert [words for words in told if words.get("retry_handlers") != "[]"] == []


def posts_by_channel(line: Sending) -> Counter[str]:
    return Counter(str(one.args["channel"]) for one in line.calls())


async def test_only_the_channel_that_failed_is_tried_again(line: Sending) -> None:
    """Test 14: of one fact's three messages, the archived channel's is tried again and again, the others never."""
    await line.ready(REVENUE, WINS, OLD_NEWS)
    await line.move()
    await line.run(seconds=100)
    tries = posts_by_channel(line)
    assert (tries[REVENUE], tries[WINS]) == (1, 1)
    assert tries[OLD_NEWS] >= 4
    assert (len(line.messages(REVENUE)), len(line.messages(WINS)), len(line.messages(OLD_NEWS))) == (1, 1, 0)


async def test_a_retry_of_all_that_a_destination_sent_is_seen(line: Sending) -> None:
    """The broken variant of test 14: where one channel fails, the whole fact is owed again to all of them."""
    await line.ready(REVENUE, WINS, OLD_NEWS)
    await line.move()
    await line.drain()
    async with line.database.write() as session:
        await session.execute(update(Delivery).values(state=S.PENDING, due_at=line.clock.now()))
    line.clock.turn(10)
    async with line.database.write() as session:
        for place in (REVENUE, WINS, OLD_NEWS):
            await lane.hurry(session, ACME, place, now=line.clock.now())
    await line.run(seconds=100)
    tries = posts_by_channel(line)
    assert (tries[REVENUE], tries[WINS]) == (2, 2)


async def test_an_answer_that_comes_after_our_deadline_is_no_loss_and_no_repeat(line: Sending) -> None:
    """Test 16: we hung up; Slack took its time, posted, and said `ok` to nobody. Each of the late ones is found."""
    channels = await line.ready_for_many(5)
    await line.move()
    line.fault("delay", seconds=0.4, times=len(channels))
    await line.drain(line.dispatcher(timeout=0.1))
    assert {(one.state, one.reason) for one in await line.ledger()} == {
        (S.AMBIGUOUS, "the connection broke before Slack answered")
    }
    await until(lambda: len(line.posted()) == len(channels))
    await line.run()
    ledger = await line.ledger()
    assert line.posted() == {one.id: 1 for one in ledger}
    assert {(one.state, one.may_be_repeat) for one in ledger} == {(S.DELIVERED, False)}
    assert {one.answer.get("ok") for one in line.calls()} == {True}


class SwallowingSlack(Slack):
    """A deliberately broken one: it catches what Slack refuses, so that nothing above it ever tries again."""

    async def post(self, *args: Any, **kwargs: Any) -> tuple[str, str]:
        try:
            return await super().post(*args, **kwargs)
        except Exception:  # noqa: BLE001
            return str(kwargs["channel"]), "1.0"


async def test_a_retry_really_reaches_slack(line: Sending) -> None:
    """Test 29: three refusals and a success are four calls, counted by the local Slack, each a longer while apart."""
    await line.ready()
    await line.move()
    line.fault("error", code="service_unavailable", times=3)
    await line.run()
    assert [one.answer.get("error", "ok") for one in line.calls()] == ["service_unavailable"] * 3 + ["ok"]
    waits = [after.at - before.at for before, after in pairwise(line.calls())]
    assert waits == sorted(waits)
    assert waits[0] >= RETRY_FIRST.total_seconds()
    assert [(one.number, one.answer) for one in await line.attempts()] == [
        (1, "service_unavailable"),
        (2, "service_unavailable"),
        (3, "service_unavailable"),
        (4, "ok"),
    ]
    assert len(line.messages()) == 1


async def test_a_retry_that_never_fires_is_found_out(line: Sending) -> None:
    """The broken variant of test 29: the ledger says delivered, and the local Slack counted one call and no message."""
    await line.ready()
    await line.move()
    line.fault("error", code="service_unavailable", times=3)
    slack = SwallowingSlack(line.http, base_url=f"{line.sandbox.url}/api/")
    await line.run(line.dispatcher(slack=slack))
    assert (await line.only()).state == S.DELIVERED
    assert (len(line.calls()), line.messages(REVENUE)) == (1, [])
