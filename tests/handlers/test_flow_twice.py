"""Slack repeats what it believes lost: each event takes effect once, and one that failed gets its second chance."""

import asyncio
from datetime import timedelta
from typing import Any

from bot.sandbox.people import ACME, ADA, REVENUE
from models import channel
from tests.stage import Stage, both_engines

OPENED = {"type": "app_home_opened", "user": ADA, "channel": "D1", "tab": "home"}


async def name_of(stage: Stage, channel_id: str) -> Any:
    async with stage.database.read() as session:
        found = await channel.get(session, ACME, channel_id)
    return found.name if found is not None else None


async def test_the_home_tab_is_published_once(acme: Stage) -> None:
    for attempt in range(3):
        again = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"} if attempt else {}
        assert (await acme.event(OPENED, event_id="EvOPENED", headers=again)).status == 200
    assert await acme.called("views.publish") == 1


async def test_a_mention_is_answered_once(acme: Stage) -> None:
    await acme.ada.invite(REVENUE, acme.bot())
    await acme.ada.message(REVENUE, containing="I can post your MRR")
    acme.clock.ahead += timedelta(hours=1)
    event = {"type": "app_mention", "user": ADA, "channel": REVENUE, "text": "hello", "ts": "1.1"}
    for _ in range(2):
        assert (await acme.event(event, event_id="EvMENTION")).status == 200
    assert await acme.called("chat.postEphemeral") == 1


@both_engines
async def test_an_event_that_comes_five_times_at_once_takes_effect_once(acme: Stage) -> None:
    await acme.add_destination()
    event = {"type": "channel_rename", "channel": {"id": REVENUE, "name": "money"}}
    answers = await asyncio.gather(*(acme.event(event, event_id="EvRENAMED") for _ in range(5)))
    assert {answer.status for answer in answers} == {200}
    await acme.event({"type": "channel_rename", "channel": {"id": REVENUE, "name": "income"}})
    # A sixth copy, delayed by an hour, must not bring the earlier name back.
    await acme.event(event, event_id="EvRENAMED")
    assert await name_of(acme, REVENUE) == "income"


async def test_an_event_that_failed_is_handled_when_slack_sends_it_again(acme: Stage) -> None:
    await acme.browser.fault("error", method="views.publish", code="internal_error", times=1)
    home = await acme.home()
    assert "Runrate in Acme" in home.words
    await acme.sandbox.outbound.settled()
    [delivery] = [one for one in await acme.browser.deliveries() if one["event"]["type"] == "app_home_opened"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 200]
